/**
 * What a package needs to know of an ELF file (System V ABI, chapters 4 and 5): what it is, what starts it, which
 * libraries it needs and offers. Reads a few blocks, never the whole file, and trusts no number in it.
 */
import { readSync } from "node:fs";
import { open } from "node:fs/promises";
import { Broken, ElfBytes, WINDOW_BYTES, cString } from "./bytes.js";
import type { ReadBytes } from "./bytes.js";
import { definedVersions, neededVersions } from "./versions.js";
import type { NeededVersions } from "./versions.js";

/** How a file is put together with others when it is started. */
export interface Linkage {
  /** `executable` and `shared` by header; a position-independent program is `shared` with an interpreter. */
  readonly kind: "relocatable" | "executable" | "shared" | "core" | "other";
  readonly bits: 32 | 64;
  readonly isLittle: boolean;
  /** e_machine: 62 x86-64, 183 AArch64, … */
  readonly machine: number;
  /** PT_INTERP: the loader that starts it. */
  readonly interpreter?: string;
  readonly soname?: string;
  /** DT_NEEDED in order. */
  readonly needed: readonly string[];
  /** DT_RUNPATH and DT_RPATH, split. */
  readonly runpath: readonly string[];
  /** DT_VERNEED: which versions of symbols it wants of which library, in order. */
  readonly neededVersions: readonly NeededVersions[];
  /** DT_VERDEF: the versions that it gives, its own name left out. */
  readonly definedVersions: readonly string[];
}

/** All of it. */
export interface Elf extends Linkage {
  /** Whether there are symbols or debug sections that strip would take away. */
  readonly hasSymbols: boolean;
  readonly hasDebug: boolean;
}

const [PT_LOAD, PT_DYNAMIC, PT_INTERP] = [1, 2, 3];
const [DT_NEEDED, DT_STRTAB, DT_STRSZ, DT_SONAME, DT_RPATH, DT_RUNPATH] = [1, 5, 10, 14, 15, 29];
const [DT_VERDEF, DT_VERDEFNUM, DT_VERNEED, DT_VERNEEDNUM] = [0x6ffffffc, 0x6ffffffd, 0x6ffffffe, 0x6fffffff];
/** Of one kind in a file. */
const MOST_NAMES = 1024;
const [SHT_SYMTAB, STB_GLOBAL, SHN_UNDEF] = [2, 1, 0];
const KINDS = ["other", "relocatable", "executable", "shared", "core"] as const;

/** A part of a file, such as a member of a tar. */
export interface FilePart {
  readonly offset: number;
  readonly sizeBytes: number;
}

/**
 * @param part where in the file it is; default: all of it
 * @returns undefined when it is no ELF file, or a broken one
 * @throws system errors of opening and reading
 */
export async function readElf(path: string, part?: FilePart): Promise<Elf | undefined> {
  const file = await open(path);
  const { offset = 0, sizeBytes = Number.MAX_SAFE_INTEGER } = part ?? {};
  try {
    const read = (at: number, size: number): Buffer => {
      const bytes = Buffer.alloc(Math.max(0, Math.min(size, sizeBytes - at)));
      return bytes.subarray(0, readSync(file.fd, bytes, 0, bytes.length, offset + at));
    };
    return unlessBroken(() => {
      const reader = readerOf(read);
      return reader && { ...reader.linkage(), ...reader.sections() };
    });
  } finally {
    await file.close();
  }
}

/**
 * As {@link readElf}, of whatever gives bytes; sections, at the end of a file, are not looked at.
 *
 * @param read gives the bytes from a place on, fewer where the file ends
 */
export function readLinkage(read: ReadBytes): Linkage | undefined {
  return unlessBroken(() => readerOf(read)?.linkage());
}

/**
 * The content of a section, such as `.modinfo` of a kernel module.
 *
 * @param read as for {@link readLinkage}
 * @returns undefined where there is none, and when it is no ELF file, or a broken one
 */
export function readSection(read: ReadBytes, name: string): Buffer | undefined {
  return unlessBroken(() => readerOf(read)?.section(name));
}

