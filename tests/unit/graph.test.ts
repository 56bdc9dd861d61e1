import { describe, expect, test } from "@jest/globals";
import { buildTaskGraph } from "@tsbake/graph";
import { openProviders } from "@tsbake/recipe";
import fc from "fast-check";
import { build, edges, needs, order, problems } from "../support/graphs.js";
import { makeProject, recipe, type RecipeText } from "../support/recipes.js";

describe("edges", () => {
  test("addtask: a task needs those it comes after, and a missing one is no problem", () => {
    const graph = build([recipe("a", { do_fetch: {}, do_build: { after: "do_fetch do_nothing" } })], "a");
    expect(edges(graph)).toEqual({ "a:do_fetch": [], "a:do_build": ["a:do_fetch by addtask"] });
  });

  test("[deptask]: the task of every DEPENDS, where there is one", () => {
    const graph = build(
      [
        recipe("a", { do_build: { deptask: "do_stage do_other" } }, { depends: "b c virtual/d host-tool" }),
        recipe("b", { do_stage: {}, do_build: {} }),
        recipe("c", { do_build: {} }),
        recipe("dd", { do_stage: {} }, { provides: "virtual/d" }),
        // Assumed to be there, so nobody asks for the recipe.
        recipe("host-tool", { do_stage: {} }),
      ],
      "a",
    );
    expect(edges(graph)["a:do_build"]).toEqual([
      "b:do_stage by do_build[deptask], DEPENDS",
      "dd:do_stage by do_build[deptask], DEPENDS",
    ]);
    expect(order(graph)).not.toContain("b:do_build");
  });

  test("[rdeptask]: the task of every RDEPENDS and RRECOMMENDS of all packages, missing recommendations left out", () => {
    const graph = build(
      [
        recipe(
          "a",
          { do_build: { rdeptask: "do_package" } },
          { rdepends: { a: "b-tools", "a-dev": "c" }, rrecommends: { a: "d nobody" } },
        ),
        recipe("b", { do_package: {} }, { packages: "b b-tools" }),
        recipe("c", { do_package: {} }),
        recipe("d", { do_package: {} }),
      ],
      "a",
    );
    expect(needs(graph, "a:do_build")).toEqual(["b:do_package", "c:do_package", "d:do_package"]);
  });

  test("[depends] and [rdepends]: named tasks of named recipes and packages", () => {
    const graph = build(
      [
        recipe("a", {
          do_build: {
            depends: "virtual/b:do_x host-tool:do_y a:do_first a:do_build",
            rdepends: "c-bin:do_z",
          },
          do_first: {},
        }),
        recipe("bb", { do_x: {} }, { provides: "virtual/b" }),
        recipe("c", { do_z: {} }, { packages: "c-bin" }),
      ],
      "a",
    );
    expect(edges(graph)["a:do_build"]).toEqual([
      "a:do_first by do_build[depends]",
      "bb:do_x by do_build[depends]",
      "c:do_z by do_build[rdepends]",
    ]);
  });

  test("a recipe that no task needs is not looked at, whatever is wrong with it", () => {
    const graph = build(
      [
        recipe(
          "a",
          { do_fetch: {}, do_build: { after: "do_fetch", deptask: "do_build" } },
          { depends: "nobody" },
        ),
      ],
      "a:do_fetch",
    );
    expect(order(graph)).toEqual(["a:do_fetch"]);
  });

  test("noexec tasks are tasks", () => {
    const graph = build(
      [recipe("a", { do_build: { after: "do_x", noexec: true }, do_x: { noexec: true } })],
      "a",
    );
    expect(order(graph)).toEqual(["a:do_x", "a:do_build"]);
  });

  test("a task name with a dash at its end stands for what the task needs", () => {
    const graph = build(
      [recipe("a", { do_x: {}, do_y: {}, do_build: { after: "do_x do_y" } })],
      "a:do_build-",
    );
    expect(order(graph)).toEqual(["a:do_x", "a:do_y"]);
    expect(graph.targets.map((task) => graph.label(task))).toEqual(["a:do_x", "a:do_y"]);
  });
});

