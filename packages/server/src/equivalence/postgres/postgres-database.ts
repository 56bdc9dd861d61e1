/**
 * A PostgreSQL database, for several servers at once. A commit that was answered is on the disk of the database
 * (`synchronous_commit`, unless its owner has turned that off).
 */
import { BuildError, messageOf, redact } from "@tsbake/base";
import { unusableDatabase } from "../../problems.js";
import type { EquivalenceDatabase, HashKey, OutputRow, ReportedOutput, UserRow } from "../database.js";
import { outputOf, textOf, userOf } from "../rows.js";
import { Postgres } from "./connection.js";
import {
  collectionOf,
  markLines,
  removeLines,
  removeUnusedLines,
  sweepLines,
  usageOf,
} from "./maintenance.js";
import { insertUnihashes, takeReports } from "./reports.js";
import { SCHEMA } from "./schema.js";

const MOST_CONNECTIONS = 8;
const CONNECT_MS = 10_000;
/** A question that takes longer is given up; so is waiting for another writer. */
const LONGEST_QUERY_MS = 30_000;
/** Reports in one transaction: others wait as long as it takes. */
const MOST_TOGETHER = 500;

/**
 * @param url `postgres://…`; what it does not say, the environment does (PGUSER, PGPASSWORD, …)
 * @param onTrouble told when a connection that nobody uses breaks
 * @throws BuildError `server/unusable-database`
 */
export async function openPostgresDatabase(
  url: string,
  onTrouble: (reason: string) => void,
): Promise<EquivalenceDatabase> {
  try {
    // Who has the embedded database does not load it.
    const { default: pg } = await import("pg");
    const pool = new pg.Pool({
      connectionString: url,
      max: MOST_CONNECTIONS,
      connectionTimeoutMillis: CONNECT_MS,
      statement_timeout: LONGEST_QUERY_MS,
      application_name: "tsbake-sstate-server",
    });
    pool.on("error", (error) => onTrouble(messageOf(error)));
    const connections = new Postgres(pool);
    try {
      await connections.alone((sql) => sql.query(SCHEMA));
    } catch (error) {
      await connections.close();
      throw error;
    }
    return new PostgresDatabase(connections);
  } catch (error) {
    throw new BuildError([unusableDatabase(redact(url), messageOf(error))], { cause: error });
  }
}

interface Waiting {
  readonly reports: readonly ReportedOutput[];
  readonly resolve: (unihashes: readonly string[]) => void;
  readonly reject: (error: unknown) => void;
}

class PostgresDatabase implements EquivalenceDatabase {
  readonly #sql: Postgres;
  /** Reports that came while others were being committed: one transaction for all of them. */
  #waiting: Waiting[] = [];
  #committing: Promise<void> | undefined;

  constructor(sql: Postgres) {
    this.#sql = sql;
  }

