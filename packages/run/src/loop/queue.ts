/**
 * Which task runs when. A task waits until all planned tasks that it needs are done; then it is ready and goes to p-queue,
 * which holds ready tasks only and starts those with the longest way ahead first. Where each is says the {@link Board}.
 */
import type { TaskId } from "@tsbake/graph";
import type PQueue from "p-queue";
import type { Board, Limit } from "./board.js";

export interface QueueInput {
  /** What must be done before the task, all of it known to the queue. */
  waits(task: TaskId): readonly TaskId[];
  /**
   * Does a task, and moves it on the board to where it ends: done, failed or left. One that still runs on the board
   * afterwards waits again, for tasks that were added. Never rejects.
   */
  work(task: TaskId): Promise<void>;
  /** Does a task that takes no time ([noexec], covered), in the same way; nothing for all others. */
  instantly(task: TaskId): void;
  priority(task: TaskId): number;
  /** Whether one more may start while others run. */
  mayStart(): boolean;
  limits(task: TaskId): readonly Limit[];
  /** Whether the task will have a number in the display. */
  isNumbered(task: TaskId): boolean;
}

/** @param threads as many tasks may run at a time while nothing holds them back */
export async function openQueue(input: QueueInput, board: Board, threads: number): Promise<Queue> {
  const { default: Pool } = await import("p-queue");
  return new Queue(input, new Pool({ concurrency: Math.max(1, threads) }), board);
}

export class Queue {
  readonly #input: QueueInput;
  readonly #pool: PQueue;
  readonly #board: Board;
  /** As many tasks may run at a time while nothing holds them back. */
  readonly #most: number;
  readonly #dependents = new Map<TaskId, TaskId[]>();
  /** By group that is full: who is held by it, in the order in which they were ready. */
  readonly #lines = new Map<string, Set<TaskId>>();
  #stopped = false;

  constructor(input: QueueInput, pool: PQueue, board: Board) {
    this.#input = input;
    this.#pool = pool;
    this.#board = board;
    this.#most = pool.concurrency;
  }

  /** Makes tasks known, those of the plan that are to be done; starts nothing. */
  add(tasks: readonly TaskId[]): void {
    for (const task of tasks) this.#wait(task);
  }

  /** Starts those of `tasks` that wait for nothing. */
  release(tasks: readonly TaskId[]): void {
    const ready = tasks.filter((task) => this.#isReady(task));
    const entering: TaskId[] = [];
    // A list, not a recursion: a chain of instant tasks can be as long as the graph is deep.
    for (const task of ready) {
      if (this.#stopped || !this.#isReady(task)) continue;
      this.#input.instantly(task);
      if (this.#isReady(task)) entering.push(task);
      else ready.push(...this.#ended(task));
    }
    // The pool starts what it gets as long as a thread is free, so it gets the most urgent first.
    const urgency = (task: TaskId) => this.#input.priority(task);
    for (const task of entering.sort((left, right) => urgency(right) - urgency(left))) this.#enter(task);
  }

  /** Nothing starts until `resume`: what tasks wait for is about to change. */
  pause(): void {
    this.#pool.pause();
  }

  resume(): void {
    if (!this.#stopped) this.#pool.start();
  }

  /** What tasks wait for has changed, or there are more: those that have not started yet wait anew. */
  replan(tasks: readonly TaskId[]): void {
    this.#pool.clear();
    this.#lines.clear();
    this.#dependents.clear();
    for (const place of ["waiting", "held", "given", "covered"] as const)
      for (const task of this.#board.tasks(place)) this.#board.forget(task);
    const open = tasks.filter((task) => this.#board.state(task) === undefined);
    this.add(open);
    this.release(open);
  }

  /** Nothing starts any more. */
  stop(): void {
    this.#stopped = true;
    this.#pool.clear();
  }

  /** Lets tasks start, or only one when none runs; to be called from time to time. */
  gate(): void {
    const most = this.#input.mayStart() ? this.#most : 1;
    if (this.#pool.concurrency !== most) this.#pool.concurrency = most;
  }

  /** Resolves when nothing runs and nothing is ready. */
  async settled(): Promise<void> {
    await this.#pool.onIdle();
  }

  #isReady(task: TaskId): boolean {
    const state = this.#board.state(task);
    return state?.at === "waiting" && state.open === 0;
  }

  #isDone(task: TaskId): boolean {
    return this.#board.state(task)?.at === "done";
  }

  #wait(task: TaskId): void {
    let open = 0;
    for (const need of this.#input.waits(task)) {
      if (this.#isDone(need)) continue;
      open++;
      const dependents = this.#dependents.get(need);
      if (dependents) dependents.push(task);
      else this.#dependents.set(need, [task]);
    }
    this.#board.move(task, { at: "waiting", open, isNumbered: this.#input.isNumbered(task) });
  }

  #enter(task: TaskId): void {
    const isNumbered = this.#input.isNumbered(task);
    const limits = this.#input.limits(task);
    const full = this.#board.full(limits);
    if (full) {
      this.#board.move(task, { at: "held", isNumbered });
      const line = this.#lines.get(full.group);
      if (line) line.add(task);
      else this.#lines.set(full.group, new Set([task]));
      return;
    }
    this.gate();
    this.#board.move(task, { at: "given", isNumbered, holds: limits });
    // `work` never rejects, so neither does this.
    void this.#pool.add(() => this.#run(task), { priority: this.#input.priority(task) });
  }

  async #run(task: TaskId): Promise<void> {
    const given = this.#board.state(task);
    if (given?.at !== "given") throw new Error(`internal: ${task} was not given to the pool`);
    this.#board.move(task, { ...given, at: "running" });
    await this.#input.work(task);
    const isAgain = this.#board.state(task)?.at === "running";
    if (isAgain) this.#wait(task);
    this.gate();
    for (const { group } of given.holds) this.#letIn(group);
    this.release(isAgain ? [task] : this.#ended(task));
  }

  /** A group has room again: those that it held start, or are held by another one that has none. */
  #letIn(group: string): void {
    const line = this.#lines.get(group) ?? [];
    // What another group holds joins its line, never this one again.
    for (const task of line) {
      if (this.#stopped) return;
      const own = this.#input.limits(task).filter((limit) => limit.group === group);
      if (this.#board.full(own)) return;
      this.#lines.get(group)?.delete(task);
      this.#enter(task);
    }
  }

  /** @returns the tasks that wait for nothing any more since this one is done; none when it is not, nor a second time */
  #ended(task: TaskId): readonly TaskId[] {
    if (!this.#isDone(task)) return [];
    const dependents = this.#dependents.get(task) ?? [];
    this.#dependents.delete(task);
    return dependents.filter((dependent) => {
      const state = this.#board.state(dependent);
      if (state?.at !== "waiting") return false;
      this.#board.move(dependent, { ...state, open: state.open - 1 });
      return state.open === 1;
    });
  }
}
