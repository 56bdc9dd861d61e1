/** One logical line to one statement, and the explanation when it is none. */
import type { Diagnostic } from "@tsbake/base";
import { explainAssignment, matchAssignment } from "./assignment.js";
import { commonDirective, isRecipeOnly, recipeDirective, splitDirective, type Outcome } from "./directive.js";
import type { LogicalLine } from "./lines.js";
import { indentedStatement, notInConf, unparsedLine } from "./problems.js";
import type { FileKind, Statement } from "./statement.js";

/** What a parse collects. */
export interface Sink {
  readonly statements: Statement[];
  readonly diagnostics: Diagnostic[];
}

/** Takes logical lines that are no comments, no functions and not empty. */
export class StatementMatcher {
  readonly #kind: FileKind;
  readonly #sink: Sink;
  /** Quote of a value that was not closed: the lines up to its end are not statements and not worth a word. */
  #open: string | undefined;
  /** Whether the lines of something that was meant to be a function are passed over. */
  #isInBlock = false;

  constructor(kind: FileKind, sink: Sink) {
    this.#kind = kind;
    this.#sink = sink;
  }

  /** A line that is empty, a comment or a function ends the search for a missing quote. */
  settle(): void {
    this.#open = undefined;
  }

  #isPassedOver(line: LogicalLine): boolean {
    const isIndented = /^\s/.test(line.text);
    if (this.#isInBlock) return isIndented || line.text === "{" || line.text === "}";
    return this.#open !== undefined && (isIndented || explainAssignment(line) === undefined);
  }

  take(line: LogicalLine): void {
    const found = this.#match(line);
    if (found === undefined && this.#isPassedOver(line)) {
      if (this.#open !== undefined && line.text.endsWith(this.#open)) this.settle();
      return;
    }
    this.settle();
    this.#isInBlock = false;
    if (found === "reported") return;
    if (found !== undefined && "kind" in found) {
      this.#sink.statements.push(found);
      return;
    }
    const problem = found ?? this.#explain(line);
    if (problem.code === "language/unclosed-quote") this.#open = /["']/.exec(line.text)?.[0];
    this.#isInBlock = found === undefined && BLOCK.test(line.text);
    this.#sink.diagnostics.push(problem);
  }

  #match(line: LogicalLine): Outcome | "reported" {
    const directive = splitDirective(line);
    if (directive && this.#kind === "recipe") {
      const found = recipeDirective(directive);
      if (found !== undefined) return found;
    }
    const assignment = matchAssignment(line, (problem) => this.#sink.diagnostics.push(problem));
    if (assignment !== undefined) return assignment === "wrong" ? "reported" : assignment;
    return directive && commonDirective(directive, this.#kind === "conf");
  }

  /** The likeliest reason why a line is nothing. */
  #explain(line: LogicalLine): Diagnostic {
    const { text } = line;
    const whole = line.span(0, text.length);
    // Blanks alone, when they come of joined lines.
    if (text.trim() === "") return indentedStatement(whole);
    if (/^\s/.test(text)) return indentedStatement(line.span(text.search(/\S/), text.trimStart().length));
    const word = /^[A-Za-z_]+(?=\s|$)/.exec(text)?.[0] ?? "";
    if (this.#kind === "conf") {
      if (isRecipeOnly(word)) return notInConf(line.span(0, word.length), `\`${word}\``);
      if (FUNCTION_LIKE.test(text)) return notInConf(whole, "a function");
    } else if (word === "addpylib") {
      return unparsedLine(whole, "`addpylib` belongs in conf/layer.conf");
    }
    const usage = USAGE.get(word);
    if (usage !== undefined) return unparsedLine(whole, `write \`${usage}\``);
    if (/^\w[^=]*\(\s*\)\s*$/.test(text))
      return unparsedLine(whole, "the `{` of a function stands at the end of this line");
    if (/^\s*\}$/.test(text)) return unparsedLine(whole, "no function is open here; remove the brace");
    if (/^def\s/.test(text))
      return unparsedLine(whole, "a `def` needs its whole head, `def name(…):`, on one line");
    return explainAssignment(line) ?? unparsedLine(whole);
  }
}

const FUNCTION_LIKE = /\(\s*\)\s*\{$|^def\s+\w+.*:/;
/** The head of something that goes on over indented lines. */
const BLOCK = /\(\s*\)\s*\{?$|^def\s/;
const USAGE: ReadonlyMap<string, string> = new Map([
  ["EXPORT_FUNCTIONS", "EXPORT_FUNCTIONS FUNCTION…"],
  ["addfragments", "addfragments PATH_PREFIX FRAGMENTS_VARIABLE FLAGGED_VARIABLES_VARIABLE BUILTIN_VARIABLE"],
  ["addhandler", "addhandler FUNCTION…"],
  ["addpylib", "addpylib FOLDER NAMESPACE"],
  ["addtask", "addtask NAME… [after TASK…] [before TASK…]"],
  ["deltask", "deltask TASK…"],
  ["export", "export NAME"],
  ["include", "include FILE…"],
  ["include_all", "include_all FILE…"],
  ["inherit", "inherit CLASS…"],
  ["inherit_defer", "inherit_defer CLASS…"],
  ["require", "require FILE…"],
  ["unset", "unset NAME"],
]);
