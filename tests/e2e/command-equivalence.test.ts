/** Equal output, and locked signatures, on the layer meta-toy. */
import { existsSync, rmSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { tasksOf, Toy } from "../support/toy.js";

let toy: Toy;
beforeAll(() => {
  toy = new Toy();
});
afterEach(() => toy.restore());
afterAll(() => toy[Symbol.dispose]());

const GREETING = "meta-toy/recipes/greeting/greeting_1.0.bb";
const COMMENT = (text: string) => text.replace("do_compile() {", "do_compile() {\n    : a comment");

describe("OEEquivHash", () => {
  const settings = 'BB_SIGNATURE_HANDLER = "OEEquivHash"\n';

  test("what depends on equal output is not built again, also from the shared state alone", async () => {
    toy.configure(settings);
    await toy.built([]);
    toy.change(GREETING, COMMENT);
    const changed = await toy.built([]);
    expect(changed.ran).toEqual(tasksOf("greeting", ["compile", "install", "populate_sysroot"]));
    expect((await toy.built([])).ran).toEqual([]);
    rmSync(toy.rig.path("build/tmp"), { recursive: true });
    const back = await toy.built([]);
    expect([back.ran, back.restored]).toEqual([[], tasksOf("page", ["deploy", "populate_sysroot"])]);
  });

  test("other output is", async () => {
    toy.configure(settings);
    await toy.built([]);
    toy.change(GREETING, (text) => text.replace("world", "planet"));
    const changed = await toy.built([]);
    expect(changed.ran).toEqual(expect.arrayContaining(["shout:do_compile", "page:do_deploy"]));
    expect(toy.rig.read("build/tmp/deploy/toy/page")).toMatch(/HELLO, PLANET!/);
  });

  test("a build without stamps restores the dependents as soon as the output is known", async () => {
    toy.configure(settings);
    await toy.built([]);
    toy.change(GREETING, (text) => text.replace("do_compile() {", "do_compile() {\n    : another comment"));
    rmSync(toy.rig.path("build/tmp"), { recursive: true });
    const { ran, restored } = await toy.built([]);
    expect(ran).toContain("greeting:do_populate_sysroot");
    // The tool of page's compilation may be on its way before it turns out that nothing compiles.
    const late = tasksOf("stamper-native", ["populate_sysroot"]);
    expect(restored.filter((one) => !late.includes(one))).toEqual(
      tasksOf("page", ["deploy", "populate_sysroot"]),
    );
    expect(ran).not.toEqual(expect.arrayContaining(["page:do_compile"]));
    expect(toy.rig.read("build/tmp/deploy/toy/page")).toMatch(/^stamped: HELLO, WORLD!\n/);
  });
});

describe("locked signatures", () => {
  const locks = (level: string, more = "") =>
    `require \${TOPDIR}/../locked-sigs.inc\nSIGGEN_LOCKEDSIGS_TASKSIG_CHECK = "${level}"\n${more}`;

  test("-S lockedsigs writes them; with them, a changed recipe is what it was, and that is told as wanted", async () => {
    toy.configure("");
    await toy.built([]);
    const { code, stdout } = await toy.answered(["-S", "lockedsigs"]);
    expect([code, stdout]).toEqual([0, expect.stringContaining("locked-sigs.inc")]);
    expect(toy.rig.read("locked-sigs.inc")).toMatch(
      /^SIGGEN_LOCKEDSIGS_t-amd64 = "\\\n {4}greeting:do_compile:[0-9a-f]{32} \\\n[^]*SIGGEN_LOCKEDSIGS_TYPES:generic = "t-amd64 t-x86-64"\n$/,
    );
    toy.change(GREETING, (text) => text.replace("world", "planet"));
    toy.configure(locks("none"));
    const kept = await toy.answered([]);
    expect([kept.code, kept.stderr]).toEqual([0, ""]);
    expect(kept.stdout).toMatch(/^nothing to do/);
    toy.configure(locks("warn"));
    const warned = await toy.answered([]);
    expect(warned.code).toBe(0);
    expect(warned.stderr).toMatch(
      /warning\[engine\/locked-signature\]: greeting:do_compile is locked to [0-9a-f]{32} by /,
    );
    toy.configure(locks("info"));
    const told = await toy.answered([]);
    expect(told.stdout).toContain("recipes with locked tasks: greeting page shout stamper-native\n");
    expect(told.stderr).toContain("warning[engine/locked-signature]: greeting:do_compile is locked to ");
    toy.configure(locks("error"));
    expect((await toy.answered([])).code).toBe(1);
    toy.configure(locks("none", 'SIGGEN_UNLOCKED_RECIPES = "greeting"\n'));
    const freed = await toy.built([]);
    // What needs the recipe directly is free too; what needs that is locked.
    expect(freed.ran).toEqual([]);
    expect((await toy.built(["shout:do_prepare_recipe_sysroot"])).ran).toEqual(
      expect.arrayContaining(["greeting:do_compile", "shout:do_prepare_recipe_sysroot"]),
    );
  }, 180_000);

  test("an artifact that is locked and nowhere to be had stops the build, or is told as wanted", async () => {
    toy.configure("");
    await toy.built([]);
    await toy.answered(["-S", "lockedsigs"]);
    const check = (level: string) => locks("none", `SIGGEN_LOCKEDSIGS_SSTATE_EXISTS_CHECK = "${level}"\n`);
    const lose = () => {
      for (const name of ["tmp", "sstate-cache"])
        rmSync(toy.rig.path("build", name), { recursive: true, force: true });
    };
    // What is not asked for is not missed.
    rmSync(toy.rig.path("build/sstate-cache"), { recursive: true });
    toy.configure(check("error"));
    expect((await toy.answered([])).code).toBe(0);
    lose();
    toy.configure(locks("none"));
    const stopped = await toy.answered([]);
    expect(stopped.code).toBe(1);
    expect(stopped.stderr).toMatch(
      /^error\[engine\/locked-missing\]: page:do_deploy is locked to [0-9a-f]{32}, and no shared state has its artifact$/m,
    );
    expect(existsSync(toy.rig.path("build/tmp/work"))).toBe(false);
    toy.configure(check("warn"));
    const warned = await toy.answered([]);
    expect([warned.code, warned.stderr.includes("warning[engine/locked-missing]: page:do_deploy")]).toEqual([
      0,
      true,
    ]);
    lose();
    toy.configure(check("none"));
    expect(await toy.answered([])).toMatchObject({ code: 0, stderr: "" });
  }, 180_000);
});
