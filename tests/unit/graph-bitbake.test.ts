/**
 * The handlers that hash as BitBake does, judged by BitBake: golden/signatures has a layer, and the hashes that
 * BitBake 2.19.0 gives its tasks (`bitbake -S none aa bb cc` with LC_ALL=en_US.UTF-8, from the sigdata files).
 */
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { byText } from "@tsbake/base";
import { buildTaskGraph, listChecksums, openBaseSigner, signTasks } from "@tsbake/graph";
import { openPython, LazyPython } from "@tsbake/python";
import { openProviders, parseProject, type ParsedProject } from "@tsbake/recipe";
import { expectGolden } from "../support/golden.js";
import { root } from "../support/paths.js";
import { CACHE } from "./python-rig.js";
import { temporaryFolder } from "../support/temporary.js";

const GOLDEN = join(root, "tests/golden/signatures");

let folder: string;
let python: LazyPython;
beforeAll(() => {
  folder = temporaryFolder("bitbake");
  cpSync(join(GOLDEN, "layer"), join(folder, "layer"), { recursive: true });
  mkdirSync(join(folder, "build/conf"), { recursive: true });
  writeFileSync(
    join(folder, "build/conf/bblayers.conf"),
    `BBPATH = "\${TOPDIR}"\nBBLAYERS = "${folder}/layer"\n`,
  );
  python = new LazyPython(() => openPython({ cache: CACHE, onMessage: () => {}, onDependency: () => {} }));
});
afterAll(() => {
  python.close();
  rmSync(folder, { recursive: true });
});

async function parse(settings = ""): Promise<ParsedProject> {
  const local = join(folder, "local.conf");
  writeFileSync(local, settings);
  return parseProject({
    topdir: join(folder, "build"),
    coreLayers: [],
    environment: { LC_ALL: "en_US.UTF-8", PATH: "/usr/bin:/bin" },
    preFiles: [],
    postFiles: [local],
    initial: {},
    python: () => python,
    openPython: () => python.open(),
    signer: await openBaseSigner(),
    onProgress: () => {},
    onWarning: () => {},
  });
}

/** @param digest of a file; BitBake's handlers read files themselves */
async function hashes(
  project: ParsedProject,
  digest: (path: string) => Promise<string> = () => Promise.reject(new Error("not asked for")),
): Promise<Record<string, { basehash: string; taskhash: string }>> {
  const targets = ["aa", "bb", "cc"].map((name) => ({ name, task: "do_build" }));
  const graph = buildTaskGraph({ project, providers: openProviders(project, () => {}), targets });
  const signatures = await signTasks({
    graph,
    project,
    handler: project.configurationText("BB_SIGNATURE_HANDLER")!,
    inputs: { file: digest, feed: () => Promise.resolve([]) },
    taint: () => undefined,
  });
  const rows = graph.order.map((task) => {
    const { baseHash: basehash, taskHash: taskhash } = signatures.of(task);
    return [graph.label(task), { basehash, taskhash }] as const;
  });
  return Object.fromEntries(rows);
}

test.each(["basic", "basichash", "OEBasicHash", "OEEquivHash"])(
  "%s gives every hash that BitBake gives",
  async (handler) => {
    const expected: unknown = JSON.parse(readFileSync(join(GOLDEN, "bitbake-2.19.0.json"), "utf8"));
    expect(await hashes(await parse(`BB_SIGNATURE_HANDLER = "${handler}"\n`))).toEqual(expected);
  },
);

test("xxh gives the hashes of its version: who changes them raises VERSION (graph/signatures/handler)", async () => {
  const source = readFileSync(join(root, "packages/graph/src/signatures/handler.ts"), "utf8");
  const version = /^const VERSION = (\d+);$/m.exec(source)![1]!;
  // Names stand for digests.
  const found = await hashes(await parse('BB_SIGNATURE_HANDLER = "xxh"\n'), (path) =>
    Promise.resolve(relative(folder, path)),
  );
  const lines = Object.entries(found).map(
    ([label, { basehash, taskhash }]) => `${label} ${basehash} ${taskhash}\n`,
  );
  expectGolden(join(GOLDEN, `xxh-${version}.txt`), lines.toSorted(byText).join(""));
});

test("a handler that does not exist is refused with those that do", async () => {
  await expect(parse('BB_SIGNATURE_HANDLER = "noop"\n')).rejects.toMatchObject({
    diagnostics: [
      { code: "graph/unknown-handler", help: expect.stringContaining("`OEEquivHash`") },
      ...[{}, {}].map(() => expect.anything()),
    ],
  });
});

describe("OE's handlers leave out needs that are safe", () => {
  const settings = (text: string) => `BB_SIGNATURE_HANDLER = "OEBasicHash"\n${text}`;
  const changedBy = async (text: string) => {
    const before = await hashes(await parse(settings(text)));
    const now = await hashes(
      await parse(settings(`${text}KNOWN:forcevariable = "other"\nOVERRIDES .= ":forcevariable"\n`)),
    );
    return Object.keys(now).filter((label) => now[label]!.taskhash !== before[label]!.taskhash);
  };
  const OWN = ["cc:do_made", "cc:do_build"];

  test.each([
    ["none", "", ["bb:do_gen", "bb:do_build"]],
    ["a pair", 'SIGGEN_EXCLUDE_SAFE_RECIPE_DEPS = "aa->cc bb->cc"\n', []],
    ["another pair", 'SIGGEN_EXCLUDE_SAFE_RECIPE_DEPS = "aa->cc cc->bb"\n', ["bb:do_gen", "bb:do_build"]],
    ["from anywhere", 'SIGGEN_EXCLUDE_SAFE_RECIPE_DEPS = "*->cc"\n', []],
    ["a stable recipe", 'SIGGEN_EXCLUDERECIPES_ABISAFE = "x cc"\n', []],
    [
      "by a provided name",
      'PREFERRED_PROVIDER_virtual/cc = "cc"\nSIGGEN_EXCLUDERECIPES_ABISAFE = "virtual/cc"\n',
      [],
    ],
  ])("%s", async (_, text, followers) => {
    expect((await changedBy(text)).sort()).toEqual([...OWN, ...followers].sort());
  });
});

describe("checksums", () => {
  const names = async (path: string) => (await listChecksums(join(folder, path))).map(({ name }) => name);
  const files = "layer/recipes/aa/files";

  test("of files, folders, patterns and markers are called as BitBake calls them", async () => {
    expect(await listChecksums(join(folder, files, "one.txt"))).toEqual([
      { name: "one.txt", digest: "5bbf5a52328e7439ae6e719dfe712200" },
    ]);
    expect(await names(`${files}/sub`)).toEqual(["./deep/d", "./s.txt"]);
    expect(await names(`${files}/*.c`)).toEqual(["a.c", "z.c"]);
    expect(await names("layer/./recipes/aa/files/one.txt")).toEqual(["one.txt"]);
    expect(await listChecksums(`${folder}/layer/./recipes/aa/files/one.txt`)).toMatchObject([
      { name: "./recipes/aa/files/one.txt" },
    ]);
    expect(await names("layer/none")).toEqual([]);
    symlinkSync("sub", join(folder, files, "link"));
    expect(await names(`${files}/link`)).toEqual([]);
  });
});
