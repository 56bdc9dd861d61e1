/** What a recipe and its configuration say about fetching. */

export interface FetchOptions {
  /** FILESPATH: folders that `file://` is looked for in, the first that has it wins. */
  readonly filespath: readonly string[];
  /** DL_DIR: what has been downloaded, for all recipes. */
  readonly dlDir: string;
  /** SHA-256 by the entry's `name` parameter (`default` without one): the flags `name.sha256sum` of SRC_URI. */
  readonly sums: Readonly<Record<string, string>>;
  /** SRCREV by the entry's `name` parameter. */
  readonly revisions?: Readonly<Record<string, string>>;
  /** Asked before the place that the entry names. */
  readonly premirrors?: string;
  /** Asked when that has failed. */
  readonly mirrors?: string;
  /** false: BB_NO_NETWORK is set; `file://` mirrors are used all the same. Default: true. */
  readonly network?: boolean;
  /** BB_GIT_DEFAULT_DESTSUFFIX; default: `git`. */
  readonly gitDestsuffix?: string;
  /** How far the download of `what` is, 0 to 100. */
  readonly onProgress?: (what: string, percent: number) => void;
  readonly onWarning?: (message: string) => void;
  /** Silence after which a server is taken for dead. Default: 60,000. */
  readonly timeoutMs?: number;
}
