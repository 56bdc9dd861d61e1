import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { BuildError } from "@tsbake/base";
import { Datastore, type PythonError } from "@tsbake/datastore";
import { LazyPython, openPython, PythonNeeded, type EmbeddedPython } from "@tsbake/python";
import { PythonRig, raised } from "./python-rig.js";
import { root } from "../support/paths.js";
import { testUnless } from "../support/skip.js";
import { temporaryFolder } from "../support/temporary.js";

const PLACE = { file: "/layer/classes/a.bbclass", line: 20 };
const folder = temporaryFolder("python-test");
const rig = new PythonRig();
const { d } = rig;

beforeAll(async () => {
  await rig.python.open();
});

afterAll(() => {
  rig.python.close();
  rmSync(folder, { recursive: true });
});

describe("the snapshot", () => {
  const cache = join(folder, "cache");
  const open = (): Promise<EmbeddedPython> => openPython({ cache, isShared: false, onMessage: () => {} });
  const answer = (python: EmbeddedPython): string =>
    python.evaluate("sorted({'b', 'a'})[0]", new Datastore());

  test("is left by the first start, used by the next, replaced when it is damaged, and alone in its folder", async () => {
    mkdirSync(cache);
    writeFileSync(join(cache, "pyodide-1-node1-0.snapshot"), "of another version");
    expect(answer(await open())).toBe("a");
    const [name, ...more] = readdirSync(cache);
    expect(name).toMatch(/^pyodide-[0-9.]+-node\d+-[0-9a-f]{16}\.snapshot$/);
    expect(more).toEqual([]);
    expect(answer(await open())).toBe("a");
    truncateSync(join(cache, name!), 1_000_000);
    expect(answer(await open())).toBe("a");
    expect(readdirSync(cache)).toEqual([name]);
  });

  const modules = join(root, "node_modules");
  const isOwner = statSync(modules).uid === process.geteuid?.();
  testUnless(
    isOwner ? undefined : "the installation is somebody else's",
    "is one for all projects of an installation",
    async () => {
      const own = join(folder, "own");
      const first = await openPython({ cache: own, onMessage: () => {} });
      expect(answer(first)).toBe("a");
      const shared = join(modules, ".cache/tsbake");
      expect(readdirSync(shared).filter((name) => /^pyodide-.*\.snapshot$/.test(name))).toHaveLength(1);
      expect(existsSync(own)).toBe(false);
      // Who may write there may say what runs: then it is not believed.
      chmodSync(shared, 0o777);
      try {
        expect(answer(await openPython({ cache: own, onMessage: () => {} }))).toBe("a");
        expect(readdirSync(own)).toHaveLength(1);
      } finally {
        chmodSync(shared, 0o755);
      }
    },
  );

  test("is no condition: a folder that cannot be made only costs time", async () => {
    const file = join(folder, "a-file");
    writeFileSync(file, "");
    const python = await openPython({
      cache: join(file, "cache"),
      isShared: false,
      onMessage: () => {},
    });
    expect(answer(python)).toBe("a");
  });
});

test("files and folders that Python makes have the modes that its own umask leaves", () => {
  const at = join(folder, "umask");
  const mine = process.umask(0o027);
  rig.run([
    "import subprocess, shutil",
    `at = ${JSON.stringify(at)}`,
    "def make(under):",
    "    bb.utils.mkdirhier(under + '/a/b')",
    "    open(under + '/f', 'w').close()",
    "    os.close(os.open(under + '/x', os.O_CREAT | os.O_WRONLY, 0o777))",
    "    os.close(os.open(under + '/p', os.O_CREAT | os.O_WRONLY, 0o600))",
    "    shutil.copyfile(under + '/f', under + '/copy')",
    "    subprocess.check_call(['mkdir', under + '/child'])",
    "    subprocess.check_call('cat; touch %s/shell' % under, shell=True, stdin=subprocess.DEVNULL)",
    "bits = {}",
    "for mask in (0o022, 0o077, 0):",
    "    before = os.umask(mask)",
    "    make(at + '/%o' % mask)",
    "    assert os.umask(before) == mask",
    "with bb.utils.umask(0):",
    "    try:",
    "        subprocess.call(['no-such-program'])",
    "    except FileNotFoundError:",
    "        d.setVar('MISSING', 'told')",
  ]);
  expect(process.umask(mine)).toBe(0o027);
  expect(d.getText("MISSING")).toBe("told");
  const modes = (mask: string) =>
    Object.fromEntries(
      readdirSync(join(at, mask), { recursive: true, encoding: "utf8" }).map((name) => [
        name,
        (statSync(join(at, mask, name)).mode & 0o7777).toString(8),
      ]),
    );
  const expected = (mask: number) => {
    const of = (mode: number) => (mode & ~mask).toString(8);
    const [file, all] = [of(0o666), of(0o777)];
    return { a: all, "a/b": all, child: all, copy: file, f: file, p: of(0o600), shell: file, x: all };
  };
  expect(modes("22")).toEqual(expected(0o022));
  expect(modes("77")).toEqual(expected(0o077));
  expect(modes("0")).toEqual(expected(0));
});

