/** Hostile archives against everything that takes archives apart. Nothing beside the folder may change. */
import { checkTar, readAr, readTar, TarFile, tarOf, unpackTar, writeAr } from "@tsbake/archive";
import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { BuildError, byText, removeTree, sha256File } from "@tsbake/base";
import { unpackSource } from "@tsbake/fetch";
import { openSnapshot, snapshotFiles, snapshotFolder } from "@tsbake/image";
import { readControl, unpackFeed } from "@tsbake/packaging";
import { unpackArtifact } from "@tsbake/sstate";
import fc from "fast-check";
import { hostileTar, OUTSIDE } from "./archive-cases.js";
import type { Area, Setup } from "./types.js";

/** What an extractor gets: the archive's bytes, and folders that exist. */
interface Given {
  readonly bytes: Buffer;
  /** Where it may do as it likes. */
  readonly work: string;
  /** A second archive for those that take several. */
  readonly other: Buffer;
}

type Extractor = (given: Given) => Promise<unknown>;

/** Into a folder that holds something already, links out of it among that. */
function usedFolder(work: string): string {
  const root = join(work, "root");
  mkdirSync(join(root, "d"), { recursive: true });
  writeFileSync(join(root, "d/e"), "there before");
  symlinkSync(`../../${OUTSIDE}`, join(root, "b"));
  return root;
}

async function fetched(given: Given, name: string, parameters: string, bytes: Buffer): Promise<void> {
  const file = join(given.work, name);
  await writeFile(file, bytes);
  const options = { filespath: [given.work], dlDir: join(given.work, "downloads"), sums: {} };
  await unpackSource(`file://${name}${parameters}`, usedFolder(given.work), options);
}

async function deb(given: Given, name: string, members: { control: Buffer; data: Buffer }): Promise<string> {
  const path = join(given.work, name);
  await writeAr(path, [
    { name: "debian-binary", data: Buffer.from("2.0\n") },
    { name: "control.tar", data: members.control },
    { name: "data.tar", data: members.data },
  ]);
  return path;
}

const CONTROL = "Package: x\nVersion: 1\nArchitecture: all\nMaintainer: x\nDescription: x\n";
const goodControl = (): Promise<Buffer> => tarOf([{ path: "./control", type: "file", data: CONTROL }]);

const EXTRACTORS: Readonly<Record<string, Extractor>> = {
  "unpackTar, empty folder": async ({ bytes, work }) => {
    await writeFile(join(work, "in.tar"), bytes);
    await unpackTar(join(work, "in.tar"), join(work, "root"), { owner: "self" });
  },
  "unpackTar, used folder": async ({ bytes, work }) => {
    await writeFile(join(work, "in.tar"), bytes);
    await unpackTar(join(work, "in.tar"), usedFolder(work), { owner: "keep", allowDevices: true });
  },
  "unpackTar, strip": async ({ bytes, work }) => {
    await writeFile(join(work, "in.tar"), bytes);
    await unpackTar(join(work, "in.tar"), usedFolder(work), { strip: 1, linksOut: "refuse" });
  },
  checkTar: async ({ bytes, work }) => {
    await writeFile(join(work, "in.tar"), bytes);
    await checkTar(join(work, "in.tar"));
  },
  readTar: async ({ bytes, work }) => {
    await writeFile(join(work, "in.tar"), bytes);
    for await (const entry of readTar(join(work, "in.tar"))) await entry.read();
  },
  TarFile: async ({ bytes, work }) => {
    await writeFile(join(work, "in.tar"), bytes);
    using tar = new TarFile(join(work, "in.tar"));
    for (const { entry } of tar.members()) basename(entry.path);
  },
  "sstate artifact": async ({ bytes, work }) => {
    await writeFile(join(work, "in.tar"), bytes);
    const folders = ["a", "b", "d"].map((name) => ({ name, path: join(work, "out", name) }));
    await unpackArtifact(join(work, "in.tar"), folders);
  },
  "fetch tar": (given) => fetched(given, "in.tar", "", given.bytes),
  "fetch tar, striplevel, subdir": (given) => fetched(given, "in.tar", ";striplevel=1;subdir=d", given.bytes),
  "fetch ipk": async (given) => {
    const path = await deb(given, "x.deb", { control: await goodControl(), data: given.bytes });
    await fetched(given, "in.ipk", "", readFileSync(path));
  },
  snapshot: async ({ bytes, work }) => {
    await writeFile(join(work, "in.tar"), bytes);
    await snapshotFiles(await openSnapshot(await snapshotFolder(join(work, "in.tar"), join(work, "root"))));
  },
  "deb control": async (given) => {
    await readControl(await deb(given, "x.deb", { control: given.bytes, data: await goodControl() }));
  },
  ar: async ({ bytes, work, other }) => {
    const path = join(work, "in.ar");
    await writeAr(path, [
      { name: "debian-binary", data: Buffer.from("2.0\n") },
      { name: "control.tar", data: other },
    ]);
    const whole = readFileSync(path);
    // The tar's own bytes say where this container is damaged, and how.
    for (let at = 0; at + 1 < Math.min(bytes.length, 12); at += 2)
      whole[(bytes[at]! * 7) % 140] = bytes[at + 1]!;
    writeFileSync(path, whole);
    await readAr(path);
  },
  feed: async (given) => {
    const pool = join(given.work, "pool");
    mkdirSync(pool);
    const packages = [];
    for (const [number, data] of [given.bytes, given.other].entries()) {
      const name = `p${number}`;
      const path = await deb({ ...given, work: pool }, `${name}.deb`, { control: await goodControl(), data });
      const sha256 = await sha256File(path);
      packages.push({
        name,
        version: "1",
        architecture: "all",
        sha256,
        sizeBytes: 1,
        stanza: "",
        file: `${name}.deb`,
        uri: "",
      });
    }
    await unpackFeed({
      closure: { roots: ["p0"], packages },
      pool,
      into: join(given.work, "root"),
      kind: "target",
      links: new Map(),
      exclude: [],
      architecture: "amd64",
    });
  },
};

