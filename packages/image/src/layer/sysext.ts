/** do_image of an extension: the layer's tree, decided path by path, as the tree that ships, with its stamp and report. */
import {
  type FileEntry,
  foldersAbove,
  inTarOrder,
  TarFile,
  type TarMember,
  TarWriter,
} from "@tsbake/archive";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { eachLimited, AT_ONCE, BuildError, byText, sha256, nameBytes } from "@tsbake/base";
import { EXTENSION_KINDS, type ExtensionKind } from "./extension-kind.js";
import { type ExtensionStamp, extensionRelease, extensionReleasePath } from "./extension-release.js";
import { FileIndex, parseFileManifest } from "../facts/file-manifest.js";
import { parseSysusers } from "../check/inspect/sysusers.js";
import type { Accounts } from "./merged/accounts.js";
import { translate } from "./merged/translate.js";
import { type ExtensionPlan, planExtension } from "./plan.js";
import { generatedFile, type PlannedEntry } from "./planned-tree.js";
import type { PathDecision, Reported } from "../facts/reported.js";
import { compareImageVersions } from "../publish/names.js";
import type { Rule } from "../rules/rules.js";
import { levelDigest, type Snapshot, snapshotFiles, snapshotTmpfiles } from "../snapshot/snapshot.js";
import { parseTmpfiles } from "./tmpfiles.js";
import * as problems from "../problems.js";

export interface SysextOptions {
  /** The layer's tar and file manifest. */
  readonly tree: string;
  readonly files: string;
  readonly base: Snapshot;
  readonly rules: readonly Rule[];
  readonly mayShadow: (path: string) => boolean;
  readonly stamp: Omit<ExtensionStamp, "base" | "pkgdbDigest" | "reloadManager" | "needs">;
  /** Of a layer whose scripts ran: the accounts that they made. */
  readonly accounts?: Accounts | undefined;
  /** Whether others are built on it. */
  readonly isBase?: boolean | undefined;
  /** A database tree to ship below /usr/lib/sysimage; default: none. */
  readonly database?: string | undefined;
  readonly epochSeconds: number;
  /** The tar to write. */
  readonly output: string;
  /** The tar of the confext image that comes with it; default: none comes. */
  readonly companion?: string | undefined;
}

/** A tar that was written. */
export interface WrittenTree {
  /** Everything in it, sorted by path, files with their digests. */
  readonly files: readonly FileEntry[];
  readonly extensionRelease: string;
}

export interface SysextResult extends WrittenTree {
  readonly plan: ExtensionPlan;
  readonly companion?: WrittenTree;
}

/** Whether the manager has to read its units again for it: anything there that is no folder may be one, or change one. */
export function isUnit(
  { kind, path }: Pick<FileEntry, "kind" | "path">,
  { units }: ExtensionKind = EXTENSION_KINDS.sysext,
): boolean {
  return kind !== "directory" && units.test(path);
}

/**
 * @throws BuildError with every path that cannot ship (see {@link planExtension}), of the stamp
 *   (see {@link extensionRelease}) and of a damaged snapshot or tree
 */
export async function makeExtension(options: SysextOptions): Promise<SysextResult> {
  const layer = parseFileManifest(await readFile(options.files, "utf8"), options.files);
  const base = new FileIndex(await snapshotFiles(options.base));
  const { rules, mayShadow, stamp } = options;
  using tar = new TarFile(options.tree);
  const members = tar.membersByPath();
  const shipped = (folder: string) =>
    textsOf(tar, members, new RegExp(`^/(usr/)?lib/${folder}\\.d/[^/]+\\.conf$`));
  const tmpfiles = [
    ...shipped("tmpfiles").flatMap(({ text: lines, path }) => parseTmpfiles(lines, path)),
    ...(await snapshotTmpfiles(options.base)),
  ];
  const { accounts } = options;
  const translated = accounts === undefined ? undefined : translate(layer, base);
  const plan = planExtension({
    layer: translated?.layer ?? layer,
    base,
    rules,
    mayShadow: (path) => mayShadow(path) || translated?.isDerived(path) === true,
    name: stamp.name,
    ...(stamp.kind && { kind: stamp.kind }),
    hasCompanion: options.companion !== undefined,
    tmpfiles,
    ...(accounts && {
      accounts,
      fixesIds: options.isBase ?? false,
      sysusers: shipped("sysusers").flatMap((one) => parseSysusers(one.text, one.path)),
    }),
  });
  const needs = options.base.facts.below?.extensions ?? [];
  const report = [...plan.report, ...(translated?.report ?? [])];
  refuseBelow(stamp, needs, report, options.companion !== undefined);
  const extra = options.database === undefined ? [] : await databaseFiles(options.database, stamp.name);
  const write = (output: string, entries: readonly PlannedEntry[], kind?: ExtensionKind, further = extra) => {
    const release = extensionRelease({
      ...stamp,
      kind,
      base: options.base.osRelease,
      pkgdbDigest: levelDigest(options.base),
      needs,
      reloadManager: entries.some(({ entry }) => isUnit(entry, kind)),
    });
    const all = withExtra(entries, [text(extensionReleasePath(stamp.name, kind), release), ...further], base);
    writeTree({ output, epochSeconds: options.epochSeconds }, all, tar, members);
    return { files: filesOf(all), extensionRelease: release };
  };
  const written = write(options.output, plan.entries, stamp.kind);
  if (options.companion === undefined || plan.companion === undefined)
    return { plan: { ...plan, report }, ...written };
  const companion = write(options.companion, plan.companion, EXTENSION_KINDS.confext, []);
  return { plan: { ...plan, report }, ...written, companion };
}

