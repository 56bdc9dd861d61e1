/**
 * The part of Python's expressions that most inline code is written in, as a tree. Whatever is not understood for
 * certain is no tree at all: the real interpreter takes it.
 */

import { strip } from "./inline-values.js";

export type Tree =
  | { readonly kind: "constant"; readonly value: string | number | boolean | null }
  /** `d` itself; only as an argument. */
  | { readonly kind: "d" }
  /** A name in capitals: a variable of `d`. */
  | { readonly kind: "variable"; readonly name: string }
  | { readonly kind: "list"; readonly items: readonly Tree[] }
  | { readonly kind: "or" | "and"; readonly left: Tree; readonly right: Tree }
  | { readonly kind: "not"; readonly of: Tree }
  | { readonly kind: "choice"; readonly condition: Tree; readonly yes: Tree; readonly no: Tree }
  | { readonly kind: "compare"; readonly operator: Comparison; readonly left: Tree; readonly right: Tree }
  | { readonly kind: "add"; readonly left: Tree; readonly right: Tree }
  | { readonly kind: "index"; readonly of: Tree; readonly at: Tree }
  /** `a.b.c(…)` of names that are no variables. */
  | { readonly kind: "call"; readonly path: string; readonly args: readonly Tree[] }
  | { readonly kind: "method"; readonly of: Tree; readonly name: string; readonly args: readonly Tree[] };

export type Comparison = "==" | "!=" | "in" | "not in";

