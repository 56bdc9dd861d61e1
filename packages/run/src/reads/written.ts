/** Which task wrote which file below TMPDIR: kept beside the files, for the builds to come. */
import * as fs from "node:fs";
import { join } from "node:path";
import { hasCode, makeFolderSync } from "@tsbake/base";

/** A task of any configuration: stamp prefix of its recipe and its name. */
export type TaskKey = string;

interface Entry {
  /** None: nobody knows. Several have the same file in a shared folder. */
  writers: readonly TaskKey[];
  /** Inode and time of birth: another file under the same name has others. */
  object: string;
  /** Size and time: the same file with other content. */
  content: string;
}

const FILE = "written.jsonl";

export class WrittenFiles {
  /** By path, real. */
  readonly #files = new Map<string, Entry>();
  readonly #labels = new Map<TaskKey, string>();
  /** Folders that were looked through in this run. */
  readonly #known = new Set<string>();
  readonly #path: string;

  /** @param folder where the table of earlier builds is */
  constructor(folder: string) {
    this.#path = join(folder, FILE);
    let text = "";
    try {
      text = fs.readFileSync(this.#path, "utf8");
    } catch (error) {
      if (!hasCode(error, "ENOENT")) throw error;
    }
    for (const line of text.split("\n")) this.#load(line);
  }

  #load(line: string): void {
    if (line === "") return;
    const [path, ...entry] = JSON.parse(line) as [string, string, string, ...string[]];
    const [object, content, ...writers] = entry;
    if (path === "") this.#labels.set(object, content);
    // What was deleted or replaced since by somebody who kept no record.
    else if (identity(path)?.object === object) this.#files.set(path, { writers, object, content });
  }

  save(): void {
    makeFolderSync(join(this.#path, ".."));
    const labels = [...this.#labels].map(([key, label]) => JSON.stringify(["", key, label]));
    const files = [...this.#files].map(([path, { writers, object, content }]) =>
      JSON.stringify([path, object, content, ...writers]),
    );
    fs.writeFileSync(`${this.#path}.new`, [...labels, ...files].map((line) => `${line}\n`).join(""));
    fs.renameSync(`${this.#path}.new`, this.#path);
  }

  label(key: TaskKey): string {
    return this.#labels.get(key) ?? key;
  }

  /** Of the file as it was when the table was last told of it; none once it is another file. */
  writersOf(path: string): readonly TaskKey[] {
    const entry = this.#files.get(path);
    if (!entry || entry.writers.length === 0) return [];
    const now = identity(path);
    return now !== undefined && now.object !== entry.object ? [] : entry.writers;
  }

  /** All that is in a folder and that nobody is known to have written is nobody's: what comes later is somebody's. */
  lookFirst(folder: string): void {
    if (this.#known.has(folder)) return;
    this.#known.add(folder);
    for (const path of filesBelow(folder)) this.#mark(path, []);
  }

  /** What is new or changed in a folder is `key`'s; what is gone is forgotten. */
  lookAgain(folder: string, key: TaskKey, label: string): void {
    this.#labels.set(key, label);
    const seen = new Set<string>();
    for (const path of filesBelow(folder)) {
      seen.add(path);
      this.#mark(path, [key]);
    }
    for (const path of this.#files.keys()) {
      if (path.startsWith(`${folder}/`) && !seen.has(path)) this.#files.delete(path);
    }
  }

  /** @param isShared others may have written the same file */
  wrote(path: string, key: TaskKey, label: string, isShared = false): void {
    this.#labels.set(key, label);
    const before = this.#files.get(path);
    const now = identity(path);
    if (!now) this.#files.delete(path);
    else if (isShared && before && before.object === now.object && !before.writers.includes(key)) {
      this.#files.set(path, { writers: [...before.writers, key], ...now });
    } else if (!before?.writers.includes(key) || before.object !== now.object) {
      this.#files.set(path, { writers: [key], ...now });
    }
  }

  #mark(path: string, writers: readonly TaskKey[]): void {
    const before = this.#files.get(path);
    const now = identity(path);
    if (!now || (before && before.object === now.object && before.content === now.content)) return;
    this.#files.set(path, { writers, ...now });
  }
}

function identity(path: string): { readonly object: string; readonly content: string } | undefined {
  try {
    const stat = fs.lstatSync(path, { throwIfNoEntry: false });
    if (!stat || stat.isDirectory()) return undefined;
    return { object: `${stat.ino} ${stat.birthtimeMs}`, content: `${stat.size} ${stat.mtimeMs}` };
  } catch (error) {
    if (hasCode(error, "ENOTDIR", "EACCES")) return undefined;
    throw error;
  }
}

/** Everything but folders, none when there is no such folder; what may not be read is left out. */
export function* filesBelow(folder: string): Generator<string> {
  let entries: fs.Dirent[];
  try {
    entries = fs.readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR", "EACCES")) return;
    throw error;
  }
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else yield path;
  }
}
