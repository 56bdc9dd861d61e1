/**
 * What is on the disk is what the stamps say, as a person meets it: recipes of other versions, other machines, recipes that
 * are no more, folders removed by hand. Random sequences of the same are in unit/run-stamps.
 */
import {
  appendFileSync,
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { tasksOf, Toy } from "../support/toy.js";

jest.setTimeout(240_000);

let toy: Toy;

beforeAll(() => {
  toy = new Toy();
  for (const machine of ["ma", "mb"]) toy.rig.write(`meta-toy/conf/machine/${machine}.conf`, "");
});
afterEach(() => toy.restore());
afterAll(() => toy[Symbol.dispose]());

const DEPLOY = "build/tmp/deploy/toy";

/** What a recipe deploys: a file of its name with the text, and one of its own. */
const deploying = (text: string, own: string) => `inherit toy
do_install() {
    echo "${text}" >\${D}/same
    echo >\${D}/${own}
}
`;

describe("what is deployed", () => {
  test("is that of the version that is built, there and back, and nothing of the other", async () => {
    toy.change("meta-toy/recipes/extra/thing_1.0.bb", deploying("${PV}", "one"));
    toy.change("meta-toy/recipes/extra/thing_2.0.bb", deploying("${PV}", "two"));
    for (const [version, there, gone] of [
      ["1.0", "one", "two"],
      ["2.0", "two", "one"],
      ["1.0", "one", "two"],
    ] as const) {
      toy.configure(`PREFERRED_VERSION_thing = "${version}"\n`);
      await toy.built(["thing"]);
      expect(toy.rig.read(`${DEPLOY}/same`)).toBe(`${version}\n`);
      expect([existsSync(toy.rig.path(DEPLOY, there)), existsSync(toy.rig.path(DEPLOY, gone))]).toEqual([
        true,
        false,
      ]);
    }
    await toy.built(["-c", "clean", "thing"]);
    expect(existsSync(toy.rig.path(DEPLOY, "same"))).toBe(false);
    const again = await toy.built(["thing"]);
    expect(again.restored).toContain("thing:do_deploy");
  });

  test("is what was built again when files are changed by hand; verify names each", async () => {
    const changes: Readonly<Record<string, (path: string) => void>> = {
      gone: (path) => rmSync(path),
      // In place.
      longer: (path) => appendFileSync(path, "more\n"),
      "as-long-and-as-old": (path) => {
        const { atime, mtime } = statSync(path);
        rmSync(path);
        writeFileSync(path, "1.1\n");
        utimesSync(path, atime, mtime);
      },
      mode: (path) => chmodSync(path, 0o600),
      folder: (path) => (rmSync(path), mkdirSync(path)),
      link: (path) => (rmSync(path), symlinkSync("own-link", path)),
    };
    const names = Object.keys(changes);
    const path = (name: string): string => toy.rig.path(DEPLOY, name);
    for (const name of names)
      toy.change(
        `meta-toy/recipes/extra/${name}_1.0.bb`,
        `inherit toy\ndo_install() {\n    echo "\${PV}" >\${D}/\${PN}\n    echo >\${D}/own-\${PN}\n}\n`,
      );
    await toy.built(names);
    const modes = names.map((name) => lstatSync(path(name)).mode);
    expect(await toy.answered(["verify"])).toMatchObject({ code: 0 });
    // That is no change.
    for (const name of names) utimesSync(path(name), new Date("2037-01-01"), new Date("2037-01-01"));
    const still = await toy.built(names);
    expect([still.ran, still.restored]).toEqual([[], []]);

    for (const [name, change] of Object.entries(changes)) change(path(name));
    const verified = await toy.answered(["verify"]);
    expect(verified.code).toBe(1);
    for (const name of names)
      expect(verified.stdout).toContain(`changed: ${path(name)}: ${name}:do_deploy has installed it\n`);
    const again = await toy.built(names);
    expect(again.restored).toEqual(expect.arrayContaining(names.map((name) => `${name}:do_deploy`)));
    expect(again.output.match(/run\/output-changed/g)).toHaveLength(names.length);
    expect(names.map((name) => readFileSync(path(name), "utf8"))).toEqual(names.map(() => "1.0\n"));
    expect(names.map((name) => lstatSync(path(name)).mode)).toEqual(modes);
    expect(await toy.answered(["verify"])).toMatchObject({ code: 0 });
    const quiet = await toy.built(names);
    expect([quiet.ran, quiet.restored, quiet.output.includes("run/output-changed")]).toEqual([[], [], false]);
  });

  test("for one machine stays when another is built, whether or not the machine is in the signature", async () => {
    const forMachine = 'do_deploy[sstate-outputdirs] = "${DEPLOY_DIR_IMAGE}/${PN}"\n';
    toy.change("meta-toy/recipes/extra/alike_1.0.bb", deploying("for all", "alike") + forMachine);
    toy.change(
      "meta-toy/recipes/extra/own_1.0.bb",
      `PACKAGE_ARCH = "\${MACHINE}"\n${deploying("${MACHINE}", "own")}${forMachine}`,
    );
    const texts = (machine: string) =>
      ["alike", "own"].map((pn) => toy.rig.read(`build/tmp/deploy/images/${machine}/${pn}/same`));
    for (const machine of ["ma", "mb"]) {
      toy.configure(`MACHINE = "${machine}"\n`);
      await toy.built(["alike", "own"]);
      expect(texts(machine)).toEqual(["for all\n", `${machine}\n`]);
    }
    expect(texts("ma")).toEqual(["for all\n", "ma\n"]);
    toy.configure('MACHINE = "ma"\n');
    const back = await toy.built(["alike", "own"]);
    expect([...back.ran, ...back.restored]).toEqual([]);
  });

  test("by a recipe that is no more is in nobody's way, and comes back with it", async () => {
    toy.change("meta-toy/recipes/extra/former_1.0.bb", deploying("former", "former"));
    await toy.built(["former"]);
    toy.restore();
    toy.change("meta-toy/recipes/extra/latter_1.0.bb", deploying("latter", "latter"));
    await toy.built(["latter"]);
    expect(toy.rig.read(`${DEPLOY}/same`)).toBe("latter\n");
    expect(existsSync(toy.rig.path(DEPLOY, "former"))).toBe(false);
    toy.restore();
    toy.change("meta-toy/recipes/extra/former_1.0.bb", deploying("former", "former"));
    await toy.built(["former"]);
    expect(toy.rig.read(`${DEPLOY}/same`)).toBe("former\n");
  });

  test("and was removed by hand comes back", async () => {
    await toy.built(["shout"]);
    rmSync(toy.rig.path("build/tmp/deploy"), { recursive: true });
    const back = await toy.built(["shout"]);
    expect(back.restored).toEqual(["shout:do_deploy"]);
    expect(toy.rig.read(`${DEPLOY}/shout`)).toContain("HELLO");
  });
});

describe("a work folder that was removed by hand", () => {
  test("is made again by what needs it, and said to be", async () => {
    await toy.built(["shout"]);
    rmSync(toy.rig.path("build/tmp/work"), { recursive: true });
    expect((await toy.built(["shout"])).ran).toEqual([]);
    toy.change(
      "meta-toy/recipes/shout/shout_1.0.bb",
      (text) => `${text}\ndo_deploy:append() {\n    echo >\${TOY_DEPLOY}/more\n}\n`,
    );
    const again = await toy.built(["shout"]);
    expect(again.ran).toEqual(expect.arrayContaining(tasksOf("shout", ["compile", "deploy", "install"])));
    expect(again.output).toMatch(
      /run\/output-gone.*shout:do_deploy needs what shout:do_install has left in .*\/image/,
    );
  });

  test("is not missed where a task executes nothing", async () => {
    const recipe = (text: string) => `do_idle[noexec] = "1"
do_idle[cleandirs] = "\${WORKDIR}/idle"
do_last() {
    : ${text}
}
addtask idle
addtask last after do_idle before do_build
`;
    toy.change("meta-toy/recipes/extra/idle_1.0.bb", recipe("one"));
    await toy.built(["idle:do_last"]);
    toy.change("meta-toy/recipes/extra/idle_1.0.bb", recipe("two"));
    const again = await toy.built(["idle:do_last"]);
    expect(again.ran).toEqual(["idle:do_last"]);
    expect(again.output).not.toContain("output-gone");
  });

  test("staged files of a needed recipe that were removed come back", async () => {
    await toy.built(["page"]);
    rmSync(toy.rig.path("build/tmp/sysroots-components"), { recursive: true });
    toy.change("meta-toy/recipes/page/page_1.0.bb", (text) => `${text}\nDEPENDS += "greeting"\n`);
    const again = await toy.built(["page"]);
    expect(again.restored).toEqual(
      expect.arrayContaining(["greeting:do_populate_sysroot", "shout:do_populate_sysroot"]),
    );
  });
});

describe("configurations that share a folder", () => {
  test("are refused where they would do a task with different inputs in it", async () => {
    toy.change("meta-toy/recipes/extra/leaky_1.0.bb", deploying("${MACHINE}", "leaky"));
    toy.change("build/conf/multiconfig/other.conf", 'MACHINE = "mb"\n');
    toy.configure('MACHINE = "ma"\nBBMULTICONFIG = "other"\n');
    const result = await toy.answered(["leaky", "mc:other:leaky"]);
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(
      /run\/shared-work-folder.*leaky:do_\w+ and mc:other:leaky:do_\w+ have one work folder/,
    );
  });
});
