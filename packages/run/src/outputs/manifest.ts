/**
 * `<tmpdir>/sstate-control/manifest-<pn>.<task>`: what a task has installed into shared folders, so that its next version
 * can take it away first. One absolute path a line: files in order, then folders (with `/` at the end), deepest first.
 *
 * @see OE-core meta/classes-global/sstate.bbclass, sstate_install: same file, without the architecture in its name
 */
import { existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { byText, hasCode, makeFolderSync, nameFs, temporaryBeside } from "@tsbake/base";

export interface Manifest {
  readonly files: readonly string[];
  /** Without the `/`. */
  readonly folders: readonly string[];
}

/** @param task with or without `do_` */
export function manifestPath(tmpdir: string, pn: string, task: string): string {
  return join(tmpdir, "sstate-control", `manifest-${pn}.${task.replace(/^do_/, "")}`);
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
  const lines = text
    .split("\n")
    .filter((line) => line.startsWith("/"))
    .map(unescape);
  return {
    files: lines.filter((line) => !line.endsWith("/")),
    folders: lines.filter((line) => line.endsWith("/")).map((line) => line.slice(0, -1)),
  };
}

/** Whole or not at all; not synced, since a lost manifest costs nothing but a replaced file. */
export function writeManifest(path: string, manifest: Manifest): void {
  const files = manifest.files.toSorted(byText);
  const folders = manifest.folders.toSorted(byText).toReversed();
  const lines = [...files, ...folders.map((folder) => `${folder}/`)].map(escape);
  makeFolderSync(dirname(path));
  const temporary = temporaryBeside(path);
  nameFs.writeFileSync(temporary, lines.map((line) => `${line}\n`).join(""));
  renameSync(temporary, path);
}

export function removeManifest(path: string): void {
  rmSync(path, { force: true });
}

/** `PN:do_task` of a manifest other than `except` that lists the file; looks into all of them, so only for clashes. */
export function findOwner(tmpdir: string, file: string, except: string): string | undefined {
  const folder = join(tmpdir, "sstate-control");
  if (!existsSync(folder)) return undefined;
  const line = `\n${escape(file)}\n`;
  for (const name of readdirSync(folder).toSorted(byText)) {
    const path = join(folder, name);
    if (!name.startsWith("manifest-") || path === except) continue;
    if (!`\n${nameFs.readFileSync(path, "utf8")}`.includes(line)) continue;
    const dot = name.lastIndexOf(".");
    return `${name.slice("manifest-".length, dot)}:do_${name.slice(dot + 1)}`;
  }
  return undefined;
}

function escape(path: string): string {
  return path.replaceAll("\\", "\\\\").replaceAll("\n", String.raw`\n`);
}

function unescape(line: string): string {
  return line.replace(/\\(\\|n)/g, (_, letter: string) => (letter === "n" ? "\n" : "\\"));
}
