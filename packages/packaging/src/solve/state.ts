/**
 * How far a search has come, and what stands against a choice then. A state is never changed: a search that goes back has the one of
 * before.
 */
import type { Relation } from "../deb/stanza.js";
import { areEnemies, type Candidate, optionsFor, type Universe } from "./universe.js";

/** What has to be met, and for whom. */
export interface Need {
  readonly group: readonly Relation[];
  /** Whose need it is; undefined for a wish. */
  readonly of: Candidate | undefined;
  /** The need that `of` was chosen for. */
  readonly because: Need | undefined;
  /** Newest first whatever is installed: what was asked for by name. */
  readonly isWish: boolean;
}

/** What has been chosen and given up so far, and what is still to be met. */
export interface State {
  /** By name: what is new. */
  readonly chosen: ReadonlyMap<string, Candidate>;
  /** Names of what is installed and goes, or makes room for another version. */
  readonly gone: ReadonlySet<string>;
  readonly open: readonly Need[];
}

/** Why an option cannot be chosen: who stands against it; none where it is not wanted at all. */
interface Hindrance {
  readonly enemy: Candidate | undefined;
}

/** The rules of choosing: one version of a name, no enemies side by side, nothing that is unwanted. */
export class Rules {
  readonly universe: Universe;
  /** What is installed, by name. */
  readonly installed: ReadonlyMap<string, Candidate>;
  readonly #unwanted: ReadonlySet<string>;
  readonly #enemies: ReadonlyMap<Candidate, readonly Candidate[]>;

  /** @param unwanted names that are neither chosen nor kept */
  constructor(universe: Universe, installed: readonly Candidate[], unwanted: ReadonlySet<string>) {
    this.universe = universe;
    this.installed = new Map(installed.map((one) => [one.name, one]));
    this.#unwanted = unwanted;
    this.#enemies = enemiesIn(universe);
  }

  /** Before anything is chosen. */
  begin(open: readonly Need[]): State {
    const gone = [...this.#unwanted].filter((name) => this.installed.has(name));
    return { chosen: new Map(), gone: new Set(gone), open };
  }

  /** With one more, without its enemies, and with what it needs. */
  choose(state: State, option: Candidate, need: Need): State {
    const needs = option.needs.map((group) => ({ group, of: option, because: need, isWish: false }));
    return {
      chosen: new Map(state.chosen).set(option.name, option),
      gone: new Set([...state.gone, ...this.#enemiesThere(state, option).map(({ name }) => name)]),
      open: [...state.open, ...needs],
    };
  }

  /** What is there under a name. */
  present(state: State, name: string): Candidate | undefined {
    return state.chosen.get(name) ?? (state.gone.has(name) ? undefined : this.installed.get(name));
  }

  isMet(state: State, need: Need): boolean {
    if (need.isWish) return this.#isWishMet(state, need);
    return this.#isMetAnyhow(state, need.group);
  }

  /** What a need can be met by, in the order of preference. */
  options(state: State, need: Need): Candidate[] {
    return optionsFor(this.universe, need.group).filter((one) => !this.hindrance(state, one));
  }

  /** Undefined where an option can be chosen. */
  hindrance(state: State, option: Candidate): Hindrance | undefined {
    if (this.#unwanted.has(option.name)) return { enemy: undefined };
    const other = state.chosen.get(option.name);
    if (other) return other === option ? undefined : { enemy: other };
    // A version that was given up is not taken again.
    if (option.isInstalled && state.gone.has(option.name)) return { enemy: undefined };
    const held = this.installed.get(option.name);
    if (held?.isHeld && held !== option) return { enemy: held };
    const enemy = this.#enemiesThere(state, option).find((one) => state.chosen.has(one.name) || one.isHeld);
    return enemy && { enemy };
  }

  /** Whether choosing it changes what is installed. */
  touchesInstalled(state: State, option: Candidate): boolean {
    const before = this.installed.get(option.name);
    return (
      (before !== undefined && before !== option) ||
      this.#enemiesThere(state, option).some((one) => this.installed.get(one.name) === one)
    );
  }

  /** A need of what is installed, that changes around it have left unmet. */
  brokenNeed(state: State): (Need & { readonly of: Candidate }) | undefined {
    if (state.gone.size === 0 && ![...state.chosen.keys()].some((name) => this.installed.has(name)))
      return undefined;
    for (const one of this.installed.values()) {
      if (this.present(state, one.name) !== one) continue;
      for (const group of one.needs) {
        const options = optionsFor(this.universe, group);
        const wasMet = options.some((option) => this.installed.get(option.name) === option);
        if (wasMet && !this.#isMetAnyhow(state, group))
          return { group, of: one, because: undefined, isWish: false };
      }
    }
    return undefined;
  }

  #isMetAnyhow(state: State, group: Need["group"]): boolean {
    return optionsFor(this.universe, group).some((one) => this.present(state, one.name) === one);
  }

  /** A wish is met by the newest version that can be had. */
  #isWishMet(state: State, need: Need): boolean {
    const options = this.options(state, need);
    const [best] = options;
    if (best === undefined) return this.#isMetAnyhow(state, need.group);
    return (
      options.some((one) => state.chosen.get(one.name) === one) || this.present(state, best.name) === best
    );
  }

  /** Packages there against which an option stands. */
  #enemiesThere(state: State, option: Candidate): Candidate[] {
    return (this.#enemies.get(option) ?? []).filter((one) => this.present(state, one.name) === one);
  }
}

/** Who cannot be there beside whom, whoever of both says so. */
function enemiesIn(universe: Universe): Map<Candidate, Candidate[]> {
  const found = new Map<Candidate, Set<Candidate>>();
  const note = (one: Candidate, other: Candidate): void => {
    found.set(one, (found.get(one) ?? new Set()).add(other));
  };
  for (const one of [...universe.byName.values()].flat())
    for (const other of optionsFor(universe, one.enemies)) {
      if (!areEnemies(one, other)) continue;
      note(one, other);
      note(other, one);
    }
  return new Map([...found].map(([one, all]) => [one, [...all]]));
}
