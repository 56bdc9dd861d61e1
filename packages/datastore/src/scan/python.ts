/**
 * What a piece of Python refers to: calls with plain dotted names, and the literal arguments of those that read
 * variables. Works on tokens, so that no Python is needed; an expression and a whole function body are the same to it.
 *
 * @see BitBake 2.19 lib/bb/codeparser.py, PythonParser.visit_Call
 */
import { words } from "@tsbake/base";
import { inlineExpressions } from "../python/inline-expression.js";
import { memoise } from "./memo.js";
import { tokenisePython, type PythonToken } from "./python-tokens.js";
import type { PythonScan } from "./types.js";

/** Words that may stand before a parenthesis without being called. */
const KEYWORDS = new Set(
  (
    "False None True and as assert async await break class continue def del elif else except finally for from global " +
    "if import in is lambda nonlocal not or pass raise return try while with yield"
  ).split(" "),
);
const READS_VARIABLE = [".getVar", ".appendVar", ".prependVar", "oe.utils.conditional"];
const READS_FLAG = [".getVarFlag", ".appendVarFlag", ".prependVarFlag"];
const CONTAINS_ALL = new Set(["bb.utils.contains", "base_contains"]);
const CONTAINS_ANY = new Set(["bb.utils.contains_any", "bb.utils.filter"]);
const RUNS_FUNCTION = new Set(["bb.build.exec_func", "bb.build.exec_task"]);

/** `${NAME}` in a text. @see BitBake 2.19 lib/bb/data_smart.py, __expand_var_regexp__ */
const REFERENCE = /\$\{([a-zA-Z0-9\-_+./~:]+)\}/g;

interface Found {
  readonly references: Set<string>;
  readonly calls: Set<string>;
  readonly contains: Map<string, Set<string>>;
  readonly expansions: string[];
}

/** @see PythonScan. Memoised: the same text costs once. */
export const scanPython: (text: string) => PythonScan = memoise((text) => {
  const found: Found = { references: new Set(), calls: new Set(), contains: new Map(), expansions: [] };
  scanInto(text, found, 0);
  return found;
});

function scanInto(text: string, found: Found, depth: number): void {
  const tokens = tokenisePython(text);
  for (let at = 1; at < tokens.length; at += 1) {
    if (!isMark(tokens[at], "(")) continue;
    const name = calledName(tokens, at);
    if (name !== undefined) call(name, tokens, at + 1, found, depth);
  }
}

/**
 * The dotted name before the parenthesis at `open`; undefined when there is none, when what is called is the result of
 * something else (`a().b()`, `"x".join()`), and in `def f()` and `class C()`.
 */
function calledName(tokens: readonly PythonToken[], open: number): string | undefined {
  const parts: string[] = [];
  let at = open - 1;
  for (;;) {
    const token = tokens[at];
    if (token?.kind !== "name") return undefined;
    parts.unshift(token.text);
    if (!isMark(tokens[at - 1], ".")) break;
    at -= 2;
  }
  if (parts.length === 1 && KEYWORDS.has(parts[0]!)) return undefined;
  const before = tokens[at - 1];
  if (before?.kind === "name" && (before.text === "def" || before.text === "class")) return undefined;
  return parts.join(".");
}

/** Puts down what the call of `name` with the arguments from `first` on refers to. */
function call(
  name: string,
  tokens: readonly PythonToken[],
  first: number,
  found: Found,
  depth: number,
): void {
  const readsFlag = READS_FLAG.some((end) => name.endsWith(end));
  const isContains = CONTAINS_ALL.has(name) || CONTAINS_ANY.has(name);
  if (readsFlag || isContains || READS_VARIABLE.some((end) => name.endsWith(end))) {
    const variable = literalArgument(tokens, first);
    if (variable === undefined) return;
    const second = literalArgument(tokens, variable.next);
    if (isContains && second) {
      const items = found.contains.get(variable.text) ?? new Set();
      found.contains.set(variable.text, items);
      for (const item of CONTAINS_ALL.has(name) ? [second.text] : words(second.text)) items.add(item);
    } else if (!readsFlag) found.references.add(variable.text);
    else if (second) found.references.add(`${variable.text}[${second.text}]`);
  } else if (name.endsWith(".expand")) {
    const text = literalArgument(tokens, first)?.text;
    if (text !== undefined) expansion(text, found, depth);
  } else if (RUNS_FUNCTION.has(name)) {
    const run = literalArgument(tokens, first)?.text;
    if (run !== undefined) found.calls.add(run);
  } else found.calls.add(name);
}

/**
 * The argument that begins at `at` if it is one string literal (or several side by side).
 *
 * @returns its value and where the next argument begins
 */
function literalArgument(
  tokens: readonly PythonToken[],
  at: number,
): { text: string; next: number } | undefined {
  let text: string | undefined;
  let next = at;
  for (let token = tokens[next]; token?.kind === "string"; token = tokens[next]) {
    if (!token.plain) return undefined;
    text = (text ?? "") + token.text;
    next += 1;
  }
  if (text === undefined || !(isMark(tokens[next], ",") || isMark(tokens[next], ")"))) return undefined;
  return { text, next: isMark(tokens[next], ",") ? next + 1 : next };
}

/** A literal given to d.expand: its references count as those of the code. */
function expansion(text: string, found: Found, depth: number): void {
  found.expansions.push(text);
  for (const match of text.matchAll(REFERENCE)) found.references.add(match[1]!);
  // An expand() in the text of an expand(): one step is what people write, more is a loop made to hurt.
  if (depth >= 3) return;
  for (const { code } of inlineExpressions(text)) scanInto(code, found, depth + 1);
}

function isMark(token: PythonToken | undefined, text: string): boolean {
  return token?.kind === "mark" && token.text === text;
}
