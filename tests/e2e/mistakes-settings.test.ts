/**
 * Mistakes outside of recipes: command lines, the project file, configuration, layers, and what recipes want of each
 * other. One run each; one error each, with its place and a remedy; after the repair all is as it was.
 */
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { toldIn } from "../support/told.js";
import { Toy } from "../support/toy.js";

interface Mistake {
  readonly args?: readonly string[];
  /** Path → text, or a change of the text that is there. */
  readonly files?: Readonly<Record<string, string | ((before: string) => string)>>;
  /** `CODE` of each error, in the order they are told. */
  readonly codes: readonly string[];
  /** `path:line:column` of the first error. */
  readonly at?: string;
  readonly marked?: string;
  readonly message?: RegExp;
  readonly help?: RegExp;
  /** Default 1. */
  readonly exit?: number;
}

const LAYER = "meta-toy/conf/layer.conf";
const LOCAL = "build/conf/local.conf";
const PROJECT = "tsbake.yaml";
const recipe = (pn: string, text: string) => ({
  [`meta-toy/recipes/extra/${pn}_1.0.bb`]: `inherit toy\n${text}`,
});
const line = (text: string) => (before: string) => `${before}${text}\n`;
const without = (pattern: RegExp) => (before: string) => before.replace(pattern, "");

const COMMAND_LINES: Readonly<Record<string, Mistake>> = {
  "an option with a typing error": {
    args: ["--dry-ru", "page"],
    codes: ["cli/unknown-option"],
    help: /--dry-run/,
    exit: 2,
  },
  "an option without its value": {
    args: ["page", "-c"],
    codes: ["cli/missing-value"],
    help: /-c TASK/,
    exit: 2,
  },
  "an option with another in place of its value": {
    args: ["-c", "-n", "page"],
    codes: ["cli/missing-value"],
    exit: 2,
  },
  "an option with an empty value": { args: ["--cmd=", "page"], codes: ["cli/missing-value"], exit: 2 },
  "two that exclude each other": { args: ["-q", "-v", "page"], codes: ["cli/conflicting-options"], exit: 2 },
  "a value that is none": {
    args: ["--ui", "knotti", "page"],
    codes: ["cli/wrong-value"],
    help: /`auto`, `plain` or `json`/,
    exit: 2,
  },
  "a flag with a value": { args: ["--dry-run=yes", "page"], codes: ["cli/wrong-value"], exit: 2 },
  "an empty target": { args: [""], codes: ["cli/wrong-value"], exit: 2 },
  "a target without its task": {
    args: ["page:"],
    codes: ["cli/wrong-value"],
    help: /RECIPE:do_TASK/,
    exit: 2,
  },
  "two unknown recipes": {
    args: ["pgae", "shuot"],
    codes: ["recipe/nothing-provides", "recipe/nothing-provides"],
    help: /is `page` meant\?/,
  },
  "an unknown recipe like no other": {
    args: ["zzzzzz"],
    codes: ["recipe/nothing-provides"],
    help: /tsbake -s/,
  },
  "an unknown task": {
    args: ["-c", "compil", "page"],
    codes: ["graph/unknown-task"],
    help: /is `do_compile` meant\?/,
  },
  "an unknown task of a target": {
    args: ["page:do_compil"],
    codes: ["graph/unknown-task"],
    help: /is `do_compile` meant\?/,
  },
  "an unknown task to clear": { args: ["-C", "compil", "page"], codes: ["engine/no-task-to-clear"] },
  "a file that is not there": {
    args: ["-r", "nosuch.conf", "page"],
    codes: ["recipe/missing-configuration-file"],
  },
  "a machine that does not exist": {
    args: ["--machine", "genric", "page"],
    codes: ["datastore/missing-include"],
    message: /conf\/machine\/genric.conf/,
    help: /^is `generic` meant\?/,
  },
  "a project file that is not there": { args: ["nosuch.yml", "page"], codes: ["project/unreadable-project"] },
  "project files in two words": {
    args: ["tsbake.yaml", "other.yml", "page"],
    codes: ["cli/unexpected-word"],
    help: /tsbake\.yaml:other\.yml/,
    exit: 2,
  },
  "a file that is no metadata": { args: ["-R", "tsbake.yaml", "page"], codes: ["recipe/not-metadata"] },
};

