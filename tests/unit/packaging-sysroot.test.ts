/** The private sysroots of a recipe: of which dependencies they are made, and what two of them may both bring. */
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import type { TaskDependency } from "@tsbake/base/data";
import { run } from "../support/command.js";
import { root } from "../support/paths.js";
import { taskDependency } from "../support/task-dependencies.js";
import { temporaryFolder } from "../support/temporary.js";

const PROGRAM = join(root, "packages/packaging/dist/main.js");

/** A file's text, a link's target, or a folder. */
type Staged =
  { readonly text: string; readonly mode?: number } | { readonly link: string } | { readonly folder: number };

function lay(folder: string, files: Readonly<Record<string, Staged>>): void {
  for (const [path, what] of Object.entries(files)) {
    const place = join(folder, path);
    mkdirSync(dirname(place), { recursive: true });
    if ("link" in what) symlinkSync(what.link, place);
    else if ("folder" in what) {
      mkdirSync(place, { recursive: true });
      chmodSync(place, what.folder);
    } else {
      writeFileSync(place, what.text);
      chmodSync(place, what.mode ?? 0o644);
    }
  }
}

interface Staging {
  /** The first one asks. */
  readonly tasks: (at: (...parts: string[]) => string) => readonly TaskDependency[];
  /** Below the components' folder. */
  readonly components: Readonly<Record<string, Staged>>;
  /** Below the sysroot for the target, from before. */
  readonly before?: Readonly<Record<string, Staged>>;
  readonly umask?: string;
}

async function stage({ tasks, components, before = {}, umask = "022" }: Staging) {
  const folder = temporaryFolder("packaging-sysroot");
  const at = (...parts: string[]): string => join(folder, ...parts);
  mkdirSync(at("components"));
  lay(at("components"), components);
  lay(at("target"), before);
  writeFileSync(at("deps.json"), JSON.stringify(tasks(at)));
  const places = ["--components", at("components"), "--target", at("target"), "--native", at("native")];
  const command = [PROGRAM, "sysroot", "--taskdepdata", at("deps.json"), ...places];
  const script = `umask ${umask}; exec node "$@"`;
  const { code, stdout, stderr } = await run("/bin/sh", ["-c", script, "sh", ...command]);
  const files = (name: string): string[] =>
    readdirSync(at(name), { recursive: true, encoding: "utf8" })
      .filter((path) => !lstatSync(at(name, path)).isDirectory())
      .sort();
  return { code, stdout, stderr: stderr.replaceAll(folder, ""), at, files };
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
  ])("%s", async (_what, tasks, target, native) => {
    const made = await stage({ tasks: () => tasks, components });
    expect([made.stderr, made.files("target"), made.files("native")]).toEqual([
      "",
      target.map((one) => `usr/${one}`),
      native.map((one) => `usr/${one}`),
    ]);
    expect(made.stdout).toBe(`staged ${native.length} native and ${target.length} target files\n`);
  });

  test("from the folder that a task of theirs installs into, the first one", async () => {
    const made = await stage({
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
    expect([made.stderr, made.files("target")]).toEqual(["", ["right", "usr/other"]]);
  });

  test("one that has vanished is an error that says where it was", async () => {
    const made = await stage({ tasks: needs(["lib", "gone"]), components });
    expect([made.code, made.stderr]).toEqual([
      1,
      expect.stringContaining("error[packaging/sysroot-missing]"),
    ]);
    expect(made.stderr).toContain("what `gone` has staged is gone: there is no `/components/gone`");
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
  ])("may be %s", async (_what, first, second) => {
    const made = await both(first, second);
    expect([made.code, made.stderr]).toEqual([0, ""]);
    expect(made.stdout).toBe(`staged 0 native and ${"folder" in first ? 0 : 1} target files\n`);
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
  ])("is an error when it is %s", async (_what, first, second) => {
    const made = await both(first, second);
    expect([made.code, made.stderr]).toEqual([1, expect.stringContaining("error[packaging/sysroot-clash]")]);
    expect(made.stderr).toContain("`two` and `one` both stage `/usr/x`");
  });

  test("is an error when something else is there, whoever has put it", async () => {
    const made = await both({ text: "same" }, { text: "same" }, { text: "stale" });
    expect([made.code, made.stderr]).toEqual([
      1,
      expect.stringContaining("`one` and `another recipe` both stage"),
    ]);
  });

  test.each(["077", "000"])(
    "has the modes that any of them gives it, in whatever order, with the umask %s",
    async (umask) => {
      for (const modes of [[0o755, 0o700], [0o700, 0o755], [0o750, 0o2705], [0o2705, 0o750], [0o775]]) {
        const names = modes.map((_mode, at) => `r${at}`);
        const files = modes.map((mode, at) => [`r${at}/bin/tool`, `r${at}/bin`, mode] as const);
        const made = await stage({
          tasks: needs(names),
          umask,
          components: Object.fromEntries(
            files.flatMap(([tool, bin, mode]): [string, Staged][] => [
              [tool, { text: "one content" }],
              [bin, { folder: mode }],
            ]),
          ),
        });
        const modeOf = (name: string): number | undefined =>
          existsSync(made.at(name)) ? statSync(made.at(name)).mode & 0o7777 : undefined;
        const all = modes.reduce((left, right) => left | right, 0);
        expect([made.stderr, ...["target", "native", "target/bin"].map(modeOf)]).toEqual([
          "",
          0o755,
          0o755,
          all,
        ]);
      }
    },
  );
});
