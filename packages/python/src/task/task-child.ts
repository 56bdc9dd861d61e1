/**
 * Program: a Python task in the embedded interpreter. Arguments: the folder of the memory snapshot, the named pipe for
 * requests, the one for replies, as with the host's Python.
 */
import { openSync, readSync, writeSync } from "node:fs";
import { Bridge } from "../interpreter/bridge.js";
import { hostFacts, startPython } from "../interpreter/open.js";
import type { PythonOptions } from "../options.js";

const [cache, requestsPath, repliesPath] = process.argv.slice(2) as [string, string, string];
const REQUESTS = openSync(requestsPath, "w");
const REPLIES = openSync(repliesPath, "r");

/** What lib/tsbake/task.py calls; blocking, as Python is. */
class Channel {
  readonly #bridge: Bridge;
  readonly #buffer = Buffer.alloc(1 << 16);

  constructor(bridge: Bridge) {
    this.#bridge = bridge;
  }

  tell(text: string): void {
    writeAll(REQUESTS, `${text}\n`);
  }

  receive(): string {
    const pieces: Buffer[] = [];
    for (;;) {
      const length = readSync(REPLIES, this.#buffer);
      // The engine is gone.
      if (length === 0) process.exit(1);
      pieces.push(Buffer.from(this.#buffer.subarray(0, length)));
      if (this.#buffer[length - 1] === 0x0a) return Buffer.concat(pieces).toString();
    }
  }

  exchange(text: string): string {
    this.tell(text);
    return this.receive();
  }

  spawn(request: string): string {
    return this.#bridge.spawn(request);
  }
}

function writeAll(descriptor: number, text: string): void {
  let rest = Buffer.from(text);
  while (rest.length > 0) rest = rest.subarray(writeSync(descriptor, rest));
}

const STANDARD_OUTPUT = 1;

const options: PythonOptions = {
  cache,
  onMessage: (_level, text) => writeAll(STANDARD_OUTPUT, `${text}\n`),
};
const pyodide = await startPython(options);
// Bytes as they come: a last line without a newline must not be lost.
const write = (bytes: Uint8Array): number => writeSync(STANDARD_OUTPUT, bytes);
pyodide.setStdout({ write });
pyodide.setStderr({ write });
const task = pyodide.pyimport("tsbake.task") as unknown as {
  run_embedded(channel: Channel, facts: string): number;
};
process.exit(task.run_embedded(new Channel(new Bridge(options)), JSON.stringify(hostFacts(undefined))));
