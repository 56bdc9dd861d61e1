/** Every problem of this room, one function each, in the order of their codes. */
import type { Diagnostic, Span } from "@tsbake/base";

/** `addtask` with an empty list of tasks, or a `before`/`after` that nothing follows. */
export function badClause(at: Span, message: string): Diagnostic {
  return {
    severity: "error",
    code: "language/bad-clause",
    message,
    at,
    help: "write `addtask NAME… [after TASK…] [before TASK…]`",
  };
}

/** `A B = "x"`, `A[@f] = "x"`. */
export function badName(at: Span, name: string): Diagnostic {
  return {
    severity: "error",
    code: "language/bad-name",
    message: `\`${name}\` is no name of a variable or flag`,
    at,
    help: "names are made of letters, digits and `-_+.${}/~:`; a flag's name may have `@` and `/` after its first character",
  };
}

/** A `#` line in the middle of a value that goes on over several lines. */
export function commentInContinuation(at: Span, begin: Span): Diagnostic {
  return {
    severity: "error",
    code: "language/comment-in-continuation",
    message: "a comment stands inside a statement that continues over several lines",
    at,
    notes: [{ message: "the statement begins here", at: begin }],
    help: "move the comment above the statement, or take the line out",
  };
}

/** The last line of the file ends in a backslash. */
export function danglingContinuation(at: Span): Diagnostic {
  return {
    severity: "error",
    code: "language/dangling-continuation",
    message: "the file ends in a line that continues on the next one",
    at,
    help: "remove the backslash at the end of the line, or write the rest of the statement",
  };
}

/** `= "x"` with nothing in front. */
export function emptyName(at: Span): Diagnostic {
  return {
    severity: "error",
    code: "language/empty-name",
    message: "the assignment has no variable name",
    at,
    help: 'write the name before the operator: `NAME = "value"`',
  };
}

/** A comment line ends in a backslash and what follows is no comment. */
export function halfCommented(at: Span, next: Span): Diagnostic {
  return {
    severity: "error",
    code: "language/half-commented",
    message: "a commented line continues on a line that is not commented",
    at,
    notes: [{ message: "the comment goes on here", at: next }],
    help: "put `#` in front of every line of the statement, or remove the backslash at the end of the comment",
  };
}

/** A statement with blanks in front. */
export function indentedStatement(at: Span): Diagnostic {
  return {
    severity: "error",
    code: "language/indented-statement",
    message: "the statement does not begin in the first column",
    at,
    help: "remove the blanks in front; if it should continue the line above, end that line with a backslash",
  };
}

/** `A = "x"y"`: one quote of the same kind inside. */
export function innerQuote(at: Span, quote: string): Diagnostic {
  const other = quote === '"' ? "'" : '"';
  return {
    severity: "error",
    code: "language/inner-quote",
    message: `the value has a \`${quote}\` inside quotes of the same kind`,
    at,
    help: `there are no escapes: enclose the value in \`${other}\` instead`,
  };
}

/** `A="x"`. */
export function missingBlanks(at: Span, name: string, operator: string): Diagnostic {
  return {
    severity: "warning",
    code: "language/missing-blanks",
    message: `\`${name}\` and its value are not set off from \`${operator}\` by blanks`,
    at,
    help: `write \`${name} ${operator} "…"\``,
  };
}

/** `inherit` and the like in a .conf file. */
export function notInConf(at: Span, what: string): Diagnostic {
  return {
    severity: "error",
    code: "language/not-in-conf",
    message: `${what} cannot stand in a .conf file`,
    at,
    help:
      what === "`inherit`"
        ? 'write `INHERIT += "CLASS"` to inherit a class everywhere, or move the line to a recipe or class'
        : "move it to a recipe (.bb, .bbappend, .inc) or a class (.bbclass)",
  };
}

