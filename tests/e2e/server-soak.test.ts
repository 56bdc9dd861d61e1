/**
 * Writers and readers on a server that is killed now and then: TSBAKE_SOAK_SECONDS=1800 is the long run, TSBAKE_SOAK_SEED repeats one.
 * Nothing that was acknowledged is lost and nothing that is read is wrong. Then nobody kills it for a third of that time, in which its
 * memory stays as it is.
 */
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "@jest/globals";
import { sha256 } from "@tsbake/base";
import { objectPath } from "@tsbake/sstate";
import { digestHeader, HashClient, readHashServer } from "@tsbake/sstate/remote";
import { nameOf } from "../contract/store.js";
import { mulberry } from "../support/random.js";
import { startProgram, type ServerProgram } from "../support/sstate-server.js";
import { temporaryFolder } from "../support/temporary.js";

const SECONDS = Number(process.env["TSBAKE_SOAK_SECONDS"] ?? 6);
const isLong = SECONDS >= 60;
const SEED = Number(process.env["TSBAKE_SOAK_SEED"] ?? Date.now() % 1_000_000);
const [WRITERS, READERS] = [4, 16];
/** Between two deaths, in ms: at least, and as much more. */
const [CALM_MS, MORE_MS] = isLong ? [20_000, 40_000] : [1500, 1500];
const CALM_SECONDS = SECONDS / 3;
/** More are deleted, the oldest first, so that a long run does not fill the disk. */
const MOST_KEPT = 5000;
/**
 * Memory may grow by so much, MiB, from the first half of the calm time to the second: the server keeps up to 64 MiB of small
 * objects, and the last one to be started still fills that. In a few seconds it is warming up in other ways, too.
 */
const MOST_GROWTH_MIB = isLong ? 64 + 30 : 300;

interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

/** Undefined: the line broke. */
function ask(
  url: string,
  method: string,
  headers: Record<string, string> = {},
  body?: Buffer,
): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    const one = request(url, { method, headers, timeout: 10_000 }, (response) => {
      const pieces: Buffer[] = [];
      response.on("data", (piece: Buffer) => pieces.push(piece));
      response.on("error", () => resolve(undefined));
      response.on("end", () =>
        resolve(
          response.complete ? { status: response.statusCode ?? 0, body: Buffer.concat(pieces) } : undefined,
        ),
      );
    });
    one.on("timeout", () => one.destroy());
    one.on("error", () => resolve(undefined));
    one.end(body);
  });
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((left, right) => left - right)[Math.floor(numbers.length / 2)]!;
}

