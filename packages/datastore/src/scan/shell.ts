/**
 * Which commands a piece of POSIX shell runs: a walker over the grammar that never throws. What it does not understand
 * it names as a problem and steps over. Some of bash ([[ ]], arrays, `function`, <( )) is understood as well.
 *
 * @see BitBake 2.19 lib/bb/codeparser.py, ShellParser, for what counts as a command
 * @see POSIX.1-2017, Shell Command Language, 2.10 Shell Grammar
 */
import { memoise } from "./memo.js";
import { ShellCursor, type ShellWord } from "./shell-words.js";
import type { ScanProblem, ShellScan } from "./types.js";

/** Words that mean something where a command may begin. */
const RESERVED = new Set("if then elif else fi while until for select do done case esac { }".split(" "));
const REDIRECTION = /(?:&>>?|<<<|<<-?|<>|<&|>>|>&|>\||<|>)/y;
const SEPARATOR = /(?:&&|\|\||\|&?|;|&)/y;
const NONE: ReadonlySet<string> = new Set();

/** @see ShellScan. Memoised: the same text costs once. */
export const scanShell: (text: string) => ShellScan = memoise((text) => {
  const walker = new ShellWalker();
  const problem = walker.scan(text, 0);
  const commands = new Set([...walker.commands].filter((name) => !walker.functions.has(name)));
  return problem ? { commands, problem } : { commands };
});

/** What stands before the place that is looked at, in the same list. */
type LastRead = "nothing" | "command" | "separator";

class ShellWalker {
  readonly commands = new Set<string>();
  readonly functions = new Set<string>();

  /** Scans one text to its end; texts inside it (backticks, eval) come back here. */
  scan(text: string, depth: number): ScanProblem | undefined {
    const cursor = new ShellCursor(text, depth, {
      onCommands: (inner) => void this.#list(inner, NONE),
      onText: (inner, deeper) => this.scan(inner, deeper),
    });
    while (!cursor.done) {
      this.#list(cursor, NONE);
      if (cursor.done) break;
      cursor.fail(`\`${cursor.peek()}\` closes nothing`);
      cursor.at += cursor.startsWith(";;") ? 2 : 1;
    }
    return cursor.problem;
  }

