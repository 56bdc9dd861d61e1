/** Hash equivalence: our server and BitBake's own, asked by the same client: 32 connections, in turn. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { cpuMsOf, freePort, startOurs, until } from "./servers.mjs";

const CONNECTIONS = 32;
const HASHES = 64_000;
const REPORTS = HASHES / 16;
const BATCH = 500;
/** With the one before. */
const LONGEST_ANSWER = 200;
const hash = (text) => createHash("sha256").update(text).digest("hex");

class Talk {
  #lines = [];
  #rest = "";
  /** Answers that are counted and not kept. */
  #left = 0;
  #wake = () => {};

  static async open(address) {
    const [host, port] = address.split(":");
    const talk = new Talk();
    talk.socket = await new Promise((resolve, reject) => {
      const socket = connect({ host, port: Number(port), noDelay: true }, () => resolve(socket));
      socket.on("error", reject);
    });
    talk.socket.on("data", (piece) => talk.#take(piece));
    talk.say(["OEHASHEQUIV 1.1", ""]);
    return talk;
  }

  #take(piece) {
    const text = piece.toString("latin1");
    if (this.#left === 0) {
      const lines = (this.#rest + text).split("\n");
      this.#rest = lines.pop();
      this.#lines.push(...lines);
    } else {
      for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) this.#left--;
      this.#rest = (this.#rest + text).slice(-LONGEST_ANSWER);
    }
    this.#wake();
  }

  say(lines) {
    this.socket.write(`${lines.join("\n")}\n`);
  }

  /** Says words that are made, and counts the answers without a look at each: what is measured is the server. @returns the last one */
  async ask(text, lines) {
    this.#left = lines;
    this.socket.write(text);
    while (this.#left > 0) await new Promise((resolve) => (this.#wake = resolve));
    const last = this.#rest.split("\n").at(-2);
    this.#rest = "";
    return last;
  }

  async hear() {
    while (this.#lines.length === 0) await new Promise((resolve) => (this.#wake = resolve));
    return this.#lines.shift();
  }
}

/** @returns of reports and of questions, as `medianOf` takes them */
async function measure({ child, hashAddress: address }, seed) {
  const talks = [];
  for (let count = 0; count < CONNECTIONS; count++) talks.push(await Talk.open(address));
  const hashes = Array.from({ length: HASHES }, (_one, at) => hash(`${seed} ${at}`));
  // Made beforehand: the time of the client is in neither's way.
  const shares = talks.map((_talk, at) => hashes.filter((_one, position) => position % CONNECTIONS === at));
  let began = cpuMsOf(child.pid);
  let started = performance.now();
  await Promise.all(
    talks.map(async (talk, at) => {
      for (const one of shares[at].slice(0, REPORTS / CONNECTIONS)) {
        talk.say([
          JSON.stringify({ report: { method: "bench", taskhash: one, outhash: one, unihash: one } }),
        ]);
        if (!(await talk.hear()).includes(one)) throw new Error("a wrong answer");
      }
    }),
  );
  const reports = {
    rate: (REPORTS / (performance.now() - started)) * 1000,
    cpuMs: (cpuMsOf(child.pid) - began) / REPORTS,
  };
  const known = new Map(hashes.map((one) => [one, ""]));
  for (let at = 0; at < CONNECTIONS; at++)
    for (const one of shares[at].slice(0, REPORTS / CONNECTIONS)) known.set(one, one);
  const batches = shares.map((own) =>
    Array.from({ length: own.length / BATCH }, (_one, at) => {
      const batch = own.slice(at * BATCH, (at + 1) * BATCH);
      return { text: batch.map((one) => `bench ${one}\n`).join(""), last: batch.at(-1) };
    }),
  );
  began = cpuMsOf(child.pid);
  started = performance.now();
  await Promise.all(
    talks.map(async (talk, at) => {
      talk.say(['{"get-stream": null}']);
      await talk.hear();
      for (const { text, last } of batches[at])
        if ((await talk.ask(text, BATCH)) !== known.get(last)) throw new Error("a wrong answer");
    }),
  );
  const gets = {
    rate: (HASHES / (performance.now() - started)) * 1000,
    cpuMs: (cpuMsOf(child.pid) - began) / HASHES,
  };
  for (const { socket } of talks) socket.destroy();
  return { reports, gets };
}

async function startBitBake(folder, bitbake) {
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  const child = spawn(
    join(bitbake, "bin/bitbake-hashserv"),
    ["--bind", address, "--database", join(folder, "bitbake.db")],
    { stdio: "ignore" },
  );
  await until(() => Talk.open(address).then(({ socket }) => socket.destroy()));
  return { hashAddress: address, child, end: () => child.kill("SIGTERM") };
}

export async function hashes(folder, runs, bitbake) {
  mkdirSync(join(folder, "hashes"));
  const ours = await startOurs(join(folder, "hashes"), ["--anonymous", "@read @report"]);
  const theirs = await startBitBake(folder, bitbake);
  const sums = { ours: [], theirs: [] };
  try {
    for (let run = 0; run < runs; run++) {
      sums.ours.push(await measure(ours, run));
      sums.theirs.push(await measure(theirs, run));
    }
  } finally {
    ours.end();
    theirs.end();
  }
  return ["reports", "gets"].map((what) => ({
    what: what === "gets" ? "get (stream)" : "report",
    unit: "operations/s",
    peer: "BitBake's server",
    ours: sums.ours.map((one) => one[what]),
    theirs: sums.theirs.map((one) => one[what]),
  }));
}
