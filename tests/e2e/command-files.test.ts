/** Options that name files: -b, -r, -R, -w; -I; what -e says of the options of a recipe. */
import { mkdirSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { tasksOf, Toy } from "../support/toy.js";

let toy: Toy;

beforeAll(async () => {
  toy = new Toy();
  await toy.built(["-n"]);
});
afterEach(() => toy.restore());
afterAll(() => toy[Symbol.dispose]());

const LONE = "lone:do_fetch lone:do_unpack lone:do_patch lone:do_configure lone:do_compile".split(" ");

describe("-b", () => {
  // It needs others by DEPENDS and by a flag.
  beforeAll(() =>
    toy.rig.write(
      "meta-toy/recipes/extra/lone_1.0.bb",
      'inherit toy\nDEPENDS = "shout"\ndo_compile[depends] += "greeting:do_deploy"\n',
    ),
  );

  test.each([
    ["a path", ["-b", "meta-toy/recipes/extra/lone_1.0.bb"]],
    ["an expression", ["-b", "extra/lone_.*bb$"]],
  ])("by %s builds the recipe and nothing that it needs", async (_, args) => {
    const built = await toy.built([...args, "-n", "-c", "compile"]);
    const names = built.ran.filter((label) => LONE.includes(label));
    expect(names).toEqual(LONE.toSorted());
    expect(built.ran.filter((label) => !label.startsWith("lone:"))).toEqual([]);
  });

  test("says that the rest is left out, and does the task", async () => {
    const result = await toy.answered(["-b", "extra/lone", "-c", "compile"]);
    expect(result.code).toBe(0);
    expect(result.stderr).toMatch(
      /warning\[engine\/dependencies-left-out\]: only `lone` of .*lone_1.0.bb is built/,
    );
    expect(result.stdout).not.toContain("shout");
  });

  test("builds a file outside of BBFILES, whatever is wrong with the others", async () => {
    toy.change("meta-toy/recipes/extra/broken_1.0.bb", "this is wrong\n");
    toy.change("elsewhere/alone_2.0.bb", "inherit toy\ndo_install() {\n    echo 1 >${D}/alone\n}\n");
    expect((await toy.answered(["-b", "elsewhere/alone_2.0.bb"])).code).toBe(0);
    expect(toy.rig.read("build/tmp/deploy/toy/alone")).toBe("1\n");
    const value = await toy.answered(["-e", "-b", "../elsewhere/alone_2.0.bb"], {
      cwd: toy.rig.path("meta-toy"),
    });
    expect(value.stdout).toMatch(/^PV="2.0"$/m);
  });

  test("a variant, by its name", async () => {
    const value = await toy.answered(["-e", "-b", "virtual:native:recipes/stamper/stamper_1.0.bb"]);
    expect(value.stdout).toMatch(/^PN="stamper-native"$/m);
  });

  test.each([
    ["extra/nothing_1", /error\[recipe\/no-such-recipe-file\]/],
    [
      "toy/recipes/s",
      /error\[recipe\/ambiguous-recipe-file\]: 2 recipe files match `toy\/recipes\/s`:\n.*shout/,
    ],
    ["virtual:nativesdk:recipes/stamper/stamper_1.0.bb", /error\[recipe\/no-such-recipe-file\]/],
  ])("%s is answered", async (file, expected) => {
    const result = await toy.answered(["-b", file]);
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(expected);
  });
});

test("-I takes a name for provided: no recipe of it is needed", async () => {
  toy.recipe("needy", 'DEPENDS = "no-such-thing"\n');
  expect((await toy.answered(["-n", "needy"])).code).toBe(1);
  const built = await toy.built(["-n", "-I", "no-such-thing", "needy"]);
  expect(built.ran).toEqual(expect.arrayContaining(tasksOf("needy", ["compile"])));
});

test("-r and -R count from the current folder, then from the build folder; BBPRECONF and BBPOSTCONF too", async () => {
  toy.change("pre.conf", 'ONE = "pre"\nTWO = "pre"\n');
  toy.change("build/post.conf", 'TWO = "post"\n');
  toy.change("env.conf", 'THREE = "environment"\n');
  const environment = { BBPOSTCONF: toy.rig.path("env.conf") };
  const { stdout } = await toy.answered(["-e", "-r", "pre.conf", "-R", "post.conf"], { environment });
  const values = [...stdout.matchAll(/^(ONE|TWO|THREE)="(.*)"$/gm)].map(
    ([, name, value]) => `${name} ${value}`,
  );
  expect(values).toEqual(["ONE pre", "THREE environment", "TWO post"]);
  const wrong = await toy.answered(["-p", "-r", "nowhere.conf"]);
  expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining("nowhere.conf")]);
});

