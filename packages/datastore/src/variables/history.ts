/** Who set what where, for `tsbake -e`; kept only when asked for. */

import type { WriteOptions } from "./options.js";
import type { Variant } from "./override-index.js";
import { pythonText, type Value } from "./value.js";

/** Where and how a value was set; kept when `trackHistory` is on (`tsbake -e`). */
export interface HistoryEntry {
  /** `set`, `set?`, `append`, `:append`, `override[arm]:set`, `del`, … as `bitbake -e` names them. */
  readonly operation: string;
  /** Empty for what the engine did itself, or took from the environment. */
  readonly file: string;
  readonly line: number;
  /** The Python function that did it. */
  readonly by?: string;
  readonly flag?: string;
  readonly detail: string;
}

/** Where Python code stands that writes. */
export interface WriterPlace {
  readonly file: string;
  readonly line: number;
  /** Its function. */
  readonly by: string;
}

/** A copy sees what its original had when it was made. */
export class History {
  readonly #entries: Map<string, readonly HistoryEntry[]>;
  /** Who writes what has no place of its own; undefined: the engine. */
  writer: WriterPlace | undefined;

  constructor(from?: History) {
    this.#entries = new Map(from ? from.#entries : []);
  }

  get(name: string): readonly HistoryEntry[] {
    return this.#entries.get(name) ?? [];
  }

  /** What happened to the variable, then what happened to each of its override variants. */
  withVariants(name: string, variants: readonly Variant[]): HistoryEntry[] {
    const entries = [...this.get(name)];
    for (const { name: full, suffix } of variants) {
      for (const entry of this.get(full)) {
        if (entry.flag !== undefined && !/^[_:]/.test(entry.flag)) continue;
        entries.push({ ...entry, operation: `override[${suffix}]:${entry.operation}` });
      }
    }
    return entries;
  }

  record(name: string, options: WriteOptions, value: Value, flag?: string): void {
    const { at, operation = "set", detail = pythonText(value) } = options;
    const place = at && { file: at.source.path, line: at.source.place(at.start).line };
    const where = place ?? this.writer ?? { file: "", line: 0 };
    const entry = { operation, ...where, ...(flag === undefined ? {} : { flag }), detail };
    this.#entries.set(name, [...this.get(name), entry]);
  }

  rename(from: string, to: string): void {
    const entries = this.#entries.get(from);
    if (entries !== undefined) this.#entries.set(to, [...this.get(to), ...entries]);
  }
}
