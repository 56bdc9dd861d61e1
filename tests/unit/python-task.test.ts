import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { Source } from "@tsbake/base";
import { evaluateFile, type Datastore } from "@tsbake/datastore";
import { parseFile } from "@tsbake/language";
import {
  describeFunction,
  runPythonTask,
  type PythonTaskOptions,
  type PythonTaskResult,
} from "@tsbake/python";
import { run } from "../support/command.js";
import { CACHE, PythonRig } from "./python-rig.js";
import { testUnless } from "../support/skip.js";
import { temporaryFolder } from "../support/temporary.js";
import { toolsProblem } from "../support/tools.js";

const folder = temporaryFolder("python-test");
const rig = new PythonRig();
const FILE = "/layer/a_1.0.bb";
// First: it is on PATH then.
const withoutHost = await toolsProblem("python3");
const environment = { PATH: process.env["PATH"]!, MARK: "mark" };

interface Ended extends PythonTaskResult {
  readonly log: string;
  readonly messages: readonly string[];
}

/** Runs lines as the body of do_test, which starts on line 20 of the recipe. */
async function runTask(
  lines: readonly string[],
  d: Datastore,
  more: Partial<PythonTaskOptions> = {},
): Promise<Ended> {
  const logPath = join(mkdtempSync(join(folder, "log-")), "log");
  const logFd = openSync(logPath, "w");
  const messages: string[] = [];
  try {
    const result = await runPythonTask({
      name: "do_test",
      body: lines.map((line) => `    ${line}\n`).join(""),
      place: { file: FILE, line: 20 },
      d,
      cwd: folder,
      env: environment,
      logFd,
      cache: CACHE,
      lazy: rig.python,
      onMessage: (level, text) => messages.push(`${level}: ${text}`),
      ...more,
    });
    return { ...result, messages, log: readFileSync(logPath, "utf8") };
  } finally {
    closeSync(logFd);
  }
}

// Those of this process: others' come and go.
const temporaries = (): string[] =>
  readdirSync(tmpdir()).filter(
    (name) => name.startsWith("tsbake-python-") && name.includes(`-${process.pid}-`),
  );

afterAll(() => {
  rig.python.close();
  rmSync(folder, { recursive: true });
});

const runners = [...(withoutHost ? [] : (["host"] as const)), "embedded"] as const;

