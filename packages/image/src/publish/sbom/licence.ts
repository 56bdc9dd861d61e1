/** LICENSE of a recipe, in OE-core's form (`A & (B | C)`), as an SPDX licence expression. */
import { isSupportedSpdxId } from "@cyclonedx/cyclonedx-library/SPDX";

export interface Licence {
  /** An SPDX expression; names that SPDX does not know are `LicenseRef-NAME`. */
  readonly expression: string;
  /** It is one licence that SPDX knows. */
  readonly isKnownId: boolean;
}

const OPERATORS: Readonly<Record<string, string>> = { "&": "AND", "|": "OR", AND: "AND", OR: "OR" };

/** @returns undefined for a text that is no such expression, such as one with a sentence in it */
export function licenceOf(text: string): Licence | undefined {
  const tokens = text.match(/[()&|]|[^\s()&|]+/g) ?? [];
  const parts: string[] = [];
  let depth = 0;
  let wantsName = true;
  for (const token of tokens) {
    const operator = Object.hasOwn(OPERATORS, token) ? OPERATORS[token] : undefined;
    // `(` stands where a name could, everything else but names where one has been.
    const opens = token === "(";
    const closes = token === ")";
    if (wantsName === (operator !== undefined || closes)) return undefined;
    if (opens) depth++;
    else if (closes) depth--;
    else wantsName = operator !== undefined;
    if (depth < 0) return undefined;
    parts.push(operator ?? (opens || closes ? token : nameOf(token)));
  }
  if (wantsName || depth > 0) return undefined;
  const expression = parts.join(" ").replaceAll("( ", "(").replaceAll(" )", ")");
  return { expression, isKnownId: parts.length === 1 && isSupportedSpdxId(expression) };
}

/** A text that is no expression, as a licence of its own name. */
export function licenceReference(text: string): string {
  return `LicenseRef-${text.replace(/[^A-Za-z0-9.-]+/g, "-")}`;
}

function nameOf(token: string): string {
  const isKnown = isSupportedSpdxId(token.replace(/\+$/, "")) || /^LicenseRef-[A-Za-z0-9.-]+$/.test(token);
  return isKnown ? token : licenceReference(token);
}
