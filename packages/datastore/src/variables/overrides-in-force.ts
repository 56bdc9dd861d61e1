/** Which overrides are in force, kept until a variable is written that OVERRIDES was computed from. */
import { ActiveOverrides } from "./override-index.js";

const NONE = new ActiveOverrides([]);
/** OVERRIDES may have override variants itself; what does not come to rest in so many readings never does. */
const ROUNDS = 5;

export class OverridesInForce {
  #active: ActiveOverrides | undefined;
  /** Variables that OVERRIDES was computed from. */
  #sources = new Set<string>();
  /**
   * Whether OVERRIDES is being read: then every variable that is read is one of its sources. Set here only; a field and no
   * getter, since each read of a variable looks at it.
   */
  isComputing = false;

  constructor(from?: OverridesInForce) {
    if (from === undefined) return;
    this.#active = from.#active;
    this.#sources = from.#sources;
  }

  /** undefined: they have to be computed. While they are, those of the last round. */
  get active(): ActiveOverrides | undefined {
    return this.#active;
  }

  addSource(name: string): void {
    this.#sources.add(name);
  }

  /** @param name written, or its flags, or one of its override variants */
  written(name: string): void {
    if (this.#active === undefined || this.isComputing) return;
    const colon = name.indexOf(":");
    if (this.#sources.has(name) || (colon > 0 && this.#sources.has(name.slice(0, colon)))) {
      this.#active = undefined;
    }
  }

  /**
   * Reads OVERRIDES until it does not change any more.
   *
   * @param read its value with the overrides that are in force by now
   * @returns undefined when it never comes to rest
   * @throws as `read`
   */
  compute(read: () => string): ActiveOverrides | undefined {
    this.isComputing = true;
    this.#sources = new Set();
    let isStable = false;
    try {
      this.#active = NONE;
      let text = read();
      for (let round = 0; round < ROUNDS && !isStable; round++) {
        this.#active = new ActiveOverrides(text.split(":"));
        const next = read();
        isStable = next === text;
        text = next;
      }
      return isStable ? this.#active : undefined;
    } finally {
      if (!isStable) this.#active = undefined;
      this.isComputing = false;
    }
  }
}
