/** Metadata from a grammar: files that are mostly right, and wrong in places where real ones are wrong. */
import fc from "fast-check";

const NAMES = [
  "A",
  "B",
  "C",
  "D",
  "E",
  "PN",
  "PV",
  "DEPENDS",
  "OVERRIDES",
  "FOO",
  "do_compile",
  "do_x",
  "BBCLASSEXTEND",
];
const OVERRIDES = [
  "o1",
  "o2",
  "append",
  "prepend",
  "remove",
  "append:o1",
  "o1:append",
  "class-native",
  "Foo",
  "${B}",
  "${PN}",
  "",
];
const FLAGS = [
  "doc",
  "depends",
  "cleandirs",
  "func",
  "python",
  "export",
  "vardeps",
  "vardepvalue",
  "deptask",
  "x@y",
  "_content",
  ":append",
  "",
];
const OPERATORS = ["=", "?=", "??=", ":=", "+=", "=+", ".=", "=."];
const FILES = [
  "one.inc",
  "two.inc",
  "fuzz.inc",
  "missing.inc",
  "fuzz_1.0.bb",
  "one.conf",
  "x.txt",
  "${A}.inc",
  "../x.inc",
  "/layer/one.inc",
];
const CLASSES = ["base", "one", "two", "fuzz", "missing", "${A}", "${@'one'}", "classes/one.bbclass"];

const name = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...NAMES) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom(...NAMES), fc.constantFrom(...OVERRIDES))
      .map((parts) => parts.join(":")),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "A_append",
      "A+",
      "+",
      "FILES:${PN}-dbg",
      "${A}",
      "${B}:${A}:append",
      "__depends",
      "_",
      "a b",
      "é",
    ),
  },
);

const expression = fc.constantFrom(
  "d.getVar('A')",
  "d.getVar('B') or ''",
  "d.expand('${A}')",
  "bb.utils.contains('A', 'x', 'yes', 'no', d)",
  "' '.join(sorted(d.getVar('C').split()))",
  "d.setVar('A', '${B}')",
  "{'a': '}'}['a']",
  "1/0",
  "f(d)",
  "'x' if d.getVar('PN') else \"y\"",
  "(",
  "'",
  "'${A}'",
  "'${' + 'A}'",
  "d.getVarFlag('A', 'doc')",
  "[x for x in range(3)]",
  "None",
  "raise_",
  "bb.fatal('no')",
  "bb.parse.SkipRecipe('x')",
);

const fragment = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      "x",
      "yes",
      " ",
      "  ",
      "word another",
      "1.0",
      "/usr/bin",
      "-",
      ":",
      "o1:o2",
      "native",
      "o1",
    ),
  },
  { weight: 5, arbitrary: fc.constantFrom(...NAMES).map((one) => `\${${one}}`) },
  { weight: 3, arbitrary: expression.map((code) => `\${@${code}}`) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      "${${A}}",
      "${",
      "}",
      "${A",
      "${A:o1}",
      "${@",
      "${@}",
      "$",
      "$$",
      "${}",
      "{",
      "${A}${A}${A}",
      "${@{'",
      "${@d.getVar('${A}')}",
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '"',
      "'",
      "\\",
      "\\n",
      "\t",
      "#",
      "`",
      "\u0000",
      "\u00e9",
      "\u{1f600}",
      "\ud800",
      "\u2028",
      "=",
      "[",
      "]",
      "\ufeff",
      "\r",
    ),
  },
  { weight: 1, arbitrary: fc.string({ maxLength: 12 }) },
);
const value = fc.array(fragment, { maxLength: 6 }).map((parts) => parts.join(""));
const quoted = fc
  .tuple(fc.constantFrom('"', '"', '"', "'", ""), value, fc.constantFrom(true, true, true, true, true, false))
  .map(([quote, text, isClosed]) => `${quote}${text}${isClosed ? quote : ""}`);

const assignment = fc
  .tuple(
    fc.constantFrom("", "", "", "", "export ", " "),
    name,
    fc.oneof(
      { weight: 4, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.constantFrom(...FLAGS) },
    ),
    fc.constantFrom(" ", " ", " ", "", "\t"),
    fc.constantFrom(...OPERATORS),
    quoted,
  )
  .map(([lead, left, flag, blank, operator, right]) => {
    const subject = flag === undefined ? left : `${left}[${flag}]`;
    return `${lead}${subject}${blank}${operator}${blank}${right}`;
  });

const continued = fc
  .tuple(name, fc.array(value, { minLength: 1, maxLength: 4 }), fc.constantFrom("\\", "\\ ", "\\\n#", "\\\n"))
  .map(([left, lines, end]) => `${left} = "${lines.join(`${end}\n  `)}"`);

