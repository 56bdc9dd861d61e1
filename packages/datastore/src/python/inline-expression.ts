/** Where `${@…}` begins and ends in a text. */

export interface InlineExpression {
  /** Of the `$`. */
  readonly start: number;
  /** Behind the closing brace. */
  readonly end: number;
  /** What stands between `${@` and `}`. */
  readonly code: string;
}

const OPEN = "${@";

/**
 * Every `${@…}` of a text, in order. It ends at the first `}`, but one level of `{…}` may stand inside; all on one line.
 *
 * By hand, since the pattern of BitBake takes cubic time on a line of `${@` without an end; the outcome is the same.
 *
 * @see BitBake 2.19 lib/bb/data_smart.py, `__expand_python_regexp__`: `\${@(?:{.*?}|.)+?}`
 */
export function* inlineExpressions(text: string): Generator<InlineExpression> {
  let lineEnd = -1;
  /** The last `}` of the line. */
  let last = -1;
  for (let start = text.indexOf(OPEN); start !== -1;) {
    if (start >= lineEnd) {
      const newline = text.indexOf("\n", start);
      lineEnd = newline === -1 ? text.length : newline;
      last = text.lastIndexOf("}", lineEnd);
    }
    const first = start + OPEN.length;
    // At least one character of code, whatever it is.
    if (last <= first) {
      start = text.indexOf(OPEN, start + 1);
      continue;
    }
    let at = first;
    while (at === first || text[at] !== "}") {
      const close = text[at] === "{" ? text.indexOf("}", at) : -1;
      at = close !== -1 && close < last ? close + 1 : at + 1;
    }
    yield { start, end: at + 1, code: text.slice(first, at) };
    start = text.indexOf(OPEN, at + 1);
  }
}

/** The text with every `${@…}` replaced. */
export function replaceInline(text: string, replacement: (code: string, whole: string) => string): string {
  let result = "";
  let copied = 0;
  for (const { start, end, code } of inlineExpressions(text)) {
    result += text.slice(copied, start) + replacement(code, text.slice(start, end));
    copied = end;
  }
  return copied === 0 ? text : result + text.slice(copied);
}
