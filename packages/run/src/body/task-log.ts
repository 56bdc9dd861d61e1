/** `${T}/log.do_x.<pid>` with its link `log.do_x`, and the list of what ran in which order. */
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  fstatSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  symlinkSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { makeFolderSync, redact } from "@tsbake/base";

const END_BYTES = 4096;

export class TaskLog {
  readonly path: string;
  /** Open for appending: we and the body write in turn. Read through it as well: the body may take its name away. */
  readonly fd: number;
  readonly #task: string;

  /** @throws system errors */
  constructor(folder: string, task: string) {
    makeFolderSync(folder);
    this.path = join(folder, `log.${task}.${process.pid}`);
    this.#task = task;
    // A new file, not a truncated one: someone may be reading the old.
    rmSync(this.path, { force: true });
    this.fd = openSync(this.path, "a+");
    linkTo(this.path, `log.${task}`);
    const now = new Date().toISOString().replaceAll(/[-:]/g, "").replace("T", "-").replace("Z", "");
    appendFileSync(
      join(folder, "log.task_order"),
      `${now} ${task} (${process.pid}): ${basename(this.path)}\n`,
    );
  }

  write(text: string): void {
    writeSync(this.fd, redact(text));
  }

  /** The last bytes of it, those that programs wrote included. */
  end(): string {
    const bytes = Buffer.alloc(END_BYTES);
    const count = readSync(this.fd, bytes, 0, END_BYTES, Math.max(0, fstatSync(this.fd).size - END_BYTES));
    return bytes.toString("utf8", 0, count);
  }

  /** For a task that failed: where something has cleaned the log away, it is there again. @throws system errors */
  restore(): void {
    const found = statSync(this.path, { throwIfNoEntry: false });
    if (found?.ino === fstatSync(this.fd).ino) return;
    makeFolderSync(dirname(this.path));
    copyFileSync(`/proc/self/fd/${this.fd}`, this.path);
    linkTo(this.path, `log.${this.#task}`);
  }

  close(): void {
    closeSync(this.fd);
  }
}

/** Makes `name`, beside `path`, a link to it. */
export function linkTo(path: string, name: string): void {
  const link = join(dirname(path), name);
  rmSync(link, { force: true });
  symlinkSync(basename(path), link);
}
