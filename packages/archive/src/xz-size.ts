/** How long the content of an .xz file is, from its index. @see The .xz File Format 1.2.1, sections 2 to 4 */
import { readSync } from "node:fs";

const HEADER = 12;
const FOOTER = 12;
const MAGIC = Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]);
const END_MAGIC = "YZ";
/** No index of a package is near that. */
const LARGEST_INDEX = 1 << 24;

/**
 * xz itself checks, while it decompresses, that the index is true: so members that were decompressed one after the other by one
 * process can be told apart by it.
 *
 * @param fd a file that holds the compressed bytes at `at`
 * @returns undefined for anything but exactly one whole stream
 */
export function xzPlainBytes(fd: number, at: number, sizeBytes: number): number | undefined {
  if (sizeBytes < HEADER + FOOTER) return undefined;
  const read = (from: number, length: number): Buffer | undefined => {
    const bytes = Buffer.alloc(length);
    return readSync(fd, bytes, 0, length, at + from) === length ? bytes : undefined;
  };
  const header = read(0, HEADER);
  const footer = read(sizeBytes - FOOTER, FOOTER);
  if (!header?.subarray(0, MAGIC.length).equals(MAGIC) || footer?.toString("latin1", 10) !== END_MAGIC)
    return undefined;
  const indexSize = (footer.readUInt32LE(4) + 1) * 4;
  if (indexSize > LARGEST_INDEX || indexSize > sizeBytes - HEADER - FOOTER) return undefined;
  const index = read(sizeBytes - FOOTER - indexSize, indexSize);
  const sums = index && sumsOf(index);
  // A second stream, or padding behind one, would not be in this index.
  return sums && HEADER + sums.packed + indexSize + FOOTER === sizeBytes ? sums.plain : undefined;
}

/** Bytes of all blocks, with their padding, and of what is in them. */
function sumsOf(index: Buffer): { packed: number; plain: number } | undefined {
  let at = 0;
  const next = (): number => {
    let value = 0;
    for (let shift = 0; shift < 9 && at < index.length; shift++) {
      const byte = index[at++]!;
      value += (byte & 0x7f) * 2 ** (7 * shift);
      if (byte < 0x80) return value;
    }
    return Number.NaN;
  };
  if (next() !== 0) return undefined;
  const records = next();
  // Each has two numbers.
  if (!(records * 2 < index.length)) return undefined;
  let [packed, plain] = [0, 0];
  for (let done = 0; done < records; done++) {
    packed += Math.ceil(next() / 4) * 4;
    plain += next();
  }
  return Number.isSafeInteger(packed) && Number.isSafeInteger(plain) ? { packed, plain } : undefined;
}
