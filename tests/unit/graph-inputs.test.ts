/**
 * Whatever can change a task's result is in its signature: a case for each name that the configuration ignores or sets, and
 * for each flag, generated from the lists themselves. A name that gets into a list without a case here fails.
 */
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { BuildError, byText, words } from "@tsbake/base";
import { Datastore, type Value } from "@tsbake/datastore";
import { openBuild, type Build } from "@tsbake/engine";
import { openBaseSigner } from "@tsbake/graph";
import { shellScript } from "@tsbake/run";
import { root } from "../support/paths.js";
import { Toy } from "../support/toy.js";

const CONFIGURATION = readFileSync(join(root, "conf/bitbake.conf"), "utf8");
const listed = (name: string): string[] =>
  words(new RegExp(`^${name} \\?= "([^"]*)"`, "m").exec(CONFIGURATION)![1]!.replaceAll("\\\n", " "));
const IGNORED = listed("BB_BASEHASH_IGNORE_VARS");
const EXCLUDED_FLAGS = listed("BB_SIGNATURE_EXCLUDE_FLAGS");

/** Why a name is ignored: what its text, as it is written, can hold. */
const REASONS: Readonly<Record<string, string>> = {
  ...by("a folder of this build, or one that builds share", [
    "TOPDIR TMPDIR PERSISTENT_DIR CACHE DL_DIR SSTATE_DIR SSTATE_MIRRORS STAMPS_DIR BASE_WORKDIR",
    "DEPLOY_DIR DEPLOY_DIR_IMAGE",
  ]),
  ...by("where layers and recipes lie; their texts and files count", [
    "FILE FILESPATH FILESEXTRAPATHS BBPATH BBFILES BBLAYERS CORE_LAYER LAYERDIR THISDIR BBINCLUDED",
  ]),
  ...by("who builds, from where", ["PWD USER LOGNAME SHELL BB_ORIGENV"]),
  ...by("when", ["DATE TIME"]),
  ...by("with how many processes", ["BB_NUMBER_THREADS PARALLEL_MAKE TSBAKE_CPUS"]),
  ...by("the signature itself, and which task has it", ["BB_TASKHASH BB_UNIHASH BB_CURRENTTASK"]),
};

function by(reason: string, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(words(names.join(" ")).map((name) => [name, reason]));
}

/** What the configuration sets, in the order of the file. Names that end in the value of another are its variants. */
const SET = [
  ...new Set(
    [...CONFIGURATION.matchAll(/^(?:export )?([A-Za-z_][A-Za-z0-9_]*) *(?:\?\?|\?|:)?= /gm)].map(
      ([, name]) => name!,
    ),
  ),
].filter((name) => !name.startsWith("BB_") || name === "BB_DEFAULT_UMASK");
/** They have [vardepvalue], which is what counts. */
const BY_VALUE = ["PN", "PV", "PR"];

interface FlagCase {
  /** What it becomes. */
  readonly value: Value;
  /** Whether the base hash is another then. */
  readonly counts: boolean;
}

const counts = (value: Value): FlagCase => ({ value, counts: true });
const never = (value: Value): FlagCase => ({ value, counts: false });

const FLAGS: Readonly<Record<string, FlagCase>> = {
  // They say what runs, as whom, where and when.
  cleandirs: counts("${WORKDIR}/x"),
  dirs: counts("${WORKDIR}/x"),
  exports: counts("OTHER"),
  fakeroot: counts("1"),
  "feed-closure": counts("bash"),
  func: counts("2"),
  interactive: counts("1"),
  network: counts("1"),
  noexec: counts("1"),
  postfuncs: counts("after"),
  prefuncs: counts("before"),
  python: counts("1"),
  "sstate-inputdirs": counts("${WORKDIR}/x"),
  "sstate-plaindirs": counts("${WORKDIR}/x"),
  taskdepdata: counts("1"),
  umask: counts("077"),
  uninstall: counts("1"),
  "any-other": counts("x"),
  // By what they name.
  vardeps: counts("OTHER"),
  vardepsexclude: counts("READ"),
  vardepvalue: counts("fixed"),
  vardepvalueexclude: counts("echo"),
  // They change no result.
  cage: never("1"),
  choice: never("a b"),
  choices: never("a b"),
  pattern: never("a+"),
  patterns: never("a+"),
  form: never("one a or more"),
  doc: never("Does things"),
  lockfiles: never("/x/lock"),
  "feed-indexes": never("/x"),
  "feed-format": never("rpm"),
  "feed-keys": never("/x/key"),
  nostamp: never("1"),
  number_threads: never("2"),
  progress: never("percent"),
  requires: never("other:A=1"),
  "signing-certificate": never("/x/certificate"),
  "signing-key": never("/x/key"),
  "sstate-lockfile-shared": never("/x/lock"),
  // In the hash of the task, by the signatures of others and the content of files.
  depends: never("other:do_x"),
  deps: never(["do_fetch"]),
  deptask: never("do_x"),
  "file-checksums": never("/x/file:True"),
  mcdepends: never("mc::other:x:do_x"),
  nodeprrecs: never("1"),
  rdepends: never("other:do_x"),
  rdeptask: never("do_x"),
  recideptask: never("do_x"),
  recrdeptask: never("do_x"),
  // In the name of the stamp.
  "sstate-outputdirs": never("/x"),
  "stamp-extra-info": never("x"),
  // Where a definition stands, and what made it one.
  export_func: never("1"),
  filename: never("/x/other.bb"),
  lineno: never("77"),
  task: never("2"),
};

