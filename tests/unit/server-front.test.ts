/**
 * The short way in front of node's HTTP server answers as the server would: what is asked over one connection, cut at any byte, is
 * compared with the same questions under a header that the short way does not know, which the server gets.
 */
import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { connect as connectTls } from "node:tls";
import { expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { objectPath } from "@tsbake/sstate";
import { nameOf } from "../contract/store.js";
import { makeSigningPair } from "../support/signed-image.js";
import { testUnless } from "../support/skip.js";
import { openServer, type TestServer } from "../support/sstate-server.js";
import { temporaryFolder } from "../support/temporary.js";
import { toolsProblem } from "../support/tools.js";

const RUNS = Number(process.env["TSBAKE_FRONT_RUNS"] ?? 100);
const SMALL = objectPath(nameOf("ab01"));
const LARGE = objectPath(nameOf("ab02"));
const BESIDE = `${SMALL}.siginfo`;
const MISSING = objectPath(nameOf("ab03"));
/** Seconds: the same for all servers, and not so long ago that a use would be noted. */
const MODIFIED = Math.trunc(Date.now() / 1000) - 60;
const place = (path: string): string => `/sstate/${encodeURI(path)}`;

/** @param argv further options of the program */
async function openWithObjects(argv: readonly string[] = []): Promise<TestServer> {
  const server = await openServer({ argv });
  for (const [path, bytes] of [
    [SMALL, 700],
    [LARGE, 300_000],
    [BESIDE, 0],
  ] as const) {
    mkdirSync(dirname(join(server.folder, path)), { recursive: true });
    writeFileSync(join(server.folder, path), Buffer.alloc(bytes, "x"));
    utimesSync(join(server.folder, path), MODIFIED, MODIFIED);
  }
  return server;
}

/** Sends pieces, each when the one before has left. @returns all that comes until the connection ends, without the time */
async function talk(server: TestServer, pieces: readonly string[]): Promise<string> {
  const { protocol, port } = new URL(server.url);
  const to = { host: "127.0.0.1", port: Number(port), noDelay: true };
  // The certificate is our own.
  const socket = protocol === "https:" ? connectTls({ ...to, rejectUnauthorized: false }) : connect(to);
  const all: Buffer[] = [];
  socket.on("data", (piece: Buffer) => all.push(piece));
  const ended = new Promise<void>((resolve, reject) => socket.on("close", resolve).on("error", reject));
  for (const piece of pieces) {
    await new Promise((resolve) => socket.write(piece, "latin1", resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await ended;
  return Buffer.concat(all)
    .toString("latin1")
    .replaceAll(/^(Date|retry-after): .*$/gm, "$1: now");
}

/** What was counted of reads; the hours of the process and its memory are its own. */
async function countsOf(server: TestServer): Promise<readonly string[]> {
  const text = await (await fetch(new URL("/metrics", server.url))).text();
  return text
    .split("\n")
    .filter((line) => /^tsbake_sstate_(requests|hits|misses|sent|refused)\w*[ {]/.test(line))
    .sort();
}

function cut(text: string, places: readonly number[]): string[] {
  const at = [...new Set(places.map((place) => place % text.length))].toSorted((left, right) => left - right);
  return [...at, text.length].map((end, index) => text.slice(index === 0 ? 0 : at[index - 1], end));
}

const target = fc.constantFrom(
  place(SMALL),
  place(SMALL),
  place(LARGE),
  place(BESIDE),
  place(MISSING),
  place(`${MISSING}.sha256`),
  `/sstate/${encodeURIComponent(SMALL)}`,
  `${place(SMALL)}?x=1`,
  `/sstate/..${place(SMALL)}`,
  "/sstate/.server/tokens.json",
  "/sstate/%",
  "/sstate/abc",
  "/sstatement",
);
const headers = fc.constantFrom(
  "",
  "",
  "",
  "Accept: */*\r\n",
  "Authorization: Bearer wrong\r\n",
  "Connection: keep-alive\r\n",
  "Range: bytes=3-9\r\n",
  "Range: bytes=900-\r\n",
  "If-None-Match: *\r\n",
  "Content-Length: 0\r\n",
  "Accept:\r\n",
  "X-Other: 1\r\n",
);
const question = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.constantFrom("HEAD", "HEAD", "GET", "DELETE"), target, headers)
      .map(([method, path, more]) => ({
        line: `${method} ${path} HTTP/1.1`,
        rest: `Host: here\r\n${more}\r\n`,
      })),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      { line: `HEAD ${place(SMALL)} HTTP/1.0`, rest: "Connection: Keep-Alive\r\n\r\n" },
      { line: "GET /healthz HTTP/1.1", rest: "Host: here\r\n\r\n" },
      {
        line: "POST /sstate/.exists HTTP/1.1",
        rest: `Host: here\r\nContent-Length: ${JSON.stringify({ names: [SMALL, MISSING] }).length}\r\n\r\n${JSON.stringify({ names: [SMALL, MISSING] })}`,
      },
      { line: `PUT ${place(MISSING)} HTTP/1.1`, rest: "Host: here\r\nContent-Length: 5\r\n\r\nHEAD " },
    ),
  },
);
const last = fc.constantFrom(
  { line: `HEAD ${place(SMALL)} HTTP/1.1`, rest: "Host: here\r\nConnection: close\r\n\r\n" },
  { line: `HEAD ${place(MISSING)} HTTP/1.0`, rest: "\r\n" },
);

/** Node's server leaves answers out that are under way when what comes next is broken: these are asked alone. */
const HEAD = `HEAD ${place(SMALL)}`;
const BROKEN = [
  { line: "no request", rest: "\r\n\r\n" },
  { line: `${HEAD} HTTP/1.1`, rest: "\r\n" },
  { line: `${HEAD} HTTP/1.1`, rest: "Host:\r\nConnection: close\r\n\r\n" },
  { line: `${HEAD} HTTP/1.1`, rest: "Host: here\nAccept: */*\r\n\r\n" },
  { line: `${HEAD} HTTP/1.1`, rest: "Host: here\r\n Accept: */*\r\nConnection: close\r\n\r\n" },
  { line: "HEAD /sstate/a b HTTP/1.1", rest: "Host: here\r\n\r\n" },
  { line: `${HEAD} HTTP/2.0`, rest: "Host: here\r\n\r\n" },
  { line: HEAD.toLowerCase(), rest: "Host: here\r\n\r\n" },
  { line: `${HEAD} HTTP/1.1`, rest: "Host: here\r\nAccept: \x00\r\n\r\n" },
];

async function compareDoors(short: TestServer, long: TestServer, numRuns: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(
      fc.array(question, { maxLength: 6 }),
      last,
      fc.array(fc.nat(2000), { maxLength: 8 }),
      async (questions, end, places) => {
        const all = [...questions, end];
        const plain = all.map(({ line, rest }) => `${line}\r\n${rest}`).join("");
        const unknown = all.map(({ line, rest }) => `${line}\r\nX-Long-Way: 1\r\n${rest}`).join("");
        const answer = await talk(long, [unknown]);
        expect(await talk(short, cut(plain, places))).toBe(answer);
      },
    ),
    { numRuns },
  );
}

