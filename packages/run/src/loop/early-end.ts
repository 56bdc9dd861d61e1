/** How a run ends before its time: somebody asks for it, a task fails, or our own code does. */
import { diskProblem, isDiskProblem } from "@tsbake/base";
import type { TaskId } from "@tsbake/graph";
import type { TaskFailure } from "../events.js";
import type { RunOptions } from "../options.js";
import type { RunParts } from "./parts.js";
import type { Queue } from "./queue.js";

export class EarlyEnd {
  readonly #parts: RunParts;
  #queue: Queue | undefined;
  #isStopping = false;
  #isInterrupted = false;
  /** An error of our own code: told after everything has come to rest. */
  #fault: { readonly error: unknown } | undefined;

  constructor(parts: RunParts) {
    this.#parts = parts;
  }

  /** Nothing new starts. */
  get isStopping(): boolean {
    return this.#isStopping;
  }

  get isInterrupted(): boolean {
    return this.#isInterrupted;
  }

  /** The queue that stops, too. */
  follow(queue: Queue): void {
    this.#queue = queue;
  }

  /** @throws the error of our own code, if one ended the run */
  throwFault(): void {
    if (this.#fault) throw this.#fault.error;
  }

  stop(reason: "interrupted" | "failure", killing: boolean): void {
    const { board, nodes, report } = this.#parts;
    if (reason === "interrupted") this.#isInterrupted = true;
    const first = !this.#isStopping;
    this.#isStopping = true;
    this.#queue?.stop();
    const running = [...board.tasks("running")].map((node) => nodes.task(node).label);
    // A failure with nothing beside it needs no words.
    if (reason === "failure" && (!first || running.length === 0)) return;
    report.emit({ type: "stopping", reason, killing, running });
  }

  /** A task has failed: with it the run, unless it keeps going. */
  fail(node: TaskId, failure: TaskFailure, elapsedMs: number): void {
    const { board, options, report } = this.#parts;
    board.move(node, { at: "failed", failure });
    report.failed(failure, elapsedMs);
    // On a full disk all others would fail, too.
    if (!options.keepGoing || failure.diagnostics.some(isDiskProblem)) this.stop("failure", false);
  }

  /** What was thrown while a task was worked on: a disk's fault is the task's, any other is our own. */
  failFor(node: TaskId, error: unknown): void {
    const { board, nodes, options } = this.#parts;
    const { task, label } = nodes.task(node);
    const disk = diskProblem(error, options.settings.folders, label);
    if (disk) return this.fail(node, { task, label, stopped: false, diagnostics: [disk] }, 0);
    board.move(node, { at: "left" });
    this.fault(error);
  }

  fault(error: unknown): void {
    this.#fault ??= { error };
    this.#isStopping = true;
    this.#queue?.stop();
  }
}

/** The caller's wishes to stop, the second of which is to kill. */
export function followSignals(
  { stop, kill }: Pick<RunOptions, "stop" | "kill">,
  onWish: (killing: boolean) => void,
): { look(): void; close(): void } {
  const onStop = () => onWish(false);
  const onKill = () => onWish(true);
  stop?.addEventListener("abort", onStop);
  kill?.addEventListener("abort", onKill);
  return {
    /** One that came before anybody listened. */
    look() {
      if (kill?.aborted) onKill();
      else if (stop?.aborted) onStop();
    },
    close() {
      stop?.removeEventListener("abort", onStop);
      kill?.removeEventListener("abort", onKill);
    },
  };
}