/** What a kernel module, or the kernel, has to do with others. */
export interface KernelSymbols {
  /** Undefined ones that are not weak: without them it is not loaded. */
  readonly needs: readonly string[];
  /** EXPORT_SYMBOL: what modules may use. */
  readonly gives: readonly string[];
}

/**
 * Symbols of a kernel module; of a kernel without symbol table only what it exports.
 *
 * @param read as for {@link readLinkage}
 * @returns undefined when it is no ELF file, or a broken one
 */
export function readKernelSymbols(read: ReadBytes): KernelSymbols | undefined {
  return unlessBroken(() => {
    const reader = readerOf(read);
    if (reader === undefined) return undefined;
    const gives = reader.section("__ksymtab_strings")?.toString("latin1").split("\0") ?? [];
    return { needs: reader.undefinedSymbols(), gives: gives.filter((name) => name !== "") };
  });
}

function unlessBroken<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof Broken) return undefined;
    throw error;
  }
}

function readerOf(read: ReadBytes): Reader | undefined {
  const start = read(0, WINDOW_BYTES);
  if (start.length < 52 || start.readUInt32BE(0) !== 0x7f454c46) return undefined;
  if (![1, 2].includes(start[4] ?? 0) || ![1, 2].includes(start[5] ?? 0)) return undefined;
  return new Reader(read, start);
}

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

interface Section {
  readonly name: string;
  readonly type: number;
  readonly offset: number;
  readonly length: number;
  /** Of a symbol table: the number of the section with its names. */
  readonly link: number;
}

type Dynamic = Pick<Linkage, "needed" | "runpath" | "neededVersions" | "definedVersions" | "soname">;

const NOTHING: Dynamic = { needed: [], runpath: [], neededVersions: [], definedVersions: [] };

class Reader {
  readonly #bytes: ElfBytes;
  readonly #wide: boolean;
  readonly #head: Buffer;

  constructor(read: ReadBytes, start: Buffer) {
    this.#wide = start[4] === 2;
    this.#bytes = new ElfBytes(read, start, this.#wide, start[5] === 1);
    this.#head = this.#bytes.part(0, this.#wide ? 64 : 52);
  }

