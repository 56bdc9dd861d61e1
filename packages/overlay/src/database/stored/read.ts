/** A package database from folders, of one tree or of an upper folder over a tree, and as files again. */
import type { BackendName } from "@tsbake/packaging";
import type { DatabaseState } from "../state.js";
import { DPKG_STORAGE } from "./dpkg.js";
import { helperFiles, storedHelpers } from "./helpers.js";
import { openLayers } from "./layers.js";
import { OPKG_STORAGE } from "./opkg.js";
import { rpmStorage } from "./rpm.js";
import type { Storage } from "./storage.js";

export interface StoredAs {
  readonly format: BackendName;
  /** A PATH with rpm and rpmdb; undefined: that of this process. */
  readonly programs?: string | undefined;
}

export function storageOf({ format, programs }: StoredAs): Storage {
  return { deb: DPKG_STORAGE, ipk: OPKG_STORAGE, rpm: rpmStorage(programs) }[format];
}

/**
 * @param roots the topmost first
 * @throws BuildError `packaging/bad-database`, `packaging/no-rpm`
 */
export async function readState(roots: readonly string[], stored: StoredAs): Promise<DatabaseState> {
  const layers = openLayers(roots);
  return {
    format: stored.format,
    ...(await storedHelpers(layers)),
    ...(await storageOf(stored).read(layers)),
  };
}

/** Path in the root → content, one byte a character. @throws BuildError `packaging/damaged-snapshot`, `packaging/no-rpm` */
export async function databaseFiles(state: DatabaseState, stored: StoredAs): Promise<Map<string, string>> {
  return new Map([...(await storageOf(stored).write(state)), ...helperFiles(state)]);
}
