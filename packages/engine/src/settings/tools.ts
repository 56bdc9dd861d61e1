/** What tasks find on their PATH: chosen programs of the host, and tsbake's own tools with the digests that sign them. */
import { accessSync, constants, existsSync, realpathSync, statSync } from "node:fs";
import { chmod, readlink, symlink, unlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { BuildError, hasCode, makeFolder, readTextIfThere, words, writeFileAtomic } from "@tsbake/base";
import { findTools, PACKAGES } from "./own-code.js";
import { missingHostTools } from "../problems.js";
import type { FileDigests } from "../signing/file-digests.js";

/** Programs whose versions show in what they make. */
const COMPILERS = ["gcc", "g++", "cpp", "ld", "as", "make"];

/**
 * Which compiler, binutils and make the host has, a word a program: `gcc=x86_64-linux-gnu-gcc-12,0123456789abcdef`, with the
 * beginning of the SHA-256, so that machines with the same packages agree.
 *
 * @param path PATH
 * @throws BuildError `graph/unreadable-input`
 */
export async function hostToolchain(path: string, digests: Pick<FileDigests, "digest">): Promise<string> {
  const folders = programFolders(path);
  const found: string[] = [];
  for (const name of COMPILERS) {
    const program = findProgram(name, folders);
    const digest = program === undefined ? undefined : await digests.digest(realpathSync(program));
    if (program === undefined || digest === undefined) continue;
    found.push(`${name}=${basename(realpathSync(program))},${digest.slice(0, 16)}`);
  }
  return found.join(" ");
}

export interface HostToolsRequest {
  readonly folder: string;
  /** HOSTTOOLS and HOSTTOOLS_NONFATAL, as written. */
  readonly required: string | undefined;
  readonly optional: string | undefined;
  /** The caller's PATH. */
  readonly path: string;
}

/**
 * Fills `folder` with a link to each named program and with tsbake's own tools.
 *
 * @throws BuildError `engine/missing-host-tools` with all that are missing
 */
export async function linkHostTools(request: HostToolsRequest): Promise<void> {
  await makeFolder(request.folder);
  const missing: string[] = [];
  const required = words(request.required);
  const folders = programFolders(request.path);
  for (const name of [...required, ...words(request.optional)]) {
    const program = name === "node" ? process.execPath : findProgram(name, folders);
    if (program) await pointTo(join(request.folder, name), program);
    else if (required.includes(name)) missing.push(name);
  }
  if (missing.length > 0) throw new BuildError([missingHostTools(missing)]);
  for (const tool of await findTools(PACKAGES)) {
    const script = `#!/bin/sh\nexec ${quote(process.execPath)} ${quote(tool.main)} "$@"\n`;
    const path = join(request.folder, tool.name);
    // A tsbake that was killed may have left it without its mode.
    if ((await readTextIfThere(path)) === script && isProgram(path)) continue;
    await writeFileAtomic(path, script);
    await chmod(path, 0o755);
  }
}

/** sbin is not on an ordinary user's PATH, but that is where ldconfig and chroot live. */
function programFolders(path: string): string[] {
  return [...new Set([...path.split(":"), "/usr/sbin", "/usr/bin", "/sbin", "/bin"])].filter((folder) =>
    folder.startsWith("/"),
  );
}

function findProgram(name: string, folders: readonly string[]): string | undefined {
  return folders.map((folder) => join(folder, name)).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** A word for a shell. */
function quote(path: string): string {
  return `'${path.replaceAll("'", "'\\''")}'`;
}

async function pointTo(link: string, target: string): Promise<void> {
  try {
    if ((await readlink(link)) === target && existsSync(link)) return;
    await unlink(link);
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
  }
  try {
    await symlink(target, link);
  } catch (error) {
    // Another tsbake made it meanwhile.
    if (!hasCode(error, "EEXIST")) throw error;
  }
}
