/** Databases of hash equivalences, and several servers on one of PostgreSQL and one bucket. */
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { BuildError } from "@tsbake/base";
import { openEmbeddedDatabase, openPostgresDatabase } from "@tsbake/server";
import { equivalenceContract, reported } from "../contract/equivalence.js";
import { postgresProblem, startPostgres } from "../support/postgres.js";
import { describeUnless } from "../support/skip.js";
import { temporaryFolder } from "../support/temporary.js";

equivalenceContract("an embedded file", () => {
  const path = join(temporaryFolder("equivalences"), "hashes.db");
  return Promise.resolve({
    open: () => Promise.resolve(openEmbeddedDatabase(path)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});

test("a database that cannot be reached is an error that says so, without its password", async () => {
  const opened = openPostgresDatabase("postgres://me:secret@127.0.0.1:1/x", () => undefined);
  const error = await opened.catch((one: unknown) => one);
  expect(error).toBeInstanceOf(BuildError);
  const [diagnostic] = (error as BuildError).diagnostics;
  expect(diagnostic!.code).toBe("server/unusable-database");
  expect(diagnostic!.message).toMatch(/127\.0\.0\.1:1/);
  expect(diagnostic!.message).not.toContain("secret");
});

describeUnless(postgresProblem, "PostgreSQL:", () => {
  equivalenceContract("PostgreSQL", async () => {
    const postgres = await startPostgres();
    return {
      open: () => openPostgresDatabase(postgres.url, () => undefined),
      [Symbol.asyncDispose]: () => postgres[Symbol.asyncDispose](),
    };
  });

  test("a database that crashes loses nothing it has acknowledged, and is used again", async () => {
    await using postgres = await startPostgres();
    const database = await openPostgresDatabase(postgres.url, () => undefined);
    const told = await database.report([reported("a", "x"), reported("b", "x")]);
    await postgres.crash();
    expect(await database.report([reported("c", "x")])).toEqual([told[0]]);
    expect(await database.unihashes([reported("b", "x")])).toEqual([told[0]]);
    // What one client sends and the database refuses is no matter of the others.
    const ends = await Promise.allSettled([
      database.report([reported("d", "x")]),
      database.report([{ ...reported("e", "x"), PN: "\0" }]),
      database.report([reported("f", "x")]),
    ]);
    expect(ends.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    await database.close();
  });
});
