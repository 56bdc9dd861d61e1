/** What every package format can do: solve, install, and carry its database from one image to the next. */
import type { FileEntry, PlacedEntry } from "@tsbake/archive";
import type { Change } from "./change.js";
import type { Cage } from "@tsbake/sandbox";
import type { InstalledPackage, PackageDatabase } from "./database.js";
import type { AvailablePackage } from "../feed/closure.js";

/** A folder of package files and what is in it. */
export interface PackageSource {
  /** Absolute. */
  readonly folder: string;
  readonly packages: readonly AvailablePackage[];
}

export interface SolveRequest {
  /** Package names, `name=version`; `-name` = must not be installed. */
  readonly install: readonly string[];
  readonly sources: readonly PackageSource[];
  /** Native architecture, e.g. `amd64`. */
  readonly architecture: string;
  readonly recommends?: boolean;
  /** Every `Essential: yes` package of the sources comes too. Default false; `install` always does that. */
  readonly essential?: boolean;
  /** A root whose database counts as installed (an import). Default: nothing is installed. */
  readonly installedIn?: string;
}

export interface Planned extends AvailablePackage {
  /** Absolute path of the package file. */
  readonly path: string;
}

export interface Solution {
  /** In an order in which they can be unpacked. Only "added" ones, unless the request let others pass. */
  readonly packages: readonly Planned[];
  /** Sorted by name. */
  readonly changes: readonly Change[];
}

export interface InstallRequest extends SolveRequest {
  /** Absolute; empty (`install`), or holding only an imported database (`installOnDatabase`) or the base's tree (`installOnTree`). */
  readonly root: string;
  /** With the root writable, and the package files of the sources in sight. */
  readonly sandbox: Cage;
  /** SOURCE_DATE_EPOCH in seconds: no file of the root is younger. */
  readonly epochSeconds: number;
  /** Changes of installed packages that are let through, as `name` (opt-in). */
  readonly allowChanged?: readonly string[];
  readonly onProgress?: (text: string) => void;
  /** Files and links beside those of packages, given what is installed; what is there already stays. Only where a whole root is made. */
  readonly extra?: (database: PackageDatabase) => readonly RootFile[];
  /** Called with what was solved, before anything is unpacked: brings the package files that are not there yet. @returns them as they are then */
  readonly fetch?: (packages: readonly Planned[]) => Promise<readonly Planned[]>;
}

/** What a root gets beside its packages: a file with this text, or a link that leads there. */
export type RootFile =
  { readonly path: string; readonly text: string } | { readonly path: string; readonly target: string };

/** Installing on the database of a base, whose own files are there or not. */
export interface LayerRequest extends InstallRequest {
  /** What to install; default: it is solved, and what is missing is fetched. */
  readonly solution?: Solution;
  /** Where this process finds the root: `root` itself, or what `keepInMemory` of the sandbox said. */
  readonly seenRoot: string;
  /** The base's database. */
  readonly base: PackageDatabase;
  /** What is in a root that holds the base's tree, of packages or not. */
  readonly inRoot?: readonly Pick<FileEntry, "path" | "kind" | "mode" | "uid" | "gid">[];
  /** The root is an image of its own afterwards: what lies beside the database, and `extra`, is brought up to date. Only for `installOnTree`. */
  readonly isWhole?: boolean;
}

export interface ComposeRequest extends Pick<
  LayerRequest,
  "architecture" | "allowChanged" | "base" | "onProgress"
> {
  readonly solution: Solution;
  /** The folder of the database that `base` was read from, as a snapshot has it. */
  readonly database: string;
  /** A folder for what is decompressed. */
  readonly work: string;
}

/** Packages on a base's database, without any of them in a root. What contents lie in is gone when the block is left. */
export interface Composed extends AsyncDisposable {
  readonly result: InstallResult;
  /** The tree that they would make, as an archive of it has it; without times that are settled, and without digests. */
  readonly entries: readonly PlacedEntry[];
}

/** A maintainer script that did not run. */
export interface SkippedScript {
  readonly package: string;
  readonly version: string;
  readonly script: "preinst" | "postinst" | "prerm" | "postrm" | "config" | "triggers";
  readonly sha256: string;
  /** The script's text, for rules that turn it into declarations (users, caches, units). */
  readonly text: string;
}

export interface InstallResult {
  readonly changes: readonly Change[];
  readonly database: PackageDatabase;
  /** Packages that this call added, sorted by name. */
  readonly added: readonly InstalledPackage[];
  /** Only `installOnDatabase` skips. */
  readonly skippedScripts: readonly SkippedScript[];
  readonly warnings: readonly string[];
}

