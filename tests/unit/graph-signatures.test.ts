import { describe, expect, test } from "@jest/globals";
import { Datastore, scanShell, type PythonHost } from "@tsbake/datastore";
import {
  buildTaskGraph,
  compareExplanations,
  openBaseSigner,
  readRecord,
  signTasks,
  traceChanges,
  writeRecord,
  type InputChange,
  type SignatureExplanation,
  type SignOptions,
  type TaskGraph,
} from "@tsbake/graph";
import { openProviders } from "@tsbake/recipe";
import fc from "fast-check";
import { makeProject, recipe, type RecipeText } from "../support/recipes.js";

/** A variable by its texts: `name` the content, `name[flag]` a flag; a function has the flag `func`. */
function datastore(texts: Readonly<Record<string, string>>): Datastore {
  const d = new Datastore();
  for (const [name, value] of Object.entries(texts)) {
    const [, variable, flag] = /^([^[]+)\[(.+)\]$/.exec(name) ?? [];
    if (variable === undefined || flag === undefined) d.setVar(name, value, { parsing: true });
    else d.setVarFlag(variable, flag, value);
  }
  return d;
}

const shell = (name: string, body: string) => ({ [name]: body, [`${name}[func]`]: "1" });
const python = (name: string, body: string) => ({ ...shell(name, body), [`${name}[python]`]: "1" });

const containsCode =
  "    bb.utils.contains('FEATURES', 'one two', 1, 0, d)\n    bb.utils.filter('FEATURES', 'none', d)\n";
/** Inline Python that is understood without running it. */
function contains(name: string): Record<string, string> {
  return {
    [name]: "${@bb.utils.contains('FEATURES', 'one two', 'y', 'n', d)}",
    do_x: "true\n",
    "do_x[vardeps]": name,
  };
}

const signer = await openBaseSigner("xxh");
const sign = (texts: Readonly<Record<string, string>>, task = "do_x") =>
  signer.sign(datastore(texts), [task]).get(task);

describe("base hashes", () => {
  test.each([
    ["A", { A: "https://me:one@h/x" }, { A: "https://me:two@h/x" }],
    ["what it is made of", { A: "https://me:${P}@h/x", P: "one" }, { A: "https://me:${P}@h/x", P: "two" }],
  ])("a password in a URL is no input: %s", (_name, before, after) => {
    const start = shell("do_x", "echo ${A}\n");
    expect(sign({ ...start, ...after })).toBe(sign({ ...start, ...before }));
    expect(sign({ ...start, ...before, A: "https://you:one@h/x" })).not.toBe(sign({ ...start, ...before }));
  });

  const start = {
    ...shell("do_x", 'install "${D}" $(helper)\n'),
    ...shell("helper", "echo ${A} ${B:-x}\n"),
    ...shell("do_y", "true ${UNRELATED}\n"),
    ...python("pyfunc", "    d.getVar('VIA_PYTHON')\n    pyhelper(d)\n"),
    ...python("pyhelper", "    return d.getVarFlag('FLAGGED', 'f')\n"),
    D: "${WORKDIR}/image",
    WORKDIR: "/w/${PN}",
    PN: "a",
    A: "1",
    UNRELATED: "u",
    VIA_PYTHON: "v",
    "FLAGGED[f]": "1",
    "FLAGGED[g]": "1",
    PATH: "/usr/bin",
    "PATH[export]": "1",
    NOT_EXPORTED: "1",
    "NOT_EXPORTED[unexport]": "1",
    "NOT_EXPORTED[export]": "1",
    FEATURES: "one two",
    LISTED: "l",
    IGNORED: "i",
    BB_BASEHASH_IGNORE_VARS: "IGNORED",
  };

  test("are made of shell that the scanner does not understand, where a shell does, and of no other", () => {
    // As if the function ended and another command began: nobody writes that, and it is no mistake.
    const odd = "true\n}\n{ true\n";
    expect(scanShell(odd).problem).toBeDefined();
    expect(sign(shell("do_x", odd))).toMatch(/^[0-9a-f]{32}$/);
    expect(() => sign(shell("do_x", "true\nif true; then\n"))).toThrow("graph/shell-syntax");
  });

  test("have 32 digits, the same in every process, and a versioned name", () => {
    expect(signer.name).toBe("xxh-1");
    expect(sign({ ...shell("do_x", "true\n") })).toBe("0d384882e5caa5dc6f405b307469d4a8");
  });

  test.each<[string, Record<string, string>, Record<string, string>, boolean]>([
    ["the task's own text", {}, { do_x: "false\n" }, true],
    ["a variable in its text", {}, { D: "/image" }, true],
    ["a variable in a variable", {}, { PN: "b" }, true],
    ["a function that it runs", {}, { helper: "true\n" }, true],
    ["a variable of a function that it runs", {}, { A: "2" }, true],
    ["an exported variable", {}, { PATH: "/bin" }, true],
    ["a variable that is not exported any more", {}, { NOT_EXPORTED: "2" }, false],
    ["what another task reads", {}, { UNRELATED: "x", do_y: "false\n" }, false],
    ["a new variable that nobody reads", {}, { NEW: "x" }, false],
    ["a variable that it reads and that is not set yet", { do_x: "echo ${LATER}\n" }, { LATER: "x" }, true],
    [
      "a variable of shell that becomes one of metadata",
      { do_x: "helper2\n" },
      { ...shell("helper2", "x\n") },
      true,
    ],
    ["what [vardeps] names", { "do_x[vardeps]": "LISTED" }, { LISTED: "m" }, true],
    ["what [vardepsexclude] names", { "do_x[vardepsexclude]": "D" }, { D: "/image" }, false],
    ["what BB_BASEHASH_IGNORE_VARS names", { do_x: "echo ${IGNORED}\n" }, { IGNORED: "j" }, false],
    ["a variable with [vardepvalue]", { "D[vardepvalue]": "fixed" }, { D: "/image" }, false],
    ["the [vardepvalue] itself", { "D[vardepvalue]": "fixed" }, { "D[vardepvalue]": "moved" }, true],
    [
      "what [vardepvalueexclude] cuts out",
      { D: "x-1", "D[vardepvalueexclude]": "-1|-2" },
      { D: "x-2" },
      false,
    ],
    ["the rest of such a value", { D: "x-1", "D[vardepvalueexclude]": "-1|-2" }, { D: "y-1" }, true],
    ["a prefunc", { "do_x[prefuncs]": "pyfunc" }, { pyfunc: "    pass\n" }, true],
    ["what a prefunc's Python reads", { "do_x[prefuncs]": "pyfunc" }, { VIA_PYTHON: "w" }, true],
    ["a flag that Python reads", { "do_x[postfuncs]": "pyfunc" }, { "FLAGGED[f]": "2" }, true],
    ["a flag that nobody reads", { "do_x[postfuncs]": "pyfunc" }, { "FLAGGED[g]": "2" }, false],
    ["[exports]", { "do_x[exports]": "LISTED" }, { LISTED: "m" }, true],
    ["a flag of what it reads", { BB_SIGNATURE_EXCLUDE_FLAGS: "doc" }, { "A[x]": "1" }, true],
    ["an excluded flag", { BB_SIGNATURE_EXCLUDE_FLAGS: "doc" }, { "A[doc]": "1" }, false],
    ["any flag, when no flags are excluded", {}, { "A[x]": "1" }, false],
    ["an override in force", { OVERRIDES: "arm" }, { "A:arm": "2" }, true],
    ["an override that is not", { OVERRIDES: "arm" }, { "A:x86": "2" }, false],
    ["an append", {}, { "A:append": " 2" }, true],
    ["a remove that takes something away", { A: "1 2" }, { "A:remove": "2" }, true],
    ["a remove that does not", { A: "1 2" }, { "A:remove": "3" }, false],
    [
      "what the second of two removes is made of",
      { A: "1 2 3", "A:remove": "2", "A:remove:arm": "${R}", OVERRIDES: "arm", R: "3" },
      { R: "1" },
      true,
    ],
    [
      "a [vardepvalueexclude] that Python reads",
      { ...python("do_x", "    d.getVarFlag('D', 'vardepvalueexclude')\n"), "D[vardepvalueexclude]": "a" },
      { "D[vardepvalueexclude]": "b" },
      false,
    ],
    ["a word of a list that contains() asks for", contains("A"), { FEATURES: "one" }, true],
    ["another word of that list", contains("A"), { FEATURES: "one two three" }, false],
    ["the order of that list", contains("A"), { FEATURES: "two one" }, false],
    ["contains() in Python", { ...python("do_x", containsCode) }, { FEATURES: "one" }, true],
    ["another word, in Python", { ...python("do_x", containsCode) }, { FEATURES: "one two x" }, false],
    [
      "contains() of an excluded variable",
      { ...contains("A"), "A[vardepsexclude]": "FEATURES" },
      { FEATURES: "" },
      false,
    ],
    ["variables that Python tasks do not get", { ...python("do_x", "    pass\n") }, { PATH: "/bin" }, false],
  ])("%s", (_, before, change, isDifferent) => {
    const changed = sign({ ...start, ...before, ...change });
    expect(changed !== sign({ ...start, ...before })).toBe(isDifferent);
  });

  test("of BitBake's handlers leave out names that only a weak default exports", async () => {
    const bitbake = await openBaseSigner("OEBasicHash");
    const of = (texts: Record<string, string>) => {
      const d = datastore({ ...shell("do_x", "true\n"), A: "1", ...texts });
      d.setVarFlag("WEAK", "_defaultval_flag_export", "1");
      return bitbake.sign(d, ["do_x"]).get("do_x");
    };
    expect(of({ "A[export]": "1" })).not.toBe(of({}));
    expect(of({ WEAK: "1" })).toBe(of({}));
  });

  /** A datastore whose Python answers nothing, and the expressions it was asked. */
  function withPython(texts: Readonly<Record<string, string>>): { d: Datastore; asked: string[] } {
    const asked: string[] = [];
    const evaluate = (expression: string) => {
      asked.push(expression);
      return "";
    };
    const d = new Datastore({ python: () => ({ evaluate }) as unknown as PythonHost });
    for (const [name, value] of Object.entries(texts)) d.setVar(name, value, { parsing: true });
    d.setVarFlag("do_x", "func", "1");
    return { d, asked };
  }

  test("of inline Python need no Python, unless expansion changes the code", () => {
    const plain = withPython({
      do_x: "true\n",
      A: "${@bb.utils.contains('F', 'x', d.getVar('B'), '', d)} ${C}",
    });
    plain.d.setVarFlag("do_x", "vardeps", "A");
    signer.sign(plain.d, ["do_x"]);
    expect(plain.asked).toEqual([]);
    const made = withPython({ do_x: "true\n", A: "${@bb.utils.contains('F', '${W}', 'y', 'n', d)}", W: "x" });
    made.d.setVarFlag("do_x", "vardeps", "A");
    signer.sign(made.d, ["do_x"]);
    expect(made.asked).toEqual(["bb.utils.contains('F', 'x', 'y', 'n', d)"]);
  });

  test.each([
    [
      "words that expansion puts into contains()",
      "${@bb.utils.contains('F', '${W}', 1, 0, d)}",
      { W: "x", F: "y" },
      { F: "y x" },
    ],
    ["a name that expansion makes", "${V_${W}}", { W: "x", V_x: "1" }, { V_x: "2" }],
    ["a name that Python reads, named by expansion", "${@d.getVar('${W}')}", { W: "x", x: "1" }, { x: "2" }],
    ["what stands beside Python", "${@1} ${W}", { W: "x" }, { W: "y" }],
  ])("see %s", (_, value, before, change) => {
    const hash = (changes: Record<string, string>) => {
      const { d } = withPython({ do_x: "true\n", A: value, ...before, ...changes });
      d.setVarFlag("do_x", "vardeps", "A");
      return signer.sign(d, ["do_x"]).get("do_x");
    };
    expect(hash(change as Record<string, string>)).not.toBe(hash({}));
    expect(hash({ F: "y z", OTHER: "1" })).toBe(hash({ F: "y" }));
  });

  test("of names that need each other in a circle", () => {
    const texts = { ...shell("do_x", "f\n"), ...shell("f", "g\n"), ...shell("g", "f; echo ${A}\n"), A: "1" };
    expect(sign(texts)).not.toBe(sign({ ...texts, A: "2" }));
  });

  test("do not depend on the order in which things were set", () => {
    const reversed = Object.fromEntries(Object.entries(start).reverse());
    expect(sign(reversed)).toBe(sign(start));
  });

  test("do not depend on what was signed before, however much that was", async () => {
    const busy = await openBaseSigner();
    const names = fc.sample(fc.stringMatching(/^[A-Za-z_:]{1,6}$/), { numRuns: 1500, seed: 1 });
    for (const some of [names.slice(0, 400), names, names.slice(900)]) {
      const texts = {
        ...shell("do_x", some.map((name) => `\${${name}}`).join(" ")),
        "do_x[vardeps]": some.join(" "),
      };
      const alone = (await openBaseSigner()).sign(datastore(texts), ["do_x"]);
      expect(busy.sign(datastore(texts), ["do_x"])).toEqual(alone);
    }
  });

  test("do not depend on the recipes signed before", async () => {
    const other = await openBaseSigner();
    const recipes = [start, { ...start, A: "2" }, { ...start, D: "${A}", A: "3" }, start].map(datastore);
    const alone = await Promise.all(
      recipes.map(async (d) => (await openBaseSigner()).sign(d, ["do_x", "do_y"])),
    );
    expect(recipes.map((d) => other.sign(d, ["do_x", "do_y"]))).toEqual(alone);
  });

  test("change for the tasks that reach the changed variable, and no others", () => {
    // do_0 … do_5 read V0 … V5; each V may read others, as drawn.
    const links = fc.uniqueArray(fc.tuple(fc.nat({ max: 5 }), fc.nat({ max: 5 })), {
      selector: ([from, to]) => `${from} ${to}`,
    });
    fc.assert(
      fc.property(links, fc.nat({ max: 5 }), (pairs, changed) => {
        // Towards larger numbers only: values that need themselves are an error of their own.
        const reads = (from: number) => pairs.filter(([a, b]) => a === from && b > from).map(([, to]) => to);
        const texts: Record<string, string> = {};
        for (let number = 0; number < 6; number += 1) {
          Object.assign(texts, shell(`do_${number}`, `echo \${V${number}}\n`));
          texts[`V${number}`] = `v ${reads(number)
            .map((to) => `\${V${to}}`)
            .join(" ")}`;
        }
        const tasks = [0, 1, 2, 3, 4, 5].map((number) => `do_${number}`);
        const before = signer.sign(datastore(texts), tasks);
        const after = signer.sign(
          datastore({ ...texts, [`V${changed}`]: `${texts[`V${changed}`]} changed` }),
          tasks,
        );
        const reaches = (from: number): boolean => from === changed || reads(from).some(reaches);
        for (const [number, task] of tasks.entries()) {
          expect([task, before.get(task) !== after.get(task)]).toEqual([task, reaches(number)]);
        }
      }),
    );
  });

  test("an unknown handler is named", async () => {
    await expect(openBaseSigner("md4")).rejects.toMatchObject({
      diagnostics: [{ code: "graph/unknown-handler" }],
    });
  });
});

const recipes = (changes: Partial<Record<string, string>> = {}): RecipeText[] => [
  recipe(
    "app",
    {
      do_fetch: { fileChecksums: "/l/a.c:True /l/none.c:True /l/b.c:False" },
      do_build: { after: "do_fetch", deptask: "do_build", ...base(changes, "app") },
    },
    { depends: "lib" },
  ),
  recipe("lib", { do_build: { deptask: "do_build", ...base(changes, "lib") } }, { depends: "base" }),
  recipe("base", { do_build: { feedClosure: "libc6", ...base(changes, "base") } }),
  recipe("other", { do_build: { ...base(changes, "other") } }),
];
const base = (changes: Partial<Record<string, string>>, pn: string) =>
  changes[pn] === undefined ? {} : { baseHash: changes[pn]! };

interface World {
  readonly changes?: Partial<Record<string, string>>;
  readonly files?: Record<string, string>;
  readonly feed?: readonly string[];
  readonly recipes?: readonly RecipeText[];
  readonly configuration?: Record<string, string>;
  readonly options?: Partial<SignOptions>;
}

async function signed(world: World = {}) {
  const project = makeProject(world.recipes ?? recipes(world.changes), world.configuration ?? {});
  const providers = openProviders(project);
  const targets = ["app", "other"].map((name) => ({ name, task: "do_build" }));
  const graph = buildTaskGraph({ project, providers, targets });
  const asked: string[] = [];
  const signatures = await signTasks({
    graph,
    project,
    inputs: {
      file: (path) => {
        asked.push(path);
        return Promise.resolve((world.files ?? { "/l/a.c": "digest a" })[path]);
      },
      feed: () => Promise.resolve(world.feed ?? ["libc6 2.36 aa"]),
    },
    taint: () => undefined,
    ...world.options,
  });
  const hashes = Object.fromEntries(
    graph.order.map((task) => [graph.label(task), signatures.of(task).unihash]),
  );
  return { graph, signatures, hashes, asked };
}

const find = (graph: TaskGraph, label: string) => graph.order.find((task) => graph.label(task) === label)!;

describe("task hashes", () => {
  const changedBy = async (world: World) => {
    const before = (await signed()).hashes;
    const after = (await signed(world)).hashes;
    return Object.keys(before)
      .filter((label) => before[label] !== after[label])
      .sort();
  };

  test("change for what needs the change, and nothing else", async () => {
    expect(await changedBy({})).toEqual([]);
    expect(await changedBy({ changes: { lib: "x" } })).toEqual(["app:do_build", "lib:do_build"]);
    expect(await changedBy({ changes: { other: "x" } })).toEqual(["other:do_build"]);
    expect(await changedBy({ files: { "/l/a.c": "digest b" } })).toEqual(["app:do_build", "app:do_fetch"]);
    expect(await changedBy({ files: {} })).toEqual(["app:do_build", "app:do_fetch"]);
    expect(await changedBy({ files: { "/l/a.c": "digest a", "/l/b.c": "x" } })).toEqual([]);
    expect(await changedBy({ feed: ["libc6 2.37 aa"] })).toEqual([
      "app:do_build",
      "base:do_build",
      "lib:do_build",
    ]);
  });

  test("ask for each file once, and not for those that were not there", async () => {
    const twice = [
      recipe("app", { do_build: { fileChecksums: "/l/a:True /l/a:True /l/b:True" } }),
      recipe("other", { do_build: { fileChecksums: "/l/b:True /l/c:False" } }),
    ];
    expect((await signed({ recipes: twice })).asked).toEqual(["/l/a", "/l/b"]);
  });

  test("do not depend on the folder in which a file lies, but on its place below the marker", async () => {
    const at = async (path: string) => {
      const one = [
        recipe("app", { do_build: { fileChecksums: `${path}:True` } }),
        recipe("other", { do_build: {} }),
      ];
      return (await signed({ recipes: one, files: { [path]: "digest" } })).hashes["app:do_build"];
    };
    expect(await at("/here/a.patch")).toBe(await at("/there/a.patch"));
    expect(await at("/here/./d/a.patch")).toBe(await at("/there/./d/a.patch"));
    expect(await at("/here/./d/a.patch")).not.toBe(await at("/here/./e/a.patch"));
  });

  test("tell what went in", async () => {
    const { graph, signatures } = await signed();
    const lib = signatures.of(find(graph, "lib:do_build"));
    const app = signatures.of(find(graph, "app:do_fetch"));
    expect(lib).toMatchObject({
      baseHash: "base of lib:do_build",
      needs: [{ label: "base:do_build" }],
      feed: [],
    });
    expect(lib.needs[0]?.unihash).toBe(signatures.of(find(graph, "base:do_build")).unihash);
    expect(lib.taskHash).toMatch(/^[0-9a-f]{32}$/);
    expect(app.files).toEqual([{ name: "a.c", digest: "digest a" }]);
    expect(signatures.of(find(graph, "base:do_build")).feed).toEqual(["libc6 2.36 aa"]);
    expect(lib).not.toHaveProperty("taint");
  });

  test("equal output makes equal hashes above", async () => {
    const options = {
      equivalence: (task: string, hash: string) => (task.includes("/lib_") ? "the same output" : hash),
    };
    const before = (await signed({ options })).hashes;
    const after = (await signed({ options, changes: { base: "x" } })).hashes;
    expect(after["base:do_build"]).not.toBe(before["base:do_build"]);
    expect(after["app:do_build"]).toBe(before["app:do_build"]);
  });

  test("a task that gets another unihash changes what is above it, as if it had had that from the start", async () => {
    const { graph, signatures } = await signed({ changes: { base: "x" } });
    const old = (await signed()).signatures;
    const [base, lib, app] = ["base", "lib", "app"].map((pn) => find(graph, `${pn}:do_build`));
    expect(signatures.settle(base!, signatures.of(base!).unihash)).toEqual([]);
    const changed = signatures.settle(base!, old.of(base!).unihash);
    expect(changed[0]).toBe(base);
    expect([...changed].sort()).toEqual([app!, base!, lib!].sort());
    for (const task of [lib!, app!]) expect(signatures.of(task)).toEqual(old.of(task));
    expect(signatures.of(base!).taskHash).not.toBe(old.of(base!).taskHash);
  });

  test("whichever tasks get other unihashes in whichever order, all are as if signed anew", async () => {
    const shape = fc.record({
      needs: fc.array(fc.array(fc.nat(40), { maxLength: 3 }), { minLength: 1, maxLength: 12 }),
      settled: fc.array(fc.tuple(fc.nat(40), fc.nat(2)), { minLength: 1, maxLength: 8 }),
    });
    await fc.assert(
      fc.asyncProperty(shape, async ({ needs, settled }) => {
        const name = (at: number) => `r${at}`;
        const made = needs.map((below, at) => {
          const depends = at === 0 ? [] : below.map((one) => `${name(one % at)}:do_build`);
          return recipe(name(at), { do_build: { depends: depends.join(" ") } });
        });
        const top = needs.map((_, at) => `${name(at)}:do_build`).join(" ");
        made.push(recipe("app", { do_build: { depends: top } }), recipe("other", { do_build: {} }));
        const known = new Map<string, string>();
        const options: World["options"] = {
          equivalence: (task, hash) => known.get(`${task} ${hash}`) ?? hash,
        };
        const { graph, signatures } = await signed({ recipes: made, options });
        for (const [at, unihash] of settled) {
          const task = find(graph, `${name(at % needs.length)}:do_build`);
          known.set(`${task} ${signatures.of(task).taskHash}`, `unihash ${unihash}`);
          const before = graph.order.map((one) => signatures.of(one).unihash);
          const changed = signatures.settle(task, `unihash ${unihash}`);
          const now = graph.order.filter((one, index) => signatures.of(one).unihash !== before[index]);
          expect(changed).toEqual(expect.arrayContaining(now));
        }
        const anew = await signed({ recipes: made, options });
        for (const task of graph.order) expect(signatures.of(task)).toEqual(anew.signatures.of(task));
      }),
      { numRuns: 200 },
    );
  });

  test("a locked task has its lock for a hash, whatever goes in", async () => {
    const computed: string[] = [];
    const locked = (task: string, hash: string) => {
      if (!task.includes("/lib_")) return undefined;
      computed.push(hash);
      return "0123";
    };
    const before = await signed({ options: { locked } });
    const after = await signed({ options: { locked }, changes: { lib: "x" } });
    const lib = after.signatures.of(find(after.graph, "lib:do_build"));
    expect([lib.taskHash, lib.unihash]).toEqual(["0123", "0123"]);
    expect(after.hashes["app:do_build"]).toBe(before.hashes["app:do_build"]);
    expect(new Set(computed).size).toBe(2);
  });

  test("of tainted tasks change, with those above", async () => {
    const taint: SignOptions["taint"] = (task) => (task.includes("/lib_") ? "forced 1" : undefined);
    expect(await changedBy({ options: { taint } })).toEqual(["app:do_build", "lib:do_build"]);
    const { graph, signatures } = await signed({ options: { taint } });
    expect(signatures.of(find(graph, "lib:do_build")).taint).toBe("forced 1");
  });

  test("of [nostamp] tasks are new in every run, with those above", async () => {
    const fresh = recipes().map((one) =>
      one.pn === "lib" ? recipe("lib", { do_build: { nostamp: true } }) : one,
    );
    const first = (await signed({ recipes: fresh })).hashes;
    const second = (await signed({ recipes: fresh })).hashes;
    expect(Object.keys(first).filter((label) => first[label] !== second[label])).toEqual([
      "lib:do_build",
      "app:do_build",
    ]);
    const options = { unique: () => "once" };
    const { graph, signatures } = await signed({ recipes: fresh, options });
    expect(signatures.of(find(graph, "lib:do_build")).taint).toBe("nostamp:once");
  });

  test("leave out the recipes of BB_TASKHASH_IGNORE_TASKS", async () => {
    const configuration = { BB_TASKHASH_IGNORE_TASKS: "^lib$" };
    const before = (await signed({ configuration })).hashes;
    const after = (await signed({ configuration, changes: { lib: "x" } })).hashes;
    expect(after["app:do_build"]).toBe(before["app:do_build"]);
    expect(after["lib:do_build"]).not.toBe(before["lib:do_build"]);
    await expect(signed({ configuration: { BB_TASKHASH_IGNORE_TASKS: "(" } })).rejects.toMatchObject({
      diagnostics: [{ code: "graph/bad-pattern" }],
    });
  });
});

describe("explanations", () => {
  const texts = {
    ...shell("do_build", "echo ${A}\nhelper\n"),
    ...shell("helper", "one\ntwo\nthree\n"),
    A: "1",
    B: "2",
  };

  async function explain(
    changes: Record<string, string> = {},
    world: World = {},
  ): Promise<SignatureExplanation> {
    const d = datastore({ ...texts, ...changes });
    const baseHash = signer.sign(d, ["do_build"]).get("do_build")!;
    const { graph, signatures } = await signed({ ...world, changes: { ...world.changes, lib: baseHash } });
    return signatures.explain(find(graph, "lib:do_build"), d);
  }

  test("hold everything that was hashed", async () => {
    const explanation = await explain();
    expect(explanation).toMatchObject({
      task: "do_build",
      gendeps: { A: [], do_build: ["A", "helper"], helper: [] },
      varvals: { A: "1", do_build: "echo ${A}\nhelper\n", helper: "one\ntwo\nthree\n" },
      runtaskdeps: ["base:do_build"],
      feed: [],
    });
    expect(JSON.parse(JSON.stringify(explanation))).toEqual(explanation);
  });

  test("differ exactly when the hashes do", async () => {
    const [first, again, other] = [await explain(), await explain(), await explain({ A: "2" })];
    expect(compareExplanations(first, again)).toEqual([]);
    expect(again.taskhash).toBe(first.taskhash);
    expect(other.taskhash).not.toBe(first.taskhash);
  });

  test.each<[string, Record<string, string>, World, InputChange[]]>([
    [
      "a value",
      { A: "2" },
      {},
      [{ kind: "variable", name: "A", before: "1", after: "2", usedBy: ["do_build"] }],
    ],
    [
      "a new dependency",
      { helper: "one\ntwo\nthree ${B}\n" },
      {},
      [
        { kind: "variable", name: "B", before: undefined, after: "2", usedBy: ["helper"] },
        {
          kind: "variable",
          name: "helper",
          before: "one\ntwo\nthree\n",
          after: "one\ntwo\nthree ${B}\n",
          usedBy: ["do_build"],
        },
      ],
    ],
    [
      "a name that nothing but [vardeps] says",
      { "A[vardeps]": "helper" },
      {},
      [{ kind: "references", name: "A", added: ["helper"], gone: [] }],
    ],
    [
      "a needed task",
      {},
      { changes: { base: "x" } },
      [
        {
          kind: "task",
          label: "base:do_build",
          before: expect.any(String),
          after: expect.any(String),
        } as never,
      ],
    ],
  ])("say what changed: %s", async (_, changes, world, expected) => {
    expect(compareExplanations(await explain(), await explain(changes, world))).toEqual(expected);
  });

  const one: SignatureExplanation = {
    task: "do_x",
    basehash: "1",
    taskhash: "1",
    unihash: "1",
    gendeps: { do_x: ["A"], A: ["B"] },
    varvals: { do_x: "true\n", A: "1", B: null },
    runtaskdeps: ["a:do_x"],
    runtaskhashes: { "a:do_x": "1" },
    file_checksum_values: [
      ["a.c", "1"],
      ["b.c", "1"],
    ],
    feed: ["gdb 13.1 aa", "htop 3 bb", "strace 6 cc"],
  };

  test("say what changed: files, packages and taints", () => {
    const two: SignatureExplanation = {
      ...one,
      gendeps: { do_x: ["A"], A: [] },
      varvals: { do_x: "true\n", A: "1" },
      runtaskhashes: { "b:do_x": "1" },
      file_checksum_values: [
        ["a.c", "2"],
        ["c.c", "1"],
      ],
      feed: ["gdb 13.2 dd", "htop 3 ee", "lsof 4 ff"],
      taint: "x",
    };
    expect(compareExplanations(one, two)).toEqual([
      { kind: "variable", name: "B", before: null, after: undefined, usedBy: ["A"] },
      { kind: "file", name: "a.c", before: "1", after: "2" },
      { kind: "file", name: "b.c", before: "1", after: undefined },
      { kind: "file", name: "c.c", before: undefined, after: "1" },
      { kind: "package", name: "gdb", before: "13.1", after: "13.2", isOtherContent: false },
      { kind: "package", name: "htop", before: "3", after: "3", isOtherContent: true },
      { kind: "package", name: "lsof", before: undefined, after: "4", isOtherContent: false },
      { kind: "package", name: "strace", before: "6", after: undefined, isOtherContent: false },
      { kind: "task", label: "a:do_x", before: "1", after: undefined },
      { kind: "task", label: "b:do_x", before: undefined, after: "1" },
      { kind: "taint", before: undefined, after: "x" },
    ]);
  });

  test("without variables say no more of them than that they changed", () => {
    const bare = { ...one, gendeps: {}, varvals: {} };
    expect(compareExplanations(one, bare)).toEqual([]);
    expect(compareExplanations(one, { ...bare, basehash: "2" })).toEqual([
      { kind: "base", before: "1", after: "2" },
    ]);
  });

  test("are what they were after writing and reading; what is no record is not taken for one", () => {
    expect(readRecord(writeRecord(one))).toEqual(one);
    const tainted = { ...one, taint: "x", varvals: { ...one.varvals, __proto__x: "1" } };
    expect(readRecord(writeRecord(tainted))).toEqual(tainted);
    for (const text of ["", "{", "null", "[]", '"x"', "{}", '{"task":1,"basehash":"x"}']) {
      expect(readRecord(text)).toBeUndefined();
    }
    // As BitBake writes sets, and without what only we have.
    expect(
      readRecord('{"task":"do_x","basehash":"b","gendeps":{"A":{"_set_object":["B"]}},"varvals":{"A":7}}'),
    ).toMatchObject({ task: "do_x", gendeps: { A: ["B"] }, varvals: {}, feed: [], unihash: "" });
  });

  describe("are followed to what changed in the end", () => {
    const record = (
      label: string,
      hash: string,
      rest: Partial<SignatureExplanation>,
    ): SignatureExplanation => ({
      ...one,
      task: label.split(":")[1]!,
      unihash: hash,
      gendeps: {},
      varvals: { [label.split(":")[1]!]: "" },
      runtaskhashes: {},
      file_checksum_values: [],
      feed: [],
      ...rest,
    });
    const records: Record<string, SignatureExplanation> = {};
    const keep = (label: string, hash: string, rest: Partial<SignatureExplanation>) =>
      (records[`${label} ${hash}`] = record(label, hash, rest));
    for (const hash of ["1", "2"]) {
      keep("low:do_x", hash, { file_checksum_values: [["a.c", hash]], feed: [`p ${hash} s`] });
      keep("left:do_x", hash, { runtaskhashes: { "low:do_x": hash } });
      keep("right:do_x", hash, {
        runtaskhashes: { "low:do_x": hash },
        file_checksum_values: [["a.c", hash]],
      });
      keep("top:do_x", hash, {
        runtaskhashes: { "left:do_x": hash, "right:do_x": hash, "lost:do_x": hash, "same:do_x": "1" },
      });
    }
    const find = (label: string, hash: string) => Promise.resolve(records[`${label} ${hash}`]);
    const top = { label: "top:do_x", before: records["top:do_x 1"]!, after: records["top:do_x 2"]! };

    test("each input once, with all that read it and the shortest way to them", async () => {
      const causes = await traceChanges(top, find);
      const low = { label: "low:do_x", path: ["top:do_x", "left:do_x", "low:do_x"] };
      expect(causes).toEqual([
        {
          change: { kind: "task", label: "lost:do_x", before: "1", after: "2" },
          tasks: [{ label: "top:do_x", path: ["top:do_x"] }],
        },
        {
          change: { kind: "file", name: "a.c", before: "1", after: "2" },
          tasks: [{ label: "right:do_x", path: ["top:do_x", "right:do_x"] }, low],
        },
        {
          change: { kind: "package", name: "p", before: "1", after: "2", isOtherContent: false },
          tasks: [low],
        },
      ]);
    });

    test("a variable that changed in another way elsewhere is another cause", async () => {
      const mine: Record<string, SignatureExplanation> = {};
      const change = (label: string, hash: string, value: string) =>
        (mine[`${label} ${hash}`] = record(label, hash, { varvals: { do_x: "", V: value } }));
      for (const hash of ["1", "2"]) {
        change("a:do_x", hash, hash);
        change("b:do_x", hash, `b${hash}`);
        mine[`c:do_x ${hash}`] = record("c:do_x", hash, {
          runtaskhashes: { "a:do_x": hash, "b:do_x": hash },
        });
      }
      const causes = await traceChanges(
        { label: "c:do_x", before: mine["c:do_x 1"]!, after: mine["c:do_x 2"]! },
        (label, hash) => Promise.resolve(mine[`${label} ${hash}`]),
      );
      expect(causes.map(({ tasks }) => tasks.map(({ label }) => label))).toEqual([["a:do_x"], ["b:do_x"]]);
    });

    test("a task whose own records say no difference is the cause itself", async () => {
      const of = (hash: string) => record("top:do_x", hash, { runtaskhashes: { "a:do_x": hash } });
      const causes = await traceChanges({ label: "top:do_x", before: of("1"), after: of("2") }, () =>
        Promise.resolve(record("a:do_x", "1", { varvals: { do_x: "" } })),
      );
      expect(causes).toEqual([
        {
          change: { kind: "task", label: "a:do_x", before: "1", after: "2" },
          tasks: [{ label: "top:do_x", path: ["top:do_x"] }],
        },
      ]);
    });

    test("two variables that changed in the same way are two causes", async () => {
      const of = (value: string) => record("a:do_x", value, { varvals: { do_x: "", V: value, W: value } });
      const causes = await traceChanges({ label: "a:do_x", before: of("1"), after: of("2") }, find);
      expect(causes.map(({ change }) => "name" in change && change.name)).toEqual(["V", "W"]);
    });

    test("each record read once, however many tasks need it", async () => {
      const asked: string[] = [];
      await traceChanges(top, (label, hash) => {
        asked.push(`${label} ${hash}`);
        return find(label, hash);
      });
      expect(asked.toSorted()).toEqual([...new Set(asked)].toSorted());
    });

    test("nothing for the same inputs", async () => {
      expect(await traceChanges({ ...top, after: top.before }, find)).toEqual([]);
    });
  });

  test("of metadata that changes by itself are refused, unless that is accepted", async () => {
    const d = datastore(texts);
    const { graph, signatures } = await signed({ changes: { lib: "another hash" } });
    const task = find(graph, "lib:do_build");
    await expect(signatures.explain(task, d)).rejects.toMatchObject({
      diagnostics: [{ code: "graph/unstable-metadata" }],
    });
    d.setVar("BB_HASH_IGNORE_MISMATCH", "1");
    expect((await signatures.explain(task, d)).basehash).toBe("another hash");
  });
});
