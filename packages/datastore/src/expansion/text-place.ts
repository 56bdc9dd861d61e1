/** From a text that was put together out of several statements back to the line of the file where a part of it stands. */
import { spanOfLine, type Span } from "@tsbake/base";
import type { Piece } from "../variables/variable.js";

/** What is asked of a datastore. */
export interface Texts {
  pieces(name: string): readonly Piece[];
  spanOf(name: string): Span | undefined;
  expand(text: string): string;
}

/**
 * Where line `line` (from 1) of a function's text stands.
 *
 * @param text the function as it ran, expanded or not
 * @returns undefined when what stands there was put in by expansion over several lines, or by Python
 */
export function placeOfBodyLine(d: Texts, name: string, text: string, line: number): Span | undefined {
  for (const { text: raw, at } of d.pieces(name)) {
    const piece = [raw, ...expanded(d, raw)].find((one) => one !== "" && text.includes(one));
    if (piece === undefined) continue;
    const before = countLines(text.slice(0, text.indexOf(piece)));
    const within = line - 1 - before;
    const last = piece.endsWith("\n") ? countLines(piece) - 1 : countLines(piece);
    // More lines than were written: what stands where is anybody's guess.
    if (within < 0 || within > last || countLines(piece) !== countLines(raw)) continue;
    const head = at.source.place(at.start).line;
    return spanOfLine(at.source, (startsWithBody(raw, at) ? head : head + 1) + within);
  }
  return undefined;
}

/** Whether the text begins on the line where its statement does: a `def`, or a value. */
function startsWithBody(raw: string, at: Span): boolean {
  const { text } = at.source;
  const end = text.indexOf("\n", at.start);
  const statement = text.slice(at.start, end === -1 ? undefined : end);
  return statement.startsWith("def ") ? raw.startsWith("def ") : !/^[^"'=]*\(\s*\)/.test(statement);
}

/** Where `part`, a piece of one line of the value of `name`, is written. */
export function placeOfPart(d: Pick<Texts, "pieces">, name: string, part: string): Span | undefined {
  if (part === "") return undefined;
  for (const { text, at } of d.pieces(name)) {
    if (!text.includes(part)) continue;
    const after = at.source.text.indexOf(part, at.start);
    // `+=` keeps the place of the last statement only; the part may be in one above.
    const start = after === -1 ? at.source.text.lastIndexOf(part, at.start) : after;
    if (start !== -1) return { source: at.source, start, end: start + part.length };
  }
  return undefined;
}

/** A word of a list, and the variable in whose statement it is written. */
export interface WordPlace {
  readonly variable: string;
  readonly at: Span;
}

/**
 * Where `word` got into the value of one of `names`: there, in an override variant, or in a variable that they refer to.
 * A word that Python or another reference put together is found nowhere.
 */
export function placeOfWord(
  d: Pick<Texts, "pieces">,
  names: readonly string[],
  word: string,
): WordPlace | undefined {
  const literal = word.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  const test = new RegExp(`(?<![\\w.+/:-])${literal}(?![\\w.+/-])`);
  const seen = new Set(names);
  for (const variable of seen) {
    for (const { text, at } of d.pieces(variable)) {
      if (test.test(text)) {
        const rest = at.source.text.slice(at.start);
        const start = rest.search(test);
        const span = { source: at.source, start: at.start + start, end: at.start + start + word.length };
        return { variable, at: start === -1 ? at : span };
      }
      for (const [, name] of text.matchAll(/\$\{([^${}@]+)\}/g)) if (seen.size < 50) seen.add(name!);
    }
  }
  return undefined;
}

/** A message that names a variable, and perhaps quotes a word of it, is about that one. */
export function placeOfMessage(d: Texts, message: string): Span | undefined {
  for (const [name] of message.matchAll(/\b[A-Z][A-Z0-9_]{2,}\b/g)) {
    if (d.pieces(name).length === 0) continue;
    for (const [, word = ""] of message.matchAll(/['"`]([^'"`\s]+)['"`]/g)) {
      const place = placeOfPart(d, name, word);
      if (place) return place;
    }
    return d.spanOf(name);
  }
  return undefined;
}

function expanded(d: Texts, text: string): string[] {
  if (!text.includes("${")) return [];
  try {
    return [d.expand(text)];
  } catch {
    // It is told where it matters.
    return [];
  }
}

function countLines(text: string): number {
  let lines = 0;
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) lines++;
  return lines;
}
