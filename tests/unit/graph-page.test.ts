/** The page of `tsbake -g`: how a graph is laid out, what is told of it, and what a real browser makes of it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "@jest/globals";
import { criticalPath, DoneNotes, graphPage, layOut, readLastDone, reduced } from "@tsbake/engine";
import type { GraphData, GraphRecipe, GraphTask, Layout, LayoutEdge } from "@tsbake/engine";
import type { TaskId } from "@tsbake/graph";
import fc from "fast-check";
import { Browser, browserMissing } from "../support/browser.js";
import { expectReadable } from "../support/page-checks.js";
import { testUnless } from "../support/skip.js";
import { temporaryFolder } from "../support/temporary.js";

const HEIGHT = 28;

/** Points of a path of `M`, `H` and `C`, close to each other. */
function pointsOf(path: string): [number, number][] {
  const points: [number, number][] = [];
  let [x, y] = [0, 0];
  for (const [, command, text] of path.matchAll(/([MHC])([^MHC]+)/g)) {
    const numbers = text!.trim().split(/\s+/).map(Number);
    const [x0, y0] = [x, y];
    const [x1 = 0, y1 = 0, x2 = 0, y2 = 0, x3 = 0, y3 = 0] = numbers;
    [x, y] = command === "C" ? [x3, y3] : [x1, command === "H" ? y0 : y1];
    if (command === "M") continue;
    for (let step = 0; step <= 40; step++) {
      const [t, u] = [step / 40, 1 - step / 40];
      const at = (a: number, b: number, c: number, d: number): number =>
        u ** 3 * a + 3 * u * u * t * b + 3 * u * t * t * c + t ** 3 * d;
      points.push(command === "C" ? [at(x0, x1, x2, x3), at(y0, y1, y2, y3)] : [x0 + (x1 - x0) * t, y0]);
    }
  }
  return points;
}

/** Boxes that a line crosses, and boxes that lie over each other. */
function faultsOf({ boxes, lines }: Layout): string[] {
  const inside = (x: number, y: number, at: number): boolean => {
    const box = boxes[at]!;
    return x > box.x && x < box.x + box.width && y > box.y && y < box.y + HEIGHT;
  };
  const crossed = lines.flatMap((path, line) => {
    const points = pointsOf(path);
    return boxes.flatMap((_box, at) =>
      points.some(([x, y]) => inside(x, y, at)) ? [`line ${line} crosses box ${at}`] : [],
    );
  });
  const over = boxes.flatMap((box, at) =>
    boxes
      .slice(at + 1)
      .filter(({ x, y, width }) => x < box.x + box.width && box.x < x + width && Math.abs(y - box.y) < HEIGHT)
      .map(() => `box ${at} lies over another one`),
  );
  return [...crossed, ...over];
}

/** Graphs of up to 14 boxes; some lines go against the order, as between recipes that need tasks of each other. */
const graphs = fc
  .array(fc.record({ width: fc.integer({ min: 20, max: 300 }) }), { minLength: 2, maxLength: 14 })
  .chain((boxes) => {
    const number = fc.nat({ max: boxes.length - 1 });
    const edges = fc.uniqueArray(
      fc.tuple(number, number).filter(([from, to]) => from !== to),
      { maxLength: 40, selector: ([from, to]) => from * 100 + to },
    );
    return fc.record({
      boxes: fc.constant(boxes),
      edges: edges.map((all) => all.map(([from, to]) => ({ from, to }))),
    });
  });

describe("the layout of a graph", () => {
  test("has no line across a box, and no box over another", () => {
    fc.assert(
      fc.property(graphs, ({ boxes, edges }) => {
        const layout = layOut({ boxes, boxHeight: HEIGHT, edges })!;
        expect(faultsOf(layout)).toEqual([]);
        for (const { x, y, width } of layout.boxes) {
          expect(x >= 0 && y >= 0 && x + width <= layout.width && y + HEIGHT <= layout.height).toBe(true);
        }
        for (const [at, { from, to }] of edges.entries()) {
          const points = pointsOf(layout.lines[at]!);
          const [left, right] = from < to ? [from, to] : [to, from];
          const [start, end] = [layout.boxes[left]!, layout.boxes[right]!];
          expect(points[0]).toEqual([start.x + start.width, expect.closeTo(start.y + HEIGHT / 2, 0)]);
          expect(points.at(-1)).toEqual([end.x, expect.closeTo(end.y + HEIGHT / 2, 0)]);
        }
      }),
      { numRuns: 40 },
    );
  });

  test("leaves out lines that follow from others, and no more", () => {
    fc.assert(
      fc.property(graphs, ({ boxes, edges }) => {
        const forward = edges.filter(({ from, to }) => from < to);
        const left = reduced(boxes.length, edges, () => false);
        expect(left.filter(({ from, to }) => from > to)).toEqual(edges.filter(({ from, to }) => from > to));
        const leftForward = left.filter(({ from, to }) => from < to);
        expect(reachOf(leftForward)).toEqual(reachOf(forward));
        for (const edge of leftForward)
          expect(reachOf(leftForward.filter((one) => one !== edge))).not.toEqual(reachOf(leftForward));
        expect(reduced(boxes.length, edges, () => true)).toEqual(edges);
      }),
      { numRuns: 40 },
    );
  });

  test("is none for what nobody could look at", () => {
    const boxes = Array.from({ length: 400 }, () => ({ width: 50 }));
    const chain = boxes.slice(1).map((_box, from): LayoutEdge => ({ from, to: from + 1 }));
    expect(layOut({ boxes, boxHeight: HEIGHT, edges: chain })).toBeDefined();
    const long = boxes.slice(1).map((_box, from): LayoutEdge => ({ from, to: 399 }));
    expect(layOut({ boxes, boxHeight: HEIGHT, edges: [...chain, ...long] })).toBeUndefined();
  });
});

