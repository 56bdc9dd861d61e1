/** Files of packages into a root: one tar for each processor writes them, from an archive of what we have read. */
import { availableParallelism } from "node:os";
import type { FileEntry, PlacedEntry } from "@tsbake/archive";
import { tarPieces } from "@tsbake/archive";
import { BuildError, commandFailed, eachLimited, type RunResult } from "@tsbake/base";
import { type Cage, leavesRoot, linkOutOf } from "@tsbake/sandbox";
import type { Planned } from "../database/backend.js";
import { badDeb } from "../problems.js";
import type { PlainEntry, PlainTar } from "../contents/index.js";
import { followed } from "./listing.js";

export interface ExtractedPackage {
  readonly one: Planned;
  readonly tar: PlainTar;
  /** Holds the contents. */
  readonly fd: number;
  /** Paths that get the name under which dpkg looks for a new configuration file. */
  readonly conffiles: ReadonlySet<string>;
}

interface Target {
  readonly root: string;
  readonly seenRoot: string;
  readonly sandbox: Cage;
}

/**
 * @param settings merged: folders of the root that are links into /usr; folders: those that stay as they are
 * @throws BuildError `packaging/bad-deb`, `sandbox/leaves-root`, `base/command-failed`
 */
export async function extractPackages(
  target: Target,
  packages: readonly ExtractedPackage[],
  settings: {
    readonly merged: readonly string[];
    readonly folders: ReadonlySet<string>;
    readonly onProgress?: (text: string) => void;
  },
): Promise<void> {
  if (packages.length === 0) return;
  const { onProgress } = settings;
  // Before all else: of a folder that several have, dpkg keeps what the first one says.
  await extract(target, packages, foldersOf(packages, settings));
  let done = 0;
  const said = (one: Planned): void =>
    onProgress?.(`${(done += 1)} of ${packages.length}: unpacked ${one.path.replace(/^.*\//, "")}`);
  const lanes = lanesOf(packages);
  await eachLimited(lanes, lanes.length, (lane) => extract(target, packages, filesOf(lane, said)));
}

function* foldersOf(
  packages: readonly ExtractedPackage[],
  { merged, folders }: { readonly merged: readonly string[]; readonly folders: ReadonlySet<string> },
): Generator<PlacedEntry> {
  const known = new Set<string>();
  // tar leaves what a link leads to as it is.
  const links = new Set(merged.map((name) => `/${name}`));
  for (const { tar, fd } of packages)
    for (const one of tar.entries) {
      const path = followed(one.entry.path, merged);
      if (one.entry.kind !== "directory" || folders.has(path) || known.has(path) || links.has(one.entry.path))
        continue;
      known.add(path);
      yield placed(one, one.entry, fd);
    }
}

function* filesOf(lane: readonly ExtractedPackage[], said: (one: Planned) => void): Generator<PlacedEntry> {
  for (const { one, tar, fd, conffiles } of lane) {
    const named = (path: string): string => (conffiles.has(path) ? `${path}.dpkg-new` : path);
    for (const plain of tar.entries) {
      const { entry } = plain;
      if (entry.kind === "directory") continue;
      const { path, hardlink } = entry;
      const link = hardlink === undefined ? {} : { hardlink: named(hardlink) };
      yield placed(plain, { ...entry, path: named(path), ...link }, fd);
    }
    said(one);
  }
}

function placed({ mtimeSeconds, contentAt }: PlainEntry, entry: FileEntry, fd: number): PlacedEntry {
  return { entry, mtimeSeconds, content: { fd, at: contentAt } };
}

function lanesOf(packages: readonly ExtractedPackage[]): ExtractedPackage[][] {
  const lanes = Array.from({ length: Math.min(availableParallelism(), packages.length) }, () => ({
    bytes: 0,
    all: [] as ExtractedPackage[],
  }));
  for (const one of packages) {
    const lane = lanes.reduce((least, other) => (other.bytes < least.bytes ? other : least));
    // A file costs as much as some bytes of it.
    for (const { entry } of one.tar.entries) lane.bytes += entry.sizeBytes + 4096;
    lane.all.push(one);
  }
  return lanes.map(({ all }) => all);
}

async function extract(
  { root, seenRoot, sandbox }: Target,
  packages: readonly ExtractedPackage[],
  entries: Iterable<PlacedEntry>,
): Promise<void> {
  const args = ["-C", root, "-xp", "--numeric-owner", "--keep-directory-symlink", "-f", "-"];
  const done = await sandbox.run("tar", args, { input: tarPieces(entries), mayFail: true });
  if (done.code !== 0) throw await explained(seenRoot, packages, done);
}

/** What tar said: by the package that has the path, and with the link that it wanted to go through. */
async function explained(
  seenRoot: string,
  packages: readonly ExtractedPackage[],
  done: RunResult,
): Promise<BuildError> {
  const lines = done.stderr.split("\n").filter((line) => /^tar: (?!Exiting|Removing)/.test(line));
  for (const line of lines) {
    const path = /^tar: .+: Cannot hard link to ‘(.+)’:|^tar: (.+?): Cannot /
      .exec(line)
      ?.slice(1)
      .find((group) => group !== undefined)
      ?.replace(/^\.\//, "");
    if (path === undefined) continue;
    const names = new Set([`/${path}`, `/${path.replace(/\.dpkg-new$/, "")}`]);
    const owner = packages.find(({ tar }) => tar.entries.some(({ entry }) => names.has(entry.path)));
    const link = await linkOutOf(seenRoot, path);
    if (link) return new BuildError([leavesRoot(`/${path}`, link, owner?.one.name)]);
    if (owner) return new BuildError([badDeb(owner.one.path, lines.slice(0, 3).join("\n"))]);
  }
  return new BuildError([commandFailed("tar", done)]);
}
