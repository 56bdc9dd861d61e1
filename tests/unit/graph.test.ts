import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { BuildError, render } from "@tsbake/base";
import { buildTaskGraph, type GraphOptions, type TaskGraph } from "@tsbake/graph";
import { openProviders } from "@tsbake/recipe";
import fc from "fast-check";
import { makeProject, recipe, type RecipeText } from "../support/recipes.js";

function build(recipes: readonly RecipeText[], targets: string, more: Partial<GraphOptions> = {}): TaskGraph {
  const project = makeProject(recipes, {
    BB_MULTI_PROVIDER_ALLOWED: "virtual/allowed",
    ASSUME_PROVIDED: "host-tool",
  });
  return buildTaskGraph({
    project,
    providers: openProviders(project),
    targets: targets.split(" ").map((text) => {
      const [name = "", task = "do_build"] = text.split(":");
      return { name, task };
    }),
    ...more,
  });
}

/** `a:do_x` to what it needs and why, all of the graph. */
function edges(graph: TaskGraph): Record<string, string[]> {
  return Object.fromEntries(
    graph.order.map((task) => [
      graph.label(task),
      graph.needs(task).map((need) => {
        const { why } = graph.graph.getEdgeAttributes(task, need);
        return `${graph.label(need)} by ${why}`;
      }),
    ]),
  );
}

const needs = (graph: TaskGraph, label: string) => edges(graph)[label]?.map((edge) => edge.split(" by ")[0]);
const order = (graph: TaskGraph) => graph.order.map((task) => graph.label(task));

function problems(run: () => unknown): { code: string; message: string; help?: string; text: string }[] {
  try {
    run();
  } catch (error) {
    if (error instanceof BuildError) return error.diagnostics.map((one) => ({ ...one, text: render(one) }));
    throw error;
  }
  return [];
}

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

describe("mistakes in flags", () => {
  const b = recipe("b", { do_populate_sysroot: {}, do_compile: {} });
  test.each([
    [
      "depends",
      "b",
      "graph/depends-form",
      "do_x[depends] of `a` has `b`, which is not of the form `recipe:do_task`",
    ],
    ["depends", "b:do_x:y", "graph/depends-form", "do_x[depends] of `a` has `b:do_x:y`"],
    ["rdepends", ":do_x", "graph/depends-form", "do_x[rdepends] of `a` has `:do_x`"],
    ["depends", "b:do_compil", "graph/missing-task", "names `b:do_compil`, and `b` has no such task"],
    ["depends", "nobody:do_x", "recipe/nothing-provides", "no recipe provides `nobody`, which `a` needs"],
    [
      "rdepends",
      "nobody:do_x",
      "recipe/nothing-rprovides",
      "no recipe makes a package `nobody`, which `a` needs",
    ],
    ["mcdepends", "b:do_compile", "graph/multiconfig-form", "not of the form `mc:FROM:TO:recipe:do_task`"],
    ["mcdepends", "mc::other:b:do_compile", "graph/unknown-multiconfig", "there is no configuration `other`"],
    ["mcdepends", "mc:::b:do_nothing", "graph/missing-task", "`b` has no such task"],
    ["requires", "b=1", "graph/requires-form", "do_x[requires] of `a` has `b=1`"],
    ["requires", "b:X", "graph/requires-form", "not of the form `recipe:VARIABLE=value`"],
  ])("[%s] = %j: %s", (flag, word, code, message) => {
    const found = problems(() => build([recipe("a", { do_x: { [flag]: word } }), b], "a:do_x"));
    expect(found.map((one) => one.code)).toEqual([code]);
    expect(found[0]?.message).toContain(message);
    expect(found[0]?.help).toBeTruthy();
  });

  test("[mcdepends] between configurations that are there", () => {
    expect(
      needs(
        build([recipe("a", { do_x: { mcdepends: "mc:::b:do_compile mc:x::b:do_nothing" } }), b], "a:do_x"),
        "a:do_x",
      ),
    ).toEqual(["b:do_compile"]);
  });

  test("a missing task is told with near ones and where it was asked for", async () => {
    const file = join(await mkdtemp(join(tmpdir(), "tsbake-")), "a_1.0.bb");
    await writeFile(file, 'SUMMARY = "a"\ndo_x[depends] = "b:do_compil"\ndo_x() {\n');
    const found = problems(() =>
      build([recipe("a", { do_x: { depends: "b:do_compil", at: { file, line: 3 } } }), b], "a:do_x"),
    );
    expect(found[0]?.text).toBe(
      [
        "error[graph/missing-task]: do_x[depends] of `a` names `b:do_compil`, and `b` has no such task",
        ` --> ${file}:3:1`,
        "  |",
        "3 | do_x() {",
        "  | ^^^^^^^^",
        "help: is `do_compile` meant? /layer/b_1.0.bb has do_populate_sysroot, do_compile; inherit the class that adds `do_compil`, or correct do_x[depends]",
      ].join("\n"),
    );
  });

  test("all mistakes are told at once, each once", () => {
    const found = problems(() =>
      build(
        [
          recipe(
            "a",
            {
              do_x: { depends: "b:no", after: "do_y", deptask: "do_z" },
              do_y: { depends: "b", deptask: "do_z" },
            },
            { depends: "nobody" },
          ),
          b,
        ],
        "a:do_x",
      ),
    );
    expect(found.map(({ code }) => code).sort()).toEqual([
      "graph/depends-form",
      "graph/missing-task",
      "recipe/nothing-provides",
    ]);
  });
});