  async unihashes(keys: readonly HashKey[]): Promise<readonly (string | undefined)[]> {
    const { rows } = await this.#sql.query(
      `SELECT u.unihash FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS asked (method, taskhash, place)
       LEFT JOIN unihashes u USING (method, taskhash) ORDER BY place`,
      [keys.map(({ method }) => method), keys.map(({ taskhash }) => taskhash)],
    );
    return rows.map((row) => textOf(row, "unihash"));
  }

  async hasUnihashes(unihashes: readonly string[]): Promise<readonly boolean[]> {
    const { rows } = await this.#sql.query(
      `SELECT CASE WHEN EXISTS (SELECT 1 FROM unihashes u WHERE u.unihash = asked.unihash) THEN 'yes' END AS there
       FROM unnest($1::text[]) WITH ORDINALITY AS asked (unihash, place) ORDER BY place`,
      [unihashes],
    );
    return rows.map((row) => textOf(row, "there") !== undefined);
  }

  report(reports: readonly ReportedOutput[]): Promise<readonly string[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ reports, resolve, reject });
      this.#committing ??= this.#commitAll();
    });
  }

  async #commitAll(): Promise<void> {
    // What else comes in this turn goes along.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch: Waiting[] = [];
      for (let count = 0; this.#waiting.length > 0 && count < MOST_TOGETHER;) {
        const one = this.#waiting.shift()!;
        batch.push(one);
        count += one.reports.length;
      }
      await this.#commit(batch);
    }
    this.#committing = undefined;
  }

  async #commit(batch: readonly Waiting[]): Promise<void> {
    try {
      const all = batch.flatMap(({ reports }) => reports);
      const unihashes = await this.#sql.alone((sql) => takeReports(sql, all));
      let at = 0;
      for (const { reports, resolve } of batch) resolve(unihashes.slice(at, (at += reports.length)));
    } catch (error) {
      // What the database refuses of one client (a NUL in a text, say) is no matter of the others.
      if (batch.length > 1) for (const one of batch) await this.#commit([one]);
      else for (const { reject } of batch) reject(error);
    }
  }

  async relate(key: HashKey, unihash: string): Promise<string> {
    await this.#sql.alone((sql) => insertUnihashes(sql, [{ ...key, unihash }]));
    return (await this.unihashes([key]))[0] ?? unihash;
  }

  async outputOfTask({ method, taskhash }: HashKey): Promise<OutputRow | undefined> {
    const { rows } = await this.#sql.query(
      `SELECT o.*, u.unihash AS unihash FROM outputs o JOIN unihashes u USING (method, taskhash)
       WHERE o.method = $1 AND o.taskhash = $2 ORDER BY o.id LIMIT 1`,
      [method, taskhash],
    );
    return outputOf(rows[0]);
  }

  async outputOfHash(method: string, outhash: string, withUnihash: boolean): Promise<OutputRow | undefined> {
    const { rows } = await this.#sql.query(
      `SELECT o.*${withUnihash ? ", u.unihash AS unihash" : ""} FROM outputs o
       ${withUnihash ? "JOIN unihashes u USING (method, taskhash)" : ""}
       WHERE o.method = $1 AND o.outhash = $2 ORDER BY o.id LIMIT 1`,
      [method, outhash],
    );
    return outputOf(rows[0]);
  }

  remove: EquivalenceDatabase["remove"] = (condition) =>
    this.#sql.alone((sql) => removeLines(sql, condition));
  mark: EquivalenceDatabase["mark"] = (mark, condition) =>
    this.#sql.alone((sql) => markLines(sql, mark, condition));
  sweep: EquivalenceDatabase["sweep"] = (mark) => this.#sql.alone((sql) => sweepLines(sql, mark));
  collection: EquivalenceDatabase["collection"] = () => collectionOf(this.#sql);
  removeUnused: EquivalenceDatabase["removeUnused"] = (olderThanMs) =>
    this.#sql.alone((sql) => removeUnusedLines(sql, olderThanMs));
  usage: EquivalenceDatabase["usage"] = () => usageOf(this.#sql);

  async users(): Promise<readonly UserRow[]> {
    return (await this.#sql.query("SELECT * FROM users")).rows
      .map(userOf)
      .sort((left, right) => (left.username < right.username ? -1 : 1));
  }

  async user(username: string): Promise<UserRow | undefined> {
    const [row] = (await this.#sql.query("SELECT * FROM users WHERE username = $1", [username])).rows;
    return row === undefined ? undefined : userOf(row);
  }

  async addUser({ username, permissions, token }: UserRow): Promise<boolean> {
    const insert =
      "INSERT INTO users (username, token, permissions) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    return (await this.#sql.query(insert, [username, token, permissions.join(" ")])).changes > 0;
  }

  changeUser: EquivalenceDatabase["changeUser"] = async (username, { permissions, token }) => {
    const update =
      "UPDATE users SET token = coalesce($1, token), permissions = coalesce($2, permissions) WHERE username = $3";
    const values = [token ?? null, permissions?.join(" ") ?? null, username];
    return (await this.#sql.query(update, values)).changes > 0;
  };

  async removeUser(username: string): Promise<boolean> {
    return (await this.#sql.query("DELETE FROM users WHERE username = $1", [username])).changes > 0;
  }

  async close(): Promise<void> {
    // What was told before the end is committed.
    await this.#committing;
    await this.#sql.close();
  }
}
