/**
 * Mistakes in recipes, classes and includes, as they are told by `tsbake`: one error each, all files' errors in one run,
 * each with file, line, column, the source line with carets under what is wrong, and what to do.
 */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { toldIn, type Told } from "../support/told.js";
import { Toy } from "../support/toy.js";

interface Mistake {
  /** Of the recipe, after `inherit toy`; or what to put in its place. */
  readonly text: string | ((path: string) => void);
  readonly code: string;
  /** `line:column` in the recipe; of another file with its name in front; undefined: the message names the file. */
  readonly at?: string;
  /** What the carets stand under. */
  readonly marked?: string;
  readonly message?: RegExp;
  readonly help?: RegExp;
  /** Further places: `file:line` of the notes. */
  readonly notes?: readonly string[];
  readonly more?: Readonly<Record<string, string>>;
}

const MISTAKES: Readonly<Record<string, Mistake>> = {
  // What docs/language.md 26 has about recipes.
  unquoted: { text: "FOO = bar\n", code: "language/unquoted-value", at: "2:7", marked: "bar" },
  garbage: {
    text: "this is garbage\n",
    code: "language/unparsed-line",
    at: "2:1",
    marked: "this is garbage",
  },
  "open-quote": { text: 'FOO = "bar\n', code: "language/unclosed-quote", at: "2:7", marked: '"bar' },
  "old-override": {
    text: 'FOO_append = "x"\n',
    code: "language/old-override",
    at: "2:1",
    marked: "FOO_append",
    help: /FOO:append/,
  },
  "no-include": {
    text: 'A = "1"\nrequire nosuch.inc\n',
    code: "datastore/missing-include",
    at: "3:9",
    marked: "nosuch.inc",
  },
  "no-class": {
    text: "inherit nosuchclass\n",
    code: "datastore/missing-class",
    at: "2:9",
    marked: "nosuchclass",
  },
  "syntax-anonymous": {
    text: "python () {\n    if True\n        pass\n}\n",
    code: "datastore/python-failed",
    at: "3:5",
    marked: "if True",
    message: /SyntaxError: expected ':'$/,
  },
  "option-unknown": {
    text: 'PACKAGECONFIG[tls] = "--tls"\nPACKAGECONFIG ??= "tsl"\n',
    code: "recipe/unknown-choice",
    at: "3:20",
    marked: "tsl",
    message: /PACKAGECONFIG of option-unknown cannot be `tsl`/,
  },
  "option-of-none": {
    text: 'PACKAGECONFIG:append = " tls"\n',
    code: "recipe/unknown-choice",
    at: "2:26",
    marked: "tls",
  },
  "syntax-def": {
    text: 'def foo(d):\n    return (\n\nA = "1"\n',
    code: "datastore/python-failed",
    at: "3:5",
    marked: "return (",
  },
  "exception-anonymous": {
    text: "python () {\n    a = 1\n    b = nosuchname\n}\n",
    code: "datastore/python-failed",
    at: "4:5",
    marked: "b = nosuchname",
    message: /NameError: name 'nosuchname' is not defined/,
  },
  "exception-called": {
    text: "def helper(d):\n    return d.nosuch()\n\npython () {\n    helper(d)\n}\n",
    code: "datastore/python-failed",
    at: "3:5",
    notes: ["exception-called_1.0.bb:6:5"],
  },
  "exception-inline": {
    text: 'A = "${@nosuchfn(d)}"\nPROVIDES += "${A}"\n',
    code: "datastore/expansion",
    at: "2:6",
    marked: "${@nosuchfn(d)}",
    message: /NameError/,
    notes: ["exception-inline_1.0.bb:3:1"],
  },
  "exception-inline-line-4": {
    text: 'PROVIDES += " \\\n  a \\\n  ${@nosuchfn(d)} \\\n  b"\n',
    code: "datastore/expansion",
    at: "4:3",
    marked: "${@nosuchfn(d)}",
  },
  "exception-inline-in-task": {
    text: "do_compile() {\n    echo ok\n    echo ${@1/0}\n}\n",
    code: "datastore/expansion",
    at: "4:10",
    marked: "${@1/0}",
  },
  "exception-inline-def": {
    text: 'def helper(d):\n    x = 1\n    return x/0\n\nPROVIDES += "${@helper(d)}"\n',
    code: "datastore/expansion",
    at: "6:14",
    marked: "${@helper(d)}",
    notes: ["exception-inline-def_1.0.bb:4:5"],
  },
  "syntax-inline": {
    text: 'A = "${@1 +}"\nPROVIDES += "${A}"\n',
    code: "datastore/expansion",
    at: "2:6",
    marked: "${@1 +}",
  },
  fatal: {
    text: 'python () {\n    bb.fatal("sorry, no")\n}\n',
    code: "datastore/python-gave-up",
    at: "3:5",
    message: /^sorry, no$/,
  },
  "fatal-inline": {
    text: "PROVIDES += \"${@bb.fatal('sorry')}\"\n",
    code: "datastore/python-gave-up",
    at: "2:14",
    message: /^sorry$/,
  },
  self: {
    text: 'FOO = "${FOO}"\nPROVIDES += "${FOO}"\n',
    code: "datastore/expansion",
    at: "2:8",
    marked: "${FOO}",
  },
  "values-circle": {
    text: 'FA = "${FB}"\nFB = "x ${FA}"\nDEPENDS = "${FA}"\n',
    code: "datastore/expansion",
    at: "2:7",
    notes: ["values-circle_1.0.bb:3:1", "values-circle_1.0.bb:2:1", "values-circle_1.0.bb:4:1"],
  },
  "open-function": {
    text: "do_compile() {\n    echo hi\n  }\n",
    code: "language/unclosed-function",
    at: "2:1",
    notes: ["open-function_1.0.bb:4:1"],
  },
  "open-python": { text: "python () {\n    pass\n", code: "language/unclosed-function", at: "2:1" },
  "comment-inside": { text: 'A = "a \\\n# c \\\nb"\n', code: "language/comment-in-continuation", at: "3:1" },
  "comment-half": { text: '#A = "a \\\nb"\n', code: "language/half-commented", at: "2:1" },
  "no-colon": {
    text: 'do_compile[depends] = "shout"\n',
    code: "datastore/depends-entry",
    at: "2:1",
    help: /shout:do_/,
  },
  renamed: {
    text: 'BB_HASHBASE_WHITELIST = "x"\n',
    code: "datastore/renamed-variable",
    at: "2:1",
    help: /BB_BASEHASH_IGNORE_VARS/,
  },
  // What it does not have.
  "files-circle": {
    text: "require circle-a.inc\n",
    more: { "circle-a.inc": "require circle-b.inc\n", "circle-b.inc": 'A = "1"\nrequire circle-a.inc\n' },
    code: "datastore/include-loop",
    at: "circle-b.inc:2:9",
    message: /circle-a.inc -> .*circle-b.inc -> .*circle-a.inc$/,
  },
  "in-an-include": {
    text: "require wrong.inc\n",
    more: { "wrong.inc": '# fine\nB = "\n' },
    code: "language/unclosed-quote",
    at: "wrong.inc:2:5",
  },
  "no-tasks": { text: "addtask\n", code: "language/unparsed-line", at: "2:1" },
  "no-after": { text: "addtask foo after\n", code: "language/bad-clause", at: "2:13", marked: "after" },
  "unset-override": { text: "unset A:o\n", code: "language/unset-name", at: "2:7" },
  "open-line": { text: 'A = "x \\\n', code: "language/dangling-continuation", at: "2:1" },
  "no-handler": { text: "addhandler nosuch\n", code: "datastore/missing-handler", at: "2:12" },
  pylib: { text: "addpylib lib x\n", code: "language/unparsed-line", at: "2:1", help: /layer\.conf/ },
  export: { text: "EXPORT_FUNCTIONS do_compile\n", code: "datastore/export-outside-class", at: "2:18" },
  number: { text: 'DEFAULT_PREFERENCE = "abc"\n', code: "recipe/unreadable-value", at: "2:1" },
  "no-source": {
    text: 'A = "1"\nSRC_URI = "file://nosuch.txt"\n',
    code: "datastore/python-gave-up",
    at: "3:12",
    marked: "file://nosuch.txt",
  },
  crlf: { text: "A = x\r\n", code: "language/unquoted-value", at: "2:5", marked: "x" },
  "long-line": { text: `A = "${"x".repeat(100_000)}\n`, code: "language/unclosed-quote", at: "2:5" },
  under_sco_res: { text: "", code: "recipe/bad-file-name" },
  binary: {
    text: (path) =>
      writeFileSync(
        path,
        Uint8Array.from({ length: 3000 }, (_, index) => (index * 37) % 256),
      ),
    code: "recipe/not-text",
  },
  utf16: {
    text: (path) => writeFileSync(path, Buffer.from('\uFEFFinherit toy\nA = "x"\n', "utf16le")),
    code: "recipe/not-text",
  },
  latin1: {
    text: (path) => writeFileSync(path, Buffer.from('inherit toy\nA = "\u00e9"\n', "latin1")),
    code: "recipe/not-text",
    at: "2:6",
  },
  mark: { text: (path) => writeFileSync(path, "\uFEFFinherit toy\n"), code: "recipe/not-text" },
  folder: { text: (path) => mkdirSync(path), code: "recipe/unreadable-file", message: /it is a folder/ },
  nowhere: { text: (path) => symlinkSync("/nonexistent", path), code: "recipe/unreadable-file" },
  ring: { text: (path) => symlinkSync(path, path), code: "recipe/unreadable-file" },
};

