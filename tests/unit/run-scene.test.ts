/** Setscene tasks of the metadata's own, run by the queue: shell bodies that write down that they ran. */
import { readFileSync, rmSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "@jest/globals";
import { byText } from "@tsbake/base";
import type { TaskId } from "@tsbake/graph";
import { findCircle } from "@tsbake/run";
import type { RunOptions, SceneOptions } from "@tsbake/run";
import { Rig } from "./run-rig.js";
import type { ProjectSpec, RunResult, TaskSpec } from "./run-rig.js";

const says = (name: string, more = "") => `    echo ${name} >>\${TOPDIR}/ran\n${more}`;

/** do_build needs do_ipk and do_stage; these need do_pack; that needs do_compile. All but the ends have setscene tasks. */
function project(more: Readonly<Record<string, TaskSpec>> = {}): ProjectSpec {
  const task = (name: string, needs: readonly string[]) => ({ [name]: { body: says(name), needs } });
  const setscene = (name: string) => ({ [`${name}_setscene`]: { body: says(`${name}_setscene`) } });
  return {
    x: {
      tasks: {
        ...task("do_compile", []),
        ...task("do_pack", ["do_compile"]),
        ...setscene("do_pack"),
        ...task("do_ipk", ["do_pack"]),
        ...setscene("do_ipk"),
        ...task("do_stage", ["do_pack"]),
        ...setscene("do_stage"),
        ...task("do_build", ["do_ipk", "do_stage"]),
        ...more,
      },
    },
  };
}

interface SceneCase {
  readonly found?: string;
  readonly hard?: Readonly<Record<string, string>>;
  readonly notNeeded?: boolean;
  readonly forced?: string;
}

const ids = (names = "") =>
  names
    .split(" ")
    .filter(Boolean)
    .map((name) => `x:do_${name}` as TaskId);

function scene(one: SceneCase): SceneOptions {
  return {
    hardNeeds: (task) => ids(one.hard?.[task]),
    find: (tasks) => Promise.resolve(new Set(tasks.filter((task) => ids(one.found).includes(task)))),
    isNotNeeded: () => one.notNeeded ?? true,
    forced: new Set(ids(one.forced)),
  };
}

class Scenes implements Disposable {
  readonly #rig = new Rig();
  async run(
    one: SceneCase,
    options: Partial<Omit<RunOptions, "project">> & {
      project?: ProjectSpec;
      targets?: readonly string[];
    } = {},
  ): Promise<RunResult & { ran: string }> {
    const { project: spec = project(), targets = ["x:do_build"], ...rest } = options;
    const path = join(this.#rig.topdir, "ran");
    rmSync(path, { force: true });
    const result = await this.#rig.run(spec, targets, { scene: scene(one), ...rest });
    let ran = "";
    try {
      ran = readFileSync(path, "utf8");
    } catch {
      // Nothing ran.
    }
    const names = ran.split("\n").filter(Boolean);
    return {
      ...result,
      ran: names
        .map((name) => name.slice(3))
        .sort(byText)
        .join(" "),
    };
  }
  signatures(spec: ProjectSpec): RunOptions["signatures"] {
    return this.#rig.options(spec, ["x:do_build"]).signatures;
  }
  /** Makes a stamp older or newer than the others, in seconds. */
  age(task: string, seconds: number): void {
    const id = `x:${task}` as TaskId;
    const { signatures } = this.#rig.options(project(), ["x:do_build"]);
    const path = join(this.#rig.tmp, "stamps/x", `1.0-r0.${task}.${signatures.of(id).unihash}`);
    const time = Date.now() / 1000 + seconds;
    utimesSync(path, time, time);
  }
  [Symbol.dispose](): void {
    this.#rig[Symbol.dispose]();
  }
}

describe("setscene tasks", () => {
  test.each([
    ["none is found", {}, "build compile ipk pack stage"],
    ["all are found", { found: "pack ipk stage" }, "build ipk_setscene stage_setscene"],
    [
      "all are found and none is superfluous",
      { found: "pack ipk stage", notNeeded: false },
      "build ipk_setscene pack_setscene stage_setscene",
    ],
    ["only the lower one", { found: "pack" }, "build ipk pack_setscene stage"],
    ["one of the upper ones", { found: "ipk" }, "build compile ipk_setscene pack stage"],
    [
      "a hard dependency is restored first",
      { found: "pack ipk stage", hard: { "x:do_ipk": "pack" } },
      "build ipk_setscene pack_setscene stage_setscene",
    ],
    [
      "a forced target runs",
      { found: "pack ipk stage", forced: "ipk" },
      "build ipk pack_setscene stage_setscene",
    ],
  ] as const)("%s", async (_name, one: SceneCase, expected) => {
    using scenes = new Scenes();
    const targets = ["x:do_build", ...ids(one.forced)];
    const { ran, summary } = await scenes.run(one, { targets });
    expect([ran, summary.ok, summary.notStarted]).toEqual([expected, true, []]);
    expect(summary.ran + summary.restored + summary.current + summary.covered).toBe(summary.total);
  });

  test("a hard dependency comes first", async () => {
    using scenes = new Scenes();
    const hard = { "x:do_ipk": "pack" };
    const { events } = await scenes.run({ found: "pack ipk stage", hard });
    const at = (type: string, label: string) =>
      events.findIndex((event) => event.type === type && "label" in event && event.label === label);
    const restored = events.findIndex(
      (event) => event.type === "task-skipped" && event.label === "x:do_pack" && event.reason === "restored",
    );
    expect(restored).toBeGreaterThan(-1);
    expect(at("task-started", "x:do_ipk")).toBeGreaterThan(restored);
  });

  test("the second run does nothing", async () => {
    using scenes = new Scenes();
    await scenes.run({ found: "ipk" });
    const { ran, summary } = await scenes.run({ found: "ipk" });
    expect([ran, summary.ok, summary.current]).toEqual(["", true, 4]);
  });

  test("one that fails warns, and the real task runs with all that it needs", async () => {
    using scenes = new Scenes();
    const broken = { do_ipk_setscene: { body: says("do_ipk_setscene", "    exit 3") } };
    const { ran, summary, events } = await scenes.run(
      { found: "pack ipk stage" },
      { project: project(broken) },
    );
    expect([ran, summary.ok]).toEqual(["build ipk ipk_setscene pack_setscene stage_setscene", true]);
    expect(events.filter((event) => event.type === "restore-failed")).toHaveLength(1);
  });

  test("what only a failed one would have covered is not taken for covered before", async () => {
    using scenes = new Scenes();
    const broken = { do_ipk_setscene: { body: says("do_ipk_setscene", "    sleep 0.3; exit 3") } };
    const { ran, summary } = await scenes.run({ found: "ipk stage" }, { project: project(broken) });
    expect([ran, summary.ok]).toEqual(["build compile ipk ipk_setscene pack stage_setscene", true]);
  });

  test("when a hard dependency fails, what wants it is not tried", async () => {
    using scenes = new Scenes();
    const broken = { do_pack_setscene: { body: says("do_pack_setscene", "    exit 3") } };
    const hard = { "x:do_ipk": "pack" };
    const { ran, summary } = await scenes.run(
      { found: "pack ipk stage", hard },
      { project: project(broken) },
    );
    expect([ran, summary.ok]).toEqual(["build compile ipk pack pack_setscene stage_setscene", true]);
  });

  test("one that has nothing to execute counts as restored, and leaves a stamp", async () => {
    using scenes = new Scenes();
    const empty = { do_pack: { body: says("do_pack"), needs: ["do_compile"], noexec: true as const } };
    const { ran } = await scenes.run({ found: "ipk stage" }, { project: project(empty) });
    expect(ran).toBe("build ipk_setscene stage_setscene");
  });

  test.each([
    ["off", "build compile ipk pack stage"],
    ["skip", "build compile ipk pack stage"],
    ["only", "pack_setscene"],
  ] as const)("mode %s", async (setscene, expected) => {
    using scenes = new Scenes();
    expect((await scenes.run({ found: "pack" }, { setscene })).ran).toBe(expected);
  });

  test("restored before, then --skip-setscene: what was restored counts", async () => {
    using scenes = new Scenes();
    await scenes.run({ found: "pack" }, { setscene: "only" });
    expect((await scenes.run({}, { setscene: "skip" })).ran).toBe("build ipk stage");
  });

  test("a dry run tells the same and does nothing", async () => {
    using scenes = new Scenes();
    const { ran, started } = await scenes.run({ found: "pack" }, { dryRun: true });
    expect(ran).toBe("");
    expect(started).toEqual(["restore x:do_pack", "run x:do_ipk", "run x:do_stage", "run x:do_build"]);
    expect((await scenes.run({ found: "pack" })).ran).toBe("build ipk pack_setscene stage");
  });

  test("a stamp older than that of what it needs is not current", async () => {
    using scenes = new Scenes();
    await scenes.run({});
    scenes.age("do_pack", 60);
    expect((await scenes.run({})).ran).toBe("build ipk stage");
  });
});

describe("hash equivalence", () => {
  /** do_pack says what it made; that is what another hash stands for, and with it the others have their old ones. */
  async function runEquivalent(unihash: string | undefined) {
    using scenes = new Scenes();
    const spec = project({
      do_pack: { body: "    pass", needs: ["do_compile"], flags: { python: "1" } },
    });
    const first = scenes.signatures(spec);
    const others = new Map<TaskId, string>();
    const found = (task: TaskId) => others.has(task) && ids("ipk stage").includes(task);
    return await scenes.run(
      {},
      {
        project: spec,
        runPython: async (call) => {
          await call.reportOutput("pack", "method", "output");
          return { code: 0 };
        },
        signatures: {
          ...first,
          of: (task) => ({ ...first.of(task), unihash: others.get(task) ?? first.of(task).unihash }),
          settle: (task, given) => {
            if (given === first.of(task).unihash) return [];
            const changed = [task, ...ids("ipk stage build")];
            for (const one of changed) others.set(one, one === task ? given : `old-${one}`);
            return changed;
          },
        },
        scene: { ...scene({}), find: (tasks) => Promise.resolve(new Set(tasks.filter(found))) },
        reportOutput: (task) => Promise.resolve(unihash ?? first.of(task).unihash),
      },
    );
  }

  test("what needs a task that made nothing new is restored instead of run", async () => {
    const { ran, summary } = await runEquivalent("other");
    const expected = ["build compile ipk_setscene stage_setscene", true, []];
    expect([ran, summary.ok, summary.notStarted]).toEqual(expected);
    expect([summary.ran, summary.restored, summary.current]).toEqual([3, 2, 0]);
  });

  test("a task that counts as itself changes nothing", async () => {
    const { ran, summary } = await runEquivalent(undefined);
    expect([ran, summary.ok]).toEqual(["build compile ipk stage", true]);
  });
});

describe("hash equivalence that is learned late", () => {
  /** do_pack, and so all of x, needs do_make of y. `version` is part of what do_make is made from, not of what it makes. */
  function chain(version: string): ProjectSpec {
    const { x } = project();
    const make = { body: `    echo ${version}`, flags: { python: "1" } };
    const pack = { body: says("do_pack"), needs: ["do_compile", "y:do_make"] };
    return {
      x: { tasks: { ...x!.tasks, do_pack: pack } },
      y: { tasks: { do_make: make, do_make_setscene: { body: "    false" } } },
    };
  }
  /** Builds version 2 after version 1; do_make ends once do_pack has been restored, and counts as version 1 or fails. */
  async function rebuild(scenes: Scenes, make: "reports" | "fails") {
    const first = scenes.signatures(chain("1"));
    const second = scenes.signatures(chain("2"));
    const settled = new Set<TaskId>();
    let release = () => {};
    const packed = new Promise<void>((resolve) => (release = resolve));
    return scenes.run(
      { found: "pack", notNeeded: false },
      {
        project: chain("2"),
        signatures: {
          ...second,
          of: (task) => (settled.has(task) ? first : second).of(task),
          settle: () => {
            const changed = [...ids("pack ipk stage build"), "y:do_make" as TaskId];
            for (const task of changed) settled.add(task);
            return changed;
          },
        },
        reportOutput: (task) => Promise.resolve(first.of(task).unihash),
        runPython: async (call) => {
          await packed;
          if (make === "fails") return { code: 1 };
          await call.reportOutput("make", "method", "output");
          return { code: 0 };
        },
        onEvent: (event) => {
          if (event.type !== "task-skipped" || event.reason !== "restored") return;
          if (event.task === ids("pack")[0]) release();
        },
      },
    );
  }
  const buildFirst = (scenes: Scenes) =>
    scenes.run({}, { project: chain("1"), runPython: () => Promise.resolve({ code: 0 }) });

  test("stamps that were taken away for a restore are right again, and nothing else runs", async () => {
    using scenes = new Scenes();
    await buildFirst(scenes);
    const { ran, summary } = await rebuild(scenes, "reports");
    expect([ran, summary.ok, summary.notStarted]).toEqual(["pack_setscene", true, []]);
    // And what was restored counts for what its task is now.
    expect((await scenes.run({}, { project: chain("1") })).ran).toBe("");
  });

  test("interrupted before anybody knows, and put back: everything that was touched is done again", async () => {
    using scenes = new Scenes();
    await buildFirst(scenes);
    const { ran, summary } = await rebuild(scenes, "fails");
    expect([ran, summary.ok]).toEqual(["pack_setscene", false]);
    expect((await buildFirst(scenes)).ran).toBe("build ipk pack stage");
  });
});

test("a task that ends while a plan is made anew starts nothing by the old one", async () => {
  using scenes = new Scenes();
  const spec: ProjectSpec = {
    x: {
      tasks: {
        do_left: { body: "    pass", flags: { python: "1" } },
        do_left_setscene: { body: "    false" },
        do_right: { body: says("do_right", "    sleep 0.2") },
        do_late: { body: says("do_late"), needs: ["do_left", "do_right"] },
        do_late_setscene: { body: says("do_late_setscene") },
        do_build: { body: says("do_build"), needs: ["do_late"] },
      },
    },
  };
  const first = scenes.signatures(spec);
  const settled = new Set<TaskId>();
  let questions = 0;
  const { ran, summary } = await scenes.run(
    { notNeeded: false },
    {
      project: spec,
      signatures: {
        ...first,
        of: (task) => ({ ...first.of(task), ...(settled.has(task) && { unihash: `old-${task}` }) }),
        settle: () => {
          for (const task of ids("left late build")) settled.add(task);
          return ids("left late build");
        },
      },
      scene: {
        ...scene({ notNeeded: false }),
        find: async (tasks) => {
          if (questions++ === 0) return new Set();
          await sleep(600);
          return new Set(tasks.filter((task) => ids("late").includes(task)));
        },
      },
      reportOutput: () => Promise.resolve("old"),
      runPython: async (call) => {
        await call.reportOutput("left", "method", "output");
        return { code: 0 };
      },
    },
  );
  expect([ran, summary.ok, questions]).toEqual(["build late_setscene right", true, 2]);
});

describe("circles", () => {
  const find = (waits: Readonly<Record<string, string>>) =>
    findCircle(Object.keys(waits) as TaskId[], (task) => (waits[task] ?? "").split(" ") as TaskId[]);

  test.each([
    ["none", { a: "b c", b: "c", c: "", d: "a outside" }, undefined],
    ["two", { a: "b", b: "a", c: "" }, ["a", "b"]],
    [
      "a longer one, and tasks before and behind it",
      { z: "a", a: "b", b: "c", c: "a e", e: "" },
      ["a", "b", "c"],
    ],
    ["a task that waits for itself", { a: "a" }, ["a"]],
  ])("%s", (_name, waits, expected) => {
    expect(find(waits as Readonly<Record<string, string>>)?.toSorted(byText)).toEqual(expected);
  });
});

describe("BB_SETSCENE_ENFORCE", () => {
  const mayRun = (names: string) => (task: TaskId) => ids(names).includes(task);

  test("what may run is not executed, and nothing fails", async () => {
    using scenes = new Scenes();
    const { ran, summary } = await scenes.run({ found: "ipk stage" }, { mayRun: mayRun("build") });
    expect([ran, summary.ok]).toEqual(["ipk_setscene stage_setscene", true]);
    // Not executed, so not done.
    expect((await scenes.run({ found: "" })).ran).toBe("build");
  });

  test("anything else that would run is an error that names it", async () => {
    using scenes = new Scenes();
    const { ran, summary } = await scenes.run({ found: "ipk pack" }, { mayRun: mayRun("build") });
    expect([ran, summary.ok]).toEqual(["ipk_setscene pack_setscene", false]);
    const [failed] = summary.failed;
    expect([failed!.label, failed!.diagnostics[0]!.code]).toEqual(["x:do_stage", "run/must-not-run"]);
  });
});
