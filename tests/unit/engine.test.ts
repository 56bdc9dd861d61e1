import {
  chmodSync,
  mkdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { Source } from "@tsbake/base";
import { Datastore, evaluateFile } from "@tsbake/datastore";
import { parseFile } from "@tsbake/language";
import {
  deployedImage,
  describeEnvironment,
  hostToolchain,
  imageFiles,
  linkHostTools,
  openFileDigests,
  ownCode,
  signedPrograms,
  toolDigests,
} from "@tsbake/engine";
import { locateBuild } from "@tsbake/project";
import { openProviders } from "@tsbake/recipe";
import { run } from "../support/command.js";
import { makeProject, recipe } from "../support/recipes.js";
import { temporaryFolder } from "../support/temporary.js";
import { problemOf } from "../support/problem-of.js";

let folder: string;
beforeEach(() => {
  folder = temporaryFolder("engine");
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(path: string, text = "", mode = 0o644): string {
  const full = join(folder, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, text, { mode });
  return full;
}

describe("locating the build", () => {
  const cases: readonly {
    readonly name: string;
    readonly files: readonly string[];
    readonly from: string;
    readonly environment?: Readonly<Record<string, string>>;
    readonly topdir: string;
    readonly project?: string;
  }[] = [
    {
      name: "a project has its build folder below",
      files: ["tsbake.yaml"],
      from: ".",
      topdir: "build",
      project: "tsbake.yaml",
    },
    {
      name: "from deep inside the project",
      files: ["tsbake.yaml"],
      from: "meta/recipes",
      topdir: "build",
      project: "tsbake.yaml",
    },
    {
      name: "TSBAKE_BUILD_DIR counts from the current folder",
      files: ["tsbake.yaml"],
      from: "meta",
      environment: { TSBAKE_BUILD_DIR: "../elsewhere" },
      topdir: "elsewhere",
      project: "tsbake.yaml",
    },
    {
      name: "an empty TSBAKE_BUILD_DIR is none",
      files: ["tsbake.yaml"],
      from: ".",
      environment: { TSBAKE_BUILD_DIR: "" },
      topdir: "build",
      project: "tsbake.yaml",
    },
    {
      name: "a build folder without a project file",
      files: ["b/conf/bblayers.conf"],
      from: "b",
      topdir: "b",
    },
    { name: "below a build folder", files: ["b/conf/bblayers.conf"], from: "b/tmp/work", topdir: "b" },
    {
      name: "a build folder that a project made stays in step with it",
      files: ["tsbake.yaml", "build/conf/bblayers.conf"],
      from: "build/tmp",
      topdir: "build",
      project: "tsbake.yaml",
    },
    {
      name: "the nearest wins",
      files: ["tsbake.yaml", "inner/tsbake.yaml"],
      from: "inner/meta",
      topdir: "inner/build",
      project: "inner/tsbake.yaml",
    },
  ];

  test.each(cases)("$name", ({ files, from, environment, topdir, project }) => {
    for (const file of files) write(file);
    mkdirSync(join(folder, from), { recursive: true });
    expect(locateBuild(join(folder, from), environment ?? {})).toEqual({
      topdir: join(folder, topdir),
      ...(project === undefined ? {} : { projectFile: join(folder, project) }),
    });
  });

  test.each([
    ["metadata without layers: the current folder", {}, "."],
    ["metadata without layers: TOPDIR", { TOPDIR: "there" }, "there"],
  ])("%s", (_name, environment, topdir) => {
    const found = locateBuild(folder, { BBPATH: "/metadata", ...environment });
    expect(found).toEqual({ topdir: join(folder, topdir), isPlain: true });
  });

  test("neither is an error that names the folder", () => {
    expect(problemOf(() => locateBuild(folder, {})).diagnostics).toMatchObject([
      { code: "project/no-project", message: expect.stringContaining(folder) },
    ]);
  });
});

describe("the environment of a datastore", () => {
  /** Statements of one file, a line each. */
  function evaluated(lines: readonly string[]): Datastore {
    const d = new Datastore({ trackHistory: true });
    const source = new Source("/layer/conf/local.conf", `${lines.join("\n")}\n`);
    const host = {
      load: () => undefined,
      warn: () => {},
      python: (): never => {
        throw new Error("no Python here");
      },
    };
    evaluateFile(parseFile(source, "recipe"), d, host);
    return d;
  }

  // The layout is what BitBake 2.19 prints for the same lines, but for what docs/differences.md names.
  test("shows history, value before and after expansion, exports and functions", () => {
    const d = evaluated([
      'A = "1"',
      'A ?= "2"',
      'A += "${B}"',
      'A:append:arm = " end"',
      'B = "two"',
      'C ??= "weak"',
      'C[doc] = "text"',
      'export D = "say \\"q\\" `x` $HOME"',
      'E[unexport] = "1"',
      'E = "gone"',
      "export F",
      'OVERRIDES = "arm"',
      'BAD = "${BAD}"',
      "shown () {",
      "    echo ${B}",
      "}",
      "shown:append () {",
      "    echo more",
      "}",
      "python snake () {",
      "    d.getVar('B')",
      "}",
    ]);
    d.writtenBy({ file: "/layer/classes/x.bbclass", line: 7, by: "helper" });
    d.setVar("B", "three");
    d.writtenBy(undefined);
    d.setVar("LINES", "one\ntwo");
    d.setVar("__HIDDEN", "1");
    const file = "/layer/conf/local.conf";
    expect(describeEnvironment(d)).toBe(`#
# $A [4 operations]
#   set ${file}:1
#     "1"
#   set? ${file}:2
#     "2"
#   append ${file}:3
#     "\${B}"
#   :append[arm] ${file}:4
#     " end"
# pre-expansion value:
#   "1 \${B} end"
A="1 three end"
#
# $B [2 operations]
#   set ${file}:5
#     "two"
#   set x.bbclass:7 [helper]
#     "three"
# pre-expansion value:
#   "three"
B="three"
# expansion of BAD threw ExpansionError: \`BAD\` cannot be expanded: it refers to itself, in \`\${BAD}\`
#
# $C [2 operations]
#   set ${file}:6
#     [_defaultval] "weak"
#   set ${file}:7
#     [doc] "text"
# pre-expansion value:
#   "weak"
C="weak"
#
# $D [2 operations]
#   exported ${file}:8
#     [export] "1"
#   set ${file}:8
#     "say \\"q\\" \`x\` $HOME"
# pre-expansion value:
#   "say \\"q\\" \`x\` $HOME"
export D="say \\\\"q\\\\" \\\`x\\\` \\$HOME"
#
# $E [2 operations]
#   set ${file}:9
#     [unexport] "1"
#   set ${file}:10
#     "gone"
# pre-expansion value:
#   "gone"
unset E
#
# $F
#   exported ${file}:11
#     [export] "1"
#
# $FILE
#   set
#     "/layer/conf/local.conf"
FILE="/layer/conf/local.conf"
#
# $LINES
#   set
#     "one
#     two"
LINES="one \\
two"
#
# $OVERRIDES
#   set ${file}:12
#     "arm"
OVERRIDES="arm"
# line: 14, file: ${file}
shown() {
    echo three
    echo more
}


python snake () {
    d.getVar('B')
}
`);
  });

  test("what the engine notes down for itself is left out where others have set the variable too", () => {
    const d = evaluated(['A = "1"']);
    d.setVar("A", "1");
    d.setVar("B", "1");
    d.setVar("B", "2");
    d.setVar("HOME", "/home/me", { operation: "from env" });
    d.setVarFlag("HOME", "export", true, { operation: "auto env export" });
    expect(describeEnvironment(d)).toBe(`#
# $A
#   set /layer/conf/local.conf:1
#     "1"
A="1"
#
# $B
#   set
#     "2"
B="2"
#
# $FILE
#   set
#     "/layer/conf/local.conf"
FILE="/layer/conf/local.conf"
#
# $HOME [2 operations]
#   from env
#     "/home/me"
#   auto env export
#     [export] "True"
# pre-expansion value:
#   "/home/me"
export HOME="/home/me"
`);
  });

  test("without a history, and what cannot be expanded", () => {
    const d = new Datastore();
    d.setVar("ROUND", "${ABOUT}");
    d.setVar("ABOUT", "${ROUND}");
    d.setVar("FINE", "1");
    const text = describeEnvironment(d);
    expect(text).toMatch(/^# expansion of ABOUT threw ExpansionError: .+\n#\n# \$FINE\n/);
    expect(text).toContain('# $FINE\n#   [no history recorded]\n#\n#   "1"\nFINE="1"\n');
  });
});

describe("host tools", () => {
  const link = (required: string, optional = "", path = join(folder, "bin")) =>
    linkHostTools({ folder: join(folder, "tools"), required, optional, path });

  test("become links to the first program of their name on the PATH; what is optional may be missing", async () => {
    const mine = write("bin/mine", "#!/bin/sh\n", 0o755);
    write("bin/sed", "not a program");
    const sed = write("second/sed", "#!/bin/sh\n", 0o755);
    await link(
      "mine sed node",
      "nowhere-at-all",
      `${join(folder, "bin")}:relative:${join(folder, "second")}`,
    );
    const linked = (name: string) => readlinkSync(join(folder, "tools", name));
    expect([linked("mine"), linked("sed"), linked("node")]).toEqual([mine, sed, process.execPath]);
    expect(await readdir(join(folder, "tools"))).not.toContain("nowhere-at-all");
  });

  test("that are missing are named all at once", async () => {
    await expect(link("sh no-such-one no-such-two", "no-such-three")).rejects.toMatchObject({
      diagnostics: [
        {
          code: "engine/missing-host-tools",
          message: expect.stringMatching(/`no-such-one`, `no-such-two`$/),
        },
      ],
    });
  });

  test("follow a program that moved", async () => {
    const first = write("bin/mover", "#!/bin/sh\n", 0o755);
    await link("mover");
    const second = write("other/mover", "#!/bin/sh\n", 0o755);
    rmSync(first);
    await link("mover", "", `${join(folder, "bin")}:${join(folder, "other")}`);
    expect(readlinkSync(join(folder, "tools/mover"))).toBe(second);
  });

  test("of our own run, also after a tsbake was killed before it had made them executable", async () => {
    await link("sh");
    const tool = join(folder, "tools/tsbake-fetch");
    chmodSync(tool, 0o644);
    await link("sh");
    expect(statSync(tool).mode & 0o777).toBe(0o755);
    expect((await run(tool, ["--help"])).code).toBe(0);
    for (const name of ["tsbake-image", "tsbake-package"])
      expect(await readdir(join(folder, "tools"))).toContain(name);
  });
});

describe("digests of tools", () => {
  const manifest = (room: string, needs: readonly string[], bin?: string) =>
    write(
      `packages/${room}/package.json`,
      JSON.stringify({
        ...(bin === undefined ? {} : { bin: { [bin]: "dist/main.js" } }),
        dependencies: Object.fromEntries(
          [...needs.map((need) => `@tsbake/${need}`), "yaml"].map((name) => [name, "1"]),
        ),
      }),
    );
  const digests = () => toolDigests(join(folder, "packages"));

  beforeEach(() => {
    manifest("base", []);
    manifest("fetch", ["base"], "tsbake-fetch");
    manifest("image", ["base"], "tsbake-image");
    manifest("cli", ["fetch"], "tsbake");
    for (const room of ["base", "fetch", "image", "cli"]) write(`packages/${room}/dist/main.js`, `${room}\n`);
  });

  test("are one for each program for tasks, and the same each time", async () => {
    const first = await digests();
    expect(Object.keys(first)).toEqual(["TSBAKE_FETCH_DIGEST", "TSBAKE_IMAGE_DIGEST"]);
    for (const digest of Object.values(first)) expect(digest).toMatch(/^[0-9a-f]{32}$/);
    expect(first["TSBAKE_FETCH_DIGEST"]).not.toBe(first["TSBAKE_IMAGE_DIGEST"]);
    for (const room of ["base", "fetch"]) utimesSync(join(folder, `packages/${room}/dist/main.js`), 1, 1);
    expect(await digests()).toEqual(first);
  });

  test.each([
    ["its own code", "fetch/dist/main.js", ["TSBAKE_FETCH_DIGEST"]],
    ["a new file of it", "fetch/dist/deep/new.js", ["TSBAKE_FETCH_DIGEST"]],
    [
      "the code of a room that two stand on",
      "base/dist/main.js",
      ["TSBAKE_FETCH_DIGEST", "TSBAKE_IMAGE_DIGEST"],
    ],
    ["a room that no tool stands on", "cli/dist/main.js", []],
    ["what is no code", "fetch/dist/main.js.map", []],
    ["its Python", "fetch/lib/tsbake/x.py", ["TSBAKE_FETCH_DIGEST"]],
  ])("change with %s", async (_what, path, expected) => {
    const before = await digests();
    write(`packages/${path}`, "changed\n");
    const after = await digests();
    expect(Object.keys(after).filter((name) => after[name] !== before[name])).toEqual(expected);
  });

  test("change with the locked version of a library that a room uses, also through another one", async () => {
    const lock = (yaml: string, deep: string) =>
      write(
        "package-lock.json",
        JSON.stringify({
          packages: {
            "packages/fetch": { dependencies: { "@tsbake/base": "1", yaml: "1" } },
            "packages/image": { dependencies: { other: "1" } },
            "node_modules/yaml": { version: yaml, dependencies: { deep: "1" } },
            "node_modules/yaml/node_modules/deep": { version: deep },
            "node_modules/deep": { version: "9" },
            "node_modules/other": { version: "1" },
          },
        }),
      );
    lock("1", "1");
    const first = await digests();
    for (const [yaml, deep] of [
      ["2", "1"],
      ["1", "2"],
    ] as const) {
      lock(yaml, deep);
      const now = await digests();
      expect(now["TSBAKE_FETCH_DIGEST"]).not.toBe(first["TSBAKE_FETCH_DIGEST"]);
      expect(now["TSBAKE_IMAGE_DIGEST"]).toBe(first["TSBAKE_IMAGE_DIGEST"]);
    }
    lock("1", "1");
    expect(await digests()).toEqual(first);
  });

  test("are remembered as long as no stamp of the code has changed", async () => {
    const cache = join(folder, "own-code.json");
    const ask = () => ownCode(cache, join(folder, "packages"));
    await sleep(150);
    const first = await ask();
    expect(first.digests).toEqual(await digests());
    // What is remembered is what is believed.
    writeFileSync(cache, JSON.stringify({ key: first.key, digests: { X: "y" } }));
    expect(await ask()).toEqual({ key: first.key, digests: { X: "y" } });
    write("packages/base/dist/main.js", "changed\n");
    expect((await ask()).digests).toEqual(await digests());
    for (const text of ["", "{", "[]", "null", '{"key":1}']) {
      writeFileSync(cache, text);
      expect((await ask()).digests).toEqual(await digests());
    }
  });

  test("are asked for again while a build runs: what has changed meanwhile is told, the rest not", async () => {
    const files = { digest: async (path: string) => readFile(path, "utf8") };
    const compiler = write("bin/gcc", "one\n", 0o755);
    const programs = await signedPrograms(
      dirname(compiler),
      join(folder, "own-code.json"),
      files,
      join(folder, "packages"),
    );
    const names = [...Object.keys(programs.variables), "PN"];
    expect(names).toEqual(expect.arrayContaining(["TSBAKE_FETCH_DIGEST", "TSBAKE_HOST_TOOLCHAIN"]));
    expect(await programs.changed(names)).toEqual([]);
    write("packages/image/dist/main.js", "changed\n");
    expect(await programs.changed(names)).toEqual(["TSBAKE_IMAGE_DIGEST"]);
    expect(await programs.changed(["TSBAKE_FETCH_DIGEST", "PN"])).toEqual([]);
    write("bin/gcc", "two\n");
    expect(await programs.changed(names)).toEqual(["TSBAKE_IMAGE_DIGEST", "TSBAKE_HOST_TOOLCHAIN"]);
  });

  test("are there for the real tools", async () => {
    expect(Object.keys(await toolDigests())).toEqual(
      expect.arrayContaining(["TSBAKE_FETCH_DIGEST", "TSBAKE_IMAGE_DIGEST", "TSBAKE_PACKAGE_DIGEST"]),
    );
  });
});

describe("remembered digests of files", () => {
  const cache = () => join(folder, "cache/digests.json");
  const later = () => Date.now() + 10_000;

  test("are used while a file looks the same, and only then", async () => {
    const file = write("source", "one\n");
    const first = await openFileDigests(cache(), later);
    const digest = await first.digest(file);
    await first.save();
    // The same stamp: what is remembered is believed, which shows that nothing was read.
    const stored = await readFile(cache(), "utf8");
    expect(stored).toContain(digest);
    writeFileSync(cache(), stored.replace(digest!, "0".repeat(64)));
    expect(await (await openFileDigests(cache(), later)).digest(file)).toBe("0".repeat(64));
    write("source", "longer\n");
    const changed = await (await openFileDigests(cache(), later)).digest(file);
    expect(changed).toMatch(/^[0-9a-f]{64}$/);
    expect([digest, "0".repeat(64)]).not.toContain(changed);
  });

  // A body may have read it in that moment, however short it is and however young the file.
  test.each(["digest", "checksums"] as const)(
    "%s: what was another one for a moment has changed, whatever is there now",
    async (ask) => {
      const edits: Readonly<Record<string, (path: string) => void>> = {
        "written to": (path) => {
          writeFileSync(path, "TWO\n");
          writeFileSync(path, "ONE\n");
        },
        replaced: (path) => {
          renameSync(path, `${path}.kept`);
          writeFileSync(path, "TWO\n");
          renameSync(`${path}.kept`, path);
        },
        "a link that led elsewhere": (path) => {
          for (const target of ["../two", "../one"]) {
            rmSync(path);
            symlinkSync(target, path);
          }
        },
      };
      write("one", "ONE\n");
      write("two", "TWO\n");
      for (const [name, edit] of Object.entries(edits)) {
        for (const inFolder of [false, true]) {
          const path = write("inputs/source", "ONE\n");
          if (name.startsWith("a link")) {
            rmSync(path);
            symlinkSync("../one", path);
          }
          // Past the tick of the clock by which files get their times, and too young to be remembered.
          await sleep(30);
          const asked = inFolder ? join(folder, "inputs") : path;
          const digests = await openFileDigests(cache());
          await digests[ask](asked);
          expect([name, inFolder, await digests.isChanged(asked)]).toEqual([name, inFolder, false]);
          edit(path);
          expect([name, inFolder, await digests.isChanged(asked)]).toEqual([name, inFolder, true]);
          rmSync(path);
        }
      }
    },
  );

  test("nothing learned, nothing written; what is not there has none", async () => {
    const digests = await openFileDigests(cache(), later);
    expect(await digests.digest(join(folder, "nothing"))).toBeUndefined();
    await digests.save();
    await expect(readFile(cache())).rejects.toMatchObject({ code: "ENOENT" });
  });

  test.each(["", "{", "[]", "null", '{"a": 1}', '"text"', "\0\0"])(
    "a file of %j counts as empty",
    async (text) => {
      write("cache/digests.json", text);
      const file = write("source", "one\n");
      const damaged = await openFileDigests(cache(), later);
      const digest = await damaged.digest(file);
      expect(digest).toMatch(/^[0-9a-f]{64}$/);
      await damaged.save();
      expect(Object.keys(JSON.parse(await readFile(cache(), "utf8")) as object)).toContain(file);
      expect(await (await openFileDigests(cache(), later)).digest(file)).toBe(digest);
    },
  );
});

test("the host's toolchain is known by what is in the files behind its names", async () => {
  const gcc = write("bin/real-gcc-12", "#!/bin/sh\n", 0o755);
  symlinkSync("real-gcc-12", join(folder, "bin/gcc"));
  const identity = async () => {
    const digests = await openFileDigests(join(folder, "tools.json"), () => Date.now() + 10_000);
    const found = await hostToolchain(join(folder, "bin"), digests);
    await digests.save();
    return found.split(" ")[0];
  };
  const first = await identity();
  expect(first).toMatch(/^gcc=real-gcc-12,[0-9a-f]{16}$/);
  // Another program with the size and the time of the first.
  utimesSync(gcc, 100, 100);
  expect(await identity()).toBe(first);
  write("bin/real-gcc-12", "#!/bin/ls\n", 0o755);
  utimesSync(gcc, 100, 100);
  expect(await identity()).not.toBe(first);
});

describe("the image of a recipe", () => {
  const recipeOf = (pn: string, facts: Readonly<Record<string, string>>, provides = "") =>
    recipe(
      pn,
      {},
      {
        provides,
        facts: Object.fromEntries(Object.entries(facts).map(([name, value]) => [name, { value }])),
      },
    );
  const images = () => {
    const tools = {
      BUILD_SUMMARY: join(folder, "deploy/tools.rootfs.summary"),
      IMAGE_BASE_PKGDB: "base-image",
    };
    const recipes = [recipeOf("tools-image", tools, "tools"), recipeOf("hello", {})];
    const project = makeProject(recipes, { PKGDB_DIR: join(folder, "pkgdb") });
    return { project, providers: openProviders(project) };
  };

  test.each(["tools-image", "tools"])("of %s has a folder and a name before it is built", (target) => {
    expect(imageFiles(images(), target)).toEqual({ folder: join(folder, "deploy"), name: "tools.rootfs" });
  });

  test.each([
    ["tools-imgae", "`tools-imgae` is neither", "is `tools-image` meant?"],
    ["hello", "`hello` is neither", "lists the recipes"],
  ])("%s has none", (target, message, help) => {
    const [diagnostic] = problemOf(() => imageFiles(images(), target)).diagnostics;
    expect(diagnostic).toMatchObject({
      code: "engine/no-such-image",
      message: expect.stringContaining(message),
      help: expect.stringContaining(help),
    });
  });

  test("is what a build has left: the type that is quickest to open, and the snapshot", () => {
    expect(problemOf(() => deployedImage(images(), "tools")).diagnostics[0]).toMatchObject({
      code: "engine/not-deployed",
    });
    const squashfs = write("deploy/tools.rootfs.squashfs");
    const manifest = join(folder, "deploy/tools.rootfs.json");
    const base = "base-image";
    expect(deployedImage(images(), "tools")).toEqual({ image: squashfs, manifest, base });
    const tar = write("deploy/tools.rootfs.tar");
    write("pkgdb/tools-image/snapshot.json");
    const snapshot = join(folder, "pkgdb/tools-image");
    expect(deployedImage(images(), "tools-image")).toEqual({ image: tar, manifest, snapshot, base });
  });
});