  linkage(): Linkage {
    const segments = this.#segments();
    const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
    const interpreter = segments.find(({ type }) => type === PT_INTERP);
    const facts = dynamic ? this.#dynamic(dynamic, segments) : NOTHING;
    return {
      kind: KINDS[this.#bytes.half(this.#head, 16)] ?? "other",
      bits: this.#wide ? 64 : 32,
      isLittle: this.#bytes.isLittle,
      machine: this.#bytes.half(this.#head, 18),
      ...(interpreter
        ? { interpreter: cString(this.#bytes.part(interpreter.offset, interpreter.size), 0) }
        : {}),
      ...facts,
    };
  }

  #segments(): Segment[] {
    const [bytes, head] = [this.#bytes, this.#head];
    const at = bytes.word(head, this.#wide ? 32 : 28);
    const size = bytes.half(head, this.#wide ? 54 : 42);
    const count = bytes.half(head, this.#wide ? 56 : 44);
    if (count === 0) return [];
    if (size < (this.#wide ? 56 : 32)) throw new Broken();
    const table = bytes.part(at, size * count);
    return Array.from({ length: count }, (_, index) => {
      const from = index * size;
      return {
        type: bytes.int(table, from),
        offset: bytes.word(table, from + (this.#wide ? 8 : 4)),
        address: bytes.word(table, from + (this.#wide ? 16 : 8)),
        size: bytes.word(table, from + (this.#wide ? 32 : 16)),
      };
    });
  }

  #dynamic(where: Segment, segments: readonly Segment[]): Dynamic {
    const bytes = this.#bytes;
    const step = this.#wide ? 8 : 4;
    const table = bytes.part(where.offset, where.size);
    const entries: [number, number][] = [];
    for (let at = 0; at + 2 * step <= table.length; at += 2 * step) {
      const tag = bytes.word(table, at);
      if (tag === 0) break;
      entries.push([tag, bytes.word(table, at + step)]);
    }
    const value = (tag: number): number | undefined => entries.find(([one]) => one === tag)?.[1];
    // Addresses are those of the loaded file: the segment that covers one says where it is in the file.
    const placeOf = (tag: number): number | undefined => {
      const address = value(tag);
      if (address === undefined) return undefined;
      const home = segments.find(
        (one) => one.type === PT_LOAD && address >= one.address && address < one.address + one.size,
      );
      return home && address - home.address + home.offset;
    };
    const stringsAt = placeOf(DT_STRTAB);
    if (stringsAt === undefined) return NOTHING;
    const strings = bytes.part(stringsAt, value(DT_STRSZ) ?? 0);
    const texts = (tag: number): string[] =>
      entries
        .filter(([one]) => one === tag)
        .slice(0, MOST_NAMES)
        .map(([, at]) => cString(strings, at));
    const [soname] = texts(DT_SONAME);
    const needAt = placeOf(DT_VERNEED);
    const giveAt = placeOf(DT_VERDEF);
    return {
      needed: texts(DT_NEEDED),
      runpath: [...texts(DT_RUNPATH), ...texts(DT_RPATH)]
        .flatMap((text) => text.split(":"))
        .filter((one) => one !== ""),
      neededVersions:
        needAt === undefined ? [] : neededVersions(bytes, strings, needAt, value(DT_VERNEEDNUM) ?? 0),
      definedVersions:
        giveAt === undefined ? [] : definedVersions(bytes, strings, giveAt, value(DT_VERDEFNUM) ?? 0),
      ...(soname === undefined ? {} : { soname }),
    };
  }

  section(name: string): Buffer | undefined {
    const found = this.#sections().find((one) => one.name === name);
    return found && Buffer.from(this.#bytes.part(found.offset, found.length));
  }

  /** Of the symbol table, weak ones left out. */
  undefinedSymbols(): string[] {
    const all = this.#sections();
    const symbols = all.find(({ type }) => type === SHT_SYMTAB);
    const names = symbols && all[symbols.link];
    if (symbols === undefined || names === undefined) return [];
    const [bytes, size] = [this.#bytes, this.#wide ? 24 : 16];
    const [infoAt, sectionAt] = this.#wide ? [4, 6] : [12, 14];
    const table = Buffer.from(bytes.part(symbols.offset, symbols.length));
    const strings = bytes.part(names.offset, names.length);
    const found: string[] = [];
    for (let at = 0; at + size <= table.length; at += size) {
      const isGlobal = table[at + infoAt]! >> 4 === STB_GLOBAL;
      const name = bytes.int(table, at);
      if (isGlobal && name !== 0 && bytes.half(table, at + sectionAt) === SHN_UNDEF)
        found.push(cString(strings, name));
    }
    return found;
  }

  sections(): { hasSymbols: boolean; hasDebug: boolean } {
    const all = this.#sections();
    return {
      hasSymbols: all.some(({ type }) => type === SHT_SYMTAB),
      hasDebug: all.some(({ name }) => name.startsWith(".debug_info")),
    };
  }

  #sections(): Section[] {
    const [bytes, head] = [this.#bytes, this.#head];
    const at = bytes.word(head, this.#wide ? 40 : 32);
    const size = bytes.half(head, this.#wide ? 58 : 46);
    const count = bytes.half(head, this.#wide ? 60 : 48);
    const names = bytes.half(head, this.#wide ? 62 : 50);
    if (at === 0 || count === 0 || size < 40 || names >= count) return [];
    // A copy: what is read next may take its place.
    const table = Buffer.from(bytes.part(at, size * count));
    const offset = (index: number): number => bytes.word(table, index * size + (this.#wide ? 24 : 16));
    const length = (index: number): number => bytes.word(table, index * size + (this.#wide ? 32 : 20));
    const strings = Buffer.from(bytes.part(offset(names), length(names)));
    return Array.from({ length: count }, (_, index) => ({
      name: cString(strings, bytes.int(table, index * size)),
      type: bytes.int(table, index * size + 4),
      offset: offset(index),
      length: length(index),
      link: bytes.int(table, index * size + (this.#wide ? 40 : 24)),
    }));
  }
}
