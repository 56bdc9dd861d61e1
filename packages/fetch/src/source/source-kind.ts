/** What the fetcher has to know of a kind of source. A new one is a file with one of these, and a line in fetch.ts. */
import type { FetchOptions } from "../settings/options.js";
import type { SourceUri } from "./source-uri.js";

export interface SourceKind {
  /**
   * Brings it to this machine.
   *
   * @returns the local file or folder, or the bare clone in DL_DIR
   * @throws BuildError `fetch/…`
   */
  fetch(source: SourceUri, options: FetchOptions): Promise<string>;
  /**
   * Unpacks it below `into`. What lies in DL_DIR under its name may be another's: it is verified again.
   *
   * @throws BuildError `fetch/…`, `archive/…`
   */
  unpack(source: SourceUri, into: string, options: FetchOptions): Promise<void>;
  /** Deletes what `fetch` keeps of it in DL_DIR. @throws system errors */
  remove(source: SourceUri, options: Pick<FetchOptions, "dlDir" | "gitDir">): Promise<void>;
}
