/** The variables of one configuration or recipe, with BitBake's rules of reading and writing. */
import { BuildError, byText, type Diagnostic, type Span } from "@tsbake/base";
import { splitDeferred, type DeferredName } from "./variables/deferred-name.js";
import { expandKeys } from "./evaluation/expand-keys.js";
import { ExpansionScope } from "./expansion/expansion-scope.js";
import { FilterMemo } from "./variables/filter.js";
import { History, type HistoryEntry, type WriterPlace } from "./variables/history.js";
import { OverrideIndex, type ActiveOverrides, type Variant } from "./variables/override-index.js";
import { OverridesInForce } from "./variables/overrides-in-force.js";
import { renamedVariable, unstableOverrides } from "./problems.js";
import { BUILTIN_RENAMES, refuseName } from "./variables/renames.js";
import { withoutWords } from "./variables/remove.js";
import type { GetOptions, WriteOptions } from "./variables/options.js";
import { pythonText, textOrEmpty, type Value } from "./variables/value.js";
import { VariableLevel } from "./variables/variable-level.js";
import { deferred, Variable, type Deferred, type Keyword, type Piece } from "./variables/variable.js";

/** What the datastore itself asks of Python. */
export interface InlinePython {
  /**
   * Evaluates one inline expression (`${@…}`, already substituted) with `d`, os, bb, time, the `def`s seen so far
   * and, for unknown names, the variables of `d` in scope. The result as `str()` gives it, None as "None".
   *
   * @throws PythonError
   */
  evaluate(expression: string, d: Datastore): string;
}

export interface DatastoreOptions {
  /** Opened only when a value has inline Python; asked for at most once a call. */
  readonly python?: () => InlinePython;
  readonly trackHistory?: boolean;
}

/** What reading a variable came to. */
interface Reading {
  /** After overrides, appends and prepends. */
  readonly raw: Value | undefined;
  /** `raw` expanded. */
  readonly expanded: Value | undefined;
  /** `expanded` without what `:remove` takes away, filtered. */
  readonly value: Value | undefined;
  /** Texts of the `:remove`s that took something away. */
  readonly removes: ReadonlySet<string> | undefined;
  readonly scope: ExpansionScope | undefined;
}

/** `raw` on its way. */
interface Assembled {
  readonly value: Value | undefined;
  readonly variable: Variable | undefined;
  /** Removes of the override variant that was chosen: they apply to the end result. */
  readonly carried: ReadonlySet<string> | undefined;
}

/**
 * @see BitBake 2.19 lib/bb/data_smart.py, DataSmart; the rules are docs/language.md 3, 4, 5, 7 and 13
 * (docs/differences.md names what we do otherwise).
 */
export class Datastore {
  readonly trackHistory: boolean;
  readonly #options: DatastoreOptions;
  /** Evaluates inline Python; undefined where there is none. */
  readonly #evaluate: ((expression: string) => string) | undefined;
  readonly #variables: VariableLevel;
  readonly #index: OverrideIndex;
  readonly #history: History | undefined;
  #filters: ReadonlyMap<string, string> = new Map();
  #filterMemo = new FilterMemo();
  #renames = BUILTIN_RENAMES;

  /** Readings since the last write; shared with copies until one of the sharers writes. */
  #cache = new Map<string, Reading>();
  #isCacheShared = false;
  /** Labels being expanded and their texts: meeting one again is a loop. */
  #expanding = new Map<string, string>();

  readonly #overrides: OverridesInForce;

  constructor(options?: DatastoreOptions);
  /** @internal */
  constructor(options: DatastoreOptions, parent: Datastore);
  constructor(options: DatastoreOptions = {}, parent?: Datastore) {
    this.#options = options;
    this.trackHistory = options.trackHistory ?? false;
    const { python } = options;
    this.#evaluate = python && ((expression) => python().evaluate(expression, this));
    if (parent === undefined) {
      this.#variables = new VariableLevel();
      this.#overrides = new OverridesInForce();
      this.#index = new OverrideIndex();
      this.#history = this.trackHistory ? new History() : undefined;
      return;
    }
    this.#variables = new VariableLevel(parent.#variables);
    this.#overrides = new OverridesInForce(parent.#overrides);
    this.#index = new OverrideIndex(parent.#index);
    this.#history = parent.#history && new History(parent.#history);
    this.#filters = parent.#filters;
    this.#filterMemo = parent.#filterMemo;
    this.#renames = parent.#renames;
    this.#cache = parent.#cache;
    this.#isCacheShared = true;
    parent.#isCacheShared = true;
  }

