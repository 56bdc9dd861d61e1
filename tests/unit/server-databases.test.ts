/** Databases of hash equivalences; and two servers on one bucket and one PostgreSQL, one of which dies. */
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { BuildError, sha256 } from "@tsbake/base";
import { objectPath } from "@tsbake/sstate";
import { HashClient, readHashServer } from "@tsbake/sstate/remote";
import { openEmbeddedDatabase, openPostgresDatabase } from "@tsbake/server";
import { nameOf } from "../contract/store.js";
import { equivalenceContract, reported } from "../contract/equivalence.js";
import { postgresProblem, startPostgres, type TestPostgres } from "../support/postgres.js";
import { openS3Stub } from "../support/s3-stub.js";
import { describeUnless } from "../support/skip.js";
import { startProgram, type ServerProgram } from "../support/sstate-server.js";
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
  let postgres: TestPostgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(async () => {
    await postgres[Symbol.asyncDispose]();
  });

  equivalenceContract("PostgreSQL", () =>
    Promise.resolve({
      open: () => openPostgresDatabase(postgres.url, () => undefined),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
  );

  test("a database that crashes loses nothing it has acknowledged, and is used again", async () => {
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

  test("two servers, one of which dies: nothing that was acknowledged is lost, and an output has one unihash", async () => {
    await using bucket = await openS3Stub();
    const states = [temporaryFolder("state"), temporaryFolder("state")];
    const start = (state: string): Promise<ServerProgram> =>
      startProgram(
        ["--storage", "s3://bucket/all", "--s3-endpoint", bucket.endpoint, "--state", state],
        ["--database", postgres.url, "--anonymous", "@read @report"],
        { AWS_ACCESS_KEY_ID: "key", AWS_SECRET_ACCESS_KEY: "secret" },
      );
    await using first = await start(states[0]!);
    mkdirSync(states[1]!, { recursive: true });
    copyFileSync(join(states[0]!, "tokens.json"), join(states[1]!, "tokens.json"));
    await using second = await start(states[1]!);
    expect(second.token).toBeUndefined();
    const servers = [first, second];
    const kept = new Map<string, string>();
    const unihashes: { readonly report: ReturnType<typeof reported>; readonly unihash: string }[] = [];
    const counts = { uploads: 0, conflicts: 0, broken: 0 };
    const wrong: string[] = [];
    let isOver = false;

    const writer = async (number: number): Promise<void> => {
      for (let turn = number; !isOver; turn++) {
        // Few names: writers on both servers meet.
        const path = objectPath(nameOf(`ab${100 + (turn % 400)}`));
        const bytes = Buffer.alloc(2000 + turn, `${number} ${turn}`);
        const headers = { authorization: `Bearer ${first.token!}` };
        const url = `${servers[turn % 2]!.url}/${encodeURI(path)}`;
        try {
          const { status } = await fetch(url, { method: "PUT", body: bytes, headers });
          if (status === 409) counts.conflicts++;
          else if (status !== 201) wrong.push(`${path}: ${status}`);
          else {
            if (kept.has(path)) wrong.push(`${path} was acknowledged twice`);
            kept.set(path, sha256(bytes));
            counts.uploads++;
          }
        } catch {
          counts.broken++;
        }
      }
    };
    const reporter = async (number: number): Promise<void> => {
      for (let turn = 0; !isOver; turn++) {
        const { hashAddress } = servers[(number + turn) % 2]!;
        const client = new HashClient({ server: readHashServer(hashAddress)!, timeoutMs: 3000 });
        try {
          for (let more = 0; more < 20 && !isOver; more++) {
            const report = reported(`${number} ${turn} ${more}`, `${turn} ${more}`);
            unihashes.push({ report, unihash: await client.report({ ...report, task: "x" }) });
          }
        } catch {
          counts.broken++;
        }
        client.close();
      }
    };
    const work = Promise.all([writer(0), writer(1), writer(2), reporter(0), reporter(1), reporter(2)]);
    const until = async (isSo: () => boolean): Promise<void> => {
      for (let tries = 0; tries < 2000 && !isSo(); tries++) await sleep(10);
    };
    await until(() => counts.uploads > 20 && unihashes.length > 100);
    await first.end("SIGKILL");
    const before = { ...counts, reports: unihashes.length };
    await until(() => counts.uploads > before.uploads + 10 && unihashes.length > before.reports + 50);
    isOver = true;
    await work;

    expect(wrong).toEqual([]);
    expect(counts.uploads).toBeGreaterThan(30);
    expect(counts.broken).toBeGreaterThan(0);
    for (const [path, digest] of kept) {
      const answer = await fetch(`${second.url}/${encodeURI(path)}`);
      expect([path, answer.status, sha256(Buffer.from(await answer.arrayBuffer()))]).toEqual([
        path,
        200,
        digest,
      ]);
    }
    expect(unihashes.length).toBeGreaterThan(150);
    const byOutput = new Map<string, Set<string>>();
    for (const { report, unihash } of unihashes)
      byOutput.set(report.outhash, (byOutput.get(report.outhash) ?? new Set()).add(unihash));
    expect([...byOutput.values()].filter(({ size }) => size !== 1)).toEqual([]);
    const client = new HashClient({ server: readHashServer(second.hashAddress)!, timeoutMs: 3000 });
    expect(await client.unihashes(unihashes.map(({ report }) => report))).toEqual(
      unihashes.map(({ unihash }) => unihash),
    );
    client.close();
  }, 60_000);
});
