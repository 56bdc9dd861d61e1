/** The variables of one configuration or recipe, with BitBake's rules of reading and writing. */
import type { Span } from "@tsbake/base";
import type { PythonHost } from "./python-host.js";

/** What a variable or flag can hold. Metadata Python may store other objects; they pass through untouched. */
export type Value = string | number | boolean | null | object;

export interface GetOptions {
  /** Default true. */
  readonly expand?: boolean;
  /** Read without `??=` defaults. Default false. */
  readonly noWeakDefault?: boolean;
  /** Raw content: no overrides, appends, prepends, removes. Default false. */
  readonly parsing?: boolean;
}

/** Where and how a value was set; kept when `trackHistory` is on (`tsbake -e`). */
export interface HistoryEntry {
  /** `set`, `set?`, `append`, `:append`, `override[arm]:set`, `del`, … as `bitbake -e` names them. */
  readonly operation: string;
  readonly file: string;
  readonly line: number;
  readonly flag?: string;
  readonly detail: string;
}

export interface WriteOptions {
  /** True while statements are evaluated: pending appends and override variants stay. Default false (Python's setVar). */
  readonly parsing?: boolean;
  readonly operation?: string;
  readonly at?: Span;
}

export interface DatastoreOptions {
  /** Opened only when a value has inline Python; asked for at most once a call. */
  readonly python?: () => PythonHost;
  readonly trackHistory?: boolean;
}

/**
 * @see BitBake 2.19 lib/bb/data_smart.py, DataSmart; the rules are in sections 1.3 to 1.7 and 2.1 of the language inventory
 * (docs/differences.md names what we do otherwise).
 */
export declare class Datastore {
  constructor(options?: DatastoreOptions);
  getVar(name: string, options?: GetOptions): Value | undefined;
  /** `getVar` as text: undefined stays undefined, anything else as Python's `str()` would show it. */
  getText(name: string): string | undefined;
  setVar(name: string, value: Value, options?: WriteOptions): void;
  /** Deferred `:append`, as d.appendVar. */
  appendVar(name: string, value: string, options?: WriteOptions): void;
  prependVar(name: string, value: string, options?: WriteOptions): void;
  delVar(name: string, options?: WriteOptions): void;
  renameVar(from: string, to: string, options?: WriteOptions): void;
  getVarFlag(name: string, flag: string, options?: GetOptions): Value | undefined;
  setVarFlag(name: string, flag: string, value: Value, options?: WriteOptions): void;
  appendVarFlag(name: string, flag: string, value: string, options?: WriteOptions): void;
  prependVarFlag(name: string, flag: string, value: string, options?: WriteOptions): void;
  delVarFlag(name: string, flag: string, options?: WriteOptions): void;
  /** All flags but internal ones; undefined when the variable has none. `expand`: true, or the flags to expand. */
  getVarFlags(
    name: string,
    options?: { expand?: boolean | readonly string[]; internal?: boolean },
  ): Map<string, Value> | undefined;
  expand(text: string, name?: string): string;
  /**
   * Expands `text` and tells what it read: `references` are variable names of `${…}`, `inline` the texts of `${@…}`
   * after substitution. For signatures. @see VariableParse in data_smart.py
   */
  expandWithReferences(
    text: string,
    name?: string,
  ): { value: string; references: Set<string>; inline: string[] };
  /** Raw value of `name` after overrides, appends and prepends, unexpanded, and its active `:remove` texts. For signatures. */
  rawWithRemoves(name: string): { value: Value | undefined; removes: string[] };
  /** Renames every key that has `${…}` in its name. Returns warnings for values overwritten. */
  expandKeys(): string[];
  createCopy(): Datastore;
  has(name: string): boolean;
  keys(): Iterable<string>;
  /** The active overrides, weakest first. */
  overrides(): readonly string[];
  /** d.setVarFilter */
  setVarFilter(name: string, expression: string): void;
  history(name: string): readonly HistoryEntry[];
  /** The file being evaluated etc. are ordinary variables (FILE, BBPATH, …); nothing else is hidden here. */
  readonly trackHistory: boolean;
}
