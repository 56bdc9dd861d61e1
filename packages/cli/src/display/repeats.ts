/** What is wrong with one place (a mirror, SSTATE_DIR) is met by each task that needs it: told of the first, counted for the others. */
import type { Diagnostic } from "@tsbake/base";
import type { RestoreFailed } from "@tsbake/run";
import { count, listing, taskWords } from "../text/text.js";

const REPEATED: ReadonlySet<string> = new Set([
  "run/cannot-record",
  "run/cannot-store",
  "run/refused-artifact",
  "run/restore-failed",
]);
const namesShown = 3;

export class Repeats {
  /** The tasks after the first, by code and by the words that are the same for all. */
  readonly #others = new Map<string, { readonly code: string; readonly labels: string[] }>();
  /** The shared state has said what is wrong with it. */
  #isExplained = false;
  /** What it could not give after that. */
  readonly #unrestored: string[] = [];

  /** Whether a restore that failed is one more of a trouble that was told. */
  isKnown({ label, reason }: RestoreFailed): boolean {
    const isKnown = this.#isExplained && reason === "gone";
    if (isKnown) this.#unrestored.push(label);
    return isKnown;
  }

  /** Whether this is the first of its kind, or of no such kind. */
  isNew({ code, message }: Diagnostic): boolean {
    this.#isExplained ||= code === "engine/shared-state";
    const [, label, words] = /^(\S+:do_\w+): ([^]*)$/.exec(message) ?? [];
    if (!REPEATED.has(code) || label === undefined || words === undefined) return true;
    // Paths and digests are those of one artifact.
    const key = `${code} ${words.replaceAll(/\S*\/\S*|\b[0-9a-f]{32,}\b/g, "")}`;
    const known = this.#others.get(key);
    if (!known) this.#others.set(key, { code, labels: [] });
    known?.labels.push(label);
    return known === undefined;
  }

  /** At the end: of how many more each was true. */
  rest(): string[] {
    const { length } = this.#unrestored;
    const unrestored =
      length === 0
        ? []
        : [`${count(length, "task")} ran that could not be restored: ${namesOf(this.#unrestored)}`];
    return [...unrestored, ...this.#repeated()];
  }

  #repeated(): string[] {
    return [...this.#others.values()].flatMap(({ code, labels }) => {
      if (labels.length === 0) return [];
      return [
        `warning[${code}]: what is told above of one task is true of ${labels.length} more: ${namesOf(labels)}`,
      ];
    });
  }
}

function namesOf(labels: readonly string[]): string {
  const shown = labels.slice(0, namesShown).map(taskWords);
  const more = labels.length - shown.length;
  return listing(more > 0 ? [...shown, count(more, "other")] : shown);
}
