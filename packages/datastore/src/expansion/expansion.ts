/** `${…}` and `${@…}` in texts: the substitution alone, without a datastore. */

import { replaceInline } from "../python/inline-expression.js";

/** What a substitution reads from and leaves behind. */
export interface ExpansionContext {
  /** Expanded text of a variable, undefined when there is none (its reference stays as it is). */
  read(name: string): string | undefined;
  /** Result of an inline expression, undefined to leave this round's expressions as they are. */
  evaluate(code: string): string | undefined;
}

/** Texts that keep changing are given up after this many rounds. */
const ROUNDS = 1000;

const REFERENCE = /\$\{[a-zA-Z0-9\-_+./~:]+\}/;

/** Characters of a variable's name inside `${…}`. */
const NAME_CHARACTER: readonly boolean[] = Array.from({ length: 128 }, (_, code) =>
  /[a-zA-Z0-9\-_+./~:]/.test(String.fromCharCode(code)),
);

export class EndlessExpansion extends Error {
  override readonly name = "EndlessExpansion";
}

/**
 * Substitutes until nothing changes: in each round first every variable, then every inline expression.
 *
 * @throws EndlessExpansion when that does not end, and whatever the context throws
 */
export function expandText(text: string, context: ExpansionContext): string {
  let present = text;
  for (let round = 0; present.includes("${"); round++) {
    if (round === ROUNDS) throw new EndlessExpansion(`the text still changes after ${ROUNDS} rounds`);
    const before = present;
    present = substituteVariables(present, context);
    if (present.includes("${@")) present = substitutePython(present, context);
    if (present === before) break;
  }
  return present;
}

function substituteVariables(text: string, context: ExpansionContext): string {
  let result = "";
  let copied = 0;
  for (let at = text.indexOf("${"); at !== -1; at = text.indexOf("${", at)) {
    let end = at + 2;
    while (NAME_CHARACTER[text.charCodeAt(end)] === true) end++;
    if (end === at + 2 || text[end] !== "}") {
      at += 2;
      continue;
    }
    const value = context.read(text.slice(at + 2, end));
    if (value !== undefined) {
      result += text.slice(copied, at) + value;
      copied = end + 1;
    }
    at = end + 1;
  }
  return copied === 0 ? text : result + text.slice(copied);
}

function substitutePython(text: string, context: ExpansionContext): string {
  let isLeft = false;
  const result = replaceInline(text, (code, whole) => {
    // Code with a reference that could not be substituted is not run.
    if (isLeft || REFERENCE.test(code)) return whole;
    const value = context.evaluate(code);
    if (value === undefined) isLeft = true;
    return value ?? whole;
  });
  return isLeft ? text : result;
}
