/** Servers that are compared, on free ports of the loopback. */
import { spawn } from "node:child_process";
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

/** @returns its URL, the address of its hash equivalence, and how to end it */
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
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (line.includes('"event":"started"')) resolve(JSON.parse(line));
    });
    child.on("exit", (code) => reject(new Error(`the server ended with ${code}`)));
  });
  return { url: facts.url, hashAddress: facts.hashAddresses[0], child, end: () => child.kill("SIGTERM") };
}
