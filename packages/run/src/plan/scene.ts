/**
 * Setscene by metadata's own `do_x_setscene` tasks: which of them run, and which real tasks that leaves.
 *
 * Decided from the targets down. A setscene task is looked at once all setscene tasks above it are decided ("above":
 * over real tasks without a setscene variant):
 *
 *     undecided ──stamp is there, nothing to execute──────────────────────────────▶ covered
 *        ├──all above are covered, BB_SETSCENE_DEPVALID says "not needed"─────────▶ covered, and not restored
 *        ├──not found, or a hard dependency ([depends] of do_x_setscene) is not covered ──▶ the real task runs
 *        └──found ────────────────────────────────────────────────────────────────▶ restored (or, when that fails, runs)
 *
 * A real task without a setscene variant runs when a target, or a task that runs, needs it without one in between.
 *
 * The result is a pure function of what is known, and knowing more failures only ever makes more tasks run: it is worked
 * out again when a restore fails.
 *
 * @see docs/language.md 18
 */
import type { TaskId } from "@tsbake/graph";

export interface SceneFacts {
  /** All tasks, needed ones first. */
  readonly order: readonly TaskId[];
  readonly targets: ReadonlySet<TaskId>;
  needs(task: TaskId): readonly TaskId[];
  hasSetscene(task: TaskId): boolean;
  /** Setscene tasks, by their real ones, that must be restored before this one's is. */
  hardNeeds(task: TaskId): readonly TaskId[];
  /** `done`: a stamp says so, or there is nothing to execute. `found`: can be restored. */
  state(task: TaskId): "done" | "found" | "missing";
  /** BB_SETSCENE_DEPVALID: all of `above` are covered; does that make `task` superfluous? */
  isNotNeeded(task: TaskId, above: readonly TaskId[], notNeeded: readonly TaskId[]): boolean;
}

export interface Scene {
  /** Setscene tasks to execute. */
  readonly restore: ReadonlySet<TaskId>;
  /** Real tasks that nothing covers: they run unless their stamp is current. */
  readonly run: ReadonlySet<TaskId>;
}

/** @see BitBake 2.19 lib/bb/runqueue.py, RunQueueExecute: what is covered, and what is not needed */
export function decideScene(facts: SceneFacts): Scene {
  const deciding = new Deciding(facts);
  deciding.decide();
  return { restore: deciding.restore, run: deciding.run() };
}

class Deciding {
  readonly restore = new Set<TaskId>();
  readonly #facts: SceneFacts;
  readonly #covered = new Set<TaskId>();
  readonly #notCovered = new Set<TaskId>();
  readonly #notNeeded: TaskId[] = [];
  /** Wanted as somebody's hard dependency: not to be skipped. */
  readonly #wanted = new Set<TaskId>();
  readonly #dependents = new Map<TaskId, TaskId[]>();
  readonly #hardDependents = new Map<TaskId, TaskId[]>();
  /** Setscene tasks that the build asks for directly, and the real tasks on the way to them. */
  readonly #unskippable: ReadonlySet<TaskId>;

  constructor(facts: SceneFacts) {
    this.#facts = facts;
    for (const task of facts.order) {
      for (const need of facts.needs(task)) push(this.#dependents, need, task);
      if (!facts.hasSetscene(task)) continue;
      for (const need of facts.hardNeeds(task)) push(this.#hardDependents, need, task);
    }
    const ends = facts.order.filter(
      (task) => !this.#dependents.has(task) || (facts.targets.has(task) && !facts.hasSetscene(task)),
    );
    this.#unskippable = this.#down(ends);
  }

  decide(): void {
    const setscene = this.#facts.order.filter((task) => this.#facts.hasSetscene(task));
    for (const task of setscene) if (this.#facts.state(task) === "done") this.#covered.add(task);
    for (const task of setscene.toReversed()) this.#decide(task);
  }

  run(): Set<TaskId> {
    const starts = [...this.#unskippable].filter((task) => !this.#facts.hasSetscene(task));
    const run = new Set(starts);
    for (const task of this.#notCovered) run.add(task);
    // A set grows while it is walked.
    for (const task of run) {
      for (const need of this.#facts.needs(task)) if (!this.#facts.hasSetscene(need)) run.add(need);
    }
    return run;
  }

  /** Hard dependencies first, on a list: they can stand in a row as long as the graph is deep. */
  #decide(start: TaskId): void {
    if (this.#isDecidedAtOnce(start)) return;
    const path = [{ task: start, needs: this.#facts.hardNeeds(start).values() }];
    for (let at = path.at(-1); at !== undefined; at = path.at(-1)) {
      const next = at.needs.next();
      if (next.done) {
        path.pop();
        this.#decideLast(at.task);
        continue;
      }
      const need = next.value;
      // Two that want each other: neither can be first, and the second is decided without the first.
      if (this.#isDecided(need) || this.#wanted.has(need)) continue;
      this.#wanted.add(need);
      if (!this.#isDecidedAtOnce(need))
        path.push({ task: need, needs: this.#facts.hardNeeds(need).values() });
    }
  }

  #isDecidedAtOnce(task: TaskId): boolean {
    if (this.#isDecided(task)) return true;
    if (!this.#canBeSkipped(task)) return false;
    this.#covered.add(task);
    this.#notNeeded.push(task);
    return true;
  }

  #decideLast(task: TaskId): void {
    // A hard dependency that failed has decided about this one.
    if (this.#isDecided(task)) return;
    if (this.#facts.state(task) === "found") {
      this.#covered.add(task);
      this.restore.add(task);
    } else this.#fail(task);
  }

  #canBeSkipped(task: TaskId): boolean {
    const { targets } = this.#facts;
    if (this.#unskippable.has(task) || this.#wanted.has(task) || targets.has(task)) return false;
    const above = this.#above(task);
    return (
      above.length > 0 &&
      above.every((other) => this.#covered.has(other)) &&
      this.#facts.isNotNeeded(task, above, this.#notNeeded)
    );
  }

  /** The real task runs, and so do those that could only be restored after it. */
  #fail(task: TaskId): void {
    const failed = new Set([task]);
    for (const one of failed) {
      this.#notCovered.add(one);
      for (const other of this.#hardDependents.get(one) ?? []) if (!this.#isDecided(other)) failed.add(other);
    }
  }

  #isDecided(task: TaskId): boolean {
    return this.#covered.has(task) || this.#notCovered.has(task);
  }

  /** The nearest setscene tasks that need this one. */
  #above(task: TaskId): TaskId[] {
    const found: TaskId[] = [];
    const seen = new Set(this.#dependents.get(task));
    for (const one of seen) {
      if (this.#facts.hasSetscene(one)) found.push(one);
      else for (const other of this.#dependents.get(one) ?? []) seen.add(other);
    }
    return found;
  }

  /** Real tasks from `starts` down, and the first setscene tasks below them. */
  #down(starts: readonly TaskId[]): Set<TaskId> {
    const seen = new Set(starts);
    for (const task of seen) {
      if (this.#facts.hasSetscene(task)) continue;
      for (const need of this.#facts.needs(task)) seen.add(need);
    }
    return seen;
  }
}

function push(map: Map<TaskId, TaskId[]>, key: TaskId, value: TaskId): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}
