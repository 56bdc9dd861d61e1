/** A Python that answers at once, the same for the same text: it gives values, makes changes and fails, as real code does. */
import { evaluateWithoutPython } from "@tsbake/python";
import { PythonError, pythonText, type Datastore, type PythonHost } from "@tsbake/datastore";

const ANSWERS = ["", "x", "None", "True", "0", "${A}", "${PN}", "o1:o2", "a b  c", "1.0", "}"];
const GET = /d\.getVar\((['"])([^'"]*)\1\)/;
const CHANGE =
  /d\.(setVar|appendVar|prependVar|renameVar|delVar|setVarFlag|delVarFlag|appendVarFlag)\((['"])([^'"]*)\2(?:,\s*(['"])([^'"]*)\4)?(?:,\s*(['"])([^'"]*)\6)?\)/g;

export const quickPython: PythonHost = {
  evaluate(expression, d) {
    const plain = evaluateWithoutPython(expression, d);
    if (plain !== undefined) return plain;
    const get = GET.exec(expression);
    if (get) return pythonText(d.getVar(get[2]!) ?? "None");
    change(expression, d);
    const number = sum(expression);
    if (number % 17 === 0) throw new PythonError("NameError", "name 'x' is not defined");
    if (number % 19 === 0)
      throw new PythonError("SyntaxError", "unterminated string literal (detected at line 1)");
    if (number % 23 === 0) throw new PythonError("bb.parse.SkipRecipe", "not for you");
    if (number % 29 === 0) throw new PythonError("bb.BBHandledException", "");
    return ANSWERS[number % ANSWERS.length]!;
  },
  define(text, place) {
    if (sum(text) % 31 === 0)
      throw new PythonError("SyntaxError", "bad", [{ ...place, function: "<module>" }]);
  },
  check(_name, body, place) {
    if (sum(body) % 31 === 0)
      throw new PythonError("SyntaxError", "bad", [{ ...place, line: 100_000, function: "f" }]);
  },
  execute(_name, body, place, d) {
    change(body, d);
    if (body.includes("SkipRecipe")) throw new PythonError("bb.parse.SkipRecipe", "not for you");
    if (body.includes("1/0"))
      throw new PythonError("ZeroDivisionError", "division by zero", [{ ...place, function: "f" }]);
    GET.exec(body)?.[2]
      ?.split(" ")
      .forEach((name) => d.getVar(name));
  },
  handle(_name, body, _place, _event, d) {
    change(body, d);
  },
  visitCalls() {
    return { contains: {}, calls: [] };
  },
  addLibrary() {
    return [];
  },
  mark() {},
  reset() {},
};

/** The writes that `code` has in plain words. */
function change(code: string, d: Datastore): void {
  for (const [, method, , name = "", , second = "", , third = ""] of code.matchAll(CHANGE)) {
    if (method === "setVar") d.setVar(name, second);
    else if (method === "appendVar") d.appendVar(name, second);
    else if (method === "prependVar") d.prependVar(name, second);
    else if (method === "renameVar") d.renameVar(name, second);
    else if (method === "delVar") d.delVar(name);
    else if (method === "delVarFlag") d.delVarFlag(name, second);
    else if (method === "setVarFlag") d.setVarFlag(name, second, third);
    else d.appendVarFlag(name, second, third);
  }
}

function sum(text: string): number {
  let total = 7;
  for (let at = 0; at < text.length; at++) total = (total * 31 + text.charCodeAt(at)) % 1_000_003;
  return total;
}
