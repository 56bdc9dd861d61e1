/** Reports that have come together, in one transaction. */
import type { ReportedOutput } from "../database.js";
import { Decisions, type KnownHashes, type NamedTask } from "../decide.js";
import { numberOf, textOf } from "../rows.js";
import type { Sql } from "./connection.js";

/** @param sql of a transaction in which nobody else writes @returns the unihash of each from now on */
export async function takeReports(sql: Sql, reports: readonly ReportedOutput[]): Promise<readonly string[]> {
  const { unihashes, newOutputs, newUnihashes } = new Decisions().decide(
    reports,
    await knownOf(sql, reports),
  );
  if (newOutputs.length > 0) {
    const created = new Date().toISOString();
    const column = (name: keyof ReportedOutput) => newOutputs.map((one) => one[name] ?? null);
    await sql.query(
      `INSERT INTO outputs (method, taskhash, outhash, owner, "PN", "PV", "PR", task, outhash_siginfo, created)
       SELECT m, t, o, w, n, v, r, k, s, $10
       FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[])
         WITH ORDINALITY AS new (m, t, o, w, n, v, r, k, s, place) ORDER BY place
       ON CONFLICT DO NOTHING`,
      [
        column("method"),
        column("taskhash"),
        column("outhash"),
        column("owner"),
        column("PN"),
        column("PV"),
        column("PR"),
        column("task"),
        column("outhash_siginfo"),
        created,
      ],
    );
  }
  if (newUnihashes.length > 0) await insertUnihashes(sql, newUnihashes);
  return unihashes;
}

/** Those that have one keep it. */
export async function insertUnihashes(sql: Sql, all: readonly NamedTask[]): Promise<void> {
  await sql.query(
    `INSERT INTO unihashes (method, taskhash, unihash, gc_mark)
     SELECT m, t, u, coalesce((SELECT value FROM settings WHERE name = 'gc-mark'), '')
     FROM unnest($1::text[], $2::text[], $3::text[]) AS new (m, t, u)
     ON CONFLICT DO NOTHING`,
    [all.map(({ method }) => method), all.map(({ taskhash }) => taskhash), all.map(({ unihash }) => unihash)],
  );
}

async function knownOf(sql: Sql, reports: readonly ReportedOutput[]): Promise<KnownHashes> {
  const methods = reports.map(({ method }) => method);
  const tasks = reports.map(({ taskhash }) => taskhash);
  const unihashes = await sql.query(
    `SELECT DISTINCT method, taskhash, unihash FROM unihashes
     JOIN unnest($1::text[], $2::text[]) AS asked (method, taskhash) USING (method, taskhash)`,
    [methods, tasks],
  );
  const outputs = await sql.query(
    `SELECT DISTINCT method, taskhash, outhash, id::float8 AS id FROM outputs
     JOIN unnest($1::text[], $2::text[]) AS asked (method, taskhash) USING (method, taskhash)`,
    [methods, tasks],
  );
  const oldest = await sql.query(
    `SELECT method, outhash, found.id::float8 AS id, found.unihash
     FROM (SELECT DISTINCT * FROM unnest($1::text[], $2::text[]) AS asked (method, outhash)) AS asked
     CROSS JOIN LATERAL (
       SELECT o.id, u.unihash FROM outputs o JOIN unihashes u USING (method, taskhash)
       WHERE o.method = asked.method AND o.outhash = asked.outhash ORDER BY o.id LIMIT 1
     ) AS found`,
    [methods, reports.map(({ outhash }) => outhash)],
  );
  const text = (row: unknown, name: string): string => textOf(row, name) ?? "";
  return {
    unihashes: unihashes.rows.map((row) => ({
      method: text(row, "method"),
      taskhash: text(row, "taskhash"),
      unihash: text(row, "unihash"),
    })),
    outputs: outputs.rows.map((row) => ({
      method: text(row, "method"),
      taskhash: text(row, "taskhash"),
      outhash: text(row, "outhash"),
      id: numberOf(row, "id"),
    })),
    oldest: oldest.rows.map((row) => ({
      method: text(row, "method"),
      outhash: text(row, "outhash"),
      id: numberOf(row, "id"),
      unihash: text(row, "unihash"),
    })),
  };
}
