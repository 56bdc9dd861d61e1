/** A package database as data that can be merged: of a base, and as it is seen in an overlay. The same for each format. */
import type { BackendName, Stanza } from "@tsbake/packaging";

export interface DatabasePackage {
  /** Of the status file; of an rpm, as the Debian package has it that it was made of. */
  readonly stanza: Stanza;
  /** What the database keeps of it beside that: members of `info/` by kind, the `header` of an rpm. One byte a character. */
  readonly info: ReadonlyMap<string, string>;
  /** Absolute paths of what it brought, folders too, without the root itself. */
  readonly files: readonly string[];
  /** Of files as they were shipped, where the database has it: MD5, of an rpm SHA-256, in hex. By path. */
  readonly digests: ReadonlyMap<string, string>;
}

export interface DiversionEntry {
  readonly to: string;
  /** The package that diverts, `:` for a person. */
  readonly by: string;
}

export interface DatabaseState {
  readonly format: BackendName;
  /** By {@link packageKey}. */
  readonly packages: ReadonlyMap<string, DatabasePackage>;
  /** Administrative files of update-alternatives, by name. */
  readonly alternatives: ReadonlyMap<string, string>;
  /** Links of /etc/alternatives, by name. */
  readonly links: ReadonlyMap<string, string>;
  /** By the path that is diverted. */
  readonly diversions: ReadonlyMap<string, DiversionEntry>;
  /** `user group mode` by path. */
  readonly overrides: ReadonlyMap<string, string>;
  /** dpkg's alone. Lines by file of `triggers/`: interests, and what is pending (`Unincorp`). */
  readonly triggers: ReadonlyMap<string, readonly string[]>;
  /** Stanzas of apt's extended_states by `name:architecture`; of opkg those that nobody asked for, and not written. */
  readonly automatic: ReadonlyMap<string, Stanza>;
}

/** `name:architecture`, and `name:` for what can be there in one architecture only: the base may have it in another one tomorrow. */
export function packageKey(stanza: Stanza): string {
  const architecture = stanza.get("Multi-Arch") === "same" ? (stanza.get("Architecture") ?? "") : "";
  return `${stanza.get("Package") ?? ""}:${architecture}`;
}

/** Empty for a package of which only configuration is left. */
export function versionOf({ stanza }: DatabasePackage): string {
  return stanza.get("Version") ?? "";
}

/** The third word of Status. */
export function packageState({ stanza }: DatabasePackage): string {
  return stanza.get("Status")?.split(" ")[2] ?? "not-installed";
}

/** Whether its files are there. */
export function isInstalled(one: DatabasePackage | undefined): one is DatabasePackage {
  return one !== undefined && !["config-files", "not-installed"].includes(packageState(one));
}