/** `tsbake lock` asks for the project file as builds do. */
const LOCKS: Readonly<Record<string, Mistake>> = {
  "a repository that cannot be cloned": {
    args: ["lock"],
    files: { [PROJECT]: line("  other:\n    url: https://host.invalid/y.git\n    branch: main") },
    codes: ["project/repo-missing"],
  },
  "a file that is not there": { args: ["lock", "nosuch.yml"], codes: ["project/unreadable-project"] },
};

const PROJECTS: Readonly<Record<string, Mistake>> = {
  "a wrong key": {
    files: { [PROJECT]: line("machin: x") },
    codes: ["project/unknown-key"],
    at: `${PROJECT}:9:1`,
    marked: "machin",
    help: /is `machine` meant\?/,
  },
  "a key twice": {
    files: { [PROJECT]: line("machine: y") },
    codes: ["project/project-syntax"],
    at: `${PROJECT}:9:1`,
  },
  "a tab": {
    files: { [PROJECT]: line("env:\n\tA: b") },
    codes: ["project/project-syntax"],
    at: `${PROJECT}:10:1`,
  },
  "a list for a text": {
    files: { [PROJECT]: (text) => text.replace("generic", "[1]") },
    codes: ["project/wrong-type"],
    at: `${PROJECT}:3:10`,
    marked: "[1]",
  },
  "a missing layer": {
    files: { [PROJECT]: (text) => text.replace("path: meta-toy", "path: meta-tyo") },
    codes: ["project/repo-missing"],
    at: `${PROJECT}:7:3`,
    help: /is `meta-toy` meant\?/,
  },
  "a repository to be fetched": {
    files: { [PROJECT]: line("  other:\n    url: https://host.invalid/y.git\n    branch: main") },
    codes: ["project/repo-missing"],
    message: /cannot be cloned: .*host\.invalid/,
    help: /git clone --branch main https:/,
  },
  "a repository of which nothing says the commit": {
    files: { [PROJECT]: line("  other:\n    url: https://host.invalid/y.git") },
    codes: ["project/no-revision"],
    help: /`branch`/,
  },
  "a repository that is not there, without network": {
    files: {
      [PROJECT]: line(
        '  other:\n    url: https://host.invalid/y.git\n    branch: main\nenv:\n  BB_NO_NETWORK: "1"',
      ),
    },
    codes: ["project/repo-missing"],
    message: /BB_NO_NETWORK forbids/,
  },
  "a repository that is no repository": {
    files: {
      [PROJECT]: (text) => text.replace("path: meta-toy", "path: meta-toy\n    url: ./x\n    branch: main"),
    },
    codes: ["project/not-a-repository"],
  },
  "a lock that contradicts": {
    files: {
      [PROJECT]: line("  other:\n    url: ./x\n    commit: abcdef0"),
      "tsbake.lock.yaml": "header: {version: 14}\noverrides: {repos: {other: {commit: abcdef1}}}\n",
    },
    codes: ["project/lock-contradicts"],
    marked: "abcdef0",
    help: /tsbake lock/,
  },
  "a format that is not known": {
    files: { [PROJECT]: (text) => text.replace(/version: \d+/, "version: 999") },
    codes: ["project/project-version"],
    marked: "999",
  },
  "an include that leads out": {
    files: { [PROJECT]: (text) => text.replace(/(version: \d+)/, "$1\n  includes: [../../x.yml]") },
    codes: ["project/include-outside"],
  },
  "a key of kas that is not followed": {
    files: { [PROJECT]: line("build_system: isar") },
    codes: ["project/unsupported-key"],
    marked: "isar",
    help: /OpenEmbedded/,
  },
  nothing: { files: { [PROJECT]: "" }, codes: ["project/missing-key"] },
  rubbish: { files: { [PROJECT]: "\u0000\u0001\u0002" }, codes: ["project/wrong-type"] },
  "an unknown machine": {
    files: { [PROJECT]: (text) => text.replace("generic", "genric") },
    codes: ["datastore/missing-include"],
    message: /conf\/machine\/genric.conf/,
    help: /^is `generic` meant\?/,
  },
};

