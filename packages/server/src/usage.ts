/** What the page for people says of the last day: how many questions were hits when, what came last, and what took longest. */
import type { Metrics } from "./metrics.js";

/** Of so long, ms, is a bar of the page; so many of them are kept. */
export const SLOT_MS = 600_000;
export const SLOTS = 144;
const KEPT = 10;

export interface HitSlot {
  /** ms since 1970: a multiple of SLOT_MS. */
  readonly startMs: number;
  readonly hits: number;
  readonly misses: number;
}

/** A download or an upload of one object. */
export interface ObjectTransfer {
  readonly method: string;
  readonly path: string;
  /** ms since 1970. */
  readonly startedMs: number;
  readonly tookMs: number;
  /** Of the body, whichever way it went. */
  readonly bytes: number;
}

export interface NewObject {
  readonly path: string;
  readonly bytes: number;
  /** ms since 1970. */
  readonly cameMs: number;
}

/** Kept in memory, since the start of this process. */
export class Usage {
  readonly #metrics: Metrics;
  readonly #now: () => number;
  /** In the order of time; those in which nothing was asked are not there. */
  #slots: HitSlot[] = [];
  #slotStartMs: number;
  #counted = { hits: 0, misses: 0 };
  #newest: NewObject[] = [];
  #slowest: ObjectTransfer[] = [];

  /** @param now ms since 1970, with fractions */
  constructor(metrics: Metrics, now = (): number => performance.timeOrigin + performance.now()) {
    this.#metrics = metrics;
    this.#now = now;
    this.#slotStartMs = slotOf(now());
  }

  /** Before each request. @returns now, for `noteAnswer` */
  begin(): number {
    const nowMs = this.#now();
    if (nowMs >= this.#slotStartMs + SLOT_MS) this.#endSlot(nowMs);
    return nowMs;
  }

  /** After it, when it was for an object. */
  noteAnswer(method: string, path: string, startedMs: number, bytes: number): void {
    const tookMs = this.#now() - startedMs;
    const last = this.#slowest.at(-1);
    // Nearly all: this runs thousands of times a second.
    if (
      last &&
      this.#slowest.length === KEPT &&
      tookMs <= last.tookMs &&
      isOfTheDay(last.startedMs, startedMs)
    )
      return;
    this.#slowest = [...this.#slowest, { method, path, startedMs, tookMs, bytes }]
      .filter((one) => isOfTheDay(one.startedMs, startedMs))
      .toSorted((left, right) => right.tookMs - left.tookMs)
      .slice(0, KEPT);
  }

  noteUpload(path: string, bytes: number): void {
    this.#newest = [{ path, bytes, cameMs: this.#now() }, ...this.#newest].slice(0, KEPT);
  }

  /** The last day, with the slot that has not ended. */
  hits(): readonly HitSlot[] {
    const nowMs = this.begin();
    const oldestMs = slotOf(nowMs) - (SLOTS - 1) * SLOT_MS;
    return [...this.#slots, this.#current()].filter(
      ({ startMs, hits, misses }) => startMs >= oldestMs && hits + misses > 0,
    );
  }

  /** Uploads, the last one first. */
  newest(): readonly NewObject[] {
    return this.#newest;
  }

  /** Of the last day, the slowest first. */
  slowest(): readonly ObjectTransfer[] {
    const nowMs = this.#now();
    return this.#slowest.filter(({ startedMs }) => isOfTheDay(startedMs, nowMs));
  }

  #current(): HitSlot {
    return {
      startMs: this.#slotStartMs,
      hits: this.#metrics.total("hits_total") - this.#counted.hits,
      misses: this.#metrics.total("misses_total") - this.#counted.misses,
    };
  }

  #endSlot(nowMs: number): void {
    this.#slots = [...this.#slots, this.#current()].slice(-SLOTS);
    this.#counted = {
      hits: this.#metrics.total("hits_total"),
      misses: this.#metrics.total("misses_total"),
    };
    this.#slotStartMs = slotOf(nowMs);
  }
}

function slotOf(ms: number): number {
  return Math.floor(ms / SLOT_MS) * SLOT_MS;
}

function isOfTheDay(ms: number, nowMs: number): boolean {
  return nowMs - ms < SLOTS * SLOT_MS;
}
