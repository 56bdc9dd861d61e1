import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { byText } from "@tsbake/base";
import { Datastore } from "@tsbake/datastore";
import type { TaskId } from "@tsbake/graph";
import {
  demand,
  estimate,
  installOutputs,
  manifestPath,
  openStamps,
  pathsAhead,
  progressReader,
  readManifest,
  restoreCandidates,
  runInstead,
  shellScript,
  uninstallOutputs,
} from "@tsbake/run";
import type { Plan, PlanFacts, Stamped } from "@tsbake/run";
import { spawnSync } from "node:child_process";
import { temporaryFolder } from "../support/temporary.js";

class Folder implements Disposable {
  readonly path = temporaryFolder("run");
  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
  write(name: string, text: string): string {
    const path = join(this.path, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return path;
  }
}

function namesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).toSorted(byText);
}

/** `a: b c, b: d` — a needs b and c, b needs d. */
function facts(edges: string, current: string, stored: string): PlanFacts {
  const needs = new Map(
    edges.split(",").map((row) => {
      const [task, list = ""] = row.trim().split(":");
      return [task, list.split(" ").filter(Boolean) as TaskId[]];
    }),
  );
  return {
    needs: (task) => needs.get(task) ?? [],
    isCurrent: (task) => current.split(" ").includes(task),
    isStored: (task) => stored.split(" ").includes(task),
  };
}

function shown(plan: Plan): string {
  return [...plan].map(([task, decision]) => `${task}=${decision}`).join(" ");
}

describe("the plan", () => {
  const chain = "a: b, b: c, c: d";
  const diamond = "a: b c, b: d, c: d";
  test.each([
    ["nothing is there: all run", chain, "", "", "a=run b=run c=run d=run"],
    ["the target is current: nobody asks further", chain, "a", "b", "a=current"],
    ["the target is stored", chain, "", "a", "a=restore"],
    ["a stored need covers what it needed", chain, "", "b", "a=run b=restore"],
    ["a current need covers what it needed", chain, "c", "", "a=run b=run c=current"],
    ["current wins over stored", chain, "b", "b", "a=run b=current"],
    ["both sides of a diamond covered", diamond, "b", "c", "a=run b=current c=restore"],
    ["one side of a diamond covered: the other needs d", diamond, "b", "", "a=run b=current c=run d=run"],
    ["d is stored for the side that runs", diamond, "b", "d", "a=run b=current c=run d=restore"],
  ])("%s", (_name, edges, current, stored, expected) => {
    const plan: Plan = new Map();
    demand(plan, ["a" as TaskId], facts(edges, current, stored));
    expect(shown(plan)).toBe(expected);
  });

  test("what is decided stays when more is asked for", () => {
    const plan: Plan = new Map();
    demand(plan, ["b" as TaskId], facts(chain, "", "b"));
    const added = demand(plan, ["a" as TaskId, "b" as TaskId], facts(chain, "", ""));
    expect([shown(plan), added]).toEqual(["b=restore a=run", ["a"]]);
  });

  test("a restore that went wrong asks for the task's needs", () => {
    const plan: Plan = new Map();
    demand(plan, ["a" as TaskId], facts(diamond, "", "b c"));
    const added = runInstead(plan, "b" as TaskId, facts(diamond, "", "c"));
    expect([shown(plan), added]).toEqual(["a=run b=run c=restore d=run", ["d"]]);
  });

  test("the store is asked for everything down to the first current tasks", () => {
    const known = facts("a: b c, b: d, c: e, d: f", "c", "");
    const asked = restoreCandidates(["a" as TaskId], known, (task) => task !== "d");
    expect(asked).toEqual(["a", "b", "f"]);
  });

  test("a deep chain needs no stack", () => {
    const deep: PlanFacts = {
      needs: (task) => (Number(task) < 100_000 ? [String(Number(task) + 1) as TaskId] : []),
      isCurrent: () => false,
      isStored: () => false,
    };
    expect(demand(new Map(), ["0" as TaskId], deep)).toHaveLength(100_001);
  });
});