const CONFIGURATIONS: Readonly<Record<string, Mistake>> = {
  "an open quote": {
    files: { [LOCAL]: 'FOO = "bar\n' },
    codes: ["language/unclosed-quote"],
    at: `${LOCAL}:1:7`,
  },
  "three mistakes": {
    files: { [LOCAL]: 'A = b\nB = c\nA_append = "x"\n' },
    codes: ["language/unquoted-value", "language/unquoted-value", "language/old-override"],
    at: `${LOCAL}:1:5`,
  },
  inherit: {
    files: { [LOCAL]: "inherit foo\n" },
    codes: ["language/not-in-conf"],
    at: `${LOCAL}:1:1`,
    help: /INHERIT \+=/,
  },
  "folders with names that no shell takes": {
    files: { [LOCAL]: 'DL_DIR = "/srv/down loads"\nTMPDIR = "${TOPDIR}/a:b"\nSSTATE_DIR = "${TMPDIR}/s"\n' },
    codes: ["engine/unusable-path", "engine/unusable-path"],
    at: `${LOCAL}:1:1`,
    message: /^DL_DIR is `\/srv\/down loads`, with a blank in its path/,
  },
  "INHERIT of nothing": {
    files: { [LOCAL]: 'INHERIT += "nosuchclass"\n' },
    codes: ["datastore/missing-class"],
    at: `${LOCAL}:1:13`,
    marked: "nosuchclass",
  },
  "a file that is not there": {
    files: { [LOCAL]: "require conf/nosuch.conf\n" },
    codes: ["datastore/missing-include"],
    at: `${LOCAL}:1:9`,
  },
  "renamed variables": {
    files: { [LOCAL]: 'BB_HASHBASE_WHITELIST = "x"\nBB_ENV_WHITELIST = "x"\n' },
    codes: ["datastore/renamed-variable", "datastore/renamed-variable"],
    at: `${LOCAL}:1:1`,
  },
  "inline Python": {
    files: { [LOCAL]: 'A = "${@nosuch()}"\nINHERIT += "${A}"\n' },
    codes: ["datastore/expansion"],
    at: `${LOCAL}:1:6`,
    marked: "${@nosuch()}",
  },
  threads: {
    files: { [LOCAL]: 'BB_NUMBER_THREADS = "many"\n' },
    codes: ["engine/malformed-setting"],
    at: `${LOCAL}:1:1`,
  },
  "a scheduler": {
    files: { [LOCAL]: 'BB_SCHEDULER = "mine"\n' },
    codes: ["engine/malformed-setting"],
    at: `${LOCAL}:1:1`,
  },
  "a scheduler of the metadata's own": {
    files: { [LOCAL]: 'BB_SCHEDULERS = "lib.Mine"\nBB_SCHEDULER = "mine"\n' },
    codes: ["engine/foreign-scheduler"],
    at: `${LOCAL}:2:1`,
  },
  "niceness and io class": {
    files: { [LOCAL]: 'BB_TASK_NICE_LEVEL = "low"\nBB_TASK_IONICE_LEVEL = "2"\n' },
    codes: ["engine/malformed-setting", "engine/malformed-setting"],
    at: `${LOCAL}:1:1`,
  },
  mirrors: {
    files: { [LOCAL]: 'SSTATE_MIRRORS = "file://.*"\n' },
    codes: ["engine/malformed-setting"],
    at: `${LOCAL}:1:1`,
    help: /PATH/,
  },
  "a file for the shared state": {
    files: { [LOCAL]: 'SSTATE_DIR = "/etc/passwd"\n' },
    codes: ["engine/malformed-setting"],
    at: `${LOCAL}:1:1`,
  },
  "a folder behind a file for the shared state": {
    files: { [LOCAL]: 'SSTATE_DIR = "/etc/passwd/x"\n' },
    codes: ["engine/malformed-setting"],
    at: `${LOCAL}:1:1`,
  },
  "a file for TMPDIR": {
    files: { [LOCAL]: 'TMPDIR = "/etc/passwd"\n' },
    codes: ["engine/unwritable-tmpdir"],
    at: `${LOCAL}:1:1`,
  },
  "TMPDIR where no folder can be": {
    files: { [LOCAL]: 'TMPDIR = "/proc/x/y"\n' },
    codes: ["engine/unwritable-tmpdir"],
    at: `${LOCAL}:1:1`,
  },
  "a version that nobody has": {
    files: { [LOCAL]: 'REQUIRED_VERSION_page = "2.0"\n' },
    codes: ["recipe/required-version-missing"],
    help: /1\.0/,
  },
};

