/** Words of the commands about signatures, and what their answers look like. */
import { describe, expect, test } from "@jest/globals";
import { diffText, parseCommand, plainPaint, recordText, whatChangedText, type Request } from "@tsbake/cli";
import type { WhatChanged } from "@tsbake/engine";
import type { InputChange, SignatureExplanation } from "@tsbake/graph";

function request(line: string): Request {
  const command = parseCommand(line.split(" "));
  if (command.kind !== "request") throw new Error(`${line}: ${command.kind}`);
  return command.request;
}

describe("command line", () => {
  test.each<[string, Partial<Request>]>([
    ["dumpsig a/b", { query: { kind: "dump-file", path: "a/b" }, targets: ["a/b"], action: "dumpsig" }],
    ["dumpsig 1.0.do_x.sigdata.00", { query: { kind: "dump-file", path: "1.0.do_x.sigdata.00" } }],
    ["dumpsig shout", { query: { kind: "dump-task", recipe: "shout" } }],
    ["dumpsig shout:do_x", { query: { kind: "dump-task", recipe: "shout:do_x" } }],
    ["diffsigs a b", { query: { kind: "diff-files", before: "a", after: "b" } }],
    ["diffsigs -t shout x", { query: { kind: "diff-task", recipe: "shout", task: "x", hashes: [] } }],
    [
      "diffsigs -t shout x 1a 2b",
      { query: { kind: "diff-task", recipe: "shout", task: "x", hashes: ["1a", "2b"] } },
    ],
    ["whatchanged", { query: { kind: "what-changed", against: "last" }, targets: [], action: "whatchanged" }],
    [
      "whatchanged -c x shout",
      { query: { kind: "what-changed", against: "last" }, targets: ["shout"], task: "x" },
    ],
    [
      "-S printdiff shout",
      { query: { kind: "what-changed", against: "closest" }, targets: ["shout"], action: "whatchanged" },
    ],
  ])("%s", (line, expected) => {
    expect(request(line)).toMatchObject(expected);
  });

  test.each([
    ["dumpsig", "cli/wrong-query"],
    ["dumpsig a b", "cli/wrong-query"],
    ["diffsigs a", "cli/wrong-query"],
    ["diffsigs a b c", "cli/wrong-query"],
    ["diffsigs -t a", "cli/wrong-query"],
    ["diffsigs -t a x 1", "cli/wrong-query"],
    ["whatchanged -t a", "cli/misplaced-option"],
    ["-t a shout", "cli/misplaced-option"],
    ["-S all shout", "cli/wrong-value"],
  ])("%s is refused", (line, code) => {
    expect(parseCommand(line.split(" "))).toMatchObject({ kind: "wrong", diagnostic: { code } });
  });
});

const record: SignatureExplanation = {
  task: "do_x",
  basehash: "b",
  taskhash: "t",
  unihash: "0123456789abcdef",
  gendeps: { do_x: ["A"], A: [] },
  varvals: { A: "1", UNSET: null, do_x: "one\ntwo\n" },
  runtaskdeps: ["a:do_y"],
  runtaskhashes: { "a:do_y": "ff" },
  file_checksum_values: [["a.c", "ee"]],
  feed: ["vim 9.1 dd"],
  taint: "x",
};

/** The lines of one change, as diffsigs shows them. */
function told(change: InputChange): string[] {
  const tasks = [{ label: "a:do_x", path: ["a:do_x"] }];
  const text = diffText(
    { label: "a:do_x", before: record, after: record, causes: [{ change, tasks }] },
    plainPaint,
  );
  const [head, blank, reader, ...lines] = text.trimEnd().split("\n");
  expect([head, blank, reader]).toEqual(["a do_x: 0123456789ab to 0123456789ab", "", "a do_x"]);
  return lines.map((line) => line.slice(2));
}

