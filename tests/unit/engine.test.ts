import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { BuildError, run } from "@tsbake/base";
import { Datastore } from "@tsbake/datastore";
import {
  describeEnvironment,
  hostToolchain,
  linkHostTools,
  locateBuild,
  openFileDigests,
  toolDigests,
} from "@tsbake/engine";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tsbake-engine-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(path: string, text = "", mode = 0o644): string {
  const full = join(folder, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, text, { mode });
  return full;
}

function problemOf(work: () => unknown): BuildError {
  try {
    work();
  } catch (error) {
    if (error instanceof BuildError) return error;
    throw error;
  }
  throw new Error("nothing was wrong");
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
      { code: "engine/no-project", message: expect.stringContaining(folder) },
    ]);
  });
});

describe("the environment of a datastore", () => {
  test("shows history, value before and after expansion, exports and functions", () => {
    const d = new Datastore({ trackHistory: true });
    d.setVar("B", "two", { operation: "set", parsing: true });
    d.setVar("A", 'say "${B}"', { operation: "set", parsing: true });
    d.setVar("A", 'now "${B}"', { operation: "set", parsing: true });
    d.setVarFlag("A", "export", "1");
    d.setVar("_hidden", "1");
    d.setVar("C", "gone");
    d.setVarFlag("C", "unexport", "1");
    d.setVar("LINES", "one\ntwo");
    d.setVar("shown", "    echo ${B}\n");
    d.setVarFlag("shown", "func", "1");
    d.setVar("snake", "    d.getVar('B')\n");
    d.setVarFlag("snake", "func", "1");
    d.setVarFlag("snake", "python", "1");
    const text = describeEnvironment(d);
    expect(text).toContain('# pre-expansion value:\n#   "now "${B}""\nexport A="now \\"two\\""\n');
    expect(text).toMatch(
      /# \$A \[\d operations\]\n#   set .*\n#     "say "\$\{B\}""\n#   set .*\n#     "now/,
    );
    expect(text).toContain("unset C\n");
    expect(text).toContain('LINES="one \\\ntwo"\n');
    expect(text).toContain("shown() {\n    echo two\n}\n");
    expect(text).toContain("python snake () {\n    d.getVar('B')\n}\n");
    expect(text).not.toContain("_hidden");
    expect(text.indexOf("\nshown() {")).toBeGreaterThan(text.indexOf('LINES="one'));
  });

  test("shows what cannot be expanded as it is written, and why", () => {
    const d = new Datastore();
    d.setVar("ROUND", "${ABOUT}");
    d.setVar("ABOUT", "${ROUND}");
    d.setVar("FINE", "1");
    const text = describeEnvironment(d);
    expect(text).toMatch(/# not expanded: .+\nABOUT="\$\{ROUND\}"\n/);
    expect(text).toContain('FINE="1"\n');
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
  ])("change with %s", async (_what, path, expected) => {
    const before = await digests();
    write(`packages/${path}`, "changed\n");
    const after = await digests();
    expect(Object.keys(after).filter((name) => after[name] !== before[name])).toEqual(expected);
  });

  test("are there for the real tools", async () => {
    expect(Object.keys(await toolDigests())).toEqual(
      expect.arrayContaining(["TSBAKE_FETCH_DIGEST", "TSBAKE_IMAGE_DIGEST", "TSBAKE_PACKAGE_DIGEST"]),
    );
  });
});

describe("remembered digests of files", () => {
  const cache = () => join(folder, "cache/digests.json");
  const settled = (path: string, text: string): string => {
    const full = write(path, text);
    utimesSync(full, 1000, 1000);
    return full;
  };

  test("are used while a file looks the same, and only then", async () => {
    const file = settled("source", "one\n");
    const first = await openFileDigests(cache());
    const digest = await first.digest(file);
    await first.save();
    // Same size, time and inode: what is remembered is believed, which shows that nothing was read.
    const stored = await readFile(cache(), "utf8");
    expect(stored).toContain(digest);
    writeFileSync(cache(), stored.replace(digest!, "0".repeat(64)));
    expect(await (await openFileDigests(cache())).digest(file)).toBe("0".repeat(64));
    settled("source", "longer\n");
    const changed = await (await openFileDigests(cache())).digest(file);
    expect(changed).toMatch(/^[0-9a-f]{64}$/);
    expect([digest, "0".repeat(64)]).not.toContain(changed);
  });

  test("nothing learned, nothing written; what is not there has none", async () => {
    const digests = await openFileDigests(cache());
    expect(await digests.digest(join(folder, "nothing"))).toBeUndefined();
    await digests.save();
    await expect(readFile(cache())).rejects.toMatchObject({ code: "ENOENT" });
  });

  test.each(["", "{", "[]", "null", '{"a": 1}', '"text"', "\0\0"])(
    "a file of %j counts as empty",
    async (text) => {
      write("cache/digests.json", text);
      const file = settled("source", "one\n");
      const damaged = await openFileDigests(cache());
      const digest = await damaged.digest(file);
      expect(digest).toMatch(/^[0-9a-f]{64}$/);
      await damaged.save();
      expect(Object.keys(JSON.parse(await readFile(cache(), "utf8")) as object)).toContain(file);
      expect(await (await openFileDigests(cache())).digest(file)).toBe(digest);
    },
  );
});

test("the host's toolchain is known by the files behind its names", () => {
  const gcc = write("bin/real-gcc-12", "#!/bin/sh\n", 0o755);
  utimesSync(gcc, 100, 100);
  symlinkSync("real-gcc-12", join(folder, "bin/gcc"));
  const identity = () => hostToolchain(join(folder, "bin"));
  expect(identity().split(" ")[0]).toBe("gcc=real-gcc-12,10,100");
  utimesSync(gcc, 200, 200);
  expect(identity().split(" ")[0]).toBe("gcc=real-gcc-12,10,200");
});
