/**
 * A store on the other end of a URL: one rule of SSTATE_MIRRORS. It is read only; what it has is downloaded, verified
 * against its `.sha256`, and handed over as a local file.
 *
 * A mirror is a convenience: whatever is wrong with it, the build goes on without it, and says so once.
 */
import { rmSync } from "node:fs";
import { lstat, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { hasProgram } from "@tsbake/archive";
import {
  BuildError,
  copyPlain,
  diskProblem,
  eachLimited,
  redact,
  HttpClient,
  type Lock,
  type MirrorRule,
  applyMirror,
  isUnreachable,
  hasCode,
  ifThere,
  lockFile,
  makeFolder,
  messageOf,
  joinUrl,
  parseMirrors,
  readPlain,
  sha256,
  sha256File,
  quoted,
  splitUrl,
  scratchFolder,
} from "@tsbake/base";
import { digestIn, sidecarOf } from "./checksum.js";
import { signatureOf } from "./gpg.js";
import { gzipPath, objectPath, type ObjectName } from "./names.js";
import { badMirrors } from "./problems.js";
import type { Store, StoreOptions } from "./store.js";

/** In the answers of a server that can be asked for many objects at once (`remote/api.ts`, which is not loaded without one). */
const API_HEADER = "tsbake-sstate";
const PARALLEL = 16;
const LONGEST_SIDECAR = 4096;
const LONGEST_SIGNATURE = 1 << 20;
const LONGEST_DESCRIPTION = 32 << 20;
const MOST_BYTES = 64 * 2 ** 30;
const LONGEST_MS = 3600_000;
/** A transfer that breaks off is taken up again so often. */
const MOST_TRIES = 4;

/**
 * SSTATE_MIRRORS: `pattern replacement` pairs; http(s):// and file://. The URL that is matched is `file://` and the
 * object's path.
 *
 * @throws BuildError `sstate/bad-mirrors`
 */
export function openMirrors(mirrors: string, options: StoreOptions): readonly Store[] {
  const { rules, faults } = parseMirrors(mirrors);
  for (const { replace } of rules) {
    const type = splitUrl(replace)?.type ?? "";
    if (!["http", "https", "file"].includes(type)) faults.push(`${replace}: ${type}:// is not supported`);
  }
  if (faults.length > 0) throw new BuildError(faults.map((fault) => badMirrors(fault)));
  return rules.map((rule) => new MirrorStore(rule, options));
}

/** What a mirror holds under a URL, or undefined; errors are those of reaching it. */
interface Reader {
  has(url: string): Promise<boolean>;
  bytes(url: string, maxBytes: number): Promise<Buffer | undefined>;
  /** Into `path`, which may hold its start already. */
  download(url: string, path: string): Promise<boolean>;
  /**
   * `has` of many at once; undefined where that cannot be asked.
   *
   * @param base below which all of them are
   */
  hasMany?(base: string, places: readonly string[]): Promise<readonly boolean[] | undefined>;
}

/** A question for each of them costs less than asking whether all can be asked for. */
const WORTH_ASKING_TOGETHER = 8;

class MirrorStore implements Store {
  readonly #rule: MirrorRule;
  readonly #options: StoreOptions;
  readonly #reader: Reader;
  /** Told once that something is wrong; when `isDown`, it is not asked again. */
  #hasWarned = false;
  #isDown = false;
  /** Somebody waits for `find`; later, a task that takes long is seen anyway. */
  #isAsked = false;
  /** Something that it has is as it should be. */
  #isSane = false;
  #downloads: Promise<Downloads> | undefined;
  /** What it has is not what the tasks make: it is not asked for these again. */
  readonly #rejected = new Set<string>();
  /** Which of the two names an object has here, as `find` saw it. */
  readonly #urls = new Map<string, string>();
  #suffixes: Promise<readonly ((path: string) => string)[]> | undefined;

  constructor(rule: MirrorRule, options: StoreOptions) {
    this.#rule = rule;
    this.#options = options;
    const isFile = splitUrl(rule.replace)?.type === "file";
    const { timeoutMs, minRate, signal, retryPauseMs, onNote } = options;
    const { maxBytes = MOST_BYTES, maxMs = LONGEST_MS } = options;
    const http = new HttpClient({
      maxConnections: PARALLEL,
      maxBytes,
      ...(Number.isFinite(maxMs) && { maxMs }),
      ...(timeoutMs !== undefined && { timeoutMs }),
      ...(minRate !== undefined && { minRate }),
      ...(signal && { signal }),
      ...(retryPauseMs !== undefined && { retryPauseMs }),
      ...(onNote && { onRetry: (text) => this.#isAsked && onNote(`shared-state mirror ${text}`) }),
    });
    this.#reader = isFile ? fileReader : httpReader(http);
  }

  async find(names: readonly ObjectName[]): Promise<Set<ObjectName>> {
    const found = new Set<ObjectName>();
    this.#isAsked = true;
    const left = await this.#findTogether(names, found);
    await eachLimited(left, PARALLEL, async (name) => {
      if (!this.#isDown && (await this.#locate(name)) !== undefined) found.add(name);
    });
    this.#isAsked = false;
    const [first] = found;
    if (first !== undefined) await this.#probe(first);
    if (this.#isDown) return new Set();
    // In the order that was asked, whichever answered first.
    return new Set(names.filter((name) => found.has(name)));
  }

  async get(name: ObjectName): Promise<string | undefined> {
    const url = await this.#locate(name);
    if (url === undefined) return undefined;
    return this.#guard(() => this.#fetch(url));
  }

  /** Where the server offers it, all in one question. @returns those that are still to be asked for, one by one */
  async #findTogether(names: readonly ObjectName[], found: Set<ObjectName>): Promise<readonly ObjectName[]> {
    const [first, ...others] = names;
    if (first === undefined || !this.#reader.hasMany || others.length < WORTH_ASKING_TOGETHER) return names;
    // Its answer says what the server can.
    if ((await this.#locate(first)) !== undefined) found.add(first);
    let left = others.filter((name) => !this.#rejected.has(objectPath(name)));
    for (const variant of await this.#variants()) {
      const places = left.map((name) => variant(objectPath(name)));
      const base = this.#baseOf(places[0]);
      if (base === undefined) return left;
      const there = await this.#guard(async () => this.#reader.hasMany?.(base, places));
      if (!there) return left;
      left.forEach((name, at) => {
        if (!there[at]) return;
        found.add(name);
        this.#urls.set(objectPath(name), `${base}/${quoted(places[at]!)}`);
      });
      left = left.filter((name) => !found.has(name));
    }
    return [];
  }

  /** Undefined where the rule makes more of a path than putting something in front of it. */
  #baseOf(place: string | undefined): string | undefined {
    if (place === undefined) return undefined;
    const url = applyMirror(`file://${quoted(place)}`, this.#rule);
    const end = `/${quoted(place)}`;
    return url !== undefined && bare(url).endsWith(end) ? bare(url).slice(0, -end.length) : undefined;
  }

  /** A server that says yes to everything, with its login page, is found out before anything is planned. */
  async #probe(name: ObjectName): Promise<void> {
    const url = this.#urls.get(objectPath(name));
    if (this.#isSane || url === undefined) return;
    const sidecar = await this.#guard(() => this.#reader.bytes(sidecarOf(url), LONGEST_SIDECAR));
    if (sidecar === undefined) return;
    if (digestIn(sidecar.toString()) !== undefined) this.#isSane = true;
    else {
      this.#isDown = true;
      this.#warn(
        `${sidecarOf(url)} is no checksum but some other page; the build goes on without this mirror`,
      );
    }
  }

  put(): Promise<void> {
    throw new Error("internal: a mirror is read only");
  }

  describe(): Promise<void> {
    throw new Error("internal: a mirror is read only");
  }

  reject(name: ObjectName): Promise<void> {
    this.#rejected.add(objectPath(name));
    return Promise.resolve();
  }

  async #locate(name: ObjectName): Promise<string | undefined> {
    const path = objectPath(name);
    if (this.#rejected.has(path)) return undefined;
    const known = this.#urls.get(path);
    if (known !== undefined) return known;
    for (const variant of await this.#variants()) {
      const place = variant(path);
      const url = applyMirror(`file://${quoted(place)}`, this.#rule);
      if (url === undefined) return undefined;
      if (await this.#guard(() => this.#reader.has(bare(url)))) {
        this.#urls.set(path, bare(url));
        return bare(url);
      }
    }
    return undefined;
  }

  /** A host without zstd looks only for what it can unpack. */
  #variants(): Promise<readonly ((path: string) => string)[]> {
    this.#suffixes ??= hasProgram("zstd").then((has) => (has ? [(path) => path, gzipPath] : [gzipPath]));
    return this.#suffixes;
  }

  async #fetch(url: string): Promise<string | undefined> {
    const sidecar = await this.#reader.bytes(sidecarOf(url), LONGEST_SIDECAR);
    const digest = digestIn(sidecar?.toString() ?? "");
    if (digest === undefined) {
      this.#warn(`${url} has no valid checksum beside it (.sha256), and is not used`);
      return undefined;
    }
    const { signer } = this.#options;
    const signature = signer && (await this.#reader.bytes(signatureOf(url), LONGEST_SIGNATURE));
    if (signer && !signature) {
      this.#warn(`${url} has no signature beside it (.sig), and is not used (SSTATE_VERIFY_SIG)`);
      return undefined;
    }
    this.#downloads ??= openDownloads(this.#options.downloads);
    const { parts, done } = await this.#downloads;
    // Named by object and content: what another run left of it can be gone on with, and no two objects share one.
    const place = decodeURIComponent(basename(url));
    const part = join(parts, `${sha256(`${place} ${digest}`).slice(0, 32)}.part`);
    const file = join(done, place);
    {
      await using _lock = await lockPart(part);
      if (!(await this.#transfer(url, part, digest))) {
        await rm(part, { force: true });
        return undefined;
      }
      await rename(part, file);
    }
    if (signature && !(await this.#isTrusted(url, file, signature))) {
      await rm(file, { force: true });
      return undefined;
    }
    await this.#takeDescription(url, file);
    return file;
  }

  /** What it is described by is for people: whatever is wrong with that, the object is as good without. */
  async #takeDescription(url: string, file: string): Promise<void> {
    try {
      const description = await this.#reader.bytes(`${url}.siginfo`, LONGEST_DESCRIPTION);
      if (description !== undefined) await writeFile(`${file}.siginfo`, description);
    } catch (error) {
      this.#warn(`${messageOf(error)}; the artifact is used without its description`);
    }
  }

  async #isTrusted(url: string, file: string, signature: Buffer): Promise<boolean> {
    const path = signatureOf(file);
    await writeFile(path, signature);
    const fault = await this.#options.signer?.fault(file, path, basename(file));
    if (!fault) return true;
    await rm(path, { force: true });
    this.#warn(`${url} is not used: ${fault.why}`);
    return false;
  }

  /** Downloads until the bytes are right: what an earlier try left is used, and thrown away when it proves wrong. */
  async #transfer(url: string, part: string, digest: string): Promise<boolean> {
    for (let tries = 1; ; tries++) {
      const before = await sizeOf(part);
      try {
        if (!(await this.#reader.download(url, part))) return false;
      } catch (error) {
        // Cut off on the way: go on where it broke, unless nothing came at all.
        // A server that is too slow, or that nobody waits for any more, is not asked again.
        const isOver = tries === MOST_TRIES || hasCode(error, "HTTP_SLOW", "HTTP_STOPPED", "HTTP_TOO_LONG");
        // What will never be whole, or leaves no room for the build, is not kept for the next run.
        if (hasCode(error, "HTTP_TOO_LONG") || diskProblem(error, [dirname(part)]))
          await rm(part, { force: true });
        if (isOver || !isUnreachable(error) || (await sizeOf(part)) === before) throw error;
        continue;
      }
      const actual = await sha256File(part);
      if (actual === digest) return true;
      await rm(part, { force: true });
      if (before > 0 && tries < MOST_TRIES) continue;
      this.#warn(`${url} is not used: its SHA-256 is ${actual}, and ${digest} was expected`);
      return false;
    }
  }

  /** Errors of the mirror are one warning; from then on it is left alone if it cannot be reached. */
  async #guard<T>(action: () => Promise<T>): Promise<T | undefined> {
    if (this.#isDown) return undefined;
    try {
      return await action();
    } catch (error) {
      if (hasCode(error, "HTTP_STOPPED")) this.#isDown = true;
      else if (error instanceof Refusal) {
        this.#isDown ||= error.isFinal;
        this.#warn(`${error.message}${error.isFinal ? "; the build goes on without this mirror" : ""}`);
      } else if (hasCode(error, "NOT_PLAIN", "TOO_LONG")) {
        this.#warn(`${messageOf(error)}, and is not used`);
      } else {
        this.#isDown ||= isUnreachable(error) || error instanceof BuildError;
        this.#warn(`${messageOf(error)}; the build goes on without this mirror`);
      }
      return undefined;
    }
  }

  #warn(message: string): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    const text = `shared-state mirror ${this.#rule.replace}: ${message} (further trouble with it is not told)`;
    this.#options.onWarning(redact(text));
  }
}

/** The server can be reached, and answers neither yes nor no. */
class Refusal extends Error {
  override readonly name = "Refusal";
  /** It will say the same of all others: it is broken, or does not know us. */
  readonly isFinal: boolean;

  constructor(url: string, status: number) {
    super(`the server answers ${status} for ${url}`);
    this.isFinal = status >= 500 || [401, 407, 429].includes(status);
  }
}

function httpReader(client: HttpClient): Reader {
  const judge = (url: string, status: number): boolean => {
    if (status === 200) return true;
    if (status === 404 || status === 410) return false;
    throw new Refusal(url, status);
  };
  let offersMany = false;
  return {
    async hasMany(base, places) {
      if (!offersMany) return undefined;
      const { existAt } = await import("./remote/exists.js");
      return existAt(client, base, places);
    },
    async has(url) {
      const { status, headers } = await client.head(url);
      offersMany ||= headers[API_HEADER] !== undefined;
      // Some servers know no HEAD: the sidecar, which is small, says the same.
      if (status !== 403 && status !== 405 && status !== 501) return judge(url, status);
      const sidecar = await client.text(sidecarOf(url), LONGEST_SIDECAR);
      return judge(url, sidecar.status);
    },
    async bytes(url, maxBytes) {
      const { status, bytes } = await client.bytes(url, maxBytes);
      return judge(url, status) ? bytes : undefined;
    },
    async download(url, path) {
      return judge(url, (await client.download(url, path)).status);
    },
  };
}

const fileReader: Reader = {
  has: async (url) => (await sizeOf(pathOf(url))) > 0,
  bytes: (url, maxBytes) => ifThere(readPlain(pathOf(url), maxBytes)),
  async download(url, path) {
    await copyPlain(pathOf(url), path);
    return true;
  },
};

function pathOf(url: string): string {
  return decodeURIComponent(url.slice("file://".length));
}

/** The URL without parameters. */
function bare(url: string): string {
  return joinUrl({ ...splitUrl(url)!, parameters: {} });
}

interface Downloads {
  /** Where the next run finds what this one has begun. */
  readonly parts: string;
  /** Of this process alone: what is whole, until the nearest store takes it. */
  readonly done: string;
}

async function openDownloads(folder: string | undefined): Promise<Downloads> {
  if (folder !== undefined) {
    try {
      await makeFolder(folder);
      return { parts: folder, done: await temporaryFolder(join(folder, "run-")) };
    } catch (error) {
      // A store that is only read.
      if (!hasCode(error, "EACCES", "EPERM", "EROFS", "ENOTDIR", "EEXIST")) throw error;
    }
  }
  const temporary = await temporaryFolder(join(tmpdir(), "tsbake-mirror-"));
  return { parts: temporary, done: temporary };
}

async function temporaryFolder(start: string): Promise<string> {
  const temporary = await scratchFolder(start);
  if (temporaryFolders.size === 0) process.once("exit", removeTemporaries);
  temporaryFolders.add(temporary);
  return temporary;
}

/** Another process may download the same into the same folder. What stands there and is no plain file of ours is no start. */
async function lockPart(part: string): Promise<Lock> {
  const lock = await lockFile(`${part}.lock`, {
    holder: `a tsbake process (process ${process.pid})`,
    mode: 0o664,
    isTemporary: true,
  });
  const found = await lstat(part).catch((error: unknown) => {
    if (!hasCode(error, "ENOENT")) throw error;
  });
  const isOurs = found === undefined || (found.isFile() && found.uid === process.getuid?.());
  if (!isOurs) await rm(part, { recursive: true, force: true });
  return lock;
}

/** Downloads that nobody has taken over; they go with the process. */
const temporaryFolders = new Set<string>();

function removeTemporaries(): void {
  for (const folder of temporaryFolders) rmSync(folder, { recursive: true, force: true });
}

/** Of a plain file; 0 for what is none, or is not there. */
async function sizeOf(path: string): Promise<number> {
  const found = await ifThere(stat(path));
  return found?.isFile() === true ? found.size : 0;
}
