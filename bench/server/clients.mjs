/** How many builds one server holds: so many clients at once, each of which asks for 1,000 objects (HEAD) and fetches 50 of 64 KiB. */
import { Agent, request } from "node:http";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { layObjects } from "./http.mjs";
import { cpuMsOf, startOurs } from "./servers.mjs";

const CLIENTS = [1, 4, 16, 64];
const HEADS = 1000;
const GETS = 50;
/** As many as tsbake opens to a mirror. */
const CONNECTIONS = 16;

function ask(agent, origin, method, path) {
  return new Promise((resolve, reject) => {
    const one = request(`${origin}${path}`, { agent, method }, (response) => {
      let bytes = 0;
      response.on("data", (piece) => (bytes += piece.length));
      response.on("error", reject);
      response.on("end", () =>
        response.statusCode === 200 ? resolve(bytes) : reject(new Error(`HTTP ${response.statusCode}`)),
      );
    });
    one.on("error", reject).end();
  });
}

/** @returns ms until the last answer */
async function client(origin, paths) {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const started = performance.now();
  const at = (count) => paths[count % paths.length];
  await Promise.all(Array.from({ length: HEADS }, (_one, count) => ask(agent, origin, "HEAD", at(count))));
  const got = await Promise.all(
    Array.from({ length: GETS }, (_one, count) => ask(agent, origin, "GET", at(count))),
  );
  if (got.some((bytes) => bytes !== 64 << 10)) throw new Error("a wrong length");
  agent.destroy();
  return performance.now() - started;
}

export async function clients(folder) {
  const objects = join(folder, "clients");
  mkdirSync(objects);
  const paths = readFileSync(layObjects(objects)["64 KiB"], "utf8").trim().split("\n");
  const server = await startOurs(objects);
  const { origin } = new URL(server.url);
  console.log(
    "\n| clients at once | the slowest, s | processor of the server, ms a client | its memory, MiB |\n|---|---|---|---|",
  );
  try {
    // Not counted: node compiles what it runs often.
    for (let count = 0; count < 3; count++) await client(origin, paths);
    for (const count of CLIENTS) {
      const before = cpuMsOf(server.child.pid);
      const times = await Promise.all(Array.from({ length: count }, () => client(origin, paths)));
      const cpuMs = (cpuMsOf(server.child.pid) - before) / count;
      const [, kib] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.child.pid}/status`, "utf8"));
      console.log(
        `| ${count} | ${(Math.max(...times) / 1000).toFixed(1)} | ${Math.round(cpuMs)} | ${Math.round(kib / 1024)} |`,
      );
    }
  } finally {
    server.end();
  }
}
