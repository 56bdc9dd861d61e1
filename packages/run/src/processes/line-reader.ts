/** Text that comes in pieces, cut into lines or records. The cost is linear, and what is kept is limited, whatever comes. */

/** A longer line is told as several, and of a longer record only so much. */
const LONGEST_PIECE = 64 * 1024;

export interface ReaderOptions {
  /** What ends a piece; global. */
  readonly ends: RegExp;
  /** `split`: what is too long comes as several; `cut`: its rest is left out. */
  readonly long: "split" | "cut";
}

/** A carriage return ends a line too: that is how programs draw progress. */
export const LINES: ReaderOptions = { ends: /\r\n|\n|\r/g, long: "split" };
/** Of descriptor 3. */
export const RECORDS: ReaderOptions = { ends: /\0/g, long: "cut" };

export class PieceReader {
  readonly #options: ReaderOptions;
  readonly #onPiece: (piece: string) => void;
  #parts: string[] = [];
  #length = 0;
  #isCut = false;
  #endsWithReturn = false;

  constructor(options: ReaderOptions, onPiece: (piece: string) => void) {
    this.#options = options;
    this.#onPiece = onPiece;
  }

  take(text: string): void {
    // The two characters of one line end, in two pieces.
    let from = this.#endsWithReturn && text.startsWith("\n") ? 1 : 0;
    if (text !== "") this.#endsWithReturn = this.#options === LINES && text.endsWith("\r");
    const rest = text.slice(from);
    from = 0;
    for (const { 0: end, index } of rest.matchAll(this.#options.ends)) {
      this.#add(rest.slice(from, index));
      this.#tell();
      from = index + end.length;
    }
    this.#add(rest.slice(from));
  }

  /** What came after the last end. */
  end(): void {
    if (this.#length > 0) this.#tell();
  }

  #add(text: string): void {
    let rest = text;
    while (this.#length + rest.length > LONGEST_PIECE) {
      const room = LONGEST_PIECE - this.#length;
      // Never between the halves of a character beyond the first plane.
      const half = room > 0 && /[\uD800-\uDBFF]/.test(rest.charAt(room - 1)) ? 1 : 0;
      this.#push(rest.slice(0, room - half));
      if (this.#options.long === "cut") {
        this.#isCut = true;
        return;
      }
      this.#tell();
      rest = rest.slice(room - half);
    }
    if (!this.#isCut) this.#push(rest);
  }

  #push(text: string): void {
    if (text === "") return;
    this.#parts.push(text);
    this.#length += text.length;
  }

  #tell(): void {
    const piece = this.#parts.join("") + (this.#isCut ? "…" : "");
    this.#parts = [];
    this.#length = 0;
    this.#isCut = false;
    this.#onPiece(piece);
  }
}
