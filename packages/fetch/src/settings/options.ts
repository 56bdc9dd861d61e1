/** What a recipe and its configuration say about fetching. */

export interface FetchOptions {
  /** FILESPATH: folders that `file://` is looked for in, the first that has it wins. */
  readonly filespath: readonly string[];
  /** DL_DIR: what has been downloaded, for all recipes. */
  readonly dlDir: string;
  /** Checksums by the names of SRC_URI's flags (`sha256sum`, `name.md5sum`); an entry's name alone means its SHA-256. */
  readonly sums: Readonly<Record<string, string>>;
  /** SRCREV by the entry's `name` parameter. */
  readonly revisions?: Readonly<Record<string, string>>;
  /** Asked before the place that the entry names. */
  readonly premirrors?: string;
  /** Asked when that has failed. */
  readonly mirrors?: string;
  /** false: BB_NO_NETWORK is set; `file://` mirrors are used all the same. Default: true. */
  readonly network?: boolean;
  /** BB_FETCH_PREMIRRORONLY: only PREMIRRORS may be asked over the network. */
  readonly premirrorOnly?: boolean;
  /** BB_ALLOWED_NETWORKS: hosts that may be asked, `*.` in front for those below too. Default: all. */
  readonly allowedNetworks?: readonly string[];
  /** BB_STRICT_CHECKSUM: what a download without a checksum is. Default: an error. */
  readonly withoutChecksum?: "error" | "warning" | "fine";
  /** BB_GIT_DEFAULT_DESTSUFFIX; default: `git`. */
  readonly gitDestsuffix?: string;
  /** GITDIR: bare clones; default: `DL_DIR/git2`. */
  readonly gitDir?: string;
  /** false: BB_GIT_NOSHARED is set; checkouts have objects of their own. Default: true. */
  readonly gitShared?: boolean;
  /** BB_GENERATE_MIRROR_TARBALLS: an archive of each clone is kept in DL_DIR, for mirrors. */
  readonly mirrorTarballs?: boolean;
  /** BB_GIT_SHALLOW: an archive without history stands in for a clone that is not there. */
  readonly gitShallow?: boolean;
  /** BB_GIT_SHALLOW_DEPTH: commits that are kept, 0 for all; by the entry's name, "" for the others. Default: 1. */
  readonly shallowDepths?: Readonly<Record<string, number>>;
  /** BB_GIT_SHALLOW_REVS: commits that are left out with all before them; likewise. */
  readonly shallowExcludes?: Readonly<Record<string, readonly string[]>>;
  /** BB_GIT_SHALLOW_EXTRA_REFS: references that are kept besides; patterns with `*`. */
  readonly shallowRefs?: readonly string[];
  /** BB_GENERATE_SHALLOW_TARBALLS: the archive is made even where there is a clone. Default: as `mirrorTarballs`. */
  readonly shallowTarballs?: boolean;
  /** How far the download of `what` is, 0 to 100. */
  readonly onProgress?: (what: string, percent: number) => void;
  readonly onWarning?: (message: string) => void;
  /** Silence after which a server is taken for dead. Default: 60,000. */
  readonly timeoutMs?: number;
  /** TSBAKE_HTTP_MIN_RATE: least bytes a second of a download; what is slower is given up. Default: 100; 0: no limit. */
  readonly minRate?: number;
  /** TSBAKE_HTTP_MAX_SIZE: a longer download is given up. Default: none is too long. */
  readonly maxBytes?: number;
  /** TSBAKE_HTTP_MAX_TIME, in ms: a download that takes longer is given up, and gone on with the next time. Default: no limit. */
  readonly maxMs?: number;
}
