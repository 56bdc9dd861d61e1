/** The private sysroots of a recipe: of which dependencies they are made, and what two of them may both bring. */
import { lstatSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { BuildError } from "@tsbake/base";
import type { TaskDependency } from "@tsbake/base/data";
import { stageSysroots } from "@tsbake/packaging";
import { run } from "../support/command.js";
import { programOf } from "../support/paths.js";
import { writeStaged, type Staged } from "../support/staged.js";
import { taskDependency } from "../support/task-dependencies.js";
import { temporaryFolder } from "../support/temporary.js";

const PROGRAM = programOf("packaging");

interface Staging {
  /** The first one asks. */
  readonly tasks: (at: (...parts: string[]) => string) => readonly TaskDependency[];
  /** Below the components' folder. */
  readonly components: Readonly<Record<string, Staged>>;
  /** Below the sysroot for the target, from before. */
  readonly before?: Readonly<Record<string, Staged>>;
}

function prepare({ tasks, components, before = {} }: Staging) {
  const folder = temporaryFolder("packaging-sysroot");
  const at = (...parts: string[]): string => join(folder, ...parts);
  mkdirSync(at("components"));
  writeStaged(at("components"), components);
  writeStaged(at("target"), before);
  const files = (name: string): string[] =>
    readdirSync(at(name), { recursive: true, encoding: "utf8" })
      .filter((path) => !lstatSync(at(name, path)).isDirectory())
      .sort();
  return { at, files, dependencies: tasks(at) };
}

/** @returns how many files each sysroot got, or the message */
function stage(staging: Staging) {
  const { at, files, dependencies } = prepare(staging);
  const folders = { components: at("components"), target: at("target"), native: at("native") };
  const made = (): unknown => {
    try {
      const asking = dependencies[0]!;
      return stageSysroots({ asking, ready: "do_sysroot_ready", dependencies, ...folders });
    } catch (error) {
      if (error instanceof BuildError) return error.message.replaceAll(at(), "");
      throw error;
    }
  };
  return { made: made(), files };
}

const ready = (pn: string, ...depends: string[]): TaskDependency =>
  taskDependency({ pn, task: "do_sysroot_ready", depends: depends.map((one) => `${one}:do_sysroot_ready`) });

/** A recipe that needs all of these, which need nothing. */
const needs = (names: readonly string[]) => () => [
  { ...ready("app", ...names), id: "app:do_prepare", task: "do_prepare" },
  ...names.map((one) => ready(one)),
];

describe("which recipes are staged", () => {
  const names = ["app", "lib", "deep", "make-native", "gcc-native", "other", "other-native"];
  const components = Object.fromEntries(names.map((one) => [`${one}/usr/${one}`, { text: one }]));
  const asking = (...depends: string[]) =>
    taskDependency({
      pn: "app",
      task: "do_prepare",
      depends: depends.map((one) => `${one}:do_sysroot_ready`),
    });

  test.each<[string, readonly TaskDependency[], readonly string[], readonly string[]]>([
    ["none without DEPENDS", [asking()], [], []],
    [
      "those for the target all the way down",
      [asking("lib"), ready("lib", "deep"), ready("deep")],
      ["deep", "lib"],
      [],
    ],
    [
      "native ones where they are declared, and no further",
      [
        asking("lib", "make-native"),
        ready("lib", "gcc-native"),
        ready("make-native", "other-native"),
        ready("gcc-native"),
        ready("other-native"),
      ],
      ["lib"],
      ["make-native"],
    ],
    [
      "what a native one needs for the target is not needed",
      [asking("make-native"), ready("make-native", "other"), ready("other")],
      [],
      ["make-native"],
    ],
    [
      "not by other tasks",
      [
        taskDependency({
          pn: "app",
          task: "do_prepare",
          depends: ["lib:do_sysroot_ready", "other:do_install"],
        }),
        ready("lib"),
        taskDependency({ pn: "other", task: "do_install" }),
      ],
      ["lib"],
      [],
    ],
    [
      "not the DEPENDS of another task of the recipe, nor the recipe itself",
      [
        asking("app", "lib"),
        taskDependency({ pn: "app", task: "do_other", depends: ["other:do_sysroot_ready"] }),
        ready("app", "deep"),
        ready("lib"),
        ready("other"),
        ready("deep"),
      ],
      ["lib"],
      [],
    ],
    [
      "each once where they need each other in a circle",
      [asking("lib"), ready("lib", "deep"), ready("deep", "lib", "gone")],
      ["deep", "lib"],
      [],
    ],
  ])("%s", (_what, tasks, target, native) => {
    const { made, files } = stage({ tasks: () => tasks, components });
    expect(made).toEqual({ native: native.length, target: target.length });
    expect([files("target"), files("native")]).toEqual([
      target.map((one) => `usr/${one}`),
      native.map((one) => `usr/${one}`),
    ]);
  });

  test("from the folder that a task of theirs installs into, the first one", () => {
    const { files } = stage({
      tasks: (at) => [
        asking("lib", "other"),
        { ...ready("lib"), outputs: [at("elsewhere/lib"), at("components/x86_64/lib")] },
        taskDependency({ pn: "lib", task: "do_late", outputs: [at("components/late/lib")] }),
        { ...ready("other"), outputs: [at("componentsx/other")] },
      ],
      components: {
        ...components,
        "x86_64/lib/right": { text: "" },
        "late/lib/late": { text: "" },
        "../componentsx/other/wrong": { text: "" },
        "../elsewhere/lib/wrong": { text: "" },
      },
    });
    expect(files("target")).toEqual(["right", "usr/other"]);
  });

  test("one that has vanished is an error that says where it was", () => {
    expect(stage({ tasks: needs(["lib", "gone"]), components }).made).toMatch(
      /^packaging\/sysroot-missing: what `gone` has staged is gone: there is no `\/components\/gone`/,
    );
  });
});

describe("what two recipes stage under one name", () => {
  const both = (first: Staged, second: Staged, before?: Staged) =>
    stage({
      tasks: needs(["one", "two"]),
      components: { "one/usr/x": first, "two/usr/x": second },
      ...(before && { before: { "usr/x": before } }),
    });

  test.each<[string, Staged, Staged]>([
    ["one content", { text: "same" }, { text: "same" }],
    ["one target", { link: "to" }, { link: "to" }],
    ["a folder", { folder: 0o755 }, { folder: 0o700 }],
  ])("may be %s", (_what, first, second) => {
    const { made } = both(first, second);
    expect(made).toEqual({ native: 0, target: "folder" in first ? 0 : 1 });
  });

  test.each<[string, Staged, Staged]>([
    ["two contents", { text: "one" }, { text: "two" }],
    ["two modes", { text: "one" }, { text: "one", mode: 0o755 }],
    ["two targets", { link: "one" }, { link: "two" }],
    ["a file and a link to it", { text: "x" }, { link: "x" }],
    ["a file and a folder", { text: "one" }, { folder: 0o755 }],
    ["a folder and a file", { folder: 0o755 }, { text: "two" }],
    ["a folder and a link to a folder", { folder: 0o755 }, { link: "." }],
    ["a link to a folder and a folder", { link: "." }, { folder: 0o755 }],
  ])("is an error when it is %s", (_what, first, second) => {
    expect(both(first, second).made).toMatch(
      /^packaging\/sysroot-clash: `two` and `one` both stage `\/usr\/x`, with different content/,
    );
  });

  test("is an error when something else is there, whoever has put it", () => {
    const { made } = both({ text: "same" }, { text: "same" }, { text: "stale" });
    expect(made).toMatch(/^packaging\/sysroot-clash: `one` and `another recipe` both stage `\/usr\/x`/);
  });

  const modes = [[0o755, 0o700], [0o700, 0o755], [0o750, 0o2705], [0o2705, 0o750], [0o775]];
  test.each(["077", "000"])("has what any of them gives it, with the umask %s", async (umask) => {
    for (const given of modes) {
      const { at, dependencies } = prepare({
        tasks: needs(given.map((_mode, index) => `r${index}`)),
        components: Object.fromEntries(
          given.flatMap((mode, index): [string, Staged][] => [
            [`r${index}/bin/tool`, { text: "one content" }],
            [`r${index}/bin`, { folder: mode }],
          ]),
        ),
      });
      writeFileSync(at("deps.json"), JSON.stringify(dependencies));
      const places = ["--components", at("components"), "--target", at("target"), "--native", at("native")];
      const command = [PROGRAM, "sysroot", "--taskdepdata", at("deps.json"), ...places];
      const done = await run("/bin/sh", ["-c", `umask ${umask}; exec node "$@"`, "sh", ...command]);
      expect(done).toMatchObject({ stdout: "staged 0 native and 1 target files\n", stderr: "" });
      const all = given.reduce((left, right) => left | right, 0);
      expect(["target", "native", "target/bin"].map((name) => statSync(at(name)).mode & 0o7777)).toEqual([
        0o755,
        0o755,
        all,
      ]);
    }
  });
});
