/**
 * Two named pipes between the engine and one child: requests of the child come, replies go. Named, because the child is
 * started by someone else, maybe through a sandbox, and inherits nothing of ours.
 */
import { BuildError, run, scratchFolder } from "@tsbake/base";
import { constants, openSync } from "node:fs";
import { rm } from "node:fs/promises";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { noPipe } from "../problems.js";

/** What the channel sends itself after the child's end, to know that everything before it has been read. */
const END = '{"op":"end"}';

export class Channel implements AsyncDisposable {
  /** The child writes lines here. */
  readonly requestsPath: string;
  /** The child reads lines from here. */
  readonly repliesPath: string;
  readonly #folder: string;
  readonly #requests: Socket;
  readonly #replies: Socket;

  private constructor(folder: string, requests: Socket, replies: Socket) {
    this.#folder = folder;
    this.requestsPath = join(folder, "requests");
    this.repliesPath = join(folder, "replies");
    this.#requests = requests;
    this.#replies = replies;
  }

  /** @throws BuildError `python/no-pipe` when the system refuses to make them */
  static async open(): Promise<Channel> {
    const folder = await scratchFolder(join(tmpdir(), "tsbake-python-"));
    const paths = [join(folder, "requests"), join(folder, "replies")] as const;
    const made = await run("mkfifo", ["-m", "600", ...paths], { mayFail: true });
    if (made.code !== 0) {
      await rm(folder, { recursive: true, force: true });
      throw new BuildError([noPipe(folder, made.stderr.trim())]);
    }
    return new Channel(folder, openPipe(paths[0], true), openPipe(paths[1], false));
  }

  /** Lines of the child, until `finish` was called and all are read. */
  async *lines(): AsyncGenerator<string> {
    for await (const line of createInterface({ input: this.#requests, crlfDelay: Infinity })) {
      if (line === END) return;
      if (line !== "") yield line;
    }
  }

  reply(line: string): void {
    this.#replies.write(`${line}\n`);
  }

  /** The child has ended. The newline ends what it may have left unfinished. */
  finish(): void {
    this.#requests.write(`\n${END}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#requests.destroy();
    this.#replies.destroy();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Both ends at once: so opening does not wait for the child, and there is no end of file between two writers. Only requests
 * are readable: a readable socket reads at once, and would take the child's replies away. */
function openPipe(path: string, readable: boolean): Socket {
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const socket = new Socket({ fd, readable, writable: true });
  // A child that is killed in the middle is told by its exit code.
  socket.on("error", () => {});
  return socket;
}
