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
  /** Symbols that a kernel module does not define; with a `?` in front: weak. */
  readonly undefinedSymbols?: readonly string[];
  /** What a kernel or its module exports. */
  readonly exported?: readonly string[];
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
  const named = (spec.sections ?? []).map((name) => ({ name, type: name === ".symtab" ? 2 : 1 }));
  const { modinfo, exported, undefinedSymbols } = spec;
  const all: Section[] = [
    ...named,
    ...(modinfo ? [{ name: ".modinfo", type: 1, content: zeroEnded(modinfo) }] : []),
    ...(exported ? [{ name: "__ksymtab_strings", type: 1, content: zeroEnded(exported) }] : []),
  ];
  if (undefinedSymbols !== undefined) all.push(...symbolTable(undefinedSymbols, all.length + 2));
  return all.length === 0 ? file : withSections(file, all);
}

interface Section {
  readonly name: string;
  /** sh_type. */
  readonly type: number;
  readonly content?: Buffer;
  /** sh_link. */
  readonly link?: number;
}

function zeroEnded(texts: readonly string[]): Buffer {
  return Buffer.from(texts.map((one) => `${one}\0`).join(""));
}

/** @param namesAt the number that the section with the names will have */
function symbolTable(symbols: readonly string[], namesAt: number): Section[] {
  const names = symbols.map((one) => one.replace(/^\?/, ""));
  const table = Buffer.alloc(24 * (symbols.length + 1));
  let at = 1;
  for (const [index, symbol] of symbols.entries()) {
    table.writeUInt32LE(at, 24 * (index + 1));
    // Binding: global or weak.
    table.writeUInt8((symbol.startsWith("?") ? 2 : 1) << 4, 24 * (index + 1) + 4);
    at += names[index]!.length + 1;
  }
  return [
    { name: ".symtab", type: 2, content: table, link: namesAt },
    { name: ".strtab", type: 3, content: zeroEnded(["", ...names]) },
  ];
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

function withSections(loaded: Buffer, sections: readonly Section[]): Buffer {
  const text = zeroEnded(["", ...sections.map(({ name }) => name), ".shstrtab"]);
  const all: readonly Section[] = [
    { name: "", type: 0 },
    ...sections,
    { name: ".shstrtab", type: 3, content: text },
  ];
  const headers = Buffer.alloc(all.length * 64);
  const pieces = [loaded];
  let [nameAt, contentAt] = [0, loaded.length];
  for (const [index, { name, type, content, link = 0 }] of all.entries()) {
    headers.writeUInt32LE(nameAt, index * 64);
    headers.writeUInt32LE(type, index * 64 + 4);
    nameAt += name.length + 1;
    if (content === undefined) continue;
    headers.writeBigUInt64LE(BigInt(contentAt), index * 64 + 24);
    headers.writeBigUInt64LE(BigInt(content.length), index * 64 + 32);
    headers.writeUInt32LE(link, index * 64 + 40);
    pieces.push(content);
    contentAt += content.length;
  }
  const head = Buffer.from(loaded);
  head.writeBigUInt64LE(BigInt(contentAt), 40);
  head.writeUInt16LE(64, 58);
  head.writeUInt16LE(all.length, 60);
  head.writeUInt16LE(all.length - 1, 62);
  return Buffer.concat([head, ...pieces.slice(1), headers]);
}
