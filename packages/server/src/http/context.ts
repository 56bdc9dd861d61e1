/** What every handler of a request goes by. Shapes only. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Pruned, PruneOptions } from "@tsbake/sstate";
import type { Log } from "../log.js";
import type { Metrics } from "../metrics.js";
import type { ObjectStorage } from "../storage/index.js";
import type { Guesses, Tokens } from "../tokens/index.js";
import type { Usage } from "../usage.js";

export interface HttpLimits {
  /** Of one object. */
  readonly maxObjectBytes: number;
  /** Silence on the line of an upload, and the stretch in which it must make its least rate. */
  readonly idleMs: number;
  /** Least bytes a second of an upload. */
  readonly minRate: number;
}

export interface HttpContext {
  readonly storage: ObjectStorage;
  readonly tokens: Tokens;
  readonly guesses: Guesses;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly usage: Usage;
  readonly limits: HttpLimits;
  readonly prune: (options: PruneOptions) => Promise<Pruned>;
  /** Nothing is taken and nothing deleted, whoever asks. */
  readonly readOnly: boolean;
  /** Reading takes a token, too. */
  readonly isPrivate: boolean;
}

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Of the client, for logs. */
  readonly address: string;
}
