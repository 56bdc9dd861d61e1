/** The tree that scripts of extensions on an extension run on: its layer over its base's tree, with the database and accounts of both. */
import { lstat, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type FileEntry,
  foldersAbove,
  inTarOrder,
  TarFile,
  type TarMember,
  TarWriter,
} from "@tsbake/archive";
import { openBackend } from "@tsbake/packaging";
import { parseFacts } from "../facts/facts.js";
import { parseFileManifest } from "../facts/file-manifest.js";
import { stacked, type StackedEntry } from "../layer/stacked.js";
import { DATABASE_FOLDER } from "../snapshot/snapshot.js";
import { accountFiles } from "./stacked-accounts.js";

/** Where everything lies that the tree is made of, and where it goes. */
export interface StackedTreeRequest {
  /** Tar of the base's tree, of which the extension was made. */
  readonly baseTree: string;
  /** The layer's tar, file manifest and facts. */
  readonly tree: string;
  readonly files: string;
  readonly facts: string;
  /** The snapshot of both, and the format of its packages. */
  readonly snapshot: string;
  readonly backend: string;
  readonly epochSeconds: number;
  /** The tar to write. */
  readonly output: string;
}

interface Made {
  readonly entry: FileEntry;
  readonly content: Buffer;
}

/** A tar, and its members by their paths. */
interface IndexedTar {
  readonly tar: TarFile;
  readonly members: ReadonlyMap<string, TarMember>;
}

/** @throws BuildError `archive/damaged`, `image/bad-layer-facts`, `image/bad-file-manifest` */
export async function writeStackedTree(request: StackedTreeRequest): Promise<void> {
  using base = new TarFile(request.baseTree);
  using layer = new TarFile(request.tree);
  const tars = { base: indexed(base), layer: indexed(layer) };
  const entries = await entriesWithoutDatabase(request, tars.base);
  const made = new Map<string, Made>();
  for (const one of await databaseFiles(request)) made.set(one.entry.path, one);
  for (const one of await changedAccounts(request, tars.base)) made.set(one.entry.path, one);
  const rest = entries.filter(({ entry }) => !made.has(entry.path));
  const folders = missingFolders(entries, made.keys());
  writeTar(request, tars, [...rest, ...folders, ...made.values()]);
}

function indexed(tar: TarFile): IndexedTar {
  return { tar, members: tar.membersByPath() };
}

/** What base and layer have, but for what the package manager keeps in its own folders. */
async function entriesWithoutDatabase(
  { files, backend }: StackedTreeRequest,
  base: IndexedTar,
): Promise<StackedEntry[]> {
  const all = stacked(
    [...base.members.values()].map(({ entry }) => entry),
    parseFileManifest(await readFile(files, "utf8"), files),
  );
  const folders = databaseFolders(backend);
  return all.filter(
    ({ entry }) =>
      entry.kind === "directory" || !folders.some((folder) => entry.path.startsWith(`${folder}/`)),
  );
}

function databaseFolders(backend: string): string[] {
  return openBackend(backend).ownFolders.map((folder) => `/${folder}`);
}

async function databaseFiles({ snapshot, backend }: StackedTreeRequest): Promise<Made[]> {
  const made: Made[] = [];
  for (const folder of databaseFolders(backend))
    made.push(...(await filesOfSnapshot(join(snapshot, DATABASE_FOLDER), folder)));
  return made;
}

/** Account files that are plain files of the base, with what the layer's scripts have added. */
async function changedAccounts({ facts }: StackedTreeRequest, { tar, members }: IndexedTar): Promise<Made[]> {
  const { accounts } = parseFacts(await readFile(facts, "utf8"), facts);
  const textOf = (path: string): string => {
    const member = members.get(path);
    return member === undefined ? "" : tar.part(member, 0, member.entry.sizeBytes).toString("utf8");
  };
  return [...accountFiles(textOf, accounts)].flatMap(([path, text]) => {
    const entry = members.get(path)?.entry;
    const isPlain = entry?.kind === "file" && entry.hardlink === undefined;
    return isPlain ? [{ entry, content: Buffer.from(text) }] : [];
  });
}

/** Those on the way to a path that nobody else brings. */
function missingFolders(
  entries: readonly StackedEntry[],
  paths: Iterable<string>,
): { readonly entry: FileEntry }[] {
  const there = new Set(entries.map(({ entry }) => entry.path));
  const wanted = new Set([...paths].flatMap(foldersAbove).filter((path) => !there.has(path)));
  return [...wanted].map((path) => ({ entry: { ...plain(path), kind: "directory", mode: 0o755 } }));
}

function writeTar(
  { output, epochSeconds }: StackedTreeRequest,
  tars: Readonly<Record<StackedEntry["of"], IndexedTar>>,
  all: readonly (StackedEntry | Made | { readonly entry: FileEntry })[],
): void {
  using writer = new TarWriter(output);
  writer.root(epochSeconds);
  for (const one of inTarOrder(all, ({ entry }) => entry)) {
    if ("content" in one) {
      writer.begin({ ...one.entry, sizeBytes: one.content.length }, epochSeconds);
      writer.write(one.content);
      writer.pad();
    } else if ("from" in one) {
      const { tar, members } = tars[one.of];
      writer.copy(tar, members.get(one.from)!, one.entry);
    } else writer.begin(one.entry, epochSeconds);
  }
  writer.finish();
}

function plain(path: string): Omit<FileEntry, "kind" | "mode"> {
  return { path, uid: 0, gid: 0, sizeBytes: 0 };
}

/** Scripts among them keep their mode: triggers run them. */
async function filesOfSnapshot(snapshot: string, folder: string): Promise<Made[]> {
  const found = await readdir(join(snapshot, folder), { recursive: true, withFileTypes: true });
  const made: Made[] = [];
  for (const one of found) {
    if (!one.isFile()) continue;
    const path = join(one.parentPath, one.name);
    const { mode } = await lstat(path);
    const entry = { ...plain(path.slice(snapshot.length)), kind: "file" as const, mode: mode & 0o755 };
    made.push({ entry, content: await readFile(path) });
  }
  return made;
}
