/** Physical lines of a file, and logical ones: what remains when continuation lines are joined. */
import type { Source, Span } from "@tsbake/base";

/** Walks a text line by line; trailing white space never counts, so neither does a carriage return. */
export class LineCursor {
  readonly #text: string;
  #next = 0;
  /** The present line without trailing white space. */
  content = "";
  /** Offset of its first character. */
  start = 0;
  /** Its number, from 1; after the last line one more than there are. */
  number = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Steps to the next line; false at the end of the file. */
  advance(): boolean {
    this.number++;
    this.content = "";
    this.start = this.#next;
    if (this.#next >= this.#text.length) return false;
    const newline = this.#text.indexOf("\n", this.#next);
    const end = newline === -1 ? this.#text.length : newline;
    this.content = this.#text.slice(this.start, end).trimEnd();
    this.#next = end + 1;
    return true;
  }
}

interface Piece {
  /** Where the piece begins in the joined text. */
  readonly index: number;
  /** Where it begins in the file. */
  readonly offset: number;
}

/** One line, or several that end in a backslash, joined with nothing in between. */
export class LogicalLine {
  readonly source: Source;
  readonly text: string;
  /** Number of the first physical line. */
  readonly line: number;
  readonly #pieces: readonly Piece[];

  constructor(source: Source, text: string, line: number, pieces: readonly Piece[]) {
    this.source = source;
    this.text = text;
    this.line = line;
    this.#pieces = pieces;
  }

  /** The span of the file for `length` characters of the joined text; it ends with its physical line. */
  span(index: number, length: number): Span {
    let piece = this.#pieces[0]!;
    let next = this.text.length;
    for (const candidate of this.#pieces) {
      if (candidate.index > index) {
        next = candidate.index;
        break;
      }
      piece = candidate;
    }
    const start = piece.offset + (index - piece.index);
    const last = Math.min(index + Math.max(length, 1), Math.max(next, index + 1));
    const end = Math.min(piece.offset + (last - piece.index), this.source.text.length);
    return { source: this.source, start, end };
  }

  /** The span of the first place where `words` stand from `from` on, or of the whole line. */
  spanOf(words: string, from = 0): Span {
    const index = this.text.indexOf(words, from);
    return index === -1 ? this.span(0, this.text.length) : this.span(index, words.length);
  }
}

/** Collects the pieces of a logical line. */
export class LineJoiner {
  readonly #source: Source;
  #parts: string[] = [];
  #pieces: Piece[] = [];
  #length = 0;
  #line = 0;

  constructor(source: Source) {
    this.#source = source;
  }

  get isEmpty(): boolean {
    return this.#parts.length === 0;
  }

  /** First character of the first piece; "" when there is none. */
  get first(): string {
    return this.#parts[0]?.[0] ?? "";
  }

  /** Span of the first piece. */
  get begin(): Span {
    const start = this.#pieces[0]?.offset ?? 0;
    return { source: this.#source, start, end: start + (this.#parts[0]?.length ?? 0) };
  }

  /** Adds the text of `cursor`'s line, `drop` characters at its end left out. */
  add(cursor: LineCursor, drop: number): void {
    if (this.isEmpty) this.#line = cursor.number;
    const text = drop === 0 ? cursor.content : cursor.content.slice(0, -drop);
    this.#pieces.push({ index: this.#length, offset: cursor.start });
    this.#parts.push(text);
    this.#length += text.length;
  }

  /** The joined line; the joiner is empty again. */
  take(): LogicalLine {
    const text = this.#parts.length === 1 ? this.#parts[0]! : this.#parts.join("");
    const joined = new LogicalLine(this.#source, text, this.#line, this.#pieces);
    this.#parts = [];
    this.#pieces = [];
    this.#length = 0;
    return joined;
  }
}
