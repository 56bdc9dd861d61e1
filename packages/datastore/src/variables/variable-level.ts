/** Where variables are kept: a copy of a datastore has a level of its own above that of its original. */
import { Variable } from "./variable.js";

/** A name is looked up from the top down. A variable that is there and empty hides that of the level below. */
export class VariableLevel {
  readonly #own = new Map<string, Variable>();
  readonly #below: VariableLevel | undefined;

  constructor(below?: VariableLevel) {
    this.#below = below;
  }

  find(name: string): Variable | undefined {
    const variable = this.#own.get(name);
    return variable !== undefined || this.#below === undefined ? variable : this.#below.find(name);
  }

  /** The variable on this level, copied from below when it is not there yet. */
  writable(name: string): Variable {
    let variable = this.#own.get(name);
    if (variable === undefined) {
      variable = this.find(name)?.copy() ?? new Variable();
      this.#own.set(name, variable);
    }
    return variable;
  }

  replace(name: string, variable: Variable): void {
    this.#own.set(name, variable);
  }

  /** Of all variables that are not empty, those of this level first. */
  names(): Set<string> {
    const names = new Set<string>();
    this.#collect(names, new Set());
    return names;
  }

  /** @param hidden names that a level above deleted */
  #collect(names: Set<string>, hidden: Set<string>): void {
    for (const [name, variable] of this.#own) {
      if (names.has(name) || hidden.has(name)) continue;
      (variable.isEmpty ? hidden : names).add(name);
    }
    if (this.#below !== undefined) this.#below.#collect(names, hidden);
  }
}