  /**
   * Commands and what stands between them, up to one of the `closers`, a `)` or a `;;`, which stay unread: except for
   * a closer that is a word.
   *
   * @returns the closing word, or undefined at `)`, `;;` or the end
   */
  #list(cursor: ShellCursor, closers: ReadonlySet<string>): string | undefined {
    let last: LastRead = "nothing";
    for (;;) {
      cursor.skipBlanks();
      if (cursor.done || cursor.peek() === ")" || cursor.startsWith(";;") || cursor.startsWith(";&"))
        return undefined;
      if (cursor.peek() === "\n") {
        cursor.newline();
        if (last === "command") last = "separator";
      } else {
        const joint = this.#separator(cursor, last);
        if (joint) last = joint;
        else {
          const start = cursor.at;
          const closer = this.#command(cursor, closers);
          if (closer !== undefined) {
            if (last === "nothing" && closer !== "esac")
              cursor.fail(`no command before \`${closer}\``, start);
            return closer;
          }
          if (last === "command") cursor.fail("no `;` between two commands", start);
          last = "command";
        }
      }
    }
  }

  /** @returns what the rest may look like, or undefined where no separator stands */
  #separator(cursor: ShellCursor, last: LastRead): "separator" | undefined {
    SEPARATOR.lastIndex = cursor.at;
    if (!SEPARATOR.test(cursor.text) || cursor.startsWith("&>")) return undefined;
    const what = cursor.text.slice(cursor.at, SEPARATOR.lastIndex);
    if (last !== "command") cursor.fail(`no command before \`${what}\``);
    cursor.at = SEPARATOR.lastIndex;
    if (what === ";" || what === "&") return "separator";
    // After `&&`, `||` and `|` a command must come, on this line or another.
    this.#skipLines(cursor);
    if (cursor.done || /[;&|)]/.test(cursor.peek())) cursor.fail(`no command after \`${what}\``);
    return "separator";
  }

  #skipLines(cursor: ShellCursor): void {
    for (cursor.skipBlanks(); cursor.peek() === "\n"; cursor.skipBlanks()) cursor.newline();
  }

  /** One command, simple or compound. @returns the word when it is one of `closers` */
  #command(cursor: ShellCursor, closers: ReadonlySet<string>): string | undefined {
    const start = cursor.at;
    if (cursor.peek() === "(") {
      cursor.nest(() => this.#subshell(cursor));
      return undefined;
    }
    const word = cursor.word();
    if (!word || isDescriptor(word, cursor)) {
      if (word) cursor.at = start;
      this.#simple(cursor, undefined);
      if (cursor.at === start) cursor.at += 1;
      return undefined;
    }
    if (closers.has(word.raw)) return word.raw;
    if (word.raw === "!") {
      cursor.skipBlanks();
      return cursor.done || cursor.peek() === "\n" ? undefined : this.#command(cursor, NONE);
    }
    if (RESERVED.has(word.raw)) cursor.nest(() => this.#compound(cursor, word.raw, start));
    else if (word.raw === "[[") this.#conditional(cursor, start);
    else if (word.raw === "function") this.#bashFunction(cursor);
    else if (!this.#functionDefinition(cursor, word)) this.#simple(cursor, word);
    return undefined;
  }

  #subshell(cursor: ShellCursor): void {
    const start = cursor.at;
    cursor.at += 1;
    cursor.skipBlanks();
    if (cursor.peek() === ")") cursor.fail("no command in `( )`");
    this.#list(cursor, NONE);
    if (cursor.peek() === ")") cursor.at += 1;
    else cursor.fail("`(` is not closed", start);
    this.#redirections(cursor);
  }

  #compound(cursor: ShellCursor, word: string, start: number): void {
    switch (word) {
      case "{":
        this.#closed(cursor, ["}"], "{", start);
        break;
      case "if":
        this.#if(cursor, start);
        break;
      case "while":
      case "until":
        this.#closed(cursor, ["do"], word, start);
        this.#closed(cursor, ["done"], "do", start);
        break;
      case "for":
      case "select":
        this.#for(cursor, word, start);
        break;
      case "case":
        this.#case(cursor, start);
        break;
      default:
        cursor.fail(`\`${word}\` closes nothing`, start);
        return;
    }
    this.#redirections(cursor);
  }

  /** A list that must end in one of `closers`; anything else that ends it is named and, if it can be, stepped over. */
  #closed(
    cursor: ShellCursor,
    closers: readonly string[],
    opener: string,
    start: number,
  ): string | undefined {
    const closer = this.#list(cursor, new Set(closers));
    if (closer === undefined) cursor.fail(`\`${opener}\` has no \`${closers.at(-1)}\``, start);
    return closer;
  }

  #if(cursor: ShellCursor, start: number): void {
    let closer: string | undefined = "elif";
    while (closer === "elif") {
      if (this.#closed(cursor, ["then"], "if", start) === undefined) return;
      closer = this.#closed(cursor, ["elif", "else", "fi"], "then", start);
    }
    if (closer === "else") this.#closed(cursor, ["fi"], "else", start);
  }

  #for(cursor: ShellCursor, word: string, start: number): void {
    cursor.skipBlanks();
    if (cursor.startsWith("((")) {
      // bash's counting loop: an expression, no commands.
      const end = cursor.text.indexOf("))", cursor.at);
      cursor.at = end === -1 ? cursor.text.length : end + 2;
    } else if (!cursor.word()) cursor.fail(`no name after \`${word}\``);
    this.#skipLines(cursor);
    const before = cursor.at;
    if (cursor.word()?.raw === "in") {
      for (cursor.skipBlanks(); cursor.word(); cursor.skipBlanks());
    } else cursor.at = before;
    cursor.skipBlanks();
    if (cursor.peek() === ";") cursor.at += 1;
    this.#skipLines(cursor);
    const first = cursor.at;
    const opener = cursor.word()?.raw;
    // bash takes `{ }` in place of `do done`.
    if (opener === "{") {
      this.#closed(cursor, ["}"], "{", start);
      return;
    }
    if (opener !== "do") {
      cursor.at = first;
      cursor.fail(`\`${word}\` has no \`do\``, opener === undefined ? start : first);
      this.#closed(cursor, ["do"], word, start);
    }
    this.#closed(cursor, ["done"], "do", start);
  }

  #case(cursor: ShellCursor, start: number): void {
    cursor.skipBlanks();
    if (!cursor.word()) cursor.fail("no word after `case`");
    this.#skipLines(cursor);
    if (cursor.word()?.raw !== "in") cursor.fail("no `in` after `case`");
    for (;;) {
      this.#skipLines(cursor);
      if (cursor.peek() === "(") cursor.at += 1;
      cursor.skipBlanks();
      const pattern = cursor.word();
      if (pattern?.raw === "esac") return;
      if (!pattern || !this.#patterns(cursor)) {
        cursor.fail("`case` has no `esac`", cursor.done ? start : cursor.at);
        return;
      }
      if (this.#list(cursor, new Set(["esac"])) === "esac") return;
      if (cursor.startsWith(";;&")) cursor.at += 3;
      else if (cursor.startsWith(";;") || cursor.startsWith(";&")) cursor.at += 2;
    }
  }

  /** The rest of `a | b)`. */
  #patterns(cursor: ShellCursor): boolean {
    for (;;) {
      cursor.skipBlanks();
      const char = cursor.peek();
      if (char !== "|" && char !== ")") return false;
      cursor.at += 1;
      if (char === ")") return true;
      cursor.skipBlanks();
      if (!cursor.word()) return false;
    }
  }

  /** bash's `[[ … ]]`, where && and || join conditions, not commands. */
  #conditional(cursor: ShellCursor, start: number): void {
    while (!cursor.done) {
      this.#skipLines(cursor);
      const word = cursor.word();
      if (word?.raw === "]]") return;
      if (!word) cursor.at += 1;
    }
    cursor.fail("`[[` is not closed", start);
  }

  #bashFunction(cursor: ShellCursor): void {
    cursor.skipBlanks();
    const name = cursor.word();
    if (!name) {
      cursor.fail("no name after `function`");
      return;
    }
    this.functions.add(name.raw);
    cursor.skipBlanks();
    if (/^\(\s*\)/.test(cursor.text.slice(cursor.at, cursor.at + 16)))
      cursor.at = cursor.text.indexOf(")", cursor.at) + 1;
    this.#functionBody(cursor);
  }

  /** `name ( ) body`. @returns false, and nothing read, when this is no definition */
  #functionDefinition(cursor: ShellCursor, name: ShellWord): boolean {
    const before = cursor.at;
    cursor.skipBlanks();
    if (cursor.peek() === "(" && !name.raw.includes("=")) {
      cursor.at += 1;
      cursor.skipBlanks();
      if (cursor.peek() === ")") {
        cursor.at += 1;
        this.functions.add(name.raw);
        this.#functionBody(cursor);
        return true;
      }
    }
    cursor.at = before;
    return false;
  }

  #functionBody(cursor: ShellCursor): void {
    this.#skipLines(cursor);
    if (cursor.done) cursor.fail("a function has no body");
    else cursor.nest(() => void this.#command(cursor, NONE));
  }

  #simple(cursor: ShellCursor, first: ShellWord | undefined): void {
    const words: ShellWord[] = first ? [first] : [];
    for (;;) {
      if (cursor.peek() === "(" && words.at(-1)?.raw.endsWith("=")) this.#array(cursor);
      cursor.skipBlanks();
      if (this.#redirection(cursor)) continue;
      const word = cursor.word();
      if (!word) break;
      if (!isDescriptor(word, cursor)) words.push(word);
    }
    if (cursor.peek() === "(") {
      cursor.fail("`(` where no command begins");
      cursor.nest(() => this.#subshell(cursor));
    }
    this.#record(words, cursor);
  }

  /** bash's `name=( … )`. */
  #array(cursor: ShellCursor): void {
    cursor.at += 1;
    for (this.#skipLines(cursor); cursor.word(); this.#skipLines(cursor));
    if (cursor.peek() === ")") cursor.at += 1;
    else cursor.fail("`=(` is not closed");
  }

  #redirections(cursor: ShellCursor): void {
    for (;;) {
      cursor.skipBlanks();
      const before = cursor.at;
      const word = /\d/.test(cursor.peek()) ? cursor.word() : undefined;
      if (word && !isDescriptor(word, cursor)) cursor.at = before;
      if (!this.#redirection(cursor)) return;
    }
  }

  #redirection(cursor: ShellCursor): boolean {
    REDIRECTION.lastIndex = cursor.at;
    if (!REDIRECTION.test(cursor.text)) return false;
    const operator = cursor.text.slice(cursor.at, REDIRECTION.lastIndex);
    if ((operator === "<" || operator === ">") && cursor.text[REDIRECTION.lastIndex] === "(") return false;
    cursor.at = REDIRECTION.lastIndex;
    cursor.skipBlanks();
    const word = cursor.word();
    if (!word) cursor.fail(`no word after \`${operator}\``);
    else if (operator === "<<" || operator === "<<-") cursor.expectDocument(word, operator === "<<-");
    return true;
  }

  #record(words: readonly ShellWord[], cursor: ShellCursor): void {
    const index = words.findIndex((word) => !word.raw.includes("="));
    const command = words[index]?.literal;
    if (command === undefined || command === "") return;
    if (command !== "eval") {
      this.commands.add(command);
      return;
    }
    const rest = words.slice(index).findIndex(({ literal }) => literal !== "eval");
    if (rest === -1) return;
    const text = words.slice(index + rest).map(({ unquoted }) => unquoted);
    // What eval will see is only partly known here, so that text which does not parse is no problem of the author's.
    cursor.nest(() => void this.scan(text.join(" "), cursor.depth));
  }
}

/** Whether the word is the number before a redirection: `2` of `2>&1`. */
function isDescriptor(word: ShellWord, cursor: ShellCursor): boolean {
  return (cursor.peek() === "<" || cursor.peek() === ">") && /^\d+$/.test(word.raw);
}