describe("priorities", () => {
  // slow needs one; quick and slow are needed by end.
  const dependents: Record<string, string[]> = { one: ["slow"], slow: ["end"], quick: ["end"] };
  const times: Record<string, number> = { one: 10, slow: 5000, quick: 10, end: 100 };
  const input = {
    order: ["quick", "one", "slow", "end"] as TaskId[],
    dependents: (task: TaskId) => (dependents[task] ?? []) as TaskId[],
    expectedMs: (task: TaskId) => times[task],
  };

  test("the longest way ahead counts, the task itself included", () => {
    expect(Object.fromEntries(pathsAhead(input))).toEqual({ end: 100, slow: 5100, one: 5110, quick: 110 });
  });

  test("an estimate is the longest path, or the sum over the threads", () => {
    const ahead = pathsAhead(input);
    expect([estimate(input, ahead, 8), estimate(input, ahead, 1)]).toEqual([5110, 5120]);
  });

  test("no estimate from guesses", () => {
    const unknown = { ...input, expectedMs: () => undefined };
    expect(estimate(unknown, pathsAhead(unknown), 2)).toBeUndefined();
  });
});

describe("[progress]", () => {
  test.each([
    ["percent", "unpacking 12% 45%", { percent: 45 }],
    ["percent", "nothing to see", undefined],
    ["percent:at (\\d+) of a hundred", "at 7 of a hundred", { percent: 7 }],
    ["outof:^\\[(\\d+)/(\\d+)\\]", "[3/12] cc x.c", { percent: 25, done: 3, total: 12 }],
    ["outof:(\\d+)/(\\d+)", "1/0", undefined],
    ["percent", "now 250%", { percent: 100 }],
  ])("%s on `%s`", (flag, line, expected) => {
    expect(progressReader(flag)!(line)).toEqual(expected);
  });

  test.each(["custom:mine.Reader", "outof", "percent:(", "", "speed"])("`%s` reads nothing", (flag) => {
    expect(progressReader(flag)).toBeUndefined();
  });
});

describe("stamps", () => {
  function recipe(folder: Folder): Stamped {
    const task = (name: string, ...after: string[]) => [name, { name, after, baseHash: "" }] as const;
    const tasks = [
      task("do_unpack"),
      task("do_compile", "do_unpack"),
      task("do_install", "do_compile"),
      task("do_clean"),
    ];
    return { stamp: join(folder.path, "stamps/x/1.0-r0"), tasks: Object.fromEntries(tasks) };
  }
  const none = () => undefined;

  test("a stamp holds for one signature, in this run and the next", () => {
    using folder = new Folder();
    const x = recipe(folder);
    const stamps = openStamps();
    stamps.finish(x, "do_compile", "aa", "real");
    stamps.finish(x, "do_install", "bb", "setscene");
    for (const view of [stamps, openStamps()]) {
      expect(view.state(x, "do_compile", "aa")).toBe("real");
      expect(view.state(x, "do_compile", "ab")).toBeUndefined();
      expect(view.state(x, "do_install", "bb")).toBe("setscene");
    }
    expect(readdirSync(join(folder.path, "stamps/x"))).toEqual([
      "1.0-r0.do_compile.aa",
      "1.0-r0.do_install_setscene.bb",
    ]);
  });

  test("a new stamp takes away the others of its task, but no taint and no signature data", () => {
    using folder = new Folder();
    const x = recipe(folder);
    for (const name of [
      "do_compile.old",
      "do_compile_setscene.old",
      "do_compile.taint",
      "do_compile.sigdata.old",
    ]) {
      folder.write(`stamps/x/1.0-r0.${name}`, "");
    }
    folder.write("stamps/x/1.0-r0.do_compile_more.other", "");
    openStamps().finish(x, "do_compile", "new", "real");
    expect(readdirSync(join(folder.path, "stamps/x"))).toEqual(
      ["do_compile.new", "do_compile.sigdata.old", "do_compile.taint", "do_compile_more.other"].map(
        (name) => `1.0-r0.${name}`,
      ),
    );
  });

  test("a task that begins takes away later stamps of other signatures", () => {
    using folder = new Folder();
    const x = recipe(folder);
    const stamps = openStamps();
    for (const task of ["do_unpack", "do_compile", "do_install", "do_clean"])
      stamps.finish(x, task, "old", "real");
    stamps.begin(x, "do_unpack", (task) => (task === "do_install" ? "old" : "new"));
    const left = ["do_unpack", "do_compile", "do_install", "do_clean"].filter((task) =>
      stamps.state(x, task, "old"),
    );
    expect(left).toEqual(["do_install", "do_clean"]);
    stamps.begin(x, "do_unpack", none);
    expect(openStamps().state(x, "do_install", "old")).toBeUndefined();
  });

  test.each([
    ["restored to its end", ["do_unpack setscene"], ["do_install"]],
    ["still being restored", ["do_unpack open"], []],
    ["executed", ["do_unpack real"], []],
    ["restored, and a later one executed", ["do_unpack setscene", "do_compile real"], []],
    ["restored, and the very task has begun", ["do_unpack setscene", "do_install setscene"], []],
  ] as const)("stamps come back when an earlier task was %s", (_name, done, expected) => {
    using folder = new Folder();
    const x = recipe(folder);
    openStamps().finish(x, "do_install", "old", "real");
    const path = join(folder.path, "stamps/x/1.0-r0.do_install.old");
    utimesSync(path, 1_000_000, 1_000_000);
    const stamps = openStamps();
    for (const step of done) {
      const [task, how] = step.split(" ") as [string, "open" | "real" | "setscene"];
      stamps.begin(x, task, () => "new");
      if (how !== "open") stamps.finish(x, task, "new", how);
    }
    expect(stamps.bringBack(x, () => "new")).toBe(false);
    expect(stamps.bringBack(x, () => "old")).toBe(expected.length > 0);
    for (const view of [stamps, openStamps()]) {
      const found = view.times(x, "do_install", "old").real;
      expect(found).toBe(expected.length > 0 ? 1_000_000 : undefined);
    }
  });

  test("a taint is there at once and later, and is another each time", () => {
    using folder = new Folder();
    const x = recipe(folder);
    const stamps = openStamps();
    expect(stamps.taint(x, "do_compile")).toBeUndefined();
    stamps.addTaint(x, "do_compile");
    const first = stamps.taint(x, "do_compile");
    expect(openStamps().taint(x, "do_compile")).toBe(first);
    stamps.addTaint(x, "do_compile");
    expect(stamps.taint(x, "do_compile")).not.toBe(first);
  });
});