describe("inline expressions", () => {
  const values = rig.datastore({ PN: "foo", WORDS: "a b", len: "a variable", oe: "a variable" });

  test.each([
    ["d.getVar('PN').upper()", "FOO"],
    ["PN + '-' + WORDS.split()[1]", "foo-b"],
    ["[word * 2 for word in WORDS.split()]", "['aa', 'bb']"],
    ["None", "None"],
    ["d.getVar('ABSENT')", "None"],
    ["  1 + 1 ", "2"],
    ["len(PN)", "3"],
    ["os.path.join('/a', time.strftime('%Y', time.gmtime(0)))", "/a/1970"],
    ["bb.utils.vercmp_string('1.0', '1.0~rc1')", "1"],
  ])("%s", (expression, expected) => {
    expect(rig.python.evaluate(expression, values)).toBe(expected);
  });

  test("an unknown name, and one that is never a variable, is a NameError", () => {
    expect(raised(() => rig.python.evaluate("str(ABSENT)", values))).toMatchObject({
      type: "NameError",
      detail: "name 'ABSENT' is not defined",
      frames: [],
    });
    expect(raised(() => rig.python.evaluate("str(oe)", values)).type).toBe("NameError");
  });

  test("a text without end is told as what it is: the datastore leaves it alone", () => {
    expect(raised(() => rig.python.evaluate("'", values)).detail).toMatch(/^unterminated string literal/);
    values.setVar("LONE", "a ${@'} b");
    expect(values.getVar("LONE")).toBe("a ${@'} b");
  });

  test("values nest through Python, and a loop ends in an error that leaves the interpreter whole", () => {
    const nested = rig.datastore({ V0: "x" });
    for (let n = 1; n < 40; n++) nested.setVar(`V${n}`, `\${@str(d.getVar('V${n - 1}')) + ''}`);
    expect(nested.getVar("V39")).toBe("x");
    const loop = rig.datastore({ A: "${@str(d.getVar('B'))}", B: "${@str(d.getVar('A'))}" });
    expect(() => loop.getVar("A")).toThrow(BuildError);
    expect(raised(() => rig.run(["def again(): again()", "again()"])).type).toBe("RecursionError");
    expect(rig.python.evaluate("str(1 + 1)", d)).toBe("2");
  });

  test("the error of a variable that is read inside is thrown on as it was", () => {
    const bad = rig.datastore({ BAD: "${@1 / 0}" });
    expect(() => rig.python.evaluate("str(d.getVar('BAD'))", bad)).toThrow(BuildError);
  });
});