/** `FOO_append = "x"`, the spelling before Yocto 3.4. */
export function oldOverride(at: Span, name: string): Diagnostic {
  const modern = name.replace(/_(append|prepend|remove)(?=_|:|$)(_?)/g, (_, keyword: string, more: string) =>
    more === "" ? `:${keyword}` : `:${keyword}:`,
  );
  return {
    severity: "error",
    code: "language/old-override",
    message: `\`${name}\` uses the old override syntax`,
    at,
    help:
      modern === name
        ? "choose another name: `_append`, `_prepend` and `_remove` may not occur in one"
        : `write \`${modern}\``,
  };
}

/** `A:append += "x"`. */
export function operatorMix(at: Span, name: string, operator: string): Diagnostic {
  return {
    severity: "warning",
    code: "language/operator-mix",
    message: `\`${name}\` is combined with the operator \`${operator}\``,
    at,
    help: `write \`${name} = "…"\`, with a blank inside the quotes where the values should be apart`,
  };
}

/** Tabs in front of Python lines. */
export function tabIndentation(at: Span, lines: number): Diagnostic {
  return {
    severity: "warning",
    code: "language/tab-indentation",
    message:
      lines === 1 ? "a Python line is indented with a tab" : `${lines} Python lines are indented with tabs`,
    at,
    help: "indent Python with four blanks a level",
  };
}

/** `addtask do_x:append_y`. */
export function taskKeyword(at: Span, word: string): Diagnostic {
  return {
    severity: "error",
    code: "language/task-keyword",
    message: `the task name \`${word}\` contains an override keyword`,
    at,
    help: "rename the task so that `:append_`, `:prepend_` and `:remove_` do not occur in it",
  };
}

/** `A = "x" # comment`. */
export function textAfterValue(at: Span): Diagnostic {
  return {
    severity: "error",
    code: "language/text-after-value",
    message: "text follows the closing quote",
    at,
    help: "the closing quote must be the last character of the statement; a comment needs a line of its own",
  };
}

/** No `}` in the first column until the end of the file. */
export function unclosedFunction(at: Span, name: string, indented: Span | undefined): Diagnostic {
  return {
    severity: "error",
    code: "language/unclosed-function",
    message:
      name === "" ? "the anonymous function is never closed" : `the function \`${name}\` is never closed`,
    at,
    ...(indented ? { notes: [{ message: "this brace is indented and closes nothing", at: indented }] } : {}),
    help: "end it with a line that is exactly `}`, with no blanks in front",
  };
}

/** An opening quote without its closing one. */
export function unclosedQuote(at: Span, quote: string, help?: string): Diagnostic {
  return {
    severity: "error",
    code: "language/unclosed-quote",
    message: `the value has no closing \`${quote}\``,
    at,
    help:
      help ??
      `close it with \`${quote}\`; a value over several lines needs a backslash at the end of each but the last`,
  };
}

/** Nothing that could be recognised. */
export function unparsedLine(at: Span, help?: string): Diagnostic {
  return {
    severity: "error",
    code: "language/unparsed-line",
    message: "the line is no statement",
    at,
    help: help ?? 'statements are `NAME = "value"`, a directive such as `inherit`, or a function `name() {`',
  };
}

/** `A = b`. */
export function unquotedValue(at: Span): Diagnostic {
  const isTypographic = /^[\u2018-\u201f\u00ab\u00bb]/.test(at.source.text.slice(at.start));
  return {
    severity: "error",
    code: "language/unquoted-value",
    message: "the value is not quoted",
    at,
    help: isTypographic
      ? 'these are typographic quotes: write `"` before and after the value'
      : "enclose it in double quotes",
  };
}

/** `unset A:o`, `export A:o`, `unset A[f]`. */
export function unsetName(at: Span, word: string, name: string): Diagnostic {
  return {
    severity: "error",
    code: "language/unset-name",
    message: `\`${word}\` cannot take \`${name}\``,
    at,
    help: /\[.?\]$/.test(name)
      ? "a flag to unset has two characters or more"
      : /\s/.test(name)
        ? `write a line for each name: ${name
            .trim()
            .split(/\s+/)
            .slice(0, 3)
            .map((one) => `\`${word} ${one}\``)
            .join(", ")}`
        : `\`${word}\` takes one plain variable name; override variants cannot be named here`,
  };
}
