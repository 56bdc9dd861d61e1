/** Names of contents: of an object its SHA-256, as the file beside it has it; of others what the file's status says. */
import type { Stats } from "node:fs";
import { join } from "node:path";
import { digestIn, sidecarTextOf, storedFile } from "@tsbake/sstate";

interface Known {
  readonly ino: number;
  readonly sizeBytes: number;
  readonly changedMs: number;
  readonly etag: string;
}

/** About 200 bytes each. */
const MOST_KNOWN = 200_000;

export class Etags {
  readonly #folder: string;
  /** The longest known first. */
  readonly #known = new Map<string, Known>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  known(path: string, { ino, size, ctimeMs }: Stats): string | undefined {
    const known = this.#known.get(path);
    // Other bytes come as another file, and whatever changes one changes this time.
    return known?.ino === ino && known.sizeBytes === size && known.changedMs === ctimeMs
      ? known.etag
      : undefined;
  }

  async read(path: string, { ino, size, mtimeMs, ctimeMs }: Stats): Promise<string> {
    const digest =
      storedFile(path)?.kind === "object"
        ? digestIn((await sidecarTextOf(join(this.#folder, path))) ?? "")
        : undefined;
    const etag = `"${digest ?? `${size.toString(16)}-${Math.trunc(mtimeMs).toString(16)}`}"`;
    this.#known.delete(path);
    this.#known.set(path, { ino, sizeBytes: size, changedMs: ctimeMs, etag });
    if (this.#known.size > MOST_KNOWN) {
      const [oldest] = this.#known.keys();
      this.#known.delete(oldest!);
    }
    return etag;
  }
}
