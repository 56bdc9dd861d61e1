/** The live part of a terminal: what runs now and how far everything is. A function of events and the time. */
import type { EngineEvent } from "@tsbake/engine";
import type { Progress } from "@tsbake/run";
import { spinnerAt } from "./spinner.js";
import { bar, duration, fit, taskWords } from "../text/text.js";
import type { Paint } from "../text/text.js";

interface Running {
  readonly label: string;
  readonly how: "run" | "restore";
  readonly sinceMs: number;
  readonly expectedMs: number | undefined;
  progress: Progress | undefined;
}

export interface FooterSize {
  readonly columns: number;
  readonly rows: number;
}

/** Tasks shown at once at most; on a low terminal half of its rows. */
const tasksShown = 12;

/** Less recorded time than this, in ms, says nothing of how fast the machine is today. */
const paceFromMs = 1000;
const mostPace = 5;

/** Waiting that takes less, in ms, has no time beside it. */
const timeShownMs = 1000;

export class Footer {
  readonly #paint: Paint;
  readonly #spins: boolean;
  readonly #running = new Map<string, Running>();
  #parsing: { readonly done: number; readonly total: number } | undefined;
  #step: string | undefined;
  #stepProgress: Partial<Progress> | undefined;
  #restored = 0;
  #done = 0;
  #of = 0;
  #failed = 0;
  #planMs: number | undefined;
  #estimateMs: number | undefined;
  #stopping = false;
  /** Of bodies and restores that ended, where both are known: what they took, and what was expected. */
  #tookMs = 0;
  #expectedMs = 0;
  /** What is above its limit: nothing starts. */
  #held: readonly string[] = [];
  /** What is going on before and after tasks; and since when that, or that no task runs. */
  #phase = "starting";
  #phaseMs: number | undefined;

  /** @param spins its first line has a mark that moves */
  constructor(paint: Paint, spins: boolean) {
    this.#paint = paint;
    this.#spins = spins;
  }

