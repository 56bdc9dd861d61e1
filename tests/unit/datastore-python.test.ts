import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { type BuildError, Source, type Diagnostic } from "@tsbake/base";
import {
  Datastore,
  evaluateFile,
  ExpansionError,
  finalize,
  fireEvent,
  inheritClass,
  PythonError,
  registerHandlers,
  SkipRecipe,
  type EvaluationHost,
  type PythonHost,
  type VisitedCalls,
} from "@tsbake/datastore";
import { parseFile } from "@tsbake/language";
import { root } from "../support/paths.js";
import { problemOf } from "../support/problem-of.js";

type Function = (d: Datastore) => unknown;

/** A Python of a few known texts: what each does is told in TypeScript. */
class FakePython implements PythonHost {
  readonly #functions: Readonly<Record<string, Function>>;
  readonly log: string[] = [];

  constructor(functions: Readonly<Record<string, Function>>) {
    this.#functions = functions;
  }

  evaluate(expression: string, d: Datastore): string {
    this.log.push(`evaluate ${expression}`);
    return String(this.#call(expression, d));
  }
  define(text: string): void {
    this.log.push(`define ${text.split("\n")[0]}`);
  }
  check(_name: string, body: string): void {
    if (body.includes("syntax error")) throw new PythonError("SyntaxError", "invalid syntax", []);
  }
  execute(_name: string, body: string, _place: unknown, d: Datastore): void {
    this.log.push(`execute ${body.trim()}`);
    this.#call(body.trim(), d);
  }
  handle(
    name: string,
    body: string,
    place: { line: number },
    event: { eventClass: string; attributes: Readonly<Record<string, unknown>> },
    d: Datastore,
  ): void {
    this.log.push(`${name}:${place.line} ${event.eventClass} ${JSON.stringify(event.attributes)}`);
    this.#functions[body.trim()]?.(d);
  }
  addLibrary(directory: string, namespace: string): [] {
    this.log.push(`library ${directory} ${namespace}`);
    return [];
  }
  visitCalls(): VisitedCalls {
    return { contains: {}, calls: [] };
  }
  mark(): void {}
  reset(): void {}

  #call(text: string, d: Datastore): unknown {
    const found = this.#functions[text];
    if (found === undefined) throw new PythonError("NameError", `name '${text}' is not defined`, []);
    return found(d);
  }
}

function open(functions: Readonly<Record<string, Function>> = {}, trackHistory = false) {
  const python = new FakePython(functions);
  return { python, d: new Datastore({ python: () => python, trackHistory }) };
}