function filesOf(entries: readonly PlannedEntry[]): FileEntry[] {
  return entries
    .map(({ entry, text: made }) =>
      made === undefined ? entry : { ...entry, sha256: sha256(nameBytes(made)) },
    )
    .sort((left, right) => byText(left.path, right.path));
}

/** What an extension hides of those that it is built on is hidden only where it is merged above them: systemd-sysext goes by names. */
function refuseBelow(
  { name, kind = EXTENSION_KINDS.sysext }: Pick<ExtensionStamp, "name" | "kind">,
  needs: readonly string[],
  report: readonly Reported[],
  hasCompanion: boolean,
): void {
  const isMerged = (path: string): boolean =>
    kind.isMerged(path) || (hasCompanion && EXTENSION_KINDS.confext.isMerged(path));
  const above = needs.filter((one) => compareImageVersions(name, one) < 0);
  const hidden = report.filter(({ path, decision }) => HIDING.has(decision) && isMerged(path));
  if (above.length > 0 && hidden.length > 0)
    throw new BuildError([
      problems.mergedBelow(
        name,
        above,
        hidden.map(({ path }) => path),
      ),
    ]);
}
const HIDING: ReadonlySet<PathDecision> = new Set(["shadows-base", "direct-link"]);

function text(path: string, content: string): PlannedEntry {
  return { entry: generatedFile(path, content), text: content };
}

/** Adds made files and the folders above them; folders take the base's mode, which a merge would otherwise change. */
function withExtra(
  planned: readonly PlannedEntry[],
  extra: readonly PlannedEntry[],
  base: FileIndex,
): PlannedEntry[] {
  const all = new Map(planned.map((one) => [one.entry.path, one]));
  for (const one of extra) {
    for (const path of foldersAbove(one.entry.path)) {
      const taken = all.get(path)?.entry;
      // systemd would look for the stamp through it, on the device; and our own files would go where it leads.
      if (taken !== undefined && taken.kind !== "directory")
        throw new BuildError([problems.folderTaken(taken)]);
      if (taken !== undefined) continue;
      const inBase = base.get(path);
      const mode = inBase?.kind === "directory" ? inBase.mode : 0o755;
      all.set(path, { entry: { path, kind: "directory", mode, uid: 0, gid: 0, sizeBytes: 0 } });
    }
    const before = all.get(one.entry.path)?.entry;
    if (before !== undefined) throw new BuildError([problems.layerClash(before, one.entry)]);
    all.set(one.entry.path, one);
  }
  return inTarOrder([...all.values()], ({ entry }) => entry);
}

/** The database's files as text below /usr/lib/sysimage/NAME, where tools can be pointed at them. */
async function databaseFiles(folder: string, name: string): Promise<PlannedEntry[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name));
  return eachLimited(files.sort(byText), AT_ONCE, async (path) => {
    const below = path.slice(folder.length).replace(/^\/+/, "");
    return text(`/usr/lib/sysimage/${name}/${below}`, await readFile(path, "utf8"));
  });
}

/** Files of the layer whose paths fit. */
function textsOf(
  tar: TarFile,
  members: ReadonlyMap<string, TarMember>,
  isOne: RegExp,
): { readonly path: string; readonly text: string }[] {
  return [...members.values()].flatMap(({ entry, contentAt }) => {
    if (entry.kind !== "file" || !isOne.test(entry.path)) return [];
    const pieces: Buffer[] = [];
    tar.content(contentAt, entry.sizeBytes, (piece) => pieces.push(Buffer.from(piece)));
    return [{ path: entry.path, text: Buffer.concat(pieces).toString("utf8") }];
  });
}

function writeTree(
  options: Pick<SysextOptions, "output" | "epochSeconds">,
  entries: readonly PlannedEntry[],
  tar: TarFile,
  members: ReadonlyMap<string, TarMember>,
): void {
  using writer = new TarWriter(options.output);
  writer.root(options.epochSeconds);
  for (const { entry, from, text: made } of entries) {
    const source = from === undefined ? undefined : members.get(from);
    if (made === undefined && source !== undefined) {
      writer.copy(tar, source, entry);
      continue;
    }
    writer.begin(entry, options.epochSeconds);
    if (made !== undefined) {
      writer.write(nameBytes(made));
      writer.pad();
    } else if (entry.kind === "file" && !entry.hardlink)
      throw new Error(`internal: nothing holds the content of ${entry.path}`);
  }
  writer.finish();
}
