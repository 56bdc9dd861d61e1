/** How long each task took last time: `durations.json` in the cache folder, `PN:do_task` to ms. Steers the order, never the result. */
import { join } from "node:path";
import { byText, codeOf, jsonObject, readTextIfThere, writeFileAtomic } from "@tsbake/base";

export interface Durations {
  /** In ms; undefined for a task never seen. */
  of(label: string): number | undefined;
  record(label: string, elapsedMs: number): void;
  /** Writes what was recorded, if anything was. */
  save(): Promise<void>;
}

/** A damaged file counts as empty: all that is lost is an order. */
export async function openDurations(folder: string): Promise<Durations> {
  const path = join(folder, "durations.json");
  const known = parse(await readTextIfThere(path));
  let changed = false;
  return {
    of: (label) => known.get(label),
    record(label, elapsedMs) {
      known.set(label, Math.round(elapsedMs));
      changed = true;
    },
    async save() {
      if (!changed) return;
      const entries = [...known].sort(([left], [right]) => byText(left, right));
      try {
        await writeFileAtomic(path, `${JSON.stringify(Object.fromEntries(entries), null, 1)}\n`);
      } catch (error) {
        // What they are worth is less than the build: the next one finds its order without.
        if (codeOf(error) === undefined) throw error;
      }
    },
  };
}

function parse(text: string | undefined): Map<string, number> {
  const known = new Map<string, number>();
  for (const [label, value] of Object.entries(jsonObject(text) ?? {})) {
    if (typeof value === "number" && value >= 0) known.set(label, value);
  }
  return known;
}