/** `from to` of all that are reached. */
function reachOf(edges: readonly LayoutEdge[]): string[] {
  const found = new Set<string>();
  const visit = (start: number, at: number): void => {
    for (const { from, to } of edges) {
      if (from !== at || found.has(`${start} ${to}`)) continue;
      found.add(`${start} ${to}`);
      visit(start, to);
    }
  };
  for (const { from } of edges) visit(from, from);
  return [...found].sort();
}

test("the critical path is the longest way by times, and none where nothing took any", () => {
  const task = (name: string, elapsedMs: number, ...needs: string[]) => ({ name, elapsedMs, needs });
  const tasks = [
    task("a", 5),
    task("b", 1),
    task("c", 2, "a"),
    task("d", 7, "b"),
    task("e", 1, "c", "d"),
    task("f", 0, "e"),
  ];
  expect(criticalPath(tasks)).toEqual({ tasks: ["b", "d", "e"], elapsedMs: 9 });
  expect(criticalPath(tasks.map((one) => ({ ...one, elapsedMs: 0 })))).toEqual({ tasks: [], elapsedMs: 0 });
});

test("how a task was done the last time stays: what is up to date changes nothing, and neither does a build without work", async () => {
  const folder = temporaryFolder("last-done");
  const name = (label: string) => ({ task: label as TaskId, label });
  const first = new DoneNotes(folder);
  first.see({ type: "task-finished", ...name("a:do_x"), elapsedMs: 12.6 });
  first.see({ type: "task-skipped", ...name("b:do_x"), reason: "restored", elapsedMs: 3 });
  first.see({ type: "task-skipped", ...name("c:do_x"), reason: "covered", elapsedMs: 0 });
  first.see({ type: "task-skipped", ...name("e:do_x"), reason: "noexec", elapsedMs: 0 });
  await first.save();
  const second = new DoneNotes(folder);
  second.see({ type: "task-skipped", ...name("b:do_x"), reason: "covered", elapsedMs: 0 });
  second.see({ type: "task-skipped", ...name("a:do_x"), reason: "current", elapsedMs: 0 });
  await second.save();
  const third = await readLastDone(folder);
  expect(["a", "b", "c", "d", "e"].map((one) => third.get(`${one}:do_x`))).toEqual([
    { how: "run", elapsedMs: 13 },
    { how: "restore", elapsedMs: 3 },
    { how: "covered", elapsedMs: 0 },
    undefined,
    { how: "noexec", elapsedMs: 0 },
  ]);
  for (const broken of ["{", '{"format":1,"tasks":{"a:do_x":{"how":"magic","elapsedMs":1}}}']) {
    writeFileSync(join(folder, "last-done.json"), broken);
    expect((await readLastDone(folder)).get("a:do_x")).toBeUndefined();
  }
});

const task = (name: string, last: GraphTask["last"], ...needs: string[]): GraphTask => ({
  name,
  needs,
  ...(last && { last }),
});
const recipe = (name: string, level: number, ...tasks: GraphTask[]): GraphRecipe => ({
  name,
  version: "1.0-r0",
  file: `/r/${name}.bb`,
  layer: "core",
  level,
  tasks,
});
const HOSTILE = "other</script><b>\"'&<!--";
const data: GraphData = {
  format: 1,
  targets: ["image:do_build"],
  recipes: [
    recipe(
      "image",
      2,
      task("do_build", undefined, "image:do_rootfs"),
      task("do_rootfs", { how: "run", elapsedMs: 4200 }, "tool:do_package"),
    ),
    recipe("libc", 0, task("do_install", { how: "restore", elapsedMs: 90 })),
    recipe(HOSTILE, 0, task("do_install", { how: "covered", elapsedMs: 0 })),
    recipe(
      "tool",
      1,
      task("do_compile", { how: "run", elapsedMs: 800 }, "libc:do_install"),
      task("do_package", { how: "run", elapsedMs: 70 }, "tool:do_compile", "libc:do_install"),
    ),
  ],
  criticalPath: {
    tasks: ["libc:do_install", "tool:do_compile", "tool:do_package", "image:do_rootfs"],
    elapsedMs: 5160,
  },
};

