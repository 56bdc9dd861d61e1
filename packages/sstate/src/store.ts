/** The seam: what every place that holds artifacts can do. */
import type { ObjectName } from "./names.js";

/** A place that holds artifacts. An object is never replaced by other bytes; it appears whole or not at all. */
export interface Store {
  /** Which of these are there; one batch, so that a mirror can ask in parallel. */
  find(names: readonly ObjectName[]): Promise<Set<ObjectName>>;
  /**
   * A local, verified file of the object (fetched first when it is remote), or undefined when it is not there.
   * A damaged object is moved away, reported through `onWarning`, and undefined is returned.
   * Its description, if it has one, stands beside it in `<file>.siginfo`.
   */
  get(name: ObjectName): Promise<string | undefined>;
  /**
   * Takes over the finished file at `path` (same file system not required): afterwards it is gone from there.
   *
   * @param description kept beside the object, as `.siginfo`: what went into its signature
   * @throws BuildError `sstate/unusable-store`
   */
  put(name: ObjectName, path: string, description: string): Promise<void>;
  /**
   * Keeps the description of a task that has no artifact, as `.siginfo` alone: a later comparison of signatures can
   * follow it.
   *
   * @throws BuildError `sstate/unusable-store`
   */
  describe(name: ObjectName, description: string): Promise<void>;
}

export interface StoreOptions {
  readonly onWarning: (message: string) => void;
  /** Where a mirror's downloads are made, and found again by the next run; default: a temporary folder of this process. */
  readonly downloads?: string;
  /** Silence after which a mirror is taken for dead. Default: 30,000. */
  readonly timeoutMs?: number;
}
