import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { BuildError, byText, render, Source, type Diagnostic } from "@tsbake/base";
import {
  Datastore,
  evaluateFile,
  finalize,
  listTasks,
  type EvaluationHost,
  type PythonHost,
} from "@tsbake/datastore";
import { parseFile } from "@tsbake/language";
import { expectGolden } from "../support/golden.js";
import { root } from "../support/paths.js";

/**
 * A case is a folder: `input.bb`, what it includes and inherits, and `expected.txt`: every variable, flag and task
 * after the last statement. The values of cases that do not begin with `error-` are what BitBake 2.19 gave.
 */
const folder = join(root, "tests/golden/datastore");
const names = readdirSync(folder).filter((name) => statSync(join(folder, name)).isDirectory());

const refuse = () => {
  throw new Error("no Python in these cases");
};
const python: PythonHost = {
  evaluate: refuse,
  define: () => {},
  check: refuse,
  execute: refuse,
  handle: () => {},
  addLibrary: refuse,
  visitCalls: refuse,
  mark: refuse,
  reset: refuse,
};

function hostOf(warnings: Diagnostic[]): EvaluationHost {
  return {
    load(path) {
      if (!existsSync(path)) return undefined;
      return parseFile(
        new Source(path, readFileSync(path, "utf8")),
        path.endsWith(".conf") ? "conf" : "recipe",
      );
    },
    python: () => python,
    warn: (diagnostic) => warnings.push(diagnostic),
  };
}

/** Not shown: what differs from run to run, or is not BitBake's. */
const HIDDEN = new Set(["FILE", "BBPATH", "BBINCLUDED"]);

function dump(d: Datastore): string {
  const lines: string[] = [];
  for (const name of [...d.keys()].sort(byText)) {
    if (name.startsWith("__") || HIDDEN.has(name)) continue;
    const value = d.getVar(name);
    if (value !== undefined) lines.push(`${name} = ${json(value)}`);
    const flags = [...(d.getVarFlags(name, { expand: true }) ?? [])];
    flags.sort(([left], [right]) => byText(left, right));
    for (const [flag, content] of flags) lines.push(`${name}[${flag}] = ${json(content)}`);
  }
  return `${[...lines, `tasks: ${[...listTasks(d).keys()].join(" ")}`].join("\n")}\n`;
}

/** As Python's json.dumps writes it. */
function json(value: unknown): string {
  return Array.isArray(value) ? `[${value.map(json).join(", ")}]` : JSON.stringify(value);
}

function evaluate(base: string): string {
  const d = new Datastore();
  d.setVar("BBPATH", base);
  d.setVar("__bbclasstype", "recipe");
  const warnings: Diagnostic[] = [];
  const host = hostOf(warnings);
  try {
    evaluateFile(host.load(join(base, "input.bb"))!, d, host);
    finalize(d, host);
    return dump(d);
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    return `${[...warnings, ...error.diagnostics].map(render).join("\n\n")}\n`;
  }
}

describe("files, as BitBake reads them", () => {
  test.each(names)("%s", (name) => {
    const base = join(folder, name);
    const mangled = base.replace(/[/.+\-@%&~]/g, "_");
    const actual = evaluate(base).replaceAll(`${base}/`, "@/").replaceAll(`${mangled}_`, "@_");
    expectGolden(join(base, "expected.txt"), actual);
  });

  test("there are cases", () => {
    expect(names.length).toBeGreaterThan(50);
  });
});
