/** The seam: what every place that holds artifacts can do. */
import type { ArtifactSigner } from "./gpg.js";
import type { ObjectName } from "./names.js";

/** A place that holds artifacts. An object is never replaced by other bytes; it appears whole or not at all. */
export interface Store {
  /** Which of these are there; one batch, so that a mirror can ask in parallel. */
  find(names: readonly ObjectName[]): Promise<Set<ObjectName>>;
  /**
   * A local, verified file of the object (fetched first when it is remote), or undefined when it is not there.
   * A damaged object is moved away, reported through `onWarning`, and undefined is returned.
   * Its description, if it has one, stands beside it in `<file>.siginfo`; its signature, where they count, in `<file>.sig`.
   */
  get(name: ObjectName): Promise<string | undefined>;
  /**
   * Takes over the finished file at `path` (same file system not required): afterwards it is gone from there.
   *
   * @param description kept beside the object, as `.siginfo`: what went into its signature
   * @param signature a file with one that is known to be good; default: the store signs when it can
   * @throws BuildError `sstate/unusable-store`, `sstate/cannot-sign`
   */
  put(name: ObjectName, path: string, description: string, signature?: string): Promise<void>;
  /**
   * The object's bytes are right, and what they hold is not what its task makes: the one that `get` has given last is not
   * given again. Another place may have a good one; else it gives way to the one that the task makes now.
   */
  reject(name: ObjectName): Promise<void>;
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
  /** What is not signed by someone whom it trusts is not used; default: signatures are not looked at, and none are made. */
  readonly signer?: ArtifactSigner;
  /** Where a mirror's downloads are made, and found again by the next run; default: a temporary folder of this process. */
  readonly downloads?: string;
  /** Silence after which a mirror is taken for dead. Default: 30,000. */
  readonly timeoutMs?: number;
  /** TSBAKE_HTTP_MIN_RATE: least bytes a second of a mirror; what is slower is given up. Default: 100; 0: no limit. */
  readonly minRate?: number;
  /** TSBAKE_HTTP_MAX_SIZE: what is longer is given up. Default: 64 GiB. */
  readonly maxBytes?: number;
  /** TSBAKE_HTTP_MAX_TIME, in ms: what takes longer is given up, and gone on with in the next build. Default: an hour; Infinity: no limit. */
  readonly maxMs?: number;
  /** Ends what is being fetched from a mirror. */
  readonly signal?: AbortSignal;
  /** Pause before a mirror that is busy or has lost the line is asked again; default: 500, then four times as long. */
  readonly retryPauseMs?: number;
  /** Told when that happens: nothing is wrong yet, but it takes time. */
  readonly onNote?: (message: string) => void;
}
