import { existsSync, mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { BuildError, render } from "@tsbake/base";
import { locateBuild, projectEnvironment, readProjectFile, writeConfiguration } from "@tsbake/project";
import { temporaryFolder } from "../support/temporary.js";
import { rejectionOf } from "../support/problem-of.js";

/** A folder with these files; `layer` as content makes a layer folder. */
function folderWith(files: Record<string, string>): string {
  const folder = temporaryFolder("project");
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return folder;
}

/** Rendered problems of a project file, with the folder's name taken out. */
async function problemsOf(files: Record<string, string>): Promise<string> {
  const folder = folderWith(files);
  const { diagnostics } = await rejectionOf(readProjectFile(join(folder, "tsbake.yaml")));
  return diagnostics.map(render).join("\n\n").replaceAll(folder, "DIR");
}

const WHOLE = `header:
  version: 14
build_system: openembedded
machine: generic
distro: debian
target: [sysext-image, base-image]
task: build
env:
  MODE: fast
  TOKEN:
repos:
  here:
    layers:
      meta-a:
      meta-off: disabled
  other:
    path: ../other
local_conf_header:
  b-second: |
    B = "2"
  a-first: |
    A = "1"
bblayers_conf_header:
  x: X = "1"
`;

describe("reading", () => {
  test("takes every key of kas that says what is built", async () => {
    const folder = folderWith({
      "project/tsbake.yaml": WHOLE,
      "project/meta-a/conf/layer.conf": "",
      "other/conf/layer.conf": "",
    });
    expect(await readProjectFile(join(folder, "project/tsbake.yaml"))).toEqual({
      path: join(folder, "project/tsbake.yaml"),
      files: [join(folder, "project/tsbake.yaml")],
      machine: "generic",
      distro: "debian",
      task: "build",
      targets: ["sysext-image", "base-image"],
      env: { MODE: "fast" },
      passed: ["MODE", "TOKEN"],
      layers: [join(folder, "project/meta-a"), join(folder, "other")],
      localConf: [
        { name: "a-first", text: 'A = "1"\n' },
        { name: "b-second", text: 'B = "2"\n' },
      ],
      bblayersConf: [{ name: "x", text: 'X = "1"' }],
    });
  });

  test("lets a file win over those it includes, key by key", async () => {
    const folder = folderWith({
      "tsbake.yaml": `header: {version: 14, includes: [common/base.yaml]}
machine: mine
local_conf_header: {b: B2}
repos:
  r: {layers: {two: }}
`,
      "common/base.yaml": `header: {version: 1}
machine: theirs
distro: theirs
target: one two
local_conf_header: {a: A, b: B}
repos:
  r: {path: ../r, layers: {one: }}
`,
      "r/one/conf/layer.conf": "",
      "r/two/conf/layer.conf": "",
    });
    const project = await readProjectFile(join(folder, "tsbake.yaml"));
    expect(project).toMatchObject({
      machine: "mine",
      distro: "theirs",
      targets: ["one", "two"],
      layers: [join(folder, "r/one"), join(folder, "r/two")],
      localConf: [
        { name: "a", text: "A" },
        { name: "b", text: "B2" },
      ],
    });
    expect(project.files).toEqual([join(folder, "common/base.yaml"), join(folder, "tsbake.yaml")]);
  });

  test("includes a file of a repository", async () => {
    const folder = folderWith({
      "tsbake.yaml": `header:
  version: 14
  includes:
    - repo: r
      file: kas/base.yaml
repos:
  r: {path: sub}
`,
      "sub/kas/base.yaml": "header: {version: 14}\nmachine: theirs\n",
      "sub/conf/layer.conf": "",
    });
    expect(await readProjectFile(join(folder, "tsbake.yaml"))).toMatchObject({
      machine: "theirs",
      layers: [join(folder, "sub")],
    });
  });
});

describe("where a project is", () => {
  test.each<[string, string[], Record<string, string>, string[], object]>([
    ["tsbake.yml", ["tsbake.yml"], {}, [], { topdir: "build", projectFile: "tsbake.yml" }],
    ["tsbake.json", ["tsbake.json"], {}, [], { topdir: "build", projectFile: "tsbake.json" }],
    [
      "the first of both",
      ["tsbake.json", "tsbake.yaml"],
      {},
      [],
      { topdir: "build", projectFile: "tsbake.yaml" },
    ],
    [
      "kas' variable",
      ["tsbake.yaml"],
      { KAS_BUILD_DIR: "b" },
      [],
      { topdir: "b", projectFile: "tsbake.yaml" },
    ],
    [
      "ours before kas'",
      ["tsbake.yaml"],
      { KAS_BUILD_DIR: "b", TSBAKE_BUILD_DIR: "c" },
      [],
      { topdir: "c", projectFile: "tsbake.yaml" },
    ],
    [
      "kas' work folder",
      ["tsbake.yaml"],
      { KAS_WORK_DIR: "w" },
      [],
      { topdir: "w/build", projectFile: "tsbake.yaml", workFolder: "w" },
    ],
    [
      "named files: the current folder",
      ["tsbake.yaml"],
      {},
      ["conf/a.yml", "b.yml"],
      { topdir: "build", projectFile: "conf/a.yml", moreFiles: ["b.yml"], workFolder: "" },
    ],
    ["one named file", [], {}, ["a.yml"], { topdir: "build", projectFile: "a.yml" }],
  ])("%s", (_name, there, environment, files, expected) => {
    const folder = folderWith(Object.fromEntries(there.map((name) => [name, ""])));
    const whole = (value: unknown): unknown =>
      Array.isArray(value) ? value.map(whole) : join(folder, String(value)).replace(/\/$/, "");
    const places = Object.fromEntries(Object.entries(expected).map(([key, value]) => [key, whole(value)]));
    expect(locateBuild(folder, environment, files)).toEqual(places);
  });

  test("without one, kas' own files are named in the help", () => {
    const folder = folderWith({ "kas-b.yml": "", "kas.yml": "", "kas.lock.yml": "", "other.yml": "" });
    expect(() => locateBuild(folder, {})).toThrow(BuildError);
    const told = (): string => {
      try {
        locateBuild(folder, {});
        return "";
      } catch (error) {
        return error instanceof BuildError ? (error.diagnostics[0]!.help ?? "") : "";
      }
    };
    expect(told()).toBe("name kas' file: `tsbake kas-b.yml`, or several, `tsbake kas-b.yml:OTHER.yml`");
  });

  test("MACHINE of the caller gets into the configuration, with or without `env`", async () => {
    const folder = folderWith({ "tsbake.yaml": "header: {version: 14}\n" });
    const project = await readProjectFile(join(folder, "tsbake.yaml"));
    expect(projectEnvironment(project, { MACHINE: "m" })).toEqual({
      MACHINE: "m",
      BB_ENV_PASSTHROUGH_ADDITIONS: "MACHINE",
    });
    expect(projectEnvironment(project, {})).toEqual({});
  });

  test("layers and includes of a folder in a larger repository are found at its root, and beside the file", async () => {
    const folder = folderWith({
      ".git/HEAD": "",
      "product/tsbake.yaml":
        "header: {version: 14, includes: [common/top.yml, beside.yml]}\nrepos: {root: {layers: {meta-r: }}, own: {layers: {meta-o: }}}\n",
      "common/top.yml": "header: {version: 14}\nmachine: top\n",
      "product/beside.yml": "header: {version: 14}\ndistro: beside\n",
      "meta-r/conf/layer.conf": "",
      "product/meta-o/conf/layer.conf": "",
    });
    expect(await readProjectFile(join(folder, "product/tsbake.yaml"))).toMatchObject({
      machine: "top",
      distro: "beside",
      layers: [join(folder, "product/meta-o"), join(folder, "meta-r")],
    });
  });
});

describe("what is wrong is told at its place", () => {
  test.each<[string, Record<string, string>, string]>([
    [
      "an unknown key",
      { "tsbake.yaml": "header:\n  version: 14\nmachin: x\n" },
      `error[project/unknown-key]: unknown key \`machin\`
 --> DIR/tsbake.yaml:3:1
  |
3 | machin: x
  | ^^^^^^
help: is \`machine\` meant?`,
    ],
    [
      "no header",
      { "tsbake.yaml": "machine: x\n" },
      `error[project/missing-key]: \`header\` is missing
 --> DIR/tsbake.yaml:1:1
  |
1 | machine: x
  | ^
help: add \`header\`; docs/tutorial.md has a whole project file`,
    ],
    [
      "a version that is none",
      { "tsbake.yaml": "header: {version: new}\n" },
      `error[project/project-version]: \`new\` is no version of the project file's format
 --> DIR/tsbake.yaml:1:19
  |
1 | header: {version: new}
  |                   ^^^
help: write a whole number from 1 to 23, e.g. \`version: 14\``,
    ],
    [
      "a repository that is not there",
      {
        "tsbake.yaml":
          "header: {version: 14}\nrepos:\n  meta-x:\n    url: https://git.example/meta-x\n    branch: main\n    commit: 0123abc\n",
      },
      `error[project/repo-missing]: the repository \`meta-x\` is not there: DIR/meta-x
 --> DIR/tsbake.yaml:3:3
  |
3 |   meta-x:
  |   ^^^^^^
help: run \`git clone --branch main https://git.example/meta-x DIR/meta-x && git -C DIR/meta-x checkout 0123abc\``,
    ],
    [
      "a layer that is none",
      { "tsbake.yaml": "header: {version: 14}\nrepos:\n  here:\n    layers:\n      meta-x:\n" },
      `error[project/layer-missing]: there is no layer in DIR/meta-x: it has no conf/layer.conf
 --> DIR/tsbake.yaml:5:7
  |
5 |       meta-x:
  |       ^^^^^^
help: correct the name of the layer or the path of its repository`,
    ],
    [
      "an include that is missing",
      { "tsbake.yaml": "header:\n  version: 14\n  includes:\n    - gone.yaml\n" },
      `error[project/include-missing]: the included project file does not exist: DIR/gone.yaml
 --> DIR/tsbake.yaml:4:7
  |
4 |     - gone.yaml
  |       ^^^^^^^^^
help: correct the path; it starts at the root of the repository of the file that includes it, or of the one named beside it`,
    ],
    [
      "includes in a ring",
      {
        "tsbake.yaml": "header: {version: 14, includes: [a.yaml]}\n",
        "a.yaml": "header: {version: 14, includes: [tsbake.yaml]}\n",
      },
      `error[project/include-loop]: the project file DIR/tsbake.yaml includes itself
 --> DIR/a.yaml:1:34
  |
1 | header: {version: 14, includes: [tsbake.yaml]}
  |                                  ^^^^^^^^^^^
help: remove the include that leads back`,
    ],
    [
      "two mistakes at once",
      { "tsbake.yaml": "header: {version: 14}\nmachine: two words\nrepos: [a]\n" },
      `error[project/wrong-type]: \`machine\` has to be one name, of letters, digits and \`_ . + -\`
 --> DIR/tsbake.yaml:2:10
  |
2 | machine: two words
  |          ^^^^^^^^^
help: write one name, of letters, digits and \`_ . + -\`

error[project/wrong-type]: \`repos\` has to be a mapping of keys to values
 --> DIR/tsbake.yaml:3:8
  |
3 | repos: [a]
  |        ^^^
help: write a mapping of keys to values`,
    ],
  ])("%s", async (_, files, expected) => {
    expect(await problemsOf(files)).toBe(expected);
  });

  test("text that is not YAML", async () => {
    const text = await problemsOf({ "tsbake.yaml": "header: {version: 14\nmachine: x\n" });
    expect(text).toContain("error[project/project-syntax]: the project file is not YAML: ");
    expect(text).toContain(" --> DIR/tsbake.yaml:");
  });
});

describe("the generated configuration", () => {
  const files = {
    "tsbake.yaml":
      "header: {version: 14}\nmachine: m\ndistro: d\nlocal_conf_header: {one: 'A = \"1\"'}\nrepos: {here: }\n",
    "conf/layer.conf": "",
  };

  test("reads the configurations that targets name, as kas does", async () => {
    const target = "target: [a, 'mc:one:a', 'multiconfig:two:b', 'mc:one:c', 'mc:*:d']\n";
    const folder = folderWith({ ...files, "tsbake.yaml": files["tsbake.yaml"] + target });
    await writeConfiguration(
      await readProjectFile(join(folder, "tsbake.yaml")),
      join(folder, "build"),
      "/core",
    );
    const text = readFileSync(join(folder, "build/conf/project.conf"), "utf8");
    expect(text).toContain('BBMULTICONFIG ?= "one two"\n');
  });

  test("is made once and rewritten only when it changes", async () => {
    const folder = folderWith(files);
    const topdir = join(folder, "build");
    const project = await readProjectFile(join(folder, "tsbake.yaml"));
    await writeConfiguration(project, topdir, "/core");
    const read = (name: string): string => readFileSync(join(topdir, "conf", name), "utf8");
    expect(read("project.conf")).toBe(
      `# Made by tsbake from ../../tsbake.yaml; changes here are lost, make them there or in local.conf.\n# one\nA = "1"\nMACHINE ??= "m"\nDISTRO ??= "d"\nBBMULTICONFIG ?= ""\n`,
    );
    expect(read("bblayers.conf")).toContain(`BBLAYERS ?= " \\\n    /core \\\n    \${TOPDIR}/.."\n`);
    const paths = ["project.conf", "bblayers.conf"].map((name) => join(topdir, "conf", name));
    for (const path of paths) utimesSync(path, 1, 1);
    writeFileSync(join(topdir, "conf/local.conf"), "mine");
    await writeConfiguration(project, topdir, "/core");
    expect(paths.map((path) => statSync(path).mtimeMs)).toEqual([1000, 1000]);
    expect(read("local.conf")).toBe("mine");
    await writeConfiguration({ ...project, machine: "other" }, topdir, "/core");
    expect(read("project.conf")).toContain('MACHINE ??= "other"');
  });

  test("is read by a core layer of somebody else's, too, which knows nothing of it", async () => {
    const folder = folderWith({ ...files, "conf/bitbake.conf": "" });
    const topdir = join(folder, "build");
    const project = await readProjectFile(join(folder, "tsbake.yaml"));
    await writeConfiguration(project, topdir, "/core");
    const auto = join(topdir, "conf/auto.conf");
    expect(readFileSync(auto, "utf8")).toMatch(/\nrequire conf\/project.conf\n$/);
    expect(readFileSync(join(topdir, "conf/bblayers.conf"), "utf8")).not.toContain("/core");
    await writeConfiguration({ ...project, layers: [] }, topdir, "/core");
    expect(existsSync(auto)).toBe(false);
  });

  test("never overwrites what somebody else wrote", async () => {
    const folder = folderWith({ ...files, "build/conf/bblayers.conf": 'BBLAYERS = "/mine"\n' });
    const project = await readProjectFile(join(folder, "tsbake.yaml"));
    await expect(writeConfiguration(project, join(folder, "build"))).rejects.toThrow(
      "project/foreign-configuration",
    );
    expect(readFileSync(join(folder, "build/conf/bblayers.conf"), "utf8")).toBe('BBLAYERS = "/mine"\n');
  });

  test.each(["", "\0\0\0\0", "\n"])(
    "makes again what holds nothing (%j): a power cut leaves such",
    async (text) => {
      const folder = folderWith({ ...files, "build/conf/bblayers.conf": text });
      const project = await readProjectFile(join(folder, "tsbake.yaml"));
      await writeConfiguration(project, join(folder, "build"));
      expect(readFileSync(join(folder, "build/conf/bblayers.conf"), "utf8")).toContain("BBLAYERS");
    },
  );

  test("lets the project's environment through, and the caller's values win", async () => {
    const folder = folderWith({ "tsbake.yaml": "header: {version: 14}\nenv: {A: '1', B: '2', C: }\n" });
    const project = await readProjectFile(join(folder, "tsbake.yaml"));
    expect(projectEnvironment(project, { B: "mine", BB_ENV_PASSTHROUGH_ADDITIONS: "X B" })).toEqual({
      A: "1",
      B: "mine",
      BB_ENV_PASSTHROUGH_ADDITIONS: "X B A C",
    });
  });
});
