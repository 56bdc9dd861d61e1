/** Which variables are override variants of which: `A:x:y` is `A:x` with `y`, and `A` with `x:y`. */

/** One override variant of a variable. */
export interface Variant {
  /** Full name, `A:x:y`. */
  readonly name: string;
  /** What follows the base, `x:y`. */
  readonly suffix: string;
}

const NONE: readonly Variant[] = [];

/** The base names and suffixes that `name` stands for, the longest base first. */
function* divisions(name: string): Generator<{ base: string; suffix: string }> {
  let colon = name.lastIndexOf(":");
  while (colon >= 0) {
    const code = name.charCodeAt(colon + 1);
    // A suffix is an override when it begins with a lower-case letter or a digit.
    if (!((code >= 97 && code <= 122) || (code >= 48 && code <= 57))) return;
    yield { base: name.slice(0, colon), suffix: name.slice(colon + 1) };
    if (colon === 0) return;
    colon = name.lastIndexOf(":", colon - 1);
    if (colon === 0) return;
  }
}

/** Copied when one of the sharers writes: most copies of a datastore never do. */
export class OverrideIndex {
  #variants: Map<string, readonly Variant[]>;
  #isShared: boolean;

  constructor(from?: OverrideIndex) {
    this.#variants = from ? from.#variants : new Map();
    this.#isShared = from !== undefined;
    if (from) from.#isShared = true;
  }

  get(base: string): readonly Variant[] | undefined {
    return this.#variants.get(base);
  }

  entries(): Iterable<[string, readonly Variant[]]> {
    return this.#variants;
  }

  add(name: string): void {
    for (const { base, suffix } of divisions(name)) {
      const known = this.#variants.get(base) ?? NONE;
      if (known.some((one) => one.name === name && one.suffix === suffix)) continue;
      this.#writable().set(base, [...known, { name, suffix }]);
    }
  }

  /** Forgets `name` as a variant of others. */
  remove(name: string): void {
    for (const { base, suffix } of divisions(name)) {
      const known = this.#variants.get(base);
      if (known === undefined) continue;
      const rest = known.filter((one) => one.name !== name || one.suffix !== suffix);
      if (rest.length !== known.length) this.#writable().set(base, rest);
    }
  }

  /** Forgets the variants of `base`. */
  forget(base: string): void {
    if (this.#variants.has(base)) this.#writable().delete(base);
  }

  set(base: string, variants: readonly Variant[]): void {
    this.#writable().set(base, variants);
  }

  #writable(): Map<string, readonly Variant[]> {
    if (this.#isShared) {
      this.#variants = new Map(this.#variants);
      this.#isShared = false;
    }
    return this.#variants;
  }
}

/** The overrides in force: in order, weakest first, and as a set. */
export class ActiveOverrides {
  readonly list: readonly string[];
  readonly #set: ReadonlySet<string>;

  constructor(list: readonly string[]) {
    this.list = list;
    this.#set = new Set(list);
  }

  hasAll(overrides: readonly string[]): boolean {
    for (const one of overrides) if (!this.#set.has(one)) return false;
    return true;
  }

  /** Whether a suffix (`x` or `x:y`) is in force. */
  has(suffix: string): boolean {
    // Part by part, and no further than the first that is not: a suffix can have thousands.
    for (let from = 0; ;) {
      const colon = suffix.indexOf(":", from);
      if (!this.#set.has(colon === -1 ? suffix.slice(from) : suffix.slice(from, colon))) return false;
      if (colon === -1) return true;
      from = colon + 1;
    }
  }

  hasAnyOf(variants: readonly Variant[]): boolean {
    return variants.some(({ suffix }) => this.has(suffix));
  }

  /**
   * The variant that stands for the base. Suffixes are shortened override by override, round by round; what matches
   * in a later round wins, so a variant with two overrides beats every one with a single override.
   *
   * @see BitBake 2.19 lib/bb/data_smart.py, DataSmart.getVarFlag
   */
  select(variants: readonly Variant[]): string | undefined {
    const candidates = new Map<string, string>();
    for (const { name, suffix } of variants) if (this.has(suffix)) candidates.set(suffix, name);
    if (candidates.size === 0) return undefined;
    let match: string | undefined;
    let isShortened = true;
    while (isShortened) {
      isShortened = false;
      for (const override of this.list) {
        const ending = `:${override}`;
        for (const suffix of Array.from(candidates.keys())) {
          // Looked up now: a shortened suffix may have taken this one's place.
          const name = candidates.get(suffix)!;
          if (suffix.endsWith(ending)) {
            candidates.delete(suffix);
            candidates.set(suffix.replaceAll(ending, ""), name);
            isShortened = true;
          } else if (suffix === override) {
            match = name;
            candidates.delete(suffix);
          }
        }
      }
    }
    return match;
  }
}
