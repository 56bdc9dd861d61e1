/** The journal of the embedded database: whatever waits in it, and whoever has written it, answers are those of one report after the other. */
import { copyFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import Database from "libsql";
import { BuildError, sha256 } from "@tsbake/base";
import { openEmbeddedDatabase, type EquivalenceDatabase } from "@tsbake/server";
import { reported } from "../contract/equivalence.js";
import { temporaryFolder } from "../support/temporary.js";

const METHOD = "m";
const TASKS = ["a", "b", "c", "d", "e"] as const;
const OUTPUTS = ["x", "y", "z"] as const;

/** The rule of `EquivalenceDatabase.report`, in as few words as it has. */
class Model {
  outputs: { readonly task: string; readonly out: string }[] = [];
  unihashes = new Map<string, string>();

  report(task: string, out: string, proposed: string): string {
    const had = this.unihashes.get(task);
    if (this.outputs.some((one) => one.task === task && one.out === out)) return had ?? proposed;
    this.outputs.push({ task, out });
    if (had !== undefined) return had;
    const oldest = this.outputs.find((one) => one.out === out && this.unihashes.has(one.task));
    const unihash = oldest ? this.unihashes.get(oldest.task)! : proposed;
    this.unihashes.set(task, unihash);
    return unihash;
  }
}

const task = fc.constantFrom(...TASKS);
const output = fc.constantFrom(...OUTPUTS);
const server = fc.constantFrom(0, 1);
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("report" as const),
      server,
      all: fc.array(fc.tuple(task, output, fc.constantFrom("", "other ")), { minLength: 1, maxLength: 6 }),
    }),
  },
  fc.record({ kind: fc.constant("look" as const), server, output }),
  fc.record({ kind: fc.constant("remove" as const), server, task }),
  fc.record({ kind: fc.constant("collect" as const), server, kept: fc.subarray([...TASKS]) }),
  fc.record({ kind: fc.constant("restart" as const), server }),
);

test("two servers on one file that report, look, remove, collect and start again answer as a list would", async () => {
  const path = join(temporaryFolder("journal"), "hashes.db");
  const open = () => openEmbeddedDatabase(path);
  const both: [EquivalenceDatabase, EquivalenceDatabase] = [open(), open()];
  const keys = TASKS.map((name) => reported(name, ""));
  let collections = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
      await both[0].remove({ method: METHOD });
      const model = new Model();
      for (const one of steps) {
        const database = both[one.server]!;
        let [answered, expected]: unknown[] = [];
        if (one.kind === "report") {
          const reports = one.all.map(([name, out, other]) => reported(name, out, other + name));
          // Each on its own, as clients do, in one batch.
          const answers = await Promise.all(reports.map((report) => database.report([report])));
          expected = one.all.map(([name, out, other]) => sha256(model.report(name, out, other + name)));
          answered = answers.flat();
        } else if (one.kind === "look") {
          const first = model.outputs.find(
            ({ out, task: name }) => out === one.output && model.unihashes.has(name),
          );
          answered = (await database.outputOfHash(METHOD, sha256(one.output), true))?.taskhash;
          expected = first && sha256(first.task);
        } else if (one.kind === "remove") {
          await database.remove({ taskhash: sha256(one.task) });
          model.outputs = model.outputs.filter(({ task: name }) => name !== one.task);
          model.unihashes.delete(one.task);
        } else if (one.kind === "collect") {
          const mark = `${++collections}`;
          for (const name of ["none", ...one.kept]) await database.mark(mark, { taskhash: sha256(name) });
          await both[0].sweep(mark);
          for (const name of TASKS) if (!one.kept.includes(name)) model.unihashes.delete(name);
        } else {
          await database.close();
          both[one.server] = open();
        }
        expect(answered).toEqual(expected);
        const known = TASKS.map((name) => model.unihashes.get(name)).map((text) => text && sha256(text));
        for (const each of both) {
          expect(await each.unihashes(keys)).toEqual(known);
          // A list of them is another question of SQL.
          expect(await each.unihashes([...keys, ...keys])).toEqual([...known, ...known]);
          const values = ["a", "other b"].map((text) => sha256(text));
          expect(await each.hasUnihashes(values)).toEqual(values.map((value) => known.includes(value)));
        }
      }
      expect(await both[1].usage()).toMatchObject({
        outputs: { rows: model.outputs.length },
        unihashes: { rows: model.unihashes.size },
      });
    }),
    { numRuns: 60 },
  );
  for (const database of both) await database.close();
});

