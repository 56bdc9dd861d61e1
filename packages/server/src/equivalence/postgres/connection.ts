/** Postgres to a PostgreSQL database, and transactions that one server at a time may be in. */
import type { Pool, PoolClient } from "pg";

/** What a query is asked with; every column of ours is text, and lists of them are arrays. */
export type SqlValue = string | number | null | readonly (string | null)[];

export interface SqlAnswer {
  readonly rows: readonly unknown[];
  /** Rows that were changed. */
  readonly changes: number;
}

export interface Sql {
  query(text: string, values?: readonly SqlValue[]): Promise<SqlAnswer>;
}

/** Any number of ours: whoever writes hash equivalences holds the lock of this number until the commit. */
const WRITERS = 0x7473_6261;
const TRIES = 5;
/** The database has taken another's side, or is just starting again: nothing was written. @see PostgreSQL, appendix A */
const PASSING = new Set([
  "40001",
  "40P01",
  "55P03",
  "57P01",
  "57P02",
  "57P03",
  "08000",
  "08003",
  "08006",
  "ECONNRESET",
]);

export class Postgres implements Sql {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  async query(text: string, values: readonly SqlValue[] = []): Promise<SqlAnswer> {
    return answerOf(await this.#pool.query(text, [...values]));
  }

  /**
   * One transaction, in which no other server writes. What is read in it is as the last one left it: the lock is taken by a
   * statement of its own, and the next one sees what was committed before.
   *
   * A transaction whose commit was not answered is done again: all of ours may be.
   */
  async alone<Result>(work: (sql: Sql) => Promise<Result>): Promise<Result> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#transaction(work);
      } catch (error) {
        if (tries === TRIES || !PASSING.has(codeOf(error))) throw error;
      }
    }
  }

  async #transaction<Result>(work: (sql: Sql) => Promise<Result>): Promise<Result> {
    const client = await this.#pool.connect();
    let isBroken = true;
    try {
      await client.query("BEGIN");
      await client.query("SELECT pg_advisory_xact_lock($1)", [WRITERS]);
      const result = await work(sqlOf(client));
      await client.query("COMMIT");
      isBroken = false;
      return result;
    } finally {
      // One in the middle of a transaction is not used again: closing it is its end.
      client.release(isBroken);
    }
  }

  close(): Promise<void> {
    return this.#pool.end();
  }
}

function sqlOf(client: PoolClient): Sql {
  return { query: async (text, values = []) => answerOf(await client.query(text, [...values])) };
}

function answerOf({
  rows,
  rowCount,
}: {
  readonly rows: unknown[];
  readonly rowCount: number | null;
}): SqlAnswer {
  return { rows, changes: rowCount ?? 0 };
}

function codeOf(error: unknown): string {
  const code: unknown =
    typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : "";
}