const TASK = "do_probe";
const RECIPE = `
addtask probe
READ = "read"
OTHER = "other"
before() {
    true
}
after() {
    false
}
do_probe() {
    echo \${READ}
}
do_probe[vardeps] = "${[...IGNORED, ...SET].join(" ")}"
do_quiet[umask] = "022"
python do_quiet() {
    pass
}
addtask quiet
`;

const signer = await openBaseSigner();
const hash = (d: Datastore, task = TASK): string => signer.sign(d, [task]).get(task)!;

/** The build of a toy project, asked in this process. */
function opened(toy: Toy, environment: Record<string, string> = {}): Promise<Build> {
  return openBuild({
    directory: toy.rig.folder,
    environment: { PATH: process.env["PATH"] ?? "", HOME: toy.rig.folder, ...environment },
    preFiles: [],
    postFiles: [],
    command: "test",
    trackHistory: false,
    onEvent: () => {},
  });
}

async function recipeOf(build: Build): Promise<Datastore> {
  const [id] = [...build.project.recipes.values()].filter(({ pn }) => pn === "probe").map((one) => one.id);
  await build.project.prepare([id!]);
  return build.project.openRecipe(id!);
}

describe("the configuration's lists", () => {
  let toy: Toy;
  let build: Build;
  let d: Datastore;
  beforeAll(async () => {
    toy = new Toy();
    toy.recipe("probe", RECIPE);
    build = await opened(toy);
    d = await recipeOf(build);
  });
  afterAll(async () => {
    await build.close();
    toy[Symbol.dispose]();
  });

  test("each ignored name has a reason, and each reason a name", () => {
    expect([...IGNORED].sort(byText)).toEqual(Object.keys(REASONS).sort(byText));
  });

  test.each(IGNORED)("ignored: %s", (name) => {
    const changed = d.createCopy();
    // PN and PV come from its last part.
    changed.setVar(name, name === "FILE" ? "/another/probe_1.0.bb" : "/another/place");
    expect(hash(changed)).toBe(hash(d));
  });

  test.each(SET.filter((name) => !IGNORED.includes(name) && !BY_VALUE.includes(name)))(
    "counts: %s",
    (name) => {
      const changed = d.createCopy();
      changed.setVar(name, "changed");
      expect(hash(changed)).not.toBe(hash(d));
    },
  );

  test.each(["LC_ALL", "TZ", "HOME", "PATH", "BB_DEFAULT_UMASK"])(
    "counts for a body that names nothing: %s",
    (name) => {
      const changed = d.createCopy();
      changed.setVar(name, "changed");
      // [umask] stands in the place of the default.
      expect(hash(changed, "do_quiet") !== hash(d, "do_quiet")).toBe(name !== "BB_DEFAULT_UMASK");
      expect(hash(changed, "do_install")).not.toBe(hash(d, "do_install"));
    },
  );

  test("each flag of the manual and of the list has a case", () => {
    const manual = readFileSync(join(root, "docs/variables.md"), "utf8").split("## Task flags")[1]!;
    const rows = manual.split("\n").filter((line) => line.startsWith("| `["));
    const named = rows.flatMap((row) =>
      [...row.split("|")[1]!.matchAll(/\[([a-z_-]+)\]/g)].map(([, flag]) => flag!),
    );
    const cases = Object.keys(FLAGS);
    expect([...named, ...EXCLUDED_FLAGS].filter((flag) => !cases.includes(flag))).toEqual([]);
    const unlisted = cases.filter((flag) => !FLAGS[flag]!.counts && !EXCLUDED_FLAGS.includes(flag));
    expect(unlisted).toEqual([]);
  });

  test.each(Object.entries(FLAGS))("flag: %s", (flag, { value, counts: isInput }) => {
    const changed = d.createCopy();
    changed.setVarFlag(TASK, flag, value);
    expect(hash(changed) !== hash(d)).toBe(isInput);
  });

  test("the order of functions around a body counts", () => {
    const [one, other] = ["before after", "after before"].map((functions) => {
      const changed = d.createCopy();
      changed.setVarFlag(TASK, "prefuncs", functions);
      return hash(changed);
    });
    expect(one).not.toBe(other);
  });

  test("how fakeroot starts counts for a task that has it", () => {
    const fake = (command: string) => {
      const changed = d.createCopy();
      changed.setVarFlag("do_install", "fakeroot", "1");
      changed.setVar("FAKEROOTCMD", command);
      return hash(changed, "do_install");
    };
    expect(fake("a")).not.toBe(fake("b"));
  });
});

