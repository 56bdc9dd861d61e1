/** The default answer to "what is in this file or folder": content, names below it and modes. */
import { lstat, readdir, readlink, stat } from "node:fs/promises";
import type { BigIntStats, Dirent } from "node:fs";
import { basename, dirname, join } from "node:path";
import {
  BuildError,
  byText,
  fileStamp,
  type FileStamp,
  hasCode,
  ifReachable,
  ifThere,
  isSettled,
  messageOf,
  sha256,
  sha256File,
} from "@tsbake/base";
import { unreadableInput } from "../problems.js";

/** What is remembered of files between runs, by path; a Map will do. */
export interface DigestCache {
  get(path: string): string | undefined;
  set(path: string, entry: string): void;
  /** Told of every file, and of every link on the way to one, what `stat` says of it: remembered or not, read or not. */
  saw?(path: string, stamp: FileStamp): void;
}

export interface DigestOptions {
  readonly cache?: DigestCache;
  /** Names of folders that are left out; default: those of version control (BB_SIGNATURE_LOCAL_DIRS_EXCLUDE). */
  readonly excludedFolders?: readonly string[];
  /** Ms since epoch, now. */
  readonly now?: () => number;
}

/** BitBake's default of BB_SIGNATURE_LOCAL_DIRS_EXCLUDE. */
export const VERSION_CONTROL = ["CVS", ".bzr", ".git", ".hg", ".osc", ".p4", ".repo", ".svn"];

/**
 * SHA-256 of a file's content, or of the sorted names, digests and links of everything in a folder, the empty folders too.
 * A mode other than 0644 is added to a file's: `+x` for 0755, or the digits; likewise of folders other than 0755. Who else may
 * write does not count: do_unpack takes that away. A path with `*`, `?` or `[…]` that is no file stands for all that match.
 *
 * @returns undefined when there is nothing at `path`
 * @throws BuildError `graph/unreadable-input`
 * @see BitBake 2.19 lib/bb/checksum.py — differs: links to folders, empty folders and modes count
 */