describe("recursive dependencies", () => {
  const chain = [
    recipe(
      "image",
      { do_rootfs: { recrdeptask: "do_write" }, do_build: { after: "do_rootfs" } },
      { depends: "b", rdepends: { image: "p" } },
    ),
    recipe(
      "b",
      { do_compile: { deptask: "do_compile" }, do_write: { after: "do_compile" } },
      { depends: "c" },
    ),
    recipe("c", { do_fetch: {}, do_compile: { after: "do_fetch" }, do_write: { after: "do_compile" } }),
    recipe("p", { do_write: { rdeptask: "do_write" } }, { rdepends: { p: "q" } }),
    recipe("q", { do_compile: {}, do_write: { after: "do_compile" } }),
    recipe("unrelated", { do_write: {} }),
  ];

  test("[recrdeptask] that names its own task does not look below that task again", () => {
    const graph = build(
      [
        recipe("a", {
          do_b: {},
          do_d: { after: "do_b" },
          do_c: { after: "do_d", depends: "b:do_a", recrdeptask: "do_b do_c" },
        }),
        recipe("b", { do_a: {}, do_b: {} }),
      ],
      "a:do_c",
    );
    expect(needs(graph, "a:do_c")).toEqual(["a:do_b", "a:do_d", "b:do_a"]);
  });

  test("[recrdeptask]: of what DEPENDS and RDEPENDS name, and of every recipe below", () => {
    expect(needs(build(chain, "image"), "image:do_rootfs")).toEqual([
      "b:do_write",
      "c:do_write",
      "p:do_write",
      "q:do_write",
    ]);
  });

  test("recursive tasks of a circle of RDEPENDS do not wait for each other", () => {
    const graph = build(
      [
        recipe("a", { do_all: { recrdeptask: "do_all do_write" }, do_write: {} }, { rdepends: { a: "b" } }),
        recipe(
          "b",
          { do_all: { recrdeptask: "do_all do_write", after: "do_write" }, do_write: {} },
          { rdepends: { b: "a" } },
        ),
      ],
      "a:do_all",
    );
    expect(needs(graph, "a:do_all")).toEqual(["a:do_write", "b:do_write"]);
  });

  test("recursive tasks take over from recursive tasks what they ask for themselves", () => {
    const graph = build(
      [
        recipe("a", { do_top: { recrdeptask: "do_write", depends: "b:do_mid" } }),
        recipe("b", { do_mid: { recrdeptask: "do_write do_lic" } }, { depends: "c" }),
        recipe("c", { do_compile: {}, do_write: { after: "do_compile" }, do_lic: {} }),
      ],
      "a:do_top",
    );
    expect(needs(graph, "b:do_mid")).toEqual(["c:do_lic", "c:do_write"]);
    expect(needs(graph, "a:do_top")).toEqual(["b:do_mid", "c:do_write"]);
  });

  test("[recideptask]: looks below a local task without needing it", () => {
    const graph = build(
      [
        recipe("a", {
          do_sdk: { recrdeptask: "do_write", recideptask: "do_rootfs" },
          do_rootfs: { depends: "b:do_compile" },
        }),
        recipe("b", { do_fetch: {}, do_compile: { after: "do_fetch" }, do_write: {} }),
      ],
      "a:do_sdk",
    );
    expect(needs(graph, "a:do_sdk")).toEqual(["b:do_write"]);
    expect(order(graph)).not.toContain("a:do_rootfs");
  });

  /** What the definition says, by a walk for each task: slow and plain. */
  function byDefinition(recipes: readonly RecipeText[], start: string): Set<string> {
    const byName = new Map(recipes.map((one) => [one.pn, one]));
    const direct = ({ pn, task }: { pn: string; task: string }) => {
      const { depends, tasks } = byName.get(pn)!;
      const deptask = tasks[task]?.deptask?.[0];
      return [
        ...(tasks[task]?.after ?? []).map((name) => ({ pn, task: name })),
        ...(deptask === undefined ? [] : depends.map((other) => ({ pn: other, task: deptask }))),
      ];
    };
    const below = new Set<string>();
    const seen = new Set<string>();
    const walk = (from: { pn: string; task: string }) => {
      for (const need of direct(from)) {
        below.add(need.pn);
        const key = `${need.pn}:${need.task}`;
        if (!seen.has(key)) {
          seen.add(key);
          walk(need);
        }
      }
    };
    const needed = new Set(byName.get(start)!.depends);
    for (const name of needed) {
      seen.clear();
      below.clear();
      walk({ pn: name, task: "do_write" });
      for (const other of below) needed.add(other);
    }
    needed.delete(start);
    return needed;
  }

  test("are what their definition says, on graphs made at random", () => {
    const graphs = fc.array(fc.array(fc.nat({ max: 11 }), { maxLength: 3 }), {
      minLength: 12,
      maxLength: 12,
    });
    fc.assert(
      fc.property(graphs, (lists) => {
        const recipes = lists.map((list, number) =>
          recipe(
            `r${number}`,
            {
              do_compile: { deptask: "do_compile" },
              do_write: { after: "do_compile" },
              do_all: { recrdeptask: "do_write" },
            },
            {
              depends: list
                .filter((other) => other < number)
                .map((other) => `r${other}`)
                .join(" "),
            },
          ),
        );
        const graph = build(recipes, "r11:do_all");
        const found = needs(graph, "r11:do_all")?.map((label) => label?.split(":")[0]);
        expect(new Set(found)).toEqual(byDefinition(recipes, "r11"));
      }),
      { numRuns: 200 },
    );
  });
});

