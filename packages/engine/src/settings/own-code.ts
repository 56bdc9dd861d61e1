/**
 * What tsbake itself consists of, as inputs: of the tasks that call its programs, and of what is remembered of a parse. Our
 * JavaScript and Python, the locked versions of the libraries, Node and its zlib.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  AT_ONCE,
  byText,
  eachLimited,
  fileStamp,
  isSettled,
  jsonObject,
  openHasher,
  readTextIfThere,
  writeFileAtomic,
} from "@tsbake/base";

/** The folder of all rooms. */
export const PACKAGES = fileURLToPath(new URL("../../../", import.meta.url));

/** `true` where this runs as part of what scripts/bundle.js makes. */
declare const TSBAKE_IS_BUNDLED: boolean | undefined;

/** A program that task bodies call: the `bin` entry `tsbake-NAME` of a room's package.json. */
export interface Tool {
  readonly name: string;
  /** Absolute path of its JavaScript. */
  readonly main: string;
  /** The rooms that its code consists of, its own among them, sorted. */
  readonly rooms: readonly string[];
}

/** Programs that people start; no task calls them. */
const NO_TOOLS: readonly string[] = ["tsbake-sstate-server"];

interface Manifest {
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** Our own programs that tasks call: those that the `package.json` of a room names. */
export async function findTools(packages: string): Promise<Tool[]> {
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
      .filter(([name]) => name.startsWith("tsbake-") && !NO_TOOLS.includes(name))
      .map(([name, path]) => ({
        name,
        main: programFile(packages, room, path),
        rooms: [...reach(room)].sort(byText),
      })),
  );
}

/** Who runs as one file has its programs so, too: they start in half the time. */
function programFile(packages: string, room: string, path: string): string {
  return typeof TSBAKE_IS_BUNDLED === "undefined"
    ? join(packages, room, path)
    : join(packages, "../node_modules/.tsbake-programs", `${room}.js`);
}

/** Folders of a room, and what its code ends with there. */
const CODE = [
  ["dist", ".js"],
  ["lib", ".py"],
] as const;

export interface OwnCode {
  /** For caches of this machine, which a needless miss does not hurt: names and stamps of all code. */
  readonly key: string;
  /** {@link toolDigests} */
  readonly digests: Readonly<Record<string, string>>;
}

/**
 * Reads no code where nothing of it has changed since the last time.
 *
 * @param cache JSON file with what was found out then
 * @param packages the folder of all rooms
 */
export async function ownCode(cache: string, packages = PACKAGES): Promise<OwnCode> {
  const { key, settled } = await stampOfCode(packages);
  const known = readOwnCode(await readTextIfThere(cache));
  if (known?.key === key) return known;
  const found = { key, digests: await toolDigests(packages) };
  if (settled) await writeFileAtomic(cache, `${JSON.stringify(found)}\n`, { sync: false });
  return found;
}

/** {@link OwnCode.key} as it is now. */
export async function ownCodeKey(packages = PACKAGES): Promise<string> {
  return (await stampOfCode(packages)).key;
}

function readOwnCode(text: string | undefined): OwnCode | undefined {
  const { key, digests } = jsonObject(text) ?? {};
  if (typeof key !== "string" || typeof digests !== "object" || digests === null) return undefined;
  const isWhole = Object.values(digests).every((one) => typeof one === "string");
  return isWhole ? { key, digests: digests as OwnCode["digests"] } : undefined;
}

async function stampOfCode(packages: string): Promise<{ key: string; settled: boolean }> {
  const before = Date.now();
  const lines: string[] = [...platform()];
  let settled = true;
  const look = (name: string, path: string): void => {
    const status = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (!status) return;
    settled &&= isSettled(status, before);
    lines.push(`${name} ${fileStamp(status)}`);
  };
  look("lock", lockOf(packages));
  for (const room of (await readdir(packages)).sort(byText)) {
    look(`${room}/package.json`, join(packages, room, "package.json"));
    for (const [part, ending] of CODE) {
      const folder = join(packages, room, part);
      for (const name of filesBelow(folder, ending)) look(`${room}/${name}`, join(folder, name));
    }
  }
  return { key: (await openHasher()).digest(lines.join("\n")), settled };
}

