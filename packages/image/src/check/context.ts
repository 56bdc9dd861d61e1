/** What the rules look at: an extension, the base it goes on, and both together. Built once a check. */
import type { ScriptFact } from "../facts/facts.js";
import type { FileIndex } from "../facts/file-manifest.js";
import type { BaseFacts } from "./inspect/base-facts.js";
import { sysusersOf } from "./inspect/base-facts.js";
import { type ElfFact, elfFacts } from "./inspect/elf-facts.js";
import type { Inspected } from "./inspect/inspect.js";
import type { SysusersLine } from "./inspect/sysusers.js";
import type { ContentTree } from "./inspect/tree.js";
import { type ExtensionKind, kindOfTree } from "../layer/extension-kind.js";
import type { ShippedLine } from "../layer/tmpfiles.js";
import { MergedView } from "./merged-view.js";
import { type NamedAccount, namedAccounts, tmpfilesIn, type TmpfilesFile } from "./readers/named-accounts.js";
import { type NamedProgram, namedPrograms } from "./readers/named-programs.js";
import { readUnits, type Unit } from "./readers/units.js";

/** An extension to check. */
export interface Extension {
  readonly name: string;
  readonly tree: ContentTree;
  /** The tree of the confext image that comes with it. */
  readonly companion?: ContentTree;
  /** Paths that may hide others of the base: made over both, or allowed. */
  readonly mayHide?: (path: string) => boolean;
  /** Packages whose scripts would have run when they were installed, and did not. */
  readonly skippedScripts?: ReadonlySet<string>;
  /** Whether the numbers of owners are those of the extension; false where whoever unpacked it could not keep them. */
  readonly knowsOwners?: boolean;
  /** What has to be there: names of commands, and absolute paths. */
  readonly requiredCommands?: readonly string[];
  readonly requiredPaths?: readonly string[];
  /** Names of the extensions that it is built on, the lowest first. */
  readonly needs?: readonly string[];
  /** Packages of its base that it has in another version. */
  readonly changed?: readonly OtherVersion[];
}

export interface OtherVersion {
  readonly name: string;
  readonly from: string;
  readonly to: string;
}

/** Packages whose installation would have run a script. */
export function skippedIn(scripts: readonly ScriptFact[]): Set<string> {
  const missed = scripts.filter(({ script }) => ["config", "preinst", "postinst"].includes(script));
  return new Set(missed.map((one) => one.package));
}

/** The base that it goes on. */
export interface Base {
  readonly name: string;
  readonly index: FileIndex;
  /** What its tmpfiles.d files make. */
  readonly tmpfiles: readonly ShippedLine[];
  /** Absent in a snapshot of an older version. */
  readonly inspected?: Inspected | undefined;
  /** Names of extensions that are part of it. */
  readonly extensions?: readonly string[];
  /** Absent where nobody asks, or nothing knows. */
  readonly packages?: readonly BasePackage[];
}

export interface BasePackage {
  readonly name: string;
  /** Names of the packages that it needs itself. */
  readonly depends: readonly string[];
}

/** Names and numbers that the device will know. */
export interface KnownAccounts {
  readonly users: ReadonlySet<string>;
  readonly groups: ReadonlySet<string>;
  readonly uids: ReadonlySet<number>;
  readonly gids: ReadonlySet<number>;
}

export class Context {
  readonly extension: Extension;
  readonly kind: ExtensionKind;
  readonly base: Base;
  /** Other extensions that are merged with it. */
  readonly others: readonly Extension[];
  readonly merged: MergedView;
  readonly tmpfiles: readonly TmpfilesFile[];
  readonly sysusers: readonly SysusersLine[];
  /** Of the extension; those below /usr/lib/debug left out, which nothing loads. */
  readonly elf: readonly ElfFact[];
  readonly units: readonly Unit[];
  /** What its files start, and whom they name. */
  readonly programs: readonly NamedProgram[];
  readonly namedAccounts: readonly NamedAccount[];
  /** Undefined where nothing is known of the base's. */
  readonly accounts: KnownAccounts | undefined;

  constructor(extension: Extension, base: Base, others: readonly Extension[] = []) {
    this.extension = extension;
    this.base = base;
    this.others = others;
    const { tree } = extension;
    this.kind = kindOfTree((path) => tree.index.get(path) !== undefined);
    const own = ownOf(tree);
    this.tmpfiles = own.tmpfiles;
    this.sysusers = own.sysusers;
    this.elf = own.elf;
    this.units = own.units;
    this.programs = own.programs;
    this.namedAccounts = own.namedAccounts;
    const made = this.tmpfiles.flatMap(({ lines }) => lines.filter(({ makes }) => makes));
    const madeByBase = base.tmpfiles.map(({ path }) => path);
    this.merged = new MergedView(tree.index, base.index, made, madeByBase);
    this.accounts = base.inspected && accountsOf(base.inspected.base, this.sysusers);
  }
}

type Own = Pick<Context, "tmpfiles" | "sysusers" | "elf" | "units" | "programs" | "namedAccounts">;

/** What does not depend on the base is read once, however many bases there are. */
const read = new WeakMap<ContentTree, Own>();

function ownOf(tree: ContentTree): Own {
  const known = read.get(tree);
  if (known !== undefined) return known;
  const units = readUnits(tree);
  const tmpfiles = tmpfilesIn(tree);
  const own: Own = {
    tmpfiles,
    sysusers: sysusersOf(tree, ["/usr/lib/sysusers.d"]),
    elf: elfFacts(tree).filter(({ path }) => !path.startsWith("/usr/lib/debug/")),
    units,
    programs: [...namedPrograms(tree, units)],
    namedAccounts: [...namedAccounts({ tree, units, tmpfiles })],
  };
  read.set(tree, own);
  return own;
}

function accountsOf(base: BaseFacts, sysusers: readonly SysusersLine[]): KnownAccounts {
  const lines = [...base.sysusers, ...sysusers];
  const ids = (all: readonly (number | undefined)[]) => all.filter((one) => one !== undefined);
  return {
    users: new Set([
      ...base.users.map(({ name }) => name),
      ...lines.flatMap(({ users }) => users),
      "root",
      "nobody",
    ]),
    groups: new Set([
      ...base.groups.map(({ name }) => name),
      ...lines.flatMap(({ groups }) => groups),
      "root",
    ]),
    uids: new Set([0, ...base.users.map(({ id }) => id), ...ids(lines.map(({ uid }) => uid))]),
    gids: new Set([0, ...base.groups.map(({ id }) => id), ...ids(lines.map(({ gid }) => gid))]),
  };
}
