/**
 * Files as they are served, by path: of an object the name of its content is its SHA-256, as the file beside it has it; of others what
 * the file's status says.
 */
import type { Stats } from "node:fs";
import { join } from "node:path";
import { digestIn, sidecarTextOf, storedFile } from "@tsbake/sstate";
import type { ServedFile } from "./storage.js";

interface Known {
  readonly ino: number;
  readonly changedMs: number;
  readonly file: ServedFile;
}

/** About 300 bytes each. */
const MOST_KNOWN = 200_000;

export class ServedFiles {
  readonly #folder: string;
  /** The longest known first. */
  readonly #known = new Map<string, Known>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The same one each time, as long as nobody touches the file. */
  known(path: string, { ino, size, ctimeMs }: Stats): ServedFile | undefined {
    const known = this.#known.get(path);
    // Other bytes come as another file, and whatever changes one changes this time.
    return known?.ino === ino && known.file.sizeBytes === size && known.changedMs === ctimeMs
      ? known.file
      : undefined;
  }

  async read(path: string, { ino, size, mtimeMs, ctimeMs }: Stats): Promise<ServedFile> {
    const digest =
      storedFile(path)?.kind === "object"
        ? digestIn((await sidecarTextOf(join(this.#folder, path))) ?? "")
        : undefined;
    const etag = `"${digest ?? `${size.toString(16)}-${Math.trunc(mtimeMs).toString(16)}`}"`;
    const file = { sizeBytes: size, etag, modifiedMs: mtimeMs, changed: `${ino} ${ctimeMs}` };
    this.#known.delete(path);
    this.#known.set(path, { ino, changedMs: ctimeMs, file });
    if (this.#known.size > MOST_KNOWN) {
      const [oldest] = this.#known.keys();
      this.#known.delete(oldest!);
    }
    return file;
  }
}
