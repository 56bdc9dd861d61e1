/** What tasks find on their PATH: chosen programs of the host, and tsbake's own tools with the digests that sign them. */
import { accessSync, constants, existsSync, readdirSync, realpathSync, statSync } from "node:fs";
import { chmod, readdir, readFile, readlink, symlink, unlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  BuildError,
  byText,
  fileStamp,
  hasCode,
  makeFolder,
  openHasher,
  readTextIfThere,
  words,
  writeFileAtomic,
} from "@tsbake/base";
import { missingHostTools } from "../problems.js";
import type { FileDigests } from "../signing/file-digests.js";

/** The folder of all rooms. */
const PACKAGES = fileURLToPath(new URL("../../../", import.meta.url));

/** A program that task bodies call: the `bin` entry `tsbake-NAME` of a room's package.json. */
interface Tool {
  readonly name: string;
  /** Absolute path of its JavaScript. */
  readonly main: string;
  /** The rooms that its code consists of, its own among them, sorted. */
  readonly rooms: readonly string[];
}

interface Manifest {
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
}

async function findTools(packages: string): Promise<Tool[]> {
  const names = (await readdir(packages)).sort(byText);
  const manifests = new Map<string, Manifest>();
  for (const name of names) {
    const text = await readTextIfThere(join(packages, name, "package.json"));
    if (text !== undefined) manifests.set(name, JSON.parse(text) as Manifest);
  }
  const reach = (room: string, seen = new Set<string>()): Set<string> => {
    if (!seen.has(room)) {
      seen.add(room);
      for (const needed of Object.keys(manifests.get(room)?.dependencies ?? {}))
        if (needed.startsWith("@tsbake/")) reach(needed.slice("@tsbake/".length), seen);
    }
    return seen;
  };
  return [...manifests].flatMap(([room, { bin = {} }]) =>
    Object.entries(bin)
      .filter(([name]) => name.startsWith("tsbake-"))
      .map(([name, path]) => ({
        name,
        main: join(packages, room, path),
        rooms: [...reach(room)].sort(byText),
      })),
  );
}

/**
 * `TSBAKE_NAME_DIGEST` for each tool `tsbake-name`: 32 hex digits over the compiled code of its rooms. A change there
 * re-runs the tasks that call the tool.
 *
 * @param packages the folder of all rooms
 */
export async function toolDigests(packages = PACKAGES): Promise<Record<string, string>> {
  const hasher = await openHasher();
  const digests = new Map<string, string>();
  const tools = await findTools(packages);
  for (const room of new Set(tools.flatMap((tool) => tool.rooms))) {
    const folder = join(packages, room, "dist");
    const names = (await readdir(folder, { recursive: true }))
      .filter((name) => name.endsWith(".js"))
      .sort(byText);
    const texts = await Promise.all(names.map((name) => readFile(join(folder, name), "utf8")));
    digests.set(room, hasher.digest(names.map((name, index) => `${name}\n${texts[index]}`).join("\n")));
  }
  return Object.fromEntries(
    tools.map((tool) => [
      `${tool.name.toUpperCase().replaceAll("-", "_")}_DIGEST`,
      hasher.digest(tool.rooms.map((room) => `${room} ${digests.get(room)}`).join("\n")),
    ]),
  );
}

/**
 * Changes whenever code that reads metadata may have changed: names and stamps of what is compiled of all rooms, and of
 * our Python. For caches of this machine, which a needless miss does not hurt.
 */
export async function engineKey(): Promise<string> {
  const hasher = await openHasher();
  const lines: string[] = [];
  for (const room of (await readdir(PACKAGES)).sort(byText)) {
    for (const [part, ending] of CODE) {
      const folder = join(PACKAGES, room, part);
      const names = existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: "utf8" }) : [];
      for (const name of names.filter((one) => one.endsWith(ending)).sort(byText)) {
        lines.push(`${room}/${name} ${fileStamp(statSync(join(folder, name), { bigint: true }))}`);
      }
    }
  }
  return hasher.digest(lines.join("\n"));
}

/** Folders of a room, and what its code ends with there. */
const CODE = [
  ["dist", ".js"],
  ["lib", ".py"],
] as const;

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
