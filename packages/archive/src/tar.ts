/** Archives as entries: read one by one, written from memory. For trees on disk see `pack.ts` and `unpack.ts`. */
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { BuildError, messageOf } from "@tsbake/base";
import { extract, pack, type EntryType, type Header } from "tar-stream";
import { decompress } from "./compression.js";
import { Dialect } from "./dialect.js";
import { damaged, truncated, unsupported } from "./problems.js";

export type TarEntryType = Exclude<EntryType, "contiguous-file">;

/** One entry of an archive that is being read. Its data must be used, or skipped, before the next entry is asked for. */
export interface TarEntry {
  /** As it stands in the archive, `./` and a trailing `/` taken away; not checked for `..` or a leading `/`. */
  readonly path: string;
  readonly type: TarEntryType;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  /** Seconds since 1970. */
  readonly mtimeSeconds: number;
  /** Of links and hard links. */
  readonly target?: string;
  readonly major: number;
  readonly minor: number;
  /** The whole content; for small files. */
  read(): Promise<Buffer>;
  readonly data: Readable;
}

/**
 * The entries of an archive, compressed or not. Breaking out of the loop stops everything.
 *
 * @param label what to call it in errors; default: the path
 * @throws BuildError `archive/damaged`, `archive/truncated`, `archive/unsupported`
 */
export async function* readTar(source: string | Readable, label?: string): AsyncGenerator<TarEntry> {
  const name = label ?? (typeof source === "string" ? source : "the stream");
  const reader = extract();
  const dialect = new Dialect(name);
  let failure: unknown;
  const fed = pipeline(judged(source, name, dialect), reader).catch(
    (error: unknown) => void (failure ??= error),
  );
  try {
    for await (const stream of reader) {
      const { header } = stream;
      const expected = dialect.entries.shift();
      if (!expected || expected.offset !== header.byteOffset || expected.size !== header.size) {
        throw new BuildError([damaged(name, "two readers find different entries in it")]);
      }
      yield entryOf(name, header, stream);
      stream.resume();
    }
  } catch (error) {
    throw asProblem(failure ?? error, name);
  } finally {
    reader.destroy();
    await fed;
  }
  if (failure !== undefined) throw asProblem(failure, name);
}

async function* judged(source: string | Readable, label: string, dialect: Dialect): AsyncGenerator<Buffer> {
  for await (const piece of decompress(source, label)) {
    dialect.push(piece);
    yield piece;
  }
  dialect.end();
}

function entryOf(archive: string, header: Header, data: Readable): TarEntry {
  if (header.type === null) throw new BuildError([unsupported(archive, "an entry of an unknown type")]);
  return {
    path: trimmed(header.name),
    type: header.type === "contiguous-file" ? "file" : header.type,
    mode: header.mode,
    uid: header.uid,
    gid: header.gid,
    sizeBytes: header.size,
    mtimeSeconds: Math.floor(header.mtime.getTime() / 1000),
    ...(header.linkname === null
      ? {}
      : { target: header.type === "link" ? trimmed(header.linkname) : header.linkname }),
    major: header.devmajor,
    minor: header.devminor,
    read: () => buffer(data),
    data,
  };
}

function trimmed(name: string): string {
  const short = name.replace(/^(\.\/+)+/, "").replace(/\/+$/, "");
  return short === "" && !name.startsWith("/") ? "." : short;
}

function asProblem(error: unknown, archive: string): unknown {
  if (error instanceof BuildError) return error;
  const said = messageOf(error);
  if (/Unexpected end/.test(said)) return new BuildError([truncated(archive)]);
  if (/Invalid (tar )?header|Header exceeds/.test(said)) return new BuildError([damaged(archive, said)]);
  return error;
}

/** One entry of an archive to be written. */
export interface NewTarEntry {
  readonly path: string;
  readonly type: TarEntryType;
  /** Permission bits; default: 0755 for folders, 0644 else. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Seconds since 1970; default: 0. */
  readonly mtimeSeconds?: number;
  readonly target?: string;
  readonly major?: number;
  readonly minor?: number;
  readonly data?: string | Uint8Array | undefined;
}

/** The archive of these entries, in memory. */
export async function tarOf(entries: Iterable<NewTarEntry>): Promise<Buffer> {
  const packer = pack();
  const all = buffer(Readable.from(packer));
  for (const entry of entries) await add(packer, entry);
  packer.finalize();
  return all;
}

function add(packer: ReturnType<typeof pack>, entry: NewTarEntry): Promise<void> {
  const header = {
    name: entry.path,
    type: entry.type,
    mode: entry.mode ?? (entry.type === "directory" ? 0o755 : 0o644),
    uid: entry.uid ?? 0,
    gid: entry.gid ?? 0,
    mtime: new Date((entry.mtimeSeconds ?? 0) * 1000),
    ...(entry.target === undefined ? {} : { linkname: entry.target }),
    ...(entry.major === undefined ? {} : { devmajor: entry.major, devminor: entry.minor ?? 0 }),
  };
  return new Promise((resolve, reject) => {
    const done = (error?: Error | null): void => (error ? reject(error) : resolve());
    const data = typeof entry.data === "string" ? Buffer.from(entry.data) : entry.data;
    if (entry.type === "file") packer.entry(header, Buffer.from(data ?? ""), done);
    else packer.entry(header, done);
  });
}
