import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { render, Source } from "@tsbake/base";
import { parseFile, type FileKind, type ParsedFile, type Statement } from "@tsbake/language";
import fc from "fast-check";
import { expectGolden } from "../support/golden.js";
import { root } from "../support/paths.js";

/** A case is a folder with `input.bb` or `input.conf`, and `expected.txt`: its statements, then its diagnostics. */
const folder = join(root, "tests/golden/language");

function parse(text: string, kind: FileKind = "recipe"): ParsedFile {
  return parseFile(new Source("input", text), kind);
}

/** One statement on one line: its place, its words, and its fields. */
function show({ kind, at, ...fields }: Statement): string {
  const { line, column } = at.source.place(at.start);
  const words = at.source.text.slice(at.start, at.end);
  return `${line}:${column} ${kind} ${JSON.stringify(words)} ${JSON.stringify(fields)}`;
}

describe("files, one by one", () => {
  test.each(readdirSync(folder))("%s", (name) => {
    const input = readdirSync(join(folder, name)).find((file) => file.startsWith("input."))!;
    const source = new Source(input, readFileSync(join(folder, name, input), "utf8"));
    const { statements, diagnostics } = parseFile(source, input.endsWith(".conf") ? "conf" : "recipe");
    const parts = [statements.map(show).join("\n"), ...diagnostics.map(render)];
    expectGolden(join(folder, name, "expected.txt"), `${parts.filter((part) => part !== "").join("\n\n")}\n`);
  });
});

describe("any text", () => {
  const line = fc.oneof(
    fc.string(),
    fc.constantFrom(
      "A = \\",
      '"b"',
      "do_x() {",
      "}",
      "python () {",
      "def f():",
      "    pass",
      "# c \\",
      "addtask a after",
      'A_append = "x"',
      "unset A[f]",
      "inherit",
      "",
      "\\",
    ),
  );
  const text = fc.array(line).map((lines) => lines.join("\n"));

  test("is parsed without a throw, and every diagnostic can be shown", () => {
    fc.assert(
      fc.property(text, fc.constantFrom<FileKind>("recipe", "conf"), (input, kind) => {
        const { source, statements, diagnostics } = parse(input, kind);
        for (const { at } of [...statements, ...diagnostics]) {
          expect(at!.source).toBe(source);
          expect(at!.start).toBeGreaterThanOrEqual(0);
          expect(at!.end).toBeLessThanOrEqual(source.text.length);
          expect(at!.start).toBeLessThanOrEqual(at!.end);
        }
        for (const one of diagnostics) {
          expect(render(one)).toContain(one.code);
          expect(one.help).toBeTruthy();
        }
      }),
      { numRuns: 500 },
    );
  });

  test.each(["+=", "A:", "{", "${", '"', " ", "before ", "\\\n", "addtask "])(
    "a long line of %j ends",
    (piece) => {
      expect(parse(piece.repeat(20_000)).statements.length).toBeLessThan(2);
    },
  );
});

describe("an assignment", () => {
  const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9:.+-]*$/).filter((one) => !/[:.+]$/.test(one));
  const flag = fc.option(fc.stringMatching(/^[a-z_][a-z@/_-]*$/), { nil: undefined });
  const operator = fc.constantFrom("=", "?=", "??=", ":=", "+=", "=+", ".=", "=.");
  const value = fc.stringMatching(/^[ -!#-~]*$/).filter((one) => !one.endsWith("\\"));

  test("comes back as it was written", () => {
    fc.assert(
      fc.property(name, flag, operator, value, fc.boolean(), (name, flag, operator, value, exported) => {
        const left = flag === undefined ? name : `${name}[${flag}]`;
        const text = `${exported ? "export " : ""}${left} ${operator} "${value}"\n`;
        const { statements } = parse(text);
        expect(statements).toHaveLength(1);
        expect(statements[0]).toMatchObject({ kind: "assignment", name, operator, value, exported });
        expect(text.slice(statements[0]!.at.start, statements[0]!.at.end)).toBe(left);
      }),
    );
  });

  test("is the same over any number of lines", () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z ]*$/)), (pieces) => {
        const { statements } = parse(`A = "${pieces.map((piece) => `${piece}\\\n`).join("")}"\n`);
        expect(statements[0]).toMatchObject({ value: pieces.join("") });
      }),
    );
  });
});
