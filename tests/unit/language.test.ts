import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { render, Source } from "@tsbake/base";
import { parseFile, type FileKind, type ParsedFile, type Statement } from "@tsbake/language";
import fc from "fast-check";
import { expectGolden } from "../support/golden.js";
import { root } from "../support/paths.js";

/**
 * A case is a folder with `input.bb` or `input.conf`, and `expected.txt`: its statements, then its diagnostics.
 * `bitbake.txt` has the statements, without places, that BitBake's own parser made of it (tests/golden/derive).
 */
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

/** One statement as BitBake's tree has it: kind and fields, in the form of `bitbake.txt`. */
function plain(statement: Statement): string {
  const [kind, fields] = plainParts(statement);
  return `${kind} ${json(fields)}`;
}

function plainParts(statement: Statement): [kind: string, fields: unknown] {
  const optional = (...parts: readonly (string | false | undefined)[]) =>
    parts.filter((part) => typeof part === "string");
  switch (statement.kind) {
    case "assignment": {
      const { name, flag, operator, value, exported } = statement;
      return ["assignment", [...optional(name, flag), operator, value, ...optional(exported && "export")]];
    }
    case "export":
      return ["export", statement.name];
    case "unset":
      return ["unset", optional(statement.name, statement.flag)];
    case "include":
      return [statement.form, statement.argument];
    case "inherit":
      return [statement.deferred ? "inherit_defer" : "inherit", statement.argument];
    case "function": {
      const { name, python, fakeroot, body } = statement;
      return ["function", [name, ...optional(python && "python", fakeroot && "fakeroot"), body]];
    }
    case "def":
      return ["def", [statement.name, statement.text.trimEnd()]];
    case "addtask":
      return ["addtask", { tasks: statement.tasks, before: statement.before, after: statement.after }];
    case "deltask":
      return ["deltask", statement.argument];
    case "addhandler":
      return ["addhandler", statement.handlers];
    case "EXPORT_FUNCTIONS":
      return ["EXPORT_FUNCTIONS", statement.functions];
    case "addpylib":
      return ["addpylib", [statement.directory, statement.namespace]];
    case "addfragments": {
      const { pathPrefix, fragmentsVariable, flaggedVariablesVariable, builtinVariable } = statement;
      return [
        "addfragments",
        optional(pathPrefix, fragmentsVariable, flaggedVariablesVariable, builtinVariable),
      ];
    }
  }
}

/** As Python's json.dumps writes it. */
function json(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(json).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([key, one]) => `${JSON.stringify(key)}: ${json(one)}`)
    .join(", ")}}`;
}

function parseCase(name: string): ParsedFile {
  const input = readdirSync(join(folder, name)).find((file) => file.startsWith("input."))!;
  const source = new Source(input, readFileSync(join(folder, name, input), "utf8"));
  return parseFile(source, input.endsWith(".conf") ? "conf" : "recipe");
}

/** Cases that we read otherwise on purpose (docs/differences.md). */
const DIFFERENT = new Set([
  // BitBake tells of them when it evaluates the assignment.
  "old-overrides",
  // BitBake joins the words around a second `after`.
  "clauses-repeated",
]);

describe("files, as BitBake's parser reads them", () => {
  test.each(readdirSync(folder).filter((name) => !DIFFERENT.has(name)))("%s", (name) => {
    const { statements, diagnostics } = parseCase(name);
    const isRefused = diagnostics.some(({ severity }) => severity === "error");
    const actual = isRefused ? "refused\n" : statements.map((one) => `${plain(one)}\n`).join("");
    expect(actual).toBe(readFileSync(join(folder, name, "bitbake.txt"), "utf8"));
  });
});

describe("files, one by one", () => {
  test.each(readdirSync(folder))("%s", (name) => {
    const { statements, diagnostics } = parseCase(name);
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
