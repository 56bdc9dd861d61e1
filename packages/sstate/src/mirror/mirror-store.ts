/**
 * A store on the other end of a URL: one rule of SSTATE_MIRRORS. It is read only; what it has is downloaded, verified
 * against its `.sha256`, and handed over as a local file.
 *
 * A mirror is a convenience: whatever is wrong with it, the build goes on without it, and says so once.
 */
import { hasProgram } from "@tsbake/archive";
import {
  applyMirror,
  BuildError,
  eachLimited,
  hasCode,
  isUnreachable,
  joinUrl,
  messageOf,
  parseMirrors,
  quoted,
  redact,
  splitUrl,
  type MirrorRule,
} from "@tsbake/base";
import { digestIn, sidecarOf } from "../checksum.js";
import { gzipPath, objectPath, type ObjectName } from "../names.js";
import { badMirrors } from "../problems.js";
import type { Store, StoreOptions } from "../store.js";
import { MirrorDownload } from "./download.js";
import { LONGEST_SIDECAR, openReader, PARALLEL, MirrorRefusal, type Reader } from "./reader.js";

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

/** A question for each of them costs less than asking whether all can be asked for. */
const WORTH_ASKING_TOGETHER = 8;

class MirrorStore implements Store {
  readonly #rule: MirrorRule;
  readonly #onWarning: StoreOptions["onWarning"];
  readonly #reader: Reader;
  /** Told once that something is wrong; when `isDown`, it is not asked again. */
  #hasWarned = false;
  #isDown = false;
  /** Somebody waits for `find`; later, a task that takes long is seen anyway. */
  #isAsked = false;
  /** Something that it has is as it should be. */
  #isSane = false;
  readonly #download: MirrorDownload;
  /** What it has is not what the tasks make: it is not asked for these again. */
  readonly #rejected = new Set<string>();
  /** Which of the two names an object has here, as `find` saw it. */
  readonly #urls = new Map<string, string>();
  #suffixes: Promise<readonly ((path: string) => string)[]> | undefined;

  constructor(rule: MirrorRule, options: StoreOptions) {
    this.#rule = rule;
    this.#onWarning = options.onWarning;
    this.#reader = openReader(rule.replace, options, (text) => {
      if (this.#isAsked) options.onNote?.(`shared-state mirror ${text}`);
    });
    this.#download = new MirrorDownload(this.#reader, options, (message) => this.#warn(message));
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
    return this.#guard(() => this.#download.get(url));
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

  /** Errors of the mirror are one warning; from then on it is left alone if it cannot be reached. */
  async #guard<T>(action: () => Promise<T>): Promise<T | undefined> {
    if (this.#isDown) return undefined;
    try {
      return await action();
    } catch (error) {
      if (hasCode(error, "HTTP_STOPPED")) this.#isDown = true;
      else if (error instanceof MirrorRefusal) {
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
    this.#onWarning(redact(text));
  }
}

/** The URL without parameters. */
function bare(url: string): string {
  return joinUrl({ ...splitUrl(url)!, parameters: {} });
}
