/** `tsbake matrix`: which extension fits which base, what they share, and a table that stays small. */
import { afterAll, describe, expect, test } from "@jest/globals";
import type { ExtensionRecipe, LockedBuild } from "@tsbake/engine";
import { extensionRecipes, type RecipeLookup } from "@tsbake/engine";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { matrixText, type Matrix, type MatrixRow } from "@tsbake/cli";
import { runCommand } from "../support/session.js";
import { temporaryFolder } from "../support/temporary.js";

const folder = temporaryFolder("cli-matrix");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function tree(name: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    const file = join(folder, name, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    chmodSync(file, 0o755);
  }
}

const base = (version: string): Record<string, string> => ({
  "usr/lib/os-release": `ID=debian\nVERSION_ID=${version}\n`,
  "etc/passwd": "root:x:0:0::/:/x\n",
  "usr/bin/sh": "",
});
const extension = (name: string, version: string, own = ""): Record<string, string> => ({
  [`usr/lib/extension-release.d/extension-release.${name}`]: `ID=debian\nVERSION_ID=${version}\n`,
  "usr/bin/tool": "#!/usr/bin/awk -f\n",
  "usr/share/tool/data": "d".repeat(2048),
  ...(own && { "usr/share/tool/own": own }),
});
tree("rich", { ...base("12"), "usr/bin/awk": "" });
tree("poor", base("12"));
tree("next", { ...base("13"), "usr/bin/awk": "" });
tree("tools", extension("tools", "12"));
tree("tools-on-next", extension("tools-on-next", "13", "x"));

const RECIPES: readonly ExtensionRecipe[] = [
  { name: "tools", family: "tools", base: "rich", alsoFor: ["poor"] },
  { name: "tools-on-next", family: "tools", base: "next", alsoFor: [] },
];

/** What `build` gives. */
const DONE = {
  total: 1,
  ran: 1,
  restored: 0,
  current: 0,
  covered: 0,
  noexec: 0,
  errorMessages: 0,
  warnings: 0,
  failed: [],
  notStarted: [],
  slowest: [],
  interrupted: false,
  elapsedMs: 1,
};

function matrix(words: readonly string[], recipes: readonly ExtensionRecipe[] = RECIPES, ok = true) {
  const asked: (readonly string[])[] = [];
  const build = {
    extensions: () => ({ chosen: recipes, all: RECIPES }),
    build: (request: { targets: readonly string[] }) => {
      asked.push(request.targets);
      return Promise.resolve({ summary: { ...DONE, ok }, outputs: [] });
    },
    deployedImage: (name: string) => ({ image: join(folder, name), manifest: join(folder, "none.json") }),
    project: { configurationText: () => undefined },
    close: () => Promise.resolve(),
  } as unknown as LockedBuild;
  return runCommand(["matrix", ...words], build, { directory: folder }).then((done) => ({ ...done, asked }));
}

describe("extensions and bases", () => {
  test("are built with one request, and each is looked at where it is meant to be", async () => {
    const { out, code, asked } = await matrix(["--json"]);
    expect(asked).toEqual([
      ["tools", "tools-on-next", ...["next", "poor", "rich"].map((name) => `${name}:do_pkgdb_snapshot`)],
    ]);
    const { extensions } = JSON.parse(out) as Matrix;
    const cells = extensions[0]!.bases.map((cell) => [cell.base, cell.image, cell.isOwn, cell.verdict]);
    expect(cells).toEqual([
      ["next", "tools-on-next", true, "ok"],
      ["poor", "tools", false, "broken"],
      ["rich", "tools", true, "ok"],
    ]);
    expect(extensions[0]!.bases[0]).toMatchObject({ sharedBytes: 2066 });
    expect(extensions[0]!.bases[1]!.findings).toMatchObject([{ code: "missing-interpreter" }]);
    expect(code).toBe(2);
  });

  test("one that is only refused there is to be built again; the table says so, and how to find out why", async () => {
    const { out, code } = await matrix(["--against", "next"], [{ ...RECIPES[0]!, alsoFor: [] }]);
    expect(out.split("\n").map((line) => line.replaceAll(/\s+/g, " "))).toEqual([
      "extension size next rich",
      "tools 2.0 KiB rebuild ok, own",
      "2 places: 1 ok, 1 rebuild; 1 image for them, 0 B shared",
      "why: `tsbake check tools --against next`",
      "",
    ]);
    expect(code).toBe(1);
  });

  test("where a task failed, nothing is looked at", async () => {
    const { out, code } = await matrix(["--json"], RECIPES, false);
    expect([out, code]).toEqual(["", 1]);
  });

  test("without any extension: an error", async () => {
    const { err, code } = await matrix([], []);
    expect(err).toContain("error[cli/no-extensions]");
    expect(code).toBe(1);
  });
});

