/** `tsbake` as a person types it, on the layer meta-toy: targets, options and queries. */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import type { GraphData } from "@tsbake/engine";
import { builtToy, EARLY_TASKS, tasksOf } from "../support/toy.js";

const toy = builtToy();

const BUILT = ["compile", "configure", ...EARLY_TASKS];
const WHOLE = [...BUILT, "deploy", "install", "populate_sysroot"];

describe("targets", () => {
  test("without one, those of the project file; a second time there is nothing to do", async () => {
    const again = await toy.tsbake([]);
    expect(again.code).toBe(0);
    expect(again.stdout).toMatch(/^nothing to do: all \d+ tasks of page are up to date/);
    expect(again.stdout).toContain("build/tmp/deploy/toy/\n  page\n");
    expect(toy.rig.read("build/tmp/deploy/toy/page")).toBe(
      "stamped: HELLO, WORLD!\ngreeting\nshout\nshout.owner\n",
    );
  });

  test("one task of a recipe in two spellings, then the rest of it and another recipe", async () => {
    toy.recipe("one");
    toy.recipe("two");
    const compiled = await toy.built(["one:do_compile"]);
    expect(compiled.ran).toEqual(tasksOf("one", BUILT));
    expect((await toy.built(["-c", "compile", "one"])).ran).toEqual([]);
    const both = await toy.built(["one", "two"]);
    expect(both.ran).toEqual([
      ...tasksOf("one", ["deploy", "install", "populate_sysroot"]),
      ...tasksOf("two", WHOLE),
    ]);
  });

  test("what BBCLASSEXTEND makes of a recipe is a recipe, with its own folder", async () => {
    const native = await toy.built(["stamper-native:do_install", "stamper:do_install"]);
    expect(native.ran).toEqual(tasksOf("stamper", ["install", ...BUILT]));
    const pathOf = (machine: string, pn: string) =>
      toy.rig.path(`build/tmp/work/${machine}/${pn}/1.0/image/usr/bin/stamper`);
    const [target, host] = [readdirSync(toy.rig.path("build/tmp/work")), "stamper-native"];
    expect(target.some((machine) => existsSync(pathOf(machine, host)))).toBe(true);
    expect(target.some((machine) => existsSync(pathOf(machine, "stamper")))).toBe(true);
  });

  test.each([
    [
      ["stampr"],
      /error\[recipe\/nothing-provides\]: no recipe provides `stampr`\nhelp: is `stamper` meant\?/,
    ],
    [
      ["shout:do_compil"],
      /error\[graph\/unknown-task\]: `shout` has no task `do_compil`\nhelp: .*`do_compile`/,
    ],
    [
      ["-C", "instal", "shout"],
      /error\[engine\/no-task-to-clear\]: .*`do_instal`.*\nhelp: is `do_install` meant/,
    ],
    [["-c", "instal", "shout"], /`shout` has no task `do_instal`\nhelp: .*`do_install`/],
  ])("%j is answered with what may be meant", async (args, expected) => {
    const result = await toy.tsbake(args);
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(expected);
  });
});

