/**
 * The parse cache: what came out of a parse, and every file that it depends on.
 *
 * One file of JSON lines. The first is a digest of the rest, so a torn or damaged file counts as none; the second is
 * the header with the files and the configurations; then one line a recipe file. A run writes a new file under another
 * name and renames it.
 */
import { existsSync, readFileSync } from "node:fs";
import { readdir, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  eachLimited,
  AT_ONCE,
  diskProblem,
  hasCode,
  makeFolder,
  messageOf,
  writeFileAtomic,
} from "@tsbake/base";
import type { Diagnostic, FileStamp, Hasher, Span } from "@tsbake/base";
import type { CollectRequest, RecipeFile } from "../files/collect.js";
import type { FileTable } from "../files/files.js";
import type { RecipeInfo } from "../recipe/info.js";
import { recipeId } from "../configuration/multiconfig.js";
import * as problem from "../problems.js";

/** Raise it when the meaning of anything in the file changes. */
const FORMAT = 7;
/** Caches of other settings (`-r`, another signature handler) that are kept beside this one's. */
const KEPT_FILES = 4;

/** Path, stamp and digest of content; both are empty for a file that was not there. */
type FileRecord = readonly [path: string, stamp: FileStamp, digest: string];

export interface CachedConfiguration {
  readonly files: readonly string[];
  /** Digest of everything that a recipe starts from. */
  readonly digest: string;
  /** What passed of the environment, without the variables that do not count. */
  readonly environment: Readonly<Record<string, string>>;
  /** BB_HASHCONFIG_IGNORE_VARS: variables of the environment that do not count. */
  readonly ignored: readonly string[];
  readonly collect: CollectRequest;
  /** Values that are asked for without a parse. */
  readonly values: Readonly<Record<string, string>>;
  /** Event classes that handlers of the configuration listen to; `*` for all. */
  readonly events: readonly string[];
  /** Names that are known to have no value. */
  readonly absent: readonly string[];
  /** [number_threads] by task. */
  readonly taskThreads: Readonly<Record<string, string>>;
  readonly warnings: readonly Diagnostic[];
}

export interface CachedRecipe {
  readonly file: RecipeFile;
  /** Digest of the configuration it was parsed with. */
  readonly configuration: string;
  readonly files: readonly string[];
  readonly infos: readonly RecipeInfo[];
  readonly warnings: readonly Diagnostic[];
}

export interface ParseCache {
  /** By name of the multiconfig; that of the default one is empty. */
  readonly configurations: ReadonlyMap<string, CachedConfiguration>;
  /** By `recipeKey`. */
  readonly recipes: ReadonlyMap<string, CachedRecipe>;
}

/** One recipe file as one configuration reads it. */
export function recipeKey({ multiconfig, path }: Pick<RecipeFile, "multiconfig" | "path">): string {
  return recipeId(multiconfig, path, "");
}

/** A diagnostic whose places are offsets. */
interface StoredDiagnostic extends Omit<Diagnostic, "at" | "notes"> {
  readonly at?: StoredSpan;
  readonly notes?: readonly { readonly message: string; readonly at: StoredSpan }[];
}
type StoredSpan = readonly [path: string, start: number, end: number];

interface Header {
  readonly format: number;
  readonly files: readonly FileRecord[];
  readonly configurations: readonly Stored<CachedConfiguration>[];
}
/** Files are numbers into the header's list. */
type Stored<T> = Omit<T, "files" | "warnings"> & {
  readonly files: readonly number[];
  readonly warnings: readonly StoredDiagnostic[];
};

export class CacheStore {
  readonly #path: string;
  readonly #table: FileTable;
  readonly #hasher: Hasher;
  /** Whether a file of the cache is as it was; each is looked at once. */
  readonly #unchanged = new Map<string, boolean>();
  readonly #records = new Map<string, FileRecord>();
  /** Whether a stamp changed and the content did not: the next run should not have to read the file again. */
  #hasNewStamps = false;

  /** @param key everything that makes another cache: settings, signature handler, the program itself */
  constructor(folder: string, key: readonly unknown[], table: FileTable, hasher: Hasher) {
    const name = hasher.digest64(JSON.stringify([FORMAT, ...key]));
    this.#path = join(folder, `recipes.${name}.jsonl`);
    this.#table = table;
    this.#hasher = hasher;
  }

  get hasNewStamps(): boolean {
    return this.#hasNewStamps;
  }

  /** What the last run left, or undefined when there is nothing that can be trusted. */
  read(): ParseCache | undefined {
    try {
      return this.#read();
    } catch (error) {
      if (hasCode(error, "ENOENT", "ENOTDIR", "EACCES", "EISDIR") || isSyntaxError(error)) return undefined;
      throw error;
    }
  }

