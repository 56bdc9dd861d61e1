/**
 * Where each task is now: the one table from which counts, limits and the display's numbers are sums.
 *
 *     waiting ──needs done──▶ given (to the pool) ──a thread is free──▶ running ──▶ done, how
 *        │                      ▲                                        │ │  └──▶ failed
 *        └──ready, and over a limit──▶ held ──a limit has room──┘        │ └──▶ left: not in this run
 *                                                                        └──▶ waiting, as a body to run: its restore went wrong
 *
 * What a state holds of the limits is given back by leaving it, whatever the plan says by then.
 */
import type { TaskId } from "@tsbake/graph";
import type { TaskFailure } from "../events.js";

/**
 * `ran`: its body. `current`: the same task of another configuration did it. `noexec`: it has nothing to execute. `covered`:
 * nothing but to wait, says the plan, so another plan may say something else.
 */
export type DoneHow = "ran" | "restored" | "current" | "noexec" | "covered";

/** Tasks of one group (task name, stamp) share a limit below that of the queue. */
export interface Limit {
  readonly group: string;
  /** At least 1, whatever it says. */
  readonly most: number;
}

interface Pending {
  /** It will have a number in the display. */
  readonly isNumbered: boolean;
}

export type TaskState =
  | (Pending & { readonly at: "waiting"; /** Needs that are not done. */ readonly open: number })
  | (Pending & { readonly at: "held" })
  | (Pending & { readonly at: "given"; readonly holds: readonly Limit[] })
  | (Pending & { readonly at: "running"; readonly holds: readonly Limit[]; readonly number?: number })
  | { readonly at: "done"; readonly how: DoneHow }
  | { readonly at: "failed"; readonly failure: TaskFailure }
  | { readonly at: "left" };

/** What tasks are counted by: their state and, when done, how. */
export type BoardPlace = Exclude<TaskState["at"], "done"> | DoneHow;

export class Board {
  readonly #states = new Map<TaskId, TaskState>();
  readonly #places = new Map<BoardPlace, Set<TaskId>>();
  readonly #taken = new Map<string, number>();
  /** Tasks that have got a number, and those that will. */
  #numbered = 0;
  #toNumber = 0;

  state(task: TaskId): TaskState | undefined {
    return this.#states.get(task);
  }

  /** In the order in which they came there. */
  tasks(place: BoardPlace): ReadonlySet<TaskId> {
    return this.#places.get(place) ?? new Set();
  }

  count(place: BoardPlace): number {
    return this.tasks(place).size;
  }

  get failures(): TaskFailure[] {
    return [...this.tasks("failed")].flatMap((task) => {
      const state = this.#states.get(task);
      return state?.at === "failed" ? [state.failure] : [];
    });
  }

  /** Done, and no other plan can say otherwise. */
  isSettled(task: TaskId): boolean {
    const state = this.#states.get(task);
    return state?.at === "done" && state.how !== "covered";
  }

  move(task: TaskId, to: TaskState): void {
    this.#leave(task);
    this.#states.set(task, to);
    const place = placeOf(to);
    const tasks = this.#places.get(place);
    if (tasks) tasks.add(task);
    else this.#places.set(place, new Set([task]));
    if (isToNumber(to)) this.#toNumber++;
    for (const { group } of holdsOf(to)) this.#taken.set(group, this.taken(group) + 1);
  }

  /** It is in the plan no more. */
  forget(task: TaskId): void {
    this.#leave(task);
    this.#states.delete(task);
  }

  /** A running task begins with what it does. @returns its number in the display, from 1, and of how many by now */
  begin(task: TaskId): { readonly number: number; readonly of: number } {
    const state = this.#states.get(task);
    if (state?.at !== "running") throw new Error(`internal: ${task} does not run`);
    const number = ++this.#numbered;
    this.move(task, { ...state, number });
    return { number, of: number + this.#toNumber };
  }

  /** How many tasks hold a part of the limit. */
  taken(group: string): number {
    return this.#taken.get(group) ?? 0;
  }

  /** The first of these limits that has no room. */
  full(limits: readonly Limit[]): Limit | undefined {
    return limits.find(({ group, most }) => this.taken(group) >= Math.max(1, most));
  }

  #leave(task: TaskId): void {
    const from = this.#states.get(task);
    if (!from) return;
    this.#places.get(placeOf(from))?.delete(task);
    if (isToNumber(from)) this.#toNumber--;
    for (const { group } of holdsOf(from)) this.#taken.set(group, this.taken(group) - 1);
  }
}

function placeOf(state: TaskState): BoardPlace {
  return state.at === "done" ? state.how : state.at;
}

function holdsOf(state: TaskState): readonly Limit[] {
  return "holds" in state ? state.holds : [];
}

function isToNumber(state: TaskState): boolean {
  return "isNumbered" in state && state.isNumbered && !("number" in state);
}
