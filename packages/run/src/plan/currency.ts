/**
 * Whether a stamp still says the truth: it is there, and no task of the same recipe that it needs was done after it. What
 * other recipes did is in the signature.
 *
 * @see docs/language.md 16.4
 */
import { splitTaskId } from "@tsbake/graph";
import type { TaskId } from "@tsbake/graph";

export interface StampTimes {
  /** Seconds; undefined when there is no such stamp. */
  readonly real: number | undefined;
  readonly setscene: number | undefined;
}

export interface CurrencyFacts {
  needs(task: TaskId): readonly TaskId[];
  times(task: TaskId): StampTimes;
  hasNoStamp(task: TaskId): boolean;
}

export class Currency {
  readonly #facts: CurrencyFacts;
  readonly #known = new Map<TaskId, boolean>();

  constructor(facts: CurrencyFacts) {
    this.#facts = facts;
  }

  /** Stamps are looked for under other names now. */
  forget(): void {
    this.#known.clear();
  }

  /** By the stamps of the whole recipe below it: what a setscene task goes by. */
  isCurrentToTheGround(task: TaskId): boolean {
    const known = this.#known.get(task);
    if (known !== undefined) return known;
    // Children first, on a list: a recipe can be deeper than the stack.
    const path: TaskId[] = [task];
    for (let at = path.at(-1); at !== undefined; at = path.at(-1)) {
      const open = this.#sameRecipe(at).filter((need) => !this.#known.has(need));
      if (open.length > 0 && this.#facts.times(at).real !== undefined) path.push(...open);
      else {
        path.pop();
        this.#known.set(
          at,
          this.isCurrent(at, (need) => this.#known.get(need) !== true),
        );
      }
    }
    return this.#known.get(task)!;
  }

  /** @param isNew of a needed task of the same recipe that has a stamp of its own: it will have a newer one */
  isCurrent(task: TaskId, isNew: (need: TaskId) => boolean): boolean {
    const own = this.#facts.times(task).real;
    if (own === undefined || this.#facts.hasNoStamp(task)) return false;
    return this.#sameRecipe(task).every((need) => {
      const { real, setscene } = this.#facts.times(need);
      if (setscene !== undefined && (real === undefined || setscene > real)) return true;
      return real !== undefined && real <= own && !isNew(need);
    });
  }

  #sameRecipe(task: TaskId): TaskId[] {
    const { recipe } = splitTaskId(task);
    return this.#facts.needs(task).filter((need) => splitTaskId(need).recipe === recipe);
  }
}
