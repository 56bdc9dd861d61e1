/** The host's apt archive as a source of packages: solved, verified and downloaded without root and without touching the host. */

/** A package that can be installed: from the feed or written by us. */
export interface AvailablePackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  /** The index stanza (`Package: …` to the last field), one final newline; `Filename`, `Size`, `SHA256` hold what is above. */
  readonly stanza: string;
  /** Where the .deb is below its pool, e.g. `strace_6.1-0.1_amd64.deb`. */
  readonly file: string;
}

/** What a set of root packages needs, all of it; goes down to libc6, whatever the host has. */
export interface Closure {
  readonly roots: readonly string[];
  /** Sorted by name, then architecture. */
  readonly packages: readonly ClosurePackage[];
}

export interface ClosurePackage extends AvailablePackage {
  /** Where apt would fetch it. Not part of a signature: a mirror may differ. */
  readonly uri: string;
}

export interface FeedOptions {
  /** `${DL_DIR}/feed`: private apt state, lists, cached solutions. */
  readonly folder: string;
  /** deb822 or one-line sources instead of the host's. */
  readonly sources?: string;
  /** Debian architecture; default: the host's. */
  readonly architecture?: string;
  readonly onProgress?: (text: string) => void;
  readonly onWarning?: (text: string) => void;
}

export interface ClosureRequest {
  /** Package names, `name=version` or `name/release`. */
  readonly roots: readonly string[];
  /** Who asks, for the error message: recipe and variable. */
  readonly askedBy?: string;
  /** Default false. */
  readonly recommends?: boolean;
  /** Adds every `Essential: yes` package: what a root needs, and a sysroot does not. Default false. */
  readonly essential?: boolean;
}

export interface Feed {
  /** Whether lists are there at all. */
  hasLists(): Promise<boolean>;
  /** Fetches the lists. @throws BuildError `packaging/feed-unreachable` */
  update(): Promise<void>;
  /**
   * Solves each request (lists are fetched first when there are none); answers come from the disk when neither the lists nor the
   * request changed, and then apt is not started.
   * @throws BuildError `packaging/not-in-feed`, `packaging/unsolvable`, `packaging/feed-unreachable`
   */
  closures(requests: readonly ClosureRequest[]): Promise<Closure[]>;
}

export declare function openFeed(options: FeedOptions): Promise<Feed>;

/**
 * Brings every missing package of the closure into `pool`; each is verified by SHA-256 and appears whole or not at all.
 * Safe for two processes on one pool. @throws BuildError `packaging/superseded`, `packaging/download-failed`
 */
export declare function downloadClosure(
  closure: Closure,
  pool: string,
  options?: { readonly onProgress?: (text: string) => void; readonly signal?: AbortSignal },
): Promise<void>;

/** The file form of a closure: reproducible text, sorted; `uri` lines last, so that a signature can stop before them. */
export declare function writeClosure(closure: Closure): string;
/** @throws BuildError `packaging/bad-closure` */
export declare function readClosure(path: string): Promise<Closure>;
/** Joins closures. @throws BuildError `packaging/closures-disagree` when one name has two versions */
export declare function mergeClosures(closures: readonly Closure[]): Closure;