describe.each(runners)("a Python task, %s interpreter", (python) => {
  const start = (
    lines: readonly string[],
    d: Datastore,
    more: Partial<PythonTaskOptions> = {},
  ): Promise<Ended> => runTask(lines, d, { python, ...more });

  test("reads and writes the recipe's variables, calls functions, says things, starts programs", async () => {
    const d = rig.datastore({ PN: "foo", NEEDS: "${@str(3 * 7)}", OVERRIDES: "o", "PN:o": "over" });
    const helper = "def helper(d):\n    return 'helped ' + d.getVar('PN') + again()\n";
    const { code, log, messages, message } = await start(
      [
        "import subprocess",
        "bb.note('hello ', d.getVar('NEEDS'))",
        "bb.plain('plain')",
        "print(helper(d))",
        "print(subprocess.check_output(['sh', '-c', 'echo out of $PWD'], text=True), end='')",
        "print(os.environ['MARK'], os.getcwd(), sorted(os.environ.keys() & {'HOME', 'MARK'}))",
        "thing = {'k': (1, 2)}",
        "d.setVar('THING', thing); assert d.getVar('THING') is thing",
        "d.setVar('LIST', ['a', 'b']); assert d.getVar('LIST') == ['a', 'b']",
        "d.setVar('PN', 'changed'); d.setVarFlag('PN', 'f', '1')",
        "copy = d.createCopy(); copy.setVar('PN', 'copied'); del copy",
        "assert d.getVarFlags('PN') == {'f': '1'} and d.getVar('PN') == 'changed' and 'ABSENT' not in d",
        "assert bb.utils.contains('LIST', 'a', 1, 2, rest(d)) == 1",
        "open('made', 'w').write(d.expand('${PN}\\n'))",
        "print('no newline', end='')",
      ],
      d,
      {
        functions: [
          { name: "helper", text: helper, place: { file: FILE, line: 3 } },
          { name: "again", text: "def again():\n    return '!'\n", place: { file: FILE, line: 7 } },
          {
            name: "rest",
            text: "    c = d.createCopy()\n    c.setVar('LIST', 'a b')\n    return c\n",
            place: { file: FILE, line: 9 },
          },
        ],
      },
    );
    expect([code, message, log]).toEqual([
      0,
      undefined,
      `NOTE: hello 21\nplain\nhelped over!\nout of ${folder}\nmark ${folder} ['MARK']\nno newline`,
    ]);
    expect(messages).toEqual(["note: hello 21", "plain: plain"]);
    expect(d.getVar("PN")).toBe("changed");
    expect(d.getVar("LIST")).toEqual(["a", "b"]);
    expect(d.getText("THING")).toBe("{'k': (1, 2)}");
    expect(readFileSync(join(folder, "made"), "utf8")).toBe("changed\n");
  });

  test("fails with the place in the log and in the result", async () => {
    const ended = await start(["x = 1", "", "broken(d)"], rig.d, {
      functions: [
        {
          name: "broken",
          text: "def broken(d):\n    raise ValueError('no good')\n",
          place: { file: FILE, line: 3 },
        },
      ],
    });
    expect([ended.code, ended.message]).toEqual([1, `ValueError: no good (${FILE}:4)`]);
    expect(ended.log).toBe(`  ${FILE}:22, in do_test\n  ${FILE}:4, in broken\nERROR: ValueError: no good\n`);
  });

  test.each([
    ["bb.fatal('stop')", "bb.BBHandledException: stop", "ERROR: stop\n"],
    ["import sys; sys.exit(7)", "SystemExit: 7", `  ${FILE}:20, in do_test\nERROR: SystemExit: 7\n`],
    ["x = = 1", "SyntaxError: invalid syntax (a_1.0.bb, line 20)", undefined],
  ])("%s", async (line, message, log) => {
    const ended = await start([line], rig.d);
    expect([ended.code, ended.message]).toEqual([1, `${message} (${FILE}:20)`]);
    expect(ended.log).toBe(log ?? ended.log);
  });

  test("a value that cannot be expanded is an ExpansionError there too", async () => {
    const d = rig.datastore({ BAD: "${@1 / 0}" });
    const { log } = await start(
      ["try:", "    d.getVar('BAD')", "except bb.data_smart.ExpansionError as e:", "    print('caught', e)"],
      d,
    );
    expect(log).toContain("caught `BAD` cannot be expanded: ZeroDivisionError");
  });

  test("exec_func runs Python functions in their folder, shell functions in the engine", async () => {
    const d = rig.datastore({
      other:
        "    print('in', os.path.basename(os.getcwd()))\n    bad = d.getVar('BAD')\n    if bad: raise KeyError(bad)\n",
      shell: "    true\n",
    });
    d.setVarFlag("other", "dirs", join(folder, "work"));
    d.setVarFlag("other", "filename", "/layer/c.bbclass");
    d.setVarFlag("other", "lineno", "30");
    for (const name of ["other", "shell"]) d.setVarFlag(name, "func", 1);
    d.setVarFlag("other", "python", "1");
    const asked: unknown[] = [];
    const ended = await start(
      [
        "bb.build.exec_func('other', d)",
        "bb.build.exec_func('shell', d, ['/x'])",
        "print(os.getcwd())",
        "copy = d.createCopy(); copy.setVar('BAD', 'b')",
        "try:",
        "    bb.build.exec_func('shell', copy)",
        "except bb.process.ExecutionError as e:",
        "    print(e.exitcode)",
        "bb.build.exec_func('other', copy)",
      ],
      d,
      {
        execFunction: (name, on, dirs) => {
          asked.push([name, on === d, dirs]);
          return Promise.resolve(on === d ? 0 : 5);
        },
      },
    );
    expect(asked).toEqual([
      ["shell", true, ["/x"]],
      ["shell", false, undefined],
    ]);
    expect(ended.message).toBe("KeyError: 'b' (/layer/c.bbclass:33)");
    expect(ended.log.split("\n").slice(0, 4)).toEqual(["in work", folder, "5", "in work"]);
  });

  test("is found in the datastore with every def, compiled only when it is called", async () => {
    const d = rig.datastore({
      do_it: "    print(used(d))\n    globals()['unknown'](d)\n",
      used: "def used(d):\n    return inner()\n",
      inner: "def inner():\n    return 'inner'\n",
      broken: "def broken(:\n",
      __anon_1_x: "def __anon_1_x(d):\n    pass\n",
      shell: "    def\n",
    });
    for (const [line, name] of ["do_it", "used", "inner", "broken", "__anon_1_x", "shell"].entries()) {
      d.setVarFlag(name, "func", 1);
      if (name !== "shell") d.setVarFlag(name, "python", 1);
      d.setVarFlag(name, "filename", FILE);
      d.setVarFlag(name, "lineno", String(line * 10));
    }
    const described = describeFunction(d, "do_it");
    expect(described.functions?.map(({ name, place }) => [name, place.line])).toEqual([
      ["used", 11],
      ["inner", 21],
      ["broken", 31],
    ]);
    const ended = await start([], d, described);
    expect([ended.message, ended.log.split("\n")[0]]).toEqual([`KeyError: 'unknown' (${FILE}:2)`, "inner"]);
    expect((await start([], d, describeFunction(d, "absent"))).code).toBe(0);
  });

  test("is written down for reading", async () => {
    const scriptPath = join(folder, `run.${python}`);
    await start(["pass"], rig.d, {
      scriptPath,
      functions: [{ name: "f", text: "def f():\n    return 1\n", place: { file: FILE, line: 3 } }],
    });
    expect(readFileSync(scriptPath, "utf8")).toBe(
      `# ${FILE}:3\ndef f():\n    return 1\n\n# ${FILE}:20\ndef do_test(d):\n    pass\n`,
    );
  });

  test("has the libraries of addpylib, and the modules that metadata may name without an import", async () => {
    const library = join(folder, `library-${python}/acme_${python}`);
    mkdirSync(library, { recursive: true });
    writeFileSync(join(library, "__init__.py"), "BBIMPORTS = ['tools']\n");
    writeFileSync(join(library, "tools.py"), "def hello(d):\n    return 'hello ' + d.getVar('WHO')\n");
    await rig.python.open();
    const d = rig.datastore({ WHO: "you", BB_GLOBAL_PYMODULES: "json os.path" });
    const text = `addpylib ${join(folder, `library-${python}`)} acme_${python}\n`;
    evaluateFile(parseFile(new Source("/layer/conf/layer.conf", text), "conf"), d, {
      load: () => undefined,
      python: () => rig.python,
      warn: () => {},
    });
    d.setVar("do_it", `    print(acme_${python}.tools.hello(d), json.dumps([1]), os.path.sep)\n`);
    d.setVarFlag("do_it", "func", 1);
    d.setVarFlag("do_it", "python", "1");
    const { code, log } = await start([], d, describeFunction(d, "do_it"));
    expect([code, log]).toEqual([0, "hello you [1] /\n"]);
  });

  test("ends when it is told to, and leaves no pipes behind", async () => {
    const controller = new AbortController();
    const ended = await start(["bb.note('started')", "time.sleep(600)"], rig.d, {
      signal: controller.signal,
      onMessage: () => controller.abort(),
    });
    expect(ended.code).toBe(128 + 15);
    expect((await start([""], rig.d, { signal: AbortSignal.abort() })).code).toBe(128 + 15);
    expect(temporaries()).toEqual([]);
  });

  test("may take all flags of a variable away, and have a datastore of its own", async () => {
    const d = rig.datastore({ A: "a" });
    d.setVarFlag("A", "one", "1");
    const lines = [
      "d.delVarFlags('A')",
      "import bb.data_smart",
      "other = bb.data_smart.DataSmart()",
      "other.setVar('B', '${A}${C}')",
      "other.setVar('C', 'c')",
      "d.setVar('FOUND', other.getVar('B'))",
    ];
    expect((await start(lines, d)).code).toBe(0);
    expect([d.getVarFlag("A", "one"), d.getVar("FOUND", { expand: false })]).toEqual([undefined, "${A}c"]);
  });

  test("may be started by the caller", async () => {
    const commands: string[] = [];
    const { code } = await start(["d.setVar('STARTED', str(os.umask(0)))"], rig.d, {
      umask: "027",
      start: async (command, args, options) => {
        commands.push(command);
        const ended = await run(command, args, { env: options.environment });
        return { code: ended.code! };
      },
    });
    expect([code, commands.length, rig.d.getVar("STARTED")]).toEqual([0, 1, String(0o027)]);
  });
});

