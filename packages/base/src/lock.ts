/**
 * One holder a path among the processes of this machine.
 *
 * The lock is an abstract unix socket named after the path: the kernel releases it with the process that
 * holds it, so a killed tsbake leaves nothing to clean up, and who waits can ask the holder who it is.
 */
import { realpathSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import type { Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { hasCode } from "./errno.js";
import { sha256 } from "./hash.js";

export interface Lock extends AsyncDisposable {
  release(): Promise<void>;
}

export interface LockOptions {
  /** A lock of this name in the folder `path`, instead of the one of the folder itself. */
  readonly name?: string;
  /** What the holder tells those who wait, e.g. `tsbake sysext-image (pid 12)`. */
  readonly holder: string;
  /** Called once, before the first wait, with what the present holder says of itself. */
  readonly onWait?: (holder: string) => void;
}

/** Waits until this process alone holds `path` (an existing file or folder). */
export async function lockPath(path: string, options: LockOptions): Promise<Lock> {
  const name = `\0tsbake-${sha256(options.name === undefined ? realpathSync(path) : join(realpathSync(path), options.name)).slice(0, 32)}`;
  let told = false;
  for (;;) {
    const server = await listen(name, options.holder);
    if (server) {
      const release = () => new Promise<void>((resolve) => server.close(() => resolve()));
      return { release, [Symbol.asyncDispose]: release };
    }
    const holder = await ask(name);
    if (holder !== undefined && !told) {
      told = true;
      options.onWait?.(holder);
    }
    await sleep(100);
  }
}

function listen(name: string, holder: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.end(holder);
    });
    server.on("error", (error) => (hasCode(error, "EADDRINUSE") ? resolve(undefined) : reject(error)));
    server.listen(name, () => {
      server.unref();
      resolve(server);
    });
  });
}

function ask(name: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect(name);
    socket.setEncoding("utf8");
    socket.on("data", (piece: string) => (text += piece));
    socket.on("error", () => resolve(undefined));
    socket.on("close", () => resolve(text === "" ? undefined : text));
  });
}
