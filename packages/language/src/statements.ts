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

  constructor(kind: FileKind, sink: Sink) {
    this.#kind = kind;
    this.#sink = sink;
  }

  /** A line that is empty, a comment or a function ends the search for a missing quote. */
  settle(): void {
    this.#open = undefined;
  }

  take(line: LogicalLine): void {
    const found = this.#match(line);
    if (found === "reported") return this.settle();
    if (found !== undefined && "kind" in found) {
      this.#sink.statements.push(found);
      return this.settle();
    }
    if (this.#open !== undefined) {
      if (line.text.endsWith(this.#open)) this.settle();
      return;
    }
    const problem = found ?? this.#explain(line);
    if (problem.code === "language/unclosed-quote") this.#open = /["']/.exec(line.text)?.[0];
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
    if (/^\s/.test(text)) return indentedStatement(line.span(text.search(/\S/), text.trimStart().length));
    const word = /^[A-Za-z_]+(?=\s|$)/.exec(text)?.[0] ?? "";
    if (this.#kind === "conf") {
      if (isRecipeOnly(word)) return notInConf(line.span(0, word.length), `\`${word}\``);
      if (FUNCTION_LIKE.test(text)) return notInConf(whole, "a function");
    } else if (word === "addpylib") {
      return unparsedLine(whole, "`addpylib` belongs in conf/layer.conf");
    }
    if (DIRECTIVES.has(word) || isRecipeOnly(word)) {
      return unparsedLine(
        whole,
        `\`${word}\` needs an argument of another form; see the manual's list of directives`,
      );
    }
    if (/^\w[^=]*\(\s*\)\s*$/.test(text))
      return unparsedLine(whole, "the `{` of a function stands at the end of this line");
    if (/^\s*\}$/.test(text)) return unparsedLine(whole, "no function is open here; remove the brace");
    if (/^def\s/.test(text))
      return unparsedLine(whole, "a `def` needs its whole head, `def name(…):`, on one line");
    return explainAssignment(line) ?? unparsedLine(whole);
  }
}

const FUNCTION_LIKE = /\(\s*\)\s*\{$|^def\s+\w+.*:/;
const DIRECTIVES: ReadonlySet<string> = new Set([
  "addfragments",
  "addpylib",
  "export",
  "include",
  "include_all",
  "require",
  "unset",
]);
