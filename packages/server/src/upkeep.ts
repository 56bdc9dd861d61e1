/** Counting and pruning, now and then; and pruning when somebody asks. */
import { every, messageOf, type Repetition } from "@tsbake/base";
import { pruneStore, type Pruned, type PruneOptions } from "@tsbake/sstate";
import type { Log } from "./log.js";
import type { Metrics } from "./metrics.js";
import type { StatusFacts } from "./status-page.js";
import type { ObjectStorage } from "./storage/index.js";

/** What goes by itself; nothing where neither is set. */
export interface UpkeepBounds {
  readonly maxBytes?: number;
  readonly maxAgeMs?: number;
}

const PRUNE_EVERY_MS = 3_600_000;

export class Upkeep {
  readonly #storage: ObjectStorage;
  readonly #bounds: UpkeepBounds;
  readonly #log: Log;
  readonly #metrics: Metrics;
  /** As of the last count. */
  facts: StatusFacts = { objects: [], countedMs: undefined };
  #repetitions: Repetition[] = [];
  #running: Promise<void> = Promise.resolve();
  #hasStopped = false;

  constructor(storage: ObjectStorage, bounds: UpkeepBounds, log: Log, metrics: Metrics) {
    this.#storage = storage;
    this.#bounds = bounds;
    this.#log = log;
    this.#metrics = metrics;
    metrics.gauge("objects", "Objects at the last count.", () => this.#objects().length);
    metrics.gauge("object_bytes", "Their bytes.", () =>
      this.#objects().reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    );
  }

  start(): void {
    const options = { onError: (error: unknown) => this.#failed(error), keepsAlive: false };
    const { maxBytes, maxAgeMs } = this.#bounds;
    const isBounded = maxBytes !== undefined || maxAgeMs !== undefined;
    this.#repetitions = [
      every(this.#storage.countEveryMs, () => this.#enqueue(() => this.#count()), options),
      ...(isBounded ? [every(PRUNE_EVERY_MS, () => this.#enqueue(() => this.#pruneBounds()), options)] : []),
    ];
    this.#enqueue(() => this.#count());
    if (isBounded) this.#enqueue(() => this.#pruneBounds());
  }

  async stop(): Promise<void> {
    this.#hasStopped = true;
    for (const one of this.#repetitions) one.stop();
    await this.#running;
  }

  async prune(options: PruneOptions): Promise<Pruned> {
    const pruned = await pruneStore(this.#storage, options);
    const { removed, freedBytes, keptBytes } = pruned;
    if (options.dryRun) return pruned;
    this.#metrics.add("pruned_objects_total", undefined, removed.length);
    this.#log.info("pruned", { objects: removed.length, freedBytes, keptBytes });
    return pruned;
  }

  #enqueue(work: () => Promise<void>): void {
    this.#running = this.#running.then(async () => {
      if (this.#hasStopped) return;
      try {
        await work();
      } catch (error) {
        this.#failed(error);
      }
    });
  }

  #objects(): StatusFacts["objects"] {
    return this.facts.objects.filter(({ kind }) => kind === "object");
  }

  async #count(): Promise<void> {
    this.facts = { objects: await this.#storage.list(), countedMs: Date.now() };
  }

  async #pruneBounds(): Promise<void> {
    await this.prune(this.#bounds);
  }

  #failed(error: unknown): void {
    this.#log.error("upkeep", { reason: messageOf(error) });
  }
}
