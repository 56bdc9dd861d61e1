/**
 * Versions of symbols: a library gives names (`GLIBC_2.34`), and what was linked with it wants some of them. The loader
 * refuses a program when the library that it finds lacks one.
 *
 * @see Linux Standard Base, Core, "Symbol Versioning": Elfxx_Verneed, Elfxx_Vernaux, Elfxx_Verdef, Elfxx_Verdaux; the same in both classes
 */
import { cString } from "./bytes.js";
import type { ElfBytes } from "./bytes.js";

export interface NeededVersions {
  /** As DT_NEEDED has it. */
  readonly library: string;
  /** Names of versions; those that may be missing (VER_FLG_WEAK) are left out. */
  readonly versions: readonly string[];
}

/** libc.so.6 gives some 60, and needs name some 40 libraries; a list that is longer is cut. */
const MOST = 4096;
const [NEED_BYTES, DEFINITION_BYTES, NAME_BYTES] = [16, 20, 8];
const VER_FLG_BASE = 1;
const VER_FLG_WEAK = 2;

/**
 * @param at where the first Verneed is in the file
 * @param count what DT_VERNEEDNUM says
 * @throws Broken where an entry or its name is not there
 */
export function neededVersions(
  bytes: ElfBytes,
  strings: Buffer,
  at: number,
  count: number,
): NeededVersions[] {
  let left = MOST;
  const needs: NeededVersions[] = [];
  let place = at;
  for (let index = 0; index < count && left-- > 0; index++) {
    const need = bytes.part(place, NEED_BYTES);
    const versions: string[] = [];
    let auxiliary = place + bytes.int(need, 8);
    for (let one = 0; one < bytes.half(need, 2) && left-- > 0; one++) {
      const entry = bytes.part(auxiliary, NEED_BYTES);
      if ((bytes.half(entry, 4) & VER_FLG_WEAK) === 0) versions.push(cString(strings, bytes.int(entry, 8)));
      const next = bytes.int(entry, 12);
      if (next === 0) break;
      auxiliary += next;
    }
    needs.push({ library: cString(strings, bytes.int(need, 4)), versions });
    const next = bytes.int(need, 12);
    if (next === 0) break;
    place += next;
  }
  return needs;
}

/**
 * @param at where the first Verdef is in the file
 * @param count what DT_VERDEFNUM says
 * @returns without the one that is the file's own name
 * @throws Broken where an entry or its name is not there
 */
export function definedVersions(bytes: ElfBytes, strings: Buffer, at: number, count: number): string[] {
  const versions: string[] = [];
  let place = at;
  for (let index = 0; index < Math.min(count, MOST); index++) {
    const definition = bytes.part(place, DEFINITION_BYTES);
    if ((bytes.half(definition, 2) & VER_FLG_BASE) === 0) {
      const name = bytes.part(place + bytes.int(definition, 12), NAME_BYTES);
      versions.push(cString(strings, bytes.int(name, 0)));
    }
    const next = bytes.int(definition, 16);
    if (next === 0) break;
    place += next;
  }
  return versions;
}
