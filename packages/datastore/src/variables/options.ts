/** How to read and write a datastore. */
import type { Span } from "@tsbake/base";

export interface GetOptions {
  /** Default true. */
  readonly expand?: boolean;
  /** Read without `??=` defaults. Default false. */
  readonly noWeakDefault?: boolean;
  /** Raw content: no overrides, appends, prepends, removes. Default false. */
  readonly parsing?: boolean;
}

export interface WriteOptions {
  /** True while statements are evaluated: pending appends and override variants stay. Default false (Python's setVar). */
  readonly parsing?: boolean;
  readonly operation?: string;
  /** What the history shows as written; default: the value. */
  readonly detail?: string;
  readonly at?: Span;
  /** The caller has put it into the history, under its own name. */
  readonly isRecorded?: boolean;
}
