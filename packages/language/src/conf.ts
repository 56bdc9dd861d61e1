/** .conf files: no functions, and continuation lines joined without a look at comments inside. */
import type { Source } from "@tsbake/base";
import { LineCursor, LineJoiner } from "./lines.js";
import { halfCommented } from "./problems.js";
import { StatementMatcher, type Sink } from "./statements.js";

export class ConfParser {
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
    this.#matcher = new StatementMatcher("conf", sink);
  }

  parse(): void {
    while (this.#lines.advance()) {
      const { content } = this.#lines;
      if (content === "") this.#matcher.settle();
      else if (content[0] === "#") this.#comment();
      else this.#statement();
    }
  }

  #statement(): void {
    this.#join();
    const line = this.#joiner.take();
    if (line.text !== "") this.#matcher.take(line);
  }

  /** Takes the present line and those it continues on. */
  #join(): void {
    while (this.#lines.content.endsWith("\\")) {
      this.#joiner.add(this.#lines, 1);
      if (!this.#lines.advance()) return;
    }
    this.#joiner.add(this.#lines, 0);
  }

  /** A comment goes on over continuation lines too, and each of them must be commented. */
  #comment(): void {
    this.#matcher.settle();
    const { start } = this.#lines;
    while (this.#lines.content.endsWith("\\")) {
      const end = this.#lines.start + this.#lines.content.length;
      const more = this.#lines.advance();
      if (this.#lines.content.startsWith("#")) continue;
      const at = { source: this.#source, start, end };
      const next = {
        source: this.#source,
        start: this.#lines.start,
        end: this.#lines.start + this.#lines.content.length,
      };
      this.#sink.diagnostics.push(halfCommented(at, more ? next : at));
      // The rest is read as a statement only when it is one on its own: the likely intent was a comment.
      while (this.#lines.content.endsWith("\\") && this.#lines.advance());
      return;
    }
  }
}
