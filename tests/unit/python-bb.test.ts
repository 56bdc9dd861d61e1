import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Datastore } from "@tsbake/datastore";
import { evaluateWithoutPython, openPython, type EmbeddedPython } from "@tsbake/python";
import { CACHE, PythonRig, raised } from "./python-rig.js";
import { testUnless } from "../support/skip.js";
import { temporaryFolder } from "../support/temporary.js";
import { toolsProblem } from "../support/tools.js";

const compressors = [
  ["zstd", await toolsProblem("zstd")],
  ["lz4", await toolsProblem("lz4")],
] as const;

const rig = new PythonRig();
let python: EmbeddedPython;

beforeAll(async () => {
  await rig.python.open();
  python = await openPython({ cache: CACHE, onMessage: () => {} });
});

afterAll(() => rig.python.close());

/** The real interpreter's answer; undefined when it raises. */
function byPython(expression: string, d: Datastore): string | undefined {
  try {
    return python.evaluate(expression, d);
  } catch {
    return undefined;
  }
}

const SAMPLE = {
  FILE: "/layer/foo_1.0_r2.bb",
  PN: "foo",
  FEATURES: "usb x11 acl",
  EMPTY: "",
  ONE: "1",
  TUNE_ARCH: "x86_64",
};

describe("expressions without Python", () => {
  const d = rig.datastore(SAMPLE);

  test.each([
    ["bb.utils.contains('FEATURES', 'usb acl', 'yes', 'no', d)", "yes"],
    ["bb.utils.contains('FEATURES', 'usb wifi', 'yes', '', d)", ""],
    ["bb.utils.contains('FEATURES', ['usb'], True, False, d)", "True"],
    ["bb.utils.contains('FEATURES', '', 'yes', 'no', d)", "yes"],
    ["bb.utils.contains('EMPTY', '', 'yes', 'no', d)", "no"],
    ['bb.utils.contains_any("FEATURES", "wifi x11", "yes", d.getVar("PN"), d)', "yes"],
    ["bb.utils.contains_any('ABSENT', 'x', 'yes', d.getVar('PN'), d)", "foo"],
    ["bb.utils.filter('FEATURES', 'x11 wifi acl', d)", "acl x11"],
    ["bb.utils.to_boolean(d.getVar('ONE')) and not bb.utils.to_boolean('no')", "True"],
    [
      "PN.removesuffix('oo') + PN.removeprefix('f') + PN.removesuffix('x') + PN.removeprefix('')",
      "foofoofoo",
    ],
    ["bb.data.has_flags('PN', d)", "False"],
    ["d.getVar('ABSENT')", "None"],
    ["d.getVar('ABSENT') or 'none'", "none"],
    ["d.getVar('FILE', False)", "/layer/foo_1.0_r2.bb"],
    ["bb.parse.vars_from_file(d.getVar('FILE', False),d)[0] or 'defaultpkgname'", "foo"],
    ["bb.parse.vars_from_file(d.getVar('FILE', False),d)[-1]", "r2"],
    ["(bb.parse.vars_from_file(d.getVar('ABSENT'),d)[1]) or '1.0'", "1.0"],
    ["os.path.basename(d.getVar('FILE')) + os.path.dirname('/a//b')", "foo_1.0_r2.bb/a"],
    ["['', '-sf'][d.getVar('ONE') == '1']", "-sf"],
    ["'a' if PN == 'foo' and ONE in ['1', '2'] else 'b'", "a"],
    ["TUNE_ARCH.replace('_', '-').upper().split('-')[1]", "64"],
    ["' '.join(FEATURES.split()[::-1])", undefined],
    ["PN.title()", undefined],
    ["len(PN)", undefined],
    ["ABSENT", undefined],
    ["d.getVar('ABSENT').split()", undefined],
    ["f'{PN}'", undefined],
    ["'a\\n'", undefined],
    ["'a' 'b'", undefined],
    ["'''a'''", undefined],
    ["1 == 1 == 1", undefined],
    ["0or 1", undefined],
    ["010", undefined],
    ["'a", undefined],
    ["", undefined],
    ["(".repeat(60) + ")".repeat(60), undefined],
  ])("%s", (expression, expected) => {
    expect(evaluateWithoutPython(expression, d)).toBe(expected);
    // Where we answer, Python says the same.
    expect(expected === undefined ? undefined : byPython(expression, d)).toBe(expected);
  });

  test("os.uname is the machine's in both", () => {
    const expression = "os.uname()[4] + os.uname()[1]";
    expect(evaluateWithoutPython(expression, d)).toBe(byPython(expression, d));
  });

  test("what fetching is told is the same in both", () => {
    const value = fc.constantFrom("", "x", "a b", "it's", "two\nlines", "$HOME", "ü");
    const names = ["SRC_URI", "BB_ALLOWED_NETWORKS", "BB_GIT_SHALLOW_DEPTH_x", "FETCHCMD_git", "https_proxy"];
    const more = ["NETRC", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "GITDIR", "TSBAKE_HTTP_MAX_SIZE"];
    const some = (from: readonly string[]) => fc.dictionary(fc.constantFrom(...from), value);
    const flags = fc.dictionary(fc.constantFrom("sha256sum", "a.md5sum", "b.sha1sum", "doc"), value);
    fc.assert(
      fc.property(
        some([...names, ...more]),
        flags,
        fc.option(some([...more, "HOME", "https_proxy"]), { nil: undefined }),
        fc.boolean(),
        (variables, sums, caller, isAlone) => {
          const of = rig.datastore({ PN: "foo", FETCH_EXPORT_VARS: more.join(" "), ...variables });
          for (const [flag, sum] of Object.entries(sums)) of.setVarFlag("SRC_URI", flag, sum);
          if (isAlone) of.setVarFlag("BB_ALLOWED_NETWORKS", "foo", "*.example");
          if (caller) of.setVar("BB_ORIGENV", rig.datastore(caller));
          for (const source of [
            "bb.fetch2.revision_words(d)",
            "bb.fetch2.program.sum_words(d)",
            "bb.fetch2.program.setting_options(d)",
            "bb.fetch2.program.environment_options(d, True)",
            "bb.fetch2.program.environment_options(d, False)",
          ]) {
            const ours = evaluateWithoutPython(source, of);
            expect([source, ours]).toEqual([source, byPython(source, of)]);
            expect(ours).toBeDefined();
          }
        },
      ),
      { numRuns: 200 },
    );
    const git = rig.datastore({ SRC_URI: "file://a git://example.com/x.git;branch=main" });
    expect(evaluateWithoutPython("bb.fetch2.revision_words(d)", git)).toBeUndefined();
    expect(evaluateWithoutPython("bb.fetch2.revision_words('a')", d)).toBeUndefined();
  });

  test("places of local sources are the same in both", () => {
    const folder = temporaryFolder("local-sources");
    for (const path of ["one", "two/deep", "three"]) mkdirSync(join(folder, path), { recursive: true });
    for (const path of ["one/a", "two/b", "two/deep/c", "three/a", "three/ö"])
      writeFileSync(join(folder, path), "");
    const names = ["a", "b", "deep/c", "deep", "deep/", "./a", "../one/a", "ö", "absent", "A", "a*", ""];
    const more = ["a;subdir=x;unpack=0", "a;localpath=/x", "a;name=b.c", "a%62", "a#b", "a?b", "/lib/x"];
    const entry = fc.constantFrom(...names, ...more, `/${folder}/one/a`, `${folder}/two/b`);
    const place = fc.constantFrom("one", "two", "three", "none", "two/", "");
    let answered = 0;
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 3 }), fc.array(place, { maxLength: 4 }), (entries, places) => {
        const of = rig.datastore({
          PN: "foo",
          SRC_URI: [...entries.map((one) => `file://${one}`), "http://example.com/x"].join(" "),
          FILESPATH: places.map((one) => (one === "" ? "" : `${folder}/${one}`)).join(":"),
        });
        for (const name of ["fetch", "fetch2"]) {
          const source = `bb.${name}.get_checksum_file_list(d)`;
          const ours = evaluateWithoutPython(source, of);
          if (ours === undefined) continue;
          answered++;
          expect([entries, places, ours]).toEqual([entries, places, byPython(source, of)]);
        }
      }),
      { numRuns: 500 },
    );
    expect(answered).toBeGreaterThan(100);
    rmSync(folder, { recursive: true });
  });

  test("each setting that fetching is told is known to both", () => {
    const names = python.evaluate("' '.join(bb.fetch2.program.SETTINGS)", d).split(" ");
    expect(names.length).toBeGreaterThan(10);
    for (const name of names) {
      const of = rig.datastore({ [name]: "x" });
      expect(evaluateWithoutPython("bb.fetch2.program.setting_options(d)", of)).toBe(`--set=${name}=x`);
    }
  });

  test("a function's name is no variable, and an object of Python is Python's", () => {
    const other = rig.datastore({ FN: "    pass\n" });
    other.setVarFlag("FN", "func", 1);
    other.setVar("OBJECT", new Map());
    expect(evaluateWithoutPython("FN", other)).toBeUndefined();
    expect(evaluateWithoutPython("d.getVar('OBJECT')", other)).toBeUndefined();
  });

  /** Odd white space and letters that sort differently by UTF-16 unit and by code point. */
  const letters = fc.constantFrom(
    "a",
    "B",
    "_",
    " ",
    "\t",
    "\u00a0",
    "\u001c",
    "\ufeff",
    "\uff5e",
    "\u{1f600}",
    "ß",
    ".",
    "/",
  );
  const text = fc.array(letters, { maxLength: 8 }).map((parts) => parts.join(""));
  const literal = fc.oneof(text, fc.constantFrom("foo", "usb", "acl x11", "_1.bb")).map((one) => `'${one}'`);
  const name = fc.constantFrom("PN", "FEATURES", "EMPTY", "ONE", "ODD", "ABSENT", "FILE");
  const { expression } = fc.letrec<{ expression: string; simple: string }>((tie) => ({
    simple: fc.oneof(
      literal,
      name,
      name.map((one) => `d.getVar('${one}')`),
      fc.constantFrom("True", "False", "None", "0", "1", "-1", "[]", "()"),
    ),
    expression: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      tie("simple"),
      fc
        .tuple(
          tie("expression"),
          fc.constantFrom(" or ", " and ", " == ", "!=", " in ", " not in ", "+"),
          tie("expression"),
        )
        .map((parts) => parts.join("")),
      tie("expression").map((of) => `not ${of}`),
      fc
        .tuple(
          tie("expression"),
          fc.constantFrom("", " if t", " if 'u' in t", " if not t == PN"),
          fc.boolean(),
        )
        .map(([of, condition, isSet]) =>
          isSet
            ? `' '.join(sorted(set(t for t in FEATURES.split() + [ODD, ${of}]${condition})))`
            : `'-'.join(t + 'x' for t in (${of}).split()${condition})`,
        ),
      fc
        .tuple(tie("simple"), tie("simple"))
        .map(([at, other]) => `{'usb': ${other}, ${other}: 'u', 'foo': 'f'}[${at}]`),
      fc
        .tuple(tie("expression"), tie("simple"))
        .map(([of, other]) => `next((t for t in [${of}] if t), ${other})`),
      fc.tuple(tie("simple"), tie("simple")).map(([one, other]) => `${one} in (${other}, 'usb')`),
      tie("expression").map((of) => `(${of})`),
      fc
        .tuple(tie("expression"), tie("expression"), tie("expression"))
        .map(([a, b, c]) => `${a} if ${b} else ${c}`),
      fc.tuple(tie("expression"), tie("expression")).map(([a, b]) => `[${a}, ${b}]`),
      fc.tuple(tie("expression"), tie("simple")).map(([a, b]) => `${a}[${b}]`),
      fc
        .tuple(tie("simple"), fc.constantFrom("split", "strip", "lstrip", "rstrip", "lower", "upper"))
        .map(([of, method]) => `${of}.${method}()`),
      fc
        .tuple(tie("simple"), fc.constantFrom("startswith", "endswith", "split", "join"), tie("simple"))
        .map(([of, method, arg]) => `${of}.${method}(${arg})`),
      fc.tuple(tie("simple"), literal, literal).map(([of, from, to]) => `${of}.replace(${from}, ${to})`),
      fc
        .tuple(fc.constantFrom("contains", "contains_any"), name, literal, tie("simple"), tie("simple"))
        .map(([f, v, w, a, b]) => `bb.utils.${f}('${v}', ${w}, ${a}, ${b}, d)`),
      fc.tuple(name, literal).map(([v, w]) => `bb.utils.filter('${v}', ${w}, d)`),
      fc
        .tuple(fc.constantFrom("os.path.basename", "os.path.dirname", "bb.utils.to_boolean"), tie("simple"))
        .map(([f, a]) => `${f}(${a})`),
      tie("simple").map((a) => `bb.parse.vars_from_file(${a}, d)[0]`),
    ),
  }));

  test("whatever is answered is CPython's answer", () => {
    let answered = 0;
    fc.assert(
      fc.property(expression, text, (source, odd) => {
        d.setVar("ODD", odd);
        const ours = evaluateWithoutPython(source, d);
        if (ours === undefined) return;
        answered++;
        expect([source, ours]).toEqual([source, byPython(source, d)]);
      }),
      { numRuns: 3000 },
    );
    expect(answered).toBeGreaterThan(500);
  });
});

