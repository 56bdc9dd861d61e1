/** What one task changed below WORKDIR, as the message of its commit has it: git itself has neither modes nor folders. */
import { array, literal, number, picklist, safeParse, strictObject, string, variant } from "valibot";
import type { InferOutput } from "valibot";

const ENTRY = strictObject({
  kind: picklist(["file", "folder", "link", "other"]),
  /** Permission bits, with setuid, setgid and sticky. */
  mode: number(),
  /** Of files and links; 0 of everything else. */
  sizeBytes: number(),
});
/** Names as `nameOf` gives them, relative to WORKDIR. */
const CHANGES = array(
  variant("what", [
    strictObject({ what: literal("added"), path: string(), now: ENTRY }),
    strictObject({ what: literal("changed"), path: string(), before: ENTRY, now: ENTRY }),
    strictObject({ what: literal("deleted"), path: string(), before: ENTRY }),
  ]),
);

export type TracedEntry = InferOutput<typeof ENTRY>;
export type TracedChange = InferOutput<typeof CHANGES>[number];

/** One line a change. */
export function formatChanges(changes: readonly TracedChange[]): string {
  return changes.map((one) => `${JSON.stringify(one)}\n`).join("");
}

/** undefined: it is none of ours. */
export function parseChanges(text: string): readonly TracedChange[] | undefined {
  try {
    const lines = text.split("\n").filter((line) => line !== "");
    const found = safeParse(
      CHANGES,
      lines.map((line) => JSON.parse(line) as unknown),
    );
    return found.success ? found.output : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
