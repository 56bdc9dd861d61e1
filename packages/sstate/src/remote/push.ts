/**
 * Uploading what a build makes, beside the build: nothing here ever fails it, and whatever is wrong with the server is told once. What
 * could not be sent stays in a list, a path a line, for the next build.
 */
import { appendFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { dirname } from "node:path";
import {
  codeOf,
  ignoreSystemErrors,
  makeFolder,
  messageOf,
  readTextIfThere,
  redact,
  writeFileAtomic,
} from "@tsbake/base";
import { storedFile } from "../names.js";
import { Uploader, type UploadTarget } from "./upload.js";

export interface PushOptions extends UploadTarget {
  /** The store. */
  readonly folder: string;
  /** The list of what is still to be sent; a file of one build folder. */
  readonly list: string;
  readonly onWarning: (message: string) => void;
  /** Ends what is under way. */
  readonly signal?: AbortSignal;
  /** As those of a mirror. */
  readonly timeoutMs?: number;
  readonly retryPauseMs?: number;
}

export interface PushSummary {
  readonly pushed: number;
  readonly bytes: number;
  /** The server had them already. */
  readonly known: number;
  /** The server has another object of this name. */
  readonly conflicts: number;
  /** Still to be sent. */
  readonly left: number;
}

const PARALLEL = 4;
/** More is not remembered from one build to the next; `tsbake sstate push` finds the rest. */
const MOST_LISTED = 100_000;

export class Pusher {
  readonly #options: PushOptions;
  readonly #uploader: Uploader;
  readonly #stop = new AbortController();
  /** To be sent, and on their way. */
  readonly #waiting = new Set<string>();
  readonly #running = new Set<Promise<void>>();
  readonly #onWay = new Set<string>();
  #hasWarned = false;
  #isDown = false;
  #sums = { pushed: 0, bytes: 0, known: 0, conflicts: 0 };

  private constructor(options: PushOptions) {
    this.#options = options;
    const { timeoutMs, retryPauseMs, signal } = options;
    signal?.addEventListener("abort", () => this.#stop.abort(), { once: true });
    this.#uploader = new Uploader(options, {
      maxConnections: PARALLEL,
      signal: this.#stop.signal,
      ...(timeoutMs !== undefined && { timeoutMs }),
      ...(retryPauseMs !== undefined && { retryPauseMs }),
    });
  }

  /** Begins with what an earlier build has left. @throws system errors of reading the list */
  static async open(options: PushOptions): Promise<Pusher> {
    const pusher = new Pusher(options);
    const text = (await readTextIfThere(options.list)) ?? "";
    for (const path of text.split("\n").slice(0, MOST_LISTED))
      if (storedFile(path)?.kind === "object") pusher.#waiting.add(path);
    pusher.#start();
    return pusher;
  }

  /** Objects that are there anyway: only what is left in the end is listed. */
  addAll(paths: readonly string[]): void {
    for (const path of paths) this.#waiting.add(path);
    this.#start();
  }

  /** @param path of an object in the store */
  add(path: string): void {
    if (this.#waiting.has(path) || this.#onWay.has(path)) return;
    this.#waiting.add(path);
    try {
      // For a build that is killed. Not synced: what is lost is not sent, and no more.
      appendFileSync(this.#options.list, `${path}\n`);
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
    }
    this.#start();
  }

  /** Waits until all is sent, or so long. What is under way then is broken off. @param waitMs undefined: as long as it takes */
  async finish(waitMs?: number): Promise<PushSummary> {
    const timer = waitMs === undefined ? undefined : setTimeout(() => this.#stop.abort(), waitMs);
    while (this.#running.size > 0) await Promise.race(this.#running);
    clearTimeout(timer);
    this.#uploader.close();
    const { list } = this.#options;
    const left = [...this.#waiting, ...this.#onWay];
    // A disk that takes nothing has been told of by those who had more to write.
    await ignoreSystemErrors(
      left.length === 0
        ? rm(list, { force: true })
        : makeFolder(dirname(list)).then(() =>
            writeFileAtomic(list, `${left.join("\n")}\n`, { sync: false }),
          ),
    );
    return { ...this.#sums, left: left.length };
  }

  #start(): void {
    while (this.#running.size < PARALLEL && !this.#isDown && !this.#stop.signal.aborted) {
      const [path] = this.#waiting;
      if (path === undefined) return;
      this.#waiting.delete(path);
      this.#onWay.add(path);
      const work = this.#send(path).finally(() => {
        this.#running.delete(work);
        this.#start();
      });
      this.#running.add(work);
    }
  }

  async #send(path: string): Promise<void> {
    try {
      const result = await this.#uploader.upload(this.#options.folder, path);
      switch (result.kind) {
        case "pushed":
          this.#sums.pushed++;
          this.#sums.bytes += result.bytes;
          break;
        case "known":
          this.#sums.known++;
          break;
        case "conflict":
          this.#sums.conflicts++;
          break;
        case "skipped":
          if (result.reason !== "it is gone") this.#warn(`${path} is not pushed: ${result.reason}`);
          break;
        case "refused":
          this.#giveUp(result.reason);
          return;
      }
      this.#onWay.delete(path);
    } catch (error) {
      // Whatever it is, the build is not to hear more of it than this.
      if (!this.#stop.signal.aborted) this.#giveUp(messageOf(error));
    }
  }

  #giveUp(reason: string): void {
    this.#isDown = true;
    this.#warn(`${reason}; nothing more is pushed, and the next build tries again`);
  }

  #warn(text: string): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    this.#options.onWarning(
      redact(`pushing to ${this.#options.url}: ${text} (further trouble with it is not told)`),
    );
  }
}
