/** A PostgreSQL of Debian for a test: a cluster of its own on a Unix socket, as an ordinary user. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "./temporary.js";

const VERSIONS = "/usr/lib/postgresql";
/** Debian's `nobody`: root must not run a database. */
const NOBODY = 65534;

function programs(): string | undefined {
  const versions = existsSync(VERSIONS) ? readdirSync(VERSIONS) : [];
  return versions
    .map((version) => join(VERSIONS, version, "bin"))
    .filter((folder) => existsSync(join(folder, "initdb")))
    .sort()
    .at(-1);
}

export const postgresProblem: string | undefined =
  programs() === undefined ? "there is no PostgreSQL server (apt-get install postgresql)" : undefined;

export interface TestPostgres extends AsyncDisposable {
  /** Of `--database`. */
  readonly url: string;
  /** Ends the server as a crash does, and starts it again. */
  crash(): Promise<void>;
}

export async function startPostgres(): Promise<TestPostgres> {
  const bin = programs()!;
  const folder = temporaryFolder("pg");
  const isRoot = process.getuid?.() === 0;
  if (isRoot) chownSync(folder, NOBODY, NOBODY);
  const who = { ...(isRoot && { uid: NOBODY, gid: NOBODY }), cwd: folder };
  const data = join(folder, "data");
  const made = spawnSync(
    join(bin, "initdb"),
    ["-A", "trust", "-U", "tsbake", "-E", "UTF8", "--no-sync", "-D", data],
    {
      ...who,
      encoding: "utf8",
      env: process.env,
    },
  );
  if (made.status !== 0) throw new Error(`initdb: ${made.stderr}`);
  const words = ["-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"];
  const start = async () => {
    const child = spawn(join(bin, "postgres"), words, {
      ...who,
      stdio: ["ignore", "ignore", "pipe"],
      env: process.env,
    });
    let said = "";
    await new Promise<void>((resolve, reject) => {
      child.stderr.on("data", (piece: Buffer) => {
        said += piece.toString();
        if (said.includes("ready to accept connections")) resolve();
      });
      child.once("exit", (code) => reject(new Error(`postgres ended with ${code}: ${said}`)));
    });
    return child;
  };
  let server = await start();
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const gone = once(server, "exit");
    server.kill(signal);
    await gone;
  };
  return {
    url: `postgresql:///postgres?host=${encodeURIComponent(folder)}&user=tsbake`,
    crash: async () => {
      // Immediate shutdown: no checkpoint, and the next start recovers.
      await end("SIGQUIT");
      server = await start();
    },
    [Symbol.asyncDispose]: () => end("SIGQUIT"),
  };
}
