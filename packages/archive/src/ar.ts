/**
 * The `ar` container, of .deb and .ipk files: a magic line, then members with a 60-byte header each.
 * @see deb(5), ar(5): the common format, with GNU's `name/` and BSD-less short names
 */
import { createReadStream, createWriteStream } from "node:fs";
import { open, rename, rm, stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { BuildError, ignoreSystemErrors, temporaryBeside } from "@tsbake/base";
import { damaged, truncated, unsupported } from "./problems.js";

const MAGIC = "!<arch>\n";
const HEADER = 60;
/** No package has more than a handful; a limit keeps a hostile one from filling memory. */
const MOST_MEMBERS = 1000;

export interface ArMember {
  readonly name: string;
  /** Of the data, from the start of the file. */
  readonly offset: number;
  readonly sizeBytes: number;
  readonly mode: number;
  /** Seconds since 1970. */
  readonly mtimeSeconds: number;
}

/**
 * The members of an ar file, without their data.
 *
 * @throws BuildError `archive/damaged`, `archive/truncated`, `archive/unsupported`; system errors of reading
 */
export async function readAr(path: string): Promise<ArMember[]> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const block = Buffer.alloc(HEADER);
    const magic = await file.read(block, 0, MAGIC.length, 0);
    if (block.toString("latin1", 0, magic.bytesRead) !== MAGIC)
      fail(path, "it has no `!<arch>` at its start");
    const members: ArMember[] = [];
    const names = new Set<string>();
    for (let at = MAGIC.length; at < size;) {
      if (members.length === MOST_MEMBERS) fail(path, `it has more than ${MOST_MEMBERS} members`);
      const { bytesRead } = await file.read(block, 0, HEADER, at);
      if (bytesRead < HEADER) throw new BuildError([truncated(path)]);
      const member = memberOf(path, block, at + HEADER);
      if (member.offset + member.sizeBytes > size) throw new BuildError([truncated(path)]);
      if (names.has(member.name)) fail(path, `it has two members called ${member.name}`);
      names.add(member.name);
      members.push(member);
      at = member.offset + member.sizeBytes + (member.sizeBytes % 2);
    }
    return members;
  } finally {
    await file.close();
  }
}

function memberOf(path: string, block: Buffer, offset: number): ArMember {
  const text = block.toString("latin1");
  if (text.slice(58) !== "`\n") fail(path, "a member's header has no end mark");
  const name = text.slice(0, 16).trimEnd().replace(/\/$/, "");
  if (name === "" || name.startsWith("/") || name.startsWith("#1/")) {
    throw new BuildError([unsupported(path, "a member with a long name")]);
  }
  if (!/^[\w+~-][\w.+~-]*$/.test(name)) fail(path, "a member has a strange name");
  return {
    name,
    offset,
    sizeBytes: number(path, text.slice(48, 58), 10),
    mode: number(path, text.slice(40, 48), 8),
    mtimeSeconds: number(path, text.slice(16, 28), 10),
  };
}

function number(path: string, field: string, base: 8 | 10): number {
  const text = field.trimEnd();
  if (!(base === 8 ? /^[0-7]*$/ : /^\d*$/).test(text))
    fail(path, "a member's header has a number with rubbish in it");
  return text === "" ? 0 : Number.parseInt(text, base);
}

function fail(path: string, what: string): never {
  throw new BuildError([damaged(path, what)]);
}

/** The data of one member, as a stream. */
export function openArMember(path: string, member: ArMember): Readable {
  return openData({ file: path, ...member }, member.sizeBytes);
}

export interface NewArMember {
  /** At most 15 characters: letters, digits and `._+~-`. */
  readonly name: string;
  /** Bytes, or the path of a file that holds them, or a part of it. */
  readonly data:
    | Uint8Array
    | { readonly file: string }
    | { readonly file: string; readonly offset: number; readonly sizeBytes: number };
}

/**
 * Writes an ar file: members in the given order, all of 0:0, mode 0644 and the given time. It appears whole or not at all.
 *
 * @param mtimeSeconds of every member, seconds since 1970
 */
export async function writeAr(
  path: string,
  members: readonly NewArMember[],
  mtimeSeconds = 0,
): Promise<void> {
  const temporary = temporaryBeside(path);
  try {
    await pipeline(
      piecesOf(members, mtimeSeconds),
      createWriteStream(temporary, { flags: "wx", flush: true }),
    );
    await rename(temporary, path);
  } catch (error) {
    await ignoreSystemErrors(rm(temporary, { force: true }));
    throw error;
  }
}

async function* piecesOf(
  members: readonly NewArMember[],
  mtimeSeconds: number,
): AsyncGenerator<Uint8Array | string> {
  yield MAGIC;
  for (const { name, data } of members) {
    if (!/^[\w.+~-]{1,15}$/.test(name)) throw new Error(`internal: ${name} cannot be a member's name`);
    const size = await sizeOf(data);
    yield header(name, size, mtimeSeconds);
    if (data instanceof Uint8Array) yield data;
    else yield* openData(data, size) as AsyncIterable<Buffer>;
    if (size % 2 === 1) yield "\n";
  }
}

async function sizeOf(data: NewArMember["data"]): Promise<number> {
  if (data instanceof Uint8Array) return data.length;
  return "offset" in data ? data.sizeBytes : (await stat(data.file)).size;
}

function openData(data: Exclude<NewArMember["data"], Uint8Array>, size: number): Readable {
  const offset = "offset" in data ? data.offset : 0;
  // A range of no bytes cannot be said.
  return size === 0
    ? Readable.from([])
    : createReadStream(data.file, { start: offset, end: offset + size - 1 });
}

function header(name: string, size: number, mtimeSeconds: number): string {
  const fields = [
    name.padEnd(16),
    String(mtimeSeconds).padEnd(12),
    "0".padEnd(6),
    "0".padEnd(6),
    "100644".padEnd(8),
  ];
  return `${fields.join("")}${String(size).padEnd(10)}\`\n`;
}
