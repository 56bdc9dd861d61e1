/** ELF files without a compiler: 64 bits, little end first; as much of one as tells what it is, needs and offers (System V ABI). */

export interface ElfShape {
  readonly kind?: "relocatable" | "executable" | "shared";
  readonly soname?: string;
  readonly needed?: readonly string[];
  readonly runpath?: string;
  /** `.symtab`, `.debug_info`: names of sections. */
  readonly sections?: readonly string[];
}

const KINDS = { relocatable: 1, executable: 2, shared: 3 };
const [DYNAMIC_AT, STRINGS_AT, ADDRESS] = [256, 512, 0x10000];

/** With one segment, a dynamic table and a string table, and section headers where sections are asked for. */
export function elfFile(shape: ElfShape): Buffer {
  const { kind = "shared", soname, needed = [], runpath, sections = [] } = shape;
  const named: [number, string | undefined][] = [
    ...needed.map((one): [number, string] => [1, one]),
    [14, soname],
    [29, runpath],
  ];
  const texts = named.filter((one): one is [number, string] => one[1] !== undefined);
  const strings = `\0${texts.map(([, text]) => text).join("\0")}\0`;
  const dynamic = [
    ...texts.map(([tag, text]) => [tag, strings.indexOf(`\0${text}\0`) + 1]),
    [5, ADDRESS + STRINGS_AT],
    [10, strings.length],
    [0, 0],
  ] as [number, number][];
  const loaded = Buffer.alloc(STRINGS_AT + strings.length);
  loaded.write("\x7fELF\x02\x01\x01", 0, "latin1");
  loaded.writeUInt16LE(KINDS[kind], 16);
  loaded.writeUInt16LE(62, 18);
  loaded.writeBigUInt64LE(64n, 32);
  loaded.writeUInt16LE(56, 54);
  loaded.writeUInt16LE(2, 56);
  const segments: [number, number, number][] = [
    [1, 0, loaded.length],
    [2, DYNAMIC_AT, dynamic.length * 16],
  ];
  for (const [index, [type, offset, size]] of segments.entries()) {
    const header = 64 + index * 56;
    loaded.writeUInt32LE(type, header);
    loaded.writeBigUInt64LE(BigInt(offset), header + 8);
    loaded.writeBigUInt64LE(BigInt(ADDRESS + offset), header + 16);
    loaded.writeBigUInt64LE(BigInt(size), header + 32);
  }
  for (const [index, [tag, value]] of dynamic.entries()) {
    loaded.writeBigUInt64LE(BigInt(tag), DYNAMIC_AT + index * 16);
    loaded.writeBigUInt64LE(BigInt(value), DYNAMIC_AT + index * 16 + 8);
  }
  loaded.write(strings, STRINGS_AT, "latin1");
  return sections.length === 0 ? loaded : withSections(loaded, sections);
}

function withSections(loaded: Buffer, sections: readonly string[]): Buffer {
  const names = ["", ...sections, ".shstrtab"];
  const text = `${names.join("\0")}\0`;
  const headers = Buffer.alloc(names.length * 64);
  let at = 0;
  for (const [index, name] of names.entries()) {
    headers.writeUInt32LE(at, index * 64);
    headers.writeUInt32LE(
      name === ".symtab" ? 2 : name === ".shstrtab" ? 3 : name === "" ? 0 : 1,
      index * 64 + 4,
    );
    at += name.length + 1;
  }
  headers.writeBigUInt64LE(BigInt(loaded.length), (names.length - 1) * 64 + 24);
  headers.writeBigUInt64LE(BigInt(text.length), (names.length - 1) * 64 + 32);
  const head = Buffer.from(loaded);
  head.writeBigUInt64LE(BigInt(loaded.length + text.length), 40);
  head.writeUInt16LE(64, 58);
  head.writeUInt16LE(names.length, 60);
  head.writeUInt16LE(names.length - 1, 62);
  return Buffer.concat([head, Buffer.from(text), headers]);
}
