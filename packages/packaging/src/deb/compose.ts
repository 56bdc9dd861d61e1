/**
 * New packages on a base's database where nothing runs: what dpkg would have unpacked and noted, told from the packages alone. Nothing
 * is unpacked and no dpkg runs; whoever writes the tree takes the contents from where they were decompressed.
 *
 * Guarded by unit/packaging-compose, which asks the real dpkg.
 */
import { createHash } from "node:crypto";
import { readdirSync, readlinkSync, readSync } from "node:fs";
import { join } from "node:path";
import { type FileEntry, foldersAbove, type PlacedEntry } from "@tsbake/archive";
import { byText, nameBytes, sha256 } from "@tsbake/base";
import type { Composed, ComposeRequest } from "../database/backend.js";
import { additions } from "../database/changes.js";
import { byNameAndArchitecture, type InstalledPackage } from "../database/database.js";
import { type OpenedPackage, openPackages } from "../contents/index.js";
import { DPKG_FOLDER } from "./database.js";
import { mergedFolders, verify } from "./whole-root.js";
import { followed } from "../layout/index.js";
import { isRemovedPath } from "./normalise.js";
import { SCRIPTS, describe } from "./skipped.js";
import { parseStanzas } from "./stanza.js";
import { clashes, conffilesOf, isPlain } from "./unpack.js";

/**
 * @param folders below a root, those of the database: no part of a tree
 * @param conffileDigest of configuration files, as the database has it
 * @returns undefined where dpkg has to decide something: a package that replaces one of the base, or one that is not plain
 * @throws BuildError `packaging/bad-deb`
 */
export async function composeDeb(
  request: ComposeRequest,
  folders: readonly string[] = [DPKG_FOLDER],
  conffileDigest: "md5" | "sha256" = "md5",
): Promise<Composed | undefined> {
  const { solution, base, database, work } = request;
  const { packages, changes } = solution;
  if (changes.some(({ kind }) => kind !== "added")) return undefined;
  await verify(packages);
  const frame = frameOf(database, folders);
  const merged = mergedFolders(request.architecture).filter(
    (name) => frame.get(`/${name}`)?.kind === "symlink",
  );
  const diverted = base.diversions.flatMap(({ from, to }) => [from, to]);
  const contents = openPackages(packages, () => true, join(work, "packages"));
  try {
    request.onProgress?.(`composing ${packages.length} packages`);
    const opened = await contents.packages;
    const taken = [...base.packages.flatMap((one) => one.files), ...diverted];
    const clashing = clashes(opened, {
      merged,
      taken,
      inRoot: [...frame.values()].filter(isNoFrameFolder(merged)),
    });
    const entries =
      clashing.size === 0 && opened.every((one) => isPlain(one, SCRIPTS))
        ? treeOf(opened, frame, merged, leftOut(folders))
        : undefined;
    if (entries === undefined) {
      await contents[Symbol.asyncDispose]();
      return undefined;
    }
    const added = opened.map((one) => registered(one, conffileDigest));
    const whole = { ...base, packages: [...base.packages, ...added].sort(byNameAndArchitecture) };
    const skippedScripts = opened.flatMap(({ one, control }) =>
      SCRIPTS.flatMap((script) => {
        const bytes = control.get(script)?.bytes;
        return bytes === undefined ? [] : [describe(one, script, bytes)];
      }),
    );
    skippedScripts.sort((a, b) => byText(a.package, b.package) || byText(a.script, b.script));
    const result = { ...additions(request, whole, changes), database: whole, skippedScripts, warnings: [] };
    return { result, entries, [Symbol.asyncDispose]: () => contents[Symbol.asyncDispose]() };
  } catch (error) {
    await contents[Symbol.asyncDispose]();
    throw error;
  }
}

/** What a package may go through as a folder, though it is a link. */
function isNoFrameFolder(merged: readonly string[]): (entry: FileEntry) => boolean {
  const links = new Set(merged.map((name) => `/${name}`));
  return ({ path, kind }) => kind !== "directory" && !links.has(path);
}

/** What an imported database brings into an empty root beside itself: the links of alternatives, and those of the root into /usr. */
function frameOf(database: string, folders: readonly string[]): Map<string, FileEntry> {
  const frame = new Map<string, FileEntry>();
  const folder = (path: string): void => {
    for (const one of [...foldersAbove(path), path]) if (!frame.has(one)) frame.set(one, folderAt(one));
  };
  const links = (below: string, accept: (target: string) => boolean): void => {
    const found = readdirSync(join(database, below), { withFileTypes: true });
    for (const { name } of found.filter((one) => one.isSymbolicLink())) {
      const target = readlinkSync(join(database, below, name));
      if (!accept(target)) continue;
      const path = `${below}/${name}`;
      if (below !== "") folder(below);
      frame.set(path, { ...folderAt(path), kind: "symlink", mode: 0o777, target });
      if (below === "") folder(`/${target}`);
    }
  };
  for (const one of folders) {
    folder(`/${one}`);
    frame.delete(`/${one}`);
  }
  links("", (target) => /^usr\/[^/]+$/.test(target) && target !== "usr/..");
  if (readdirSync(database).includes("etc")) links("/etc/alternatives", () => true);
  return frame;
}