const shellLine = fc.constantFrom(
  "echo ${A} $B `C`",
  "if [ -e x ]; then do_x; fi",
  "for i in ${C}; do",
  "done",
  "cat << EOF",
  "EOF",
  "case $x in a) b ;; esac",
  "x=$(do_x | sed 's/a/b/')",
  "'",
  '"$(',
  "${@d.getVar('A')}",
  "# comment ${B}",
  "f() { g; }",
  "a && b || c &",
  "$((1 + ${A}))",
  "",
);
const pythonLine = fc.constantFrom(
  "d.setVar('A', 'x')",
  "d.appendVar('A', d.getVar('B'))",
  "d.setVarFlag('A', 'doc', 'text')",
  "d.delVar('A')",
  "d.renameVar('A', 'C')",
  "d.setVar('OVERRIDES', 'o1:o2')",
  "x = d.getVar('C').split()",
  "if x:",
  "    pass",
  "bb.build.exec_func('do_x', d)",
  "raise bb.parse.SkipRecipe('why')",
  "'''",
  "return",
  "\tx = 1",
  "1/0",
  "d.setVar('__depends', [])",
  "bb.fatal('x')",
);
const body = (line: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.array(line, { maxLength: 5 }).map((lines) => lines.map((one) => `    ${one}`).join("\n"));
const head = fc.constantFrom(
  "do_x",
  "do_compile",
  "do_compile:append",
  "do_x:o1",
  "one_do_x",
  "f",
  "${PN}_x",
  "A",
  "",
);
const shellFunction = fc
  .tuple(
    fc.constantFrom("", "", "fakeroot "),
    head,
    body(shellLine),
    fc.constantFrom("}", "}", "}", " }", ""),
  )
  .map(([keyword, left, text, end]) => `${keyword}${left}() {\n${text}\n${end}`);
const pythonFunction = fc
  .tuple(
    fc.constantFrom("python ", "python ", "fakeroot python ", "python"),
    head,
    body(pythonLine),
    fc.constantFrom("}", "}", "}", ""),
  )
  .map(([keyword, left, text, end]) => `${keyword}${left}() {\n${text}\n${end}`);
const definition = fc
  .tuple(fc.constantFrom("f(d):", "g(a, b=1):", "f(d)", "h (x) : return 1"), body(pythonLine))
  .map(([left, text]) => `def ${left}\n${text}\n`);

const directive = fc.oneof(
  fc
    .tuple(fc.constantFrom("inherit", "inherit_defer"), fc.constantFrom(...CLASSES))
    .map((parts) => parts.join(" ")),
  fc
    .tuple(fc.constantFrom("include", "require", "include_all"), fc.constantFrom(...FILES))
    .map((parts) => parts.join(" ")),
  fc
    .tuple(
      fc.constantFrom("do_x", "x", "compile", "${A}", "a b"),
      fc.constantFrom(
        "",
        " after do_y",
        " before do_x",
        " after do_x before do_compile",
        " after",
        " after a before b after c",
      ),
    )
    .map(([task, clause]) => `addtask ${task}${clause}`),
  fc
    .tuple(fc.constantFrom("deltask", "unset", "export", "addhandler", "EXPORT_FUNCTIONS"), name)
    .map((parts) => parts.join(" ")),
  fc.constantFrom(
    "unset A[doc]",
    "addfragments conf/fragments A B C",
    "addpylib /layer/lib oe",
    "addpylib",
    "addtask",
    "inherit",
    "}",
    "# a comment",
    "# a comment \\",
    "garbage in a line",
    "FOO",
    "",
    " ",
    'BB_RENAMED_VARIABLES[FOO] = "BAR"',
    'BB_DEFER_BBCLASSES = "one two"',
    'BB_RECIPE_VIRTUAL_PROVIDERS = "virtual/x"',
    'DEPENDS = "virtual/x"',
    'do_x[depends] = "one:do_y two"',
    'BB_SIGNATURE_EXCLUDE_FLAGS = "doc"',
    'do_x[vardeps] += "A B ${C}"',
    'do_x[vardepvalue] = "${A}"',
    'do_x[vardepvalueexclude] = "|x"',
  ),
);

const statement = fc.oneof(
  { weight: 10, arbitrary: assignment },
  { weight: 2, arbitrary: continued },
  { weight: 2, arbitrary: shellFunction },
  { weight: 2, arbitrary: pythonFunction },
  { weight: 1, arbitrary: definition },
  { weight: 5, arbitrary: directive },
);

/** A whole file. */
export const generatedText: fc.Arbitrary<string> = fc
  .tuple(
    fc.array(statement, { minLength: 1, maxLength: 14 }),
    fc.constantFrom("\n", "\n", "\n", "\r\n", "\n\n"),
  )
  .map(([lines, newline]) => lines.join(newline) + newline);
