/** What is installed, as data: the same model for every backend, and the one text form that signatures hash. */
import { byText, sha256 } from "@tsbake/base";
import type { Stanza } from "../deb/stanza.js";

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
  /** Interests in triggers, `file<TAB>line`, sorted. */
  readonly triggers: readonly string[];
}

/**
 * One text for one database, whatever order and layout it was stored in; what signatures hash and what
 * `diffsigs` compares line by line. First line: `tsbake-pkgdb 1 BACKEND ARCHITECTURE`.
 */
export function canonicalDatabase(database: PackageDatabase): string {
  const lines = [`tsbake-pkgdb 1 ${database.backend} ${database.architecture}`];
  for (const one of database.packages) {
    const fields = [...one.stanza].map(([name, value]) => `${name}: ${value}`).sort(byText);
    const conffiles = [...one.conffiles].map((entry) => entry.join(" ")).sort(byText);
    const control = [...one.control].map((entry) => entry.join(" ")).sort(byText);
    const digests = [fields, one.files, conffiles, control].map((list) =>
      sha256(list.join("\n")).slice(0, 32),
    );
    lines.push(
      `package ${one.name} ${one.architecture} ${one.version} ${one.state} ` +
        `stanza=${digests[0]} files=${digests[1]} conffiles=${digests[2]} control=${digests[3]}`,
    );
  }
  for (const { from, to, by } of database.diversions) lines.push(`diversion ${from} ${to} ${by}`);
  for (const one of database.alternatives) {
    lines.push(
      `alternative ${one.name} ${one.isManual ? "manual" : "auto"} ${one.link} ${one.current || "-"} ` +
        sha256(one.text).slice(0, 32),
    );
  }
  for (const one of database.overrides) lines.push(`statoverride ${one}`);
  for (const one of database.triggers) lines.push(`trigger ${one}`);
  return `${lines.join("\n")}\n`;
}

/** SHA-256 of `canonicalDatabase`. */
export function databaseDigest(database: PackageDatabase): string {
  return sha256(canonicalDatabase(database));
}

/** Lines that a person and a manifest can read: `name architecture version`, sorted; only what is really there. */
export function packageLines(database: PackageDatabase): string[] {
  return database.packages
    .filter((one) => one.state !== "config-files" && one.state !== "not-installed")
    .map((one) => `${one.name} ${one.architecture} ${one.version}`);
}

/** The order of `PackageDatabase.packages`. */
export function byNameAndArchitecture(
  left: { readonly name: string; readonly architecture: string },
  right: { readonly name: string; readonly architecture: string },
): number {
  return byText(left.name, right.name) || byText(left.architecture, right.architecture);
}
