/** Paths of a tree in their order. */
import { join } from "node:path";
import { byText, hasCode, readFolderSync } from "@tsbake/base";

/** What is known of an entry of a folder without a look at it. */
interface Entry {
  readonly name: string;
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}

/** Paths relative to `root` of the entries that `accept` takes, sorted; links are not followed. */
export async function walk(root: string, accept: (entry: Entry) => boolean): Promise<string[]> {
  const found: string[] = [];
  const visit = async (folder: string): Promise<void> => {
    let entries: Entry[] = [];
    try {
      entries = readFolderSync(join(root, folder));
    } catch (error) {
      if (!hasCode(error, "ENOENT")) throw error;
    }
    for (const entry of entries.sort((left, right) => byText(left.name, right.name))) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (accept(entry)) found.push(path);
      if (entry.isDirectory()) await visit(path);
    }
  };
  await visit("");
  return found;
}