describe("mistakes in recipes", () => {
  let toy: Toy;
  let told: readonly Told[];
  let said = "";
  let code: number | null;

  beforeAll(async () => {
    toy = new Toy();
    for (const [name, { text, more }] of Object.entries(MISTAKES)) {
      const path = `meta-toy/recipes/wrong/${name}_1.0.bb`;
      if (typeof text === "string") toy.rig.write(path, `inherit toy\n${text}`);
      else {
        mkdirSync(dirname(toy.rig.path(path)), { recursive: true });
        text(toy.rig.path(path));
      }
      for (const [file, content] of Object.entries(more ?? {}))
        toy.rig.write(`meta-toy/recipes/wrong/${file}`, content);
    }
    const result = await toy.answered(["page"]);
    code = result.code;
    said = result.stderr;
    told = toldIn(said);
  });
  afterAll(() => toy[Symbol.dispose]());

  test.each(Object.entries(MISTAKES))("%s", (name, mistake) => {
    const { at, marked, message = /./, help = /./, notes = [] } = mistake;
    const own = toy.rig.path("meta-toy/recipes/wrong");
    const files = [`${name}_1.0.bb`, ...Object.keys(mistake.more ?? {})];
    const mine = told.filter((one) =>
      files.some(
        (file) => one.places[0]?.startsWith(`${own}/${file}:`) || one.message.includes(`${own}/${file} `),
      ),
    );
    expect(mine).toHaveLength(1);
    const [one] = mine;
    expect(one).toMatchObject({ severity: "error", code: mistake.code });
    expect(one!.message).toMatch(message);
    expect(one!.help).toMatch(help);
    const place = at !== undefined && /^\d/.test(at) ? `${name}_1.0.bb:${at}` : at;
    const places = place === undefined ? [] : [place, ...notes];
    expect(one!.places.slice(0, places.length)).toEqual(places.map((where) => `${own}/${where}`));
    expect(one!.marked).toContain(marked ?? "");
  });

  test("there is no error but these, and no line that is longer than a screen's", () => {
    expect(code).toBe(1);
    expect(told.filter(({ severity }) => severity === "error")).toHaveLength(Object.keys(MISTAKES).length);
    const longest = Math.max(
      ...said
        .split("\n")
        .filter((line) => !line.startsWith("help: "))
        .map((line) => line.length),
    );
    expect(longest).toBeLessThan(400);
  });

  test("the next run says the same, and after the repair all is well", async () => {
    const again = await toy.answered(["page"]);
    expect(toldIn(again.stderr)).toHaveLength(told.length);
    toy.configure('BBMASK = "/recipes/wrong/"\n');
    const repaired = await toy.answered(["-n", "page"]);
    expect(repaired.code).toBe(0);
    expect(toldIn(repaired.stderr)).toEqual([]);
  });
});
