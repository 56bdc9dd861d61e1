/** One object out of a mirror: it is used when its bytes are those of its checksum, and signed where that is demanded. */
import { rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { diskProblem, hasCode, isUnreachable, messageOf, sha256, sha256File } from "@tsbake/base";
import { digestIn, sidecarOf } from "../checksum.js";
import { signatureOf } from "../gpg.js";
import type { StoreOptions } from "../store.js";
import { lockPart, openDownloads, type Downloads } from "./places.js";
import { LONGEST_SIDECAR, plainSize, type Reader } from "./reader.js";

const LONGEST_SIGNATURE = 1 << 20;
const LONGEST_DESCRIPTION = 32 << 20;
/** A transfer that breaks off is taken up again so often. */
const MOST_TRIES = 4;

interface Wanted {
  readonly url: string;
  readonly part: string;
  readonly digest: string;
  /** Where it goes when it is whole. */
  readonly file: string;
}

/** Downloads of one mirror. */
export class MirrorDownload {
  readonly #reader: Reader;
  readonly #options: StoreOptions;
  readonly #onFault: (message: string) => void;
  #downloads: Promise<Downloads> | undefined;

  /** @param onFault told why an object is not used, or not with all that belongs to it */
  constructor(reader: Reader, options: StoreOptions, onFault: (message: string) => void) {
    this.#reader = reader;
    this.#options = options;
    this.#onFault = onFault;
  }

  /** @returns the local file; undefined where it is not used, of which somebody was told @throws errors of reaching the mirror */
  async get(url: string): Promise<string | undefined> {
    const sidecar = await this.#reader.bytes(sidecarOf(url), LONGEST_SIDECAR);
    const digest = digestIn(sidecar?.toString() ?? "");
    if (digest === undefined) {
      this.#onFault(`${url} has no valid checksum beside it (.sha256), and is not used`);
      return undefined;
    }
    const { signer } = this.#options;
    const signature = signer && (await this.#reader.bytes(signatureOf(url), LONGEST_SIGNATURE));
    if (signer && !signature) {
      this.#onFault(`${url} has no signature beside it (.sig), and is not used (SSTATE_VERIFY_SIG)`);
      return undefined;
    }
    this.#downloads ??= openDownloads(this.#options.downloads);
    const { parts, done } = await this.#downloads;
    // Named by object and content: what another run left of it can be gone on with, and no two objects share one.
    const place = decodeURIComponent(basename(url));
    const part = join(parts, `${sha256(`${place} ${digest}`).slice(0, 32)}.part`);
    const file = join(done, place);
    if (!(await this.#bring({ url, part, digest, file }))) return undefined;
    if (signature && !(await this.#isTrusted(url, file, signature))) {
      await rm(file, { force: true });
      return undefined;
    }
    await this.#takeDescription(url, file);
    return file;
  }

  /** Gives the file its name once its bytes are right. */
  async #bring({ url, part, digest, file }: Wanted): Promise<boolean> {
    await using _lock = await lockPart(part);
    const isRight = await this.#transfer(url, part, digest);
    if (isRight) await rename(part, file);
    else await rm(part, { force: true });
    return isRight;
  }

  /** What it is described by is for people: whatever is wrong with that, the object is as good without. */
  async #takeDescription(url: string, file: string): Promise<void> {
    try {
      const description = await this.#reader.bytes(`${url}.siginfo`, LONGEST_DESCRIPTION);
      if (description !== undefined) await writeFile(`${file}.siginfo`, description);
    } catch (error) {
      this.#onFault(`${messageOf(error)}; the artifact is used without its description`);
    }
  }

  async #isTrusted(url: string, file: string, signature: Buffer): Promise<boolean> {
    const path = signatureOf(file);
    await writeFile(path, signature);
    const fault = await this.#options.signer?.fault(file, path, basename(file));
    if (!fault) return true;
    await rm(path, { force: true });
    this.#onFault(`${url} is not used: ${fault.why}`);
    return false;
  }

  /** Downloads until the bytes are right: what an earlier try left is used, and thrown away when it proves wrong. */
  async #transfer(url: string, part: string, digest: string): Promise<boolean> {
    for (let tries = 1; ; tries++) {
      const before = await plainSize(part);
      try {
        if (!(await this.#reader.download(url, part))) return false;
      } catch (error) {
        // Cut off on the way: go on where it broke, unless nothing came at all.
        // A server that is too slow, or that nobody waits for any more, is not asked again.
        const isOver = tries === MOST_TRIES || hasCode(error, "HTTP_SLOW", "HTTP_STOPPED", "HTTP_TOO_LONG");
        // What will never be whole, or leaves no room for the build, is not kept for the next run.
        if (hasCode(error, "HTTP_TOO_LONG") || diskProblem(error, [dirname(part)]))
          await rm(part, { force: true });
        if (isOver || !isUnreachable(error) || (await plainSize(part)) === before) throw error;
        continue;
      }
      const actual = await sha256File(part);
      if (actual === digest) return true;
      await rm(part, { force: true });
      if (before > 0 && tries < MOST_TRIES) continue;
      this.#onFault(`${url} is not used: its SHA-256 is ${actual}, and ${digest} was expected`);
      return false;
    }
  }
}
