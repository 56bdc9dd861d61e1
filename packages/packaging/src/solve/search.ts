/**
 * Which packages meet all wishes: a search that goes back. What has one option left is settled first, then the first open need
 * tries its options in the order of preference; of one name there is one version. What is installed stays as long as nothing
 * speaks against it, and an option that leaves it alone is tried before one that does not.
 */
import type { Relation } from "../deb/stanza.js";
import { areEnemies, type Candidate, isMeant, optionsFor, type Universe } from "./universe.js";

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

/** A need that nothing met. */
export interface Failure {
  readonly need: Need;
  /** Each option, and who stood against it: the enemy, or another version of the same name; none where it was not wanted at all. */
  readonly against: readonly { readonly option: Candidate; readonly enemy: Candidate | undefined }[];
}

export type Searched =
  | { readonly chosen: readonly Candidate[]; readonly removed: readonly Candidate[] }
  | { readonly failure: Failure; readonly isGivenUp: boolean };

export interface Wish {
  readonly group: readonly Relation[];
}

/** Steps back; a search that takes more is not worth waiting for. */
const MOST_STEPS = 50_000;

interface State {
  /** By name: what is new. */
  readonly chosen: Map<string, Candidate>;
  /** Names of what is installed and goes, or makes room for another version. */
  readonly gone: Set<string>;
  readonly open: Need[];
}

export function searchPackages(
  universe: Universe,
  installed: readonly Candidate[],
  wishes: readonly Wish[],
  unwanted: ReadonlySet<string>,
): Searched {
  const kept = new Map(installed.map((one) => [one.name, one]));
  const enemies = enemiesIn(universe);
  let first: Failure | undefined;
  let steps = 0;

  const presentOf = (state: State, name: string): Candidate | undefined =>
    state.chosen.get(name) ?? (state.gone.has(name) ? undefined : kept.get(name));

  const isMet = (state: State, need: Need): boolean =>
    optionsFor(universe, need.group).some((one) => presentOf(state, one.name) === one);

  /** Packages there against which an option stands. */
  const enemiesOf = (state: State, option: Candidate): Candidate[] =>
    (enemies.get(option) ?? []).filter((one) => presentOf(state, one.name) === one);

  /** Undefined where it can be chosen; else who stands against it. */
  const hindrance = (state: State, option: Candidate): { enemy: Candidate | undefined } | undefined => {
    if (unwanted.has(option.name)) return { enemy: undefined };
    const other = state.chosen.get(option.name);
    if (other) return other === option ? undefined : { enemy: other };
    // A version that was given up is not taken again.
    if (option.isInstalled && state.gone.has(option.name)) return { enemy: undefined };
    const held = kept.get(option.name);
    if (held?.isHeld && held !== option) return { enemy: held };
    const enemy = enemiesOf(state, option).find((one) => state.chosen.has(one.name) || one.isHeld);
    return enemy && { enemy };
  };

  const touches = (state: State, option: Candidate): boolean =>
    (kept.has(option.name) && kept.get(option.name) !== option) ||
    enemiesOf(state, option).some((one) => kept.get(one.name) === one);

  const choose = (state: State, option: Candidate, need: Need): State => {
    const next = { chosen: new Map(state.chosen), gone: new Set(state.gone), open: [...state.open] };
    next.chosen.set(option.name, option);
    for (const one of enemiesOf(state, option)) next.gone.add(one.name);
    for (const group of option.needs) next.open.push({ group, of: option, because: need, isWish: false });
    return next;
  };

  /** Needs of what is installed, that changes around it have left unmet. */
  const broken = (state: State): Need | undefined => {
    if (state.gone.size === 0 && ![...state.chosen.keys()].some((name) => kept.has(name))) return undefined;
    for (const one of kept.values()) {
      if (presentOf(state, one.name) !== one) continue;
      for (const group of one.needs) {
        const need = { group, of: one, because: undefined, isWish: false };
        const wasMet = optionsFor(universe, group).some((option) => kept.get(option.name) === option);
        if (wasMet && !isMet(state, need)) return need;
      }
    }
    return undefined;
  };

  const ordered = (state: State, need: Need, options: readonly Candidate[]): Candidate[] => {
    const free = options.filter((one) => !touches(state, one));
    // Who is asked for by name is taken as new as there is.
    return need.isWish ? [...options] : [...free, ...options.filter((one) => !free.includes(one))];
  };

  const fail = (state: State, need: Need): undefined => {
    first ??= {
      need,
      against: optionsFor(universe, need.group).map((option) => ({
        option,
        enemy: hindrance(state, option)?.enemy,
      })),
    };
    return undefined;
  };

  const run = (start: State): State | undefined => {
    let state = start;
    for (;;) {
      if ((steps += 1) > MOST_STEPS) return undefined;
      let pick: { need: Need; options: Candidate[] } | undefined;
      const open: Need[] = [];
      for (const need of state.open) {
        if (need.isWish ? isWishMet(state, need) : isMet(state, need)) continue;
        const options = optionsFor(universe, need.group).filter((one) => !hindrance(state, one));
        if (options.length === 0) return fail(state, need);
        open.push(need);
        if (!pick || (options.length === 1 && pick.options.length > 1)) pick = { need, options };
      }
      state = { ...state, open };
      if (pick) {
        const { need, options } = pick;
        const [only, ...others] = ordered(state, need, options);
        if (others.length === 0) {
          state = choose(state, only!, need);
          continue;
        }
        for (const option of [only!, ...others]) {
          const found = run(choose(state, option, need));
          if (found) return found;
          if (steps > MOST_STEPS) return undefined;
        }
        return undefined;
      }
      const need = broken(state);
      if (!need) return state;
      const left = need.of!;
      const options = ordered(
        state,
        need,
        optionsFor(universe, need.group).filter((one) => !hindrance(state, one)),
      );
      for (const option of options) {
        const found = run(choose(state, option, need));
        if (found) return found;
      }
      if (left.isHeld) return fail(state, need);
      const newer = (universe.byName.get(left.name) ?? []).filter(
        (one) => one !== left && !hindrance(state, one),
      );
      for (const option of newer) {
        const found = run(choose(state, option, need));
        if (found) return found;
      }
      // As a last resort it goes: who asked for the base decides whether that is allowed.
      state = { ...state, gone: new Set([...state.gone, left.name]) };
    }
  };

  /** A wish is met by the newest version that can be had. */
  const isWishMet = (state: State, need: Need): boolean => {
    const options = optionsFor(universe, need.group).filter((one) => !hindrance(state, one));
    const [best] = options;
    if (best === undefined) return isMet(state, need);
    return options.some((one) => state.chosen.get(one.name) === one) || presentOf(state, best.name) === best;
  };

  const open = wishes.map(({ group }) => ({ group, of: undefined, because: undefined, isWish: true }));
  const done = run({ chosen: new Map(), gone: new Set(unwantedThere(kept, unwanted)), open });
  if (done === undefined) return { failure: first!, isGivenUp: steps > MOST_STEPS };
  const removed = [...done.gone].flatMap((name) => (done.chosen.has(name) ? [] : (kept.get(name) ?? [])));
  return { chosen: [...done.chosen.values()].filter(({ isInstalled }) => !isInstalled), removed };
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

function unwantedThere(kept: ReadonlyMap<string, Candidate>, unwanted: ReadonlySet<string>): string[] {
  return [...unwanted].filter((name) => kept.has(name));
}

/** Whether any of the packages is what a group asks for. */
export function isMetBy(group: readonly Relation[], packages: readonly Candidate[]): boolean {
  return packages.some((one) => group.some((relation) => isMeant(one, relation)));
}
