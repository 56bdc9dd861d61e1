import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { Source } from "@tsbake/base";
import { Datastore, evaluateFile, type EvaluationHost } from "@tsbake/datastore";
import { parseFile } from "@tsbake/language";
import { build, needs, problems } from "../support/graphs.js";
import { recipe } from "../support/recipes.js";
import { temporaryFolder } from "../support/temporary.js";

/** For metadata that includes nothing and has no Python. */
const noHost: EvaluationHost = {
  load: () => undefined,
  warn: () => {},
  python: () => {
    throw new Error("no Python here");
  },
};

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
    const file = join(temporaryFolder("test"), "a_1.0.bb");
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

  test("stands for what other tasks of the recipe miss there", () => {
    const recipes = [
      recipe("ext", {
        do_image: { depends: "base-image:do_pkgdb_snapshot", after: "do_rootfs" },
        do_rootfs: { requires: "base-image:GEN=1" },
      }),
    ];
    for (const other of [base("0"), recipe("unrelated", {})]) {
      const found = problems(() => build([...recipes, other], "ext:do_image"));
      expect(found.map(({ code }) => code)).toEqual(["graph/requirement"]);
    }
  });

  test("says what to set where, and where the wrong value was set", async () => {
    const file = join(temporaryFolder("test"), "base.bb");
    await writeFile(file, '# a base\nGEN = "0"\n');
    const other = recipe("base-image", {}, { facts: { GEN: { value: "0", at: { file, line: 2 } } } });
    const [problem] = problems(() => build([ext, other], "ext:do_rootfs"));
    expect(problem?.text).toContain(`note: GEN of \`base-image\` is set here\n --> ${file}:2:1`);
    expect(problem?.help).toBe(
      'set GEN = "1" in /layer/base-image_1.0.bb (or in the configuration, for all), or let ext name another recipe than `base-image`',
    );
  });

  test("a variable that is named like a part of JavaScript is a variable", () => {
    const recipes = [recipe("a", { do_x: { requires: "b:constructor=1" } }), recipe("b", {})];
    expect(problems(() => build(recipes, "a:do_x"))).toMatchObject([{ code: "graph/requirement" }]);
    expect(problems(() => build(recipes, "a:constructor"))).toMatchObject([{ code: "graph/unknown-task" }]);
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
    const file = join(temporaryFolder("test"), "a.bb");
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
        `help: take one of these away: a:do_x needs b:do_y (do_x[depends], ${file}:1); b:do_y needs c:do_z (do_y[deptask], DEPENDS); c:do_w needs a:do_x (do_w[depends])`,
      ].join("\n"),
    );
  });

  /** Text of the recipe, its task and DEPENDS as the graph sees them, and what the message marks. */
  test.each<[string, string, Parameters<typeof recipe>[1][string], Parameters<typeof recipe>[2], string]>([
    ["[depends]", 'do_x[depends] = "b:do_y"', { depends: "b:do_y" }, {}, "b"],
    ["[rdepends]", 'do_x[rdepends] = "b:do_y"', { rdepends: "b:do_y" }, { rdepends: { a: "b" } }, "b"],
    ["[mcdepends]", 'do_x[mcdepends] = "mc:::b:do_y"', { mcdepends: "mc:::b:do_y" }, {}, "b"],
    ["[deptask]", 'DEPENDS = "host-tool b"', { deptask: "do_y" }, { depends: "host-tool b" }, "b"],
    ["[rdeptask]", 'RDEPENDS:a = "c-bin"', { rdeptask: "do_y" }, { rdepends: { a: "c-bin" } }, "c-bin"],
    ["nothing that can be named", "", { deptask: "do_y" }, { depends: "b" }, "do_x() {"],
  ])("mark what made the step: %s", async (_what, text, task, fields, marked) => {
    const file = join(temporaryFolder("test"), "a.bb");
    const metadata = `SUMMARY = "b c-bin do_x"\n${text}\ndo_x() {\n:\n}\n`;
    await writeFile(file, metadata);
    const d = new Datastore();
    evaluateFile(parseFile(new Source(file, metadata), "recipe"), d, noHost);
    const a = recipe("a", { do_x: { ...task, at: { file, line: 3 } }, do_build: { after: "do_x" } }, fields);
    const b = recipe("b", { do_y: { depends: "a:do_x" } }, { packages: "b c-bin" });
    const openRecipe = (id: string) => (id === a.id ? d : new Datastore());
    const [found] = problems(() => build([a, b], "a", { openRecipe }));
    const lines = found!.text.split("\n");
    expect(lines[0]).toContain("a:do_x → b:do_y → a:do_x");
    const at = lines.findIndex((line) => line.startsWith(" --> "));
    const [, column, length] = /\|( *)(\^+)$/.exec(lines[at + 3]!)!.map((part) => part.length);
    expect(lines[at + 2]!.split("|")[1]!.slice(column, column! + length!)).toBe(marked);
    expect(lines[at]).toContain(`${file}:${text === "" ? 3 : 2}:`);
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
    // Within one recipe, its own order is what can be changed.
    expect(found[0]?.help).toBe(
      "take one of these away: a:do_1 needs a:do_2 (addtask); a:do_2 needs a:do_1 (addtask)",
    );
    expect(found.map(({ message }) => message)).toEqual([
      "tasks wait for each other: a:do_1 → a:do_2 → a:do_1",
      "tasks wait for each other: a:do_p → a:do_q → a:do_p",
    ]);
  });
});