describe("functions", () => {
  test("tell errors with the lines of their files, innermost last", () => {
    rig.python.define("def outer(d):\n    return inner(d)\n\ndef inner(d):\n    return d.nothing()\n", PLACE);
    expect(raised(() => rig.run(["", "outer(d)"]))).toMatchObject({
      type: "AttributeError",
      frames: [
        { file: "/layer/a.bb", line: 11, function: "do_test" },
        { file: PLACE.file, line: 21, function: "outer" },
        { file: PLACE.file, line: 24, function: "inner" },
      ],
    });
  });

  test.each([
    [10, 11],
    [2, 3],
    [1, 2],
  ])("a body that starts on line %i has its second line on %i", (line, second) => {
    const error = raised(() =>
      rig.run(["x = 1", "raise ValueError('no')"], d, { file: "/layer/b.bb", line }),
    );
    expect(error.frames).toEqual([{ file: "/layer/b.bb", line: second, function: "do_test" }]);
    const wrong = raised(() =>
      rig.python.check("f", "    x = 1\n    y = = 2\n", { file: "/layer/b.bb", line }),
    );
    expect(wrong.type).toBe("SyntaxError");
    expect(wrong.frames).toEqual([{ file: "/layer/b.bb", line: second, function: "<syntax>" }]);
  });

  test("may have any name, be empty, or hold comments only", () => {
    for (const body of ["", "\n\n", "    # nothing\n", "# at the margin\n"]) {
      expect(() => rig.python.execute("do_x:class-native+1", body, PLACE, d)).not.toThrow();
    }
    expect(() => rig.python.check("1st", "\tpass\n", PLACE)).not.toThrow();
  });

  test("print whole lines, and speak through bb", () => {
    rig.run(["print('one', 2)", "print('t', end='')", "print('wo')"]);
    rig.run(["bb.plain('p')", "bb.debug(2, 'd', 'e')", "bb.note('n')", "bb.warn('w ', 1)", "bb.error('e')"]);
    expect(rig.said()).toEqual([
      ["plain", "one 2"],
      ["plain", "two"],
      ["plain", "p"],
      ["debug", "de"],
      ["note", "n"],
      ["warning", "w 1"],
      ["error", "e"],
    ]);
  });

  test.each([
    ["raise bb.parse.SkipRecipe('not here')", "bb.parse.SkipRecipe", "not here"],
    ["raise bb.parse.SkipPackage('nor here')", "bb.parse.SkipRecipe", "nor here"],
    ["bb.fatal('stop ', 1)", "bb.BBHandledException", "stop 1"],
    ["raise KeyError('k')", "KeyError", "'k'"],
    ["import sys; sys.exit(3)", "SystemExit", "3"],
  ])("%s", (line, type, detail) => {
    expect(raised(() => rig.run([line]))).toMatchObject({ type, detail });
    rig.said();
  });

  test("a skip passes through an expansion as the same exception", () => {
    rig.python.define("def skip():\n    raise bb.parse.SkipRecipe('deep')\n", PLACE);
    const skipping = rig.datastore({ A: "${@skip()}" });
    rig.run(
      ["try:", "    d.getVar('A')", "except bb.parse.SkipRecipe as e:", "    print('caught', e)"],
      skipping,
    );
    expect(rig.said()).toEqual([["plain", "caught deep"]]);
    expect(raised(() => rig.run(["d.getVar('A')"], skipping)).type).toBe("bb.parse.SkipRecipe");
  });

  test("a failed expansion is bb.data_smart.ExpansionError, with the engine's own error as the cause", () => {
    const bad = rig.datastore({ BAD: "${@1 / 0}" });
    const error = raised(() => rig.run(["d.getVar('BAD')"], bad));
    expect(error.type).toBe("bb.data_smart.ExpansionError");
    expect(error.detail).toContain("ZeroDivisionError: division by zero");
    expect(error.frames).toEqual([{ file: "/layer/a.bb", line: 10, function: "do_test" }]);
    expect(error.cause).toBeInstanceOf(BuildError);
  });
});

/** `passed`, or what went wrong: Python's own `assert`s decide. */
function outcome(lines: readonly string[], on: Datastore = d): string {
  try {
    rig.run(lines, on);
    return "passed";
  } catch (error) {
    const { message, frames } = error as PythonError;
    return `${message} at ${lines[(frames.at(-1)?.line ?? 0) - 10]}`;
  }
}

