/**
 * A shell script as the simple commands that it may run, far enough to see on which paths it sets modes. Control flow is
 * not followed: every branch counts. Words keep what they are made of; {@link Part} says what is known of each piece.
 */

/** Text, a variable, or something that only running the script would tell. */
export type Part =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "variable"; readonly name: string; readonly isQuoted: boolean }
  | { readonly kind: "unknown" }
  /** A temporary file: no path that a package ships. */
  | { readonly kind: "temporary" };

export type Word = readonly Part[];

export interface ShellCommand {
  readonly words: readonly Word[];
  /** As written, for messages. */
  readonly text: string;
  /** The output of the command before goes into it. */
  readonly isPiped: boolean;
}

/** What ends a simple command. */
const SEPARATORS = /^(?:\|\||&&|;;|[\n;|&()])/;

/** Every simple command of the script, in its order, with the words of control flow as commands or first words of them. */
export function shellCommands(script: string): ShellCommand[] {
  const reader = new Reader(script.replace(/\\\n/g, "  "));
  return reader.commands();
}

class Reader {
  readonly #text: string;
  #at = 0;
  /** Ends of here-documents that begin at the next line. */
  readonly #documents: string[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  commands(): ShellCommand[] {
    const found: ShellCommand[] = [];
    let words: Word[] = [];
    let from = 0;
    let isPiped = false;
    while (this.#at < this.#text.length) {
      const rest = this.#text.slice(this.#at, this.#at + 2);
      const separator = SEPARATORS.exec(rest)?.[0];
      const isComment = rest.startsWith("#");
      if (/^[ \t\r]/.test(rest)) this.#at += 1;
      else if (isComment) this.#at = this.#lineEnd();
      else if (rest.startsWith("<<")) this.#hereDocument();
      else if (/^[<>]/.test(rest) || rest.startsWith("&>")) this.#redirection();
      else if (separator !== undefined) {
        if (words.length > 0)
          found.push({ words, text: this.#text.slice(from, this.#at).replace(/\s+/g, " ").trim(), isPiped });
        words = [];
        this.#at += separator.length;
        isPiped = separator === "|" || (isPiped && separator === "\n" && found.length === 0);
        if (separator === "\n") this.#skipDocuments();
        if (separator === "|") while (/\s/.test(this.#text[this.#at] ?? "")) this.#at += 1;
      } else {
        if (words.length === 0) from = this.#at;
        words.push(this.#word());
      }
    }
    if (words.length > 0) found.push({ words, text: this.#text.slice(from).trim(), isPiped });
    return found;
  }

  #lineEnd(): number {
    const end = this.#text.indexOf("\n", this.#at);
    return end < 0 ? this.#text.length : end;
  }

  #hereDocument(): void {
    const match = /^<<-?\s*\\?(["']?)([\w.!+-]+)\1/.exec(this.#text.slice(this.#at, this.#at + 200));
    this.#at += match?.[0].length ?? 2;
    if (match?.[2] !== undefined) this.#documents.push(match[2]);
  }

  #skipDocuments(): void {
    for (let name = this.#documents.shift(); name !== undefined; name = this.#documents.shift()) {
      while (this.#at < this.#text.length) {
        const line = this.#text.slice(this.#at, this.#lineEnd());
        this.#at = Math.min(this.#lineEnd() + 1, this.#text.length);
        if (line.replace(/^\t+/, "") === name) break;
      }
    }
  }

  /** `>file`, `2>&1`: no word of the command. */
  #redirection(): void {
    this.#at += 1;
    while (/[<>&|]/.test(this.#text[this.#at] ?? "")) this.#at += 1;
    while (/[ \t]/.test(this.#text[this.#at] ?? "")) this.#at += 1;
    if (!/[\n;|&()]/.test(this.#text[this.#at] ?? "\n")) this.#word();
  }

  #word(): Word {
    const parts: Part[] = [];
    const start = this.#at;
    while (this.#at < this.#text.length) {
      const one = this.#text[this.#at] ?? "";
      if (/[\s;|&()<>]/.test(one)) break;
      if (one === "'") parts.push(this.#single());
      else if (one === '"') this.#double(parts);
      else if (one === "\\") {
        parts.push({ kind: "text", text: this.#text[this.#at + 1] ?? "" });
        this.#at += 2;
      } else if (one === "$") parts.push(this.#dollar(false));
      else if (one === "`") parts.push(this.#backquoted());
      else parts.push({ kind: "text", text: this.#plain() });
    }
    // A number before a redirection is a descriptor.
    if (/^\d+$/.test(this.#text.slice(start, this.#at)) && /[<>]/.test(this.#text[this.#at] ?? "")) return [];
    return parts;
  }

  /** Characters with no meaning. */
  #plain(): string {
    const plain = /[^\s;|&()<>'"\\$`]+/y;
    plain.lastIndex = this.#at;
    const text = plain.exec(this.#text)?.[0] ?? this.#text.charAt(this.#at);
    this.#at += text.length;
    return text;
  }

  #single(): Part {
    const end = this.#text.indexOf("'", this.#at + 1);
    const text = this.#text.slice(this.#at + 1, end < 0 ? undefined : end);
    this.#at = end < 0 ? this.#text.length : end + 1;
    return { kind: "text", text };
  }

  #double(parts: Part[]): void {
    this.#at += 1;
    while (this.#at < this.#text.length) {
      const one = this.#text[this.#at] ?? "";
      if (one === '"') break;
      if (one === "$") parts.push(this.#dollar(true));
      else if (one === "`") parts.push(this.#backquoted());
      else {
        const isEscape = one === "\\" && /["\\$`]/.test(this.#text[this.#at + 1] ?? "");
        parts.push({ kind: "text", text: isEscape ? (this.#text[this.#at + 1] ?? "") : one });
        this.#at += isEscape ? 2 : 1;
      }
    }
    this.#at += 1;
    // "" is a word, too.
    if (parts.length === 0) parts.push({ kind: "text", text: "" });
  }

  #dollar(isQuoted: boolean): Part {
    const rest = this.#text.slice(this.#at, this.#at + 100);
    const plain = /^\$(?:(\w+)|\{(\w+)(?:[:-]*-)?\})/.exec(rest);
    if (plain) {
      this.#at += plain[0].length;
      const [, long = "", braced = ""] = plain;
      // $12 is $1 and a 2.
      const name = /^\d\d/.test(long) ? long.slice(0, 1) : long || braced;
      if (name !== (long || braced)) this.#at -= long.length - 1;
      return { kind: "variable", name, isQuoted };
    }
    if (rest.startsWith("$(")) return this.#substitution(2, ")");
    if (rest.startsWith("${")) return this.#substitution(2, "}");
    this.#at += rest.length > 1 ? 2 : 1;
    return { kind: "unknown" };
  }

  /** `$(…)` or `${…}` with what is nested in it. */
  #substitution(skip: number, close: string): Part {
    const open = close === ")" ? "(" : "{";
    const from = (this.#at += skip);
    for (let depth = 1; this.#at < this.#text.length && depth > 0; this.#at += 1) {
      const one = this.#text[this.#at];
      if (one === "\\") this.#at += 1;
      else if (one === open) depth += 1;
      else if (one === close) depth -= 1;
    }
    return substituted(this.#text.slice(from, this.#at));
  }

  #backquoted(): Part {
    const end = this.#text.indexOf("`", this.#at + 1);
    const text = this.#text.slice(this.#at + 1, end < 0 ? undefined : end);
    this.#at = end < 0 ? this.#text.length : end + 1;
    return substituted(text);
  }
}

function substituted(text: string): Part {
  return { kind: /^\s*(?:mktemp|tempfile)\b/.test(text) ? "temporary" : "unknown" };
}

/** The text of a word that is nothing but text. */
export function literal(word: Word | undefined): string | undefined {
  if (word === undefined || word.some(({ kind }) => kind !== "text")) return undefined;
  return textBefore(word);
}

/** The text with which a word begins. */
export function textBefore(word: Word): string {
  let text = "";
  for (const part of word) {
    if (part.kind !== "text") break;
    text += part.text;
  }
  return text;
}

/** The word without its first characters, which are text. */
export function dropText(word: Word, count: number): Word {
  const left: Word[number][] = [];
  let skip = count;
  for (const part of word) {
    if (part.kind !== "text" || skip === 0) left.push(part);
    else {
      if (part.text.length > skip) left.push({ kind: "text", text: part.text.slice(skip) });
      skip = Math.max(0, skip - part.text.length);
    }
  }
  return left;
}