describe("targets", () => {
  const two = [
    recipe(
      "a",
      { do_fetch: {}, do_build: { after: "do_fetch", deptask: "do_build" }, do_lint: {} },
      { depends: "b" },
    ),
    recipe("b", { do_fetch: {}, do_build: { after: "do_fetch" }, do_lint: { depends: "c:do_fetch" } }),
    recipe("c", { do_fetch: {}, do_lint: {} }),
  ];

  test("--runall: the task of every recipe at work, of those it brings in as well", () => {
    const graph = build(two, "a", { runAll: ["do_lint"] });
    expect(order(graph)).toEqual(["a:do_lint", "c:do_fetch", "b:do_lint", "c:do_lint"]);
    expect(graph.targets.map((task) => graph.label(task)).sort()).toEqual([
      "a:do_lint",
      "b:do_lint",
      "c:do_lint",
    ]);
  });

  test("--runonly: of what is at work, only this", () => {
    expect(order(build(two, "a", { runOnly: ["do_fetch"] }))).toEqual(["a:do_fetch", "b:do_fetch"]);
  });

  test.each([
    [{ runAll: ["do_lnt"] }, "no recipe that the targets need has a task `do_lnt` (--runall)"],
    [{ runOnly: ["do_fetc"] }, "no recipe that the targets need has a task `do_fetc` (--runonly)"],
  ])("an option that finds no task says so: %j", (options, message) => {
    const [problem] = problems(() => build(two, "a", options));
    expect(problem).toMatchObject({ code: "graph/no-such-task", message });
    expect(problem?.help).toMatch(/^is `do_/);
  });

  test("an unknown task is told with near ones", () => {
    expect(problems(() => build(two, "a:do_fecth"))).toMatchObject([
      { code: "graph/unknown-task", message: "`a` has no task `do_fecth`", help: "is `do_fetch` meant?" },
    ]);
    expect(problems(() => build(two, "c:do_something_else"))).toMatchObject([
      { code: "graph/unknown-task", help: "/layer/c_1.0.bb has do_fetch, do_lint" },
    ]);
  });

  test("all unknown targets are told at once", () => {
    expect(problems(() => build(two, "nobody x:do_build")).map(({ code }) => code)).toEqual([
      "recipe/nothing-provides",
      "recipe/nothing-provides",
    ]);
  });

  test("two versions of one recipe cannot be in one build", () => {
    const recipes = [
      recipe("a", { do_build: { depends: "b:do_build old-b:do_build" } }),
      recipe("b", { do_build: {} }),
      recipe("b", { do_build: {} }, { version: "0.9", provides: "old-b" }),
    ];
    const project = makeProject(recipes, {});
    const providers = openProviders(project);
    const pinned = {
      ...bound(providers),
      findBuild: (name: string) =>
        name === "old-b"
          ? [...project.recipes.keys()].find((id) => id.includes("0.9"))
          : providers.findBuild(name),
    };
    const found = problems(() =>
      buildTaskGraph({ project, providers: pinned, targets: [{ name: "a", task: "do_build" }] }),
    );
    expect(found).toMatchObject([
      { code: "graph/two-versions", help: "set PREFERRED_VERSION_b to the one that all can use" },
    ]);
  });

  test("two recipes that provide the same cannot, unless that is allowed", () => {
    const recipes = (name: string) => [
      recipe("a", { do_build: { depends: "b:do_build c:do_build" } }),
      recipe("b", { do_build: {} }, { provides: name }),
      recipe("c", { do_build: {} }, { provides: name }),
    ];
    expect(build(recipes("virtual/allowed"), "a").order).toHaveLength(3);
    const [problem] = problems(() => build(recipes("virtual/x"), "a"));
    expect(problem?.code).toBe("graph/duplicate-provider");
    expect(problem?.message).toContain("`virtual/x`: b (/layer/b_1.0.bb, needed by a:do_build); c (");
  });
});

function bound(providers: ReturnType<typeof openProviders>) {
  return {
    build: providers.build.bind(providers),
    runtime: providers.runtime.bind(providers),
    findBuild: providers.findBuild.bind(providers),
    findRuntime: providers.findRuntime.bind(providers),
    isAssumedProvided: providers.isAssumedProvided.bind(providers),
  };
}

describe("the order", () => {
  test("has needed tasks first and does not depend on the order of recipes", () => {
    const lists = fc.array(fc.array(fc.nat({ max: 9 }), { maxLength: 4 }), { minLength: 10, maxLength: 10 });
    fc.assert(
      fc.property(lists, fc.boolean(), (numbers, isReversed) => {
        const recipes = numbers.map((list, number) =>
          recipe(
            `r${number}`,
            { do_fetch: {}, do_build: { deptask: "do_build", after: "do_fetch" } },
            {
              depends: list
                .filter((other) => other < number)
                .map((other) => `r${other}`)
                .join(" "),
            },
          ),
        );
        const targets = recipes.map(({ pn }) => pn);
        const graph = build(recipes, targets.join(" "));
        const position = new Map(graph.order.map((task, index) => [task, index]));
        for (const task of graph.order) {
          for (const need of graph.needs(task)) expect(position.get(need)!).toBeLessThan(position.get(task)!);
          expect(graph.graph.outNeighbors(task).sort()).toEqual([...graph.needs(task)].sort());
        }
        const again = build(isReversed ? recipes.toReversed() : recipes, targets.toReversed().join(" "));
        expect(again.order).toEqual(graph.order);
      }),
    );
  });

  test("does not overflow the stack on long chains", () => {
    const chain = Array.from({ length: 5_000 }, (_, number) =>
      recipe(
        `r${number}`,
        { do_build: { deptask: "do_build", recrdeptask: number === 0 ? "do_build" : "" } },
        { depends: number < 4_999 ? `r${number + 1}` : "" },
      ),
    );
    const graph = build(chain, "r0");
    expect(order(graph).at(-1)).toBe("r0:do_build");
    expect(graph.needs(graph.targets[0]!)).toHaveLength(4_999);
  });
});
