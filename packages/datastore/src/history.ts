/** Who set what where, for `tsbake -e`; kept only when asked for. */

/** Where and how a value was set; kept when `trackHistory` is on (`tsbake -e`). */
export interface HistoryEntry {
  /** `set`, `set?`, `append`, `:append`, `override[arm]:set`, `del`, … as `bitbake -e` names them. */
  readonly operation: string;
  readonly file: string;
  readonly line: number;
  readonly flag?: string;
  readonly detail: string;
}

/** A copy sees what its original had when it was made. */
export class History {
  readonly #entries: Map<string, readonly HistoryEntry[]>;

  constructor(from?: History) {
    this.#entries = new Map(from ? from.#entries : []);
  }

  get(name: string): readonly HistoryEntry[] {
    return this.#entries.get(name) ?? [];
  }

  record(name: string, entry: HistoryEntry): void {
    this.#entries.set(name, [...this.get(name), entry]);
  }

  rename(from: string, to: string): void {
    const entries = this.#entries.get(from);
    if (entries !== undefined) this.#entries.set(to, [...this.get(to), ...entries]);
  }
}
