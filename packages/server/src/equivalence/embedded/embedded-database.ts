/**
 * The embedded database: one file, write-ahead log, one writer at a time. Several servers of one machine may use it. A commit
 * that was answered survives a killed server; a power cut may take the last ones, and leaves the rest whole. Reports go into a
 * journal first; whatever asks for more than the unihash of a task puts them into the tables before it looks there.
 */
import Database from "libsql";
import { BuildError, messageOf } from "@tsbake/base";
import { unusableDatabase } from "../../problems.js";
import type { EquivalenceDatabase, OutputRow, ReportedOutput, HashKey } from "../database.js";
import { Journal } from "./journal.js";
import { Maintenance } from "./maintenance.js";
import { isPlainText } from "../messages.js";
import { outputOf } from "../rows.js";
import { makeTables } from "./schema.js";
import { Users } from "./users.js";

/** Another server on the same file is waited for so long. */
const BUSY_MS = 10_000;

/** Pages of 4 KiB in the log before they go into the file, which waits for the disk. */
const LOG_PAGES = 8000;
const CACHE_KIB = 64 << 10;
/** After so long without a report what was reported goes into the tables. */
const QUIET_MS = 250;

/** @param path made when it is not there @throws BuildError `server/unusable-database` */
export function openEmbeddedDatabase(path: string): EquivalenceDatabase {
  try {
    const sql = new Database(path, { timeout: BUSY_MS });
    sql.exec(
      `PRAGMA busy_timeout = ${BUSY_MS}; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
       PRAGMA wal_autocheckpoint = ${LOG_PAGES}; PRAGMA cache_size = -${CACHE_KIB}`,
    );
    makeTables(sql);
    return new EmbeddedDatabase(sql);
  } catch (error) {
    throw new BuildError([unusableDatabase(path, messageOf(error))], { cause: error });
  }
}

const WORTH_A_LIST = 8;

interface Waiting {
  readonly reports: readonly ReportedOutput[];
  readonly resolve: (unihashes: readonly string[]) => void;
  readonly reject: (error: unknown) => void;
}

/** What SQLite's JSON gives back as it was: a text ends at a NUL there. */
function isStorable(report: ReportedOutput): boolean {
  return Object.values(report).every((one: unknown) => typeof one !== "string" || isPlainText(one));
}

class EmbeddedDatabase implements EquivalenceDatabase {
  readonly #sql: Database.Database;
  readonly #users: Users;
  readonly #maintenance: Maintenance;
  readonly #unihash;
  readonly #unihashList;
  readonly #hasUnihash;
  readonly #insertUnihash;
  readonly #journal: Journal;
  #quiet: NodeJS.Timeout | undefined;
  /** Reports that came since the last commit: one commit for all of them. */
  #waiting: Waiting[] = [];