testUnless(withoutHost, "forked processes and threads share one d without mixing up answers", async () => {
  const d = rig.datastore({ A: "a" });
  for (let n = 0; n < 8; n++) d.setVar(`V${n}`, `value ${n} `.repeat(500));
  const { code, message } = await runTask(
    [
      "import multiprocessing, threading",
      "def work(n):",
      "    for _ in range(50):",
      "        assert d.getVar('V%d' % n) == ('value %d ' % n) * 500",
      "        assert d.getVar('A') == 'a'",
      "context = multiprocessing.get_context('fork')",
      "children = [context.Process(target=work, args=(n,)) for n in range(4)]",
      "threads = [threading.Thread(target=work, args=(n,)) for n in range(4, 8)]",
      "for one in children + threads: one.start()",
      "work(0)",
      "for one in children + threads: one.join()",
      "assert [one.exitcode for one in children] == [0] * 4",
    ],
    d,
    { python: "host" },
  );
  // oxlint-disable-next-line jest/no-standalone-expect -- it stands in a test, unless there is no python3
  expect([code, message]).toEqual([0, undefined]);
});

test("without a Python on PATH the embedded one runs it, unless the host's is asked for", async () => {
  const empty = join(folder, "empty");
  mkdirSync(empty);
  const more = { env: { PATH: empty } };
  const { log } = await runTask(["import sys; print(sys.platform)"], rig.d, more);
  expect(log).toBe("emscripten\n");
  await expect(runTask(["pass"], rig.d, { ...more, python: "host" })).rejects.toMatchObject({
    diagnostics: [{ code: "python/no-host-python" }],
  });
});
