/**
 * Requests that nobody means well, on raw sockets: TSBAKE_SERVER_FUZZ=100000 makes it long, TSBAKE_SERVER_FUZZ_SEED repeats a run. The server
 * stays up, every answer has a status that fits, and nothing but objects of valid uploads comes into being.
 */
import { readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { expect, test } from "@jest/globals";
import { sha256 } from "@tsbake/base";
import { objectPath, storedFile } from "@tsbake/sstate";
import { nameOf } from "../contract/store.js";
import { mulberry } from "../support/random.js";
import { openServer } from "../support/sstate-server.js";

const COUNT = Number(process.env["TSBAKE_SERVER_FUZZ"] ?? 300);
const SEED = Number(process.env["TSBAKE_SERVER_FUZZ_SEED"] ?? Date.now() % 1_000_000);
const AT_ONCE = 16;

/** Sends bytes, and what comes back until the end or a pause. */
function send(port: number, pieces: readonly Buffer[], pauseMs: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    let text = "";
    let timer = setTimeout(() => socket.destroy(), 2000);
    socket.on("data", (piece) => {
      text += piece.toString("latin1");
      clearTimeout(timer);
      timer = setTimeout(() => socket.destroy(), 30);
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearTimeout(timer);
      resolve(text);
    });
    const [first = Buffer.alloc(0), ...rest] = pieces;
    socket.write(first);
    rest.forEach((piece, at) => setTimeout(() => socket.write(piece, () => undefined), pauseMs * (at + 1)));
  });
}

test(`what strangers send is answered with a refusal, and changes nothing (seed ${SEED}, ${COUNT} requests)`, async () => {
  await using server = await openServer({ idleMs: 500 });
  const port = Number(new URL(server.url).port);
  const next = mulberry(SEED);
  const random = { below: (most: number): number => Math.floor(next() * most) };
  const beside = readdirSync(dirname(server.folder));
  const pick = <T>(all: readonly T[]): T => all[random.below(all.length)]!;
  const junk = (most: number): string =>
    Array.from({ length: random.below(most) }, () => String.fromCharCode(random.below(256))).join("");
  const good = () =>
    encodeURI(objectPath(nameOf(`${pick(["ab", "cd"])}${pick(["01", "02"])}${random.below(50)}`)));
  const paths: (() => string)[] = [
    () => `/sstate/${good()}`,
    () => `/sstate/${good()}${pick([".sha256", ".sig", ".siginfo", ".bad", "%00", "/..", "/"])}`,
    () =>
      `/sstate/${pick(["../", "..%2f", "%2e%2e/", "..\\", "./", "//", ".server/", ".incoming/"]).repeat(1 + random.below(5))}${good()}`,
    () => `/sstate/${junk(300).replaceAll(/[\s\0]/g, "x")}`,
    () => `/${pick(["", "metrics", "healthz", "sstate", "sstate/.exists", "etc/passwd", "%", "?x=1", "*"])}`,
    () => `http://elsewhere.invalid/sstate/${good()}`,
  ];
  const headers: (() => string)[] = [
    () =>
      `authorization: Bearer ${pick([server.token, "tsb_x", junk(50).replaceAll(/[^\x21-\x7e]/g, "x"), "x".repeat(9000)])}`,
    () => `authorization: Basic ${Buffer.from(`x:${pick([server.token, "y", ""])}`).toString("base64")}`,
    () =>
      `content-length: ${pick(["0", "5", "5, 6", "-1", "1e3", "99999999999999999999", "x", "+5", " 5 "])}`,
    () => `transfer-encoding: ${pick(["chunked", "gzip", "chunked, chunked", "xchunked", "identity"])}`,
    () =>
      `content-digest: ${pick([`sha-256=:${Buffer.from(sha256("hello"), "hex").toString("base64")}:`, "sha-256=:AAAA:", "x", ""])}`,
    () => `tsbake-signature: ${pick(["AAAA", "!", "A".repeat(8190), "A".repeat(20_000)])}`,
    () => `range: ${pick(["bytes=0-1", "bytes=-", "bytes=9999999999999999-", "bytes=0-0,1-1", "x"])}`,
    () => `expect: ${pick(["100-continue", "200-ok"])}`,
    () => `if-none-match: ${pick(["*", '"x"', junk(20).replaceAll(/[^\x21-\x7e]/g, "x")])}`,
    () =>
      `upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-key: ${pick(["AAAAAAAAAAAAAAAAAAAAAA==", "x"])}\r\nsec-websocket-version: ${pick(["13", "0"])}`,
    () => `x-${"a".repeat(random.below(40_000))}: 1`,
    () => Array.from({ length: random.below(200) }, (_one, at) => `h${at}: 1`).join("\r\n") || "h: 1",
    () => junk(30).replaceAll(/[\r\n]/g, "x"),
  ];
  const bodies = [
    "",
    "hello",
    '{"names": []}',
    '{"names": [1]}',
    "[".repeat(5000),
    "5\r\nhello\r\n0\r\n\r\n",
    "x".repeat(70_000),
  ];
  const question = (): Buffer[] => {
    if (random.below(20) === 0) return [Buffer.from(junk(2000), "latin1")];
    const method = pick([
      "GET",
      "HEAD",
      "PUT",
      "PUT",
      "PUT",
      "POST",
      "DELETE",
      "PATCH",
      "OPTIONS",
      "CONNECT",
      "TRACE",
      "FOO",
      "",
    ]);
    const lines = [
      `${method} ${pick(paths)()} HTTP/${pick(["1.1", "1.1", "1.1", "1.0", "0.9", "2.0"])}`,
      "host: x",
    ];
    for (let count = random.below(5); count > 0; count--) lines.push(pick(headers)());
    const text = Buffer.from(`${lines.join("\r\n")}\r\n\r\n${pick(bodies)}`, "latin1");
    const cut = random.below(4) === 0 ? random.below(text.length) : text.length;
    return [text.subarray(0, cut), text.subarray(cut)];
  };
  let left = COUNT;
  const wrong: string[] = [];
  const worker = async (): Promise<void> => {
    while (left-- > 0) {
      const pieces = question();
      const answer = await send(port, pieces, 5);
      const status = /^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1];
      const isRight =
        answer === "" ||
        /^(10[01]|20[0146]|304|40[013456789]|41[01367]|426|429|431|501|505)$/.test(status ?? "");
      if (!isRight || answer.includes(server.folder) || answer.includes("node:"))
        wrong.push(`${Buffer.concat(pieces).toString("latin1").slice(0, 300)} -> ${answer.slice(0, 200)}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  expect(wrong).toEqual([]);
  expect(server.events.filter((one) => one === "failed")).toEqual([]);
  expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
  expect(readdirSync(dirname(server.folder)).filter((one) => !beside.includes(one))).toEqual([]);
  for (const one of readdirSync(server.folder, { recursive: true, withFileTypes: true })) {
    const path = join(one.parentPath, one.name).slice(server.folder.length + 1);
    if (!one.isFile() || path.startsWith(".server/")) continue;
    const found = storedFile(path);
    expect([path, found !== undefined && found.kind !== "write"]).toEqual([path, true]);
    if (found?.kind !== "object") continue;
    const digest = sha256(readFileSync(join(server.folder, path)));
    const sidecar = readFileSync(join(server.folder, `${path}.sha256`), "utf8");
    expect([path, sidecar.slice(0, 64)]).toEqual([path, digest]);
  }
}, 3_600_000);