/** Files of a made-up folder `/r`, evaluated from `/r/x.bb`. */
function evaluate(
  files: Readonly<Record<string, string>>,
  functions: Readonly<Record<string, Function>> = {},
  trackHistory = false,
) {
  const { python, d } = open(functions, trackHistory);
  const warnings: Diagnostic[] = [];
  const looked: string[] = [];
  const host: EvaluationHost = {
    load(path) {
      looked.push(path);
      const text = files[path.replace(/^\/r\//, "")];
      if (text === undefined) return undefined;
      return parseFile(new Source(path, text), path.endsWith(".conf") ? "conf" : "recipe");
    },
    python: () => python,
    warn: (diagnostic) => warnings.push(diagnostic),
  };
  d.setVar("BBPATH", "/r");
  const run = () => {
    evaluateFile(host.load("/r/x.bb")!, d, host);
    finalize(d, host);
    return d;
  };
  return { python, d, host, warnings, looked, run };
}

function firstProblemOf(run: () => unknown): Diagnostic {
  return problemOf(run).diagnostics[0]!;
}

describe("inline Python", () => {
  test("the code is substituted, then evaluated without the blanks around it", () => {
    const { d, python } = open({ "f('green')": () => "leaf" });
    d.setVar("COLOUR", "green");
    d.setVar("A", "<${@ f('${COLOUR}') }>");
    expect(d.getVar("A")).toBe("<leaf>");
    expect(python.log).toEqual(["evaluate f('green')"]);
  });

  test("one level of braces may stand inside", () => {
    const { d } = open({ "{'a': 1}['a']": () => 1 });
    expect(d.expand("${@{'a': 1}['a']}!")).toBe("1!");
  });

  test("a result may name a variable", () => {
    const { d } = open({ name: () => "B" });
    d.setVar("B", "value");
    expect(d.expand("${${@name}}")).toBe("value");
  });

  test("code with an unknown reference is not run, its neighbours are", () => {
    const { d, python } = open({ one: () => 1 });
    expect(d.expand("${@one} ${@f('${NOSUCH}')}")).toBe("1 ${@f('${NOSUCH}')}");
    expect(python.log).toEqual(["evaluate one"]);
  });

  test("an unterminated string leaves the text as it is", () => {
    const { d } = open({
      "'": () => {
        throw new PythonError("SyntaxError", "unterminated string literal (detected at line 1)", []);
      },
    });
    expect(d.expand("a ${@'}'} b")).toBe("a ${@'}'} b");
  });

  test("code ends with its line", () => {
    const { d, python } = open();
    expect(d.expand("${@one\n}")).toBe("${@one\n}");
    expect(python.log).toEqual([]);
  });

  test("a value is computed once until something is written", () => {
    const { d, python } = open({ f: () => "v" });
    d.setVar("A", "${@f}");
    expect([d.getVar("A"), d.getVar("A"), d.createCopy().getVar("A")]).toEqual(["v", "v", "v"]);
    expect(python.log).toHaveLength(1);
    d.setVar("B", "");
    d.getVar("A");
    expect(python.log).toHaveLength(2);
  });

  test("a copy's values do not come back through a shared memory", () => {
    const { d } = open({ "d.getVar('B')": (store) => store.getVar("B") });
    d.setVar("A", "${@d.getVar('B')}");
    d.setVar("B", "1");
    const copy = d.createCopy();
    copy.setVar("B", "2");
    expect([copy.getVar("A"), d.getVar("A")]).toEqual(["2", "1"]);
  });

  test("what was read is told, also from memory", () => {
    const { d } = open({ "f('x')": () => "y" });
    d.setVar("X", "x");
    d.setVar("A", "${X} ${@f('${X}')} ${NOSUCH}");
    const expected = { value: "x y ${NOSUCH}", references: new Set(["X", "NOSUCH"]), inline: ["f('x')"] };
    expect(d.expandWithReferences("${X} ${@f('${X}')} ${NOSUCH}", "A")).toEqual(expected);
    d.getVar("A");
    expect(d.expandWithReferences("${X} ${@f('${X}')} ${NOSUCH}", "A")).toEqual(expected);
  });

  test("OVERRIDES made by Python follows what the code read", () => {
    const { d } = open({ "d.getVar('M')": (store) => store.getVar("M") });
    d.setVar("M", "arm");
    d.setVar("OVERRIDES", "${@d.getVar('M')}");
    d.setVar("A", "no", { parsing: true });
    d.setVar("A:arm", "yes", { parsing: true });
    expect(d.getVar("A")).toBe("yes");
    d.setVar("M", "x86");
    expect(d.getVar("A")).toBe("no");
  });

  test("only words that a remove takes away count", () => {
    const { d } = open();
    d.setVar("A", "a b", { parsing: true });
    d.setVar("A:remove", "b", { parsing: true });
    d.setVar("A:remove", "c", { parsing: true });
    expect(d.rawWithRemoves("A")).toEqual({ value: "a b", removes: ["b"] });
  });
});

describe("failures of expansion", () => {
  test("tell the expression, the exception and the way to it", () => {
    const { d } = open();
    d.setVar("C", "${@nosuch}");
    d.setVar("B", "b ${C}");
    d.setVar("A", "a ${B}");
    let thrown: unknown;
    try {
      d.getVar("A");
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ExpansionError);
    const error = thrown as ExpansionError;
    expect(error.chain).toEqual(["A", "B", "C"]);
    expect(error.diagnostics).toMatchObject([
      {
        code: "datastore/expansion",
        message: "`C` cannot be expanded: NameError: name 'nosuch' is not defined, in `${@nosuch}`",
        help: expect.stringContaining("`A` -> `B` -> `C`"),
      },
    ]);
  });

  test.each([
    ["direct", { A: "${A}" }],
    ["indirect", { A: "${B}", B: "${C}", C: "${A}" }],
    ["through Python", { A: "${@d.getVar('B')}", B: "${A}" }],
    ["through a flag and back", { A: "${@d.getVarFlag('A', 'f')}" }],
  ])("a loop, %s", (_, values) => {
    const { d } = open({
      "d.getVar('B')": (store) => store.getVar("B"),
      "d.getVarFlag('A', 'f')": (store) => store.getVarFlag("A", "f"),
    });
    for (const [name, value] of Object.entries(values)) d.setVar(name, value!);
    d.setVarFlag("A", "f", "${A}");
    expect(() => d.getVar("A")).toThrow(ExpansionError);
    d.setVar("A", "fine");
    expect(d.getVar("A")).toBe("fine");
  });

  test("a loop through ever new copies ends", () => {
    const { d } = open({ "d.createCopy().getVar('A')": (store) => store.createCopy().getVar("A") });
    d.setVar("A", "${@d.createCopy().getVar('A')}");
    expect(() => d.getVar("A")).toThrow(ExpansionError);
  });

  test("a text that never settles", () => {
    const { d } = open({ f: () => "${@f} " });
    expect(() => d.expand("${@f}")).toThrow(/still changes/);
  });

  test("a list where text is needed", () => {
    const { d } = open();
    d.setVar("L", ["a"]);
    expect(() => d.expand("${L}")).toThrow(/`L` holds no text/);
  });

  test("no Python at all", () => {
    expect(() => new Datastore().expand("${@1}")).toThrow(/no Python/);
  });

  test("SkipRecipe passes through", () => {
    const { d } = open({
      skip: () => {
        throw new PythonError("bb.parse.SkipRecipe", "not here", []);
      },
    });
    d.setVar("A", "${@skip}");
    d.setVar("B", "${A}");
    expect(() => d.getVar("B")).toThrow(new SkipRecipe("not here"));
  });
});

describe("values as Python shows them", () => {
  test.each([
    [5, "5"],
    [true, "True"],
    [["a", 1, null], "['a', 1, None]"],
    ["it's", "it's"],
    [["it's"], `["it's"]`],
    [new Set(["x"]), "{'x'}"],
    [new Map([["k", false]]), "{'k': False}"],
  ])("%j", (value, text) => {
    const d = new Datastore();
    d.setVar("A", value);
    expect(d.getText("A")).toBe(text);
  });
});

describe("functions, anonymous Python and handlers", () => {
  test("anonymous functions run in order, after keys are expanded", () => {
    const { run, python } = evaluate(
      { "x.bb": 'python () {\n    one\n}\nK = "k"\nA${K} = "v"\npython __anonymous() {\n    two\n}\n' },
      { one: (d) => d.setVar("SEEN", d.getVar("Ak") ?? "no"), two: (d) => d.appendVar("SEEN", "!") },
    );
    expect(run().getVar("SEEN")).toBe("v!");
    expect(python.log).toEqual(["execute one", "execute two"]);
  });

  test("flags of functions", () => {
    const { run } = evaluate({
      "x.bb": 'A = "1"\n\nfakeroot python do_x() {\n    pass\n}\ndef helper(d):\n    return 1\ndo_y() {\n}\n',
    });
    const d = run();
    expect(Object.fromEntries(d.getVarFlags("do_x")!)).toEqual({
      func: 1,
      python: "1",
      fakeroot: "1",
      filename: "/r/x.bb",
      lineno: "3",
    });
    expect(d.getVar("do_x")).toBe("    pass\n");
    expect(d.getVarFlag("helper", "lineno")).toBe("5");
    expect(d.getVarFlag("do_y", "python")).toBeUndefined();
    expect(d.placeOf("do_x")).toEqual({ file: "/r/x.bb", line: 3 });
  });

  test("a syntax error of anonymous Python stands at the function", () => {
    const { run } = evaluate({ "x.bb": "python () {\n    syntax error\n}\n" });
    expect(firstProblemOf(run)).toMatchObject({ code: "datastore/python-failed", at: { start: 0 } });
  });

  test("an exception is told at the innermost line of metadata, with the calls before it", () => {
    const { run } = evaluate(
      {
        "x.bb": "inherit c\npython () {\n    call()\n}\n",
        "classes/c.bbclass": "def f():\n    return 1/0\n",
      },
      {
        "call()": () => {
          throw new PythonError("ZeroDivisionError", "division by zero", [
            { file: "/r/x.bb", line: 3, function: "__anon" },
            { file: "/r/classes/c.bbclass", line: 2, function: "f" },
          ]);
        },
      },
    );
    const problem = firstProblemOf(run);
    expect(problem.message).toBe("anonymous Python raised ZeroDivisionError: division by zero");
    expect(problem.at!.source.path).toBe("/r/classes/c.bbclass");
    expect(problem.at!.source.place(problem.at!.start)).toMatchObject({ line: 2, column: 5 });
    expect(problem.notes).toMatchObject([{ message: "called in `__anon`" }]);
  });

  test("what Python gave up on is told with its place", () => {
    const { run } = evaluate(
      { "x.bb": "python () {\n    bb.fatal('x')\n}\n" },
      {
        "bb.fatal('x')": () => {
          throw new PythonError("bb.BBHandledException", "", []);
        },
      },
    );
    expect(firstProblemOf(run)).toMatchObject({ code: "datastore/python-gave-up", at: { start: 0 } });
  });

  test("an exception in a condition stands at its line", () => {
    const { run } = evaluate({ "x.bb": 'A = "1"\ninherit ${@nosuch}\n' });
    const problem = firstProblemOf(run);
    expect(problem.code).toBe("datastore/expansion");
    expect(problem.at!.source.place(problem.at!.start).line).toBe(2);
  });

  test("handlers hear the events they ask for, in order, the recipe's own from its end on", () => {
    const { d, host, python } = evaluate({
      "base.conf": "",
      "classes/base.bbclass":
        'addhandler all\npython all() {\n    a\n}\naddhandler some\npython some() {\n    s\n}\nsome[eventmask] = "bb.event.RecipePreFinalise bb.event.Other"\n',
      "x.bb":
        'addhandler own\npython own() {\n    o\n}\nown[eventmask] = "bb.event.RecipeParsed"\ninherit_defer ${L}\nL = "late"\n',
      "classes/late.bbclass": "addtask t\n",
    });
    inheritClass("base", d, host);
    registerHandlers(d);
    const recipe = d.createCopy();
    evaluateFile(host.load("/r/x.bb")!, recipe, host);
    finalize(recipe, host);
    expect(python.log).toEqual([
      'all:3 bb.event.RecipePreDeferredInherits {"fn":"/r/x.bb","inherits":["${L}"]}',
      'all:3 bb.event.RecipePreFinalise {"fn":"/r/x.bb"}',
      'some:7 bb.event.RecipePreFinalise {"fn":"/r/x.bb"}',
      'all:3 bb.event.RecipePostKeyExpansion {"fn":"/r/x.bb"}',
      'all:3 bb.event.RecipeTaskPreProcess {"fn":"/r/x.bb","tasklist":["do_t"]}',
      'all:3 bb.event.RecipeParsed {"fn":"/r/x.bb"}',
      'own:3 bb.event.RecipeParsed {"fn":"/r/x.bb"}',
    ]);
    fireEvent({ eventClass: "bb.event.Other", attributes: {} }, d, host);
    expect(python.log).toHaveLength(9);
  });
});

describe("evaluation", () => {
  test("a search looks at every earlier place", () => {
    const { run, looked, d } = evaluate({
      "x.bb": "include sub/a.inc\ninherit c\n",
      "classes/c.bbclass": "",
    });
    d.setVar("BBPATH", "/q:/r");
    run();
    expect(looked.slice(1)).toEqual([
      "/r/sub/a.inc",
      "/q/sub/a.inc",
      "/r/sub/a.inc",
      "/q/classes-recipe/c.bbclass",
      "/r/classes-recipe/c.bbclass",
      "/q/classes/c.bbclass",
      "/r/classes/c.bbclass",
    ]);
    expect(d.getText("BBINCLUDED")!.split(" ")).toEqual([
      "/r/x.bb",
      "/r/sub/a.inc",
      "/q/sub/a.inc",
      "/q/classes-recipe/c.bbclass",
      "/r/classes-recipe/c.bbclass",
      "/q/classes/c.bbclass",
      "/r/classes/c.bbclass",
    ]);
  });

  test("a file named twice is read twice, with a warning", () => {
    const { run, warnings, d } = evaluate({
      "x.bb": "require a.inc\nrequire a.inc\n",
      "a.inc": 'A .= "1"\n',
    });
    run();
    expect(d.getVar("A")).toBe("11");
    expect(warnings.map(({ code }) => code)).toEqual(["datastore/duplicate-inclusion"]);
  });

  test("copies do not know one another's files", () => {
    const { host, warnings, d } = evaluate({ "x.bb": "", "a.inc": "", "y.bbappend": "require a.inc\n" });
    evaluateFile(host.load("/r/x.bb")!, d, host);
    for (const variant of [d.createCopy(), d.createCopy()]) {
      evaluateFile(host.load("/r/y.bbappend")!, variant, host);
      expect(variant.getVar("FILE")).toBe("/r/x.bb");
    }
    expect(warnings).toEqual([]);
  });

  test("a file that names itself is passed over", () => {
    const { run } = evaluate({ "x.bb": 'A .= "1"\nrequire x.bb\nrequire /r/x.bb\n' });
    expect(run().getVar("A")).toBe("1");
  });

  test("all renamed variables of a file are told at once, with what stopped it", () => {
    const { run } = evaluate({
      "x.bb": 'BB_ENV_WHITELIST = "1"\nMULTI_PROVIDER_WHITELIST = "2"\nrequire nosuch.inc\n',
    });
    let codes: string[] = [];
    try {
      run();
    } catch (error) {
      codes = (error as BuildError).diagnostics.map(({ code }) => code);
    }
    expect(codes).toEqual([
      "datastore/renamed-variable",
      "datastore/renamed-variable",
      "datastore/missing-include",
    ]);
  });

  test("addpylib belongs to the configuration", () => {
    const { python, host, d } = evaluate({ "layer.conf": "addpylib ${LAYERDIR}/lib bb\n" });
    const read = () => evaluateFile(host.load("/r/layer.conf")!, d, host);
    d.setVar("LAYERDIR", "/nowhere");
    expect(firstProblemOf(read).code).toBe("datastore/missing-python-library");
    const layer = join(root, "packages/python");
    d.setVar("LAYERDIR", layer);
    read();
    expect(python.log).toEqual([`library ${layer}/lib bb`]);
    d.setVar("__bbclasstype", "recipe");
    expect(firstProblemOf(() => evaluateFile(host.load("/r/layer.conf")!, d, host)).code).toBe(
      "datastore/addpylib-in-recipe",
    );
  });

  test("fragments: of a layer, built in, missing, in conflict", () => {
    const { host, d, warnings } = evaluate({
      "local.conf": "addfragments conf/fragments F FLAGGED BUILTIN\n",
      "core/conf/fragments/net/fast.conf": 'SPEED = "fast"\nSUMMARY = "goes fast"\n',
    });
    const values = {
      BBLAYERS: "/r/core",
      BBFILE_COLLECTIONS: "core",
      BBFILE_PATTERN_core: "^/r/core/",
      F: "core/net/fast machine/board machine/tablet",
      FLAGGED: "SUMMARY",
      BUILTIN: "machine:MACHINE",
    };
    for (const [name, value] of Object.entries(values)) d.setVar(name, value);
    d.setVarFlag("MACHINE", "_defaultval", "default");
    const run = () => evaluateFile(host.load("/r/local.conf")!, d, host);
    expect(firstProblemOf(run).code).toBe("datastore/assigned-fragment");
    expect(warnings.map(({ code }) => code)).toEqual(["datastore/overlapping-fragments"]);
    expect([d.getVar("SPEED"), d.getVar("MACHINE"), d.getVar("SUMMARY")]).toEqual([
      "fast",
      "board",
      undefined,
    ]);
    expect(d.getVarFlag("SUMMARY", "core/net/fast")).toBe("goes fast");
    d.setVar("F", "core/net/slow");
    expect(firstProblemOf(run).code).toBe("datastore/missing-fragment");
  });

  test("a history names operation, place and text", () => {
    const { run, d } = evaluate(
      {
        "x.bb":
          'A = "1"\nA += "2"\nA:append:o = "3"\nA:o = "4"\nA[f] = "5"\nB ?= "6"\nB ?= "7"\nB:remove = "6"\n',
      },
      {},
      true,
    );
    run();
    const shown = (name: string) =>
      d.history(name).map(({ operation, line, flag, detail }) => [operation, line, flag ?? "", detail]);
    expect(shown("A")).toEqual([
      ["set", 1, "", "1"],
      ["append", 2, "", "2"],
      [":append[o]", 3, "", "3"],
      ["set", 5, "f", "5"],
      ["override[o]:set", 4, "", "4"],
    ]);
    expect(shown("B")).toEqual([
      ["set?", 6, "", "6"],
      ["set?", 7, "", "7"],
      [":remove", 8, "", "6"],
    ]);
  });

  test("a filter is computed on every expanded read, of variants too", () => {
    const { d, python } = open();
    d.setVar("A", "x");
    d.setVar("A:o", "y");
    d.setVarFilter("A", "sort(val)");
    const results: string[] = [];
    python.evaluate = (expression) => {
      results.push(expression);
      return "filtered";
    };
    expect([d.getVar("A"), d.getVar("A:o"), d.getVar("A", { expand: false })]).toEqual([
      "filtered",
      "filtered",
      "x",
    ]);
    expect(results).toEqual([
      'bb.filter.apply_filters("x", ["sort(val)"])',
      'bb.filter.apply_filters("y", ["sort(val)"])',
    ]);
    python.evaluate = () => {
      throw new PythonError("NameError", "name 'x' is not defined", []);
    };
    d.setVar("A", "z");
    expect(() => d.getVar("A")).toThrow(/`A` cannot be expanded: NameError/);
    d.setVar("A", "x");
    d.setVarFilter("A", "");
    expect(d.getVar("A")).toBe("x");
  });
});