/** What a snapshot is recognised by. */
export interface SnapshotIdentity {
  readonly backend: PackageDatabase["backend"];
  readonly architecture: string;
  readonly count: number;
  /** `databaseDigest`. */
  readonly digest: string;
}

/** How packages of a Debian archive become packages of another format. */
export interface Repackaging {
  /** What an index would say of it, with the digest of the .deb: known before that is there. */
  describe(one: AvailablePackage): AvailablePackage;
  /**
   * Makes the package files in the pool, each once.
   *
   * @param packages what was described, with the paths of the .debs
   * @returns in the same order, with path and digest of what was made
   * @throws BuildError `packaging/bad-deb`
   */
  write(packages: readonly Planned[], pool: string): Promise<readonly Planned[]>;
}

export interface Backend {
  readonly name: PackageDatabase["backend"];
  /** Below a root, e.g. `var/lib/dpkg`. */
  readonly databaseFolder: string;
  /** That one, and others that only the package manager and its helpers keep things in: no part of an extension. */
  readonly ownFolders: readonly string[];
  /**
   * The packages of an index of the format's own, each with its file relative to the feed; undefined where none is read.
   * @param feed what to call it in an error
   * @param architecture what of it can be installed
   * @throws BuildError `packaging/bad-feed`
   */
  readonly readIndex?: (index: Buffer, feed: string, architecture: string) => readonly AvailablePackage[];
  /** Undefined where packages of the archive are used as they are. */
  readonly repackaging?: Repackaging;
  /** Folders of programs that `install` and its sisters run, which a cage has to have in sight. @throws BuildError where they are not there */
  toolFolders?(): Promise<readonly string[]>;
  /** The package files of a folder, read from themselves (those of recipes), sorted; cached beside nothing. */
  scan(folder: string): Promise<PackageSource>;
  /** @throws BuildError `packaging/not-in-feed`, `packaging/unsolvable`, `packaging/base-changed` */
  solve(request: SolveRequest & Pick<InstallRequest, "allowChanged">): Promise<Solution>;
  /** Maintainer scripts and named triggers that run when this is installed on a base: `PACKAGE: WHAT`, sorted. @throws BuildError `packaging/bad-deb` */
  whatRuns(solution: Solution, base: PackageDatabase): Promise<string[]>;
  /** Triggers of a base on paths that installed packages have: `PACKAGE: WHAT`, sorted. */
  whatFires(added: readonly InstalledPackage[], base: PackageDatabase): string[];
  /** A whole root from nothing; maintainer scripts run inside it. Reproducible. @throws BuildError `packaging/install-failed`, … */
  install(request: InstallRequest): Promise<InstallResult>;
  /**
   * As `installOnDatabase`, told from the packages alone. Undefined where that cannot be done.
   * @throws BuildError `packaging/bad-deb`
   */
  compose(request: ComposeRequest): Promise<Composed | undefined>;
  /** New packages on top of an imported database; no maintainer script runs, no file of the base is there. */
  installOnDatabase(request: LayerRequest): Promise<InstallResult>;
  /** Begins to open what `installOnTree` will unpack, if it does that itself. @param beside what the folder of its files is called after */
  openAhead?(solution: Solution, beside: string): AsyncDisposable;
  /**
   * New packages on top of a base whose whole tree is in the root: maintainer scripts and triggers run, as on the device. What the
   * solution removes is purged.
   */
  installOnTree(request: LayerRequest): Promise<InstallResult>;
  /** @throws BuildError `packaging/bad-database` */
  readDatabase(root: string): Promise<PackageDatabase>;
  /**
   * The database of `root` as a tree of files below `into` (for deb: `var/lib/dpkg/…`, `etc/alternatives/…`), canonical: sorted,
   * no locks, logs or backups, nothing that differs between two equal roots.
   */
  snapshot(root: string, into: string): Promise<SnapshotIdentity>;
  /**
   * Puts a snapshot tree into the empty `root` and proves that what arrived is what was taken.
   * @throws BuildError `packaging/foreign-snapshot`, `packaging/damaged-snapshot`
   */
  importSnapshot(from: string, root: string, expected: SnapshotIdentity): Promise<PackageDatabase>;
  /** The database of a snapshot tree where it lies, proved as {@link Backend.importSnapshot} does. @throws as that */
  readSnapshot(from: string, expected: SnapshotIdentity): Promise<PackageDatabase>;
  /** What became different, without chains. */
  changes(before: PackageDatabase, after: PackageDatabase): Change[];
}