/** Text without prefix, escapes or newline; a name; a small number; a sign. Anything else is not for us. */
const TOKEN =
  /[ \t]*(?:('[^'\\\n]*'|"[^"\\\n]*")|([A-Za-z_][A-Za-z0-9_]*)|([0-9]+)(?![A-Za-z0-9_.])|(==|!=|[()[\].,+-]))/y;

type Token = { readonly type: "text" | "name" | "number" | "sign" | "end"; readonly text: string };

/** What nests, in one expression: no text can exhaust the stack. */
const MAX_NESTING = 50;

const NESTING = new Set(["(", "[", "not", "else"]);

const WORDS = new Set(["or", "and", "not", "in", "if", "else", "is", "lambda", "for", "await", "async"]);
const END: Token = { type: "end", text: "" };

/** Thrown inside this file only. */
class NotOurs extends Error {}

/** The tree of an expression, or undefined when it needs the interpreter. */
export function parseInline(text: string): Tree | undefined {
  const tokens = tokenize(strip(text, "strip"));
  if (!tokens) return undefined;
  try {
    return new Parser(tokens).whole();
  } catch (error) {
    if (error instanceof NotOurs) return undefined;
    throw error;
  }
}

function tokenize(text: string): Token[] | undefined {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const found = TOKEN.exec(text);
    if (!found) return undefined;
    const [, quoted, name, number, sign] = found;
    if (quoted !== undefined) tokens.push({ type: "text", text: quoted.slice(1, -1) });
    else if (name !== undefined) tokens.push({ type: "name", text: name });
    else if (number !== undefined) tokens.push({ type: "number", text: number });
    else tokens.push({ type: "sign", text: sign! });
  }
  const nesting = tokens.filter(({ type, text: word }) => type !== "text" && NESTING.has(word));
  return nesting.length > MAX_NESTING ? undefined : tokens;
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  whole(): Tree {
    const tree = this.#choice();
    if (this.#peek().type !== "end") throw new NotOurs();
    return tree;
  }

  #peek(): Token {
    return this.#tokens[this.#at] ?? END;
  }

  #take(type: Token["type"], text: string): boolean {
    const token = this.#peek();
    if (token.type !== type || token.text !== text) return false;
    this.#at++;
    return true;
  }

  #sign(text: string): void {
    if (!this.#take("sign", text)) throw new NotOurs();
  }

  #choice(): Tree {
    const yes = this.#or();
    if (!this.#take("name", "if")) return yes;
    const condition = this.#or();
    if (!this.#take("name", "else")) throw new NotOurs();
    return { kind: "choice", condition, yes, no: this.#choice() };
  }

  #or(): Tree {
    let tree = this.#and();
    while (this.#take("name", "or")) tree = { kind: "or", left: tree, right: this.#and() };
    return tree;
  }

  #and(): Tree {
    let tree = this.#not();
    while (this.#take("name", "and")) tree = { kind: "and", left: tree, right: this.#not() };
    return tree;
  }

  #not(): Tree {
    return this.#take("name", "not") ? { kind: "not", of: this.#not() } : this.#compare();
  }

  #compare(): Tree {
    const left = this.#sum();
    const operator = this.#comparison();
    if (!operator) return left;
    const right = this.#sum();
    // `a == b == c` means something else than its parts.
    if (this.#comparison()) throw new NotOurs();
    return { kind: "compare", operator, left, right };
  }

  #comparison(): Comparison | undefined {
    if (this.#take("sign", "==")) return "==";
    if (this.#take("sign", "!=")) return "!=";
    if (this.#take("name", "in")) return "in";
    if (!this.#take("name", "not")) return undefined;
    if (!this.#take("name", "in")) throw new NotOurs();
    return "not in";
  }

  #sum(): Tree {
    let tree = this.#postfix();
    while (this.#take("sign", "+")) tree = { kind: "add", left: tree, right: this.#postfix() };
    return tree;
  }

  #postfix(): Tree {
    let tree = this.#atom();
    for (;;) {
      if (this.#take("sign", ".")) {
        tree = { kind: "method", of: tree, name: this.#name(), args: this.#arguments() };
      } else if (this.#take("sign", "[")) {
        tree = { kind: "index", of: tree, at: this.#choice() };
        this.#sign("]");
      } else return tree;
    }
  }

  #name(): string {
    const token = this.#peek();
    if (token.type !== "name" || WORDS.has(token.text)) throw new NotOurs();
    this.#at++;
    return token.text;
  }

  #arguments(): Tree[] {
    this.#sign("(");
    return this.#until(")");
  }

  #until(close: string): Tree[] {
    const items: Tree[] = [];
    while (!this.#take("sign", close)) {
      items.push(this.#choice());
      if (!this.#take("sign", ",")) {
        this.#sign(close);
        break;
      }
    }
    return items;
  }

  #atom(): Tree {
    const token = this.#peek();
    if (token.type === "text") {
      this.#at++;
      // Texts side by side are one in Python; `''` before a text may also be the start of a long one.
      if (this.#peek().type === "text") throw new NotOurs();
      return { kind: "constant", value: token.text };
    }
    if (token.type === "number") return this.#number();
    if (this.#take("sign", "-")) {
      const { value } = this.#number();
      return { kind: "constant", value: value === 0 ? 0 : -value };
    }
    if (this.#take("sign", "(")) {
      const tree = this.#choice();
      this.#sign(")");
      return tree;
    }
    if (this.#take("sign", "[")) return { kind: "list", items: this.#until("]") };
    return this.#named(this.#name());
  }

  #number(): { kind: "constant"; value: number } {
    const token = this.#peek();
    // Nine digits are exact; a leading zero is an error that Python shall tell.
    if (token.type !== "number" || !/^(?:0|[1-9][0-9]{0,8})$/.test(token.text)) throw new NotOurs();
    this.#at++;
    return { kind: "constant", value: Number(token.text) };
  }

  #named(first: string): Tree {
    const next = this.#peek();
    // A prefix of a text, such as f'' or r''.
    if (next.type === "text") throw new NotOurs();
    if (first === "True" || first === "False") return { kind: "constant", value: first === "True" };
    if (first === "None") return { kind: "constant", value: null };
    if (first === "d" && !(next.type === "sign" && next.text === ".")) return { kind: "d" };
    if (/^[A-Z][A-Z0-9_]*$/.test(first)) return { kind: "variable", name: first };
    const path = [first];
    while (this.#take("sign", ".")) path.push(this.#name());
    return { kind: "call", path: path.join("."), args: this.#arguments() };
  }
}