describe("a change", () => {
  const variable = (before: string | null | undefined, after: string | null | undefined): InputChange => ({
    kind: "variable",
    name: "V",
    before,
    after,
    usedBy: ["do_x", "helper", "more", "still_more"],
  });
  const file = (before: string | undefined, after: string | undefined): InputChange => ({
    kind: "file",
    name: "a.c",
    before,
    after,
  });
  const feed = (
    before: string | undefined,
    after: string | undefined,
    isOtherContent = false,
  ): InputChange => ({
    kind: "package",
    name: "vim",
    before,
    after,
    isOtherContent,
  });

  test.each<[string, InputChange, string[]]>([
    ["of a value", variable("1", "2"), ["variable V changed", '  -"1"', '  +"2"']],
    [
      "of our own code",
      { kind: "variable", name: "TSBAKE_IMAGE_DIGEST", before: "1", after: "2", usedBy: [] },
      ["variable TSBAKE_IMAGE_DIGEST changed: tsbake's own code is another", '  -"1"', '  +"2"'],
    ],
    ["of a value that was not set", variable(null, "2"), ["variable V changed", "  -(not set)", '  +"2"']],
    [
      "of a list",
      variable("a b c d", "a c d e f"),
      ["variable V changed", '  -"a b c d"', '  +"a c d e f"', "  added: e f; removed: b"],
    ],
    [
      "of the order of a list",
      variable("a b c d", "a b d c"),
      [
        "variable V changed",
        '  -"a b c d"',
        '  +"a b d c"',
        "  the words are the same, their order or number is not",
      ],
    ],
    [
      "of a body: the lines that differ, and two around them",
      variable("1\n2\n3\n4\n5\n6\n7\n8\n9", "1\n2\n3\n4\nfive\n6\n7\n8\n9"),
      ["variable V changed", "  @@ -3,5 +3,5 @@", "   3", "   4", "  -5", "  +five", "   6", "   7"],
    ],
    [
      "a new one",
      variable(undefined, "2"),
      ["variable V is a new input, of do_x, helper, more and 1 more", '  +"2"'],
    ],
    [
      "one that is gone",
      variable("x\ny\n", undefined),
      ["variable V is no longer an input, of do_x, helper, more and 1 more", "  -x", "  -y"],
    ],
    [
      "of what refers to what",
      { kind: "references", name: "V", added: ["A"], gone: ["B", "C"] },
      ["V now refers to A, no longer refers to B, C"],
    ],
    [
      "of a file",
      file("0123456789abcdef", "fedcba9876543210"),
      ["file a.c changed (checksum 0123456789ab to fedcba987654)"],
    ],
    ["of a file's mode", file("01", "01+x"), ["file a.c is executable now"]],
    ["of a file's mode, back", file("01+x", "01"), ["file a.c is not executable any more"]],
    ["a new file", file(undefined, "01"), ["file a.c is a new input (checksum 01)"]],
    ["a file that is gone", file("01", undefined), ["file a.c is no longer an input"]],
    ["of a package", feed("9.0", "9.1"), ["package vim went from 9.0 to 9.1"]],
    ["of a package's content", feed("9.1", "9.1", true), ["package vim 9.1 has other content"]],
    ["a new package", feed(undefined, "9.1"), ["package vim 9.1 was added"]],
    ["a package that is gone", feed("9.1", undefined), ["package vim 9.1 is gone"]],
    [
      "a task without records",
      { kind: "task", label: "a:do_y", before: "1", after: "2" },
      ["task a do_y changed from 1 to 2; there is no record that says why"],
    ],
    [
      "a new task",
      { kind: "task", label: "a:do_y", before: undefined, after: "2" },
      ["task a do_y is needed now"],
    ],
    [
      "a task that is gone",
      { kind: "task", label: "a:do_y", before: "1", after: undefined },
      ["task a do_y is no longer needed"],
    ],
    ["a taint", { kind: "taint", before: undefined, after: "x" }, ["it is tainted by a forced run (-f, -C)"]],
    ["another taint", { kind: "taint", before: "y", after: "x" }, ["it is tainted by another forced run"]],
    [
      "no taint",
      { kind: "taint", before: "x", after: undefined },
      ["a forced run (-f, -C) does not count any more"],
    ],
    [
      "[nostamp]",
      { kind: "taint", before: "nostamp:1", after: "nostamp:2" },
      ["it has [nostamp]: it runs every time"],
    ],
    [
      "of a base hash",
      { kind: "base", before: "1", after: "2" },
      ["its own text or variables changed (base hash 1 to 2)"],
    ],
  ])("%s", (_, change, expected) => {
    expect(told(change)).toEqual(expected);
  });

  test("control characters of metadata do not reach the terminal", () => {
    expect(told(variable("\u001B[2Jx", "y\u0007")).join("\n")).toBe('variable V changed\n  -"x"\n  +"y"');
  });
});

test("a record as text has everything in it", () => {
  expect(recordText(record)).toBe(`task       do_x
base hash  b
task hash  t
unihash    0123456789abcdef
taint      x

text of the task, and of every variable and function that it reaches
  A = "1"
  UNSET is not set
  do_x:
    | one
    | two
      refers to A

files
  a.c ee

packages of the archive: name, version, SHA-256
  vim 9.1 dd

tasks that are needed, with their unihashes
  a do_y ff
`);
});

test("what changed: causes with the same readers together, then who follows, then what has no cause", () => {
  const pending = ["ext:do_image", "ext:do_build_it"];
  const tasks = [{ label: "base:do_rootfs", path: ["ext:do_image", "base:do_rootfs"] }];
  const answer: WhatChanged = {
    total: 9,
    tasks: [
      { label: "base:do_rootfs", how: "run", reason: "changed" },
      { label: "ext:do_image", how: "run", reason: "changed" },
      { label: "ext:do_build_it", how: "restore", reason: "changed" },
      { label: "new:do_x", how: "run", reason: "new" },
      { label: "new:do_y", how: "run", reason: "new" },
      { label: "old:do_x", how: "run", reason: "again" },
      { label: "list:do_x", how: "run", reason: "always" },
    ],
    causes: [
      {
        change: { kind: "variable", name: "V", before: "1", after: "2", usedBy: [] },
        tasks,
        pending: ["base:do_rootfs", ...pending],
      },
      {
        change: { kind: "package", name: "vim", before: undefined, after: "9", isOtherContent: false },
        tasks,
        pending,
      },
    ],
  };
  expect(whatChangedText(answer, "last", plainPaint)).toBe(`of 9 tasks 6 would run and 1 would be restored

base do_rootfs
  variable V changed
    -"1"
    +"2"
  package vim 9 was added
  so these would run:
    base: do_rootfs
    ext: do_image
  so these would be restored:
    ext: do_build_it

not built in this folder before:
  new: do_x, do_y

inputs as recorded, result missing:
  old: do_x

every time ([nostamp]):
  list: do_x
`);
  expect(whatChangedText({ total: 2, tasks: [], causes: [] }, "last", plainPaint)).toBe(
    "nothing would run: all 2 tasks are up to date\n",
  );
});

test("of many tasks that read the same input only the nearest are named", () => {
  const tasks = Array.from({ length: 9 }, (_one, at) => ({ label: `r${at}:do_x`, path: ["a:do_x"] }));
  const change: InputChange = { kind: "file", name: "a.c", before: "1", after: "2" };
  const text = diffText(
    { label: "a:do_x", before: record, after: record, causes: [{ change, tasks }] },
    plainPaint,
  );
  expect(text.split("\n")[2]).toBe("r0 do_x, r1 do_x, r2 do_x, r3 do_x, r4 do_x, r5 do_x and 3 more tasks");
});