test(`soak: ${SECONDS} s, ${WRITERS} writers and ${READERS} readers, seed ${SEED}`, async () => {
  const folder = temporaryFolder("soak");
  const next = mulberry(SEED);
  const random = { below: (most: number): number => Math.floor(next() * most) };
  let server: ServerProgram = await startProgram(folder, ["--anonymous", "@read @report"]);
  const token = server.token!;
  const noKillAfter = Date.now() + SECONDS * 1000;
  const until = noKillAfter + CALM_SECONDS * 1000;
  /** Digest of what was acknowledged, by path. */
  const kept = new Map<string, string>();
  const unihashes = new Map<string, string>();
  const wrong: string[] = [];
  const counts = { uploads: 0, conflicts: 0, deletes: 0, reads: 0, deaths: 0, reports: 0 };
  /** MiB, while nobody kills it. */
  const memory: number[] = [];

  const writer = async (): Promise<void> => {
    while (Date.now() < until) {
      // Half of them of few names, where writers meet.
      const number = random.below(2) === 0 ? random.below(5000) : 10_000 + random.below(1e8);
      const path = objectPath(nameOf(`${random.below(90) + 10}${number}`));
      const bytes = Buffer.alloc(
        1 + random.below(random.below(200) === 0 ? 4 << 20 : 40_000),
        `${random.below(1e9)}`,
      );
      const digest = sha256(bytes);
      const headers = {
        authorization: `Bearer ${token}`,
        "content-length": `${bytes.length}`,
        "content-digest": digestHeader(digest),
      };
      const answer = await ask(`${server.url}/${encodeURI(path)}`, "PUT", headers, bytes);
      if (answer?.status === 201 || answer?.status === 204) {
        const before = kept.get(path);
        if (before !== undefined && before !== digest)
          wrong.push(`${path} was acknowledged twice, with other bytes`);
        kept.set(path, digest);
        counts.uploads++;
      } else if (answer?.status === 409) counts.conflicts++;
      else if (answer) wrong.push(`${path}: ${answer.status} ${answer.body.toString().slice(0, 100)}`);
      else await sleep(50);
      const [oldest] = kept.keys();
      if (kept.size > MOST_KEPT && oldest !== undefined) await remove(oldest);
    }
  };
  const remove = async (path: string): Promise<void> => {
    kept.delete(path);
    const answer = await ask(`${server.url}/${encodeURI(path)}`, "DELETE", {
      authorization: `Bearer ${token}`,
    });
    if (answer?.status === 204) counts.deletes++;
  };
  const check = async (path: string): Promise<void> => {
    const expected = kept.get(path)!;
    const answer = await ask(`${server.url}/${encodeURI(path)}`, "GET");
    if (!answer) {
      await sleep(50);
      return;
    }
    // Deleted meanwhile, and perhaps made anew.
    if (kept.get(path) !== expected) return;
    counts.reads++;
    if (answer.status !== 200) wrong.push(`${path} was acknowledged and is answered with ${answer.status}`);
    else if (sha256(answer.body) !== expected) wrong.push(`${path} has other bytes than were acknowledged`);
  };
  const reader = async (): Promise<void> => {
    while (Date.now() < until) {
      const paths = [...kept.keys()];
      if (paths.length === 0) await sleep(20);
      else await check(paths[random.below(paths.length)]!);
    }
  };
  const reporter = async (): Promise<void> => {
    let count = 0;
    while (Date.now() < until) {
      const client = new HashClient({ server: readHashServer(server.hashAddress)!, timeoutMs: 5000 });
      try {
        for (let more = 0; more < 50 && Date.now() < until; more++) {
          const [taskhash, outhash] = [sha256(`t${count++}`), sha256(`o${random.below(200)}`)];
          const unihash = await client.report({
            method: "m",
            taskhash,
            outhash,
            unihash: taskhash,
            task: "x",
          });
          unihashes.set(taskhash, unihash);
          counts.reports++;
        }
      } catch {
        await sleep(50);
      }
      client.close();
    }
  };
  const killer = async (): Promise<void> => {
    for (;;) {
      const pause = CALM_MS + random.below(MORE_MS);
      if (Date.now() + pause > noKillAfter) return;
      await sleep(pause);
      await server.end("SIGKILL");
      counts.deaths++;
      server = await startProgram(folder, ["--anonymous", "@read @report"]);
    }
  };
  const killing = killer();
  const watcher = async (): Promise<void> => {
    // The last server may take its time to start.
    await killing;
    await sleep(Math.max(0, noKillAfter - Date.now()));
    while (Date.now() < until) {
      const status = readFileSync(`/proc/${server.process.pid!}/status`, "utf8");
      memory.push(Number(/VmRSS:\s*(\d+)/.exec(status)?.[1]) / 1024);
      await sleep(isLong ? 5000 : 200);
    }
  };
  const ends = await Promise.allSettled([
    ...Array.from({ length: WRITERS }, writer),
    ...Array.from({ length: READERS }, reader),
    reporter(),
    killing,
    watcher(),
  ]);
  // Only now is it known which server is the last one.
  await using _last = server;
  for (const one of ends) if (one.status === "rejected") throw one.reason;
  for (const path of kept.keys()) await check(path);
  const client = new HashClient({ server: readHashServer(server.hashAddress)!, timeoutMs: 5000 });
  const all = [...unihashes];
  const answers = await client.unihashes(all.map(([taskhash]) => ({ method: "m", taskhash })));
  all.forEach(([taskhash, unihash], at) => {
    if (answers[at] !== unihash) wrong.push(`the unihash of ${taskhash} was lost`);
  });
  client.close();
  expect(await server.end("SIGTERM")).toBe(0);
  const half = Math.floor(memory.length / 2);
  const [first, second] = [median(memory.slice(0, half)), median(memory.slice(half))];
  if (isLong)
    process.stdout.write(
      `${JSON.stringify({ ...counts, memoryMiB: memory.map(Math.round), first, second })}\n`,
    );
  expect(wrong).toEqual([]);
  expect(counts.uploads).toBeGreaterThan(0);
  expect(Math.max(...memory)).toBeLessThan(600);
  expect(second - first).toBeLessThan(MOST_GROWTH_MIB);
}, 7_200_000);