export async function digestPath(path: string, options: DigestOptions = {}): Promise<string | undefined> {
  const excluded = new Set(options.excludedFolders ?? VERSION_CONTROL);
  const digester = new Digester(excluded, options.cache, options.now ?? Date.now);
  try {
    const found = await digester.path(path);
    return found === undefined && /[*?[]/.test(path) ? await digester.pattern(path) : found;
  } catch (error) {
    if (error instanceof BuildError) throw error;
    throw new BuildError([unreadableInput(path, messageOf(error))]);
  }
}

class Digester {
  readonly #excluded: ReadonlySet<string>;
  readonly #cache: DigestCache | undefined;
  readonly #now: () => number;

  constructor(excluded: ReadonlySet<string>, cache: DigestCache | undefined, now: () => number) {
    this.#excluded = excluded;
    this.#cache = cache;
    this.#now = now;
  }

  async path(path: string): Promise<string | undefined> {
    let status: BigIntStats;
    const before = this.#now();
    try {
      status = await statusOf(path, this.#cache);
    } catch (error) {
      if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
      throw error;
    }
    if (status.isDirectory()) return this.#folder(path);
    if (!status.isFile()) throw new BuildError([unreadableInput(path, "it is neither a file nor a folder")]);
    return this.#file(path, status, before);
  }

  async #file(path: string, status: BigIntStats, before: number): Promise<string> {
    const stamp = `${fileStamp(status)} `;
    this.#cache?.saw?.(path, stamp);
    const suffix = modeSuffix(status);
    const known = this.#cache?.get(path);
    if (known?.startsWith(stamp)) return known.slice(stamp.length) + suffix;
    const digest = await sha256File(path);
    if (isSettled(status, before)) this.#cache?.set(path, stamp + digest);
    return digest + suffix;
  }

  async #folder(root: string): Promise<string> {
    if (root.replace(/\/+$/, "") === "") {
      throw new BuildError([unreadableInput(root, "the whole file system cannot be an input")]);
    }
    const lines: string[] = [];
    const folders = [""];
    for (const folder of folders) {
      const entries = await readdir(join(root, folder), { withFileTypes: true });
      const mode = countedMode(await stat(join(root, folder), { bigint: true }));
      const isEmpty = entries.every((entry) => entry.isDirectory() && this.#excluded.has(entry.name));
      if (isEmpty || mode !== "755") lines.push(`folder ${mode} ./${folder}`);
      for (const entry of entries) {
        const name = folder === "" ? entry.name : `${folder}/${entry.name}`;
        if (entry.isDirectory()) {
          if (!this.#excluded.has(entry.name)) folders.push(name);
        } else lines.push(`${await this.#entry(join(root, name), entry)} ./${name}`);
      }
    }
    return sha256(lines.sort(byText).join("\n"));
  }

  async #entry(path: string, entry: Dirent): Promise<string> {
    const before = this.#now();
    if (entry.isSymbolicLink()) {
      // A body cannot read what we cannot.
      const target = await ifReachable(statusOf(path, this.#cache));
      if (!target?.isFile()) return `link ${await readlink(path)}`;
      return this.#file(path, target, before);
    }
    if (entry.isFile()) return this.#file(path, await stat(path, { bigint: true }), before);
    // A socket or pipe has no content to speak of; that it is there counts.
    return "special";
  }

  async pattern(pattern: string): Promise<string | undefined> {
    const lines: string[] = [];
    for (const path of await expandPattern(pattern)) {
      const isLinkedFolder = (await lstat(path)).isSymbolicLink() && (await stat(path)).isDirectory();
      if (!isLinkedFolder) lines.push(`${await this.path(path)} ${basename(path)}`);
    }
    return lines.length === 0 ? undefined : sha256(lines.sort(byText).join("\n"));
  }
}

/** What is at a path, links followed. @throws system errors */
export async function statusOf(path: string, cache: DigestCache | undefined): Promise<BigIntStats> {
  const status = await lstat(path, { bigint: true });
  if (!status.isSymbolicLink()) return status;
  // It may lead elsewhere for a while.
  cache?.saw?.(`link ${path}`, fileStamp(status));
  return stat(path, { bigint: true });
}

/** Octal digits, without what do_unpack takes away: writing by others than the owner. */
function countedMode({ mode }: BigIntStats): string {
  return (mode & 0o7755n).toString(8);
}

function modeSuffix(status: BigIntStats): string {
  const mode = countedMode(status);
  if (mode === "644") return "";
  return mode === "755" ? "+x" : `+${mode}`;
}

/** Paths that match a pattern with `*`, `?` and `[…]`, none of which matches a slash or a leading dot. */
export async function expandPattern(pattern: string): Promise<string[]> {
  if (!/[*?[]/.test(pattern)) {
    return (await ifThere(lstat(pattern))) ? [pattern] : [];
  }
  const matches = globToRegExp(basename(pattern));
  const folder = dirname(pattern);
  const found: string[] = [];
  for (const parent of folder === pattern ? [] : await expandPattern(folder)) {
    const names = (await ifThere(readdir(parent))) ?? [];
    found.push(...names.filter((name) => matches.test(name)).map((name) => join(parent, name)));
  }
  return found.sort(byText);
}

function globToRegExp(glob: string): RegExp {
  const body = glob.replace(
    /\*|\?|\[(!?)([^\]]+)\]|[\\^$.|+(){}[\]]/g,
    (part, not?: string, set?: string) => {
      if (part === "*") return "[^/]*";
      if (part === "?") return "[^/]";
      if (set !== undefined) return `[${not ? "^" : ""}${set.replace(/[\\^]/g, "\\$&")}]`;
      return `\\${part}`;
    },
  );
  return new RegExp(`^${glob.startsWith(".") ? "" : "(?!\\.)"}${body}$`);
}