describe("d", () => {
  test("gives back what was put in: texts, numbers, truth values, lists, any object", () => {
    expect(
      outcome([
        "thing = object()",
        "values = ['text', '', 7, 1.5, True, ['a', 'b'], [], [1, 'b'], {'k': [1]}, {1, 2}, (1, None), thing]",
        "for value in values:",
        "    d.setVar('V', value)",
        "    assert d.getVar('V') == value and type(d.getVar('V')) == type(value), value",
        "    d.setVarFlag('V', 'f', value)",
        "    assert d.getVarFlag('V', 'f') == value, value",
        "assert d.getVar('V') is thing",
        "d.setVar('V', None)",
        "assert d.getVar('V') is None and d.getVarFlag('V', 'absent') is None",
      ]),
    ).toBe("passed");
  });

  test("sees what the engine keeps as lists and mappings", () => {
    const engine = rig.datastore({});
    engine.setVar("LIST", ["a", "b"]);
    engine.setVar("MAP", new Map([["k", ["v"]]]));
    expect(
      outcome(["assert d.getVar('LIST') == ['a', 'b']", "assert d.getVar('MAP') == {'k': ['v']}"], engine),
    ).toBe("passed");
  });

  test("has the methods of BitBake's", () => {
    expect(
      outcome(
        [
          "d.setVar('A', '${B}!')",
          "d.setVar('B', 'b')",
          "assert d.getVar('A') == 'b!' and d.getVar('A', False) == '${B}!' and d.getVar('A', expand=False) == '${B}!'",
          "d.appendVar('A', '>'); d.prependVar('A', '<')",
          "assert d.getVar('A') == '<b!>'",
          "d.setVarFlag('A', 'x', '1'); d.appendVarFlag('A', 'x', '2'); d.prependVarFlag('A', 'x', '${B}')",
          "assert d.getVarFlags('A') == {'x': '${B}12'}, d.getVarFlags('A')",
          "assert d.getVarFlags('A', expand=['x']) == {'x': 'b12'}",
          "assert d.getVarFlags('ABSENT') is None",
          "d.setVarFlags('A', {'y': 'Y'}); d.delVarFlag('A', 'x')",
          "assert d.getVarFlags('A') == {'y': 'Y'}",
          "d.renameVar('B', 'C')",
          "assert d.getVar('B') is None and 'C' in d and 'B' not in d and d['C'] == 'b'",
          "assert d.expand('${C}${ABSENT}') == 'b${ABSENT}'",
          "copy = d.createCopy(); copy.setVar('C', 'other'); again = bb.data.createCopy(copy)",
          "assert (d.getVar('C'), again.getVar('C')) == ('b', 'other') and again.expand('${@d.getVar(\"C\")+str()}') == 'other'",
          "assert {'A', 'C'} <= set(d.keys()) == set(d) and len(d) == len(d.keys())",
          "d.setVar('OVERRIDES', 'o'); d.setVar('C:o', 'over')",
          "assert d.getVar('C') == 'over' and d.hasOverrides('C') and not d.hasOverrides('A')",
          "d.delVar('C')",
          "assert d.getVar('C') is None",
          "d.setVar('K-${A}', '1'); bb.data.expandKeys(d)",
        ],
        rig.datastore({}),
      ),
    ).toBe("passed");
  });

  test("adds and removes tasks, and walks between them", () => {
    const tasks = rig.datastore({});
    expect(
      outcome(
        [
          "bb.build.addtask('a', None, None, d)",
          "bb.build.addtask('do_c', 'do_d', 'a b', d)",
          "bb.build.addtask('b', 'do_c', 'do_a', d)",
          "bb.build.addtask('d', None, None, d)",
          "bb.build.addtask('e', None, None, d)",
          "assert bb.build.listtasks(d) == ('do_a', 'do_c', 'do_b', 'do_d', 'do_e'), bb.build.listtasks(d)",
          "assert bb.build.preceedtask('do_c', False, d) == {'do_a', 'do_b'}",
          "assert set(bb.build.tasksbetween('do_a', 'do_d', d)) == {'do_a', 'do_b', 'do_c', 'do_d'}",
          "assert bb.build.tasksbetween('do_e', 'do_d', d) == []",
          "bb.build.deltask('c', d)",
          "assert bb.build.tasksbetween('do_a', 'do_d', d) == []",
        ],
        tasks,
      ),
    ).toBe("passed");
    expect(tasks.getVarFlag("do_b", "deps")).toEqual(["do_a"]);
  });

  test("does not outlive its recipe: neither heap holds a datastore that Python has seen", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const seen = Array.from({ length: 20 }, (_, n) => {
      const recipe = rig.datastore({ PN: `recipe-${n}` });
      rig.run(["assert d.createCopy().getVar('PN').startswith('recipe')"], recipe);
      return new WeakRef(recipe);
    });
    // Weak references hold until the turn of the event loop ends.
    await setImmediate();
    collect();
    const kept = seen.filter((one) => one.deref() !== undefined);
    expect(kept.length).toBeLessThan(5);
  });
});

