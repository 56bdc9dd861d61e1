/**
 * Unpacks many packages at once into a root, for the plain ones with the same outcome as `dpkg --unpack`: files, `info/` members, a
 * status of `unpacked`. dpkg itself would take them one after the other and touch each file several times.
 *
 * A package is plain when it has no preinst (which could expect something of the order), no interest in triggers (dpkg keeps
 * those in files of its own), md5sums (dpkg would make them), an archive as dpkg-deb writes it, and no file that another package has
 * too (where Replaces and diversions decide). The others are left to dpkg. Where no script is to run, scripts and triggers count for
 * nothing.
 */
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { FileEntry } from "@tsbake/archive";
import { BuildError, nameBytes, nameOf } from "@tsbake/base";
import { refuseLinks } from "@tsbake/sandbox";
import type { LayerRequest, Planned } from "../database/backend.js";
import { badDeb } from "../problems.js";
import {
  type ControlFiles,
  type ControlMembers,
  openedAhead,
  type OpenedPackage,
  openPackages,
} from "../contents/index.js";
import { DPKG_FOLDER } from "./database.js";
import { extractPackages, foldersBroughtBy, sharedPaths } from "../layout/index.js";
import { parseStanzas, writeStanza } from "./stanza.js";

export interface LayOptions {
  /** Folders of the root that are links into /usr. */
  readonly merged: readonly string[];
  /** Laid out even with a preinst: scripts of others will need them. */
  readonly always?: ReadonlySet<Planned>;
  /** Members of the control archive that are not registered, and so never run. */
  readonly without?: readonly string[];
  /** Paths that belong to installed packages or diversions: a package that brings one of them is left to dpkg. */
  readonly taken?: Iterable<string>;
  /** What is there: a folder stays as it is, and a package that has something else as a folder is left to dpkg. */
  readonly inRoot?: readonly Pick<FileEntry, "path" | "kind">[];
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
  const { always, without = [], merged, inRoot = [], onProgress } = options;
  await mkdir(root, { recursive: true });
  const isWanted = (one: Planned, control: ControlFiles): boolean =>
    !control.has("preinst") || without.includes("preinst") || always?.has(one) === true;
  await using contents = openedAhead(packages) ?? openPackages(packages, isWanted, root);
  const opened = await contents.packages;
  const clashing = clashes(opened, options);
  const plain = opened.filter((one) => !clashing.has(one) && isPlain(one, without));
  const registered = new Set(plain);
  const folders = new Set(inRoot.flatMap(({ path, kind }) => (kind === "directory" ? [path] : [])));
  await extractPackages(
    { root, seenRoot, sandbox },
    opened.flatMap((one) => {
      const isEarly = options.taken === undefined && always?.has(one.one) === true;
      const conffiles = new Set(registered.has(one) ? conffilesOf(one) : []);
      return one.tar && (registered.has(one) || isEarly) ? [{ ...one, tar: one.tar, conffiles }] : [];
    }),
    { merged, folders, ...(onProgress && { onProgress }) },
  );
  // From here on we follow paths ourselves.
  await refuseLinks(seenRoot, DPKG_FOLDER);
  const dropped = await register(seenRoot, plain, without);
  return {
    left: opened.filter((one) => !registered.has(one)).map(({ one }) => one),
    laid: plain.map((one) => ({ key: one.key, paths: listOf(one), triggers: linesOf(one, "triggers") })),
    dropped,
  };
}

/** Packages that have a file in common with another one, or with what is there already; also one's file that is another's folder. */
export function clashes(
  opened: readonly OpenedPackage[],
  options: Pick<LayOptions, "merged" | "taken" | "inRoot">,
): Set<OpenedPackage> {
  const { merged, taken = [], inRoot = [] } = options;
  const shared = [...sharedPaths(opened, merged, taken).values()];
  const found = new Set(shared.flatMap(({ files, folders }) => [...files, ...folders]));
  const noFolders = new Set(inRoot.filter(({ kind }) => kind !== "directory").map(({ path }) => path));
  for (const one of opened)
    if ([...foldersBroughtBy(one, merged)].some((folder) => noFolders.has(folder))) found.add(one);
  return found;
}

/** Lines of a control member; none where there is no such member. */
function linesOf({ control }: Pick<OpenedPackage, "control">, name: string): string[] {
  const bytes = control.get(name)?.bytes;
  return bytes === undefined ? [] : nameOf(bytes).split("\n");
}

/** Paths of its configuration files; a line that is no path has a flag before it. */
export function conffilesOf(one: Pick<OpenedPackage, "control">): string[] {
  return linesOf(one, "conffiles").filter((line) => line !== "");
}

/** Whether nothing about it is left to dpkg. @param without members of the control archive that count for nothing */
export function isPlain(one: OpenedPackage, without: readonly string[]): boolean {
  const { tar, control, files } = one;
  const counts = (name: string): boolean => control.has(name) && !without.includes(name);
  // Of a .deb dpkg would make them; opkg has none.
  const hasSums = control.has("md5sums") || one.one.path.endsWith(".ipk");
  if (tar === undefined || counts("preinst") || !hasSums) return false;
  if (counts("triggers") && linesOf(one, "triggers").some((line) => /^\s*interest/.test(line))) return false;
  const brought = new Set(files);
  return conffilesOf(one).every((line) => brought.has(line));
}

/** As dpkg writes it. */
function listOf({ tar }: OpenedPackage): string[] {
  return [...(tar?.hasRoot ? ["/."] : []), ...(tar?.entries ?? []).map(({ entry }) => entry.path)];
}

/** Writes what dpkg would have written of them. @returns members that it left out, where a package has such */
async function register(
  seenRoot: string,
  plain: readonly OpenedPackage[],
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
  for (const opened of plain) {
    const { one, key, control } = opened;
    const { stanzas, faults } = parseStanzas(linesOf(opened, "control").join("\n"));
    const [stanza] = stanzas;
    if (!stanza || faults.length > 0) throw new BuildError([badDeb(one.path, "its control file is damaged")]);
    const fields = new Map(stanza).set("Status", "install ok unpacked");
    const conffiles = conffilesOf(opened);
    if (conffiles.length > 0)
      fields.set("Conffiles", conffiles.map((path) => `\n ${path} newconffile`).join(""));
    status += `${writeStanza(fields)}\n`;
    const out = [...control].filter(([name]) => without.includes(name));
    if (out.length > 0) dropped.set(one, new Map(out.map(([name, { bytes }]) => [name, bytes])));
    for (const [name, { bytes, mode }] of control) {
      if (name === "control" || without.includes(name)) continue;
      const path = join(info, `${key}.${name}`);
      await writeFile(path, bytes);
      await chmod(path, mode);
    }
    const list = listOf(opened).map((path) => `${path}\n`);
    await writeFile(join(info, `${key}.list`), nameBytes(list.join("")));
  }
  await writeFile(join(database, "status"), nameBytes(status));
  return dropped;
}
