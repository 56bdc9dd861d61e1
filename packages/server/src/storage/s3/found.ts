/** Objects that were seen in a bucket a moment ago: a build asks for all of its names, then for some of them again. */
import type { BucketFile } from "./answers.js";

/** An object that another server has deleted is believed to be there so long; reading it says that it is gone. */
const KNOWN_MS = 60_000;
/** About 400 bytes each. */
const MOST = 100_000;

export class FoundObjects {
  /** Those seen first come first. */
  readonly #known = new Map<string, { readonly file: BucketFile; readonly untilMs: number }>();

  get(path: string): BucketFile | undefined {
    const known = this.#known.get(path);
    return known && known.untilMs > performance.now() ? known.file : undefined;
  }

  keep(path: string, file: BucketFile): void {
    this.#known.delete(path);
    this.#known.set(path, { file, untilMs: performance.now() + KNOWN_MS });
    if (this.#known.size <= MOST) return;
    const [oldest] = this.#known.keys();
    this.#known.delete(oldest!);
  }

  forget(path: string): void {
    this.#known.delete(path);
  }
}
