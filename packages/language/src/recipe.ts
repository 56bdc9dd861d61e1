/** .bb, .bbappend, .inc and .bbclass files: everything of a .conf file, and functions. */
import type { Source, Span } from "@tsbake/base";
import { isOldName } from "./names.js";
import { LineCursor, LineJoiner, type LogicalLine } from "./lines.js";
import {
  commentInContinuation,
  danglingContinuation,
  halfCommented,
  oldOverride,
  tabIndentation,
  unclosedFunction,
} from "./problems.js";
import { StatementMatcher, type Sink } from "./statements.js";

/** @see BitBake 2.19 lib/bb/parse/parse_py/BBHandler.py */
const FUNCTION = /^((?:(?:python(?=[\s(])|fakeroot(?=\s))\s*)*)([\w.\-+{}$:]+)?\s*\(\s*\)\s*\{$/;
const DEFINITION = /^def\s+(\w+).*:/s;
/** The old name of the function without a name. */
const ANONYMOUS = "__anonymous";
const PYTHON_LINE = /^(?:\s|#|$)/;
const TAB = /^ *\t/;

export class RecipeParser {
  readonly #source: Source;
  readonly #sink: Sink;
  readonly #lines: LineCursor;
  readonly #joiner: LineJoiner;
  readonly #matcher: StatementMatcher;

  constructor(source: Source, sink: Sink) {
    this.#source = source;
    this.#sink = sink;
    this.#lines = new LineCursor(source.text);
    this.#joiner = new LineJoiner(source);
    this.#matcher = new StatementMatcher("recipe", sink);
  }

  parse(): void {
    let more = this.#lines.advance();
    while (more) more = this.#line();
    if (this.#joiner.isEmpty) return;
    const { text, span } = this.#taken();
    if (text[0] !== "#") this.#sink.diagnostics.push(danglingContinuation(span));
  }

  /** Reads the present line and what belongs to it; returns whether the cursor stands on another one. */
  #line(): boolean {
    const { content } = this.#lines;
    const first = content[0];
    if (!this.#joiner.isEmpty) {
      if (this.#joiner.first === "#") {
        if (first !== "#") return this.#halfCommented();
      } else if (first === "#") {
        const begin = this.#joiner.begin;
        this.#sink.diagnostics.push(commentInContinuation(this.#present(), begin));
        return this.#lines.advance();
      }
    } else if (first === undefined) {
      this.#matcher.settle();
      return this.#lines.advance();
    }
    if (content.endsWith("\\")) {
      this.#joiner.add(this.#lines, 1);
      return this.#lines.advance();
    }
    this.#joiner.add(this.#lines, 0);
    return this.#logical(this.#joiner.take());
  }

  #logical(line: LogicalLine): boolean {
    const { text } = line;
    if (text === "" || text[0] === "#") {
      this.#matcher.settle();
      return this.#lines.advance();
    }
    if (text.endsWith("{")) {
      const match = FUNCTION.exec(text);
      if (match !== null) return this.#function(line, match);
    }
    if (text.startsWith("def")) {
      const match = DEFINITION.exec(text);
      if (match !== null) return this.#definition(line, match[1]!);
    }
    this.#matcher.take(line);
    return this.#lines.advance();
  }

  /** The lines up to one that is exactly `}`. */
  #function(line: LogicalLine, match: RegExpExecArray): boolean {
    this.#matcher.settle();
    const [, keywords = "", written = ""] = match;
    const name = written === ANONYMOUS ? "" : written;
    const at = name === "" ? line.span(0, line.text.length) : line.spanOf(name, keywords.length);
    const python = name === "" || keywords.includes("python");
    const tabs = new TabCount();
    const body: string[] = [];
    let indented: Span | undefined;
    const bodyLine = this.#lines.number + 1;
    while (this.#lines.advance()) {
      const { content } = this.#lines;
      if (content === "}") {
        body.push("");
        tabs.report(this.#sink);
        if (isOldName(name)) this.#sink.diagnostics.push(oldOverride(at, name));
        const fakeroot = keywords.includes("fakeroot");
        this.#sink.statements.push({
          kind: "function",
          name,
          python,
          fakeroot,
          body: body.join("\n"),
          bodyLine,
          at,
        });
        return this.#lines.advance();
      }
      if (python && TAB.test(content)) tabs.add(this.#present());
      if (content.trimStart() === "}") indented ??= this.#present();
      body.push(content);
    }
    this.#sink.diagnostics.push(unclosedFunction(at, name, indented));
    return false;
  }

  /** The lines up to the first that is neither blank, indented nor a comment; the cursor stays on that one. */
  #definition(line: LogicalLine, name: string): boolean {
    this.#matcher.settle();
    const at = line.spanOf(name, 4);
    const tabs = new TabCount();
    const body = [line.text];
    const number = this.#lines.number;
    let more = this.#lines.advance();
    while (more && PYTHON_LINE.test(this.#lines.content)) {
      if (TAB.test(this.#lines.content)) tabs.add(this.#present());
      body.push(this.#lines.content);
      more = this.#lines.advance();
    }
    tabs.report(this.#sink);
    if (isOldName(name)) this.#sink.diagnostics.push(oldOverride(at, name));
    this.#sink.statements.push({ kind: "def", name, text: body.join("\n"), line: number, at });
    return more;
  }

  /** A comment that continues on a line which is none: that line and its own continuation are passed over. */
  #halfCommented(): boolean {
    const { span } = this.#taken();
    this.#sink.diagnostics.push(halfCommented(span, this.#present()));
    while (this.#lines.content.endsWith("\\") && this.#lines.advance());
    return this.#lines.advance();
  }

  #taken(): { text: string; span: Span } {
    const line = this.#joiner.take();
    return { text: line.text, span: line.span(0, line.text.length) };
  }

  #present(): Span {
    const { start, content } = this.#lines;
    return { source: this.#source, start, end: start + content.length };
  }
}

/** Tabs in the indentation of one function: told once, at the first. */
class TabCount {
  #first: Span | undefined;
  #lines = 0;

  add(at: Span): void {
    this.#first ??= at;
    this.#lines++;
  }

  report(sink: Sink): void {
    if (this.#first !== undefined) sink.diagnostics.push(tabIndentation(this.#first, this.#lines));
  }
}
