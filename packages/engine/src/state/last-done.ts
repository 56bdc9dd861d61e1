/**
 * How each task was done the last time, for people who look at the graph: `last-done.json` in the cache folder. It decides
 * nothing; a damaged file counts as empty.
 */
import { join } from "node:path";
import { byText, codeOf, readTextIfThere, writeFileAtomic } from "@tsbake/base";
import type { RunEvent } from "@tsbake/run";
import * as v from "valibot";

/**
 * `run`: its body; `restore`: its artifact came from the shared state; `covered`: nobody needed it, for what needs it was
 * restored; `noexec`: it has no body.
 */
const Done = v.object({
  how: v.picklist(["run", "restore", "covered", "noexec"]),
  elapsedMs: v.pipe(v.number(), v.integer(), v.minValue(0)),
});
export type Done = Readonly<v.InferOutput<typeof Done>>;

const File = v.object({ format: v.literal(1), tasks: v.record(v.string(), Done) });

/** By label, `PN:do_task`. @param cache CACHE */
export function readLastDone(cache: string): Promise<ReadonlyMap<string, Done>> {
  return readKnown(pathIn(cache));
}

/** What a build does is noted; what was noted before is read when it ends, and only where it did anything. */
export class DoneNotes {
  readonly #path: string;
  readonly #new = new Map<string, Done>();

  /** @param cache CACHE */
  constructor(cache: string) {
    this.#path = pathIn(cache);
  }

  /** What was up to date stays as it was done. */
  see(event: RunEvent): void {
    if (event.type === "task-finished") this.#note(event.label, "run", event.elapsedMs);
    if (event.type !== "task-skipped") return;
    if (event.reason === "restored") this.#note(event.label, "restore", event.elapsedMs);
    if (event.reason === "covered" || event.reason === "noexec") this.#note(event.label, event.reason, 0);
  }

  #note(label: string, how: Done["how"], elapsedMs: number): void {
    this.#new.set(label, { how, elapsedMs: Math.round(elapsedMs) });
  }

  /** Writes what is new, where anything was done. */
  async save(): Promise<void> {
    if (![...this.#new.values()].some(({ how }) => how === "run" || how === "restore")) return;
    try {
      const known = await readKnown(this.#path);
      const all = [...new Map([...known, ...this.#new])].sort(([left], [right]) => byText(left, right));
      await writeFileAtomic(
        this.#path,
        `${JSON.stringify({ format: 1, tasks: Object.fromEntries(all) }, undefined, 1)}\n`,
        { sync: false },
      );
    } catch (error) {
      // It is worth less than the build.
      if (codeOf(error) === undefined) throw error;
    }
  }
}

function pathIn(cache: string): string {
  return join(cache, "last-done.json");
}

async function readKnown(path: string): Promise<Map<string, Done>> {
  return parse(await readTextIfThere(path));
}

function parse(text: string | undefined): Map<string, Done> {
  if (text === undefined) return new Map();
  try {
    return new Map(Object.entries(v.parse(File, JSON.parse(text)).tasks));
  } catch (error) {
    if (error instanceof SyntaxError || v.isValiError(error)) return new Map();
    throw error;
  }
}