  /** @param nowMs any clock, the same in `lines` */
  see(event: EngineEvent, nowMs: number): void {
    switch (event.type) {
      case "project":
        this.#step = undefined;
        this.#enter("reading the configuration", nowMs);
        break;
      case "parsing":
        this.#parsing = event.done < event.total ? event : undefined;
        this.#enter("reading recipes", nowMs);
        break;
      case "parsed":
        this.#parsing = undefined;
        this.#step = undefined;
        this.#enter("planning", nowMs);
        break;
      case "step":
        this.#enter(event.text, nowMs);
        this.#step = event.text;
        this.#stepProgress = event;
        break;
      case "plan":
        this.#step = undefined;
        this.#enter("finishing", nowMs);
        this.#of = event.toRestore + event.toRun;
        this.#planMs = nowMs;
        this.#estimateMs = event.estimateMs;
        break;
      case "task-started":
        this.#of = event.of;
        this.#running.set(event.task, {
          label: event.label,
          how: event.how,
          sinceMs: nowMs,
          expectedMs: event.expectedMs,
          progress: undefined,
        });
        break;
      case "task-progress": {
        const running = this.#running.get(event.task);
        if (running) running.progress = event;
        break;
      }
      case "task-skipped":
        if (event.reason === "restored") this.#restored++;
        this.#end(event.task, nowMs);
        break;
      case "task-finished":
      case "restore-failed":
        this.#end(event.task, nowMs);
        break;
      case "task-failed":
        if (this.#running.delete(event.task)) this.#failed++;
        this.#phaseMs = nowMs;
        break;
      case "stopping":
        this.#stopping = true;
        break;
      case "held":
        this.#held = event.exceeded;
        break;
      case "build-lock-wait":
        this.#step = "waiting for the build folder";
        this.#enter(this.#step, nowMs);
        this.#stepProgress = undefined;
        break;
      case "finished":
        // Those that failed are not done, and nothing of them will be.
        this.#of = this.#done;
        this.#enter("finishing", nowMs);
        break;
      case "shared-state":
        this.#enter("finishing", nowMs);
        break;
      case "terminal":
      case "engine-warning":
      case "metadata-message":
      case "task-output":
      case "task-message":
      case "lock-wait":
      case "warning":
        break;
    }
  }

  /**
   * The lines to show now; none is longer than the terminal is wide. With a mark that moves they
   * are others after a quarter of a second, whatever happens or does not.
   */
  lines(nowMs: number, size: FooterSize): string[] {
    const spin = this.#spins ? `${spinnerAt(nowMs)} ` : "";
    if (this.#running.size === 0) {
      return [fit(`${spin}${this.#waitText(nowMs)}`, size.columns)];
    }
    const tasks = [...this.#running.values()].toSorted((left, right) => left.sinceMs - right.sinceMs);
    const room = Math.max(1, Math.min(tasksShown, Math.floor(size.rows / 2) - 2));
    const shown = tasks.slice(0, room).map((task) => fit(describe(task, nowMs), size.columns));
    const hidden = tasks.length - shown.length;
    if (hidden > 0) shown.push(fit(`  and ${hidden} more`, size.columns));
    return [this.#paint("bold", fit(`${spin}${this.#head(nowMs)}`, size.columns)), ...shown];
  }

  /** What a person waits for while no task runs. */
  #waitText(nowMs: number): string {
    this.#phaseMs ??= nowMs;
    const sinceMs = nowMs - this.#phaseMs;
    const time = sinceMs >= timeShownMs ? `  ${duration(sinceMs)}` : "";
    if (this.#parsing) return `reading recipes: ${this.#parsing.done} of ${this.#parsing.total}${time}`;
    if (this.#step !== undefined) {
      const { done, total, percent } = this.#stepProgress ?? {};
      const of = total === undefined ? "" : ` of ${total}`;
      const count = done === undefined ? "" : ` ${done}${of}`;
      const share = percent === undefined ? "" : ` ${bar(percent)} ${percent} %`;
      return `${this.#step}${count}${share} …${time}`;
    }
    return `${this.#done < this.#of ? this.#head(nowMs) : this.#phase} …${time}`;
  }

  #enter(phase: string, nowMs: number): void {
    if (phase === this.#phase && this.#running.size === 0) return;
    this.#phase = phase;
    this.#phaseMs = nowMs;
  }

  #head(nowMs: number): string {
    const parts = [`${this.#done} of ${this.#of} done`, `${this.#running.size} running`];
    if (this.#restored > 0) parts[0] += ` (${this.#restored} from the cache)`;
    if (this.#failed > 0) parts.push(`${this.#failed} failed`);
    if (this.#held.length > 0) parts.push(`held by ${this.#held.join(", ")}`);
    if (this.#stopping) parts.push("stopping");
    else {
      const left = this.#left(nowMs);
      if (left !== undefined) parts.push(`about ${duration(left)} left`);
    }
    return parts.join(", ");
  }

  #end(task: string, nowMs: number): void {
    const running = this.#running.get(task);
    if (!running) return;
    this.#running.delete(task);
    this.#phaseMs = nowMs;
    this.#done++;
    if (running.expectedMs === undefined) return;
    this.#tookMs += nowMs - running.sinceMs;
    this.#expectedMs += running.expectedMs;
  }

  /** How much slower than recorded everything goes today, as far as that can be told. */
  #pace(nowMs: number): number {
    let [took, expected] = [this.#tookMs, this.#expectedMs];
    for (const { sinceMs, expectedMs } of this.#running.values()) {
      // One that is late already says something, too.
      if (expectedMs === undefined || nowMs - sinceMs <= expectedMs) continue;
      took += nowMs - sinceMs;
      expected += expectedMs;
    }
    return expected < paceFromMs ? 1 : Math.min(mostPace, Math.max(1 / mostPace, took / expected));
  }

  #left(nowMs: number): number | undefined {
    if (this.#planMs === undefined || this.#estimateMs === undefined) return undefined;
    const left = this.#estimateMs * this.#pace(nowMs) - (nowMs - this.#planMs);
    // Below a second a guess says nothing.
    return left >= 1000 ? left : undefined;
  }
}

function describe(task: Running, nowMs: number): string {
  const words = [`  ${taskWords(task.label)}${task.how === "restore" ? " (restore)" : ""}`];
  const elapsed = nowMs - task.sinceMs;
  if (elapsed >= 1000) {
    const expected =
      task.expectedMs !== undefined && task.expectedMs >= 1000
        ? ` of about ${duration(task.expectedMs)}`
        : "";
    words.push(`${duration(elapsed)}${expected}`);
  }
  if (task.progress) {
    const { percent, done, total } = task.progress;
    words.push(`${bar(percent)} ${done === undefined ? `${percent} %` : `${done} of ${total}`}`);
  }
  return words.join("  ");
}