describe("the table", () => {
  const row = (name: string, verdicts: readonly MatrixRow["bases"][number]["verdict"][]): MatrixRow => ({
    extension: name,
    sizeBytes: 1024,
    bases: verdicts.map((verdict, index) => {
      const rest = { sizeBytes: 1024, sharedBytes: index === 0 ? 0 : 1024, refusals: [], findings: [] };
      return { base: `base-${index}`, image: name, isOwn: index === 0, verdict, ...rest };
    }),
  });
  const of = (extensions: readonly MatrixRow[]): string[] => {
    const bases = extensions[0]!.bases.map(({ base }) => base);
    return matrixText({ format: 1, bases, extensions }).trimEnd().split("\n");
  };

  test("has the worst on top", () => {
    const lines = of([row("a", ["ok", "ok"]), row("b", ["ok", "rebuild"]), row("c", ["broken", "ok"])]);
    expect(lines.map((line) => line.split(" ")[0])).toEqual(["extension", "c", "b", "a", "6", "why:"]);
    expect(lines[3]).toMatch(/ok, own +ok, 1\.0 KiB shared$/);
  });

  test.each([
    [1, 100],
    [40, 2],
    [40, 60],
    [300, 400],
  ])("of %d extensions on %d bases has 24 lines of 100 columns at most", (count, bases) => {
    const rows = Array.from({ length: count }, (_, at) => row(`extension-${at}`, Array(bases).fill("ok")));
    rows[count - 1] = row("bad", [...Array<"ok">(bases - 1).fill("ok"), "broken"]);
    const lines = of(rows);
    expect(lines.length).toBeLessThanOrEqual(24);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100);
    expect(lines.join("\n")).toMatch(/^bad /m);
  });
});

describe("extensions of a project", () => {
  const recipe = (pn: string, facts: Readonly<Record<string, string>>, more: object = {}) => ({
    id: `/x/${pn}.bb`,
    pn,
    layer: "own",
    facts: Object.fromEntries(Object.entries(facts).map(([name, value]) => [name, { value }])),
    ...more,
  });
  const built = [
    recipe("tools-on-next", { SYSEXT_FAMILY: "tools", IMAGE_BASE_PKGDB: "next" }),
    recipe("tools", { SYSEXT_FAMILY: "tools", IMAGE_BASE_PKGDB: "rich", SYSEXT_ALSO_FOR: "poor old" }),
    recipe("away", { SYSEXT_FAMILY: "away", IMAGE_BASE_PKGDB: "rich" }, { skipped: "for a reason" }),
    recipe("core-tools", { SYSEXT_FAMILY: "core-tools", IMAGE_BASE_PKGDB: "rich" }, { layer: "core" }),
    recipe("rich", { IMAGE_BASE_PKGDB: "" }),
    { ...recipe("tools", { SYSEXT_FAMILY: "tools", IMAGE_BASE_PKGDB: "rich" }), id: "mc:panel:/x/tools.bb" },
  ];
  const lookup = {
    project: { recipes: new Map(built.map((one) => [one.id, one])) },
    providers: { findBuild: (target: string) => built.find(({ pn }) => pn === target)?.id },
  } as unknown as RecipeLookup;
  const names = (targets: readonly string[]): string[] =>
    extensionRecipes(lookup, targets, "core").chosen.map(({ name }) => name);

  test("those of its own layers, each with what is built of it for other bases and configurations", () => {
    expect(names([])).toEqual(["tools", "mc:panel:tools", "tools-on-next"]);
    expect(names(["tools-on-next"])).toEqual(names([]));
    expect(names(["core-tools"])).toEqual(["core-tools"]);
    const { all } = extensionRecipes(lookup, [], "core");
    expect(all.find(({ name }) => name === "tools")).toMatchObject({
      base: "rich",
      alsoFor: ["poor", "old"],
    });
    expect(all.find(({ name }) => name === "mc:panel:tools")).toMatchObject({ base: "mc:panel:rich" });
  });

  test.each(["rich", "away", "tool"])("%s is none", (target) => {
    expect(() => names([target])).toThrow("engine/no-such-extension");
  });
});
