import {
  chmodSync,
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
  Owners,
  openStamps,
  staleStamps,
  pathsAhead,
  progressReader,
  readManifest,
  restoreCandidates,
  runInstead,
  shellScript,
  uninstallOutputs,
} from "@tsbake/run";
import type { Installer, OwnerFacts, Plan, PlanFacts, Stamped } from "@tsbake/run";
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

  test.each([
    [0, 10, true],
    [1, 5, true],
    [2, 9, false],
    [1, 4, false],
    [4, 4, false],
  ])("%i of %i tasks never timed: an estimate: %s", (unknown, all, isGiven) => {
    const order = Array.from({ length: all }, (_, at) => `${at}` as TaskId);
    const expectedMs = (task: TaskId) => (Number(task) < unknown ? undefined : 10);
    const some = { order, dependents: () => [], expectedMs };
    const expected = unknown * 200 + (all - unknown) * 10;
    expect(estimate(some, pathsAhead(some), 1)).toBe(isGiven ? expected : undefined);
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
    expect(stamps.restamp(x, () => "new")).toBe(false);
    expect(stamps.restamp(x, () => "old")).toBe(expected.length > 0);
    for (const view of [stamps, openStamps()]) {
      const found = view.times(x, "do_install", "old").real;
      expect(found).toBe(expected.length > 0 ? 1_000_000 : undefined);
    }
  });

  describe("that stand for an output folder too", () => {
    const art = (folder: Folder, machine: string, extra: string): Stamped => ({
      stamp: join(folder.path, "stamps/x/1.0"),
      tasks: {
        do_art: {
          name: "do_art",
          after: [],
          baseHash: "",
          artifact: { inputs: ["/in"], outputs: [join(folder.path, "deploy", machine)], plain: [] },
          stampExtra: extra,
        },
      },
    });

    test("hold for that folder only, and as long as it is there", () => {
      using folder = new Folder();
      const [ma, mb] = [art(folder, "ma", "0a"), art(folder, "mb", "0b")];
      folder.write("deploy/ma/x", "");
      folder.write("deploy/mb/x", "");
      const stamps = openStamps();
      stamps.finish(ma, "do_art", "aa", "real");
      expect([stamps.state(ma, "do_art", "aa"), stamps.state(mb, "do_art", "aa")]).toEqual([
        "real",
        undefined,
      ]);
      stamps.begin(mb, "do_art", () => "aa");
      stamps.finish(mb, "do_art", "aa", "setscene");
      expect([stamps.state(ma, "do_art", "aa"), stamps.state(mb, "do_art", "aa")]).toEqual([
        "real",
        "setscene",
      ]);
      expect([stamps.stamped(ma, "do_art"), staleStamps(ma, "do_art", "aa").length]).toEqual(["aa", 1]);
      rmSync(join(folder.path, "deploy/ma"), { recursive: true });
      const later = openStamps();
      expect([later.state(ma, "do_art", "aa"), later.times(ma, "do_art", "aa").real]).toEqual([
        undefined,
        undefined,
      ]);
      expect(later.state(mb, "do_art", "aa")).toBe("setscene");
      stamps.begin(mb, "do_art", () => "other");
      expect(openStamps().hasAny(ma.stamp, "do_art")).toBe(false);
    });

    test("are withdrawn before their files go, and do not come back", () => {
      using folder = new Folder();
      const x = recipe(folder);
      openStamps().finish(x, "do_install", "old", "real");
      const stamps = openStamps();
      stamps.begin(x, "do_unpack", () => "new");
      stamps.finish(x, "do_unpack", "new", "setscene");
      expect(stamps.withdraw(x.stamp, "do_install")).toBe(false);
      expect(stamps.restamp(x, () => "old")).toBe(false);
      stamps.finish(x, "do_install", "old", "setscene");
      expect(stamps.withdraw(x.stamp, "do_install")).toBe(true);
      expect(openStamps().hasAny(x.stamp, "do_install")).toBe(false);
    });
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
  const installer = (pn: string, more: Partial<Installer> = {}): Installer => {
    const what = { pn, task: "do_deploy", stamp: `/stamps/${pn}/1.0`, configuration: ":ma" };
    return { label: `${pn}:do_deploy`, ...what, ...more };
  };
  const owner = installer("a");
  const other = installer("b");
  /** All that has been installed belongs to tasks of this build; what is taken away is in `withdrawn`. */
  const ownersIn = (folder: Folder, facts: Partial<OwnerFacts> = {}, withdrawn: string[] = []) =>
    new Owners(folder.path, {
      isCurrent: () => true,
      isKnown: () => true,
      hasStamp: () => true,
      withdraw: ({ stamp, task }) => withdrawn.push(`${stamp}.${task}`),
      ...facts,
    });

  test("a new version takes the old one's files and empty folders away", async () => {
    using folder = new Folder();
    const [input, output] = [join(folder.path, "in"), join(folder.path, "deploy")];
    folder.write("in/sub/old", "1");
    folder.write("in/kept", "1");
    await installOutputs(ownersIn(folder), owner, { inputs: [input], outputs: [output] });
    expect(namesIn(output)).toEqual(["kept", "sub", "sub/old"]);
    rmSync(input, { recursive: true });
    folder.write("in/kept", "2");
    folder.write("in/new", "2");
    await installOutputs(ownersIn(folder), owner, { inputs: [input], outputs: [output] });
    expect(namesIn(output)).toEqual(["kept", "new"]);
    expect(readFileSync(join(output, "kept"), "utf8")).toBe("2");
    const { label: _, ...stamped } = owner;
    expect(readManifest(manifestPath(folder.path, owner))).toMatchObject({
      owner: stamped,
      files: [join(output, "kept"), join(output, "new")],
      folders: [output],
    });
    await uninstallOutputs(ownersIn(folder), owner);
    expect(existsSync(output)).toBe(false);
  });

  test("one file of two tasks: the same content is shared until both are gone", async () => {
    using folder = new Folder();
    const output = join(folder.path, "deploy");
    folder.write("a/same", "1");
    folder.write("b/same", "1");
    await installOutputs(ownersIn(folder), owner, { inputs: [join(folder.path, "a")], outputs: [output] });
    await installOutputs(ownersIn(folder), other, { inputs: [join(folder.path, "b")], outputs: [output] });
    await uninstallOutputs(ownersIn(folder), owner);
    expect(existsSync(join(output, "same"))).toBe(true);
    await uninstallOutputs(ownersIn(folder), other);
    expect(existsSync(output)).toBe(false);
  });

  test("one file of two tasks: other content is an error that names both, and changes nothing", async () => {
    using folder = new Folder();
    const output = join(folder.path, "deploy");
    folder.write("a/x", "1");
    folder.write("b/x", "2");
    folder.write("b/y", "2");
    await installOutputs(ownersIn(folder), owner, { inputs: [join(folder.path, "a")], outputs: [output] });
    const clash = installOutputs(ownersIn(folder), other, {
      inputs: [join(folder.path, "b")],
      outputs: [output],
    });
    await expect(clash).rejects.toThrow(/b:do_deploy and a:do_deploy both install .*\/deploy\/x/);
    expect([readdirSync(output), readFileSync(join(output, "x"), "utf8")]).toEqual([["x"], "1"]);
  });

  test("one that is killed after its manifest has taken nothing over", async () => {
    using folder = new Folder();
    const output = join(folder.path, "deploy");
    folder.write("a/x", "1");
    folder.write("b/x", "1");
    const from = (name: string) => ({ inputs: [join(folder.path, name)], outputs: [output] });
    await installOutputs(ownersIn(folder), owner, from("a"));
    class Killed extends Owners {
      override write(...manifest: Parameters<Owners["write"]>): void {
        super.write(...manifest);
        throw new Error("killed");
      }
    }
    const facts = { isCurrent: () => true, isKnown: () => true, hasStamp: () => true, withdraw: () => {} };
    const killed = installOutputs(new Killed(folder.path, facts), other, from("b"));
    await expect(killed).rejects.toThrow("killed");
    folder.write("b/x", "2");
    await expect(installOutputs(ownersIn(folder), other, from("b"))).rejects.toThrow(/both install/);
    expect(readFileSync(join(output, "x"), "utf8")).toBe("1");
  });

  test.each([
    ["a then b", 0o755, 0o644],
    ["b then a", 0o644, 0o755],
  ])("one content and two modes are a clash, whoever comes first: %s", async (_order, first, second) => {
    using folder = new Folder();
    const output = join(folder.path, "deploy");
    folder.write("a/tool", "1");
    folder.write("b/tool", "1");
    chmodSync(join(folder.path, "a/tool"), first);
    chmodSync(join(folder.path, "b/tool"), second);
    await installOutputs(ownersIn(folder), owner, { inputs: [join(folder.path, "a")], outputs: [output] });
    const clash = installOutputs(ownersIn(folder), other, {
      inputs: [join(folder.path, "b")],
      outputs: [output],
    });
    await expect(clash).rejects.toThrow(/both install/);
  });

  test("a folder of two tasks has what any of them gives it, whoever comes first", async () => {
    const modeOf = async (modes: readonly number[]) => {
      using folder = new Folder();
      const output = join(folder.path, "deploy");
      for (const [index, name] of ["a", "b"].entries()) {
        folder.write(`${name}/bin/${name}`, name);
        chmodSync(join(folder.path, name, "bin"), modes[index]!);
        const inputs = [join(folder.path, name)];
        await installOutputs(ownersIn(folder), index === 0 ? owner : other, { inputs, outputs: [output] });
      }
      return statSync(join(output, "bin")).mode & 0o7777;
    };
    expect(await modeOf([0o700, 0o755])).toBe(0o755);
    expect(await modeOf([0o755, 0o700])).toBe(0o755);
  });

  test.each([
    ["a file where another has a folder", "a/x/inside", "b/x"],
    ["a folder where another has a file", "a/x", "b/x/inside"],
  ])("%s is a clash", async (_name, first, second) => {
    using folder = new Folder();
    const output = join(folder.path, "deploy");
    folder.write(first, "1");
    folder.write(second, "2");
    await installOutputs(ownersIn(folder), owner, { inputs: [join(folder.path, "a")], outputs: [output] });
    const clash = installOutputs(ownersIn(folder), other, {
      inputs: [join(folder.path, "b")],
      outputs: [output],
    });
    await expect(clash).rejects.toThrow(/both install/);
    expect(existsSync(join(folder.path, "deploy", first.slice(2)))).toBe(true);
  });

  describe("beside what others have", () => {
    /** What `first` and then `second` leave, each a file of its own and one that both have. */
    const both = async (
      folder: Folder,
      [first, second]: readonly [Installer, Installer],
      facts: Partial<OwnerFacts>,
      outputs: readonly [string, string] = ["deploy", "deploy"],
    ) => {
      const withdrawn: string[] = [];
      for (const [index, one] of [first, second].entries()) {
        folder.write(`in-${index}/both`, String(index));
        folder.write(`in-${index}/own-${index}`, "");
        const folders = {
          inputs: [join(folder.path, `in-${index}`)],
          outputs: [join(folder.path, outputs[index]!)],
        };
        await installOutputs(ownersIn(folder, facts, withdrawn), one, folders);
      }
      return { withdrawn, left: namesIn(join(folder.path, "deploy")) };
    };
    const other2 = installer("a", { stamp: "/stamps/a/2.0" });
    const notOfThisBuild = { isCurrent: () => undefined };
    const NEW = ["both", "own-1"];

    test.each([
      ["another version of the recipe goes", other2, notOfThisBuild, ["/stamps/a/1.0.do_deploy"]],
      [
        "the same for another machine goes from the same folder",
        installer("a", { stamp: "/stamps/mb/a", configuration: ":mb" }),
        notOfThisBuild,
        ["/stamps/a/1.0.do_deploy"],
      ],
      [
        "a recipe without a stamp is in nobody's way",
        other,
        { ...notOfThisBuild, hasStamp: () => false },
        ["/stamps/a/1.0.do_deploy"],
      ],
      [
        "a recipe that is no more is in nobody's way",
        other,
        { ...notOfThisBuild, isKnown: () => false },
        ["/stamps/a/1.0.do_deploy"],
      ],
      [
        "what another task of this build had with another signature is in nobody's way",
        other,
        { isCurrent: () => false },
        ["/stamps/a/1.0.do_deploy"],
      ],
    ])("%s, with its stamp", async (_name, second, facts, expected) => {
      using folder = new Folder();
      const { withdrawn, left } = await both(folder, [owner, second], facts);
      expect([withdrawn, left]).toEqual([expected, NEW]);
    });

    test("two versions that one build wants clash", async () => {
      using folder = new Folder();
      await expect(both(folder, [owner, other2], {})).rejects.toThrow(
        /a:do_deploy and a:do_deploy both install/,
      );
    });

    test("what another machine has in a folder of its own stays", async () => {
      using folder = new Folder();
      const mb = installer("a", { extra: "b", configuration: ":mb" });
      const { withdrawn, left } = await both(folder, [owner, mb], notOfThisBuild, ["deploy/ma", "deploy/mb"]);
      expect([withdrawn, left]).toEqual([[], ["ma", "ma/both", "ma/own-0", "mb", "mb/both", "mb/own-1"]]);
    });

    test("a folder that was removed by hand and is made again takes the stamps of all that had it", async () => {
      using folder = new Folder();
      folder.write("in-0/x", "");
      folder.write("in-1/y", "");
      const withdrawn: string[] = [];
      const install = (one: Installer, input: string) =>
        installOutputs(ownersIn(folder, {}, withdrawn), one, {
          inputs: [join(folder.path, input)],
          outputs: [join(folder.path, "deploy")],
        });
      await install(owner, "in-0");
      rmSync(join(folder.path, "deploy"), { recursive: true });
      await install(other, "in-1");
      expect(withdrawn).toEqual(["/stamps/a/1.0.do_deploy"]);
    });

    test("an empty folder of two stays until both are gone", async () => {
      using folder = new Folder();
      folder.write("a/sub/x", "");
      mkdirSync(join(folder.path, "b/sub"), { recursive: true });
      const output = join(folder.path, "deploy");
      await installOutputs(ownersIn(folder), other, { inputs: [join(folder.path, "b")], outputs: [output] });
      await installOutputs(ownersIn(folder), owner, { inputs: [join(folder.path, "a")], outputs: [output] });
      await uninstallOutputs(ownersIn(folder), owner);
      expect(namesIn(output)).toEqual(["sub"]);
      await uninstallOutputs(ownersIn(folder), other);
      expect(existsSync(output)).toBe(false);
    });
  });

  test("what lies there and belongs to nobody is replaced", async () => {
    using folder = new Folder();
    folder.write("a/x", "mine");
    folder.write("deploy/x", "left by a crash");
    await installOutputs(ownersIn(folder), owner, {
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
    await installOutputs(ownersIn(folder), owner, { inputs: [input], outputs: [output] });
    await uninstallOutputs(ownersIn(folder), owner);
    expect(existsSync(output)).toBe(false);
  });

  test("files are links to one content", async () => {
    using folder = new Folder();
    const from = folder.write("a/x", "1");
    await installOutputs(ownersIn(folder), owner, {
      inputs: [dirname(from)],
      outputs: [join(folder.path, "deploy")],
    });
    expect(statSync(join(folder.path, "deploy/x")).ino).toBe(statSync(from).ino);
  });
});