describe("bb.utils and friends", () => {
  test.each([
    ["bb.utils.explode_deps('a (>= 1) b  c ( = 2 ) d')", "['a', 'b', 'c', 'd']"],
    ["bb.utils.explode_dep_versions2('b (>= 1.0), a c (=2)')", "{'a': [], 'b': ['>= 1.0'], 'c': ['= 2']}"],
    ["list(bb.utils.explode_dep_versions2('b a', sort=False))", "['b', 'a']"],
    ["bb.utils.explode_dep_versions2('a (>= 1) a (<< 2)')", "{'a': ['>= 1', '<< 2']}"],
    ["bb.utils.explode_dep_versions('a (= 1) b')", "{'a': '= 1', 'b': None}"],
    ["bb.utils.join_deps({'a': ['>= 1', '<< 2'], 'b': None, 'c': '= 3'})", "a (>= 1), a (<< 2), b, c (= 3)"],
    ["bb.utils.join_deps({'a': [], 'b': []}, commasep=False)", "a b"],
    ["bb.utils.split_version('1:2.0-r3')", "(1, '2.0', 'r3')"],
    ["bb.utils.vercmp_string_op('1.10', '1.9', '>')", "True"],
    ["bb.utils.vercmp_string_op('1.0-r1', '1.0-r0', '<=')", "False"],
    ["bb.utils.to_boolean('Yes'), bb.utils.to_boolean('', 7), bb.utils.to_boolean(2)", "(True, 7, True)"],
    ["bb.utils.prune_suffix('gcc-native', ['', '-cross', '-native'], d)", "gcc"],
    ["bb.utils.filter_string('b a c', 'c b x')", "b c"],
    ["oct(bb.utils.to_filemode('0755'))", "0o755"],
    ["bb.utils.is_semver('1.2.3-rc.1+5'), bb.utils.is_semver('1.2')", "(True, False)"],
    ["bb.parse.vars_from_file('/a/b_1_r0.bb', d)", "['b', '1', 'r0']"],
    ["bb.parse.vars_from_file('/a/b_1.inc', d)", "(None, None, None)"],
    [
      "bb.filter.apply_filters('b a', ['sort(val)', 'suffix(val, \"-x\")', 'prefix(val, \"y-\")'])",
      "y-a-x y-b-x",
    ],
    ["bb.filter.apply_filters('a (= 1) b', ['remove(\" \".join(bb.utils.explode_deps(val)), \"b\")'])", "a"],
    [
      "bb.runqueue.split_tid_mcfn('mc:one:virtual:native:/a.bb:do_b')",
      "('one', 'virtual:native:/a.bb', 'do_b', 'mc:one:virtual:native:/a.bb')",
    ],
    ["bb.runqueue.taskname_from_tid('/a.bb:do_b') + bb.runqueue.fn_from_tid('/a.bb:do_b')", "do_b/a.bb"],
    [
      "bb.fetch.decodeurl('git://u:p@example.com:22/a%20b/c;branch=main;x')",
      "('git', 'example.com:22', '/a b/c', 'u', 'p', {'branch': 'main', 'x': None})",
    ],
    [
      "bb.fetch2.decodeurl('file://a/b.patch;striplevel=2')",
      "('file', '', 'a/b.patch', '', '', {'striplevel': '2'})",
    ],
    [
      "bb.fetch2.encodeurl(bb.fetch2.decodeurl('https://example.com/a%20b?q=1;name=x'))",
      "https://example.com/a%20b;name=x",
    ],
    ["bb.fetch2.encodeurl(('file', '', '//a//b', '', '', {}))", "file:///a/b"],
    ["str(bb.fetch2.URI('http://example.com:80/x?a=1&b;p=2'))", "http://example.com:80/x?a=1&b;p=2"],
    ["str(bb.fetch2.URI('file://rel/x')), bb.fetch2.URI('file://rel/x').relative", "('file:rel/x', True)"],
  ])("%s", (expression, expected) => {
    expect(python.evaluate(expression, rig.d)).toBe(expected);
  });

  test.each([
    ["bb.utils.explode_dep_versions2('a (1.0)')", "bb.utils.VersionStringException"],
    ["bb.utils.explode_dep_versions2('a (>= 1')", "bb.utils.VersionStringException"],
    ["bb.utils.vercmp_string_op('1', '2', '~')", "bb.utils.VersionStringException"],
    ["bb.utils.to_boolean('perhaps')", "ValueError"],
    ["bb.parse.vars_from_file('a_b_c_d.bb', d)", "bb.parse.ParseError"],
    // The guard of bb.utils.remove by itself: a test of the whole would be the end of a machine where it fails.
    ["bb.utils._refuse_dangerous('/tmp/..')", "Exception"],
    ["bb.utils._refuse_dangerous(os.environ['HOME'])", "Exception"],
    ["bb.utils._refuse_dangerous('/home/someone')", "Exception"],
    ["bb.fetch2.encodeurl(('', 'h', '/', '', '', {}))", "bb.fetch2.MissingParameterError"],
    ["bb.nothing", "AttributeError"],
    ["bb.fetch2.Fetch(['http://example.com/x'], d).download()", "bb.fetch2.FetchError"],
    ["bb.filter.apply_filters('a', ['open(val)'])", "NameError"],
  ])("%s raises %s", (expression, type) => {
    expect(raised(() => python.evaluate(expression, rig.d)).type).toBe(type);
  });

  test("versions compare as BitBake's do, in order", () => {
    const versions = ["1.0~rc1", "1.0", "1.0a", "1.0.1", "1.2", "1.10", "1:0.1"];
    for (const [at, older] of versions.entries()) {
      for (const newer of versions.slice(at + 1)) {
        const order = python.evaluate(`bb.utils.vercmp_string('${older}', '${newer}') < 0`, rig.d);
        expect([older, newer, order]).toEqual([older, newer, "True"]);
      }
    }
  });

  test("local sources are found along FILESPATH, and every place that was tried is named", () => {
    const folder = temporaryFolder("python-test");
    writeFileSync(join(folder, "a.patch"), "");
    const d = rig.datastore({
      FILESPATH: `/nowhere:${folder}`,
      SRC_URI: "file://a.patch https://example.com/x-1.0.tar.gz;downloadfilename=y.tar.gz",
      DL_DIR: "/dl",
    });
    expect(python.evaluate("bb.fetch.get_checksum_file_list(d)", d)).toBe(
      `/nowhere/a.patch:False ${folder}/a.patch:True`,
    );
    expect(python.evaluate("bb.fetch2.Fetch([], d).localpaths()", d)).toBe(
      `['${folder}/a.patch', '/dl/y.tar.gz']`,
    );
    d.setVar("SRC_URI", "file://absent");
    expect(raised(() => python.evaluate("bb.fetch.get_checksum_file_list(d)", d)).type).toBe(
      "bb.BBHandledException",
    );
    rmSync(folder, { recursive: true });
  });

  test("classes are known by the paths that were inherited, exports by their flags", () => {
    const d = rig.datastore({ A: "a", B: "b", C: "c" });
    d.setVar("__inherit_cache", ["/layer/classes/native.bbclass"]);
    for (const name of ["A", "B"]) d.setVarFlag(name, "export", "1");
    d.setVarFlag("B", "unexport", "1");
    expect(
      python.evaluate("bb.data.inherits_class('native', d), bb.data.inherits_class('cross', d)", d),
    ).toBe("(True, False)");
    expect(python.evaluate("dict(bb.data.exported_vars(d))", d)).toBe("{'A': 'a'}");
    expect(python.evaluate("bb.data.has_flags('A', d), bb.data.has_flags('C', d)", d)).toBe("(True, False)");
  });
});

