/** Every key of kas and what kas itself made of project files: golden/project, which `golden/ask_kas.py` writes. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { BuildError, type Diagnostic } from "@tsbake/base";
import { locateBuild, readProjectFile, writeConfiguration } from "@tsbake/project";
import { kasCases, layOut, withoutComments, type KasCase } from "../support/kas-cases.js";
import { root } from "../support/paths.js";
import { temporaryFolder } from "../support/temporary.js";

const warnings: Diagnostic[] = [];
const bring = {
  beforeChange: () => Promise.resolve(),
  onStep: () => undefined,
  onWarning: (diagnostic: Diagnostic) => void warnings.push(diagnostic),
};

async function diagnosticsOf(action: Promise<unknown>): Promise<readonly Diagnostic[]> {
  try {
    await action;
    return [];
  } catch (error) {
    if (error instanceof BuildError) return error.diagnostics;
    throw error;
  }
}

describe("conf files are those that kas writes from the same files, but for comments", () => {
  const cases = kasCases();

  test("there are enough of them", () => {
    const isRefused = (answers: ReadonlyMap<string, string>): boolean => answers.has("refused");
    expect(cases.filter(({ answers }) => answers.size > 0)).toHaveLength(cases.length);
    expect(cases.filter(({ answers }) => !isRefused(answers)).length).toBeGreaterThanOrEqual(20);
    // What kas refuses is called so.
    expect(cases.filter(({ answers }) => isRefused(answers)).map(({ title }) => title)).toEqual(
      cases.map(({ title }) => title).filter((title) => title.startsWith("refused: ")),
    );
  });

  function reading(one: KasCase): { topdir: string; project: ReturnType<typeof readProjectFile> } {
    const { folder, words, environment } = layOut(one);
    const { topdir, projectFile, moreFiles, workFolder } = locateBuild(folder, environment, words);
    const options = {
      environment,
      bring,
      ...(moreFiles && { moreFiles }),
      ...(workFolder !== undefined && { workFolder }),
    };
    return { topdir, project: readProjectFile(projectFile!, options) };
  }

  const [refused, followed] = [true, false].map((isRefused) =>
    cases
      .filter(({ answers }) => answers.has("refused") === isRefused)
      .map((one) => [one.title, one] as const),
  );

  test.each(followed!)("%s", async (_title, one) => {
    const { topdir, project } = reading(one);
    await writeConfiguration(await project, topdir);
    const read = (name: string): string => withoutComments(readFileSync(join(topdir, "conf", name), "utf8"));
    expect(read("project.conf")).toBe(one.answers.get("local.conf"));
    expect(read("bblayers.conf")).toBe(one.answers.get("bblayers.conf"));
  });

  test.each(refused!)("%s", async (_title, one) => {
    const told = await diagnosticsOf(reading(one).project);
    const parts = told.map(({ severity, at, help }) => [severity, at !== undefined, help !== undefined]);
    expect(parts).toEqual([["error", true, true]]);
  });
});

/** Kinds of values, as golden/project/kas-types.txt names them. */
const VALUES: Readonly<Record<string, unknown>> = {
  nothing: null,
  text: "x",
  number: 7,
  true: true,
  false: false,
  list: ["x"],
  mapping: { x: "x" },
  empty: {},
};

/** What stands beside a key that kas does not take alone. */
const BESIDE: Readonly<Record<string, object>> = {
  header: { version: 14 },
  "header.includes.[]": { repo: "x", file: "x" },
  "repos.*.patches.*": { repo: "x", path: "x" },
  "signers.*": { repo: "x", path: "x" },
};

/** Keys that are refused, with all below them; the values of each that ask for nothing. */
const REFUSED: Readonly<Record<string, readonly unknown[]>> = {
  _source_dir: [],
  _source_dir_host: [],
  artifacts: [],
  build_system: ["openembedded", "oe"],
  buildtools: [],
  menu_configuration: [],
  proxy_config: [],
  "repos.*.type": ["git"],
  "signers.*.gpg_keyserver": [],
};

/** What kas does not take and we do: docs/differences.md. */
const WIDER: readonly string[] = [
  "bblayers_conf_header.*: nothing",
  "local_conf_header.*: nothing",
  "repos.*.layers: nothing",
];

