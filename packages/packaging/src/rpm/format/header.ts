/**
 * A header of an rpm: typed values by tag. It stands twice in a package file and once, with what was noted at installation, in the
 * database. Every number of a stranger's header is bounded before it is used.
 *
 * @see rpm file format of version 4: 8 bytes of magic, number of entries, size of the data, entries of 16 bytes, data; big-endian
 */
import { nameBytes, nameOf } from "@tsbake/base";
import { type TAG, TYPE } from "./tags.js";

/** Magic, version 1, four bytes of nothing. */
const MAGIC = Buffer.from("8eade80100000000", "hex");
const INTRO = 16;
const ENTRY = 16;
/** rpm's own limits of a header. */
const MOST_ENTRIES = 0xffff;
const MOST_BYTES = 256 * 1024 * 1024;

/** What a header cannot be; callers say of which file. */
export class HeaderFault extends Error {
  override readonly name = "HeaderFault";
}

export type HeaderValue =
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "strings" | "i18nStrings"; readonly value: readonly string[] }
  | { readonly type: "char" | "int8" | "int16" | "int32"; readonly value: readonly number[] }
  | { readonly type: "int64"; readonly value: readonly bigint[] }
  | { readonly type: "binary"; readonly value: Buffer };

type TypeName = HeaderValue["type"];
const TYPE_NAMES = new Map<number, TypeName>(
  Object.entries(TYPE).map(([name, number]) => [number, name as TypeName]),
);
/** Bytes of one, and what its offset is a multiple of. */
const WIDTH: Readonly<Partial<Record<TypeName, number>>> = {
  char: 1,
  int8: 1,
  int16: 2,
  int32: 4,
  int64: 8,
  binary: 1,
};

/** Values of a header by tag, read when they are asked for. Names and other text are as `nameOf` reads bytes. */
export class RpmHeader {
  readonly #data: Buffer;
  readonly #places: ReadonlyMap<number, Place>;

  constructor(data: Buffer, places: ReadonlyMap<number, Place>) {
    this.#data = data;
    this.#places = places;
  }

