/** What is installed, as data: the same model for every backend, read from and compared as `/var/lib/dpkg` for deb. */

/** `Name: value` fields of one stanza in their order; continuation lines keep their newline and leading blank. */
export type Stanza = ReadonlyMap<string, string>;

export interface InstalledPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** The third word of `Status`: `installed`, `unpacked`, `half-configured`, `config-files`, … */
  readonly state: string;
  readonly stanza: Stanza;
  /** Absolute paths of the `.list` file, folders too, sorted, without `/.`. */
  readonly files: readonly string[];
  /** Path → MD5 as the database has it, or `newconffile`. */
  readonly conffiles: ReadonlyMap<string, string>;
  /** Other members of `info/` by kind (`postinst`, `shlibs`, `triggers`, `md5sums`, …) → SHA-256 of their text. */
  readonly control: ReadonlyMap<string, string>;
}

export interface Diversion {
  readonly from: string;
  readonly to: string;
  /** The package that diverts, `:` for a local diversion. */
  readonly by: string;
}

export interface Alternative {
  readonly name: string;
  readonly isManual: boolean;
  /** The generic link, e.g. /usr/bin/awk. */
  readonly link: string;
  /** Where /etc/alternatives/NAME points, or "" when it is missing. */
  readonly current: string;
  /** The administrative file as it is. */
  readonly text: string;
}

export interface PackageDatabase {
  readonly backend: "deb" | "ipk" | "rpm";
  /** The native architecture as the backend spells it (`amd64`). */
  readonly architecture: string;
  /** Sorted by name, then architecture. */
  readonly packages: readonly InstalledPackage[];
  readonly diversions: readonly Diversion[];
  readonly alternatives: readonly Alternative[];
  /** `user group mode path`, sorted. */
  readonly overrides: readonly string[];
  /** `triggers/File`, `triggers/Unincorp` and explicit interests: `file<TAB>line`, sorted. */
  readonly triggers: readonly string[];
}

/** Reads the database below `root`. @throws BuildError `packaging/bad-database` with the file and line */
export declare function readDebDatabase(root: string): Promise<PackageDatabase>;

/**
 * One text for one database, whatever order and layout it was stored in; what the signatures hash (L3) and what
 * `diffsigs` compares. First line: `tsbake-pkgdb 1 BACKEND ARCHITECTURE`.
 */
export declare function canonicalDatabase(database: PackageDatabase): string;

/** SHA-256 of `canonicalDatabase`. */
export declare function databaseDigest(database: PackageDatabase): string;

/** `name → version` lines a person and a manifest can read: `name architecture version`, sorted. */
export declare function packageLines(database: PackageDatabase): string[];