describe("the page of a graph", () => {
  test("says what the colours are of, and has names as text", () => {
    const page = graphPage(data);
    expect(page).not.toContain("<b>");
    expect(page).toContain("other&#60;/script&#62;");
    expect(page).not.toMatch(/https?:\/\//);
    const text = page
      .replace(/<script[^]*/, "")
      .replaceAll(/<style[^]*?<\/style>|<[^>]*>/g, "")
      .replaceAll(/\s+/g, " ");
    expect(text).toContain("4 recipes, 6 tasks");
    for (const words of ["ran (3)", "came from the cache (1)", "not built yet (1)", "critical path (5.2 s)"])
      expect(text).toContain(words);
    expect(page.match(/class="box [^"]*"/g)!.toSorted()).toEqual(
      // Four recipes, then six tasks.
      `run critical,run critical,restore critical,covered,
      unknown,run critical,run critical,run critical,restore critical,covered`
        .split(/,\s*/)
        .map((kind) => `class="box ${kind}"`)
        .toSorted(),
    );
  });

  test("says that nothing is known of times, and that there are too many tasks", () => {
    const { criticalPath: _path, ...untimed } = data;
    expect(graphPage(untimed)).toContain("No times are known yet");
    const many = Array.from({ length: 601 }, (_one, at) => task(`do_${at}`, undefined));
    const page = graphPage({ ...untimed, recipes: [recipe("image", 0, ...many)] });
    expect(page).toContain("601 tasks are too many to draw");
    expect(page).not.toContain('data-shows="tasks"');
  });

  testUnless(
    browserMissing,
    "in a browser: keys reach everything, an address selects, a search finds, a small graph fills its place",
    async () => {
      const path = join(temporaryFolder("graph-page"), "graph.html");
      writeFileSync(path, graphPage(data));
      const url = pathToFileURL(path).href;
      await using browser = await Browser.start();
      await expectReadable(browser, url);
      // At the width of a desk. It has few tasks, which are drawn first.
      const ask = (expression: string): Promise<unknown> => browser.evaluate(expression);
      const detail = "document.getElementById('detail').innerText.replaceAll(/\\s+/g, ' ')";
      const kinds = (svg: string) =>
        ask(`Object.fromEntries([...document.querySelectorAll("#${svg} .box")].map((one) =>
          [one.dataset.name, ["selected", "need", "user", "faded"].find((kind) => one.classList.contains(kind)) ?? ""]))`);
      // The browser tells of a new address when it has time for it.
      const isSelected = (name: string) =>
        ask(`new Promise((resolve) => {
          const look = () => document.querySelector('.box.selected[data-name="${name}"]') ? resolve() : setTimeout(look, 10);
          look();
        })`);
      expect(await ask("document.querySelector('main').dataset.shown")).toBe("tasks");
      expect(
        await ask(`(({ width, height }, place) => Math.max(width / place.width, height / place.height))(
          document.getElementById("tasks").getBoundingClientRect(), document.getElementById("drawing").getBoundingClientRect())`),
      ).toBeGreaterThan(0.9);
      expect(await ask(detail)).toMatch(/^Critical path .* libc:do_install 90 ms .* image:do_rootfs 4\.2 s$/);

      await ask(`document.querySelector('[data-name="tool:do_compile"]').focus()`);
      await browser.press("Enter", "\r");
      await isSelected("tool:do_compile");
      expect(await ask("decodeURIComponent(location.hash)")).toBe("#tool:do_compile");
      expect(await ask(detail)).toMatch(
        /^tool 1\.0-r0 \/r\/tool\.bb \(core\) do_compile ran 0\.8 s needs: libc:do_install/,
      );
      expect(await kinds("tasks")).toMatchObject({
        "tool:do_compile": "selected",
        "libc:do_install": "need",
        "tool:do_package": "user",
        "image:do_build": "faded",
      });
      await ask(`location.hash = ""`);
      await ask(`document.querySelector('[data-shows="recipes"]').click()`);
      await ask(
        `document.querySelector('#recipes [data-name="tool"]').dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, view: window }))`,
      );
      await isSelected("tool");
      expect(await kinds("recipes")).toEqual({
        image: "user",
        libc: "need",
        tool: "selected",
        [HOSTILE]: "faded",
      });

      await ask(
        `((one) => { one.value = "do_pack"; one.dispatchEvent(new Event("input")); })(document.getElementById("search"))`,
      );
      expect(await ask(detail)).toBe("tool:do_package");
      expect(browser.complaints).toEqual([]);
    },
    60_000,
  );
});
