/** Digests of source files, remembered by what `stat` says, so that a run without changes reads none of them. */
import { byText, readTextIfThere, writeFileAtomic } from "@tsbake/base";
import { digestPath, listChecksums } from "@tsbake/graph";
import type { FileInput } from "@tsbake/graph";

export interface FileDigests {
  /** @throws BuildError `graph/unreadable-input` */
  digest(path: string): Promise<string | undefined>;
  /** BitBake's checksums. @throws BuildError `graph/unreadable-input` */
  checksums(path: string): Promise<readonly FileInput[]>;
  /** Keeps what was learned; nothing is written when nothing was. */
  save(): Promise<void>;
}

/**
 * @param path JSON file of an earlier run; one that cannot be read counts as empty
 * @param now ms since epoch
 */
export async function openFileDigests(path: string, now = Date.now): Promise<FileDigests> {
  const known = new Map(readEntries(await readTextIfThere(path)));
  let isChanged = false;
  const cache = {
    get: (file: string) => known.get(file),
    set: (file: string, entry: string) => {
      isChanged ||= known.get(file) !== entry;
      known.set(file, entry);
    },
  };
  return {
    digest: (file) => digestPath(file, { cache, now }),
    checksums: (file) => listChecksums(file, { cache, now }),
    async save() {
      if (!isChanged) return;
      const entries = [...known].sort(([left], [right]) => byText(left, right));
      await writeFileAtomic(path, `${JSON.stringify(Object.fromEntries(entries))}\n`);
    },
  };
}

function readEntries(text: string | undefined): [string, string][] {
  if (text === undefined) return [];
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== "object" || parsed === null) return [];
    return Object.entries(parsed).filter((entry): entry is [string, string] => typeof entry[1] === "string");
  } catch {
    return [];
  }
}
