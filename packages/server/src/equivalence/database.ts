/**
 * The seam between the protocol of hash equivalence and what keeps it: an embedded database today. What is asked for together is
 * answered together, so that a database at the other end of a line costs one journey for many questions.
 */

/** Names one task of one way to hash outputs. */
export interface HashKey {
  /** SSTATE_HASHEQUIV_METHOD. */
  readonly method: string;
  readonly taskhash: string;
}

/** What a task made. The last ones are for people. */
export interface OutputFacts {
  readonly owner?: string | undefined;
  readonly PN?: string | undefined;
  readonly PV?: string | undefined;
  readonly PR?: string | undefined;
  readonly task?: string | undefined;
  readonly outhash_siginfo?: string | undefined;
}

export interface ReportedOutput extends HashKey, OutputFacts {
  readonly outhash: string;
  /** What the task is called by if nobody has had this output before. */
  readonly unihash: string;
}

/** A line of the outputs, with the unihash of its task where that was asked for. */
export interface OutputRow extends HashKey, OutputFacts {
  readonly outhash: string;
  /** ISO 8601. */
  readonly created: string;
  readonly unihash?: string;
}

export interface UserRow {
  readonly username: string;
  /** `@read`, …; sorted. */
  readonly permissions: readonly string[];
  /** `sha256:SALT:DIGEST`. */
  readonly token: string;
}

/** Values that columns must have; others are not looked at. */
export type Condition = Readonly<Record<string, string>>;

export interface EquivalenceDatabase {
  /** In the order of the keys. */
  unihashes(keys: readonly HashKey[]): Promise<readonly (string | undefined)[]>;
  hasUnihashes(unihashes: readonly string[]): Promise<readonly boolean[]>;
  /**
   * Takes down outputs. A task hash that has a unihash keeps it; one without gets that of the oldest other task hash with this
   * output, else the proposed one. Each report is one transaction: of two that come at once the second sees the first.
   *
   * @returns the unihash of each from now on
   */
  report(reports: readonly ReportedOutput[]): Promise<readonly string[]>;
  /** Says that a task hash has a unihash, unless it has one. @returns the one that it has */
  relate(key: HashKey, unihash: string): Promise<string>;
  /** The oldest output of the task hash, with its unihash. */
  outputOfTask(key: HashKey): Promise<OutputRow | undefined>;
  /** The oldest line with this output; where a unihash is wanted, the oldest whose task has one. */
  outputOfHash(method: string, outhash: string, withUnihash: boolean): Promise<OutputRow | undefined>;

  /** @returns how many lines went, of outputs and of unihashes */
  remove(condition: Condition): Promise<number>;
  /** Begins to collect with this mark, or goes on, and marks what fits the condition. What comes later is marked, too. */
  mark(mark: string, condition: Condition): Promise<number>;
  /** Ends the collection: unihashes without its mark go. @returns undefined where another mark is being collected, or none */
  sweep(mark: string): Promise<number | undefined>;
  collection(): Promise<{
    readonly keep: number;
    readonly remove: number;
    readonly mark: string | undefined;
  }>;
  /** Removes outputs older than that (ms since 1970) whose task hash has no unihash. */
  removeUnused(olderThanMs: number): Promise<number>;

  users(): Promise<readonly UserRow[]>;
  user(username: string): Promise<UserRow | undefined>;
  /** @returns false when there is one already */
  addUser(user: UserRow): Promise<boolean>;
  /** @returns false when there is none */
  changeUser(username: string, change: Partial<Pick<UserRow, "permissions" | "token">>): Promise<boolean>;
  removeUser(username: string): Promise<boolean>;

  /** Lines of each table. */
  usage(): Promise<Readonly<Record<string, { readonly rows: number }>>>;
  close(): Promise<void>;
}

/** What a condition of `remove` may name; of `mark`, those of `UNIHASH_COLUMNS` alone. */
export const UNIHASH_COLUMNS = ["method", "taskhash", "unihash", "gc_mark"] as const;
export const OUTPUT_COLUMNS = [
  "method",
  "taskhash",
  "outhash",
  "owner",
  "PN",
  "PV",
  "PR",
  "task",
  "outhash_siginfo",
] as const;
