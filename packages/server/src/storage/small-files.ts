/** Content of small files that were read before: checksums, descriptions and small objects are most of what is asked for. */
import type { ServedFile } from "./storage.js";

/** A larger file is streamed. */
export const SMALL_BYTES = 128 << 10;
const MOST_BYTES = 64 << 20;

interface Content {
  readonly version: string;
  readonly bytes: Buffer;
}

export class SmallFiles {
  /** What was not asked for the longest comes first. */
  readonly #known = new Map<string, Content>();
  #bytes = 0;

  /** @param found as the file is now: of another version nothing is known */
  get(path: string, found: ServedFile): Buffer | undefined {
    const known = this.#known.get(path);
    if (!known) return undefined;
    this.#known.delete(path);
    if (known.version !== versionOf(found)) {
      this.#bytes -= known.bytes.length;
      return undefined;
    }
    this.#known.set(path, known);
    return known.bytes;
  }

  /** @param bytes the whole file, which nobody changes any more */
  keep(path: string, found: ServedFile, bytes: Buffer): void {
    if (bytes.length > SMALL_BYTES) return;
    this.#bytes += bytes.length - (this.#known.get(path)?.bytes.length ?? 0);
    this.#known.delete(path);
    this.#known.set(path, { version: versionOf(found), bytes });
    for (const [oldest, { bytes: its }] of this.#known) {
      if (this.#bytes <= MOST_BYTES) return;
      this.#known.delete(oldest);
      this.#bytes -= its.length;
    }
  }
}

function versionOf({ etag, sizeBytes, changed }: ServedFile): string {
  return `${etag} ${sizeBytes} ${changed}`;
}
