/** Digests of source files, remembered by what `stat` says, so that a run without changes reads none of them. */
import { byText, jsonObject, readTextIfThere, writeFileAtomic } from "@tsbake/base";
import { digestPath, listChecksums } from "@tsbake/graph";
import type { DigestCache, FileInput } from "@tsbake/graph";

export interface FileDigests {
  /** @throws BuildError `graph/unreadable-input` */
  digest(path: string): Promise<string | undefined>;
  /** BitBake's checksums. @throws BuildError `graph/unreadable-input` */
  checksums(path: string): Promise<readonly FileInput[]>;
  /**
   * Whether the content at a path is another than when it was first asked for, or the file another with the same content:
   * what a reader got in between nobody knows.
   *
   * @throws BuildError `graph/unreadable-input`
   */
  isChanged(path: string): Promise<boolean>;
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
  /** What `stat` said of each file when it was first asked for. */
  const seen = new Map<string, string>();
  const cache = {
    get: (file: string) => known.get(file),
    set: (file: string, entry: string) => {
      isChanged ||= known.get(file) !== entry;
      known.set(file, entry);
    },
    saw: (file: string, stamp: string) => {
      if (!seen.has(file)) seen.set(file, stamp);
    },
  };
  /** The first answer for each path, and how to have it again. */
  const first = new Map<
    string,
    { readonly answer: string; readonly again: (cache: DigestCache) => Promise<string> }
  >();
  const ask = async <Answer>(
    path: string,
    read: (cache: DigestCache) => Promise<Answer>,
  ): Promise<Answer> => {
    const answer = await read(cache);
    const again = async (other: DigestCache) => JSON.stringify((await read(other)) ?? null);
    if (!first.has(path)) first.set(path, { answer: JSON.stringify(answer ?? null), again });
    return answer;
  };
  return {
    digest: (path) => ask(path, (of) => digestPath(path, { cache: of, now })),
    checksums: (path) => ask(path, (of) => listChecksums(path, { cache: of, now })),
    async isChanged(path) {
      const before = first.get(path);
      if (!before) return false;
      let isOther = false;
      const watching = {
        get: (file: string) => known.get(file),
        set: () => undefined,
        // Written to, or another one in its place: by its stamp, since its content may be back, a moment ago.
        saw: (file: string, stamp: string) => (isOther ||= seen.has(file) && seen.get(file) !== stamp),
      };
      return (await before.again(watching)) !== before.answer || isOther;
    },
    async save() {
      if (!isChanged) return;
      const entries = [...known].sort(([left], [right]) => byText(left, right));
      await writeFileAtomic(path, `${JSON.stringify(Object.fromEntries(entries))}\n`);
    },
  };
}

function readEntries(text: string | undefined): [string, string][] {
  return Object.entries(jsonObject(text) ?? {}).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string",
  );
}
