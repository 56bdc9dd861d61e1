/**
 * The files of one parse: each is looked at once, read once and parsed once. Whoever asks leaves a trace, so that
 * every result knows what it depends on, files that were not there included.
 */
import { isUtf8 } from "node:buffer";
import { lstatSync, readdirSync, readFileSync, statSync } from "node:fs";
import { extname } from "node:path";
import {
  BuildError,
  fileStamp,
  hasCode,
  isSettled,
  reasonOf,
  sortedUnique,
  Source,
  type Diagnostic,
  type FileStamp,
  type Hasher,
} from "@tsbake/base";
import { parseFile, type ParsedFile } from "@tsbake/language";
import * as problem from "../problems.js";

export class FileTable {
  readonly #hasher: Hasher;
  readonly #stamps = new Map<string, FileStamp>();
  /** Files that may change again without another stamp. */
  readonly #unsettled = new Set<string>();
  readonly #texts = new Map<string, string>();
  readonly #digests = new Map<string, string>();
  readonly #parsed = new Map<string, ParsedFile>();
  /** Files whose bytes are not UTF-8. */
  readonly #wrongBytes = new Set<string>();

  constructor(hasher: Hasher) {
    this.#hasher = hasher;
  }

  /** Empty for what is neither a file nor a folder. */
  stamp(path: string): FileStamp {
    let stamp = this.#stamps.get(path);
    if (stamp === undefined) this.#stamps.set(path, (stamp = this.#readStamp(path)));
    return stamp;
  }

  /** The stamp to remember: one that no later run finds where the file was read too soon after a change. */
  lastingStamp(path: string): FileStamp {
    const stamp = this.stamp(path);
    return this.#unsettled.has(path) && stamp !== "" ? `?${stamp}` : stamp;
  }

  #readStamp(path: string): FileStamp {
    const before = Date.now();
    const found = reading(path, () => statSync(path, { bigint: true, throwIfNoEntry: false }));
    if (!found || !(found.isFile() || found.isDirectory())) return "";
    if (!isSettled(found, before)) this.#unsettled.add(path);
    return fileStamp(found);
  }

  /** Digest of a file's text or of the names in a folder; empty for what is not there. */
  digest(path: string): string {
    let digest = this.#digests.get(path);
    if (digest === undefined) {
      const text = isFolderStamp(this.stamp(path))
        ? sortedUnique(readdirSync(path)).join("\n")
        : this.text(path);
      this.#digests.set(path, (digest = text === undefined ? "" : this.#hasher.digest(text)));
    }
    return digest;
  }

  /** Takes over a digest from an earlier run, for a file whose stamp is the same still. */
  adopt(path: string, digest: string): void {
    if (!this.#digests.has(path)) this.#digests.set(path, digest);
  }

  text(path: string): string | undefined {
    const known = this.#texts.get(path);
    if (known !== undefined) return known;
    // The stamp comes first: content that changes in between is noticed by the next run, not missed.
    if (this.stamp(path) === "" || isFolderStamp(this.stamp(path))) return undefined;
    const bytes = readBytes(path);
    const text = bytes?.toString("utf8");
    if (text === undefined) this.#stamps.set(path, "");
    else this.#texts.set(path, text);
    if (bytes && !isUtf8(bytes)) this.#wrongBytes.add(path);
    return text;
  }

  source(path: string): Source | undefined {
    const text = this.text(path);
    return text === undefined ? undefined : new Source(path, text);
  }

  /** @throws BuildError `recipe/not-metadata` for a file of another kind */
  parse(path: string): ParsedFile | undefined {
    const known = this.#parsed.get(path);
    if (known) return known;
    const text = this.text(path);
    if (text === undefined) return undefined;
    const ending = extname(path);
    const isRecipe = [".bb", ".bbclass", ".inc", ".bbappend"].includes(ending);
    if (!isRecipe && ending !== ".conf") throw new BuildError([problem.notMetadata(path)]);
    const source = new Source(path, text);
    const wrong = notText(source, this.#wrongBytes.has(path));
    if (wrong) throw new BuildError([wrong]);
    const parsed = parseFile(source, isRecipe ? "recipe" : "conf");
    this.#parsed.set(path, parsed);
    return parsed;
  }
}

function isFolderStamp(stamp: FileStamp): boolean {
  return stamp.startsWith("d");
}

function readBytes(path: string): Buffer | undefined {
  return reading(path, () => readFileSync(path));
}

/** @returns undefined for what is not there @throws BuildError `recipe/unreadable-file` */
function reading<T>(path: string, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
    throw new BuildError([problem.unreadableFile(path, reasonOf(error))], { cause: error });
  }
}

/** Why the file that BBFILES names gives no recipe. */
export function whyMissing(path: string): string {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return "it is not there any more";
  if (found.isSymbolicLink()) return "it is a symbolic link to what is not there";
  return found.isDirectory() ? "it is a folder" : "it is no file";
}

/** Programs, archives, UTF-16: one error instead of one for each line. */
function notText(source: Source, hasWrongBytes: boolean): Diagnostic | undefined {
  const { path, text } = source;
  if (text.startsWith("\uFEFF")) return problem.notText(path, "begins with a byte order mark", undefined);
  if (text.includes("\0")) return problem.notText(path, "is no text but binary data, or UTF-16", undefined);
  if (!hasWrongBytes) return undefined;
  const start = text.indexOf("\uFFFD");
  return problem.notText(path, "is not UTF-8", { source, start, end: start + 1 });
}