/**
 * Paths of the files below a folder, sorted; none where there is no folder. Node's own recursive listing asks for the kind of
 * each entry once more: a tenth of a start with nothing to do went into that.
 */
function filesBelow(folder: string, ending: string): string[] {
  const found: string[] = [];
  const visit = (at: string): void => {
    for (const entry of readdirSync(join(folder, at), { withFileTypes: true })) {
      if (entry.isDirectory()) visit(`${at}${entry.name}/`);
      else if (entry.name.endsWith(ending)) found.push(`${at}${entry.name}`);
    }
  };
  if (existsSync(folder)) visit("");
  return found.sort(byText);
}

/** Archives of ours are compressed by Node's zlib. */
function platform(): string[] {
  return [`node ${process.versions.node}`, `zlib ${process.versions["zlib"]}`];
}

function lockOf(packages: string): string {
  return join(packages, "../package-lock.json");
}

/**
 * `TSBAKE_NAME_DIGEST` for each tool `tsbake-name`: 32 hex digits over the code of its rooms, the locked versions of the
 * libraries that they use, and Node. A change there re-runs the tasks that call the tool.
 *
 * @param packages the folder of all rooms
 */
export async function toolDigests(packages = PACKAGES): Promise<Record<string, string>> {
  const hasher = await openHasher();
  const digests = new Map<string, string>();
  const tools = await findTools(packages);
  for (const room of new Set(tools.flatMap((tool) => tool.rooms))) {
    const texts: string[] = [];
    for (const [part, ending] of CODE) {
      const folder = join(packages, room, part);
      const names = filesBelow(folder, ending);
      const found = await eachLimited(names, AT_ONCE, (name) => readFile(join(folder, name), "utf8"));
      texts.push(...names.map((name, index) => `${part}/${name}\n${found[index]}`));
    }
    digests.set(room, hasher.digest(texts.join("\n")));
  }
  const locked = await lockedLibraries(packages);
  return Object.fromEntries(
    tools.map((tool) => {
      const code = tool.rooms.map((room) => `${room} ${digests.get(room)}`);
      const name = `${tool.name.toUpperCase().replaceAll("-", "_")}_DIGEST`;
      return [name, hasher.digest([...platform(), ...code, ...locked(tool.rooms)].join("\n"))];
    }),
  );
}

interface LockEntry {
  readonly version?: string;
  readonly integrity?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** `NAME VERSION INTEGRITY` of every library that rooms use, themselves or through others, sorted. */
async function lockedLibraries(packages: string): Promise<(rooms: readonly string[]) => string[]> {
  const text = await readTextIfThere(lockOf(packages));
  if (text === undefined) return () => [];
  const { packages: entries = {} } = JSON.parse(text) as { packages?: Readonly<Record<string, LockEntry>> };
  /** As Node looks for it: beside who asks, then further out. */
  const placeOf = (name: string, asker: string): string | undefined => {
    for (let at = asker; ; at = at.slice(0, Math.max(0, at.lastIndexOf("/node_modules/")))) {
      const place = `${at === "" ? "" : `${at}/`}node_modules/${name}`;
      if (entries[place]) return place;
      if (at === "") return undefined;
    }
  };
  return (rooms) => {
    const found = new Set<string>();
    const visit = (asker: string): void => {
      for (const name of Object.keys(entries[asker]?.dependencies ?? {})) {
        const place = name.startsWith("@tsbake/") ? undefined : placeOf(name, asker);
        if (place === undefined || found.has(place)) continue;
        found.add(place);
        visit(place);
      }
    };
    for (const room of rooms) visit(`packages/${room}`);
    return [...found]
      .sort(byText)
      .map((place) => `${place} ${entries[place]!.version} ${entries[place]!.integrity}`);
  };
}
