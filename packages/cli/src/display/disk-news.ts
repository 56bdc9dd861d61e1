/**
 * A disk that is full or read-only fails everything that writes to it. It is told once: as the error that ended the work, or,
 * when all ended well, as one warning about what could not be kept.
 */
import { isDiskProblem } from "@tsbake/base";
import type { Diagnostic } from "@tsbake/base";

export class DiskNews {
  #isTold = false;
  #held: Diagnostic | undefined;
  #count = 0;

  /** Keeps a warning about a disk for later. @returns whether it is one */
  hold(diagnostic: Diagnostic): boolean {
    if (!isDiskProblem(diagnostic)) return false;
    this.#held ??= diagnostic;
    this.#count++;
    return true;
  }

  /** Those of the errors that say something new. */
  news(diagnostics: readonly Diagnostic[]): Diagnostic[] {
    return diagnostics.filter((diagnostic) => {
      if (!isDiskProblem(diagnostic)) return true;
      const isNew = !this.#isTold;
      this.#isTold = true;
      return isNew;
    });
  }

  /** At the end: the warning that was held, when nothing else has told of the disk. */
  rest(): Diagnostic | undefined {
    const held = this.#held;
    this.#held = undefined;
    if (!held || this.#isTold) return undefined;
    this.#isTold = true;
    if (this.#count === 1) return held;
    return { ...held, message: `${held.message} (and ${this.#count - 1} more that could not be kept)` };
  }
}