/** What kas takes, and could do nothing with. */
const NARROWER = /^signers\.\*\.repo: (?!text)/;

/** What a value of the wrong kind, or in the wrong place, is told as. */
const CODES = ["project/wrong-type", "project/unknown-key", "project/missing-key", "project/project-version"];

describe("every key of kas' schema is followed or refused", () => {
  const rows = readFileSync(join(root, "tests/golden/project/kas-types.txt"), "utf8")
    .trim()
    .split("\n")
    .map((line) => {
      const [path = "", taken = ""] = line.split(": ");
      return { path, taken: taken.split(" ") };
    });
  const folder = temporaryFolder("kas-keys");

  function documentOf(path: string, value: unknown): object {
    const keys = path.split(".");
    const whole = keys.reduceRight((inner: unknown, key, at) => {
      if (key === "[]") return [inner];
      return { ...BESIDE[keys.slice(0, at).join(".")], [key === "*" ? "x" : key]: inner };
    }, value);
    return { header: { version: 14 }, ...(whole as object) };
  }

  async function toldOf(path: string, value: unknown): Promise<readonly Diagnostic[]> {
    mkdirSync(folder, { recursive: true });
    const file = join(folder, "kas.json");
    writeFileSync(file, JSON.stringify(documentOf(path, value), undefined, 1));
    return diagnosticsOf(readProjectFile(file));
  }

  const refusing = (path: string): string | undefined =>
    Object.keys(REFUSED).find((one) => path === one || path.startsWith(`${one}.`));

  test.each(rows.filter(({ path }) => refusing(path) === undefined).map(({ path, taken }) => [path, taken]))(
    "%s takes what it takes in kas: %j",
    async (path, taken) => {
      for (const [kind, value] of Object.entries(VALUES)) {
        const told = (await toldOf(path as string, value)).filter(({ code }) => CODES.includes(code));
        const isWider = WIDER.includes(`${path as string}: ${kind}`);
        // A mapping can lack keys and have unknown ones.
        const codes = /mapping|empty/.test(kind) ? told.slice(0, 1) : told;
        const isKnown = (taken as string[]).includes(kind) && !NARROWER.test(`${path as string}: ${kind}`);
        const isTaken = isKnown || isWider;
        expect([kind, codes.length]).toEqual([kind, isTaken ? 0 : 1]);
      }
    },
  );

  test.each(rows.filter(({ path }) => refusing(path) !== undefined).map(({ path }) => path))(
    "%s is refused with one error that names it",
    async (path) => {
      const owner = refusing(path)!;
      const told = await toldOf(path, path.includes("*") && path !== owner ? { x: "x" } : "x");
      const key = owner.split(".").at(-1)!;
      const named = expect.stringContaining(`\`${key}`);
      const code = "project/unsupported-key";
      expect(told).toMatchObject([{ code, message: named, help: expect.any(String) }]);
      const { source, start } = told[0]!.at!;
      // The place is that of the key or of its value.
      expect(source.place(start).text).toMatch(/"/);
    },
  );

  test.each(Object.entries(REFUSED).flatMap(([path, values]) => values.map((value) => [path, value])))(
    "%s: %j asks for what is done anyway",
    async (path, value) => {
      const codes = (await toldOf(path as string, value)).map(({ code }) => code);
      expect(codes.filter((code) => code !== "project/layer-missing")).toEqual([]);
    },
  );

  test("the manual's table has each of them, and none besides", () => {
    const manual = readFileSync(join(root, "docs/manual.md"), "utf8");
    const [, section = ""] = manual.split("### Keys of the project file\n");
    const table = section.split("\n#")[0]!;
    const told = [...table.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell]) =>
      [...cell!.matchAll(/`([^`]+)`/g)].map((match) => match[1]!),
    );
    // Keys of people's own, and of items, are told with the key that they stand in.
    const keys = rows.map(({ path }) => path).filter((path) => !/(\.\*|\.\[\])$/.test(path));
    const below = (path: string): boolean => Object.keys(REFUSED).some((one) => path.startsWith(`${one}.`));
    expect(told.sort()).toEqual(
      keys
        .filter((path) => !below(path))
        .map((path) => path.replaceAll(/\.\[\]/g, ""))
        .sort(),
    );
  });
});
