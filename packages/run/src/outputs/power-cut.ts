/**
 * What a build that was not synced has left, looked at by the next one. In the same boot all is as it was written: it is
 * synced now. In another one nothing is sure of the recipes that were in doubt: stamps and work folders go, and of their
 * output folders all that no other recipe has installed. They come back from the shared state, whose files are synced.
 */
import { readFileSync, rmSync } from "node:fs";
import { basename, dirname, join, sep } from "node:path";
import { hasCode, nameFs as fs, removeTree } from "@tsbake/base";
import type { Diagnostic } from "@tsbake/base";
import { notSynced, powerCut } from "../problems.js";
import { bootId, foldersOf, markPath, readMark, syncFolders } from "./doubt.js";
import type { Doubtful } from "./doubt.js";
import { listFolder } from "./list-folder.js";
import { manifestFolder, readManifest } from "./manifest.js";
import { rebuildLists } from "./owners.js";
import { markChanged, writeRecipeLists } from "./shared-folders.js";

/**
 * At the start of a build that holds `tmpdir`, before any stamp is looked at.
 *
 * @returns what to tell
 * @throws BuildError `run/damaged-mark`; system errors
 */
export async function resolveDoubt(tmpdir: string): Promise<Diagnostic | undefined> {
  const mark = await readMark(tmpdir);
  if (!mark) return undefined;
  const boot = bootId();
  const isSure = mark.boot === boot && boot !== "";
  if (!isSure) await forget(tmpdir, mark.recipes);
  const failure = await syncFolders(foldersOf(tmpdir, mark.recipes));
  if (failure === undefined) rmSync(markPath(tmpdir), { force: true });
  else if (isSure) return notSynced(tmpdir, failure);
  return isSure ? undefined : powerCut(tmpdir, mark.recipes.length);
}

/** Wherever this stops, it is done again. */
async function forget(tmpdir: string, recipes: readonly Doubtful[]): Promise<void> {
  for (const { stamp } of recipes) removeStamps(stamp);
  markChanged(tmpdir);
  for (const { workFolder } of recipes) {
    if (workFolder?.startsWith(tmpdir + sep)) await removeTree(workFolder);
  }
  const outputs = new Map(recipes.flatMap((one) => Object.entries(one.outputs)));
  const sure = listFolder(manifestFolder(tmpdir))
    .map((name) => join(manifestFolder(tmpdir), name))
    .filter((path) => basename(path).startsWith("manifest-") && !outputs.has(path))
    .flatMap((path) => readManifest(path) ?? []);
  const listed = new Set(sure.flatMap(({ files, folders }) => [...files, ...folders]));
  for (const folder of new Set([...outputs.values()].flat())) removeUnlisted(folder, listed);
  for (const manifest of outputs.keys()) rmSync(manifest, { force: true });
  rebuildLists(tmpdir, sure);
  writeRecipeLists(tmpdir, sure);
}

/** Signature data too. A taint that is whole stays: what was to be forced still is. */
function removeStamps(stamp: string): void {
  for (const name of listFolder(dirname(stamp))) {
    const path = join(dirname(stamp), name);
    if (!name.startsWith(`${basename(stamp)}.do_`)) continue;
    if (name.endsWith(".taint") && /^[0-9a-f-]{36}$/.test(readFileSync(path, "utf8").trim())) continue;
    rmSync(path, { force: true });
  }
}

/** @returns whether nothing is left */
function removeUnlisted(folder: string, listed: ReadonlySet<string>): boolean {
  let entries;
  try {
    entries = fs.readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return true;
    throw error;
  }
  let isEmpty = true;
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) isEmpty = removeUnlisted(path, listed) && isEmpty;
    else if (listed.has(path)) isEmpty = false;
    else fs.rmSync(path, { force: true });
  }
  if (!isEmpty || listed.has(folder)) return false;
  fs.rmdirSync(folder);
  return true;
}
