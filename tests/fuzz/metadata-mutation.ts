/** Real files with something done to them: what an editor, a merge, a bad disk or an attacker would do. */
import fc from "fast-check";

interface Change {
  readonly kind:
    "delete" | "duplicate" | "move" | "insert" | "replace" | "repeat" | "line" | "swap" | "splice" | "cut";
  /** Where, as parts of the text. */
  readonly from: number;
  readonly to: number;
  readonly length: number;
  readonly text: string;
}

/** What is put in: the characters and words that mean something in a metadata file. */
const PIECES = [
  '"',
  "'",
  "\\",
  "\\\n",
  "\n",
  "\r\n",
  "${",
  "}",
  "${@",
  "{",
  "#",
  "\n#",
  ":",
  ":append",
  ":remove",
  ":prepend",
  "[",
  "]",
  "[x]",
  "=",
  " = ",
  " ?= ",
  "??=",
  ":=",
  "+=",
  "(",
  ")",
  "() {\n",
  "\n}\n",
  "python ",
  "def f(d):\n",
  "\t",
  "\u0000",
  "\ufeff",
  "\u2028",
  "é",
  "\ud800",
  "inherit ",
  "require ",
  "include ",
  "addtask ",
  "after ",
  "before ",
  "export ",
  "unset ",
  "${PN}",
  "${${PN}}",
  "`",
  "$(",
  "<<EOF\n",
  "''' ",
  "override",
  "_append",
  "EXPORT_FUNCTIONS ",
  "\n  ",
  "fakeroot ",
  "../",
  "%",
  "/",
  "OVERRIDES",
  'OVERRIDES = "${OVERRIDES}"\n',
  'A = "${A}"\n',
];

const part = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });

export const changes: fc.Arbitrary<readonly Change[]> = fc.array(
  fc.record({
    kind: fc.constantFrom(
      "delete",
      "duplicate",
      "move",
      "insert",
      "insert",
      "insert",
      "replace",
      "repeat",
      "line",
      "swap",
      "splice",
      "cut",
    ),
    from: part,
    to: part,
    length: fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 1, max: 12 }) },
      { weight: 1, arbitrary: fc.integer({ min: 13, max: 400 }) },
    ),
    text: fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom(...PIECES) },
      { weight: 1, arbitrary: fc.string({ maxLength: 8 }) },
    ),
  }),
  { minLength: 1, maxLength: 5 },
);

/** Longer files are none that anybody writes. */
const LONGEST = 200_000;
/** How often a piece is repeated to show patterns that take more than linear time. */
const REPEATS = 3000;

/** @param other the text that pieces are taken from for `splice` */
export function mutate(text: string, all: readonly Change[], other: string): string {
  let now = text;
  for (const change of all) now = once(now, change, other).slice(0, LONGEST);
  return now;
}

function once(text: string, { kind, from, to, length, text: piece }: Change, other: string): string {
  const start = Math.floor(from * (text.length + 1));
  const end = Math.min(start + length, text.length);
  const place = Math.floor(to * (text.length + 1));
  const taken = text.slice(start, end);
  switch (kind) {
    case "delete":
      return text.slice(0, start) + text.slice(end);
    case "duplicate":
      return text.slice(0, end) + taken + text.slice(end);
    case "move": {
      const rest = text.slice(0, start) + text.slice(end);
      return rest.slice(0, place) + taken + rest.slice(place);
    }
    case "insert":
      return text.slice(0, start) + piece + text.slice(start);
    case "replace":
      return text.slice(0, start) + piece + text.slice(end);
    case "repeat":
      return text.slice(0, start) + (piece === "" ? taken : piece).repeat(REPEATS) + text.slice(start);
    case "line":
      return onLines(
        text,
        (lines) => void lines.splice(Math.floor(from * lines.length), Math.min(length, 4)),
      );
    case "swap":
      return onLines(text, (lines) => {
        const [one, two] = [Math.floor(from * lines.length), Math.floor(to * lines.length)];
        [lines[one], lines[two]] = [lines[two]!, lines[one]!];
      });
    case "splice": {
      const begin = Math.floor(to * other.length);
      return text.slice(0, start) + other.slice(begin, begin + length * 10) + text.slice(start);
    }
    case "cut":
      return text.slice(0, start);
  }
}

function onLines(text: string, change: (lines: string[]) => void): string {
  const lines = text.split("\n");
  change(lines);
  return lines.join("\n");
}
