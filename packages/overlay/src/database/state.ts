/** dpkg's database as data that can be merged: of a base, and as it is seen in an overlay. */
import type { Stanza } from "@tsbake/packaging";

export interface DpkgPackage {
  /** Of the status file. */
  readonly stanza: Stanza;
  /** Members of `info/` by kind; one byte a character. */
  readonly info: ReadonlyMap<string, string>;
}

export interface DiversionEntry {
  readonly to: string;
  /** The package that diverts, `:` for a person. */
  readonly by: string;
}

export interface DpkgState {
  /** By `name:architecture`. */
  readonly packages: ReadonlyMap<string, DpkgPackage>;
  /** Administrative files of update-alternatives, by name. */
  readonly alternatives: ReadonlyMap<string, string>;
  /** Links of /etc/alternatives, by name. */
  readonly links: ReadonlyMap<string, string>;
  /** By the path that is diverted. */
  readonly diversions: ReadonlyMap<string, DiversionEntry>;
  /** `user group mode` by path. */
  readonly overrides: ReadonlyMap<string, string>;
  /** Lines by file of `triggers/`: interests, and what is pending (`Unincorp`). */
  readonly triggers: ReadonlyMap<string, readonly string[]>;
  /** Stanzas of apt's extended_states by `name:architecture`. */
  readonly automatic: ReadonlyMap<string, Stanza>;
}

/** Empty for a package of which only configuration is left. */
export function versionOf({ stanza }: DpkgPackage): string {
  return stanza.get("Version") ?? "";
}

/** The third word of Status. */
export function packageState({ stanza }: DpkgPackage): string {
  return stanza.get("Status")?.split(" ")[2] ?? "not-installed";
}

/** Whether its files are there. */
export function isInstalled(one: DpkgPackage | undefined): one is DpkgPackage {
  return one !== undefined && !["config-files", "not-installed"].includes(packageState(one));
}

/** Absolute paths of its list, without `/.`. */
export function listedFiles({ info }: DpkgPackage): string[] {
  return (info.get("list") ?? "").split("\n").filter((path) => path !== "" && path !== "/.");
}