describe("[requires]", () => {
  const base = (gen: string | undefined, tasks = {}) =>
    recipe(
      "base-image",
      { do_rootfs: {}, ...tasks },
      { facts: gen === undefined ? {} : { GEN: { value: gen } } },
    );
  const ext = recipe("ext", {
    do_rootfs: { requires: "base-image:GEN=1", depends: "base-image:do_pkgdb_snapshot" },
  });

  test("that holds says nothing", () => {
    expect(build([ext, base("1", { do_pkgdb_snapshot: {} })], "ext:do_rootfs").order).toHaveLength(2);
  });

  test.each([
    [
      "another value",
      base("0"),
      '`ext:do_rootfs` needs `base-image` to have GEN = "1", but GEN is `0` there',
    ],
    [
      "no value",
      base(undefined),
      '`ext:do_rootfs` needs `base-image` to have GEN = "1", but GEN is not set there',
    ],
    [
      "no recipe",
      recipe("base-imagine", {}),
      '`ext:do_rootfs` needs a recipe `base-image` with GEN = "1", and no recipe provides `base-image`',
    ],
  ])("%s: one message, instead of those that follow from it", (_, other, message) => {
    const found = problems(() => build([ext, other], "ext:do_rootfs"));
    expect(found).toMatchObject([{ code: "graph/requirement", message }]);
  });

  test("says what to set where, and where the wrong value was set", async () => {
    const file = join(await mkdtemp(join(tmpdir(), "tsbake-")), "base.bb");
    await writeFile(file, '# a base\nGEN = "0"\n');
    const other = recipe("base-image", {}, { facts: { GEN: { value: "0", at: { file, line: 2 } } } });
    const [problem] = problems(() => build([ext, other], "ext:do_rootfs"));
    expect(problem?.text).toContain(`note: GEN of \`base-image\` is set here\n --> ${file}:2:1`);
    expect(problem?.help).toBe(
      'set GEN = "1" in /layer/base-image_1.0.bb (or in the configuration, for all), or let ext name another recipe than `base-image`',
    );
  });

  test("a value may be empty or hold colons and equals signs", () => {
    const recipes = (facts: Record<string, { value: string }>) => [
      recipe("a", { do_x: { requires: "b:X=a:b=c" } }),
      recipe("b", {}, { facts }),
    ];
    expect(problems(() => build(recipes({ X: { value: "a:b=c " } }), "a:do_x"))).toEqual([]);
    expect(problems(() => build(recipes({ X: { value: "a" } }), "a:do_x"))).toHaveLength(1);
  });
});

describe("circles", () => {
  test("are told as a path through recipes, with the reason and place of each step", async () => {
    const file = join(await mkdtemp(join(tmpdir(), "tsbake-")), "a.bb");
    await writeFile(file, "do_x() {\n:\n}\n");
    const found = problems(() =>
      build(
        [
          recipe("a", { do_x: { depends: "b:do_y", at: { file, line: 1 } }, do_build: { after: "do_x" } }),
          recipe("b", { do_y: { deptask: "do_z" }, do_fetch: {} }, { depends: "c" }),
          recipe("c", { do_z: { after: "do_w" }, do_w: { depends: "a:do_x b:do_fetch" } }),
        ],
        "a",
      ),
    );
    expect(found).toHaveLength(1);
    expect(found[0]?.text).toBe(
      [
        "error[graph/cycle]: tasks wait for each other: a:do_x → b:do_y → c:do_z → c:do_w → a:do_x",
        "note: `a:do_x` needs `b:do_y`: do_x[depends]",
        ` --> ${file}:1:1`,
        "  |",
        "1 | do_x() {",
        "  | ^^^^^^^^",
        `help: take one of these away: a:do_x needs b:do_y (do_x[depends], ${file}:1); b:do_y needs c:do_z (do_y[deptask], DEPENDS); c:do_z needs c:do_w (addtask); c:do_w needs a:do_x (do_w[depends])`,
      ].join("\n"),
    );
  });

  test("separate ones are told separately, the shortest way around each", () => {
    const found = problems(() =>
      build(
        [
          recipe("a", {
            do_build: { after: "do_1 do_p" },
            do_1: { after: "do_2 do_3" },
            do_2: { after: "do_1" },
            do_3: { after: "do_2" },
            do_p: { after: "do_q" },
            do_q: { after: "do_p" },
          }),
        ],
        "a",
      ),
    );
    expect(found.map(({ message }) => message)).toEqual([
      "tasks wait for each other: a:do_1 → a:do_2 → a:do_1",
      "tasks wait for each other: a:do_p → a:do_q → a:do_p",
    ]);
  });
});

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
    const chain = Array.from({ length: 20_000 }, (_, number) =>
      recipe(
        `r${number}`,
        { do_build: { deptask: "do_build", recrdeptask: number === 0 ? "do_build" : "" } },
        { depends: number < 19_999 ? `r${number + 1}` : "" },
      ),
    );
    const graph = build(chain, "r0");
    expect(order(graph).at(-1)).toBe("r0:do_build");
    expect(graph.needs(graph.targets[0]!)).toHaveLength(19_999);
  });
});