describe("shell scripts", () => {
  function script(functions: Record<string, string>, variables: Record<string, string> = {}): string {
    const d = new Datastore();
    for (const [name, text] of Object.entries(variables)) {
      d.setVar(name, text);
      d.setVarFlag(name, "export", "1");
    }
    for (const [name, body] of Object.entries(functions)) {
      d.setVar(name, body);
      d.setVarFlag(name, "func", "1");
    }
    return shellScript(d, { function: "do_x", title: "do_x of x", cwd: "/", umask: "022", trace: false });
  }
  function output(text: string): { code: number | null; stdout: string } {
    const { status, stdout } = spawnSync("/bin/sh", ["-c", text], { encoding: "utf8", env: {} });
    return { code: status, stdout };
  }

  test("exported values arrive as they are", () => {
    const value = "a 'quoted' \"text\" with $HOME `id` \\n and *";
    const { stdout } = output(script({ do_x: '    printf "%s" "$VALUE"' }, { VALUE: value }));
    expect(stdout).toBe(value);
  });

  test("functions come along that are reached, and no others", () => {
    const text = script({
      do_x: "    helper",
      helper: "    if true; then deep; fi",
      deep: "    echo deep",
      other: "    :",
    });
    expect(output(text).stdout).toBe("deep\n");
    expect(text).not.toContain("other()");
  });

  test.each([
    ["a failing command ends it", "    false\n    echo on", 1, ""],
    ["a body of comments is a body", "    # nothing to do", 0, ""],
    ["bbfatal ends it", '    bbfatal "no way"\n    echo on', 1, "ERROR: no way\n"],
    [
      "messages are text by hand",
      '    bbwarn "a b"; bbnote c; bbplain d; bbdebug 1 e',
      0,
      "WARNING: a b\nNOTE: c\nd\nDEBUG: e\n",
    ],
  ])("%s", (_name, body, code, stdout) => {
    expect(output(script({ do_x: body }))).toEqual({ code, stdout });
  });
});