test("-w keeps all events beside what is shown", async () => {
  const result = await toy.answered(["-n", "-w", "events.json", "shout"]);
  expect(result.stdout).toContain("dry run");
  const events = toy.rig
    .read("events.json")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { type: string });
  expect(events.map(({ type }) => type)).toEqual(
    expect.arrayContaining(["parsing", "parsed", "plan", "task-started", "finished", "outputs"]),
  );
  await toy.answered(["nothing"], { environment: { BBEVENTLOG: toy.rig.path("failed.json") } });
  expect(toy.rig.read("failed.json")).toContain('"type":"error"');
  mkdirSync(toy.rig.path("folder"));
  const refused = await toy.answered(["-p", "-w", "folder"]);
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("error[cli/system-error]")]);
});

test.each([
  [
    ["-p", "shout", "page"],
    0,
    "warning[cli/unused-words]: `shout`, `page` are not looked at: -p takes no targets",
  ],
  [["-s", "shout"], 0, "warning[cli/unused-words]: `shout` is not looked at: -s takes no targets"],
  [["-e", "shout", "page"], 2, "error[cli/unexpected-target]: `page` is a target too many for -e"],
  [["-e", "-b", "shout", "page"], 2, "`page` is a target too many for -e with -b"],
  [["-b", "shout", "-s"], 2, "--buildfile and --show-versions cannot be used together"],
])("%j: words without effect are told", async (args, code, expected) => {
  const result = await toy.answered(args);
  expect(result.stderr).toContain(expected);
  expect(result.code).toBe(code);
});

test("-e shows where Python has set a value, and not what the engine notes down for itself", async () => {
  toy.recipe(
    "pythonic",
    'python () {\n    d.setVar("FROM_PYTHON", "yes")\n    bb.data.setVar("BY_BB", "1", d)\n}\n',
  );
  const { stdout } = await toy.answered(["-e", "pythonic"]);
  expect(stdout).toMatch(
    /# \$FROM_PYTHON\n#   set pythonic_1.0.bb:3 \[__anon_\w+\]\n#     "yes"\nFROM_PYTHON="yes"\n/,
  );
  expect(stdout).toMatch(/# \$BY_BB\n#   set \S+:\d+ \[\w+\]\n/);
  expect(stdout).not.toContain(" :0");
  expect(stdout).toMatch(/# \$FILE\n#   set\n/);
});

describe("PACKAGECONFIG", () => {
  const OPTIONS = `inherit toy package
PACKAGECONFIG[tls] = "--tls=\${libdir},--no-tls,page,shout,stamper,plain"
PACKAGECONFIG[plain] = "--plain,--no-plain"
PACKAGECONFIG[only] = ",,greeting"
`;
  const NAMES = ["PACKAGECONFIG_CONFARGS", "DEPENDS", "RDEPENDS:options", "RRECOMMENDS:options"];
  /** Values without what every recipe has, by the words of PACKAGECONFIG. */
  const meaning = async (words: string): Promise<string[] | string> => {
    toy.change("meta-toy/recipes/extra/options_1.0.bb", `${OPTIONS}PACKAGECONFIG ??= "${words}"\n`);
    const { code, stdout, output } = await toy.answered(["-e", "options"]);
    if (code !== 0) return output;
    return NAMES.map((name) => {
      const value = new RegExp(`^${name}="(.*)"$`, "m").exec(stdout)?.[1] ?? "";
      return value
        .split(" ")
        .filter((word) => /^--|^(?:page|shout|stamper|greeting)$/.test(word))
        .join(" ");
    });
  };

  test.each([
    ["", ["--no-plain --no-tls", "", "", ""]],
    [
      "tls only",
      [expect.stringMatching(/^--no-plain --tls=\/usr\/lib/), "greeting page", "shout", "stamper"],
    ],
    ["plain", ["--plain --no-tls", "", "", ""]],
    ["plain tls", expect.stringContaining("PACKAGECONFIG of options has `tls` and `plain`, which conflict")],
  ])("with %j gives options, dependencies and conflicts", async (words, expected) => {
    expect(await meaning(words)).toEqual(expected);
  });

  test.each([
    ["a,b,c,d,e,f,g", "PACKAGECONFIG[odd] of options has 7 parts: it has six at most"],
    [
      "a,b,c,d,e,tsl",
      "PACKAGECONFIG[odd] of options conflicts with `tsl`, and there is no PACKAGECONFIG[tsl]",
    ],
  ])("%s is refused", async (text, message) => {
    toy.change(
      "meta-toy/recipes/extra/options_1.0.bb",
      `${OPTIONS}PACKAGECONFIG[odd] = "${text}"\nPACKAGECONFIG = "odd"\n`,
    );
    const { code, output } = await toy.answered(["-n", "options"]);
    expect([code, output]).toEqual([1, expect.stringContaining(message)]);
  });
});