describe("events and libraries", () => {
  test("a handler gets an event of the class, with its attributes and data", () => {
    rig.python.handle(
      "handler",
      "    assert isinstance(e, bb.event.RecipeTaskPreProcess) and isinstance(e, bb.event.Event)\n" +
        "    print(e.fn, e.tasklist, bb.event.getName(e), e.data is d)\n",
      PLACE,
      { eventClass: "bb.event.RecipeTaskPreProcess", attributes: { fn: "/a.bb", tasklist: ["do_a"] } },
      d,
    );
    rig.python.handle(
      "handler",
      "    print(bb.event.getName(e))\n",
      PLACE,
      { eventClass: "bb.build.TaskFailed", attributes: {} },
      d,
    );
    rig.python.handle(
      "handler",
      "    print(type(e))\n",
      PLACE,
      { eventClass: "bb.event.NotYetKnown", attributes: {} },
      d,
    );
    expect(rig.said().map(([, text]) => text)).toEqual([
      "/a.bb ['do_a'] RecipeTaskPreProcess True",
      "TaskFailed",
      "<class 'bb.event.NotYetKnown'>",
    ]);
  });

  test("MultiConfigParsed has a `d` for each configuration, and what is set in it stays", () => {
    const one = rig.datastore({ MACHINE: "first" });
    rig.python.handle(
      "handler",
      "    e.mcdata[''].setVar('SEEN', ' '.join(e.mcdata[mc].getVar('MACHINE') or '-' for mc in e.mcdata))\n",
      PLACE,
      { eventClass: "bb.event.MultiConfigParsed", attributes: { mcdata: { "": d, one } } },
      d,
    );
    expect(d.getText("SEEN")).toBe("- first");
  });

  test("metadata fires its own, and names files that the parse depends on", () => {
    rig.run([
      "bb.event.fire(bb.event.MetadataEvent('T', {'a': 1}), d)",
      "bb.parse.mark_dependency(d, '/some/file')",
    ]);
    expect(rig.events).toEqual([["bb.event.MetadataEvent", { pid: 0, type: "T", _localdata: { a: 1 } }]]);
    expect(rig.dependencies).toEqual(["/some/file"]);
  });

  test("addpylib imports a package and its parts; the namespace goes back to the mark for each recipe", () => {
    const library = join(folder, "lib");
    mkdirSync(join(library, "acme"), { recursive: true });
    writeFileSync(join(library, "acme/__init__.py"), "BBIMPORTS = ['tools']\n");
    writeFileSync(
      join(library, "acme/tools.py"),
      "import bb\ndef hello(d):\n    return 'hello ' + d.getVar('WHO')\n",
    );
    rig.python.addLibrary(library, "acme");
    rig.python.mark();
    rig.python.define("def once():\n    return acme.tools.hello\n", PLACE);
    const who = rig.datastore({ WHO: "you", A: "${@once()(d)}" });
    expect(who.getVar("A")).toBe("hello you");
    rig.python.reset();
    expect(raised(() => rig.python.evaluate("once()", who)).type).toBe("NameError");
    expect(rig.python.evaluate("acme.tools.hello(d)", who)).toBe("hello you");
    expect(raised(() => rig.python.addLibrary(library, "absent")).type).toBe("ModuleNotFoundError");
  });
});

