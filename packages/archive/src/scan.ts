/** The check that every archive passes before the system's tar sees it: piece by piece, always one step ahead. */
import { BuildError, messageOf } from "@tsbake/base";
import { extract, type Extract, type Header } from "tar-stream";
import { Dialect } from "./dialect.js";
import { EntryRules, type EntryRuleOptions } from "./entry-rules.js";
import { damaged, tooBig, truncated, unsupported } from "./problems.js";

export interface ScanOptions extends EntryRuleOptions {
  /** Sum of the entries' sizes. */
  readonly maxBytes: number;
  readonly maxEntries: number;
}

export interface ScanResult {
  readonly entries: number;
  /** Sum of the entries' sizes. */
  readonly bytes: number;
}

export class Scan {
  readonly #archive: string;
  readonly #options: ScanOptions;
  readonly #dialect: Dialect;
  readonly #rules: EntryRules;
  readonly #reader: Extract;
  #failure: unknown;
  #entries = 0;
  #bytes = 0;

  constructor(archive: string, options: ScanOptions) {
    this.#archive = archive;
    this.#options = options;
    this.#dialect = new Dialect(archive, true);
    this.#rules = new EntryRules(archive, options);
    // A low mark makes every write wait for its `drain`: then all headers in the piece have been judged.
    this.#reader = extract({ highWaterMark: 1, filenameEncoding: "latin1" });
    this.#reader.on("error", (error) => (this.#failure ??= error));
    this.#reader.on("entry", (header, stream, next) => {
      stream.resume();
      try {
        this.#entry(header);
        next();
      } catch (error) {
        this.#failure ??= error;
        stream.on("error", () => {});
        this.#reader.destroy();
      }
    });
  }

  /**
   * Judges all headers that are complete with this piece; when it returns, the piece is harmless.
   *
   * @throws BuildError `archive/…`
   */
  async write(piece: Buffer): Promise<void> {
    if (piece.length === 0) return;
    this.#dialect.push(piece);
    if (!this.#reader.write(piece) && this.#failure === undefined) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          this.#reader.off("drain", done);
          this.#reader.off("close", done);
          resolve();
        };
        this.#reader.on("drain", done);
        this.#reader.on("close", done);
      });
    }
    this.#rethrow();
  }

  /** @throws BuildError `archive/truncated` and whatever the last entry brings */
  async end(): Promise<ScanResult> {
    this.#dialect.end();
    await new Promise<void>((resolve) => {
      this.#reader.on("close", () => resolve());
      this.#reader.end();
    });
    this.#rethrow();
    return { entries: this.#entries, bytes: this.#bytes };
  }

  /** Lets go of everything after a failure. */
  destroy(): void {
    this.#reader.destroy();
  }

  #entry(header: Header): void {
    const expected = this.#dialect.entries.shift();
    if (!expected || expected.offset !== header.byteOffset || expected.size !== header.size) {
      throw new BuildError([damaged(this.#archive, "two readers find different entries in it")]);
    }
    if (header.type === null)
      throw new BuildError([unsupported(this.#archive, "an entry of an unknown type")]);
    header.name = expected.path ?? header.name;
    header.linkname = expected.linkpath ?? header.linkname;
    if (header.type === "file" && header.name.endsWith("/") && header.size > 0) {
      throw new BuildError([damaged(this.#archive, "it has data behind an entry that is no file")]);
    }
    this.#entries++;
    this.#bytes += expected.sparseSize ?? header.size;
    const { maxBytes, maxEntries } = this.#options;
    if (this.#entries > maxEntries) throw new BuildError([tooBig(this.#archive, `${maxEntries} entries`)]);
    if (this.#bytes > maxBytes) throw new BuildError([tooBig(this.#archive, `${maxBytes} bytes`)]);
    this.#rules.check(header);
  }

  #rethrow(): void {
    if (this.#failure === undefined) return;
    if (this.#failure instanceof BuildError) throw this.#failure;
    const said = messageOf(this.#failure);
    if (/Unexpected end/.test(said)) throw new BuildError([truncated(this.#archive)]);
    throw new BuildError([damaged(this.#archive, said)]);
  }
}