function folderAt(path: string): FileEntry {
  return { path, kind: "directory", mode: 0o755, uid: 0, gid: 0, sizeBytes: 0 };
}

/** Never part of a tree: what is mounted or cleared on a device, and the database. */
function leftOut(folders: readonly string[]): RegExp {
  return new RegExp(`^/(?:(?:proc|sys|dev|run|tmp)/|(?:${folders.join("|")})(?:/|$))`);
}

/** Everything that is there when all are unpacked, in the order of an archive of it. Undefined where two meet after all. */
function treeOf(
  opened: readonly OpenedPackage[],
  frame: ReadonlyMap<string, FileEntry>,
  merged: readonly string[],
  without: RegExp,
): PlacedEntry[] | undefined {
  const tree = new Map<string, PlacedEntry>();
  const nowhere = { fd: -1, at: 0 };
  const at = (path: string): string => followed(path, merged);
  for (const { tar, fd } of opened) {
    for (const { entry, mtimeSeconds, contentAt } of tar?.entries ?? []) {
      const path = at(entry.path);
      // A folder where the root has a link is no other folder.
      if (entry.kind === "directory" && frame.get(entry.path)?.kind === "symlink") continue;
      const before = tree.get(path);
      if (before?.entry.kind === "directory" && entry.kind === "directory") continue;
      if (before !== undefined || (entry.kind !== "directory" && frame.has(path))) return undefined;
      const link = entry.hardlink === undefined ? {} : { hardlink: at(entry.hardlink) };
      tree.set(path, { entry: { ...entry, path, ...link }, mtimeSeconds, content: { fd, at: contentAt } });
    }
  }
  for (const entry of frame.values())
    if (!tree.has(entry.path)) tree.set(entry.path, { entry, mtimeSeconds: 0, content: nowhere });
  for (const path of [...tree.keys()].flatMap(foldersAbove))
    if (!tree.has(path)) tree.set(path, { entry: folderAt(path), mtimeSeconds: 0, content: nowhere });
  const left = [...tree.values()].filter(
    ({ entry: { path } }) => !without.test(path) && !isRemovedPath(path),
  );
  const keys = new Map(left.map((one) => [one, nameBytes(one.entry.path.replaceAll("/", "\0"))]));
  left.sort((one, other) => Buffer.compare(keys.get(one)!, keys.get(other)!));
  return withCarriers(left);
}

/** The first name of a file in the archive carries its content. */
function withCarriers(entries: readonly PlacedEntry[]): PlacedEntry[] {
  const carriers = new Map<string, string>();
  return entries.map((one) => {
    const { hardlink, ...entry } = one.entry;
    if (entry.kind !== "file") return one;
    const group = hardlink ?? entry.path;
    const carrier = carriers.get(group);
    if (carrier === undefined) carriers.set(group, entry.path);
    return { ...one, entry: carrier === undefined ? entry : { ...entry, hardlink: carrier } };
  });
}

/** As a database has the package when it is installed, and none of its scripts is there. */
function registered(opened: OpenedPackage, digest: string): InstalledPackage {
  const { one, control, tar } = opened;
  const [stanza = new Map<string, string>()] = parseStanzas(
    control.get("control")?.bytes.toString("utf8") ?? "",
  ).stanzas;
  const kept = [...control].filter(
    ([name]) => name !== "control" && !SCRIPTS.some((script) => script === name),
  );
  return {
    name: one.name,
    version: one.version,
    architecture: one.architecture,
    state: "installed",
    stanza: new Map(stanza).set("Status", "install ok installed"),
    files: (tar?.entries ?? []).map(({ entry }) => entry.path).sort(byText),
    conffiles: new Map(conffilesOf(opened).map((path) => [path, digestOf(opened, path, digest)])),
    control: new Map(kept.map(([name, { bytes }]) => [name, sha256(bytes)])),
  };
}

function digestOf({ tar, fd }: OpenedPackage, path: string, algorithm: string): string {
  const find = (name: string | undefined) => tar?.entries.find(({ entry }) => entry.path === name);
  const named = find(path);
  const holder = named?.entry.hardlink === undefined ? named : find(named.entry.hardlink);
  const bytes = Buffer.alloc(holder?.entry.sizeBytes ?? 0);
  readSync(fd, bytes, 0, bytes.length, holder?.contentAt ?? 0);
  return createHash(algorithm).update(bytes).digest("hex");
}
