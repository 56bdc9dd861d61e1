/**
 * The memory of a started interpreter as a file, so that the next start costs a fifth. It is a cache: whatever is wrong
 * with it, the interpreter starts without.
 *
 * Format: the memory, then 16 hexadecimal digits, the xxHash64 of the memory.
 */
import { byText, openHasher, sha256, writeFileAtomic } from "@tsbake/base";
import { readdir, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

const DIGEST_LENGTH = 16;
const SUFFIX = ".snapshot";

/**
 * The name says what the memory depends on: the interpreter, Node's major version, our Python files and where they
 * stand (the modules in memory know their paths).
 */
export async function snapshotPath(cache: string, version: string, library: string): Promise<string> {
  const parts = [library];
  for (const path of (await pythonFiles(library)).sort(byText)) {
    parts.push(path, sha256(await readFile(path)));
  }
  const node = process.versions.node.split(".")[0];
  return join(cache, `pyodide-${version}-node${node}-${sha256(parts.join("\0")).slice(0, 16)}${SUFFIX}`);
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
    return (await openHasher()).digest64(memory) === digest ? memory : undefined;
  } catch {
    return undefined;
  }
}

/** Writes the file and removes those of other versions. A cache that cannot be written is no error. */
export async function writeSnapshot(path: string, memory: Uint8Array): Promise<void> {
  try {
    const digest = (await openHasher()).digest64(memory);
    await writeFileAtomic(path, Buffer.concat([memory, Buffer.from(digest, "latin1")]));
    for (const name of await readdir(dirname(path))) {
      const other = join(dirname(path), name);
      if (name.startsWith("pyodide-") && name.endsWith(SUFFIX) && other !== path)
        await rm(other, { force: true });
    }
  } catch {
    return;
  }
}
