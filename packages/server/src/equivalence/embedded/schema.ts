/**
 * The tables. Columns that people name in conditions are called as BitBake calls them.
 *
 * @see BitBake 2.19 lib/hashserv: what is kept; how is our own
 */
import type Database from "libsql";

/** Of `PRAGMA user_version`. 0: what was made before there were numbers, or nothing. */
const VERSION = 1;

/**
 * Hashes come first in what is sorted by them: the method is nearly always the same. Most tasks are called by their own hash, so those
 * are not in the index of unihashes: a page less to be written for each report.
 *
 * `journal` has what was reported and is in no other table yet: `outputs` and `unihashes` are lists of lists, as JSON.
 */
const TABLES = `
CREATE TABLE IF NOT EXISTS outputs (
  id INTEGER PRIMARY KEY,
  method TEXT NOT NULL, taskhash TEXT NOT NULL, outhash TEXT NOT NULL,
  created TEXT NOT NULL,
  owner TEXT, PN TEXT, PV TEXT, PR TEXT, task TEXT, outhash_siginfo TEXT,
  UNIQUE (method, taskhash, outhash)
);
CREATE INDEX IF NOT EXISTS outputs_by_outhash ON outputs (outhash, method);
CREATE TABLE IF NOT EXISTS unihashes (
  method TEXT NOT NULL, taskhash TEXT NOT NULL, unihash TEXT NOT NULL,
  gc_mark TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (taskhash, method)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS unihashes_of_others ON unihashes (unihash) WHERE unihash <> taskhash;
CREATE TABLE IF NOT EXISTS journal (
  id INTEGER PRIMARY KEY, created TEXT NOT NULL, outputs TEXT NOT NULL, unihashes TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS users (
  username TEXT PRIMARY KEY, token TEXT NOT NULL, permissions TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
`;

/** Files without a number have unihashes sorted by method, and the index of outputs by their age, too. */
const FROM_0 = `
ALTER TABLE unihashes RENAME TO old_unihashes;
DROP INDEX unihashes_by_unihash;
DROP INDEX outputs_by_hash;
${TABLES}
INSERT INTO unihashes (method, taskhash, unihash, gc_mark)
  SELECT method, taskhash, unihash, gc_mark FROM old_unihashes ORDER BY taskhash, method;
DROP TABLE old_unihashes;
`;

/** Makes the tables, or what an older release has made into them: all of it or nothing, whoever else opens the file. */
export function makeTables(sql: Database.Database): void {
  sql.exec("BEGIN IMMEDIATE");
  try {
    const [version] = sql.prepare("PRAGMA user_version").raw(true).get() as unknown[];
    if (version === 0) {
      const isOld = sql.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'unihashes_by_unihash'").get();
      sql.exec(isOld === undefined ? TABLES : FROM_0);
      sql.exec(`PRAGMA user_version = ${VERSION}`);
    } else if (version !== VERSION) throw new Error("a newer release has made it");
    sql.exec("COMMIT");
  } catch (error) {
    if (sql.inTransaction) sql.exec("ROLLBACK");
    throw error;
  }
}