describe("what metadata of the wild calls", () => {
  const folder = temporaryFolder("bb");

  for (const [name, problem] of compressors)
    testUnless(
      problem,
      `bb.compress.${name} reads what it wrote, and says so when the end is missing`,
      () => {
        rig.run([
          `import bb.compress.${name} as tool, io`,
          `path = ${JSON.stringify(join(folder, name))}`,
          "text = ''.join('line %d\\n' % (n * n) for n in range(200000))",
          "with tool.open(path, 'wt') as file:",
          "    file.write(text)",
          "with open(path, 'rb') as plain, tool.open(plain, 'rt', encoding='utf-8') as file:",
          "    assert file.read() == text",
          "data = open(path, 'rb').read()",
          "with tool.open(io.BytesIO(data)) as file:",
          "    assert file.read(6) == b'line 0'",
          "open(path, 'wb').write(data[:len(data) // 2])",
          "for mode in ('rb', 'rt'):",
          "    try:",
          "        with tool.open(path, mode, stderr=-3) as file:",
          "            file.read()",
          "    except OSError:",
          "        continue",
          "    raise AssertionError('half of the data was taken for all')",
        ]);
        expect(rig.said()).toEqual([]);
      },
    );

  test("an empty datastore expands, and knows nothing of others", () => {
    rig.run([
      "import bb.data_smart",
      "other = bb.data_smart.DataSmart()",
      "other.setVar('A', '${B}')",
      'other.setVar(\'B\', \'${@bb.utils.contains("C", "x", "yes", "no", d)}\')',
      "other.setVar('C', 'x y')",
      "assert other.getVar('A') == 'yes', other.getVar('A')",
      "assert sorted(bb.data.init().keys()) == [] and d.getVar('A') is None",
      "other.setVarFlags('C', {'one': '1', 'two': '2'})",
      "other.delVarFlags('C')",
      "assert not other.getVarFlags('C') and other.getVar('C') == 'x y'",
    ]);
    expect(rig.said()).toEqual([]);
  });

  test("settings are changed in a file's text, and nothing else is", () => {
    rig.run([
      "lines = ['# head\\n', 'A = \"a\"\\n', '\\n', 'B += \"b \\\\\\n', '    c\"\\n', '\\n', 'f() {\\n', '    x\\n', '}\\n']",
      "answers = {'A': (None, None, 0, True), 'B': (['d', 'e'], '=', 2, False), 'f()': ('    y\\n', None, 0, True)}",
      "seen = {}",
      "def change(name, value, op, newlines):",
      "    seen[name] = (value, op)",
      "    return answers[name]",
      "changed, after = bb.utils.edit_metadata(lines, ['A', 'B', 'f()'], change)",
      "assert seen == {'A': ('a', '='), 'B': ('b     c', '+='), 'f()': ('    x\\n', '')}, seen",
      "assert changed and ''.join(after) == '# head\\n\\nB = \" \\\\\\n  d \\\\\\n  e \\\\\\n  \"\\n\\nf() {\\n    y\\n}\\n', after",
      "same = lambda name, value, op, newlines: (value, None, 0, True)",
      "assert bb.utils.edit_metadata(lines, ['A', 'B', 'f()'], same) == (False, lines)",
    ]);
    expect(rig.said()).toEqual([]);
  });

  test("progress goes up by the weights of stages", () => {
    rig.events.splice(0);
    rig.run([
      "import bb.progress",
      "stages = bb.progress.MultiStageProgressReporter(d, [1, 3])",
      "stages.next_stage()",
      "stages.update(50)",
      "stages.next_stage(10)",
      "stages.update(5)",
      "stages.update(4)",
      "stages.finish()",
    ]);
    expect(rig.events.map(([name, { progress }]) => [name, progress])).toEqual(
      [0, 12, 25, 62].map((progress) => ["bb.build.TaskProgress", progress]),
    );
  });

  test("a shell gets a function with all that it calls", () => {
    const d = rig.datastore({ SHOWN: 'a "b" $c', HIDDEN: "x" });
    d.setVarFlag("SHOWN", "export", "1");
    for (const [name, body] of Object.entries({
      outer: "    inner 1\n",
      inner: "    echo ${HIDDEN}\n",
      other: ":",
    })) {
      d.setVar(name, body);
      d.setVarFlag(name, "func", "1");
    }
    rig.run(
      [
        "import io",
        "out = io.StringIO()",
        "bb.data.emit_func('outer', out, d)",
        "d.setVar('OUT', out.getvalue())",
      ],
      d,
    );
    expect(d.getVar("OUT", { expand: false })).toBe(
      'export SHOWN="a \\"b\\" \\$c"\n\nouter() {\n    inner 1\n}\n\ninner() {\n    echo x\n}\n\n',
    );
  });

  test("/proc is the host's", () => {
    rig.run([
      "assert 'processor' in open('/proc/cpuinfo').read() or 'CPU' in open('/proc/cpuinfo').read()",
      "assert int(open('/proc/meminfo').readline().split()[1]) > 0",
      `assert os.readlink('/proc/self') == '${process.pid}', os.readlink('/proc/self')`,
      "assert open('/proc/sys/kernel/ostype').read().strip() == 'Linux'",
    ]);
    expect(rig.said()).toEqual([]);
  });

  test.each(["bb.utils.no_such_thing(1)", "bb.data.generate_dependencies(d)", "bb.parse.handle('x', d)"])(
    "%s is not there, and says so",
    (call) => {
      const name = call.replace(/\(.*/, "");
      const [module, attribute] = [name.replace(/\.\w+$/, ""), name.replace(/.*\./, "")];
      rig.run([`assert not hasattr(${module}, '${attribute}')`]);
      const error = raised(() => rig.run([call]));
      expect(error.message).toContain(`${name} is not there`);
    },
  );
});