const LAYERS: Readonly<Record<string, Mistake>> = {
  "an open quote": {
    files: { [LAYER]: line('FOO = "bar') },
    codes: ["language/unclosed-quote"],
    at: `${LAYER}:9:7`,
  },
  "a layer that is not there": {
    files: { [LAYER]: line('LAYERDEPENDS_toy = "core other"') },
    codes: ["recipe/missing-layer-dependency"],
    at: `${LAYER}:9:1`,
  },
  "a version that is not there": {
    files: { [LAYER]: line('LAYERDEPENDS_toy = "core (>= 99)"') },
    codes: ["recipe/layer-version"],
    at: `${LAYER}:9:1`,
  },
  "a condition nobody understands": {
    files: { [LAYER]: line('LAYERDEPENDS_toy = "core (>= x"') },
    codes: ["recipe/bad-layer-dependency"],
    at: `${LAYER}:9:1`,
  },
  "a priority that is no number": {
    files: { [LAYER]: line('BBFILE_PRIORITY_toy = "abc"') },
    codes: ["recipe/bad-layer-priority"],
    at: `${LAYER}:9:1`,
  },
  "another series": {
    files: { [LAYER]: line('LAYERSERIES_COMPAT_toy = "kirkstone"') },
    codes: ["recipe/incompatible-layer"],
    at: `${LAYER}:9:1`,
  },
  "a pattern that is none": {
    files: { [LAYER]: line('BBFILE_PATTERN_toy = "(("') },
    codes: ["recipe/wrong-pattern"],
    at: `${LAYER}:9:1`,
  },
  "no pattern": {
    files: { [LAYER]: without(/^BBFILE_PATTERN.*\n/m) },
    codes: ["recipe/wrong-pattern"],
    message: /is not set/,
  },
  "one name twice": {
    files: { [LAYER]: line('BBFILE_COLLECTIONS += "toy"') },
    codes: ["recipe/duplicate-collection"],
    at: `${LAYER}:9:1`,
  },
  "dynamic files of nobody": {
    files: { [LAYER]: line('BBFILES_DYNAMIC += "foo"') },
    codes: ["recipe/malformed-dynamic-files"],
    at: `${LAYER}:9:1`,
  },
  "a function": {
    files: { [LAYER]: line("python () {\n}") },
    codes: ["language/not-in-conf"],
    at: `${LAYER}:9:1`,
  },
  "a Python package that is not there": {
    files: { [LAYER]: line("addpylib ${LAYERDIR}/lib nosuch") },
    codes: ["datastore/missing-python-library"],
    at: `${LAYER}:9:10`,
  },
  "half a directive": {
    files: { [LAYER]: line("addfragments x") },
    codes: ["language/unparsed-line"],
    at: `${LAYER}:9:1`,
  },
  "an append of nothing": {
    files: { "meta-toy/recipes/extra/zz_1.0.bbappend": 'A = "1"\n' },
    codes: ["recipe/dangling-append"],
    help: /BBMASK/,
  },
};

const EXTRA = "meta-toy/recipes/extra";

