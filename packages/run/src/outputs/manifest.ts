/**
 * `<tmpdir>/sstate-control/manifest-<pn>.<task>.<digits>`: what a task has installed into shared folders, and whose stamp
 * says so. Whoever takes the files away can take the stamp away first. There is one for each stamp: recipes of two versions,
 * and one recipe for the folders of two machines, have one each.
 *
 * A line that tells of the owner; then one absolute path a line: files in order, then folders (with `/` at the end),
 * deepest first; when all of it is there, a line `= FACTS` for each file, in the same order.
 *
 * @see OE-core meta/classes-global/sstate.bbclass, sstate_install: same lines without the first, one file for each
 *   architecture, recipe and task
 */
import { renameSync, rmSync, type BigIntStats } from "node:fs";
import { dirname, join } from "node:path";
import { byText, hasCode, jsonObject, makeFolderSync, nameFs, sha256, temporaryBeside } from "@tsbake/base";

/** What one stamp stands for. */
export interface StampOwner {
  readonly pn: string;
  /** With `do_`. */
  readonly task: string;
  /** STAMP of the recipe. */
  readonly stamp: string;
  /** What the name of the stamp ends in. */
  readonly extra?: string;
  /** The configuration of the machine for which it was installed last. */
  readonly configuration: string;
}

export interface Manifest {
  /** Undefined in one that another program has written. */
  readonly owner: StampOwner | undefined;
  readonly files: readonly string[];
  /** Without the `/`. */
  readonly folders: readonly string[];
  /** {@link factsOf} each file, in their order, once all are installed. */
  readonly facts?: readonly string[];
}

/** By which an installed file is known again: mode, size and inode; not its time, which a person may set for a whole tree. */
export function factsOf({ mode, size, ino }: BigIntStats): string {
  return `${mode.toString(8)} ${size} ${ino}`;
}

const LONGEST_NAME = 150;
const DIGITS = 16;

/** The folder of all manifests. */
export function manifestFolder(tmpdir: string): string {
  return join(tmpdir, "sstate-control");
}

/** Names of all manifests; none where nothing was installed. */
export function manifestNames(tmpdir: string): string[] {
  try {
    return nameFs.readdirSync(manifestFolder(tmpdir)).filter((name) => name.startsWith("manifest-"));
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  }
}

/** @param owner the task that has installed */
export function manifestPath(
  tmpdir: string,
  owner: Pick<StampOwner, "pn" | "task" | "stamp" | "extra">,
): string {
  const digits = sha256(`${owner.stamp}\0${owner.extra ?? ""}`).slice(0, DIGITS);
  return join(manifestFolder(tmpdir), `${manifestPrefix(owner.pn, owner.task)}${digits}`);
}

/** How the names of all manifests of a recipe's task begin, and perhaps some others: the owner tells. */
export function manifestPrefix(pn: string, task: string): string {
  return `manifest-${pn.slice(0, LONGEST_NAME)}.${task.replace(/^do_/, "").slice(0, LONGEST_NAME / 2)}.`;
}

/** Undefined when there is none. */
export function readManifest(path: string): Manifest | undefined {
  let text: string;
  try {
    text = nameFs.readFileSync(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
  const all = text.split("\n");
  const lines = all.filter((line) => line.startsWith("/")).map(unescape);
  const files = lines.filter((line) => !line.endsWith("/"));
  const facts = all.filter((line) => line.startsWith("= ")).map((line) => line.slice(2));
  return {
    owner: readOwner(all[0]!),
    files,
    folders: lines.filter((line) => line.endsWith("/")).map((line) => line.slice(0, -1)),
    ...(facts.length === files.length && { facts }),
  };
}

/** Whole or not at all; not synced, since a lost manifest costs nothing but a replaced file. */
export function writeManifest(path: string, manifest: Manifest): void {
  const { owner } = manifest;
  const order = [...manifest.files.keys()].sort((left, right) =>
    byText(manifest.files[left]!, manifest.files[right]!),
  );
  const files = order.map((index) => manifest.files[index]!);
  const facts = order.flatMap((index) => manifest.facts?.[index] ?? []).map((one) => `= ${one}`);
  const folders = manifest.folders.toSorted(byText).toReversed();
  const lines = [...files, ...folders.map((folder) => `${folder}/`)].map(escape);
  const head = owner ? [`# ${JSON.stringify(owner)}`] : [];
  makeFolderSync(dirname(path));
  const temporary = temporaryBeside(path);
  nameFs.writeFileSync(temporary, [...head, ...lines, ...facts].map((line) => `${line}\n`).join(""));
  renameSync(temporary, path);
}

/** One that is gone already is fine. @throws system errors */
export function removeManifest(path: string): void {
  rmSync(path, { force: true });
}

function readOwner(line: string): StampOwner | undefined {
  if (!line.startsWith("# {")) return undefined;
  const { pn, task, stamp, extra, configuration } = jsonObject(line.slice(2)) ?? {};
  if (typeof pn !== "string" || typeof task !== "string" || typeof stamp !== "string") return undefined;
  return {
    pn,
    task,
    stamp,
    ...(typeof extra === "string" && { extra }),
    configuration: typeof configuration === "string" ? configuration : "",
  };
}

function escape(path: string): string {
  return path.replaceAll("\\", "\\\\").replaceAll("\n", String.raw`\n`);
}

function unescape(line: string): string {
  return line.replace(/\\(\\|n)/g, (_, letter: string) => (letter === "n" ? "\n" : "\\"));
}
