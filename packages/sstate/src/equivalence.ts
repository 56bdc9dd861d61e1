/**
 * Which task hashes gave the same output: a file of JSON lines, `{"taskhash","outhash","unihash","task"}`, that grows.
 * Several processes of one machine may use it: each appends under a lock, after reading what the others have appended.
 *
 * @see BitBake 2.19 lib/hashserv: the same rules, without a server
 */
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { BuildError, hasCode, jsonObject, lockPath, makeFolder, messageOf } from "@tsbake/base";
import { unusableEquivalences } from "./problems.js";

export interface OutputReport {
  readonly taskHash: string;
  /** Of the task's output and of what it is the output of. */
  readonly outHash: string;
  /** The same as a server knows it: how the output was hashed, and what came out. */
  readonly method: string;
  readonly output: string;
  /** What the task is called by when nobody has had this output before. */
  readonly unihash: string;
  /** For people. */
  readonly task: string;
}

export interface Equivalences {
  /** The unihash of a task hash that was reported before, as of the last reading. */
  unihash(taskHash: string): string | undefined;
  /**
   * Says what a task hash gave.
   *
   * @returns the unihash from now on: the one it has already, else that of the oldest task hash with the same output,
   *   else the proposed one
   * @throws BuildError `sstate/unusable-equivalences`
   */
  report(report: OutputReport): Promise<string>;
}

/** @param path made when it is not there @throws BuildError `sstate/unusable-equivalences` */
export async function openEquivalences(path: string): Promise<Equivalences> {
  const file = new EquivalenceFile(path);
  await file.read();
  return file;
}

class EquivalenceFile implements Equivalences {
  readonly #path: string;
  readonly #byTask = new Map<string, string>();
  readonly #byOutput = new Map<string, string>();
  /** Bytes read so far: up to the end of a line. */
  #read = 0;

  constructor(path: string) {
    this.#path = path;
  }

  unihash(taskHash: string): string | undefined {
    return this.#byTask.get(taskHash);
  }

  read(): Promise<void> {
    return this.#guard(() => this.#readNew().then(() => undefined));
  }

  report(report: OutputReport): Promise<string> {
    return this.#guard(async () => {
      await makeFolder(dirname(this.#path));
      // The lock is named after a file that is there.
      await (await open(this.#path, "a")).close();
      await using _lock = await lockPath(this.#path);
      const isWhole = await this.#readNew();
      const known = this.#byTask.get(report.taskHash);
      const unihash = known ?? this.#byOutput.get(report.outHash) ?? report.unihash;
      if (known !== undefined && this.#byOutput.has(report.outHash)) return unihash;
      const { taskHash: taskhash, outHash: outhash, task } = report;
      const line = `${isWhole ? "" : "\n"}${JSON.stringify({ taskhash, outhash, unihash, task })}\n`;
      const file = await open(this.#path, "a");
      try {
        await file.writeFile(line);
        await file.sync();
      } finally {
        await file.close();
      }
      await this.#readNew();
      return unihash;
    });
  }

  /** @returns false when the file ends in a line that someone could not finish */
  async #readNew(): Promise<boolean> {
    let file;
    try {
      file = await open(this.#path, "r");
    } catch (error) {
      if (hasCode(error, "ENOENT")) return true;
      throw error;
    }
    try {
      const { size } = await file.stat();
      const bytes = Buffer.alloc(Math.max(0, size - this.#read));
      await file.read(bytes, 0, bytes.length, this.#read);
      const end = bytes.lastIndexOf(0x0a) + 1;
      for (const line of bytes.subarray(0, end).toString().split("\n")) this.#take(line);
      this.#read += end;
      return end === bytes.length;
    } finally {
      await file.close();
    }
  }

  /** The oldest line of a hash counts; a line that was not finished says nothing. */
  #take(line: string): void {
    const { taskhash, outhash, unihash } = jsonObject(line) ?? {};
    if (![taskhash, outhash, unihash].every((one) => typeof one === "string" && /^[0-9a-f]+$/.test(one)))
      return;
    if (!this.#byTask.has(taskhash as string)) this.#byTask.set(taskhash as string, unihash as string);
    if (!this.#byOutput.has(outhash as string)) this.#byOutput.set(outhash as string, unihash as string);
  }

  async #guard<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      throw new BuildError([unusableEquivalences(this.#path, messageOf(error))], { cause: error });
    }
  }
}
