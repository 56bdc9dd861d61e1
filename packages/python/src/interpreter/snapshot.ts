/**
 * The memory of a started interpreter as a file, so that the next start costs a fifth. It is a cache: whatever is wrong
 * with it, the interpreter starts without.
 *
 * Format: the memory, then its SHA-256 in 64 hexadecimal digits: Node's own digest of these 30 MB costs a tenth of one in
 * WebAssembly, which would copy them.
 */
import { byText, hasCode, sha256, writeFileAtomic } from "@tsbake/base";
import { access, constants, mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";

const DIGEST_LENGTH = 64;
const SUFFIX = ".snapshot";

/**
 * The name says what the memory depends on: the interpreter, Node's major version, our Python files and where they
 * stand (the modules in memory know their paths).
 */
export async function snapshotName(version: string, library: string): Promise<string> {
  const parts = [library];
  for (const path of (await pythonFiles(library)).sort(byText)) {
    parts.push(path, sha256(await readFile(path)));
  }
  const node = process.versions.node.split(".")[0];
  return `pyodide-${version}-node${node}-${sha256(parts.join("\0")).slice(0, 16)}${SUFFIX}`;
}

/**
 * Where snapshots may be, in the order in which they are looked for: with the installation, for all who use it, then with the
 * project. A memory is code, so one beside the code is believed only where whoever owns that has made the folder.
 *
 * @param library our Python files
 * @param cache the project's folder
 */
export async function snapshotFolders(library: string, cache: string): Promise<readonly string[]> {
  const modules = join(library, "../../../node_modules");
  const shared = join(modules, ".cache/tsbake");
  try {
    const { uid } = await stat(modules);
    if (uid === process.geteuid?.()) await mkdir(shared, { recursive: true, mode: 0o755 });
    const made = await stat(shared);
    const isOwners = made.uid === uid && (made.mode & 0o022) === 0;
    return isOwners ? [shared, cache] : [cache];
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR", "EACCES", "EROFS", "ENOSPC", "EDQUOT", "EEXIST")) return [cache];
    throw error;
  }
}

/** The first of the folders that this user may write to, or the last. */
export async function folderToWrite(folders: readonly string[]): Promise<string> {
  for (const folder of folders.slice(0, -1)) {
    try {
      await access(folder, constants.W_OK);
      return folder;
    } catch (error) {
      if (!hasCode(error, "EACCES", "EROFS", "ENOENT")) throw error;
    }
  }
  return folders.at(-1)!;
}

async function pythonFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(".py"))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** The memory, or undefined when there is none or it is damaged. */
export async function readSnapshot(path: string): Promise<Uint8Array | undefined> {
  try {
    const bytes = await readFile(path);
    const memory = bytes.subarray(0, bytes.length - DIGEST_LENGTH);
    const digest = bytes.subarray(memory.length).toString("latin1");
    return sha256(memory) === digest ? memory : undefined;
  } catch {
    return undefined;
  }
}

/** Writes the file and removes those of other versions. A cache that cannot be written is no error. */
export async function writeMemorySnapshot(path: string, memory: Uint8Array): Promise<void> {
  try {
    await writeFileAtomic(path, Buffer.concat([memory, Buffer.from(sha256(memory), "latin1")]));
    for (const name of await readdir(dirname(path))) {
      const other = join(dirname(path), name);
      if (name.startsWith("pyodide-") && name.endsWith(SUFFIX) && other !== path)
        await rm(other, { force: true });
    }
  } catch {
    return;
  }
}
