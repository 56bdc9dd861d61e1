/** One object on its way from the upstream server: into a local file, from which those who wait for it read along. */
import { open, rm, type FileHandle } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { isUnreachable, sha256File, type HttpClient } from "@tsbake/base";
import type { ByteRange, ServedBytes } from "../storage/index.js";

/** The end of what a reader wants waits until the digest of the whole is known: a wrong object breaks off. */
const HELD_BACK = 64 << 10;
const PIECE_BYTES = 256 << 10;
/** Bytes that have come may not have reached the file yet. */
const LOOK_AGAIN_MS = 10;
const TRIES = 3;

export interface PullOptions {
  readonly client: HttpClient;
  readonly url: string;
  /** A local file that is not there yet. */
  readonly path: string;
  readonly sizeBytes: number;
  /** SHA-256 of what must come. */
  readonly digest: string;
  /** Called with the whole, verified file; what it throws is its own affair. */
  readonly onWhole: (path: string) => Promise<void>;
}

/** The upstream server has sent something else than its checksum says. */
class WrongObject extends Error {
  override readonly name = "WrongObject";
}

export class Pull {
  readonly #options: PullOptions;
  readonly #file: FileHandle;
  /** Settled when the object is verified and taken over; never rejects. */
  readonly done: Promise<unknown>;
  #came = 0;
  #state: "running" | "good" | "bad" = "running";
  #wake: (() => void)[] = [];
  #users = 1;

  static async begin(options: PullOptions): Promise<Pull> {
    await (await open(options.path, "wx")).close();
    return new Pull(options, await open(options.path, "r"));
  }

  private constructor(options: PullOptions, file: FileHandle) {
    this.#options = options;
    this.#file = file;
    this.done = this.#runAndRelease();
  }

  async #runAndRelease(): Promise<unknown> {
    try {
      return await this.#run();
    } finally {
      await this.#release();
    }
  }

  /** @returns why it has failed */
  async #run(): Promise<unknown> {
    const { path, sizeBytes, digest, url, onWhole } = this.#options;
    try {
      await this.#download();
      const actual = await sha256File(path);
      if (actual !== digest || this.#came !== sizeBytes)
        throw new WrongObject(`${url}: its SHA-256 is ${actual}, and ${digest} was expected`);
      this.#settle("good");
      await onWhole(path);
      return undefined;
    } catch (error) {
      this.#settle(this.#state === "good" ? "good" : "bad");
      return error;
    } finally {
      // Who reads it has it open.
      await rm(path, { force: true });
    }
  }

  async #download(): Promise<void> {
    const { client, url, path } = this.#options;
    for (let tries = 1; ; tries++) {
      const before = this.#came;
      try {
        const { status } = await client.download(url, path, (done) => this.#progress(done));
        if (status !== 200) throw new WrongObject(`${url}: the upstream server answers ${status}`);
        return;
      } catch (error) {
        if (tries === TRIES || this.#came === before || !isUnreachable(error)) throw error;
      }
    }
  }

  #progress(done: number): void {
    this.#came = done;
    this.#notify();
  }

  #settle(state: "good" | "bad"): void {
    this.#state = state;
    this.#notify();
  }

  #notify(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }

  /** Bytes of it as they come. */
  read({ start, end }: ByteRange): ServedBytes {
    this.#users++;
    return async (write) => {
      try {
        const buffer = Buffer.allocUnsafe(PIECE_BYTES);
        for (let at = start; at <= end;) {
          const until = await this.#readable(at, end);
          if (until === undefined) return false;
          const { bytesRead } = await this.#file.read(buffer, 0, Math.min(PIECE_BYTES, until - at), at);
          if (bytesRead > 0) await write(buffer.subarray(0, bytesRead));
          else if (this.#state === "running") await sleep(LOOK_AGAIN_MS);
          else return false;
          at += bytesRead;
        }
        return true;
      } finally {
        await this.#release();
      }
    };
  }

  /** Where what may be read from `at` on ends; undefined: nothing will come. */
  async #readable(at: number, end: number): Promise<number | undefined> {
    for (;;) {
      if (this.#state === "bad") return undefined;
      if (this.#state === "good") return end + 1;
      const until = Math.min(this.#came, end + 1 - HELD_BACK);
      if (until > at) return until;
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  async #release(): Promise<void> {
    if (--this.#users === 0) await this.#file.close();
  }
}