describe("running again", () => {
  test("-f runs the target task, and what depends on it follows; -c clean takes the taint away", async () => {
    const forced = await toy.built(["-f", "-c", "compile", "shout"]);
    expect(forced.ran).toEqual(["shout:do_compile"]);
    const after = await toy.built([]);
    expect(after.ran).toEqual([
      ...tasksOf("page", [
        "compile",
        "configure",
        "deploy",
        "install",
        "populate_sysroot",
        "prepare_recipe_sysroot",
      ]),
      ...tasksOf("shout", ["install", "populate_sysroot"]),
    ]);
    expect((await toy.built([])).ran).toEqual([]);
    expect((await toy.built(["-c", "clean", "shout"])).ran).toEqual(["shout:do_clean"]);
    expect((await toy.built([])).output).not.toContain("run/tainted");
  });

  test("-C runs the named tasks and builds the target", async () => {
    const cleared = await toy.built(["-C", "compile", "stamper"]);
    expect(cleared.ran).toEqual(
      expect.arrayContaining(tasksOf("stamper", ["compile", "deploy", "install", "populate_sysroot"])),
    );
    const again = await toy.built(["-C", "install,populate_sysroot", "stamper"]);
    expect(again.ran).toEqual(tasksOf("stamper", ["deploy", "install", "populate_sysroot"]));
    await toy.built(["-c", "clean", "stamper"]);
  });

  // As in BitBake, a dry run marks the tasks of -f and -C: the next build runs them.
  test.each([
    [[], []],
    [["-f"], ["page.do_build.taint", "planned.do_build.taint"]],
    [
      ["-C", "compile"],
      ["page.do_compile.taint", "planned.do_compile.taint"],
    ],
  ])("-n with %j runs nothing", async (more, marks) => {
    toy.recipe("planned");
    toy.configure('SHOUT_END = "?"\n');
    const state = async () => [
      ...(await toy.rig.digests("build/tmp")),
      ...(await toy.rig.digests("build/sstate-cache")),
    ];
    const before = await state();
    const dry = await toy.tsbake(["-n", ...more, "page", "planned"]);
    expect(dry.code).toBe(0);
    expect(dry.stdout).toMatch(/shout do_compile[^]*dry run after .*: \d+ would run/);
    const names = new Set(before.map(([path]) => path));
    const after = await state();
    const added = after.map(([path]) => path).filter((path) => !names.has(path));
    expect(added.map((path) => path.replace(/^.*stamps\/[^/]*\/(\w+)\/[^/]*?\.(do_)/, "$1.$2"))).toEqual(
      marks,
    );
    expect(after.filter(([path]) => names.has(path))).toEqual(before);
    await toy.built(["-c", "clean", "page"]);
  });

  test("-k goes on with what does not depend on the failure, and tells of it in the end", async () => {
    toy.recipe("breaks", "do_compile() {\n    false\n}\n");
    toy.recipe("needs-it", 'DEPENDS = "breaks"\n');
    toy.recipe("alone", 'do_configure[depends] = "breaks:do_configure"\n');
    const going = await toy.trace(["-k", "needs-it", "alone"]);
    expect(going.code).toBe(1);
    expect(going.ran).toEqual(expect.arrayContaining(["alone:do_deploy", "needs-it:do_patch"]));
    expect(going.ran).not.toContain("needs-it:do_compile");
    expect(going.ran).not.toContain("breaks:do_install");
  });
});

describe("which tasks", () => {
  test("--runall takes a task of all recipes in the graph, --runonly those of its tasks only", async () => {
    toy.recipe("inner");
    toy.recipe("outer", 'DEPENDS = "inner"\n');
    const all = await toy.built(["--runall", "unpack", "outer"]);
    expect(all.ran).toEqual([
      ...tasksOf("inner", ["fetch", "unpack"]),
      ...tasksOf("outer", ["fetch", "unpack"]),
    ]);
    const only = await toy.built(["--runonly", "deploy", "outer"]);
    expect(only.ran).toContain("outer:do_deploy");
    expect(only.ran).not.toContain("inner:do_deploy");
    const deployed = await toy.built(["--runall", "deploy", "outer"]);
    expect(deployed.ran).toEqual(["inner:do_deploy"]);
  });

  test("--setscene-only restores and executes nothing; --no-setscene restores nothing", async () => {
    rmSync(toy.rig.path("build/tmp"), { recursive: true });
    const restored = await toy.built(["--setscene-only", "page"]);
    expect(restored.ran).toEqual([]);
    expect(restored.restored).toEqual(tasksOf("page", ["deploy", "populate_sysroot"]));
    rmSync(toy.rig.path("build/tmp"), { recursive: true });
    const built = await toy.built(["--no-setscene", "shout"]);
    expect(built.restored).toEqual([]);
    expect(built.ran).toEqual([
      ...tasksOf("greeting", [...BUILT, "install", "populate_sysroot"]),
      ...tasksOf("shout", WHOLE),
    ]);
  });
});

