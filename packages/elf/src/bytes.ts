/** Numbers and texts of an ELF file, read where they are asked for; no number in the file is trusted. */

/** Gives `size` bytes from `at` on; fewer where the file ends. */
export type ReadBytes = (at: number, size: number) => Buffer;

/** What cannot be read makes the whole file none; only ever thrown and caught in this room. */
export class Broken extends Error {}

/** A string table or a header table larger than this is no honest file. */
const LARGEST_TABLE = 16 * 1024 * 1024;
/** Names of libraries, folders and versions; PATH_MAX. */
const LONGEST_TEXT = 4096;
/** What is read at once, for tables are read entry by entry. */
export const WINDOW_BYTES = 8192;

/** The bytes of one file, by its class and byte order. */
export class ElfBytes {
  readonly #read: ReadBytes;
  readonly #wide: boolean;
  readonly isLittle: boolean;
  #window: { readonly at: number; readonly bytes: Buffer };

  /** @param start what is read already, from 0 on @param wide ELFCLASS64 */
  constructor(read: ReadBytes, start: Buffer, wide: boolean, isLittle: boolean) {
    this.#read = read;
    this.#window = { at: 0, bytes: start };
    this.#wide = wide;
    this.isLittle = isLittle;
  }

  /** All of the asked bytes. @throws Broken where they are not there, or too many */
  part(at: number, size: number): Buffer {
    if (!Number.isSafeInteger(at) || at < 0 || size < 0 || size > LARGEST_TABLE) throw new Broken();
    const window = this.#window;
    if (at >= window.at && at + size <= window.at + window.bytes.length)
      return window.bytes.subarray(at - window.at, at - window.at + size);
    const bytes = this.#read(at, Math.max(size, WINDOW_BYTES));
    if (bytes.length < size) throw new Broken();
    this.#window = { at, bytes };
    return bytes.subarray(0, size);
  }

  half(bytes: Buffer, at: number): number {
    return this.isLittle ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at);
  }

  int(bytes: Buffer, at: number): number {
    return this.isLittle ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
  }

  /** An address or offset: 4 or 8 bytes by class. */
  word(bytes: Buffer, at: number): number {
    if (!this.#wide) return this.int(bytes, at);
    return Number(this.isLittle ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at));
  }
}

/** A text that ends with a zero byte. @throws Broken when it begins outside of the table, or is longer than any path */
export function cString(bytes: Buffer, at: number): string {
  if (at >= bytes.length) throw new Broken();
  const found = bytes.indexOf(0, at);
  const end = found < 0 ? bytes.length : found;
  if (end - at > LONGEST_TEXT) throw new Broken();
  return bytes.toString("utf8", at, end);
}