test("questions cut at any byte have the answers, and the counters, of the server behind", async () => {
  await using short = await openWithObjects();
  await using long = await openWithObjects();
  await compareDoors(short, long, RUNS);
  expect(await countsOf(short)).toEqual(await countsOf(long));
});

testUnless(await toolsProblem("openssl"), "the same over TLS", async () => {
  const keys = temporaryFolder("tls");
  await makeSigningPair(keys, "server");
  const argv = ["--tls-cert", join(keys, "server.crt"), "--tls-key", join(keys, "server.key")];
  await using short = await openWithObjects(argv);
  await using long = await openWithObjects(argv);
  await compareDoors(short, long, Math.ceil(RUNS / 4));
});

test("what is broken is refused as the server refuses it", async () => {
  await using server = await openWithObjects();
  for (const { line, rest } of BROKEN) {
    const answer = await talk(server, [`${line}\r\nX-Long-Way: 1\r\n${rest}`]);
    expect([line, rest, await talk(server, [`${line}\r\n${rest}`])]).toEqual([line, rest, answer]);
  }
});

test("who asks without reading is waited for, and gets every answer", async () => {
  await using server = await openWithObjects();
  const count = 6000;
  const socket = connect({ host: "127.0.0.1", port: Number(new URL(server.url).port) });
  socket.pause();
  socket.write(`HEAD ${place(SMALL)} HTTP/1.1\r\nHost: here\r\n\r\n`.repeat(count));
  socket.write(`HEAD ${place(SMALL)} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n`);
  await new Promise((resolve) => setTimeout(resolve, 200));
  let text = "";
  socket.setEncoding("latin1").on("data", (piece) => (text += String(piece)));
  socket.resume();
  await new Promise((resolve) => socket.on("close", resolve));
  expect(text.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(count + 1);
});

test("a server that ends sends idle connections away, and does not wait for them", async () => {
  const server = await openWithObjects();
  const socket = connect({ host: "127.0.0.1", port: Number(new URL(server.url).port) });
  socket.write(`HEAD ${place(SMALL)} HTTP/1.1\r\nHost: here\r\n\r\n`);
  await new Promise((resolve) => socket.once("data", resolve));
  const gone = new Promise((resolve) => socket.once("close", resolve));
  const started = performance.now();
  await server.close();
  await gone;
  expect(performance.now() - started).toBeLessThan(1500);
});
