/** A WORKDIR as the trace looks at it: what is there, and what of it is another one than at the last look. */
import { existsSync, lstatSync, readFileSync, readlinkSync, type BigIntStats } from "node:fs";
import { decoded, listTree } from "@tsbake/archive";
import { fileStamp, fsPath, hasCode, isSettled, sha256, sha256File } from "@tsbake/base";
import type { TracedChange, TracedEntry } from "./changes.js";

export interface SeenEntry extends TracedEntry {
  /** @see fileStamp; empty where a change could come without another stamp */
  readonly stamp: string;
  /** Of the content or target; empty of what has none, and of files that this user may not read. */
  readonly digest: string;
}
/** By path, as `nameOf` gives it. */
export type SeenTree = Map<string, SeenEntry>;

/**
 * @param leftOut paths below `folder` that are not looked at
 * @param before what was seen at the last look: what has its stamp still is not read again
 * @throws system errors of reading other than that a file is this user's not to read
 */
export async function seeTree(
  folder: string,
  leftOut: ReadonlySet<string>,
  before: SeenTree,
): Promise<SeenTree> {
  const seen: SeenTree = new Map();
  if (!existsSync(folder)) return seen;
  const nowMs = Date.now();
  // git takes no path with a folder of this name.
  const include = (path: string): boolean => !leftOut.has(path) && !/(?:^|\/)\.git$/i.test(path);
  for (const { bytes } of listTree(folder, { include })) {
    const path = decoded(bytes);
    const place = `${folder}/${path}`;
    const status = lstatSync(fsPath(place), { bigint: true });
    const stamp = isSettled(status, nowMs) ? fileStamp(status) : "";
    const old = before.get(path);
    const digest = old && stamp !== "" && old.stamp === stamp ? old.digest : await digestOf(place, status);
    seen.set(path, { ...plainEntry(status), stamp, digest });
  }
  return seen;
}

function plainEntry(status: BigIntStats): TracedEntry {
  const kind = status.isFile()
    ? "file"
    : status.isDirectory()
      ? "folder"
      : status.isSymbolicLink()
        ? "link"
        : "other";
  const sizeBytes = kind === "file" || kind === "link" ? Number(status.size) : 0;
  return { kind, mode: Number(status.mode) & 0o7777, sizeBytes };
}

/** Larger files are streamed, not read whole. */
const SMALL_BYTES = 1 << 20;

async function digestOf(place: string, status: BigIntStats): Promise<string> {
  if (status.isSymbolicLink()) return sha256(readlinkSync(fsPath(place), "buffer"));
  if (!status.isFile()) return "";
  try {
    return status.size > SMALL_BYTES ? await sha256File(fsPath(place)) : sha256(readFileSync(fsPath(place)));
  } catch (error) {
    if (hasCode(error, "EACCES")) return "";
    throw error;
  }
}

/** Folders are told where nothing in them tells of them. */
export function changesOf(before: SeenTree, now: SeenTree): TracedChange[] {
  const changes: TracedChange[] = [];
  for (const [path, entry] of now) {
    const old = before.get(path);
    if (!old) changes.push({ what: "added", path, now: plain(entry) });
    else if (old.kind !== entry.kind || old.mode !== entry.mode || old.digest !== entry.digest)
      changes.push({ what: "changed", path, before: plain(old), now: plain(entry) });
  }
  for (const [path, entry] of before)
    if (!now.has(path)) changes.push({ what: "deleted", path, before: plain(entry) });
  const parents = new Set(changes.map(({ path }) => path.slice(0, Math.max(0, path.lastIndexOf("/")))));
  return changes
    .filter((one) => one.what === "changed" || kindOf(one) !== "folder" || !parents.has(one.path))
    .toSorted((left, right) => (left.path < right.path ? -1 : 1));
}

function kindOf(one: TracedChange): TracedEntry["kind"] {
  return one.what === "deleted" ? one.before.kind : one.now.kind;
}

function plain({ kind, mode, sizeBytes }: SeenEntry): TracedEntry {
  return { kind, mode, sizeBytes };
}
