/**
 * What a package needs to know of an ELF file (System V ABI, chapters 4 and 5): what it is, what starts it, which
 * libraries it needs and offers. Reads a few blocks, never the whole file, and trusts no number in it.
 */
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";

export interface Elf {
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
  /** Whether there are symbols or debug sections that strip would take away. */
  readonly hasSymbols: boolean;
  readonly hasDebug: boolean;
}

/** A string table or a header table larger than this is no honest file. */
const LARGEST_TABLE = 16 * 1024 * 1024;
const [PT_LOAD, PT_DYNAMIC, PT_INTERP] = [1, 2, 3];
const [DT_NEEDED, DT_STRTAB, DT_STRSZ, DT_SONAME, DT_RPATH, DT_RUNPATH] = [1, 5, 10, 14, 15, 29];
const SHT_SYMTAB = 2;
const KINDS = ["other", "relocatable", "executable", "shared", "core"] as const;

/** Undefined when the file is no ELF file, or a broken one. */
export async function readElf(path: string): Promise<Elf | undefined> {
  const file = await open(path);
  try {
    return await new Reader(file).read();
  } catch (error) {
    if (error instanceof Broken) return undefined;
    throw error;
  } finally {
    await file.close();
  }
}

/** Only ever thrown and caught in this file. */
class Broken extends Error {}

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

class Reader {
  readonly #file: FileHandle;
  #wide = true;
  #little = true;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  async read(): Promise<Elf | undefined> {
    const head = Buffer.alloc(64);
    const { bytesRead } = await this.#file.read(head, 0, 64, 0);
    if (bytesRead < 52 || head.readUInt32BE(0) !== 0x7f454c46) return undefined;
    this.#wide = head[4] === 2;
    this.#little = head[5] === 1;
    if (![1, 2].includes(head[4] ?? 0) || ![1, 2].includes(head[5] ?? 0)) return undefined;
    const segments = await this.#segments(head);
    const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
    const interpreter = segments.find(({ type }) => type === PT_INTERP);
    const facts = dynamic ? await this.#dynamic(dynamic, segments) : { needed: [], runpath: [] };
    return {
      kind: KINDS[this.#half(head, 16)] ?? "other",
      bits: this.#wide ? 64 : 32,
      isLittle: this.#little,
      machine: this.#half(head, 18),
      ...(interpreter
        ? { interpreter: cString(await this.#bytes(interpreter.offset, interpreter.size), 0) }
        : {}),
      ...facts,
      ...(await this.#sections(head)),
    };
  }

  async #segments(head: Buffer): Promise<Segment[]> {
    const at = this.#word(head, this.#wide ? 32 : 28);
    const size = this.#half(head, this.#wide ? 54 : 42);
    const count = this.#half(head, this.#wide ? 56 : 44);
    if (count === 0) return [];
    if (size < (this.#wide ? 56 : 32)) throw new Broken();
    const table = await this.#bytes(at, size * count);
    return Array.from({ length: count }, (_, index) => {
      const from = index * size;
      return {
        type: this.#int(table, from),
        offset: this.#word(table, from + (this.#wide ? 8 : 4)),
        address: this.#word(table, from + (this.#wide ? 16 : 8)),
        size: this.#word(table, from + (this.#wide ? 32 : 16)),
      };
    });
  }

  async #dynamic(where: Segment, segments: readonly Segment[]) {
    const step = this.#wide ? 8 : 4;
    const table = await this.#bytes(where.offset, where.size);
    const entries: [number, number][] = [];
    for (let at = 0; at + 2 * step <= table.length; at += 2 * step) {
      const tag = this.#word(table, at);
      if (tag === 0) break;
      entries.push([tag, this.#word(table, at + step)]);
    }
    const value = (tag: number): number | undefined => entries.find(([one]) => one === tag)?.[1];
    const address = value(DT_STRTAB);
    // Addresses are those of the loaded file: the segment that covers one says where it is in the file.
    const home = segments.find(
      (one) =>
        one.type === PT_LOAD &&
        address !== undefined &&
        address >= one.address &&
        address < one.address + one.size,
    );
    if (address === undefined || !home) return { needed: [], runpath: [] };
    const strings = await this.#bytes(address - home.address + home.offset, value(DT_STRSZ) ?? 0);
    const texts = (tag: number): string[] =>
      entries.filter(([one]) => one === tag).map(([, at]) => cString(strings, at));
    const [soname] = texts(DT_SONAME);
    return {
      needed: texts(DT_NEEDED),
      runpath: [...texts(DT_RUNPATH), ...texts(DT_RPATH)]
        .flatMap((text) => text.split(":"))
        .filter((one) => one !== ""),
      ...(soname === undefined ? {} : { soname }),
    };
  }

  async #sections(head: Buffer): Promise<{ hasSymbols: boolean; hasDebug: boolean }> {
    const at = this.#word(head, this.#wide ? 40 : 32);
    const size = this.#half(head, this.#wide ? 58 : 46);
    const count = this.#half(head, this.#wide ? 60 : 48);
    const names = this.#half(head, this.#wide ? 62 : 50);
    if (at === 0 || count === 0 || size < 40 || names >= count) return { hasSymbols: false, hasDebug: false };
    const table = await this.#bytes(at, size * count);
    const offset = (index: number): number => this.#word(table, index * size + (this.#wide ? 24 : 16));
    const length = (index: number): number => this.#word(table, index * size + (this.#wide ? 32 : 20));
    const strings = await this.#bytes(offset(names), length(names));
    const indexes = Array.from({ length: count }, (_, index) => index);
    return {
      hasSymbols: indexes.some((index) => this.#int(table, index * size + 4) === SHT_SYMTAB),
      hasDebug: indexes.some((index) =>
        cString(strings, this.#int(table, index * size)).startsWith(".debug_info"),
      ),
    };
  }

  async #bytes(at: number, size: number): Promise<Buffer> {
    if (!Number.isSafeInteger(at) || at < 0 || size < 0 || size > LARGEST_TABLE) throw new Broken();
    const bytes = Buffer.alloc(size);
    const { bytesRead } = await this.#file.read(bytes, 0, size, at);
    if (bytesRead < size) throw new Broken();
    return bytes;
  }

  #half(bytes: Buffer, at: number): number {
    return this.#little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at);
  }

  #int(bytes: Buffer, at: number): number {
    return this.#little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
  }

  /** An address or offset: 4 or 8 bytes by class. */
  #word(bytes: Buffer, at: number): number {
    if (!this.#wide) return this.#int(bytes, at);
    return Number(this.#little ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at));
  }
}

function cString(bytes: Buffer, at: number): string {
  if (at >= bytes.length) throw new Broken();
  const end = bytes.indexOf(0, at);
  return bytes.toString("utf8", at, end < 0 ? bytes.length : end);
}
