/** What keeps the packages of one format. */
import type { Stanza } from "@tsbake/packaging";
import type { DatabasePackage, DatabaseState } from "../state.js";
import type { Layers } from "./layers.js";

export interface StoredPackages {
  readonly packages: Map<string, DatabasePackage>;
  readonly triggers: DatabaseState["triggers"];
  readonly automatic: DatabaseState["automatic"];
}

export interface Storage {
  /** Paths below a root, of files and folders, that are the database and nothing else: all of it is written anew. */
  readonly places: readonly string[];
  /** Folders that its package manager wants. */
  readonly folders: readonly string[];
  /** What is not there is empty: a base may have no package at all. @throws BuildError of a database that cannot be read */
  read(layers: Layers): Promise<StoredPackages>;
  /** Path in the root → content, one byte a character. */
  write(state: DatabaseState): Promise<Map<string, string>>;
}

/** Members of an `info` folder by what stands before the last dot, then by kind. */
export type InfoMembers = ReadonlyMap<string, ReadonlyMap<string, string>>;

export async function infoMembers(layers: Layers, folder: string): Promise<InfoMembers> {
  const info = new Map<string, Map<string, string>>();
  for (const [name, text] of await layers.texts(folder)) {
    const dot = name.lastIndexOf(".");
    if (dot < 1) continue;
    const members = info.get(name.slice(0, dot)) ?? new Map<string, string>();
    info.set(name.slice(0, dot), members.set(name.slice(dot + 1), text));
  }
  return info;
}

/** What stanza and members say, with the lists that both formats have in them. */
export function packageOf(stanza: Stanza, info: ReadonlyMap<string, string>): DatabasePackage {
  // Newer versions of opkg write mode and target behind a path.
  const lines = (info.get("list") ?? "").split("\n").map((line) => line.split("\t")[0]!);
  const files = lines.map((path) => path.replace(/(.)\/$/, "$1"));
  return {
    stanza,
    info,
    files: files.filter((path) => path !== "" && path !== "/" && path !== "/."),
    digests: shippedMd5(stanza, info),
  };
}

/** `md5sums` for files, `Conffiles` for configuration. */
function shippedMd5(stanza: Stanza, info: ReadonlyMap<string, string>): Map<string, string> {
  const shipped = new Map<string, string>();
  for (const line of (info.get("md5sums") ?? "").split("\n")) {
    const [, digest, path] = /^([0-9a-f]{32}) {2}(?:\.\/)?(.+)$/.exec(line) ?? [];
    if (digest !== undefined && path !== undefined) shipped.set(`/${path}`, digest);
  }
  for (const line of (stanza.get("Conffiles") ?? "").split("\n")) {
    const [, path, digest] = /^ (\/.*?) ([0-9a-f]{32})/.exec(line) ?? [];
    if (digest !== undefined && path !== undefined) shipped.set(path, digest);
  }
  return shipped;
}