  /** @throws HeaderFault for one that leads out of the header */
  get(tag: number): HeaderValue | undefined {
    const place = this.#places.get(tag);
    return place && valueOf(this.#data, place);
  }

  /** "" where there is none. Of text in several languages the first. @throws HeaderFault for a value of another type */
  text(tag: number): string {
    const found = this.get(tag);
    if (found === undefined) return "";
    if (found.type === "string") return found.value;
    if (found.type === "i18nStrings") return found.value[0] ?? "";
    throw new HeaderFault(`tag ${tag} is no text`);
  }

  /** @throws HeaderFault for a value of another type */
  texts(tag: number): readonly string[] {
    const found = this.get(tag);
    if (found === undefined) return [];
    if (found.type === "strings" || found.type === "i18nStrings") return found.value;
    // One is written as such by some.
    if (found.type === "string") return [found.value];
    throw new HeaderFault(`tag ${tag} is no list of texts`);
  }

  /** @throws HeaderFault for a value of another type, and for a number that cannot be counted with */
  numbers(tag: number): readonly number[] {
    const found = this.get(tag);
    if (found === undefined) return [];
    switch (found.type) {
      case "char":
      case "int8":
      case "int16":
      case "int32":
        return found.value;
      case "int64":
        return found.value.map((one) => {
          if (one > BigInt(Number.MAX_SAFE_INTEGER)) throw new HeaderFault(`tag ${tag} is too large`);
          return Number(one);
        });
      case "string":
      case "strings":
      case "i18nStrings":
      case "binary":
        throw new HeaderFault(`tag ${tag} is no number`);
    }
  }

  number(tag: number): number | undefined {
    return this.numbers(tag)[0];
  }
}

export interface ReadHeader {
  readonly header: RpmHeader;
  /** Where it ends, from the start of the bytes. */
  readonly end: number;
}

/** How many bytes a header has, by its first 16. @throws HeaderFault */
export function headerBytes(intro: Buffer): number {
  if (intro.length < INTRO) throw new HeaderFault("it ends within a header");
  if (!intro.subarray(0, MAGIC.length).equals(MAGIC)) throw new HeaderFault("a header has no magic number");
  const [entries, size] = [intro.readUInt32BE(8), intro.readUInt32BE(12)];
  if (entries === 0 || entries > MOST_ENTRIES || size > MOST_BYTES)
    throw new HeaderFault(`a header says that it has ${entries} entries and ${size} bytes`);
  return INTRO + entries * ENTRY + size;
}

/**
 * @param bytes may go on behind the header
 * @throws HeaderFault
 */
export function readHeader(bytes: Buffer, at = 0): ReadHeader {
  const length = headerBytes(bytes.subarray(at));
  const end = at + length;
  if (end > bytes.length) throw new HeaderFault("it ends within a header");
  const entries = bytes.readUInt32BE(at + 8);
  const data = bytes.subarray(at + INTRO + entries * ENTRY, end);
  const places = new Map<number, Place>();
  for (let index = 0; index < entries; index++) {
    const entryAt = at + INTRO + index * ENTRY;
    const tag = bytes.readUInt32BE(entryAt);
    const type = TYPE_NAMES.get(bytes.readUInt32BE(entryAt + 4));
    const [offset, count] = [bytes.readUInt32BE(entryAt + 8), bytes.readUInt32BE(entryAt + 12)];
    if (type === undefined || count === 0 || offset > data.length)
      throw new HeaderFault(`the entry of tag ${tag} is damaged`);
    // A tag that is there twice: rpm looks at the first.
    if (places.has(tag)) continue;
    places.set(tag, { tag, type, offset, count });
  }
  return { header: new RpmHeader(data, places), end };
}

interface Place {
  readonly tag: number;
  readonly type: TypeName;
  readonly offset: number;
  readonly count: number;
}

function valueOf(data: Buffer, { tag, type, offset, count }: Place): HeaderValue {
  const width = WIDTH[type];
  if (width !== undefined && (offset + count * width > data.length || offset % width !== 0))
    throw new HeaderFault(`tag ${tag} leads out of the header`);
  const each = <T>(read: (at: number) => T): T[] =>
    Array.from({ length: count }, (_, at) => read(offset + at * (width ?? 1)));
  switch (type) {
    case "char":
    case "int8":
      return { type, value: each((at) => data.readUInt8(at)) };
    case "int16":
      return { type, value: each((at) => data.readUInt16BE(at)) };
    case "int32":
      return { type, value: each((at) => data.readUInt32BE(at)) };
    case "int64":
      return { type, value: each((at) => data.readBigUInt64BE(at)) };
    case "binary":
      return { type, value: data.subarray(offset, offset + count) };
    case "string":
      if (count !== 1) throw new HeaderFault(`tag ${tag} is one text and says that it is ${count}`);
      return { type, value: textsAt(data, offset, 1, tag)[0]! };
    case "strings":
    case "i18nStrings":
      return { type, value: textsAt(data, offset, count, tag) };
  }
}

function textsAt(data: Buffer, offset: number, count: number, tag: number): string[] {
  const texts: string[] = [];
  for (let at = offset; texts.length < count;) {
    const end = data.indexOf(0, at);
    if (end === -1) throw new HeaderFault(`tag ${tag} leads out of the header`);
    texts.push(nameOf(data.subarray(at, end)));
    at = end + 1;
  }
  return texts;
}

/**
 * The bytes of a header whose values are all of one region, as a package file has it.
 *
 * @param region `TAG.headerImmutable` or `TAG.headerSignatures`
 */
export function headerOf(
  values: ReadonlyMap<number, HeaderValue>,
  region: typeof TAG.headerImmutable | typeof TAG.headerSignatures,
): Buffer {
  const sorted = [...values].sort(([left], [right]) => left - right);
  const index: Buffer[] = [];
  const data: Buffer[] = [];
  let size = 0;
  for (const [tag, value] of sorted) {
    const bytes = bytesOf(value);
    const width = WIDTH[value.type] ?? 1;
    const gap = (width - (size % width)) % width;
    data.push(Buffer.alloc(gap), bytes);
    index.push(entryOf(tag, TYPE[value.type], size + gap, countOf(value)));
    size += gap + bytes.length;
  }
  const count = index.length + 1;
  // The region's own entry leads to a copy of itself at the end, whose offset leads back over the whole index.
  data.push(entryOf(region, TYPE.binary, -count * ENTRY, ENTRY));
  const intro = Buffer.concat([MAGIC, Buffer.alloc(8)]);
  intro.writeUInt32BE(count, 8);
  intro.writeUInt32BE(size + ENTRY, 12);
  return Buffer.concat([intro, entryOf(region, TYPE.binary, size, ENTRY), ...index, ...data]);
}

function entryOf(tag: number, type: number, offset: number, count: number): Buffer {
  const entry = Buffer.alloc(ENTRY);
  entry.writeUInt32BE(tag, 0);
  entry.writeUInt32BE(type, 4);
  entry.writeInt32BE(offset, 8);
  entry.writeUInt32BE(count, 12);
  return entry;
}

function countOf({ type, value }: HeaderValue): number {
  return type === "string" ? 1 : value.length;
}

function bytesOf(one: HeaderValue): Buffer {
  switch (one.type) {
    case "string":
      return withEnd(one.value);
    case "strings":
    case "i18nStrings":
      return Buffer.concat(one.value.map(withEnd));
    case "binary":
      return one.value;
    case "int64": {
      const bytes = Buffer.alloc(8 * one.value.length);
      for (const [at, number] of one.value.entries()) bytes.writeBigUInt64BE(number, 8 * at);
      return bytes;
    }
    case "char":
    case "int8":
    case "int16":
    case "int32": {
      const width = WIDTH[one.type]!;
      const bytes = Buffer.alloc(width * one.value.length);
      for (const [at, number] of one.value.entries()) bytes.writeUIntBE(number, at * width, width);
      return bytes;
    }
  }
}

function withEnd(text: string): Buffer {
  if (text.includes("\0")) throw new Error("internal: a text of a header has a NUL");
  return Buffer.concat([nameBytes(text), Buffer.alloc(1)]);
}
