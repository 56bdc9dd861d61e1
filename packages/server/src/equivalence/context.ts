/** What commands go by: the server's parts, and the client who asks. */
import type { Log } from "../log.js";
import type { Metrics } from "../metrics.js";
import type { Guesses, Tokens } from "../tokens/index.js";
import type { EquivalenceDatabase } from "./database.js";
import type { Permission } from "./permissions.js";
import type { Statistics } from "./statistics.js";

export interface EquivalenceContext {
  readonly database: EquivalenceDatabase;
  readonly tokens: Tokens;
  readonly guesses: Guesses;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly statistics: Statistics;
  /** Permissions of clients without a name. */
  readonly anonymous: readonly string[];
  readonly readOnly: boolean;
}

export interface HashUser {
  readonly username: string;
  readonly permissions: readonly string[];
}

/** The request cannot be done; the client is told why, and the connection ends, as BitBake's server has it. */
export class InvokeError extends Error {
  override readonly name = "InvokeError";
}

/** A client, as commands see it. */
export interface Client {
  readonly context: EquivalenceContext;
  readonly address: string;
  /** Undefined: nobody has logged in. */
  user: HashUser | undefined;
  /** @throws InvokeError unless the client may @param allowAnonymous whether the permissions of everybody count */
  demand(permissions: readonly Permission[], allowAnonymous?: boolean): void;
  may(permissions: readonly Permission[]): boolean;
}