const WISHES: Readonly<Record<string, Mistake>> = {
  "of two recipes that are not there": {
    args: ["st"],
    files: recipe("st", 'A = "1"\nDEPENDS = "shout \\\n  shuot \\\n  greting"\n'),
    codes: ["recipe/nothing-provides", "recipe/nothing-provides"],
    at: `${EXTRA}/st_1.0.bb:4:3`,
    marked: "shuot",
    message: /which `st` needs \(DEPENDS\)/,
    help: /is `shout` meant\?/,
  },
  "of a library that an option brings": {
    args: ["st"],
    files: recipe("st", 'PACKAGECONFIG[zip] = "--zip,,nolibatall"\nPACKAGECONFIG = "zip"\n'),
    codes: ["recipe/nothing-provides"],
    at: `${EXTRA}/st_1.0.bb:2:30`,
    marked: "nolibatall",
    message: /which `st` needs \(PACKAGECONFIG\[zip\]\)/,
    help: /is a recipe of two lines: `inherit feed`/,
  },
  "of a package that is not there, for an image": {
    args: ["img"],
    files: recipe(
      "img",
      'IMAGE_INSTALL = "shout \\\n  nosuchpkg"\nRDEPENDS += "${IMAGE_INSTALL}"\ndo_build[rdeptask] = "do_build"\n',
    ),
    codes: ["recipe/nothing-rprovides"],
    at: `${EXTRA}/img_1.0.bb:3:3`,
    marked: "nosuchpkg",
    message: /which `img` needs \(IMAGE_INSTALL\)/,
  },
  "of a recipe, in a flag": {
    args: ["st"],
    files: recipe("st", 'do_compile[depends] = "shuot:do_build"\n'),
    codes: ["recipe/nothing-provides"],
    at: `${EXTRA}/st_1.0.bb:2:24`,
    marked: "shuot",
  },
  "of a task that the other does not have": {
    args: ["st"],
    files: recipe("st", 'do_compile[depends] = "shout:do_nosuch"\n'),
    codes: ["graph/missing-task"],
    at: `${EXTRA}/st_1.0.bb:2:30`,
    marked: "do_nosuch",
  },
  "of two tasks for each other": {
    args: ["st"],
    files: recipe(
      "st",
      "do_a() {\n}\ndo_b() {\n}\naddtask a after do_b before do_build\naddtask b after do_a before do_build\n",
    ),
    codes: ["graph/cycle"],
    at: `${EXTRA}/st_1.0.bb:6:9`,
    message: /st:do_a → st:do_b → st:do_a$/,
  },
  "of three recipes for each other": {
    args: ["ca"],
    files: {
      ...recipe("ca", 'DEPENDS = "cb"\n'),
      ...recipe("cb", '\nDEPENDS = "cc"\n'),
      ...recipe("cc", 'DEPENDS = "ca"\n'),
    },
    codes: ["graph/cycle"],
    help: /ca_1\.0\.bb:2\).*cb_1\.0\.bb:3\).*cc_1\.0\.bb:2\)$/,
  },
  "of a recipe that was skipped": {
    args: ["st"],
    files: recipe("st", 'python () {\n    raise bb.parse.SkipRecipe("not for you")\n}\n'),
    codes: ["recipe/nothing-provides"],
    message: /st was skipped: not for you/,
  },
  "to run shell that is none": {
    args: ["page"],
    files: recipe("st", "do_compile() {\n    echo a\n    if true; then\n        echo b\n}\n"),
    codes: ["graph/shell-syntax"],
    at: `${EXTRA}/st_1.0.bb:4:5`,
    marked: "if true; then",
  },
  "to run appended shell that is none": {
    args: ["page"],
    files: recipe("st", "do_compile() {\n    echo a\n}\n\ndo_compile:append() {\n    echo b\n    fi\n}\n"),
    codes: ["graph/shell-syntax"],
    at: `${EXTRA}/st_1.0.bb:8:5`,
    marked: "fi",
  },
};

let toy: Toy;
beforeAll(() => {
  toy = new Toy();
});
afterAll(() => toy[Symbol.dispose]());