  constructor(sql: Database.Database) {
    this.#sql = sql;
    this.#users = new Users(sql);
    this.#maintenance = new Maintenance(sql);
    this.#journal = new Journal(sql);
    this.#unihash = sql
      .prepare("SELECT unihash FROM unihashes WHERE method = ? AND taskhash = ?")
      // A list is made in less time than an object, and this is asked more often than all else.
      .raw(true);
    // The left join keeps the order, and a line for each.
    this.#unihashList = sql
      .prepare(
        `SELECT group_concat(coalesce(u.unihash, ''), char(10)) FROM json_each(?) k
         LEFT JOIN unihashes u ON u.method = ? AND u.taskhash = k.value`,
      )
      .raw(true);
    // The index has those alone that are not the hash of their task.
    this.#hasUnihash = sql.prepare(
      `SELECT 1 AS found FROM unihashes WHERE unihash = ?1 AND unihash <> taskhash
       UNION ALL SELECT 1 FROM unihashes WHERE taskhash = ?1 AND unihash = ?1 LIMIT 1`,
    );
    this.#insertUnihash = sql.prepare(
      `INSERT INTO unihashes (method, taskhash, unihash, gc_mark)
       VALUES (?, ?, ?, coalesce((SELECT value FROM settings WHERE name = 'gc-mark'), ''))
       ON CONFLICT DO NOTHING`,
    );
  }

  unihashes(keys: readonly HashKey[]): Promise<readonly (string | undefined)[]> {
    this.#catchUp();
    const [first] = keys;
    // One question of SQL for all of them costs a tenth of one for each; clients ask for one method at a time.
    const isList =
      keys.length >= WORTH_A_LIST &&
      keys.every(({ method, taskhash }) => method === first!.method && isPlainText(taskhash));
    return Promise.resolve(isList ? this.#listed(keys) : keys.map((key) => this.#unihashOf(key)));
  }

  #listed(keys: readonly HashKey[]): readonly (string | undefined)[] {
    const hashes = JSON.stringify(keys.map(({ taskhash }) => taskhash));
    const row = this.#unihashList.get(hashes, keys[0]!.method);
    const text: unknown = Array.isArray(row) ? row[0] : undefined;
    const unihashes = typeof text === "string" ? text.split("\n") : [];
    // A unihash with a line feed in it is not one that this server takes, but the file may be another's.
    if (unihashes.length !== keys.length) return keys.map((key) => this.#unihashOf(key));
    return unihashes.map((one, at) => (one === "" ? this.#journal.unihashOf(keys[at]!) : one));
  }

  #unihashOf(key: HashKey): string | undefined {
    const row = this.#unihash.get(key.method, key.taskhash);
    const unihash: unknown = Array.isArray(row) ? row[0] : undefined;
    return typeof unihash === "string" ? unihash : this.#journal.unihashOf(key);
  }

  hasUnihashes(unihashes: readonly string[]): Promise<readonly boolean[]> {
    this.#catchUp();
    return Promise.resolve(
      unihashes.map((one) => this.#journal.has(one) || this.#hasUnihash.get(one) !== undefined),
    );
  }

  async report(reports: readonly ReportedOutput[]): Promise<readonly string[]> {
    if (!reports.every(isStorable)) throw new Error("a report has a text with a NUL, or that is not Unicode");
    return new Promise((resolve, reject) => this.#enqueue({ reports, resolve, reject }));
  }

  #enqueue(waiting: Waiting): void {
    this.#waiting.push(waiting);
    if (this.#waiting.length === 1) setImmediate(() => this.#commit());
  }

  #commit(): void {
    const batch = this.#waiting;
    this.#waiting = [];
    try {
      const all = batch.flatMap(({ reports }) => reports);
      const unihashes = this.#transaction(() => this.#journal.take(all));
      let at = 0;
      for (const { reports, resolve } of batch) resolve(unihashes.slice(at, (at += reports.length)));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
    this.#quiet ??= setTimeout(() => this.#rest(), QUIET_MS).unref();
    this.#quiet.refresh();
  }

  #rest(): void {
    this.#quiet = undefined;
    try {
      this.#apply();
    } catch {
      // Nothing is lost: it stays in the journal, and whoever comes next does it, or is told why that cannot be.
    }
  }

  /** Before tables are looked at that must have all. */
  #apply(): void {
    if (!this.#journal.isEmpty) this.#transaction(() => this.#journal.apply());
  }

  /** What another process has written down and not put into the tables yet is put there. */
  #catchUp(): void {
    if (!this.#journal.lookAround()) this.#apply();
  }

  /** Work on tables that have all, in one transaction. */
  #onTables<Result>(work: () => Result): Result {
    return this.#transaction(() => {
      this.#journal.apply();
      return work();
    });
  }

  #transaction<Result>(work: () => Result): Result {
    this.#sql.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.#sql.exec("COMMIT");
      return result;
    } catch (error) {
      this.#journal.forget();
      if (this.#sql.inTransaction) this.#sql.exec("ROLLBACK");
      throw error;
    }
  }

  relate(key: HashKey, unihash: string): Promise<string> {
    this.#onTables(() => this.#insertUnihash.run(key.method, key.taskhash, unihash));
    return Promise.resolve(this.#unihashOf(key) ?? unihash);
  }

  outputOfTask({ method, taskhash }: HashKey): Promise<OutputRow | undefined> {
    this.#apply();
    const row = this.#sql
      .prepare(
        `SELECT o.*, u.unihash AS unihash FROM outputs o JOIN unihashes u USING (method, taskhash)
         WHERE o.method = ? AND o.taskhash = ? ORDER BY o.id LIMIT 1`,
      )
      .get(method, taskhash);
    return Promise.resolve(outputOf(row));
  }

  outputOfHash(method: string, outhash: string, withUnihash: boolean): Promise<OutputRow | undefined> {
    this.#apply();
    const join = withUnihash ? "JOIN unihashes u USING (method, taskhash)" : "";
    const row = this.#sql
      .prepare(
        `SELECT o.*${withUnihash ? ", u.unihash AS unihash" : ""} FROM outputs o ${join}
         WHERE o.method = ? AND o.outhash = ? ORDER BY o.id LIMIT 1`,
      )
      .get(method, outhash);
    return Promise.resolve(outputOf(row));
  }

  remove: EquivalenceDatabase["remove"] = (condition) =>
    Promise.resolve(this.#onTables(() => this.#maintenance.remove(condition)));
  mark: EquivalenceDatabase["mark"] = (mark, condition) =>
    Promise.resolve(this.#onTables(() => this.#maintenance.mark(mark, condition)));
  sweep: EquivalenceDatabase["sweep"] = (mark) =>
    Promise.resolve(this.#onTables(() => this.#maintenance.sweep(mark)));
  collection: EquivalenceDatabase["collection"] = () => {
    this.#apply();
    return Promise.resolve(this.#maintenance.collection());
  };
  removeUnused: EquivalenceDatabase["removeUnused"] = (olderThanMs) =>
    Promise.resolve(this.#onTables(() => this.#maintenance.removeUnused(olderThanMs)));
  usage: EquivalenceDatabase["usage"] = () => {
    this.#apply();
    return Promise.resolve(this.#maintenance.usage());
  };

  users: EquivalenceDatabase["users"] = () => Promise.resolve(this.#users.all());
  user: EquivalenceDatabase["user"] = (username) => Promise.resolve(this.#users.find(username));
  addUser: EquivalenceDatabase["addUser"] = (user) => Promise.resolve(this.#users.add(user));
  changeUser: EquivalenceDatabase["changeUser"] = (username, change) =>
    Promise.resolve(this.#users.change(username, change));
  removeUser: EquivalenceDatabase["removeUser"] = (username) => Promise.resolve(this.#users.remove(username));

  async close(): Promise<void> {
    // What came last is committed before it is closed.
    if (this.#waiting.length > 0) this.#commit();
    await Promise.resolve();
    clearTimeout(this.#quiet);
    this.#rest();
    this.#sql.close();
  }
}
