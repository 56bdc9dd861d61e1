/** ELF files made byte by byte: 64 bits, little-endian, with a dynamic segment and nothing to run. */

export interface ElfSpec {
  /** Default: shared. */
  readonly kind?: keyof typeof KINDS;
  readonly soname?: string;
  readonly needed?: readonly string[];
  readonly runpath?: string;
  readonly interpreter?: string;
  /** e_machine. Default: 62, x86-64. */
  readonly machine?: number;
  /** Library → versions of it that are wanted. */
  readonly wants?: Readonly<Record<string, readonly string[]>>;
  /** Versions that it gives. */
  readonly gives?: readonly string[];
  /** `.symtab`, `.debug_info`: names of sections. */
  readonly sections?: readonly string[];
  /** `.modinfo` of a kernel module: NAME=VALUE. */
  readonly modinfo?: readonly string[];
}

const KINDS = { relocatable: 1, executable: 2, shared: 3 };

const LOADED_AT = 0x10000;
const [TABLES_AT, DYNAMIC_AT] = [0x1000, 256];

export function elfFile(spec: ElfSpec): Buffer {
  const strings: string[] = [""];
  const at = (text: string): number => {
    const before = strings.indexOf(text);
    const index = before >= 0 ? before : strings.push(text) - 1;
    return strings.slice(0, index).reduce((sum, one) => sum + Buffer.byteLength(one) + 1, 0);
  };
  const dynamic: [number, number][] = (spec.needed ?? []).map((name) => [1, at(name)]);
  if (spec.soname !== undefined) dynamic.push([14, at(spec.soname)]);
  if (spec.runpath !== undefined) dynamic.push([29, at(spec.runpath)]);
  const need = needTable(spec.wants ?? {}, at);
  const give = giveTable(spec.gives ?? [], spec.soname ?? "", at);
  const table = Buffer.from(`${strings.join("\0")}\0`);
  const interpreter = Buffer.from(spec.interpreter === undefined ? "" : `${spec.interpreter}\0`);
  const [needAt, giveAt] = [TABLES_AT, TABLES_AT + need.length];
  const interpreterAt = giveAt + give.length;
  const tableAt = interpreterAt + interpreter.length;
  dynamic.push([5, LOADED_AT + tableAt], [10, table.length]);
  if (spec.wants !== undefined)
    dynamic.push([0x6ffffffe, LOADED_AT + needAt], [0x6fffffff, Object.keys(spec.wants).length]);
  if (spec.gives !== undefined)
    dynamic.push([0x6ffffffc, LOADED_AT + giveAt], [0x6ffffffd, spec.gives.length + 1]);
  dynamic.push([0, 0]);
  const file = Buffer.alloc(tableAt + table.length);
  file.write("\x7fELF\x02\x01\x01", 0, "latin1");
  file.writeUInt16LE(KINDS[spec.kind ?? "shared"], 16);
  file.writeUInt16LE(spec.machine ?? 62, 18);
  file.writeBigUInt64LE(64n, 32);
  file.writeUInt16LE(56, 54);
  const segments: [number, number, number][] = [
    [1, 0, file.length],
    [2, DYNAMIC_AT, dynamic.length * 16],
    ...(interpreter.length > 0 ? [[3, interpreterAt, interpreter.length] as [number, number, number]] : []),
  ];
  file.writeUInt16LE(segments.length, 56);
  for (const [index, [type, offset, size]] of segments.entries()) {
    const header = 64 + index * 56;
    file.writeUInt32LE(type, header);
    file.writeBigUInt64LE(BigInt(offset), header + 8);
    file.writeBigUInt64LE(BigInt(LOADED_AT + offset), header + 16);
    file.writeBigUInt64LE(BigInt(size), header + 32);
  }
  for (const [index, [tag, value]] of dynamic.entries()) {
    file.writeBigUInt64LE(BigInt(tag), DYNAMIC_AT + index * 16);
    file.writeBigUInt64LE(BigInt(value), DYNAMIC_AT + index * 16 + 8);
  }
  need.copy(file, needAt);
  give.copy(file, giveAt);
  interpreter.copy(file, interpreterAt);
  table.copy(file, tableAt);
  const { sections, modinfo } = spec;
  if (sections === undefined && modinfo === undefined) return file;
  const names = [...(sections ?? []), ...(modinfo === undefined ? [] : [MODINFO])];
  return withSections(file, names, Buffer.from((modinfo ?? []).map((one) => `${one}\0`).join("")));
}

function needTable(wants: Readonly<Record<string, readonly string[]>>, at: (text: string) => number): Buffer {
  const libraries = Object.entries(wants);
  return Buffer.concat(
    libraries.map(([library, versions], index) => {
      const block = Buffer.alloc(16 * (1 + versions.length));
      block.writeUInt16LE(1, 0);
      block.writeUInt16LE(versions.length, 2);
      block.writeUInt32LE(at(library), 4);
      block.writeUInt32LE(16, 8);
      block.writeUInt32LE(index + 1 < libraries.length ? block.length : 0, 12);
      for (const [one, version] of versions.entries()) {
        block.writeUInt32LE(at(version), 16 * (one + 1) + 8);
        block.writeUInt32LE(one + 1 < versions.length ? 16 : 0, 16 * (one + 1) + 12);
      }
      return block;
    }),
  );
}

/** The first is the library's own name. */
function giveTable(gives: readonly string[], soname: string, at: (text: string) => number): Buffer {
  if (gives.length === 0) return Buffer.alloc(0);
  const names = [soname, ...gives];
  return Buffer.concat(
    names.map((name, index) => {
      const block = Buffer.alloc(28);
      block.writeUInt16LE(1, 0);
      block.writeUInt16LE(index === 0 ? 1 : 0, 2);
      block.writeUInt16LE(index + 1, 4);
      block.writeUInt16LE(1, 6);
      block.writeUInt32LE(20, 12);
      block.writeUInt32LE(index + 1 < names.length ? 28 : 0, 16);
      block.writeUInt32LE(at(name), 20);
      return block;
    }),
  );
}

const MODINFO = ".modinfo";

function withSections(loaded: Buffer, sections: readonly string[], modinfo: Buffer): Buffer {
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
    if (name !== MODINFO) continue;
    headers.writeBigUInt64LE(BigInt(loaded.length + text.length), index * 64 + 24);
    headers.writeBigUInt64LE(BigInt(modinfo.length), index * 64 + 32);
  }
  headers.writeBigUInt64LE(BigInt(loaded.length), (names.length - 1) * 64 + 24);
  headers.writeBigUInt64LE(BigInt(text.length), (names.length - 1) * 64 + 32);
  const head = Buffer.from(loaded);
  head.writeBigUInt64LE(BigInt(loaded.length + text.length + modinfo.length), 40);
  head.writeUInt16LE(64, 58);
  head.writeUInt16LE(names.length, 60);
  head.writeUInt16LE(names.length - 1, 62);
  return Buffer.concat([head, Buffer.from(text), modinfo, headers]);
}
