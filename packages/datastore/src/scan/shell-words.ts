/**
 * The lexical half of the shell scanner: blanks, comments, words with their quotes and substitutions, here-documents.
 * Grammar (what is a command) lives in shell.ts, which this calls back for every `$(…)`.
 *
 * @see POSIX.1-2017, Shell Command Language, 2.2 Quoting and 2.3 Token Recognition
 */
import type { ScanProblem } from "./types.js";

export interface ShellWord {
  /** As written. */
  readonly raw: string;
  /** With quotes removed; undefined when a part is only known when the script runs. */
  readonly literal: string | undefined;
  /** The text that `eval` would see as far as it is known: quotes removed, substitutions left as written. */
  readonly unquoted: string;
}

/** What ends a word. */
const BREAK = /[\s;&|<>()]/;
/** Plain stretches of a word, skipped in one step. */
const PLAIN = /[^\s;&|<>()\\'"$`]*/y;
const QUOTED_PLAIN = /[^\\"$`]*/y;
const PARAMETER = /[A-Za-z0-9_@*#?!$-]/;
/** Deeper nesting than this is no script a person wrote. */
const DEEPEST = 100;

interface HereDocument {
  readonly end: string;
  readonly stripTabs: boolean;
  readonly quoted: boolean;
}

/** Where the scan stands in one text. */
export class ShellCursor {
  readonly text: string;
  at = 0;
  problem: ScanProblem | undefined;
  readonly #depth: number;
  #nested = 0;
  #documents: HereDocument[] = [];
  /** Scans the commands of `$(…)`, from after the parenthesis to the closing one, which it leaves. */
  readonly #onCommands: (cursor: ShellCursor) => void;
  /** Scans a separate text: what stands between backticks. */
  readonly #onText: (text: string, depth: number) => ScanProblem | undefined;

  constructor(
    text: string,
    depth: number,
    callbacks: {
      onCommands: (cursor: ShellCursor) => void;
      onText: (text: string, depth: number) => ScanProblem | undefined;
    },
  ) {
    this.text = text;
    this.#depth = depth;
    this.#onCommands = callbacks.onCommands;
    this.#onText = callbacks.onText;
  }

  peek(): string {
    return this.text[this.at] ?? "";
  }

  /** How deep the present place is nested, the texts around this one included. */
  get depth(): number {
    return this.#depth + this.#nested;
  }

  get done(): boolean {
    return this.at >= this.text.length;
  }

  startsWith(what: string): boolean {
    return this.text.startsWith(what, this.at);
  }

  /** Keeps the first problem only: later ones are mostly its echo. */
  fail(message: string, at = this.at): void {
    this.problem ??= { message, line: this.lineOf(at) };
  }

  lineOf(at: number): number {
    let line = 1;
    for (
      let next = this.text.indexOf("\n");
      next !== -1 && next < at;
      next = this.text.indexOf("\n", next + 1)
    ) {
      line += 1;
    }
    return line;
  }

  /** Runs `body` one level deeper, or gives up on the rest of the text. */
  nest(body: () => void): void {
    if (this.depth >= DEEPEST) {
      this.fail("commands are nested too deeply");
      this.at = this.text.length;
      return;
    }
    this.#nested += 1;
    body();
    this.#nested -= 1;
  }

  /** Skips blanks, joined lines and a comment; stops at a newline. */
  skipBlanks(): void {
    for (; this.at < this.text.length; this.at += 1) {
      const char = this.text[this.at]!;
      if (char === "\\" && this.text[this.at + 1] === "\n") this.at += 1;
      else if (char === "#") {
        const end = this.text.indexOf("\n", this.at);
        this.at = end === -1 ? this.text.length : end;
        return;
      } else if (char !== " " && char !== "\t" && char !== "\r") return;
    }
  }

  /** Steps over a newline and the here-documents that begin after it. */
  newline(): void {
    this.at += 1;
    const documents = this.#documents;
    this.#documents = [];
    for (const document of documents) this.#hereDocument(document);
  }

  /** `<<` or `<<-` with this delimiter was read: its text follows the next newline. */
  expectDocument(delimiter: ShellWord, stripTabs: boolean): void {
    const quoted = /['"\\]/.test(delimiter.raw);
    this.#documents.push({ end: quoted ? delimiter.unquoted : delimiter.raw, stripTabs, quoted });
  }

  /** The word here, or undefined when an operator, a newline or the end stands here. */
  word(): ShellWord | undefined {
    const start = this.at;
    let unquoted = "";
    let isLiteral = true;
    while (!this.done) {
      unquoted += this.#run(PLAIN);
      const char = this.peek();
      if (char === "" || BREAK.test(char)) {
        if (!this.#isProcessSubstitution(start)) break;
        isLiteral = false;
        this.at += 2;
        this.#commandsUntilParenthesis(this.at - 2);
      } else if (char === "\\") {
        if (this.text[this.at + 1] !== "\n") unquoted += this.text[this.at + 1] ?? "";
        this.at += 2;
      } else if (char === "'") {
        unquoted += this.#singleQuoted();
      } else {
        const from = this.at;
        const known = char === '"' ? this.#doubleQuoted() : this.#substitution(false);
        if (known === undefined) isLiteral = false;
        unquoted += known ?? trimQuotes(this.text.slice(from, this.at));
      }
    }
    this.at = Math.min(this.at, this.text.length);
    if (this.at === start) return undefined;
    return { raw: this.text.slice(start, this.at), literal: isLiteral ? unquoted : undefined, unquoted };
  }

  /** Passes over characters that stand for themselves. @param plain sticky, and matches also nothing */
  #run(plain: RegExp): string {
    const start = this.at;
    plain.lastIndex = start;
    plain.test(this.text);
    this.at = plain.lastIndex;
    return this.text.slice(start, this.at);
  }

  /** `<(…)` and `>(…)` of bash: accepted, since a body may be run by it. */
  #isProcessSubstitution(start: number): boolean {
    return this.at === start && (this.startsWith("<(") || this.startsWith(">("));
  }

  #singleQuoted(): string {
    const start = this.at + 1;
    const end = this.text.indexOf("'", start);
    if (end === -1) {
      this.fail("a single quote is not closed");
      this.at = this.text.length;
    } else this.at = end + 1;
    return this.text.slice(start, end === -1 ? undefined : end);
  }

  /** The text in double quotes, or undefined when it has substitutions. */
  #doubleQuoted(): string | undefined {
    const start = this.at;
    this.at += 1;
    let text = "";
    let isLiteral = true;
    while (!this.done) {
      text += this.#run(QUOTED_PLAIN);
      const char = this.peek();
      if (char === '"') {
        this.at += 1;
        return isLiteral ? text : undefined;
      }
      if (char === "\\") {
        const next = this.text[this.at + 1] ?? "";
        if (next !== "\n") text += /[$`"\\]/.test(next) ? next : `\\${next}`;
        this.at += 2;
      } else if (char !== "") {
        const known = this.#substitution(true);
        if (known === undefined) isLiteral = false;
        else text += known;
      }
    }
    this.fail("a double quote is not closed", start);
    this.at = this.text.length;
    return undefined;
  }

  /** At `$` or a backtick. The text when it stands for itself, undefined when it is a substitution. */
  #substitution(inQuotes: boolean): string | undefined {
    const start = this.at;
    if (this.peek() === "`") {
      this.#backticks(inQuotes);
      return undefined;
    }
    if (this.startsWith("$((") && this.#arithmeticEnd() !== -1) this.#arithmetic();
    else if (this.startsWith("$(")) {
      this.at += 2;
      this.#commandsUntilParenthesis(start);
    } else if (this.startsWith("${")) {
      this.at += 2;
      this.nest(() => this.#parameter(start, inQuotes));
    } else {
      this.at += 1;
      if (!PARAMETER.test(this.peek())) return "$";
      this.at += 1;
    }
    return undefined;
  }

  #commandsUntilParenthesis(start: number): void {
    // A here-document begun outside starts after the outer line, not in here.
    const outer = this.#documents;
    this.#documents = [];
    this.nest(() => this.#onCommands(this));
    this.#documents = [...outer, ...this.#documents];
    if (this.peek() === ")") this.at += 1;
    else this.fail("`$(` is not closed", start);
  }

  /** In `${…`, up to and over the closing brace. */
  #parameter(start: number, inQuotes: boolean): void {
    while (!this.done) {
      const char = this.peek();
      if (char === "}") {
        this.at += 1;
        return;
      }
      if (char === "\\") this.at += 2;
      else if (char === "'" && !inQuotes) this.#singleQuoted();
      else if (char === '"') this.#doubleQuoted();
      else if (char === "$" || char === "`") this.#substitution(inQuotes);
      else this.at += 1;
    }
    this.fail("`${` is not closed", start);
  }

  /** Where the `))` of `$((` ends, or -1 when the text is a subshell in a command substitution. */
  #arithmeticEnd(): number {
    let depth = 0;
    for (let at = this.at + 1; at < this.text.length; at += 1) {
      const char = this.text[at];
      if (char === "\\") at += 1;
      else if (char === "(") depth += 1;
      else if (char === ")") {
        depth -= 1;
        if (depth === 1) return this.text[at + 1] === ")" ? at + 2 : -1;
      }
    }
    return -1;
  }

  #arithmetic(): void {
    const end = this.#arithmeticEnd();
    this.at += 3;
    this.nest(() => {
      while (this.at < end - 2) {
        if (this.peek() === "$" || this.peek() === "`") this.#substitution(true);
        else this.at += 1;
      }
    });
    this.at = Math.max(this.at, end);
  }

  #backticks(inQuotes: boolean): void {
    const start = this.at;
    let inner = "";
    for (this.at += 1; this.at < this.text.length; this.at += 1) {
      const char = this.text[this.at]!;
      if (char === "`") {
        this.at += 1;
        const problem = this.#onText(inner, this.depth + 1);
        if (problem) this.problem ??= { ...problem, line: problem.line + this.lineOf(start) - 1 };
        return;
      }
      const next = this.text[this.at + 1] ?? "";
      if (char === "\\" && (/[$`\\]/.test(next) || (inQuotes && next === '"'))) {
        inner += next;
        this.at += 1;
      } else inner += char;
    }
    this.fail("a backtick is not closed", start);
  }

  #hereDocument({ end, stripTabs, quoted }: HereDocument): void {
    while (!this.done) {
      const newline = this.text.indexOf("\n", this.at);
      const stop = newline === -1 ? this.text.length : newline;
      const line = this.text.slice(this.at, stop);
      if ((stripTabs ? line.replace(/^\t+/, "") : line) === end) {
        // The newline after the delimiter is left: it ends no command, but may begin nothing either.
        this.at = Math.min(stop + 1, this.text.length);
        return;
      }
      if (!quoted) this.#documentLine(stop);
      this.at = Math.max(this.at, Math.min(stop + 1, this.text.length));
    }
  }

  /** Commands in a here-document run too; one may go on over the end of the line. */
  #documentLine(stop: number): void {
    while (this.at < stop) {
      if (this.peek() === "\\") this.at += 2;
      else if (this.peek() === "$" || this.peek() === "`") this.#substitution(true);
      else this.at += 1;
    }
  }
}

/** What stood in double quotes, for `eval`: without them. */
function trimQuotes(raw: string): string {
  return raw.startsWith('"') ? raw.slice(1, raw.endsWith('"') && raw.length > 1 ? -1 : undefined) : raw;
}
