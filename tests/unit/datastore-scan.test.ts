import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { byText, words } from "@tsbake/base";
import { scanPython, scanShell } from "@tsbake/datastore";
import fc from "fast-check";
import { root } from "../support/paths.js";

/**
 * The cases of a file in tests/golden/scan: title, text, and the lines from the first that begins as `isExpected` says.
 * A line `BitBake: ` says what BitBake makes of the text where we see more; tests/golden/derive writes it.
 */
function cases(file: string, isExpected: RegExp): [title: string, text: string, expected: string][] {
  const [, ...sections] = readFileSync(join(root, "tests/golden/scan", file), "utf8").split(/^=== /m);
  return sections.map((section) => {
    const [title = "", ...all] = section.replace(/\n$/, "").split("\n");
    const lines = all.filter((line) => !line.startsWith("BitBake: "));
    const at = lines.findIndex((line) => isExpected.test(line));
    const end = at === -1 ? lines.length : at;
    return [title, lines.slice(0, end).join("\n"), lines.slice(end).join("\n")];
  });
}

const sorted = (names: Iterable<string>) => [...names].sort(byText);

describe("the shell scanner", () => {
  test.each(cases("shell.txt", /^-->/))("%s", (_, text, expected) => {
    const { commands, problem } = scanShell(text);
    const shown = [["-->", ...sorted(commands)].join(" ")];
    if (problem) shown.push(`!!! ${problem.line}: ${problem.message}`);
    expect(shown.join("\n")).toBe(expected);
  });

  test("has its cases", () => {
    expect(cases("shell.txt", /^-->/).length).toBeGreaterThan(90);
  });

  const pieces = fc.constantFrom(
    " ",
    "\n",
    "\nE\n",
    ...words(
      "if then fi case in esac do done { } ( ) $( $(( )) ` ' \" ${ ; ;; && | <<E \\ # a b= eval $ [[ =(",
    ),
  );
  test("never throws, whatever the text", () => {
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 60 }), (parts) => {
        expect(scanShell(parts.join("")).commands).toBeInstanceOf(Set);
        expect(scanShell(parts.join(" ")).commands).toBeInstanceOf(Set);
      }),
      { numRuns: 1000 },
    );
  });

  test.each(["(", "{ ", "$(", "`", "${x:-", "$((", '"$(', "if ", "f() { ", "eval eval "])(
    "survives ten thousand times %j",
    (piece) => {
      expect(scanShell(piece.repeat(10_000)).commands).toBeInstanceOf(Set);
    },
  );

  test("sees every command of a list, and none in quotes", () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9_]{0,8}$/).filter((word) => !RESERVED.has(word));
    fc.assert(
      fc.property(
        fc.array(name, { minLength: 1 }),
        fc.constantFrom("; ", " | ", "\n", " && "),
        (names, between) => {
          const text = names.map((one) => `${one} 'quoted; ${one}x' "$(${one}_in)"`).join(between);
          expect(scanShell(text).commands).toEqual(new Set(names.flatMap((one) => [one, `${one}_in`])));
        },
      ),
    );
  });
});

const RESERVED = new Set(
  "if then elif else fi while until for select do done case esac eval function".split(" "),
);

describe("the Python scanner", () => {
  test.each(cases("python.txt", /^(refs|calls|contains): /))("%s", (_, text, expected) => {
    const { references, calls, contains } = scanPython(text);
    const shown: string[] = [];
    if (references.size > 0) shown.push(["refs:", ...sorted(references)].join(" "));
    if (calls.size > 0) shown.push(["calls:", ...sorted(calls)].join(" "));
    for (const name of sorted(contains.keys())) {
      shown.push(["contains:", name, ...sorted(contains.get(name)!).map((item) => `{${item}}`)].join(" "));
    }
    expect(shown.join("\n")).toBe(expected);
  });

  test("has its cases", () => {
    expect(cases("python.txt", /^(refs|calls|contains): /).length).toBeGreaterThan(50);
  });

  test("tells the texts given to expand", () => {
    expect(scanPython(`d.expand("a ${"${B}"}"); d.expand('x')`).expansions).toEqual(["a ${B}", "x"]);
  });

  const pieces = fc.constantFrom(
    " ",
    "\n",
    "def ",
    ...words(
      "d.getVar ( ) ' \" ''' \"\"\" f' { } {{ : !r \\ # , . bb.utils.contains d.expand '${@ }' x 1 def [ ] = \\x4 \\U00110000",
    ),
  );
  test("never throws, whatever the text", () => {
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 60 }), (parts) => {
        expect(scanPython(parts.join("")).references).toBeInstanceOf(Set);
      }),
      { numRuns: 1000 },
    );
  });

  test.each(["(", "f'{", "a.", "d.expand('${@", "'", "f'''{x:", "[a("])(
    "survives ten thousand times %j",
    (piece) => {
      expect(scanPython(piece.repeat(10_000)).calls).toBeInstanceOf(Set);
    },
  );

  test("finds a variable however it is quoted", () => {
    const quote = fc.constantFrom("'", '"', "'''", '"""');
    fc.assert(
      fc.property(
        fc.stringMatching(/^[A-Z][A-Za-z0-9_:-]*$/),
        quote,
        fc.constantFrom("", "r", "u"),
        (name, mark, prefix) => {
          expect(scanPython(`x = d.getVar(${prefix}${mark}${name}${mark})`).references).toEqual(
            new Set([name]),
          );
        },
      ),
    );
  });
});