describe("the machine", () => {
  test("files of the host are at their own paths, for reading and writing", () => {
    writeFileSync(join(folder, "file"), "text");
    rig.run([
      "import glob",
      `folder = ${JSON.stringify(folder)}`,
      "assert open(folder + '/file').read() == 'text'",
      "assert os.path.exists('/etc/passwd') and os.path.isdir('/usr/bin') and not os.path.exists('/nowhere')",
      "assert 'file' in os.listdir(folder) and glob.glob(folder + '/f*') == [folder + '/file']",
      "assert os.path.realpath('/bin/sh').startswith('/')",
      "bb.utils.mkdirhier(folder + '/a/b'); bb.utils.copyfile(folder + '/file', folder + '/a/b/copy')",
      "assert bb.utils.sha256_file(folder + '/a/b/copy') == bb.utils.sha256_file(folder + '/file')",
      "bb.utils.rename(folder + '/a/b/copy', folder + '/a/moved')",
      "assert bb.utils.which(folder + ':' + folder + '/a', 'moved') == folder + '/a/moved'",
      "bb.utils.remove(folder + '/a', recurse=True)",
      "assert not os.path.exists(folder + '/a') and os.getcwd()",
    ]);
    expect(readdirSync(folder)).not.toContain("a");
  });

  test("os tells of the host, and programs of the host can be run", () => {
    expect(rig.python.evaluate("'%s %s' % (os.uname()[0], os.getuid())", d)).toBe(
      `Linux ${process.getuid!()}`,
    );
    rig.run([
      "import subprocess",
      "assert bb.process.run('cat; echo err >&2', input='in') == ('in', 'err\\n')",
      "assert bb.process.run(['printf', '%s', 'a b'])[0] == 'a b'",
      "assert subprocess.run(['sh', '-c', 'exit 3']).returncode == 3",
      "assert subprocess.check_output('echo $X', shell=True, text=True, env={'X': 'x', 'PATH': os.environ['PATH']}) == 'x\\n'",
      "for command, kind in ((['no-such-program'], bb.process.NotFoundError), ('exit 4', bb.process.ExecutionError)):",
      "    try:",
      "        bb.process.run(command)",
      "    except kind as e:",
      "        print(e)",
    ]);
    expect(rig.said().map(([, text]) => text)).toEqual([
      "Execution of 'no-such-program' failed: command not found",
      "Execution of 'exit 4' failed with exit code 4",
    ]);
  });
});

describe("LazyPython", () => {
  test("asks to be opened when it is needed, with all that was said before in place", async () => {
    const started = { count: 0 };
    const lazy = new LazyPython(() => {
      started.count++;
      return openPython({ cache: join(folder, "cache"), onMessage: () => {} });
    });
    const values = new Datastore({ python: () => lazy });
    lazy.define("def base():\n    return 'base'\n", PLACE);
    lazy.mark();
    lazy.define("def recipe():\n    return 'recipe'\n", PLACE);
    lazy.check("wrong", "    x = = 1\n", PLACE);
    values.setVar("PLAIN", "${@d.getVar('X') or 'none'}");
    expect(values.getVar("PLAIN")).toBe("none");
    expect(lazy.needed).toBe(false);

    expect(() => lazy.execute("f", "    pass\n", PLACE, values)).toThrow(PythonNeeded);
    expect(lazy.needed).toBe(true);
    await Promise.all([lazy.open(), lazy.open()]);
    expect([lazy.isOpen, lazy.needed, started.count]).toEqual([true, false, 1]);
    expect(raised(() => lazy.evaluate("base() + recipe()", values)).type).toBe("SyntaxError");
    expect(lazy.evaluate("base() + recipe()", values)).toBe("baserecipe");
    lazy.reset();
    expect(raised(() => lazy.evaluate("base() + recipe()", values)).type).toBe("NameError");
  });

  test("a failed start is tried again, and what was closed while it started is not left open", async () => {
    let starts = 0;
    const lazy = new LazyPython(() => {
      if (++starts === 1) return Promise.reject(new Error("no memory"));
      return openPython({ cache: join(folder, "cache"), onMessage: () => {} });
    });
    const both = await Promise.allSettled([lazy.open(), lazy.open()]);
    expect([starts, ...both.map(({ status }) => status)]).toEqual([1, "rejected", "rejected"]);
    const opening = lazy.open();
    lazy.close();
    await opening;
    expect(lazy.isOpen).toBe(false);
    await lazy.open();
    expect([lazy.isOpen, starts]).toEqual([true, 3]);
    lazy.close();
  });

  test("a reset before the start forgets what came after the mark, mistakes included", async () => {
    const lazy = new LazyPython(() => openPython({ cache: join(folder, "cache"), onMessage: () => {} }));
    lazy.define("def base():\n    return 'base'\n", PLACE);
    lazy.mark();
    lazy.define("def recipe(:\n", PLACE);
    lazy.reset();
    await lazy.open();
    expect(lazy.evaluate("base()", d)).toBe("base");
  });
});
