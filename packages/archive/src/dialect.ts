/**
 * Admits the plain dialect of tar only: ustar, pax and GNU long names, used the way that every reader understands alike.
 *
 * tar-stream checks an archive and the system's tar unpacks it. Where two readers disagree about what a byte means, an
 * entry could be harmless for the one and hostile for the other. So whatever is known to be read in two ways
 * (GNU sparse files but for one form, global pax paths, data behind a link, a second name for one entry, numbers with rubbish in them)
 * is refused here, and what is left of each entry is handed out, for the comparison with tar-stream's.
 *
 * @see POSIX.1-2017 pax, "ustar Interchange Format" and "pax Extended Header"; GNU tar manual, "Basic Tar Format"
 */
import { BuildError } from "@tsbake/base";
import { damaged, hostileEntry, truncated, unsupported } from "./problems.js";
import { SparseMap } from "./sparse.js";

const BLOCK = 512;
/** Extended headers are kept in memory; Linux allows an xattr 64 KiB, a map of holes is longer, and tar-stream takes 4 MiB. */
const LONGEST_EXTENSION = 4 << 20;

type ExtensionKind = "pax" | "global" | "long-name" | "long-link";

const EXTENSIONS: Readonly<Record<string, ExtensionKind>> = {
  x: "pax",
  g: "global",
  L: "long-name",
  K: "long-link",
};

/** Type flags of real entries; `\0` and `0` are files, 7 is a file that was contiguous once. */
const ENTRY_FLAGS = "\x0001234567";

/** One entry, as seen here. */
export interface DialectEntry {
  /** Of its data, from the start of the archive. */
  readonly offset: number;
  /** Of its data in the archive. */
  readonly size: number;
  /** Of the file that it becomes, when it has holes, which are not in the archive. */
  readonly sparseSize?: number;
  /** The pax header's names, one character a byte (latin1): names need not be UTF-8, and tar-stream thinks that they are. */
  readonly path?: string;
  readonly linkpath?: string;
}

/** Reads the archive's skeleton as it flows by. */
export class Dialect {
  readonly #archive: string;
  readonly #allowsSparse: boolean;
  /** The holes of the entry that comes next. */
  #sparse: SparseMap | undefined;
  /** Offset, from the start of the archive, of what comes next. */
  #offset = 0;
  /** Bytes of data and padding still to be passed over. */
  #skip = 0;
  #hasEndMark = false;
  /** The start of a header whose rest is in the next piece. */
  #carried: Buffer = Buffer.alloc(0);
  /** The extension whose body is being collected. */
  #extension: { kind: ExtensionKind; body: Buffer[]; missing: number } | undefined;
  /** Extensions that the next entry has had so far. */
  #seen = new Set<string>();
  #paxSize: number | undefined;
  /** Names from the entry's pax header, as bytes. */
  #names: { path?: string; linkpath?: string } = {};
  /** What each entry should look like to the reader behind, in order; it takes them off. */
  readonly entries: DialectEntry[] = [];

  /** @param allowsSparse files with holes are welcome, in the form that `pack.ts` writes: data is not where it looks to be */
  constructor(archive: string, allowsSparse = false) {
    this.#archive = archive;
    this.#allowsSparse = allowsSparse;
  }

