/** The page of `tsbake -g`: its script runs here on a document of our own. */
import { createContext, runInContext } from "node:vm";
import { describe, expect, test } from "@jest/globals";
import { graphPage } from "@tsbake/engine";
import type { GraphData } from "@tsbake/engine";

/** As much of an element as the script uses. */
class Element {
  readonly attributes = new Map<string, string>();
  children: (Element | string)[] = [];
  readonly #listeners = new Map<string, (event: object) => void>();

  set textContent(text: string) {
    this.children = [text];
  }
  setAttribute(name: string, value: unknown): void {
    this.attributes.set(name, String(value));
  }
  append(...children: (Element | string)[]): void {
    this.children.push(...children);
  }
  appendChild(child: Element): Element {
    this.children.push(child);
    return child;
  }
  replaceChildren(...children: (Element | string)[]): void {
    this.children = children;
  }
  addEventListener(name: string, listener: (event: object) => void): void {
    this.#listeners.set(name, listener);
  }
  scrollIntoView(): void {}
  fire(name: string, event: object = {}): void {
    this.#listeners.get(name)!(event);
  }
  text(): string {
    return this.children
      .map((child) => (typeof child === "string" ? child : child.text()))
      .join(" ")
      .trim();
  }
  find(isWanted: (one: Element) => boolean): Element | undefined {
    for (const child of this.children) {
      if (typeof child === "string") continue;
      const found = isWanted(child) ? child : child.find(isWanted);
      if (found) return found;
    }
    return undefined;
  }
}

const task = (name: string, ...needs: string[]) => ({ name, needs });
const recipe = (name: string, level: number, ...tasks: ReturnType<typeof task>[]) => ({
  name,
  version: "1.0-r0",
  file: `/r/${name}.bb`,
  layer: "core",
  level,
  tasks,
});
const data: GraphData = {
  format: 1,
  targets: ["image:do_build"],
  recipes: [
    recipe("image", 2, task("do_build", "image:do_rootfs"), task("do_rootfs", "tool:do_package")),
    recipe("libc", 0, task("do_install")),
    recipe("other</script><b>", 0, task("do_install")),
    recipe("tool", 1, task("do_compile", "libc:do_install"), task("do_package", "tool:do_compile")),
  ],
};

function open(hash = "") {
  const ids = new Map(["search", "count", "drawing", "detail"].map((id) => [id, new Element()]));
  const page = graphPage(data);
  const script = /<script>([^]*?)<\/script>/.exec(page)![1]!;
  const document = {
    createElement: () => new Element(),
    createElementNS: () => new Element(),
    getElementById: (id: string) => ids.get(id),
  };
  const location = { hash };
  runInContext(script, createContext({ document, location }));
  const box = (name: string) =>
    ids.get("drawing")!.find((one) => one.children.length === 2 && one.text() === name)!;
  const classes = () => data.recipes.map(({ name }) => box(name).attributes.get("class"));
  return { ids, page, box, classes, location, detail: ids.get("detail")! };
}

describe("the page of a graph", () => {
  test("opens on the target, with what it needs marked, and names as text", () => {
    const { page, classes, detail, ids } = open();
    expect(ids.get("count")!.text()).toBe("4 recipes, 6 tasks");
    expect(classes()).toEqual(["selected", "faded", "faded", "need"]);
    expect(detail.text()).toMatch(/^image 1\.0-r0 \/r\/image\.bb \(core\) do_build needs: image:do_rootfs/);
    expect(page).not.toContain("<b>");
    expect(page).not.toMatch(/https?:\/\/(?!www\.w3\.org\/2000\/svg)/);
  });

  test("a click shows a recipe, with what it needs and what needs it", () => {
    const { box, classes, detail, location } = open();
    (box("tool").children[0] as Element).fire("click");
    expect(classes()).toEqual(["user", "need", "faded", "selected"]);
    expect(detail.text()).toMatch(/do_package needs: tool:do_compile needed by: image:do_rootfs$/);
    expect(location.hash).toBe("tool");
    expect(open("#libc").classes()).toEqual(["faded", "selected", "faded", "user"]);
  });

  test("the search finds recipes and tasks", () => {
    const { ids, classes, detail } = open();
    ids.get("search")!.fire("input", { target: { value: "too" } });
    expect(classes()).toEqual(["faded", "faded", "faded", ""]);
    expect(detail.text()).toBe("tool:do_compile tool:do_package");
    const found = detail.find((one) => one.children[0] === "tool:do_package")!;
    found.fire("click");
    expect(detail.text()).toMatch(/^tool 1\.0-r0/);
  });
});
