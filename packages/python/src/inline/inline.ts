/**
 * Inline Python that needs no interpreter: two thirds of what metadata writes is bb.utils.contains and a few other forms.
 * The answers are those of CPython to the letter (a property test compares them); in any doubt there is none.
 */
import type { Datastore } from "@tsbake/datastore";
import { callFunction, callMethod } from "./inline-calls.js";
import { parseInline, type Tree } from "./inline-syntax.js";
import { CannotTell, equal, fromStore, isTrue, type Inline } from "./inline-values.js";

/** Distinct texts to remember; OE-core has 3,300 after substitution. */
const LIMIT = 20_000;
const trees = new Map<string, Tree | undefined>();

/**
 * The value of an inline expression as `str()` gives it, or undefined when only Python can tell (also when it would
 * raise). Reads variables of `d`; errors of these reads are thrown as they are.
 */
export function evaluateWithoutPython(expression: string, d: Datastore): string | undefined {
  const tree = treeOf(expression);
  if (!tree) return undefined;
  try {
    return shown(evaluate(tree, d));
  } catch (error) {
    if (error instanceof CannotTell) return undefined;
    throw error;
  }
}

function treeOf(expression: string): Tree | undefined {
  if (!trees.has(expression)) {
    if (trees.size >= LIMIT) trees.clear();
    trees.set(expression, parseInline(expression));
  }
  return trees.get(expression);
}

/** `str()`. */
function shown(value: Inline): string {
  if (typeof value === "string") return value;
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number") return String(value);
  throw new CannotTell();
}

function evaluate(tree: Tree, d: Datastore): Inline {
  switch (tree.kind) {
    case "constant":
      return tree.value;
    case "d":
      throw new CannotTell();
    case "variable":
      return variable(tree.name, d);
    case "list":
      return tree.items.map((item) => evaluate(item, d));
    case "or": {
      const left = evaluate(tree.left, d);
      return isTrue(left) ? left : evaluate(tree.right, d);
    }
    case "and": {
      const left = evaluate(tree.left, d);
      return isTrue(left) ? evaluate(tree.right, d) : left;
    }
    case "not":
      return !isTrue(evaluate(tree.of, d));
    case "choice":
      return evaluate(isTrue(evaluate(tree.condition, d)) ? tree.yes : tree.no, d);
    case "compare":
      return compare(tree.operator, evaluate(tree.left, d), evaluate(tree.right, d));
    case "add":
      return add(evaluate(tree.left, d), evaluate(tree.right, d));
    case "index":
      return item(evaluate(tree.of, d), evaluate(tree.at, d));
    case "call":
      return callFunction(tree.path, argumentsOf(tree.args, d), d);
    case "method":
      return callMethod(tree.name, evaluate(tree.of, d), argumentsOf(tree.args, d));
  }
}

/** Arguments; `d` itself stands as the datastore. */
function argumentsOf(args: readonly Tree[], d: Datastore): (Inline | Datastore)[] {
  return args.map((arg) => (arg.kind === "d" ? d : evaluate(arg, d)));
}

/** A name that Python does not know is a variable; one without a value is an error that Python shall tell. */
function variable(name: string, d: Datastore): Inline {
  const value = fromStore(d.getVar(name));
  if (value === null || d.getVarFlag(name, "func", { expand: false })) throw new CannotTell();
  return value;
}

function compare(operator: "==" | "!=" | "in" | "not in", left: Inline, right: Inline): boolean {
  switch (operator) {
    case "==":
      return equal(left, right);
    case "!=":
      return !equal(left, right);
    case "in":
      return holds(right, left);
    case "not in":
      return !holds(right, left);
  }
}

function holds(container: Inline, value: Inline): boolean {
  if (typeof container === "string" && typeof value === "string") return container.includes(value);
  if (Array.isArray(container)) return container.some((one) => equal(one, value));
  throw new CannotTell();
}

function add(left: Inline, right: Inline): Inline {
  if (typeof left === "string" && typeof right === "string") return left + right;
  if (Array.isArray(left) && Array.isArray(right)) return [...left, ...right];
  throw new CannotTell();
}

function item(list: Inline, at: Inline): Inline {
  if (!Array.isArray(list) || (typeof at !== "number" && typeof at !== "boolean")) throw new CannotTell();
  const found = list.at(Number(at));
  if (found === undefined) throw new CannotTell();
  return found;
}
