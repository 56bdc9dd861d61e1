/** What runs again after a change, and what comes back from shared state, on the layer meta-toy. */
import { chmodSync, existsSync, readdirSync, rmSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { describeUnless } from "../support/skip.js";
import { toolsProblem } from "../support/tools.js";
import { EARLY_TASKS, tasksOf, Toy } from "../support/toy.js";

let toy: Toy;
let deployed: Map<string, string>;
const TARGETS = ["page", "shout", "greeting"];

beforeAll(async () => {
  toy = new Toy();
  await toy.built(TARGETS);
  deployed = await toy.rig.digests("build/tmp/deploy");
});
afterEach(() => toy.restore());
afterAll(() => toy[Symbol.dispose]());

const USING = ["compile", "configure", "deploy", "install", "populate_sysroot", "prepare_recipe_sysroot"];
const FROM_INSTALL = ["deploy", "install", "populate_sysroot"];

/** Starts the next test from a build of the unchanged layer. */
async function settle(): Promise<void> {
  toy.restore();
  await toy.built(TARGETS);
}

describe("a change", () => {
  afterEach(settle);

  test("none: nothing runs, nor after a source file is only touched", async () => {
    expect((await toy.built(TARGETS)).ran).toEqual([]);
    const source = toy.rig.path("meta-toy/recipes/greeting/greeting/greeting.txt");
    utimesSync(source, new Date(), new Date());
    const touched = await toy.built(TARGETS);
    expect([...touched.ran, ...touched.restored]).toEqual([]);
  });

  test("of a variable that one task reads: that task and what depends on it", async () => {
    toy.configure('SHOUT_OWNER = "somebody"\n');
    const changed = await toy.built(TARGETS);
    expect(changed.ran).toEqual([...tasksOf("page", USING), ...tasksOf("shout", FROM_INSTALL)]);
    expect(toy.rig.read("build/tmp/deploy/toy/shout.owner")).toBe("somebody\n");
  });

  test("of a variable that no task reads: nothing", async () => {
    toy.configure('UNHEARD = "of"\nSHOUT_END:pn-another = "?"\n');
    const changed = await toy.built(TARGETS);
    expect([...changed.ran, ...changed.restored]).toEqual([]);
  });

  test("of a source file: the recipe from do_fetch on, and its dependents from their sysroots on", async () => {
    toy.change("meta-toy/recipes/greeting/greeting/greeting.txt", "good evening\n");
    const changed = await toy.built(TARGETS);
    expect(changed.ran).toEqual([
      ...tasksOf("greeting", [
        "compile",
        "configure",
        "deploy",
        ...EARLY_TASKS,
        "install",
        "populate_sysroot",
      ]),
      ...tasksOf("page", USING),
      ...tasksOf("shout", USING),
    ]);
    expect(toy.rig.read("build/tmp/deploy/toy/page")).toMatch(/^stamped: GOOD EVENING, WORLD!\n/);
  });

  test("taken back: the old artifacts are restored, and the bytes are the old ones", async () => {
    toy.change("meta-toy/recipes/greeting/greeting/greeting.txt", "good night\n");
    await toy.built(TARGETS);
    toy.restore();
    const back = await toy.built(TARGETS);
    expect(back.restored).toEqual(expect.arrayContaining(TARGETS.map((pn) => `${pn}:do_deploy`)));
    expect(back.ran).toEqual([]);
    expect(await toy.rig.digests("build/tmp/deploy")).toEqual(deployed);
  });

  test("of DEPENDS: what is not needed any more leaves the recipe's sysroot", async () => {
    toy.recipe(
      "collector",
      'DEPENDS = "stamper greeting"\ndo_install() {\n    mkdir -p ${D}${SHARED}\n' +
        "    ls ${RECIPE_SYSROOT}${SHARED} >${D}${SHARED}/collected\n}\n",
    );
    toy.change(
      "meta-toy/recipes/extra/other_1.0.bb",
      "inherit toy\ndo_install() {\n    mkdir -p ${D}${SHARED}\n    echo other >${D}${SHARED}/other\n}\n",
    );
    toy.change("meta-toy/recipes/extra/collector_1.0.bb", (text) => text.replace("stamper", "other"));
    await toy.built(["collector"]);
    expect(toy.rig.read("build/tmp/deploy/toy/collected")).toBe("greeting\nother\n");
    toy.change("meta-toy/recipes/extra/collector_1.0.bb", (text) => text.replace(" greeting", ""));
    const fewer = await toy.built(["collector"]);
    expect(toy.rig.read("build/tmp/deploy/toy/collected")).toBe("other\n");
    expect(fewer.ran.filter((task) => !task.startsWith("collector:"))).toEqual([]);
    const sysroot = join("build/tmp/work", machineOf("collector"), "collector/1.0/recipe-sysroot");
    expect([...(await toy.rig.digests(sysroot)).keys()]).toEqual(["usr/share/tsbake/other"]);
  });

  test("of what a recipe deploys: links are shown where there are any, else the files", async () => {
    const deploying = (more: string) =>
      `do_deploy:append() {\n    touch ${"${TOY_DEPLOY}"}/dated-1 ${"${TOY_DEPLOY}"}/dated-2\n${more}}\n`;
    toy.recipe("linked", deploying(""));
    expect((await toy.answered(["linked"])).stdout).toMatch(
      /\nbuild\/tmp\/deploy\/toy\/\n {2}dated-1\n {2}dated-2\n$/,
    );
    toy.recipe("linked", deploying("    ln -s dated-2 ${TOY_DEPLOY}/newest\n"));
    expect((await toy.answered(["linked"])).stdout).toMatch(/\nbuild\/tmp\/deploy\/toy\/\n {2}newest\n$/);
  });

  test("of what a recipe deploys: files that it does not deploy any more are gone", async () => {
    const installing = (name: string) =>
      `do_install() {\n    mkdir -p ${"${D}${SHARED}"}\n    echo it >${"${D}${SHARED}"}/${name}\n}\n`;
    toy.recipe("renamed", installing("old-name"));
    await toy.built(["renamed"]);
    toy.recipe("renamed", installing("new-name"));
    await toy.built(["renamed"]);
    const names = readdirSync(toy.rig.path("build/tmp/deploy/toy"));
    expect(names).toContain("new-name");
    expect(names).not.toContain("old-name");
    await toy.built(["-c", "clean", "renamed"]);
    expect(readdirSync(toy.rig.path("build/tmp/deploy/toy"))).not.toContain("new-name");
  });
});

function machineOf(pn: string): string {
  const machines = readdirSync(toy.rig.path("build/tmp/work"));
  return machines.find((machine) => existsSync(toy.rig.path("build/tmp/work", machine, pn)))!;
}

describe("shared state", () => {
  const RESTORED = [...tasksOf("greeting", ["deploy", "populate_sysroot"])];

  test("gives everything back after tmp is gone, with equal bytes, and only what is needed", async () => {
    rmSync(toy.rig.path("build/tmp"), { recursive: true });
    const back = await toy.built(TARGETS);
    expect(back.ran).toEqual([]);
    expect(back.restored).toEqual([
      ...RESTORED,
      ...tasksOf("page", ["deploy", "populate_sysroot"]),
      ...tasksOf("shout", ["deploy", "populate_sysroot"]),
    ]);
    expect(await toy.rig.digests("build/tmp/deploy")).toEqual(deployed);
  });

  test("is right when everything is built again instead", async () => {
    rmSync(toy.rig.path("build/tmp"), { recursive: true });
    const built = await toy.built(["--no-setscene", ...TARGETS]);
    expect(built.restored).toEqual([]);
    expect(await toy.rig.digests("build/tmp/deploy")).toEqual(deployed);
  });

  test.each([
    ["the same folder", (state: string) => `SSTATE_DIR = "${state}"\n`],
    ["a mirror", (state: string) => `SSTATE_MIRRORS = "file://.* file://${state}/PATH"\n`],
  ])("serves another build folder, through %s", async (_how, settings) => {
    const before = await toy.rig.digests("build/sstate-cache");
    rmSync(toy.rig.path("other"), { recursive: true, force: true });
    toy.change("other/conf/local.conf", settings(toy.rig.path("build/sstate-cache")));
    const other = await toy.built(TARGETS, { environment: { TSBAKE_BUILD_DIR: "other" } });
    expect(other.ran).toEqual([]);
    expect(other.restored).toEqual(expect.arrayContaining(TARGETS.map((pn) => `${pn}:do_deploy`)));
    expect(await toy.rig.digests("other/tmp/deploy")).toEqual(deployed);
    expect(await toy.rig.digests("build/sstate-cache")).toEqual(before);
  });
});

test("with the host's toolchain, another compiler compiles again; with the feed's, it does not matter", async () => {
  const recipe = 'INHIBIT_DEFAULT_DEPS = "1"\n';
  toy.recipe("compiled", recipe);
  const bin = (text: string) => {
    toy.change("bin/gcc", `#!/bin/sh\n# ${text}\n`);
    chmodSync(toy.rig.path("bin/gcc"), 0o755);
    return { environment: { PATH: `${toy.rig.path("bin")}:${process.env["PATH"] ?? ""}` } };
  };
  await toy.built(["compiled"], bin("one"));
  expect((await toy.built(["compiled"], bin("another"))).ran).toEqual([]);
  toy.configure(
    'TOOLCHAIN = "host"\nHOSTTOOLS:remove = "g++ cpp ld as ar nm ranlib strip objcopy objdump readelf make"\n',
  );
  const one = bin("one");
  await toy.built(["compiled"], one);
  expect((await toy.built(["compiled"], one)).ran).toEqual([]);
  expect((await toy.built(["compiled"], bin("a third one"))).ran).toContain("compiled:do_compile");
});

describeUnless(await toolsProblem("patch"), "patches of SRC_URI", () => {
  const diff = (from: string, to: string): string => `--- a/s\n+++ b/s\n@@ -1 +1 @@\n-${from}\n+${to}\n`;
  const recipe = (uris: string): string => `SRC_URI = "file://s ${uris}"
do_install() {
    install -D -m 644 \${S}/s \${D}/usr/share/patched.txt
}
`;
  const result = (): string => toy.rig.read("build/tmp/deploy/toy/patched.txt");

  test("do_patch runs again by force, and after another order, number or level of patches", async () => {
    const files = "meta-toy/recipes/extra/files";
    toy.change(`${files}/s`, "one\n");
    toy.change(`${files}/z.patch`, diff("one", "two"));
    toy.change(`${files}/a.diff`, diff("two", "three"));
    toy.recipe("patched", recipe("file://z.patch file://a.diff"));
    await toy.built(["patched"]);
    expect(result()).toBe("three\n");
    expect((await toy.built(["-f", "-c", "patch", "patched"])).ran).toEqual(["patched:do_patch"]);
    await toy.built(["patched"]);
    expect(result()).toBe("three\n");

    toy.recipe("patched", recipe("file://a.diff file://z.patch"));
    const wrong = await toy.answered(["patched"]);
    expect([wrong.code, wrong.output.includes("fetch/patch-failed")]).toEqual([1, true]);
    toy.recipe("patched", recipe("file://z.patch file://a.diff;apply=no"));
    await toy.built(["patched"]);
    expect(result()).toBe("two\n");
    toy.recipe("patched", recipe("file://z.patch;striplevel=0 file://a.diff"));
    expect((await toy.answered(["patched"])).code).toBe(1);
    toy.recipe("patched", recipe("file://z.patch file://a.diff") + 'PATCHTOOL = "git"\n');
    expect((await toy.answered(["patched"])).output).toContain("fetch/unsupported-patch-tool");
  });
});