describe("installing", () => {
  const owner = { label: "a:do_deploy", pn: "a", task: "do_deploy" };
  const other = { label: "b:do_deploy", pn: "b", task: "do_deploy" };

  test("a new version takes the old one's files and empty folders away", async () => {
    using folder = new Folder();
    const [input, output] = [join(folder.path, "in"), join(folder.path, "deploy")];
    folder.write("in/sub/old", "1");
    folder.write("in/kept", "1");
    await installOutputs(folder.path, owner, { inputs: [input], outputs: [output] });
    expect(namesIn(output)).toEqual(["kept", "sub", "sub/old"]);
    rmSync(input, { recursive: true });
    folder.write("in/kept", "2");
    folder.write("in/new", "2");
    await installOutputs(folder.path, owner, { inputs: [input], outputs: [output] });
    expect(namesIn(output)).toEqual(["kept", "new"]);
    expect(readFileSync(join(output, "kept"), "utf8")).toBe("2");
    expect(readManifest(manifestPath(folder.path, "a", "do_deploy"))).toEqual({
      files: [join(output, "kept"), join(output, "new")],
      folders: [output],
    });
    await uninstallOutputs(folder.path, owner);
    expect(existsSync(output)).toBe(false);
  });

  test("one file of two tasks: the same content is shared until both are gone", async () => {
    using folder = new Folder();
    const output = join(folder.path, "deploy");
    folder.write("a/same", "1");
    folder.write("b/same", "1");
    await installOutputs(folder.path, owner, { inputs: [join(folder.path, "a")], outputs: [output] });
    await installOutputs(folder.path, other, { inputs: [join(folder.path, "b")], outputs: [output] });
    await uninstallOutputs(folder.path, owner);
    expect(existsSync(join(output, "same"))).toBe(true);
    await uninstallOutputs(folder.path, other);
    expect(existsSync(output)).toBe(false);
  });

  test("one file of two tasks: other content is an error that names both, and changes nothing", async () => {
    using folder = new Folder();
    const output = join(folder.path, "deploy");
    folder.write("a/x", "1");
    folder.write("b/x", "2");
    folder.write("b/y", "2");
    await installOutputs(folder.path, owner, { inputs: [join(folder.path, "a")], outputs: [output] });
    const clash = installOutputs(folder.path, other, { inputs: [join(folder.path, "b")], outputs: [output] });
    await expect(clash).rejects.toThrow(/b:do_deploy and a:do_deploy both install .*\/deploy\/x/);
    expect([readdirSync(output), readFileSync(join(output, "x"), "utf8")]).toEqual([["x"], "1"]);
  });

  test.each([
    ["a file where another has a folder", "a/x/inside", "b/x"],
    ["a folder where another has a file", "a/x", "b/x/inside"],
  ])("%s is a clash", async (_name, first, second) => {
    using folder = new Folder();
    const output = join(folder.path, "deploy");
    folder.write(first, "1");
    folder.write(second, "2");
    await installOutputs(folder.path, owner, { inputs: [join(folder.path, "a")], outputs: [output] });
    const clash = installOutputs(folder.path, other, { inputs: [join(folder.path, "b")], outputs: [output] });
    await expect(clash).rejects.toThrow(/both install/);
    expect(existsSync(join(folder.path, "deploy", first.slice(2)))).toBe(true);
  });

  test("what lies there and belongs to nobody is replaced", async () => {
    using folder = new Folder();
    folder.write("a/x", "mine");
    folder.write("deploy/x", "left by a crash");
    await installOutputs(folder.path, owner, {
      inputs: [join(folder.path, "a")],
      outputs: [join(folder.path, "deploy")],
    });
    expect(readFileSync(join(folder.path, "deploy/x"), "utf8")).toBe("mine");
  });

  test("names with line ends and backslashes come back from a manifest", async () => {
    using folder = new Folder();
    folder.write("a/line\nend", "1");
    folder.write("a/back\\nslash", "1");
    const [input, output] = [join(folder.path, "a"), join(folder.path, "deploy")];
    await installOutputs(folder.path, owner, { inputs: [input], outputs: [output] });
    await uninstallOutputs(folder.path, owner);
    expect(existsSync(output)).toBe(false);
  });

  test("files are links to one content", async () => {
    using folder = new Folder();
    const from = folder.write("a/x", "1");
    await installOutputs(folder.path, owner, {
      inputs: [dirname(from)],
      outputs: [join(folder.path, "deploy")],
    });
    expect(statSync(join(folder.path, "deploy/x")).ino).toBe(statSync(from).ino);
  });
});
