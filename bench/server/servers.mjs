/** Servers that are compared, on free ports of the loopback. */
import { execFileSync, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

export function freePort() {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

export async function until(works, tries = 100) {
  for (let count = 1; ; count++) {
    try {
      return await works();
    } catch (error) {
      if (count === tries) throw error;
      await sleep(100);
    }
  }
}

/** @param folder new @returns its URL, the address of its hash equivalence, its token, and how to end it */
export async function startOurs(folder, words = []) {
  const child = spawn(
    "node",
    [
      "packages/server/dist/main.js",
      "--dir",
      folder,
      "--port",
      "0",
      "--hash-listen",
      "127.0.0.1:0",
      ...words,
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const facts = await new Promise((resolve, reject) => {
    let started;
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (line.includes('"event":"started"')) started = JSON.parse(line);
      // Of a folder without tokens; it comes after that.
      else if (line.startsWith("token ")) resolve({ ...started, token: line.split(" ").at(-1) });
    });
    child.on("exit", (code) => reject(new Error(`the server ended with ${code}`)));
  });
  return {
    url: facts.url,
    hashAddress: facts.hashAddresses[0],
    token: facts.token,
    child,
    end: () => child.kill("SIGTERM"),
  };
}

const TICKS_A_SECOND = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

/**
 * Processor time of a process and its children, ended ones too, in ms: on a busy machine it says more than the clock.
 *
 * @see proc(5), `/proc/PID/stat`: utime, stime, cutime, cstime are fields 14 to 17
 */
export function cpuMsOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  const own = fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0);
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean),
  );
  return (own / TICKS_A_SECOND) * 1000 + children.reduce((sum, child) => sum + cpuMsOf(child), 0);
}

/** Of several measurements. @returns operations a second, and ms of processor time for each of them */
export function medianOf(measured) {
  const middle = (values) => values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)];
  return {
    rate: middle(measured.map(({ rate }) => rate)),
    cpuMs: middle(measured.map(({ cpuMs }) => cpuMs)),
  };
}