test("what was answered is in the file before it is in the tables; more than the journal holds goes there at once", async () => {
  const folder = temporaryFolder("journal");
  const path = join(folder, "hashes.db");
  const database = openEmbeddedDatabase(path);
  const reports = Array.from({ length: 2100 }, (_one, at) => reported(`${at}`, `${at % 1500}`));
  const answers = await database.report(reports.slice(0, 2000));
  const more = await database.report(reports.slice(2000));
  // As a killed server leaves it.
  const left = join(folder, "left.db");
  for (const end of ["", "-wal"]) if (existsSync(path + end)) copyFileSync(path + end, left + end);
  const rows = (table: string): unknown => {
    const sql = new Database(left);
    const [count] = sql.prepare(`SELECT count(*) FROM ${table}`).raw(true).get() as unknown[];
    sql.close();
    return count;
  };
  expect([rows("outputs"), rows("journal")]).toEqual([2000, 1]);
  const again = openEmbeddedDatabase(left);
  expect(await again.unihashes(reports)).toEqual([...answers, ...more]);
  await again.close();
  expect([rows("outputs"), rows("journal"), rows("unihashes")]).toEqual([2100, 0, 2100]);
  await database.close();
});

test("a file of an older release goes on, with all that it knows; one of a newer release is refused", async () => {
  const path = join(temporaryFolder("journal"), "hashes.db");
  const old = new Database(path);
  old.exec(`
    CREATE TABLE outputs (
      id INTEGER PRIMARY KEY,
      method TEXT NOT NULL, taskhash TEXT NOT NULL, outhash TEXT NOT NULL,
      created TEXT NOT NULL,
      owner TEXT, PN TEXT, PV TEXT, PR TEXT, task TEXT, outhash_siginfo TEXT,
      UNIQUE (method, taskhash, outhash)
    );
    CREATE INDEX outputs_by_hash ON outputs (method, outhash, created);
    CREATE TABLE unihashes (
      method TEXT NOT NULL, taskhash TEXT NOT NULL, unihash TEXT NOT NULL,
      gc_mark TEXT NOT NULL DEFAULT '',
      PRIMARY KEY (method, taskhash)
    ) WITHOUT ROWID;
    CREATE INDEX unihashes_by_unihash ON unihashes (unihash);
    CREATE TABLE users (username TEXT PRIMARY KEY, token TEXT NOT NULL, permissions TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
    INSERT INTO settings VALUES ('gc-mark', 'now');
    INSERT INTO users VALUES ('me', 't', '@read');`);
  for (const [name, unihash, mark] of [
    ["a", "a", "now"],
    ["b", "a", ""],
  ]) {
    old
      .prepare(
        "INSERT INTO outputs (method, taskhash, outhash, created, PN) VALUES (?, ?, ?, '2026-01-01T00:00:00.000Z', 'n')",
      )
      .run(METHOD, sha256(name!), sha256("x"));
    old
      .prepare("INSERT INTO unihashes VALUES (?, ?, ?, ?)")
      .run(METHOD, sha256(name!), sha256(unihash!), mark);
  }
  old.close();
  const database = openEmbeddedDatabase(path);
  expect(await database.unihashes([reported("a", ""), reported("b", "")])).toEqual([
    sha256("a"),
    sha256("a"),
  ]);
  expect(await database.hasUnihashes([sha256("a"), sha256("b")])).toEqual([true, false]);
  expect(await database.report([reported("c", "x")])).toEqual([sha256("a")]);
  expect(await database.outputOfTask(reported("a", ""))).toMatchObject({ PN: "n", unihash: sha256("a") });
  expect(await database.collection()).toEqual({ keep: 2, remove: 1, mark: "now" });
  expect(await database.users()).toHaveLength(1);
  await database.close();
  await openEmbeddedDatabase(path).close();

  const newer = new Database(path);
  newer.exec("PRAGMA user_version = 99");
  newer.close();
  expect(() => openEmbeddedDatabase(path)).toThrow(BuildError);
});

test("a report with what SQLite would cut is refused, and is no matter of the others", async () => {
  const database = openEmbeddedDatabase(join(temporaryFolder("journal"), "hashes.db"));
  const ends = await Promise.allSettled([
    database.report([reported("d", "x")]),
    database.report([{ ...reported("e", "x"), taskhash: "e\0" }]),
    database.report([{ ...reported("f", "x"), PN: "\ud800" }]),
    database.report([reported("g", "x")]),
  ]);
  expect(ends.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected", "fulfilled"]);
  const odd = { method: METHOD, taskhash: `${sha256("d")}\0` };
  expect(await database.unihashes(Array.from({ length: 10 }, () => odd))).toEqual(
    Array.from({ length: 10 }, () => undefined),
  );
  await database.close();
});
