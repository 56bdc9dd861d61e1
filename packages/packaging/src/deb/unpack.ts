/**
 * Unpacks many packages side by side into a root, for the plain ones with the same outcome as `dpkg --unpack`: files,
 * `info/` members, a status of `unpacked`. dpkg itself would take them one after the other and touch each file several times.
 *
 * A package is plain when it has no preinst (which could expect something of the order), no interest in triggers (dpkg keeps
 * those in files of its own), md5sums (dpkg would make them) and no file that another package has too (where Replaces and
 * diversions decide). The others are left to dpkg. Where no script is to run, scripts and triggers count for nothing.
 */
import { lstat, mkdir, mkdtemp, readdir, readFile, rename, rm, unlink, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import {
  AT_ONCE,
  BuildError,
  byText,
  commandFailed,
  eachLimited,
  fsPath,
  hasCode,
  nameBytes,
  nameOf,
} from "@tsbake/base";
import type { RunResult } from "@tsbake/base";
import type { LayerRequest, Planned } from "../database/backend.js";
import type { ControlMembers } from "./file.js";
import { DPKG_FOLDER } from "./database.js";
import { insideRoot, linkOutOf, refuseLinks } from "@tsbake/sandbox";
import type { InsideRoot } from "@tsbake/sandbox";
import { badDeb } from "../problems.js";
import { leavesRoot } from "@tsbake/sandbox";
import { countLines } from "../progress.js";
import type { Cage } from "@tsbake/sandbox";
import { broughtBy, foldersBroughtBy, readListing, sharedPaths, toPath } from "./listing.js";
import type { Brought, ListedEntry } from "./listing.js";
import { parseStanzas, writeStanza } from "./stanza.js";

/**
 * $0: root; $1: package file; $2: folder, gets `list` as tar names the files; its `control` gets the control members;
 * $3: `always` when it is laid out whatever it brings. 255 makes xargs stop.
 */
const LAY = `
set -u
fail() { { echo "failed $1"; cat "$2/said"; } >&2; exit 255; }
{ dpkg-deb --ctrl-tarfile "$1" || : >"$2/failed"; } 2>"$2/said" |
    tar -C "$2/control" -xp --no-same-owner -f - 2>>"$2/said" || fail "$1" "$2"
[ ! -e "$2/failed" ] || fail "$1" "$2"
if [ -e "$2/control/preinst" ] && [ "$3" != always ]; then exit 0; fi
{ dpkg-deb --fsys-tarfile "$1" || : >"$2/failed"; } 2>"$2/said" |
    tar -C "$0" -xvvp --quoting-style=literal --numeric-owner --keep-directory-symlink -f - >"$2/list" 2>>"$2/said" ||
    fail "$1" "$2"
[ ! -e "$2/failed" ] || fail "$1" "$2"
echo "\${1##*/}"
`;

interface Laid extends Brought {
  readonly one: Planned;
  /** `name` or, for packages that may be there in several architectures, `name:arch`: how `info/` calls it. */
  readonly key: string;
  readonly folder: string;
  /** Names in its `control` folder. */
  readonly members: readonly string[];
  /** As in `.list`; undefined when it was not laid out. */
  readonly list: readonly string[] | undefined;
}

export interface LayOptions {
  /** Folders of the root that are links into /usr. */
  readonly merged: readonly string[];
  /** Laid out even with a preinst: scripts of others will need them. */
  readonly always?: ReadonlySet<Planned>;
  /** Members of the control archive that are not registered, and so never run. */
  readonly without?: readonly string[];
  /** Paths that belong to installed packages or diversions: a package that brings one of them is left to dpkg. */
  readonly taken?: Iterable<string>;
  /** Paths that are there and are no folders: so is a package that has one of them as a folder. */
  readonly noFolders?: ReadonlySet<string>;
  /** Where files are laid out; default: in the root itself. */
  readonly into?: Pick<LayerRequest, "root" | "seenRoot">;
  readonly onProgress?: (text: string) => void;
}

export interface LaidPackage {
  /** `name`, or `name:arch` for one that may be there in several architectures. */
  readonly key: string;
  /** As in `.list`. */
  readonly paths: readonly string[];
  /** Lines of its control member `triggers`. */
  readonly triggers: readonly string[];
}

export interface LayResult {
  /** What dpkg has to unpack, in the given order. */
  readonly left: readonly Planned[];
  readonly laid: readonly LaidPackage[];
  /** The control members of each laid package that were not registered. */
  readonly dropped: ReadonlyMap<Planned, ControlMembers>;
}

/** @throws BuildError `packaging/bad-deb`, `sandbox/leaves-root`, `base/command-failed` */
export async function layPackages(
  { root, seenRoot, sandbox }: Pick<LayerRequest, "root" | "seenRoot" | "sandbox">,
  packages: readonly Planned[],
  options: LayOptions,
): Promise<LayResult> {
  if (packages.length === 0) return { left: [], laid: [], dropped: new Map() };
  const { always, without = [], into = { root, seenRoot } } = options;
  // Beside `info/`, into which control members are then moved; under a name that no package can know.
  const scratch = await mkdtemp(join(seenRoot, DPKG_FOLDER, ".tsbake-lay-"));
  try {
    const named = packages.map((one, at) => {
      const inside = join(root, DPKG_FOLDER, basename(scratch), String(at));
      return { one, key: keyOf(one), folder: join(scratch, String(at)), inside };
    });
    for (const { folder } of named) await mkdir(join(folder, "control"), { recursive: true });
    const isAlways = (one: Planned): boolean => always?.has(one) === true || without.includes("preinst");
    const input = named.flatMap(({ one, inside }) => [one.path, inside, isAlways(one) ? "always" : "-"]);
    const args = ["-0", "-n", "3", "-P", String(availableParallelism()), "sh", "-c", LAY, into.root];
    const done = await sandbox.run("xargs", args, {
      input: input.map((word) => `${word}\0`).join(""),
      onOutput: countLines(packages.length, "unpacked", options.onProgress),
      mayFail: true,
    });
    if (done.code !== 0) throw await explainLay(into.seenRoot, packages, done);
    const laid = await eachLimited(named, AT_ONCE, readLaid);
    // From here on we follow paths ourselves.
    await refuseLinks(seenRoot, DPKG_FOLDER);
    const inside = insideRoot(into.seenRoot);
    const clashing = clashes(laid, options);
    const plain: Laid[] = [];
    for (const one of laid) if (!clashing.has(one) && (await isPlain(one, without))) plain.push(one);
    await settleFolders(into.root, sandbox, laid);
    const registered = new Set(plain);
    // A diversion would have dpkg put a file elsewhere, so what lies there already must not stay.
    // Into a whole root nothing is diverted yet, and scripts may need what lies there.
    const misplaced = options.taken ? laid.filter((one) => !registered.has(one)) : [];
    for (const { files } of misplaced) for (const path of files) await removeFile(await inside.place(path));
    const triggers = await eachLimited(plain, AT_ONCE, triggersOf);
    const dropped = await register(seenRoot, inside, plain, without);
    return {
      left: laid.filter((one) => !registered.has(one)).map(({ one }) => one),
      laid: plain.map(({ key, list }, at) => ({ key, paths: list ?? [], triggers: triggers[at]! })),
      dropped,
    };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** What two packages do not agree about may be a folder. */
async function removeFile(path: string): Promise<void> {
  await unlink(fsPath(path)).catch((error: unknown) => {
    if (!hasCode(error, "ENOENT", "ENOTDIR", "EISDIR")) throw error;
  });
}

/** What {@link LAY} said of the package that stopped it: by name, and with the link that it wanted to go through. */
async function explainLay(
  seenRoot: string,
  packages: readonly Planned[],
  done: RunResult,
): Promise<BuildError> {
  const [, file, said = ""] = /^failed (.*)\n([^]*)$/m.exec(done.stderr) ?? [];
  const one = packages.find(({ path }) => path === file);
  if (!one) return new BuildError([commandFailed("dpkg-deb | tar", done)]);
  const lines = said.split("\n").filter((line) => /^(tar|dpkg-deb): (?!Exiting|Removing)/.test(line));
  for (const line of lines) {
    const path = /^tar: .+: Cannot hard link to ‘(.+)’:|^tar: (.+?): Cannot /
      .exec(line)
      ?.slice(1)
      .find((group) => group !== undefined)
      ?.replace(/^\.\//, "");
    const link = path === undefined ? undefined : await linkOutOf(seenRoot, path);
    if (link) return new BuildError([leavesRoot(`/${path}`, link, one.name)]);
  }
  return new BuildError([badDeb(one.path, lines.slice(0, 3).join("\n") || said)]);
}

function keyOf(one: Planned): string {
  const isShared = parseStanzas(one.stanza).stanzas[0]?.get("Multi-Arch") === "same";
  return isShared ? `${one.name}:${one.architecture}` : one.name;
}

async function readLaid({ one, key, folder }: Pick<Laid, "one" | "key" | "folder">): Promise<Laid> {
  const members = (await readdir(join(folder, "control"))).sort(byText);
  for (const name of members)
    if (!(await lstat(join(folder, "control", name))).isFile())
      throw new BuildError([badDeb(one.path, `its control member \`${name}\` is no file`)]);
  const path = join(folder, "list");
  const listed = (await isThere(path)) ? await readListing(path, one.path) : undefined;
  return {
    one,
    key,
    folder,
    members,
    list: listed?.map(({ name }) => toPath(name)),
    ...broughtBy(listed ?? []),
  };
}

async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    (found) => found.isFile(),
    (error: unknown) => {
      if (hasCode(error, "ENOENT")) return false;
      throw error;
    },
  );
}

/**
 * A folder that several packages bring has the mode and owner of whichever tar came last; dpkg would have kept those of the
 * first package. Only where packages disagree.
 */
async function settleFolders(root: string, sandbox: Cage, laid: readonly Laid[]): Promise<void> {
  const first = new Map<string, ListedEntry>();
  const disputed = new Set<ListedEntry>();
  for (const entry of laid.flatMap(({ folders }) => folders)) {
    const known = first.get(entry.name);
    if (!known) first.set(entry.name, entry);
    else if (known.mode !== entry.mode || known.owner !== entry.owner) disputed.add(known);
  }
  if (disputed.size === 0) return;
  const words = [...disputed].flatMap(({ name, mode, owner }) => [mode.toString(8), owner, join(root, name)]);
  const script = 'while [ $# -gt 0 ]; do chown "$2" "$3" && chmod "$1" "$3" || exit; shift 3; done';
  // By standard input: names need not be UTF-8, and there may be many. Three words a folder.
  const input = nameBytes(words.map((word) => `${word}\0`).join(""));
  await sandbox.run("xargs", ["-0", "-n", "300", "sh", "-c", script, "sh"], { input });
}

/** Packages that have a file in common with another one, or with what is there already; also one's file that is another's folder. */
function clashes(laid: readonly Laid[], { merged, taken = [], noFolders }: LayOptions): Set<Laid> {
  const shared = [...sharedPaths(laid, merged, taken).values()];
  const found = new Set(shared.flatMap(({ files, folders }) => [...files, ...folders]));
  if (noFolders)
    for (const one of laid)
      if ([...foldersBroughtBy(one, merged)].some((folder) => noFolders.has(folder))) found.add(one);
  return found;
}

async function triggersOf({ members, folder }: Laid): Promise<readonly string[]> {
  if (!members.includes("triggers")) return [];
  return nameOf(await readFile(join(folder, "control/triggers"))).split("\n");
}

async function isPlain({ list, files, members, folder }: Laid, without: readonly string[]): Promise<boolean> {
  const counts = (name: string): boolean => members.includes(name) && !without.includes(name);
  if (list === undefined || counts("preinst") || !members.includes("md5sums")) return false;
  const triggers = counts("triggers") ? await readFile(join(folder, "control/triggers"), "utf8") : "";
  const conffiles = members.includes("conffiles")
    ? nameOf(await readFile(join(folder, "control/conffiles")))
    : "";
  const brought = new Set(files);
  // A line that is no path has a flag before it.
  return (
    !/^\s*interest/m.test(triggers) && conffiles.split("\n").every((line) => line === "" || brought.has(line))
  );
}

/** Writes what dpkg would have written of them. @returns members that it left out, where a package has such */
async function register(
  seenRoot: string,
  inside: InsideRoot,
  plain: readonly Laid[],
  without: readonly string[],
): Promise<Map<Planned, ControlMembers>> {
  const database = join(seenRoot, DPKG_FOLDER);
  const info = join(database, "info");
  const dropped = new Map<Planned, ControlMembers>();
  await writeFile(join(info, "format"), "1\n");
  // Stanzas end with an empty line.
  let status = nameOf(await readFile(join(database, "status")))
    .replace(/\n*$/, "\n\n")
    .replace(/^\n+$/, "");
  for (const { one, key, folder: own, members, list } of plain) {
    const folder = join(own, "control");
    const { stanzas, faults } = parseStanzas(nameOf(await readFile(join(folder, "control"))));
    const [stanza] = stanzas;
    if (!stanza || faults.length > 0) throw new BuildError([badDeb(one.path, "its control file is damaged")]);
    const fields = new Map(stanza).set("Status", "install ok unpacked");
    const text = members.includes("conffiles") ? nameOf(await readFile(join(folder, "conffiles"))) : "";
    const conffiles = text.split("\n").filter((line) => line !== "");
    if (conffiles.length > 0)
      fields.set("Conffiles", conffiles.map((path) => `\n ${path} newconffile`).join(""));
    for (const path of conffiles) {
      const place = await inside.place(path);
      await rename(fsPath(place), fsPath(`${place}.dpkg-new`));
    }
    status += `${writeStanza(fields)}\n`;
    const out = members.filter((name) => without.includes(name));
    if (out.length > 0) {
      const contents = await eachLimited(out, AT_ONCE, (name) => readFile(join(folder, name)));
      dropped.set(one, new Map(out.map((name, at) => [name, contents[at] ?? Buffer.alloc(0)])));
    }
    for (const name of members)
      if (name !== "control" && !out.includes(name))
        await rename(join(folder, name), join(info, `${key}.${name}`));
    await writeFile(join(info, `${key}.list`), nameBytes((list ?? []).map((path) => `${path}\n`).join("")));
  }
  await writeFile(join(database, "status"), nameBytes(status));
  return dropped;
}
