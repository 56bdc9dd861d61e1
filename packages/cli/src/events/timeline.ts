/**
 * `--timeline FILE`: which task ran when, in the Trace Event Format that Perfetto and chrome://tracing open.
 * @see https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
 */
import type { EngineEvent } from "@tsbake/engine";
import { taskWords } from "../text/text.js";

/** A complete event (`X`) or a name (`M`); times are in microseconds. */
interface TraceEvent {
  readonly name: string;
  readonly ph: "X" | "M";
  readonly pid: number;
  readonly tid: number;
  readonly ts?: number;
  readonly dur?: number;
  readonly cat?: string;
  /** One of the format's reserved colours. */
  readonly cname?: string;
  readonly args: Readonly<Record<string, string | number>>;
}

interface Open {
  readonly label: string;
  readonly how: "run" | "restore";
  readonly lane: number;
  readonly sinceMs: number;
}

/** Everything stands in one process of the trace; a lane is a thread. */
const PID = 1;
/** Above the tasks: reading recipes. */
const FRONT_LANE = 0;

export class Timeline {
  readonly #startMs: number;
  readonly #events: TraceEvent[] = [];
  readonly #open = new Map<string, Open>();
  /** Whether a lane is taken; as many lanes as tasks ran at once. */
  readonly #lanes: boolean[] = [];
  #step: { readonly text: string; readonly sinceMs: number } | undefined;

  /** @param startMs of the command, on the clock of `see` */
  constructor(startMs: number) {
    this.#startMs = startMs;
  }

  see(event: EngineEvent, nowMs: number): void {
    switch (event.type) {
      case "parsed":
        // Of two bars of a lane that overlap, viewers drop one.
        this.#endStep(nowMs);
        this.#add("reading recipes", FRONT_LANE, nowMs - event.elapsedMs, nowMs, { recipes: event.recipes });
        break;
      case "step":
        if (event.text === this.#step?.text) break;
        this.#endStep(nowMs);
        this.#step = { text: event.text, sinceMs: nowMs };
        break;
      case "plan":
        this.#endStep(nowMs);
        break;
      case "task-started": {
        const free = this.#lanes.indexOf(false);
        const lane = free === -1 ? this.#lanes.length : free;
        this.#lanes[lane] = true;
        this.#open.set(event.task, { label: event.label, how: event.how, lane, sinceMs: nowMs });
        break;
      }
      case "task-finished":
        this.#end(event.task, "done", nowMs);
        break;
      case "task-skipped":
        this.#end(event.task, event.reason, nowMs);
        break;
      case "restore-failed":
        this.#end(event.task, "not restored", nowMs);
        break;
      case "task-failed":
        this.#end(event.task, event.failure.stopped ? "killed" : "failed", nowMs);
        break;
      case "shared-state":
      case "build-lock-wait":
      case "engine-warning":
      case "finished":
      case "lock-wait":
      case "metadata-message":
      case "parsing":
      case "project":
      case "held":
      case "stopping":
      case "task-message":
      case "task-output":
      case "task-progress":
      case "terminal":
      case "warning":
        break;
    }
  }

  /** The text of the file. Tasks that have not ended end now. */
  text(nowMs: number): string {
    this.#endStep(nowMs);
    for (const task of this.#open.keys()) this.#end(task, "not ended", nowMs);
    const names = [
      name("process_name", FRONT_LANE, "tsbake"),
      name("thread_name", FRONT_LANE, "before the tasks"),
      ...this.#lanes.map((_taken, lane) => name("thread_name", lane + 1, `tasks ${lane + 1}`)),
    ];
    const events = [...names, ...this.#events].map((event) => JSON.stringify(event));
    return `{"displayTimeUnit":"ms","traceEvents":[\n${events.join(",\n")}\n]}\n`;
  }

  #endStep(nowMs: number): void {
    if (this.#step) this.#add(this.#step.text, FRONT_LANE, this.#step.sinceMs, nowMs, {});
    this.#step = undefined;
  }

  #end(task: string, result: string, nowMs: number): void {
    const open = this.#open.get(task);
    if (!open) return;
    this.#open.delete(task);
    this.#lanes[open.lane] = false;
    this.#add(taskWords(open.label), open.lane + 1, open.sinceMs, nowMs, { task, result }, open.how);
  }

  /** Since the start of the command. */
  #microseconds(nowMs: number): number {
    return Math.round(Math.max(0, nowMs - this.#startMs) * 1000);
  }

  #add(
    title: string,
    lane: number,
    fromMs: number,
    toMs: number,
    args: TraceEvent["args"],
    how?: Open["how"],
  ): void {
    // Ends are rounded as beginnings are, or one bar would end within the next.
    const from = this.#microseconds(fromMs);
    const isBad = ["failed", "killed", "not restored"].includes(String(args["result"]));
    this.#events.push({
      name: title,
      ph: "X",
      pid: PID,
      tid: lane,
      ts: from,
      dur: Math.max(0, this.#microseconds(toMs) - from),
      cat: how ?? "engine",
      ...(isBad ? { cname: "terrible" } : how === "restore" ? { cname: "good" } : {}),
      args,
    });
  }
}

function name(kind: string, tid: number, text: string): TraceEvent {
  return { name: kind, ph: "M", pid: PID, tid, args: { name: text } };
}
