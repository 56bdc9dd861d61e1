/** Assignments, and what is wrong with lines that were meant to be one. */
import type { Diagnostic } from "@tsbake/base";
import { isOldName } from "./names.js";
import type { LogicalLine } from "./lines.js";
import {
  badName,
  emptyName,
  innerQuote,
  missingBlanks,
  oldOverride,
  operatorMix,
  textAfterValue,
  unclosedQuote,
  unquotedValue,
} from "./problems.js";
import type { Assignment, AssignmentOperator } from "./statement.js";

/**
 * The two look-aheads refuse a value with exactly one inner quote of its own kind; more of them are accepted.
 * @see BitBake 2.19 lib/bb/parse/parse_py/ConfHandler.py
 */
const ASSIGNMENT =
  /^(export\s+)?([a-zA-Z0-9\-_+.${}/~:]*?)(?:\[([a-zA-Z0-9\-_+.][a-zA-Z0-9\-_+.@/]*)\])?(\s*)(:=|\?\?=|\?=|\+=|=\+|=\.|\.=|=)(\s*)(?!'[^']*'[^']*'$)(?!"[^"]*"[^"]*"$)(['"])(.*)\7$/s;

/** The part of an assignment before its value, however wrong the value is. */
const BEGINNING = /^(?:export\s+)?([^\s="'?]*?)(?:\[[^[\]\s]*\])?\s*(:=|\?\?=|\?=|\+=|=\+|=\.|\.=|=)\s*/;

/** The assignment that `line` is, or undefined. What it should not be, but is, goes to `report`. */
export function matchAssignment(
  line: LogicalLine,
  report: (problem: Diagnostic) => void,
): Assignment | "wrong" | undefined {
  const match = ASSIGNMENT.exec(line.text);
  if (match === null) return undefined;
  const [, exported = "", name = "", flag, before = "", operator = "", after = "", , value = ""] = match;
  if (name === "") {
    const left = flag === undefined ? 0 : flag.length + 2;
    report(emptyName(line.span(exported.length, left + before.length + operator.length)));
    return "wrong";
  }
  const at = line.span(exported.length, name.length + (flag === undefined ? 0 : flag.length + 2));
  if (before === "" || after === "") report(missingBlanks(at, name, operator));
  if (MIXED.has(operator) && KEYWORD.test(name)) report(operatorMix(at, name, operator));
  if (flag === undefined && operator !== "??=" && isOldName(name)) {
    report(oldOverride(at, name));
    return "wrong";
  }
  return {
    kind: "assignment",
    name,
    ...(flag === undefined ? {} : { flag }),
    operator: operator as AssignmentOperator,
    value,
    exported: exported !== "",
    at,
  };
}

const MIXED: ReadonlySet<string> = new Set(["+=", "=+", ".=", "=."]);
const KEYWORD = /:(?:append|prepend|remove)/;

/** An assignment but for its left side. */
const BAD_NAME = /^(?:export\s+)?([^"'=]*?[^"'=\s?:+.])\s*(?::=|\?\?=|\?=|\+=|=\+|=\.|\.=|=)\s*(["']).*\2$/s;

/** Why a line with an assignment's beginning is none; undefined when it does not even begin like one. */
export function explainAssignment(line: LogicalLine): Diagnostic | undefined {
  const match = BEGINNING.exec(line.text);
  if (match === null) return explainName(line);
  const begin = match[0].length;
  const rest = line.text.slice(begin);
  const quote = rest[0];
  if (match[1] === "" && rest !== "") return emptyName(line.span(0, begin));
  if (quote !== '"' && quote !== "'") return unquotedValue(line.span(begin, rest.length));
  const close = rest.indexOf(quote, 1);
  if (close === -1) {
    const other = rest.at(-1);
    const mixed = (other === '"' || other === "'") && rest.length > 1;
    const help = mixed
      ? `it begins with \`${quote}\` and ends with \`${other}\`: use the same twice`
      : undefined;
    return unclosedQuote(line.span(begin, rest.length), quote, help);
  }
  if (rest.endsWith(quote) && close < rest.length - 1) return innerQuote(line.span(begin + close, 1), quote);
  if (close === rest.length - 1) return explainName(line);
  return textAfterValue(line.span(begin + close + 1, rest.length - close - 1));
}

function explainName(line: LogicalLine): Diagnostic | undefined {
  const name = BAD_NAME.exec(line.text)?.[1];
  return name === undefined ? undefined : badName(line.spanOf(name), name);
}
