/**
 * The tables. Columns that people name in conditions are called as BitBake calls them.
 *
 * @see BitBake 2.19 lib/hashserv: what is kept; how is our own
 */
export const SCHEMA = `
CREATE TABLE IF NOT EXISTS outputs (
  id INTEGER PRIMARY KEY,
  method TEXT NOT NULL, taskhash TEXT NOT NULL, outhash TEXT NOT NULL,
  created TEXT NOT NULL,
  owner TEXT, PN TEXT, PV TEXT, PR TEXT, task TEXT, outhash_siginfo TEXT,
  UNIQUE (method, taskhash, outhash)
);
CREATE INDEX IF NOT EXISTS outputs_by_hash ON outputs (method, outhash, created);
CREATE TABLE IF NOT EXISTS unihashes (
  method TEXT NOT NULL, taskhash TEXT NOT NULL, unihash TEXT NOT NULL,
  gc_mark TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (method, taskhash)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS unihashes_by_unihash ON unihashes (unihash);
CREATE TABLE IF NOT EXISTS users (
  username TEXT PRIMARY KEY, token TEXT NOT NULL, permissions TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
`;