test("another folder, user and time zone of the caller change no signature", async () => {
  const signatures = async (deeper: string, environment: Record<string, string>) => {
    using toy = new Toy();
    toy.recipe("probe", RECIPE);
    // Images too.
    rmSync(toy.rig.path("build/conf/site.conf"));
    const place = toy.rig.path(deeper);
    mkdirSync(place, { recursive: true });
    const build = await opened(toy, { TSBAKE_BUILD_DIR: place, ...environment });
    try {
      return [...build.project.recipes.values()].flatMap(({ pn, tasks }) =>
        Object.values(tasks).map(({ name, baseHash }) => `${pn}:${name} ${baseHash}`),
      );
    } finally {
      await build.close();
    }
  };
  const one = await signatures("build", { USER: "one", TZ: "UTC" });
  const other = await signatures("some/where/else", {
    USER: "other",
    LOGNAME: "other",
    SHELL: "/bin/other",
    HOME: "/nonexistent",
    TZ: "Asia/Tokyo",
    LC_ALL: "C",
    LANG: "ja_JP.UTF-8",
  });
  expect(one.length).toBeGreaterThan(20);
  expect(other).toEqual(one);
});

describe("what is exported is signed", () => {
  const VALUES: readonly Value[] = [
    "1",
    "y",
    "Yes",
    "TRUE",
    "t",
    " 1 ",
    "0",
    "n",
    "No",
    "false",
    "f",
    "",
    " ",
    "2",
    "on",
    "off",
    "enabled",
    "-1",
    "1 0",
    1,
    2,
    0,
    true,
    false,
  ];
  const flags = (["export", "unexport"] as const).flatMap((flag) =>
    VALUES.flatMap((value) => [`${flag}`, `_defaultval_flag_${flag}`].map((name) => ({ name, value }))),
  );

  test.each(flags)("$name = $value", ({ name, value }) => {
    const make = (text: string): Datastore => {
      const d = new Datastore();
      d.setVar("do_x", "true\n");
      for (const one of ["func", "task"]) d.setVarFlag("do_x", one, "1");
      d.setVar("V", text);
      if (name.endsWith("unexport")) d.setVarFlag("V", "export", "1");
      d.setVarFlag("V", name, value);
      return d;
    };
    for (const python of ["", "1"]) {
      const sign = (d: Datastore) => {
        d.setVarFlag("do_x", "python", python);
        return hash(d, "do_x");
      };
      const isIn = outcome(() => environmentOf(make("1")));
      expect(outcome(() => sign(make("1")) !== sign(make("2")))).toBe(isIn);
    }
  });

  function environmentOf(d: Datastore): boolean {
    const script = shellScript(d, { function: "do_x", title: "x", cwd: "/", umask: undefined, trace: false });
    return /^export V=/m.test(script);
  }

  function outcome(question: () => boolean): boolean | string {
    try {
      return question();
    } catch (error) {
      if (!(error instanceof BuildError)) throw error;
      return error.diagnostics[0]!.code;
    }
  }

  test.each(["network", "fakeroot", "interactive", "uninstall"])(
    "a word that is neither yes nor no is refused where it stands: [%s]",
    async (flag) => {
      using toy = new Toy();
      toy.recipe("probe", `do_install[${flag}] = "perhaps"\n`);
      const refused: unknown = await opened(toy).then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(refused).toMatchObject({
        diagnostics: [{ code: "datastore/malformed-boolean", at: expect.anything() as unknown }],
      });
    },
  );
});
