/** One variable of one level of a datastore: its content, its defaults, its deferred operations, its flags. */
import type { Span } from "@tsbake/base";
import type { Value } from "./value.js";

/** The operations that are kept in a list and applied whenever the variable is read. */
export type Keyword = ":append" | ":prepend" | ":remove";

/** One `NAME:append:o1:o2 = text`. */
export interface Deferred {
  readonly text: Value;
  /** As written; empty when unconditional. */
  readonly condition: string;
  /** `condition` split: all of these must be active. */
  readonly overrides: readonly string[];
  /** Where it was written, when a file is known. */
  readonly at?: Span;
}

/** A text that a value is put together from, and its statement. */
export interface Piece {
  readonly text: string;
  readonly at: Span;
}

/** @param condition overrides with `:` between them, all of which must be in force */
export function deferred(text: Value, condition: string | undefined, at?: Span): Deferred {
  const overrides = condition ? condition.split(":") : [];
  return { text, condition: condition ?? "", overrides, ...(at ? { at } : {}) };
}

const NOTHING: readonly Deferred[] = [];
const WEAK_FLAG = "_defaultval_flag_";

export class Variable {
  /** undefined: never set; null: set to None, which hides a weak default too. */
  content: Value | undefined = undefined;
  /** Of `??=`. */
  weak: Value | undefined = undefined;
  appends: readonly Deferred[] = NOTHING;
  prepends: readonly Deferred[] = NOTHING;
  removes: readonly Deferred[] = NOTHING;
  /** Ordinary flags, and the weak defaults of flags under `_defaultval_flag_NAME`. */
  flags: Map<string, Value> | undefined = undefined;
  /** Where the content was assigned last. */
  at: Span | undefined = undefined;
  /** Where flags were assigned last. */
  flagPlaces: Map<string, Span> | undefined = undefined;

  /** A copy that can be written without touching this one. */
  copy(): Variable {
    const copy = new Variable();
    copy.content = this.content;
    copy.weak = this.weak;
    copy.appends = this.appends;
    copy.prepends = this.prepends;
    copy.removes = this.removes;
    copy.flags = this.flags && new Map(this.flags);
    copy.at = this.at;
    copy.flagPlaces = this.flagPlaces && new Map(this.flagPlaces);
    return copy;
  }

  /** What the value is made of, as far as files are known; conditions are not looked at. */
  get pieces(): Piece[] {
    const value = this.content === undefined ? this.weak : this.content;
    const all = [{ text: value, at: this.place }, ...this.prepends, ...this.appends];
    return all.flatMap(({ text, at }) =>
      typeof text === "string" && at !== undefined ? [{ text, at }] : [],
    );
  }

  /** Where the content was assigned last, or else the weak default. */
  get place(): Span | undefined {
    return this.content === undefined && this.weak !== undefined
      ? this.flagPlaces?.get("_defaultval")
      : this.at;
  }

  /** True for what `unset` leaves behind: it hides the variable of the level below. */
  get isEmpty(): boolean {
    return (
      this.content === undefined &&
      this.weak === undefined &&
      this.appends === NOTHING &&
      this.prepends === NOTHING &&
      this.removes === NOTHING &&
      (this.flags === undefined || this.flags.size === 0)
    );
  }

  list(keyword: Keyword): readonly Deferred[] {
    switch (keyword) {
      case ":append":
        return this.appends;
      case ":prepend":
        return this.prepends;
      case ":remove":
        return this.removes;
    }
  }

  setList(keyword: Keyword, list: readonly Deferred[]): void {
    switch (keyword) {
      case ":append":
        this.appends = list;
        break;
      case ":prepend":
        this.prepends = list;
        break;
      case ":remove":
        this.removes = list;
        break;
    }
  }

  dropLists(): void {
    this.appends = NOTHING;
    this.prepends = NOTHING;
    this.removes = NOTHING;
  }

  /** A flag by the name BitBake gives it, internal ones included; undefined when it is not set. */
  flag(name: string, noWeakDefault: boolean): Value | undefined {
    const code = name.charCodeAt(0);
    if (code === COLON || code === UNDERSCORE) {
      const internal = this.#internal(name);
      if (internal !== undefined) return internal;
    }
    if (this.flags === undefined) return undefined;
    const value = this.flags.get(name);
    if (value !== undefined || noWeakDefault) return value;
    return this.flags.get(WEAK_FLAG + name);
  }

  setFlag(name: string, value: Value, at: Span | undefined): void {
    if (at !== undefined) (this.flagPlaces ??= new Map()).set(name, at);
    if (name === "_content") this.content = value;
    else if (name === "_defaultval") this.weak = value;
    else if (isKeyword(name)) this.setList(name, deferredFrom(value));
    else (this.flags ??= new Map()).set(name, value);
  }

  /** Whether there was one; its weak default goes with it. */
  deleteFlag(name: string): boolean {
    if (name === "_content" || name === "_defaultval" || isKeyword(name)) {
      const isSet = this.#internal(name) !== undefined;
      if (name === "_content") this.content = undefined;
      else if (name === "_defaultval") this.weak = undefined;
      else this.setList(name, NOTHING);
      return isSet;
    }
    if (!this.flags?.delete(name)) return false;
    this.flags.delete(WEAK_FLAG + name);
    return true;
  }

  /** Flags as `getVarFlags` lists them. */
  flagEntries(internal: boolean): [string, Value][] {
    const entries: [string, Value][] = [];
    if (internal) {
      for (const name of INTERNAL) {
        const value = this.#internal(name);
        if (value !== undefined) entries.push([name, value]);
      }
    }
    for (const [name, value] of this.flags ?? []) {
      if (internal) entries.push([name, value]);
      else if (name.startsWith(WEAK_FLAG)) {
        const plain = name.slice(WEAK_FLAG.length);
        if (!this.flags!.has(plain)) entries.push([plain, value]);
      } else if (!name.startsWith("_") && !name.startsWith(":")) entries.push([name, value]);
    }
    return entries;
  }

  #internal(name: string): Value | undefined {
    if (name === "_content") return this.content;
    if (name === "_defaultval") return this.weak;
    if (!isKeyword(name)) return undefined;
    const list = this.list(name);
    return list === NOTHING
      ? undefined
      : list.map((one) => [one.text, one.condition === "" ? null : one.condition]);
  }
}

const COLON = 58;
const UNDERSCORE = 95;
const INTERNAL = ["_content", "_defaultval", ":append", ":prepend", ":remove"] as const;

function isKeyword(name: string): name is Keyword {
  return name === ":append" || name === ":prepend" || name === ":remove";
}

/** The list from what metadata Python hands over: pairs of text and overrides. */
function deferredFrom(value: Value): readonly Deferred[] {
  if (!Array.isArray(value)) return NOTHING;
  return value.map((pair: unknown) => {
    const [text, condition] = Array.isArray(pair) ? (pair as unknown[]) : [pair];
    return deferred((text ?? "") as Value, typeof condition === "string" ? condition : undefined);
  });
}
