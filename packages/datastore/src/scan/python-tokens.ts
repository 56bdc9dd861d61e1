/**
 * Python text as tokens: just what is needed to see calls and their literal arguments. Never throws; a string that is
 * not closed ends with its line (or the text, for triple quotes).
 *
 * @see The Python Language Reference, 2. Lexical analysis
 */

export type PythonToken =
  | { readonly kind: "name"; readonly text: string }
  /** `text`: the value, escapes resolved. `plain` is false for f-strings and bytes, which are no literal text. */
  | { readonly kind: "string"; readonly text: string; readonly plain: boolean }
  | { readonly kind: "number" }
  /** One character of punctuation. Those inside the braces of an f-string stand between `{` and `}`. */
  | { readonly kind: "mark"; readonly text: string }
  /** The end of a logical line. */
  | { readonly kind: "newline" };

const NAME = /[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{Mn}\p{Mc}\p{Nd}\p{Pc}]*/uy;
const NUMBER = /(?:\d|\.\d)[\w.]*/y;
const STRING = /(?:[rRbBfFuUtT]{0,2})("""|'''|"|')/y;
/** F-strings within f-strings; deeper ones are read as text. */
const DEEPEST = 50;
const BLANKS = /[ \t\r\f]+/y;

export function tokenisePython(text: string): PythonToken[] {
  const tokenizer = new Tokenizer(text);
  tokenizer.run(text.length);
  return tokenizer.tokens;
}

class Tokenizer {
  readonly tokens: PythonToken[] = [];
  readonly #text: string;
  #at = 0;
  /** Open brackets: inside them a newline ends nothing. */
  #open = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Tokens up to `end`, or, in a replacement field of an f-string, up to the brace or colon that ends the expression. */
  run(end: number, inField = false): void {
    const open = this.#open;
    while (this.#at < end) {
      const char = this.#text[this.#at]!;
      if (inField && this.#open === open && this.#endsField(char)) return;
      if (this.#take(BLANKS) !== undefined) continue;
      if (char === "\n") this.#newline();
      else if (char === "#") this.#comment();
      else if (char === "\\") this.#at += 2;
      else this.#token(char);
    }
  }

  #endsField(char: string): boolean {
    if (char === "}" || char === ":") return true;
    return char === "!" && this.#text[this.#at + 1] !== "=";
  }

  #newline(): void {
    this.#at += 1;
    if (this.#open === 0) this.tokens.push({ kind: "newline" });
  }

  #comment(): void {
    const end = this.#text.indexOf("\n", this.#at);
    this.#at = end === -1 ? this.#text.length : end;
  }

  #token(char: string): void {
    const opener = this.#take(STRING);
    if (opener !== undefined) {
      this.#string(opener);
      return;
    }
    const name = this.#take(NAME);
    if (name !== undefined) this.tokens.push({ kind: "name", text: name });
    else if (this.#take(NUMBER) !== undefined) this.tokens.push({ kind: "number" });
    else {
      if ("([{".includes(char)) this.#open += 1;
      else if (")]}".includes(char) && this.#open > 0) this.#open -= 1;
      this.tokens.push({ kind: "mark", text: char });
      this.#at += 1;
    }
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (!match) return undefined;
    this.#at = pattern.lastIndex;
    return match[0];
  }

  /** After the opening quotes. */
  #string(opener: string): void {
    const prefix = opener.replace(/["']+$/, "").toLowerCase();
    const quote = opener.slice(prefix.length);
    const isFormatted = prefix.includes("f") || prefix.includes("t");
    if (isFormatted) {
      // Its place first, then the tokens of its fields: neighbours see that this argument is no plain literal.
      this.tokens.push({ kind: "string", text: "", plain: false });
      this.#fields(quote);
      return;
    }
    const start = this.#at;
    const end = this.#endOfString(quote);
    const raw = this.#text.slice(start, end);
    this.#at = Math.min(end + (this.#text.startsWith(quote, end) ? quote.length : 0), this.#text.length);
    const value = prefix.includes("r") ? raw : unescapePython(raw);
    this.tokens.push({ kind: "string", text: value, plain: !prefix.includes("b") });
  }

  #endOfString(quote: string): number {
    for (let at = this.#at; at < this.#text.length; at += 1) {
      const char = this.#text[at]!;
      if (char === "\\") at += 1;
      else if (char === "\n" && quote.length === 1) return at;
      else if (char === quote[0] && this.#text.startsWith(quote, at)) return at;
    }
    return this.#text.length;
  }

  /** The text of an f-string up to its closing quotes, with the expressions in its braces as tokens. */
  #fields(quote: string): void {
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at]!;
      if (this.#text.startsWith(quote, this.#at)) {
        this.#at += quote.length;
        return;
      }
      if (char === "\n" && quote.length === 1) return;
      const isField = char === "{" && this.#text[this.#at + 1] !== "{" && this.#depth < DEEPEST;
      if (isField) this.#field(quote);
      else this.#at += char === "\\" || char === "{" ? 2 : 1;
    }
  }

  /** `{expression!r:format}`; the format may hold fields again. */
  #field(quote: string): void {
    this.tokens.push({ kind: "mark", text: "{" });
    this.#at += 1;
    this.#open += 1;
    this.#depth += 1;
    this.run(this.#text.length, true);
    if (this.#text[this.#at] === "!") this.#at += 2;
    if (this.#text[this.#at] === ":") this.#format(quote);
    if (this.#text[this.#at] === "}") this.#at += 1;
    this.#open -= 1;
    this.#depth -= 1;
    this.tokens.push({ kind: "mark", text: "}" });
  }

  #format(quote: string): void {
    this.#at += 1;
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at]!;
      if (char === "}" || this.#text.startsWith(quote, this.#at)) return;
      if (char === "\n" && quote.length === 1) return;
      if (char === "{" && this.#depth < DEEPEST) this.#field(quote);
      else this.#at += 1;
    }
  }
}

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  "\n": "",
  "\\": "\\",
  "'": "'",
  '"': '"',
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};
const ESCAPE = /\\(?:([0-7]{1,3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([\s\S]))/g;

/** The value of a string's inside. `\N{…}` stays as it is: no variable is named by it. */
function unescapePython(raw: string): string {
  if (!raw.includes("\\")) return raw;
  return raw.replace(
    ESCAPE,
    (all, octal?: string, x?: string, u?: string, long?: string, simple?: string) => {
      if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
      const hex = x ?? u ?? long;
      if (hex !== undefined) {
        const code = Number.parseInt(hex, 16);
        return code <= 0x10ffff ? String.fromCodePoint(code) : all;
      }
      return SIMPLE_ESCAPES[simple ?? ""] ?? all;
    },
  );
}
