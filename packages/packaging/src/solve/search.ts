/**
 * Which packages meet all wishes: a search that goes back. What has one option left is settled first, then the first open need
 * tries its options in the order of preference; of one name there is one version. What is installed stays as long as nothing
 * speaks against it, and an option that leaves it alone is tried before one that does not.
 */
import type { Relation } from "../deb/stanza.js";
import { type Need, Rules, type State } from "./state.js";
import { type Candidate, isMeant, optionsFor, type Universe } from "./universe.js";

export type { Need } from "./state.js";

/** A need that nothing met. */
export interface Failure {
  readonly need: Need;
  /** Each option, and who stood against it: the enemy, or another version of the same name; none where it was not wanted at all. */
  readonly against: readonly { readonly option: Candidate; readonly enemy: Candidate | undefined }[];
}

/** What a search has come to: what is new and what goes; or the first need that failed, and whether the search was given up. */
export type Searched =
  | { readonly chosen: readonly Candidate[]; readonly removed: readonly Candidate[] }
  | { readonly failure: Failure; readonly isGivenUp: boolean };

/** What is asked for: one of the alternatives. */
export interface Wish {
  readonly group: readonly Relation[];
}

/** Steps back; a search that takes more is not worth waiting for. */
const MOST_STEPS = 50_000;

/** @param unwanted names that are neither chosen nor kept */
export function searchPackages(
  universe: Universe,
  installed: readonly Candidate[],
  wishes: readonly Wish[],
  unwanted: ReadonlySet<string>,
): Searched {
  return new Search(new Rules(universe, installed, unwanted)).find(wishes);
}

class Search {
  readonly #rules: Rules;
  #first: Failure | undefined;
  #steps = 0;

  constructor(rules: Rules) {
    this.#rules = rules;
  }

  find(wishes: readonly Wish[]): Searched {
    const open = wishes.map(({ group }) => ({ group, of: undefined, because: undefined, isWish: true }));
    const done = this.#search(this.#rules.begin(open));
    if (done === undefined) return { failure: this.#first!, isGivenUp: this.#isGivenUp };
    const { installed } = this.#rules;
    const removed = [...done.gone].filter((name) => !done.chosen.has(name));
    return {
      chosen: [...done.chosen.values()].filter(({ isInstalled }) => !isInstalled),
      removed: removed.flatMap((name) => installed.get(name) ?? []),
    };
  }

  get #isGivenUp(): boolean {
    return this.#steps > MOST_STEPS;
  }

  /** @returns the state in which all is met; undefined where there is none */
  #search(start: State): State | undefined {
    let state = start;
    for (;;) {
      if ((this.#steps += 1) > MOST_STEPS) return undefined;
      const left = this.#stillOpen(state);
      if (left === undefined) return undefined;
      state = { ...state, open: left.open };
      if (left.next) {
        const { need, options } = left.next;
        const [only] = options;
        if (options.length > 1) return this.#tryEach(state, need, this.#ordered(state, need, options));
        state = this.#rules.choose(state, only!, need);
        continue;
      }
      const need = this.#rules.brokenNeed(state);
      if (!need) return state;
      const found = this.#mend(state, need);
      if (found) return found;
      if (need.of.isHeld) return this.#fail(state, need);
      const newer = this.#newerThan(state, need.of);
      const replaced = this.#tryEach(state, need, newer);
      if (replaced) return replaced;
      // As a last resort it goes: who asked for the base decides whether that is allowed.
      state = { ...state, gone: new Set([...state.gone, need.of.name]) };
    }
  }

  /**
   * What is not met yet, and what is settled next: a need with one option, else the first.
   *
   * @returns undefined where one of them cannot be met
   */
  #stillOpen(
    state: State,
  ): { open: Need[]; next: { need: Need; options: readonly Candidate[] } | undefined } | undefined {
    let next: { need: Need; options: readonly Candidate[] } | undefined;
    const open: Need[] = [];
    for (const need of state.open) {
      if (this.#rules.isMet(state, need)) continue;
      const options = this.#rules.options(state, need);
      if (options.length === 0) return this.#fail(state, need);
      open.push(need);
      if (!next || (options.length === 1 && next.options.length > 1)) next = { need, options };
    }
    return { open, next };
  }

  /** The need of a package of the base, met by another one. */
  #mend(state: State, need: Need): State | undefined {
    return this.#tryEach(state, need, this.#ordered(state, need, this.#rules.options(state, need)));
  }

  #newerThan(state: State, old: Candidate): Candidate[] {
    const versions = this.#rules.universe.byName.get(old.name) ?? [];
    return versions.filter((one) => one !== old && !this.#rules.hindrance(state, one));
  }

  #tryEach(state: State, need: Need, options: readonly Candidate[]): State | undefined {
    for (const option of options) {
      const found = this.#search(this.#rules.choose(state, option, need));
      if (found) return found;
      if (this.#isGivenUp) return undefined;
    }
    return undefined;
  }

  #ordered(state: State, need: Need, options: readonly Candidate[]): readonly Candidate[] {
    // Who is asked for by name is taken as new as there is.
    if (need.isWish) return options;
    const free = options.filter((one) => !this.#rules.touchesInstalled(state, one));
    return [...free, ...options.filter((one) => !free.includes(one))];
  }

  /** The first failure is the one to report: those after it follow of going back. */
  #fail(state: State, need: Need): undefined {
    this.#first ??= {
      need,
      against: optionsFor(this.#rules.universe, need.group).map((option) => ({
        option,
        enemy: this.#rules.hindrance(state, option)?.enemy,
      })),
    };
    return undefined;
  }
}

/** Whether any of the packages is what a group asks for. */
export function isMetBy(group: readonly Relation[], packages: readonly Candidate[]): boolean {
  return packages.some((one) => group.some((relation) => isMeant(one, relation)));
}