describe("queries", () => {
  test("-e shows a variable with its value and where it was set", async () => {
    toy.configure('SHOUT_END:pn-shout = "?${PN}"\n');
    const { stdout, code } = await toy.tsbake(["-e", "shout"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^#\n# INCLUDE HISTORY:\n#\n# \/.*\/build\/conf\/bblayers\.conf\n# \/.*\/conf\/layer\.conf\n/,
    );
    expect(stdout).toMatch(
      /\n# conf\/bitbake\.conf includes:\n(?:#   .*\n)*#   \/.*\/build\/conf\/local\.conf\n/,
    );
    expect(stdout).toMatch(/\n# \$SHOUT_END \[\d operations\]\n/);
    expect(stdout).toContain(`${toy.rig.path("build/conf/local.conf")}:1`);
    expect(stdout).toContain('# pre-expansion value:\n#   "?${PN}"\nSHOUT_END="?shout"\n');
    expect(stdout).toMatch(/\ndo_compile\(\) \{\n {4}tr a-z A-Z/);
  });

  test("-g writes the graph and the list of recipes", async () => {
    const { stdout } = await toy.tsbake(["-g", "page"]);
    expect(stdout).toBe(
      ["dot", "json", "html"].map((end) => `${toy.rig.path(`task-depends.${end}`)}\n`).join("") +
        `${toy.rig.path("pn-buildlist")}\n`,
    );
    expect(toy.rig.read("pn-buildlist")).toBe("greeting\npage\nshout\nstamper-native\n");
    expect(toy.rig.read("task-depends.dot")).toContain(
      '"page.do_prepare_recipe_sysroot" -> "stamper-native.do_sysroot_ready"\n',
    );
    const graph = JSON.parse(toy.rig.read("task-depends.json")) as GraphData;
    expect(graph.targets).toEqual(["page:do_build"]);
    expect(graph.recipes.map(({ name, version, level }) => [name, version, level])).toEqual([
      ["greeting", "1.0-r0", 0],
      ["page", "1.0-r0", 2],
      ["shout", "1.0-r0", 1],
      ["stamper-native", "1.0-r0", 0],
    ]);
    const names = graph.recipes.flatMap(({ name, tasks }) => tasks.map((task) => `${name}:${task.name}`));
    const needs = graph.recipes.flatMap(({ tasks }) => tasks.flatMap((task) => task.needs));
    expect(needs.filter((need) => !names.includes(need))).toEqual([]);
    expect(needs).toContain("stamper-native:do_sysroot_ready");
    expect(toy.rig.read("task-depends.html")).toContain(JSON.stringify(graph));
  });

  test("-p counts, -s lists versions, -c listtasks says what each task does", async () => {
    expect((await toy.tsbake(["-p"])).stdout).toMatch(
      /^\d+ recipes from \d+ files: \d+ files from the cache/,
    );
    expect((await toy.tsbake(["-s"])).stdout).toMatch(/^shout +:1\.0-r0\s*$/m);
    expect((await toy.tsbake(["-c", "listtasks", "greeting"])).stdout).toMatch(
      /^do_compile +Writes the greeting in full$/m,
    );
  });

  test("-S none writes signature data of all tasks and runs nothing", async () => {
    toy.recipe("signed");
    const signed = await toy.built(["-S", "none", "signed"]);
    expect(signed.ran).toEqual([]);
    const stamps = [...(await toy.rig.digests("build/tmp/stamps")).keys()].filter((path) =>
      path.includes("/signed/"),
    );
    expect(stamps.every((path) => path.includes(".sigdata."))).toBe(true);
    expect(stamps.filter((path) => path.includes(".do_compile."))).toHaveLength(1);
    const data: unknown = JSON.parse(
      toy.rig.read(`build/tmp/stamps/${stamps.find((path) => path.includes(".do_compile."))}`),
    );
    expect(data).toMatchObject({ task: expect.stringMatching(/do_compile$/) });
  });
});
