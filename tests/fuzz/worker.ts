/** A thread that makes cases by their number, runs them, and says in shared memory which one it is at. */
import { parentPort, workerData } from "node:worker_threads";
import { openArea } from "./areas.js";
import type { Setup } from "./types.js";

/** What the pool and the worker say to each other. */
export type Order =
  | { readonly from: number; readonly to: number; readonly step: number }
  | { readonly text: string; readonly index: number };
export type Answer =
  | { readonly kind: "ready" }
  | { readonly kind: "failed"; readonly index: number; readonly reason: string }
  | { readonly kind: "done"; readonly outcomes: Readonly<Record<string, number>>; readonly slowest: Slowest };

/** The case that took longest, wall clock. */
export interface Slowest {
  readonly index: number;
  readonly ms: number;
}

const { setup, state } = workerData as { setup: Setup; state: Int32Array };
const say = (answer: Answer): void => parentPort!.postMessage(answer);

/** One line that tells failures apart: the error and where it came from. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const places = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  return `${error.name}: ${error.message.slice(0, 300)}\n${places.slice(0, 6).join("\n")}`;
}

const area = await openArea(setup);
const clock = (): number => Math.trunc(performance.timeOrigin + performance.now()) & 0x7fffffff;

let slowest: Slowest = { index: 0, ms: 0 };

async function one(index: number, work: () => Promise<string> | string): Promise<string | undefined> {
  Atomics.store(state, 0, index);
  Atomics.store(state, 1, clock());
  const started = performance.now();
  try {
    return await work();
  } catch (error) {
    say({ kind: "failed", index, reason: reasonOf(error) });
    return undefined;
  } finally {
    Atomics.store(state, 1, 0);
    const ms = performance.now() - started;
    if (ms > slowest.ms) slowest = { index, ms };
  }
}

parentPort!.on("message", (order: Order) => {
  void (async () => {
    const outcomes: Record<string, number> = {};
    const note = (outcome: string | undefined): void => {
      if (outcome !== undefined) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    };
    if ("text" in order) note(await one(order.index, () => area.run(order.index, order.text)));
    else
      for (let index = order.from; index < order.to; index += order.step)
        note(await one(index, () => area.run(index)));
    say({ kind: "done", outcomes, slowest });
  })();
});
say({ kind: "ready" });
