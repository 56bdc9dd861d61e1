/** `${T}/log.do_x.<pid>` with its link `log.do_x`, and the list of what ran in which order. */
import {
  appendFileSync,
  closeSync,
  fstatSync,
  openSync,
  readSync,
  rmSync,
  symlinkSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { makeFolderSync, redact } from "@tsbake/base";

const END_BYTES = 4096;

export class TaskLog {
  readonly path: string;
  /** Open for appending: we and the body write in turn. */
  readonly fd: number;

  /** @throws system errors */
  constructor(folder: string, task: string) {
    makeFolderSync(folder);
    this.path = join(folder, `log.${task}.${process.pid}`);
    // A new file, not a truncated one: someone may be reading the old.
    rmSync(this.path, { force: true });
    this.fd = openSync(this.path, "a");
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
    const file = openSync(this.path, "r");
    try {
      const bytes = Buffer.alloc(END_BYTES);
      const count = readSync(file, bytes, 0, END_BYTES, Math.max(0, fstatSync(file).size - END_BYTES));
      return bytes.toString("utf8", 0, count);
    } finally {
      closeSync(file);
    }
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
