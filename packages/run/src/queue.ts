/**
 * Which task runs when. A task waits until all planned tasks that it needs are done; then it is ready and goes to p-queue,
 * which holds ready tasks only and starts those with the longest way ahead first.
 *
 *     waiting ──needs done──▶ ready ──a thread is free──▶ running ──▶ done
 *                                                            ├──▶ failed: what needs it stays waiting for ever
 *                                                            └──▶ (restore went wrong) waiting, as a body to run
 */
import type { TaskId } from "@tsbake/graph";
import type PQueue from "p-queue";

export interface QueueInput {
  /** What must be done before the task, all of it known to the queue. */
  waits(task: TaskId): readonly TaskId[];
  /** Does the task: its end is `done`, `failed`, or `again` after new tasks were added. Never rejects. */
  work(task: TaskId): Promise<"done" | "failed" | "again">;
  /** Does a task that takes no time ([noexec], covered); undefined for all others. */
  instantly(task: TaskId): "done" | undefined;
  priority(task: TaskId): number;
  /** Whether one more may start while others run. */
  mayStart(): boolean;
  /** Tasks of one group (task name, stamp) share a limit below that of the queue. */
  limits(task: TaskId): readonly { readonly group: string; readonly most: number }[];
}

interface Group {
  readonly most: number;
  /** Running, or given to the pool. */
  running: number;
  /** Ready, and over the limit. */
  readonly held: TaskId[];
}

export class Queue {
  readonly #input: QueueInput;
  readonly #pool: PQueue;
  /** As many tasks may run at a time while nothing holds them back. */
  readonly #most: number;
  /** Needs not yet done, by waiting task. */
  readonly #open = new Map<TaskId, number>();
  readonly #dependents = new Map<TaskId, TaskId[]>();
  readonly #done = new Set<TaskId>();
  readonly #running = new Set<TaskId>();
  /** Given to the pool, which has not started them. */
  readonly #given = new Set<TaskId>();
  /** Ready, running, or ended without being done. */
  readonly #entered = new Set<TaskId>();
  readonly #groups = new Map<string, Group>();
  #stopped = false;

  constructor(input: QueueInput, pool: PQueue) {
    this.#input = input;
    this.#pool = pool;
    this.#most = pool.concurrency;
  }

  get running(): ReadonlySet<TaskId> {
    return this.#running;
  }

  /** Makes tasks known, those of the plan that are to be done; starts nothing. */
  add(tasks: readonly TaskId[]): void {
    for (const task of tasks) this.#wait(task);
  }

  /** Starts those of `tasks` that wait for nothing. */
  release(tasks: readonly TaskId[]): void {
    const ready = tasks.filter((task) => this.#open.get(task) === 0);
    const entering: TaskId[] = [];
    // A list, not a recursion: a chain of instant tasks can be as long as the graph is deep.
    for (const task of ready) {
      if (this.#stopped || this.#done.has(task) || this.#entered.has(task)) continue;
      if (this.#input.instantly(task) === undefined) entering.push(task);
      else ready.push(...this.#finish(task));
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
    for (const task of this.#given) {
      this.#entered.delete(task);
      for (const group of this.#groupsOf(task)) group.running--;
    }
    this.#given.clear();
    for (const { held } of this.#groups.values()) {
      for (const task of held.splice(0)) this.#entered.delete(task);
    }
    this.#open.clear();
    this.#dependents.clear();
    const open = tasks.filter((task) => !this.#done.has(task) && !this.#entered.has(task));
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

  #wait(task: TaskId): void {
    let open = 0;
    for (const need of this.#input.waits(task)) {
      if (this.#done.has(need)) continue;
      open++;
      const dependents = this.#dependents.get(need);
      if (dependents) dependents.push(task);
      else this.#dependents.set(need, [task]);
    }
    this.#open.set(task, open);
  }

  #enter(task: TaskId): void {
    this.#entered.add(task);
    const groups = this.#groupsOf(task);
    const full = groups.find((group) => group.running >= group.most);
    if (full) {
      full.held.push(task);
      return;
    }
    for (const group of groups) group.running++;
    this.gate();
    this.#given.add(task);
    // `work` never rejects, so neither does this.
    void this.#pool.add(() => this.#run(task, groups), { priority: this.#input.priority(task) });
  }

  async #run(task: TaskId, groups: readonly Group[]): Promise<void> {
    this.#given.delete(task);
    this.#running.add(task);
    const end = await this.#input.work(task);
    this.#running.delete(task);
    this.gate();
    for (const group of groups) group.running--;
    for (const group of groups) {
      const next = group.held.shift();
      if (next !== undefined && !this.#stopped) this.#enter(next);
    }
    if (end === "done") this.release(this.#finish(task));
    else if (end === "again") {
      this.#entered.delete(task);
      this.#wait(task);
      this.release([task]);
    }
  }

  #groupsOf(task: TaskId): readonly Group[] {
    return this.#input.limits(task).map(({ group: name, most }) => {
      const known = this.#groups.get(name);
      if (known) return known;
      const group = { most: Math.max(1, most), running: 0, held: [] };
      this.#groups.set(name, group);
      return group;
    });
  }

  /** @returns the tasks for which this was one need less */
  #finish(task: TaskId): readonly TaskId[] {
    this.#done.add(task);
    const dependents = this.#dependents.get(task) ?? [];
    for (const dependent of dependents) this.#open.set(dependent, this.#open.get(dependent)! - 1);
    return dependents.filter((dependent) => this.#open.get(dependent) === 0);
  }
}
