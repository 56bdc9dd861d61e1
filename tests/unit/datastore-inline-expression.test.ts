import { describe, expect, test } from "@jest/globals";
import { inlineExpressions, replaceInline } from "@tsbake/datastore";
import fc from "fast-check";

/** BitBake's own pattern: right, and of cubic time on a line of beginnings without an end. */
const PATTERN = /\$\{@((?:\{[^\n]*?\}|[^\n])+?)\}/g;

const byPattern = (text: string) =>
  [...text.matchAll(PATTERN)].map((match) => ({
    start: match.index,
    end: match.index + match[0].length,
    code: match[1],
  }));

describe("inline expressions", () => {
  test.each([
    ["${@d.getVar('A')}", ["d.getVar('A')"]],
    ["a ${@x} b ${@y} c", ["x", "y"]],
    ["${@{'a': 1}['a']}", ["{'a': 1}['a']"]],
    ["${@{}}", ["{}"]],
    ["${@}", []],
    ["${@}}", ["}"]],
    ["${@x\n}", []],
    ["${@{x}", ["{x"]],
    ["${@{x}\n}", ["{x"]],
    ["${@${@x}", ["${@x"]],
  ])("%j", (text, codes) => {
    expect([...inlineExpressions(text)].map(({ code }) => code)).toEqual(codes);
  });

  test("are those of BitBake's pattern", () => {
    const piece = fc.constantFrom("${@", "${", "$", "{", "}", "x", " ", "\n", "@", "'");
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 24 }).map((all) => all.join("")),
        (text) => {
          expect([...inlineExpressions(text)]).toEqual(byPattern(text));
          const seen: string[] = [];
          const replaced = replaceInline(text, (code, whole) => {
            seen.push(whole);
            return `<${code}>`;
          });
          expect(replaced).toBe(text.replace(PATTERN, (_, code: string) => `<${code}>`));
          expect(seen).toEqual(text.match(PATTERN) ?? []);
        },
      ),
      { numRuns: 5000 },
    );
  });

  test.each(["${@", "${@{", "${@x{", "${@}", "${@{}\n"])("many of %j take linear time", (piece) => {
    const started = process.cpuUsage();
    expect([...inlineExpressions(piece.repeat(100_000))].length).toBeLessThanOrEqual(100_000);
    expect(process.cpuUsage(started).user / 1000).toBeLessThan(1000);
  });
});