  /** A datastore that reads what this one has and keeps its writes to itself. Cheap. */
  createCopy(options?: Pick<DatastoreOptions, "python">): Datastore {
    return new Datastore(options ? { ...this.#options, ...options } : this.#options, this);
  }

  /** An empty one, with the same Python. */
  createEmpty(): Datastore {
    return new Datastore(this.#options);
  }

  // Reading

  /** The value by all the rules; undefined when there is none, or None. @throws BuildError `datastore/expansion` */
  getVar(name: string, options?: GetOptions): Value | undefined {
    if (this.#overrides.isComputing) this.#overrides.addSource(name);
    if (options === undefined) return (this.#cache.get(name) ?? this.#read(name, false)).value;
    const { expand = true, noWeakDefault = false, parsing = false } = options;
    if (parsing) {
      const variable = this.#variables.find(name);
      const value = variable?.content ?? (noWeakDefault ? undefined : variable?.weak) ?? undefined;
      return expand && typeof value === "string" ? this.expand(value, name) : value;
    }
    if (!expand) return this.#assemble(name, noWeakDefault).value;
    if (noWeakDefault) return this.#read(name, true).value;
    return (this.#cache.get(name) ?? this.#read(name, false)).value;
  }

  /** `getVar` as text: undefined stays undefined, anything else as Python's `str()` would show it. */
  getText(name: string): string | undefined {
    const value = this.getVar(name);
    return value === undefined || typeof value === "string" ? value : pythonText(value);
  }

  getVarFlag(name: string, flag: string, options: GetOptions = {}): Value | undefined {
    if (flag === "_content") return this.getVar(name, options);
    const { expand = true, noWeakDefault = false } = options;
    const label = `${name}[${flag}]`;
    if (expand && !noWeakDefault) {
      const known = this.#cache.get(label);
      if (known !== undefined) return known.value;
    }
    const raw = this.#variables.find(name)?.flag(flag, noWeakDefault) ?? undefined;
    if (!expand || typeof raw !== "string") return raw;
    const scope = this.#scope(label);
    const value = this.#expandIn(raw, scope);
    if (!noWeakDefault) this.#cache.set(label, { raw, expanded: value, value, removes: undefined, scope });
    return value;
  }

  /** All flags but internal ones; undefined when the variable has none. `expand`: true, or the flags to expand. */
  getVarFlags(
    name: string,
    options: { expand?: boolean | readonly string[]; internal?: boolean } = {},
  ): Map<string, Value> | undefined {
    const entries = this.#variables.find(name)?.flagEntries(options.internal ?? false) ?? [];
    if (entries.length === 0) return undefined;
    const { expand = false } = options;
    const flags = new Map<string, Value>();
    for (const [flag, value] of entries) {
      const isExpanded = typeof expand === "boolean" ? expand : expand.includes(flag);
      flags.set(
        flag,
        isExpanded && typeof value === "string" ? this.expand(value, `${name}[${flag}]`) : value,
      );
    }
    return flags;
  }

  /** Substitutes in a text. `name` is whose text it is: it may not refer to itself. */
  expand(text: string, name?: string): string {
    return text.includes("${") ? this.#expandIn(text, this.#scope(name)) : text;
  }

  /**
   * Expands `text` and tells what it read: `references` are variable names of `${…}`, `inline` the texts of `${@…}`
   * after substitution. For signatures. @see VariableParse in data_smart.py
   */
  expandWithReferences(
    text: string,
    name?: string,
  ): { value: string; references: Set<string>; inline: string[] } {
    const known = name === undefined ? undefined : this.#cache.get(name);
    if (known?.raw === text && known.scope !== undefined) {
      const { references, inline } = known.scope;
      return { value: known.expanded as string, references: new Set(references), inline: [...inline] };
    }
    const scope = this.#scope(name);
    const value = this.#expandIn(text, scope);
    return { value, references: new Set(scope.references), inline: scope.inline };
  }

  /**
   * Raw value of `name` after overrides, appends and prepends, unexpanded, and the texts of the `:remove`s that take
   * something away from it, sorted. For signatures.
   */
  rawWithRemoves(name: string): { value: Value | undefined; removes: string[] } {
    const reading = this.#cache.get(name) ?? this.#read(name, false);
    return { value: reading.raw, removes: [...(reading.removes ?? [])].sort(byText) };
  }

  /** Whether the variable has a value; one that only has flags has none. */
  has(name: string): boolean {
    return this.getVar(name, { expand: false }) !== undefined;
  }

  /** Whether `name` is among `keys`. */
  isKnown(name: string): boolean {
    return (
      this.#variables.find(name)?.isEmpty === false || this.#active().hasAnyOf(this.#index.get(name) ?? [])
    );
  }

  /** Whether some override variant of `name` is known, in force or not. */
  hasOverrides(name: string): boolean {
    return this.#index.get(name) !== undefined;
  }

  /** Every name with a value, a default, an operation or a flag, and bases that exist only through an active override. */
  keys(): Iterable<string> {
    const names = this.#variables.names();
    const active = this.#active();
    for (const [base, variants] of this.#index.entries()) {
      if (!names.has(base) && active.hasAnyOf(variants)) names.add(base);
    }
    return names;
  }

  /** The active overrides, weakest first. */
  overrides(): readonly string[] {
    return this.#active().list;
  }

  /** Where the content, or a flag, was assigned last, as far as a file is known. */
  placeOf(name: string, flag?: string): { file: string; line: number } | undefined {
    const span = this.spanOf(name, flag);
    return span && { file: span.source.path, line: span.source.place(span.start).line };
  }

  /** The words of the last assignment of the content (or of its weak default, where nothing else counts), or of a flag. */
  spanOf(name: string, flag?: string): Span | undefined {
    const variable = this.#variables.find(name);
    return flag === undefined ? variable?.place : variable?.flagPlaces?.get(flag);
  }

  /** The texts, with their statements, that the value of `name` may be put together from. For messages. */
  pieces(name: string): Piece[] {
    const names = [name, ...(this.#index.get(name) ?? []).map((variant) => variant.name)];
    return names.flatMap((one) => this.#variables.find(one)?.pieces ?? []);
  }

  /** What happened to `name`, and to its override variants; empty without `trackHistory`. */
  history(name: string): readonly HistoryEntry[] {
    return this.#history?.withVariants(name, this.#index.get(name) ?? []) ?? [];
  }

  /** Whose the writes without a place are in the history from now on; undefined: the engine's. */
  writtenBy(place: WriterPlace | undefined): void {
    if (this.#history) this.#history.writer = place;
  }

  /** Adds to the history of `name` what changed nothing, or was done in another way. */
  record(name: string, options: WriteOptions, value: Value, flag?: string): void {
    if (options.isRecorded !== true) this.#history?.record(name, options, value, flag);
  }

  // Writing

  /** @throws BuildError for a renamed variable and for a name in the old override syntax */
  setVar(name: string, value: Value, options: WriteOptions = {}): void {
    refuseName(name, this.#renames, options.at);
    if (name.includes(":")) {
      const split = splitDeferred(name);
      if (split) return this.#defer(split, value, options);
    }
    const variable = this.#writable(name);
    if (options.parsing !== true) this.#dropDeferred(name, variable);
    if (name.includes(":")) this.#index.add(name);
    variable.content = value;
    variable.at = options.at;
    this.record(name, options, value);
  }

  /** Deferred `:append`, as d.appendVar. */
  appendVar(name: string, value: string, options: WriteOptions = {}): void {
    this.record(name, { ...options, operation: "append" }, value);
    this.setVar(`${name}:append`, value, { ...options, parsing: true, isRecorded: true });
  }

  prependVar(name: string, value: string, options: WriteOptions = {}): void {
    this.record(name, { ...options, operation: "prepend" }, value);
    this.setVar(`${name}:prepend`, value, { ...options, parsing: true, isRecorded: true });
  }

  /** Removes value, flags and operations, and forgets the override variants. */
  delVar(name: string, options: WriteOptions = {}): void {
    this.#invalidate(name);
    this.record(name, { ...options, operation: "del", detail: "" }, "");
    this.#variables.replace(name, new Variable());
    this.#index.forget(name);
    if (name.includes(":")) this.#index.remove(name);
  }

  /** Moves value, operations and override variants; flags stay behind, as in BitBake. */
  renameVar(from: string, to: string, options: WriteOptions = {}): void {
    if (from === to) return;
    const source = this.#variables.find(from);
    const content = source?.content ?? source?.weak ?? undefined;
    const variants = this.#index.get(from);
    const lists = (source ? KEYWORDS : []).filter((keyword) => source!.list(keyword).length > 0);
    if (content === undefined && lists.length === 0 && variants === undefined) return;
    const at = source?.at ?? options.at;
    if (content !== undefined) {
      this.#history?.rename(from, to);
      const how = { operation: `rename from ${from}`, ...(at ? { at } : {}) };
      this.record(to, how, content);
      this.setVar(to, content, { ...how, parsing: true, isRecorded: true });
    }
    for (const keyword of lists) {
      const target = this.#writable(to);
      target.setList(keyword, [...target.list(keyword), ...source!.list(keyword)]);
    }
    if (variants !== undefined) this.#renameVariants(from, to, variants);
    if (to.includes(":") && content === undefined) this.#index.add(to);
    this.record(from, { operation: "rename (to)", detail: to, ...(at ? { at } : {}) }, to);
    this.delVar(from, { isRecorded: true });
  }

  setVarFlag(name: string, flag: string, value: Value, options: WriteOptions = {}): void {
    if (name === "BB_RENAMED_VARIABLES") {
      this.#renames = new Map([...this.#renames, [flag, pythonText(value)]]);
    } else if (this.#renames.has(name)) {
      throw new BuildError([renamedVariable(options.at, name, this.#renames.get(name)!)]);
    }
    this.record(name, options, value, flag);
    this.#writable(name).setFlag(flag, value, options.at);
    if (flag === "_defaultval" && name.includes(":")) this.#index.add(name);
    if (EXPORT_FLAGS.has(flag)) this.#noteExport(name);
  }

  /** Immediate, no separator. */
  appendVarFlag(name: string, flag: string, value: string, options: WriteOptions = {}): void {
    const before = this.getVarFlag(name, flag, { expand: false });
    const joined = before === undefined ? value : pythonText(before) + value;
    this.setVarFlag(name, flag, joined, { operation: "append", detail: value, ...options });
  }

  prependVarFlag(name: string, flag: string, value: string, options: WriteOptions = {}): void {
    const before = this.getVarFlag(name, flag, { expand: false });
    const joined = before === undefined ? value : value + pythonText(before);
    this.setVarFlag(name, flag, joined, { operation: "prepend", detail: value, ...options });
  }

  delVarFlag(name: string, flag: string, options: WriteOptions = {}): void {
    if (this.#variables.find(name) === undefined) return;
    if (this.#writable(name).deleteFlag(flag)) {
      this.record(name, { ...options, operation: "delFlag", detail: "" }, "", flag);
    }
  }

  /** Removes every flag and operation, keeps the value. */
  delVarFlags(name: string, options: WriteOptions = {}): void {
    const content = this.#variables.find(name)?.content;
    this.#invalidate(name);
    this.record(name, { ...options, operation: "delete flags", detail: "" }, "");
    const variable = new Variable();
    variable.content = content;
    this.#variables.replace(name, variable);
  }

  /** Renames every key that has `${…}` in its name. Returns warnings for values overwritten. */
  expandKeys(): Diagnostic[] {
    return expandKeys(this);
  }

  /** d.setVarFilter: a Python expression over `val`, applied to every expanded read; an empty one removes the filter. */
  setVarFilter(name: string, expression: string): void {
    const filters = new Map(this.#filters);
    if (expression === "") filters.delete(name);
    else filters.set(name, expression);
    this.#filters = filters;
    this.#dropCache();
  }

  // What reading is made of

  #assemble(name: string, noWeakDefault: boolean): Assembled {
    if (this.#overrides.isComputing) this.#overrides.addSource(name);
    const variable = this.#variables.find(name);
    const variants = this.#index.get(name);
    let value: Value | undefined;
    let carried: ReadonlySet<string> | undefined;
    if (variants !== undefined) {
      const match = this.#active().select(variants);
      if (match !== undefined) {
        const part = this.#assemble(match, false);
        value = part.value;
        const hasRemoves = part.carried !== undefined || (part.variable?.removes.length ?? 0) > 0;
        if (hasRemoves) carried = (this.#cache.get(match) ?? this.#read(match, false)).removes;
      }
    }
    if (variable !== undefined) {
      value ??= variable.content === undefined && !noWeakDefault ? variable.weak : variable.content;
      for (const one of variable.appends) {
        if (this.#applies(one)) value = textOrEmpty(value) + textOrEmpty(one.text);
      }
      for (const one of variable.prepends) {
        if (this.#applies(one)) value = textOrEmpty(one.text) + textOrEmpty(value);
      }
    }
    return { value: value ?? undefined, variable, carried };
  }

  #applies({ overrides }: Deferred): boolean {
    return overrides.length === 0 || this.#active().hasAll(overrides);
  }

  #read(name: string, noWeakDefault: boolean): Reading {
    const assembled = this.#assemble(name, noWeakDefault);
    const raw = assembled.value;
    let expanded = raw;
    let scope: ExpansionScope | undefined;
    if (typeof raw === "string" && raw.includes("${")) {
      scope = this.#scope(name);
      expanded = this.#expandIn(raw, scope);
    }
    let value = expanded;
    let removes: ReadonlySet<string> | undefined;
    if (typeof expanded === "string" && expanded !== "") {
      const texts = new Set(assembled.carried);
      for (const one of assembled.variable?.removes ?? []) {
        if (this.#applies(one)) texts.add(textOrEmpty(one.text));
      }
      if (texts.size > 0) ({ value, removes } = withoutWords(expanded, texts, (text) => this.expand(text)));
      const filter = this.#filters.size > 0 ? this.#filters.get(name.split(":", 1)[0]!) : undefined;
      if (filter !== undefined && value !== "") value = this.#filtered(name, value as string, filter);
    }
    const reading = { raw, expanded, value, removes, scope };
    if (!noWeakDefault) this.#cache.set(name, reading);
    return reading;
  }

  #filtered(name: string, value: string, expression: string): string {
    return this.#filterMemo.apply(value, expression, (code) => this.#scope(name).call(code));
  }

  #scope(label: string | undefined): ExpansionScope {
    return new ExpansionScope(label, this, this.#evaluate);
  }

  #expandIn(text: string, scope: ExpansionScope): string {
    return scope.expand(text, this.#expanding);
  }

  #active(): ActiveOverrides {
    return this.#overrides.active ?? this.#computeOverrides();
  }

  #computeOverrides(): ActiveOverrides {
    // A variable whose expansion asked for the overrides may be one that they are made of: that is no loop.
    const expanding = this.#expanding;
    this.#expanding = new Map();
    const tried: string[] = [];
    try {
      const found = this.#overrides.compute(() => {
        this.#dropCache();
        const text = this.getText("OVERRIDES") ?? "";
        tried.push(text);
        return text;
      });
      if (found !== undefined) return found;
      throw new BuildError([unstableOverrides(this.spanOf("OVERRIDES"), tried)]);
    } catch (error) {
      this.#dropCache();
      throw error;
    } finally {
      this.#expanding = expanding;
    }
  }

  // What writing is made of

  #dropCache(): void {
    if (this.#isCacheShared || this.#cache.size > 0) {
      this.#cache = new Map();
      this.#isCacheShared = false;
    }
  }

  #invalidate(name: string): void {
    this.#dropCache();
    this.#overrides.written(name);
  }

  /** The variable on this level, copied from below when it is not there yet. */
  #writable(name: string): Variable {
    this.#invalidate(name);
    return this.#variables.writable(name);
  }

  #defer({ base, keyword, overrides: condition }: DeferredName, value: Value, options: WriteOptions): void {
    const variable = this.#writable(base);
    variable.setList(keyword, [...variable.list(keyword), deferred(value, condition, options.at)]);
    if (base.includes(":")) this.#index.add(base);
    const operation = condition ? `${keyword}[${condition}]` : keyword;
    this.record(base, { ...options, operation, detail: textOrEmpty(value) }, value);
  }

  /** What makes a value set by Python exactly the value that is read. */
  #dropDeferred(name: string, variable: Variable): void {
    variable.dropLists();
    const variants = this.#index.get(name);
    if (variants === undefined) return;
    const active = this.#active();
    for (const { name: full, suffix } of variants) if (active.has(suffix)) this.delVar(full);
    this.#index.forget(name);
  }

  #renameVariants(from: string, to: string, variants: readonly Variant[]): void {
    this.#dropCache();
    const renamed = variants.map(({ name, suffix }) => ({ name: name.replaceAll(from, to), suffix }));
    this.#index.set(to, renamed);
    variants.forEach(({ name }, index) => this.renameVar(name, renamed[index]!.name));
  }

  /** `__exportlist`: the names that ever had an export or unexport flag. */
  #noteExport(name: string): void {
    const known = this.#variables.find("__exportlist")?.content;
    const names = known instanceof Set ? (known as ReadonlySet<string>) : new Set<string>();
    if (!names.has(name)) this.#writable("__exportlist").content = new Set([...names, name]);
  }
}

/** With their weak defaults. */
const EXPORT_FLAGS = new Set(["export", "unexport"].flatMap((flag) => [flag, `_defaultval_flag_${flag}`]));
const KEYWORDS: readonly Keyword[] = [":append", ":prepend", ":remove"];