/** @returns the codes of what was told */
async function tell(mistake: Mistake): Promise<string[]> {
  const {
    args = ["page"],
    files = {},
    codes,
    at,
    marked = "",
    message = /./,
    help = /./,
    exit = 1,
  } = mistake;
  for (const [path, text] of Object.entries(files)) toy.change(path, text);
  try {
    const result = await toy.answered(args);
    const told = toldIn(result.stderr);
    const found = told.map(({ code }) => code);
    expect({ exit: result.code, told: found }).toEqual({ exit, told: codes });
    const [first] = told;
    const places = told.flatMap((one) => one.places.map((place) => place.replace(`${toy.rig.folder}/`, "")));
    expect(places.slice(0, 1)).toEqual(at === undefined ? places.slice(0, 1) : [at]);
    expect(first!.marked).toContain(marked);
    expect(first!.message).toMatch(message);
    for (const one of told) expect(one.help).not.toBe("");
    expect(first!.help).toMatch(help);
    expect(result.stdout).not.toContain("do_");
    return found;
  } finally {
    toy.restore();
  }
}

describe("mistakes on the command line", () => {
  test.each(Object.entries(COMMAND_LINES))("%s", async (_name, mistake) => {
    expect(await tell(mistake)).toEqual(mistake.codes);
  });
});

describe("mistakes in the project file", () => {
  test.each(Object.entries(PROJECTS))("%s", async (_name, mistake) => {
    expect(await tell(mistake)).toEqual(mistake.codes);
  });

  test.each(Object.entries(LOCKS))("tsbake lock: %s", async (_name, mistake) => {
    expect(await tell(mistake)).toEqual(mistake.codes);
  });

  test("a folder in its place", async () => {
    using project = new Toy();
    rmSync(project.rig.path(PROJECT));
    mkdirSync(project.rig.path(PROJECT));
    const told = toldIn((await project.tsbake(["page"])).stderr);
    expect(told.map(({ code }) => code)).toEqual(["project/unreadable-project"]);
  });
});

describe("mistakes in the configuration", () => {
  test.each(Object.entries(CONFIGURATIONS))("%s", async (_name, mistake) => {
    expect(await tell(mistake)).toEqual(mistake.codes);
  });
});

describe("the name of the build folder", () => {
  test.each([" ", "\n", "'", "(", ":", "%", "="])("has %j: one error names it", async (character) => {
    const result = await toy.tsbake(["-n", "page"], {
      environment: { TSBAKE_BUILD_DIR: toy.rig.path(`a${character}b`) },
    });
    const told = toldIn(result.stderr);
    expect(told.map(({ code }) => code)).toEqual(["engine/unusable-path"]);
    expect(existsSync(toy.rig.path(`a${character}b`))).toBe(false);
  });

  test("has what is no trouble: a build in it works", async () => {
    const folder = toy.rig.path("a+b@c~d,e!f^é");
    const result = await toy.tsbake(["page"], { environment: { TSBAKE_BUILD_DIR: folder } });
    expect({ code: result.code, said: result.stderr }).toEqual({ code: 0, said: "" });
  }, 300_000);
});

describe("mistakes of layers", () => {
  test.each(Object.entries(LAYERS))("%s", async (_name, mistake) => {
    expect(await tell(mistake)).toEqual(mistake.codes);
  });
});

describe("wishes that cannot be met", () => {
  test.each(Object.entries(WISHES))("%s", async (_name, mistake) => {
    expect(await tell(mistake)).toEqual(mistake.codes);
  });

  test("the place is told when the parse is cached, too", async () => {
    toy.recipe("st", "DEPENDS = \"${@'shu' + 'ot'} nosuch\"\n");
    const first = await toy.tsbake(["st"]);
    const second = await toy.tsbake(["st"]);
    toy.restore();
    expect(toldIn(second.stderr)).toEqual(toldIn(first.stderr));
    expect(toldIn(second.stderr).find(({ marked }) => marked === "nosuch")).toBeDefined();
  });
});

describe("after all repairs", () => {
  test("everything is as it was", async () => {
    const result = await toy.tsbake(["-n", "page"]);
    expect({ code: result.code, said: result.stderr }).toEqual({ code: 0, said: "" });
  });
});