  #read(): ParseCache | undefined {
    const bytes = readFileSync(this.#path);
    const end = bytes.indexOf(10);
    if (end === -1) return undefined;
    const body = bytes.subarray(end + 1);
    if (bytes.toString("latin1", 0, end) !== this.#hasher.digest64(body)) return undefined;
    const [first = "", ...rest] = body.toString("utf8").trimEnd().split("\n");
    // The digest stands for the shape: only this file writes it, and the format is part of its name.
    const header = JSON.parse(first) as Header;
    if (header.format !== FORMAT) return undefined;
    for (const record of header.files) this.#records.set(record[0], record);
    const recipes = new Map<string, CachedRecipe>();
    for (const line of rest) {
      const recipe = this.#load(JSON.parse(line) as Stored<CachedRecipe>, header.files);
      recipes.set(recipeKey(recipe.file), recipe);
    }
    const configurations = new Map<string, CachedConfiguration>();
    for (const stored of header.configurations) {
      const configuration: CachedConfiguration = this.#load(stored, header.files);
      configurations.set(configuration.collect.multiconfig, configuration);
    }
    return { configurations, recipes };
  }

  #load<T>(stored: Stored<T>, files: readonly FileRecord[]): T {
    return {
      ...stored,
      files: stored.files.map((index) => files[index]![0]),
      warnings: stored.warnings.map((warning) => this.#restore(warning)),
    } as T;
  }

  /** Whether every file is as it was when the cache was written: the stamp first, the content when the stamp differs. */
  isUnchanged(files: readonly string[]): boolean {
    return files.every((path) => {
      let same = this.#unchanged.get(path);
      if (same === undefined) this.#unchanged.set(path, (same = this.#check(path)));
      return same;
    });
  }

  #check(path: string): boolean {
    const record = this.#records.get(path);
    if (!record) return false;
    const [, stamp, digest] = record;
    const now = this.#table.stamp(path);
    if (now === stamp) {
      this.#table.adopt(path, digest);
      return true;
    }
    if (now === "" || stamp === "" || this.#table.digest(path) !== digest) return false;
    this.#hasNewStamps = true;
    return true;
  }

  /**
   * Writes the cache and removes the oldest of those for other settings.
   *
   * @returns a warning when the folder cannot be written; the run does not depend on it
   */
  async write(cache: ParseCache): Promise<Diagnostic | undefined> {
    const numbers = new Map<string, number>();
    const records: FileRecord[] = [];
    const number = (path: string): number => {
      let index = numbers.get(path);
      if (index === undefined) {
        numbers.set(path, (index = records.length));
        records.push([path, this.#table.lastingStamp(path), this.#table.digest(path)]);
      }
      return index;
    };
    const store = <T extends CachedConfiguration | CachedRecipe>(value: T): object => ({
      ...value,
      files: value.files.map(number),
      warnings: value.warnings.map(flatten),
    });
    const lines = [...cache.recipes.values()].map((recipe) => JSON.stringify(store(recipe)));
    const configurations = [...cache.configurations.values()].map((one) => store(one));
    const header = JSON.stringify({ format: FORMAT, files: records, configurations });
    const body = Buffer.from(`${[header, ...lines].join("\n")}\n`);
    try {
      await makeFolder(dirname(this.#path));
      await writeFileAtomic(
        this.#path,
        Buffer.concat([Buffer.from(`${this.#hasher.digest64(body)}\n`), body]),
        // All values of the configuration and the caller's environment are in it, from files of whatever mode.
        { mode: 0o600 },
      );
      await this.#prune();
      return undefined;
    } catch (error) {
      if (!hasCode(error, "EACCES", "EPERM", "EROFS", "ENOSPC", "EDQUOT", "ENOTDIR", "EEXIST")) throw error;
      const disk = diskProblem(error, [dirname(this.#path)], "the parse cache");
      if (disk) return { ...disk, severity: "warning" };
      return problem.cacheNotWritten(this.#path, messageOf(error));
    }
  }

  async #prune(): Promise<void> {
    const folder = dirname(this.#path);
    const names = (await readdir(folder)).filter((name) => /^recipes\.[0-9a-f]{16}\.jsonl$/.test(name));
    const aged = await eachLimited(names, AT_ONCE, async (name) => ({
      path: join(folder, name),
      time: (await stat(join(folder, name))).mtimeMs,
    }));
    aged.sort((left, right) => right.time - left.time);
    await eachLimited(aged.slice(KEPT_FILES), AT_ONCE, ({ path }) => rm(path, { force: true }));
  }

  #restore({ at, notes, ...rest }: StoredDiagnostic): Diagnostic {
    const place = at && this.#span(at);
    const explained = (notes ?? []).flatMap((note) => {
      const span = this.#span(note.at);
      return span ? [{ message: note.message, at: span }] : [];
    });
    return {
      ...rest,
      ...(place ? { at: place } : {}),
      ...(explained.length > 0 ? { notes: explained } : {}),
    };
  }

  #span([path, start, end]: StoredSpan): Span | undefined {
    const source = this.#table.source(path);
    return source && { source, start, end };
  }
}

/** Whether the files that [file-checksums] names are there, or not, as they were when the recipe was parsed. */
export function areChecksumFilesSame(infos: readonly RecipeInfo[], seen: Map<string, boolean>): boolean {
  for (const info of infos) {
    for (const task of Object.values(info.tasks)) {
      for (const word of task.fileChecksums ?? []) {
        const match = /^(.*):(True|False)$/s.exec(word);
        if (!match) continue;
        const path = match[1]!;
        let isThere = seen.get(path);
        if (isThere === undefined) seen.set(path, (isThere = existsSync(path)));
        if (isThere !== (match[2] === "True")) return false;
      }
    }
  }
  return true;
}

function flatten({ at, notes, ...rest }: Diagnostic): StoredDiagnostic {
  return {
    ...rest,
    ...(at ? { at: flattenSpan(at) } : {}),
    ...(notes ? { notes: notes.map((note) => ({ message: note.message, at: flattenSpan(note.at) })) } : {}),
  };
}

function flattenSpan({ source, start, end }: Span): StoredSpan {
  return [source.path, start, end];
}

function isSyntaxError(error: unknown): boolean {
  return typeof error === "object" && error !== null && "name" in error && error.name === "SyntaxError";
}
