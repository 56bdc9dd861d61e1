/** Assignments: the operators, on variables and on flags. */
import type { Assignment } from "@tsbake/language";
import type { Datastore } from "../datastore.js";
import type { WriteOptions } from "./options.js";
import { pythonText, type Value } from "./value.js";

/** History's names of the operators. */
const OPERATION: Readonly<Record<Assignment["operator"], string>> = {
  "=": "set",
  "?=": "set?",
  "??=": "set",
  ":=": "immediate",
  "+=": "append",
  "=+": "prepend",
  ".=": "postdot",
  "=.": "predot",
};

/** @throws BuildError `datastore/expansion` of `:=`, `datastore/renamed-variable` */
export function assign(statement: Assignment, d: Datastore): void {
  const { name, flag, operator, value, exported, at } = statement;
  const options: WriteOptions = { parsing: true, operation: OPERATION[operator], detail: value, at };
  if (exported) d.setVarFlag(name, "export", 1, { operation: "exported", at });
  if (operator === "??=") {
    d.setVarFlag(name, flag === undefined ? "_defaultval" : `_defaultval_flag_${flag}`, value, options);
    return;
  }
  const next = combine(statement, d);
  if (flag !== undefined) d.setVarFlag(name, flag, next, options);
  else if (operator === "?=" && present(statement, d) !== undefined) d.record(name, options, value);
  else d.setVar(name, next, options);
}

/** The text as it stands, without defaults, overrides and deferred operations. */
function present({ name, flag }: Assignment, d: Datastore): Value | undefined {
  const options = { expand: false, noWeakDefault: true, parsing: true };
  return flag === undefined ? d.getVar(name, options) : d.getVarFlag(name, flag, options);
}

function combine(statement: Assignment, d: Datastore): Value {
  const { operator, value, name } = statement;
  const before = () => {
    const raw = present(statement, d);
    return raw === undefined ? "" : pythonText(raw);
  };
  switch (operator) {
    case "=":
    case "??=":
      return value;
    case "?=":
      return present(statement, d) ?? value;
    case ":=":
      // In a copy: what Python code in the value writes is not kept.
      return d.createCopy().expand(value, `${name}[:=]`);
    case "+=":
      return `${before()} ${value}`;
    case "=+":
      return `${value} ${before()}`;
    case ".=":
      return before() + value;
    case "=.":
      return value + before();
  }
}
