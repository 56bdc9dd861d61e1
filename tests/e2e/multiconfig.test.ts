/** Several configurations in one build, as a person types it. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { Toy } from "../support/toy.js";

let toy: Toy;

const LOCAL = 'BBMULTICONFIG = "one two"\n';

beforeAll(async () => {
  toy = new Toy();
  toy.rig.write("build/conf/local.conf", LOCAL);
  for (const name of ["one", "two"]) {
    toy.rig.write(`build/conf/multiconfig/${name}.conf`, `TMPDIR = "\${TOPDIR}/tmp-${name}"\n`);
  }
  await toy.built(["-n"]);
});
afterEach(() => toy.restore());
afterAll(() => toy[Symbol.dispose]());

/** Of `mc:NAME:pn:do_task` labels, the configurations that have this task. */
function configurationsOf(labels: readonly string[], task: string): string[] {
  const found = labels.filter((label) => label === task || label.endsWith(`:${task}`));
  return found.map((label) => /^mc:([^:]*):/.exec(label)?.[1] ?? "");
}

describe("several configurations", () => {
  test("a task with the same inputs runs in one of them and is restored in the others, each in its own folder", async () => {
    const all = await toy.built(["mc:*:shout"]);
    expect(configurationsOf(all.ran, "shout:do_install")).toEqual([""]);
    expect(configurationsOf(all.ran, "shout:do_deploy")).toEqual([""]);
    expect(configurationsOf(all.restored, "shout:do_deploy")).toEqual(["one", "two"]);
    for (const tmp of ["tmp", "tmp-one", "tmp-two"]) {
      expect(toy.rig.read(`build/${tmp}/deploy/toy/shout`)).toContain("HELLO");
    }
    expect((await toy.built(["mc:*:shout"])).ran).toEqual([]);
  });

  test("mc:NAME:recipe builds that one, with its values", async () => {
    toy.change(
      "build/conf/multiconfig/one.conf",
      (text) => `${text}do_deploy[vardeps] += "MACHINE"\nMACHINEOVERRIDES = "first"\n`,
    );
    toy.recipe("other", "do_install:append:first() {\n    echo first >${D}/other\n}\n");
    const built = await toy.built(["multiconfig:one:other:do_install"]);
    expect([...new Set(configurationsOf(built.ran, "other:do_install"))]).toEqual(["one"]);
    const result = await toy.answered(["-q", "mc:one:other", "other"]);
    expect([result.code, result.stderr]).toEqual([0, ""]);
    expect(toy.rig.read("build/tmp-one/deploy/toy/other")).toBe("first\n");
    expect(() => toy.rig.read("build/tmp/deploy/toy/other")).toThrow("ENOENT");
  });

  test("[mcdepends] has a task of another configuration done before", async () => {
    toy.recipe("user", 'do_compile[mcdepends] = "mc::two:shout:do_deploy"\n');
    const built = await toy.built(["user"]);
    expect(built.ran).toContain("user:do_compile");
    const plan = await toy.answered(["-g", "user"]);
    expect(plan.code).toBe(0);
    expect(toy.rig.read("task-depends.dot")).toContain('"user.do_compile" -> "mc:two:shout.do_deploy"');
  });

  test.each([
    [
      ["mc:tow:shout"],
      /error\[engine\/unknown-configuration\]: there is no configuration `tow`.*\nhelp: is `two` meant\?/,
    ],
    [["mc:one:shuot"], /no recipe provides `mc:one:shuot`\nhelp: is `shout` meant\?/],
    [["mc:one:shout:do_instal"], /`mc:one:shout` .*has no task `do_instal`/],
  ])("%j is answered with what may be meant", async (args, expected) => {
    const result = await toy.answered(args);
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(expected);
  });

  test("-e shows a configuration, or a recipe in it", async () => {
    const value = async (target: string, name: string) => {
      const { stdout } = await toy.answered(["-e", target]);
      return new RegExp(`^${name}="(.*)"$`, "m").exec(stdout)?.[1];
    };
    expect(await value("mc:two", "BB_CURRENT_MC")).toBe("two");
    expect(await value("mc:one:shout", "WORKDIR")).toContain("/build/tmp-one/work/");
    const unknown = await toy.answered(["-e", "mc:tow"]);
    expect(unknown.stderr).toMatch(/there is no configuration `tow`.*\nhelp: is `two` meant/);
  });

  test("a configuration without its file is told", async () => {
    toy.change("build/conf/local.conf", 'BBMULTICONFIG = "one three"\n');
    const result = await toy.answered(["-p"]);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain("conf/multiconfig/three.conf");
  });
});
