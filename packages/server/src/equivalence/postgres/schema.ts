/**
 * The tables, as those of the embedded database. `id` says which output came first: reports are one after the other, whichever
 * server takes them, so no clock of theirs counts.
 */
export const SCHEMA = `
CREATE TABLE IF NOT EXISTS outputs (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  method TEXT NOT NULL, taskhash TEXT NOT NULL, outhash TEXT NOT NULL,
  created TEXT NOT NULL,
  owner TEXT, "PN" TEXT, "PV" TEXT, "PR" TEXT, task TEXT, outhash_siginfo TEXT,
  UNIQUE (method, taskhash, outhash)
);
CREATE INDEX IF NOT EXISTS outputs_by_hash ON outputs (method, outhash, id);
CREATE TABLE IF NOT EXISTS unihashes (
  method TEXT NOT NULL, taskhash TEXT NOT NULL, unihash TEXT NOT NULL,
  gc_mark TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (method, taskhash)
);
CREATE INDEX IF NOT EXISTS unihashes_by_unihash ON unihashes (unihash);
CREATE TABLE IF NOT EXISTS users (
  username TEXT PRIMARY KEY, token TEXT NOT NULL, permissions TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT);
`;