  /** @throws BuildError `archive/damaged`, `archive/unsupported`, `archive/hostile-entry` */
  push(piece: Buffer): void {
    const bytes = this.#carried.length > 0 ? Buffer.concat([this.#carried, piece]) : piece;
    let at = 0;
    while (at < bytes.length) {
      if (this.#skip > 0) {
        const taken = Math.min(this.#skip, bytes.length - at);
        this.#collect(bytes.subarray(at, at + taken));
        this.#skip -= taken;
        this.#offset += taken;
        at += taken;
        continue;
      }
      if (bytes.length - at < BLOCK) break;
      this.#offset += BLOCK;
      this.#header(bytes.subarray(at, at + BLOCK));
      at += BLOCK;
    }
    this.#carried = Buffer.from(bytes.subarray(at));
  }

  /** @throws BuildError `archive/truncated` when something, or the end mark, is missing */
  end(): void {
    if (this.#carried.length > 0 || this.#skip > 0 || !this.#hasEndMark) {
      throw new BuildError([truncated(this.#archive)]);
    }
  }

  #hasLongName(): boolean {
    return this.#seen.has("long-name") || this.#seen.has("pax long-name");
  }

  #header(block: Buffer): void {
    if (block.every((byte) => byte === 0)) {
      if (this.#seen.size > 0) this.#fail("its last extended header belongs to nothing");
      this.#hasEndMark = true;
      return;
    }
    // One reader stops at the end mark, another goes on: nothing may stand behind it.
    if (this.#hasEndMark) this.#fail("there is something after its end mark");
    if (block.toString("latin1", 508, 512) === "tar\0") this.#refuse("the old star format");
    const flag = String.fromCharCode(block[156]!);
    const size = this.#number(block.subarray(124, 136));
    const kind = EXTENSIONS[flag];
    if (kind) this.#begin(kind, size);
    else this.#entry(flag, size, block);
  }

  #begin(kind: ExtensionKind, size: number): void {
    if (size > LONGEST_EXTENSION) this.#fail("it has an extended header of absurd size");
    if (kind !== "global" && this.#seen.has(kind)) this.#fail("one entry has two extended headers of a kind");
    if (kind !== "global") this.#seen.add(kind);
    if (size === 0) this.#fail("it has an empty extended header");
    this.#extension = { kind, body: [], missing: size };
    this.#skip = padded(size);
  }

  #entry(flag: string, headerSize: number, block: Buffer): void {
    if (!ENTRY_FLAGS.includes(flag)) this.#refuse(`an entry of type ${JSON.stringify(flag)}`);
    const size = this.#paxSize ?? headerSize;
    const shortName = block.toString("latin1", 0, 100).replace(/\0.*$/s, "");
    // Some readers take a file whose name ends with a slash for a folder. A long name is cut anywhere.
    const isFolder = flag === "5" || (shortName.endsWith("/") && !this.#hasLongName());
    if (size > 0 && (isFolder || !"\x0007".includes(flag)))
      this.#fail("it has data behind an entry that is no file");
    const sparse = this.#sparse;
    if (sparse && !(sparse.isWhole(size) && flag === "0"))
      this.#fail("an entry's map of holes does not fit it");
    this.entries.push({
      offset: this.#offset,
      size,
      ...this.#names,
      ...(sparse && { sparseSize: sparse.size }),
    });
    this.#sparse = undefined;
    this.#names = {};
    this.#skip = padded(size);
    this.#paxSize = undefined;
    this.#seen.clear();
  }

  #collect(bytes: Buffer): void {
    const extension = this.#extension;
    if (!extension) return;
    const taken = bytes.subarray(0, extension.missing);
    // A copy: the piece belongs to the stream that it came from.
    extension.body.push(Buffer.from(taken));
    extension.missing -= taken.length;
    if (extension.missing === 0) this.#extended(extension.kind, Buffer.concat(extension.body));
  }

  #extended(kind: ExtensionKind, body: Buffer): void {
    this.#extension = undefined;
    if (kind === "long-name" || kind === "long-link") {
      if (this.#seen.has(`pax ${kind}`)) this.#fail("an entry has two names");
      return;
    }
    const keys = new Set<string>();
    for (const [key, value] of this.#records(body)) {
      if (this.#allowsSparse && kind === "pax" && SparseMap.keys.includes(key)) {
        this.#sparse ??= new SparseMap();
        if (!this.#sparse.add(key, value.toString("latin1")))
          this.#fail("an entry's map of holes is malformed");
        continue;
      }
      if (keys.has(key)) this.#fail(`an extended header says \`${key}\` twice`);
      keys.add(key);
      if (/^(GNU\.sparse\.|GNU\.dumpdir|GNU\.volume|SCHILY\.realsize|hdrcharset)/.test(key)) {
        this.#refuse(`the extended header \`${key}\``);
      }
      if (kind === "global") this.#global(key);
      else this.#local(key, value);
    }
  }

  #global(key: string): void {
    // git writes the commit as a comment; everything else would apply to some readers' entries only.
    if (key !== "comment") this.#refuse(`the global extended header \`${key}\``);
  }

  #local(key: string, value: Buffer): void {
    if (key === "size") {
      const text = value.toString("latin1");
      if (!/^\d{1,15}$/.test(text)) this.#fail("an entry's size is no number");
      this.#paxSize = Number(text);
    }
    const long = key === "path" ? "long-name" : key === "linkpath" ? "long-link" : undefined;
    if (long === undefined) return;
    if (this.#seen.has(long)) this.#fail("an entry has two names");
    this.#seen.add(`pax ${long}`);
    if (value.length === 0) this.#fail(`an extended header has an empty \`${key}\``);
    this.#names[key === "path" ? "path" : "linkpath"] = value.toString("latin1");
    if (value.includes(0)) {
      throw new BuildError([hostileEntry(this.#archive, value.toString("latin1"), "has a NUL in its name")]);
    }
  }

  /** `length key=value\n` records that tile the body exactly. */
  *#records(body: Buffer): Generator<readonly [string, Buffer]> {
    for (let at = 0; at < body.length;) {
      const blank = body.indexOf(0x20, at);
      const digits = blank === -1 ? "" : body.toString("latin1", at, blank);
      const length = /^[1-9]\d{0,7}$/.test(digits) ? Number(digits) : 0;
      const equals = body.indexOf(0x3d, blank);
      const next = at + length;
      const isWhole = equals > blank + 1 && equals < next && next <= body.length && body[next - 1] === 0x0a;
      if (!isWhole) this.#fail("an extended header is malformed");
      yield [body.toString("utf8", blank + 1, equals), body.subarray(equals + 1, next - 1)];
      at = next;
    }
  }

  /** Octal digits, or base 256 when the top bit is set. */
  #number(field: Buffer): number {
    if (field[0] === 0x80) {
      const value = field.subarray(1).reduce((sum, byte) => sum * 256 + byte, 0);
      if (Number.isSafeInteger(value)) return value;
    }
    const text = field.toString("latin1");
    if (/^ *[0-7]+[ \0]*$/.test(text)) return Number.parseInt(text.trim(), 8);
    if (/^[ \0]*$/.test(text)) return 0;
    return this.#fail("a header has an impossible size");
  }

  #fail(what: string): never {
    throw new BuildError([damaged(this.#archive, what)]);
  }

  #refuse(what: string): never {
    throw new BuildError([unsupported(this.#archive, what)]);
  }
}

function padded(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK;
}