export function openArchiveArea({ seed, folder }: Setup): Promise<Area> {
  const outside = join(folder, OUTSIDE);
  mkdirSync(outside, { recursive: true });
  writeFileSync(join(outside, "canary"), "alive");
  const names = Object.keys(EXTRACTORS);
  const arbitrary = fc.tuple(hostileTar(outside), hostileTar(outside));
  const make = (index: number) => {
    const [bytes, other] = fc.sample(arbitrary, { seed: (seed * 1_000_003 + index) | 0, numRuns: 1 })[0]!;
    return { bytes, other, name: names[index % names.length]! };
  };
  return Promise.resolve({
    describe(index) {
      const { bytes, name } = make(index);
      return { title: name, text: listing(bytes), canShrink: false };
    },
    async run(index) {
      const { name, bytes, other } = make(index);
      const work = join(folder, "case");
      rmSync(work, { recursive: true, force: true });
      mkdirSync(work);
      const before = look(folder);
      let outcome = "accepted";
      try {
        await EXTRACTORS[name]!({ bytes, other, work });
      } catch (error) {
        if (!(error instanceof BuildError)) throw error;
        if (error.diagnostics.length === 0) throw new Error("a BuildError says nothing");
        outcome = "refused";
      }
      const after = look(folder);
      if (after !== before) throw new Error(`something beside the folder has changed:\n${before}\n${after}`);
      await removeTree(work);
      return outcome;
    },
  });
}

/** What may not change, here and in the working directory (an empty one): names, kinds, contents, links to it, times. */
function look(folder: string): string {
  const outside = join(folder, OUTSIDE);
  const paths = [
    outside,
    ...readdirSync(outside)
      .sort(byText)
      .map((name) => join(outside, name)),
  ];
  const lines = paths.map((path) => {
    const { mode, nlink, size, ctimeMs, uid } = lstatSync(path);
    return `${path} ${mode.toString(8)} ${nlink} ${size} ${ctimeMs} ${uid}`;
  });
  return [...lines, ...readdirSync(folder).sort(byText), ...readdirSync(".").sort(byText)].join("\n");
}

/** The headers, for people. */
function listing(bytes: Buffer): string {
  const lines: string[] = [];
  for (let at = 0; at + 512 <= bytes.length; at += 512) {
    const block = bytes.subarray(at, at + 512);
    if (block.toString("latin1", 257, 262) !== "ustar") continue;
    const field = (from: number, length: number): string =>
      JSON.stringify(block.toString("latin1", from, from + length).replace(/\0.*$/s, ""));
    lines.push(
      `${at}: type ${field(156, 1)} name ${field(0, 100)} link ${field(157, 100)} size ${field(124, 12)} prefix ${field(345, 155)}`,
    );
  }
  return lines.join("\n");
}
