/** What of the machine holds tasks back or stops them: pressure, full disks, and the variables that say so. */
import { existsSync, readFileSync } from "node:fs";
import { getPriority } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { messageOf } from "@tsbake/base";
import { readMachineSettings } from "@tsbake/engine";
import { DiskMonitor, Pressure } from "@tsbake/run";
import type { DiskRule, Free, Machine, Resource, RunOptions, RunSettings } from "@tsbake/run";
import { Rig } from "./run-rig.js";
import type { ProjectSpec } from "./run-rig.js";
import { problemOf } from "../support/problem-of.js";

/** A machine whose clock and waiting are set by hand. */
class FakeMachine implements Machine {
  ms = 0;
  loadNow = 0;
  readonly totals: Partial<Record<Resource, number>>;
  constructor(totals: Partial<Record<Resource, number>> = { cpu: 0, io: 0, memory: 0 }) {
    this.totals = totals;
  }
  waited(resource: Resource): number | undefined {
    return this.totals[resource];
  }
  load(): number {
    return this.loadNow;
  }
  now(): number {
    return this.ms;
  }
}

describe("pressure", () => {
  test("µs of waiting in a second, above the limit or not", () => {
    const machine = new FakeMachine();
    const pressure = new Pressure({ most: { cpu: 1000, memory: 10 } }, machine);
    expect(pressure.exceeded()).toEqual([]);
    machine.ms = 2000;
    machine.totals.cpu = 2000;
    expect(pressure.exceeded()).toEqual([]);
    machine.ms = 4000;
    machine.totals.cpu = 4001;
    machine.totals.memory = 100;
    machine.totals.io = 1_000_000;
    expect(pressure.exceeded()).toEqual(["cpu", "memory"]);
  });

  test("what was long ago does not count, and a moment is no measure", () => {
    const machine = new FakeMachine();
    const pressure = new Pressure({ most: { io: 1000 } }, machine);
    machine.ms = 5000;
    machine.totals.io = 500_000;
    expect(pressure.exceeded()).toEqual(["io"]);
    machine.ms = 5100;
    expect(pressure.exceeded()).toEqual([]);
    // Still measured from the same moment.
    machine.ms = 5900;
    machine.totals.io = 500_899;
    expect(pressure.exceeded()).toEqual([]);
    machine.totals.io = 501_900;
    expect(pressure.exceeded()).toEqual(["io"]);
  });

  test("the load counts where there is no other limit", () => {
    const machine = new FakeMachine();
    machine.loadNow = 2;
    expect(new Pressure({ most: {}, load: 1.5 }, machine).exceeded()).toEqual(["load"]);
    expect(new Pressure({ most: {}, load: 2 }, machine).exceeded()).toEqual([]);
    expect(new Pressure({ most: { cpu: 1 }, load: 1.5 }, machine).exceeded()).toEqual([]);
  });

  test("a kernel that does not tell", () => {
    const pressure = new Pressure({ most: { cpu: 1, io: 1 } }, new FakeMachine({ io: 0 }));
    expect(pressure.missing).toEqual(["cpu"]);
  });
});

describe("disks", () => {
  let lost: string[] = [];
  beforeEach(() => {
    lost = [];
  });

  const monitor = (rules: readonly Partial<DiskRule>[], free: () => Free) =>
    new DiskMonitor(
      {
        rules: rules.map((rule) => ({ action: "WARN", folder: "/tmp", ...rule })),
        again: { bytes: 50, inodes: 5 },
        intervalMs: 1000,
      },
      (folder, error) => lost.push(`${folder}: ${messageOf(error)}`),
      free,
    );

  test("a warning comes again when it has got worse", () => {
    let bytes = 101;
    const one = monitor([{ bytes: 100 }], () => ({ bytes, inodes: 9 }));
    const seen = [101, 100, 99, 60, 48, 200, 40].map((now) => {
      bytes = now;
      return one.look().map(({ free }) => free);
    });
    expect(seen).toEqual([[], [], [99], [], [48], [], []]);
  });

  test("an action is told once", () => {
    const one = monitor([{ action: "HALT", inodes: 10 }], () => ({ bytes: 1, inodes: 3 }));
    expect(one.look()).toMatchObject([{ what: "inodes", free: 3, least: 10 }]);
    expect(one.look()).toEqual([]);
  });

  test("a folder that goes away is told once and watched no further; an error of ours is none", () => {
    let error: Error = Object.assign(new Error("gone"), { code: "ENOENT" });
    const rules = [
      { folder: "/tmp", bytes: 9 },
      { folder: "/", bytes: 9 },
    ];
    const one = monitor(rules, () => {
      throw error;
    });
    for (let look = 0; look < 3; look++) expect(one.look()).toEqual([]);
    expect(lost).toEqual(["/tmp: gone", "/: gone"]);
    expect(one.usage()).toEqual([]);
    error = new Error("internal: broken");
    expect(() =>
      monitor(rules, () => {
        throw error;
      }).look(),
    ).toThrow("internal: broken");
  });

  test("a file system that makes inodes as needed has enough", () => {
    expect(monitor([{ inodes: 10 }], () => ({ bytes: 1, inodes: undefined })).look()).toEqual([]);
  });
});

const four: ProjectSpec = {
  x: {
    tasks: Object.fromEntries([
      ...[1, 2, 3, 4].map((number) => [`do_${number}`, { body: "    sleep 0.1" }]),
      ["do_all", { needs: ["do_1", "do_2", "do_3", "do_4"], noexec: true as const }],
    ]),
  },
};

async function runFour(settings: Partial<RunSettings>, options: Partial<RunOptions> = {}) {
  using rig = new Rig();
  let running = 0;
  let most = 0;
  const result = await rig.run(four, ["x:do_all"], {
    settings: { ...rig.options(four, ["x:do_all"]).settings, threads: 4, ...settings },
    ...options,
    onEvent: (event) => {
      if (event.type === "task-started") most = Math.max(most, ++running);
      if (event.type === "task-finished") running--;
    },
  });
  return { ...result, most };
}

describe("the queue", () => {
  test("starts one task at a time while the machine is busy, and all of them in the end", async () => {
    const machine = new FakeMachine();
    machine.loadNow = 5;
    const { most, summary, events } = await runFour({ pressure: { most: {}, load: 1 }, machine });
    expect([most, summary.ok]).toEqual([1, true]);
    expect(events.filter(({ type }) => type === "held")).toEqual([{ type: "held", exceeded: ["load"] }]);
  });

  test("starts more when it is not busy any more", async () => {
    const machine = new FakeMachine();
    machine.loadNow = 0.5;
    const { most, summary } = await runFour({ pressure: { most: {}, load: 1 }, machine });
    expect([most, summary.ok]).toEqual([4, true]);
  });

  const disks = (action: DiskRule["action"]) => ({
    rules: [{ action, folder: join("/tmp"), bytes: Number.MAX_SAFE_INTEGER }],
    again: { bytes: 1, inodes: 1 },
    intervalMs: 10,
  });

  test.each([
    ["WARN", 4, true, ["run/disk-low"]],
    ["STOPTASKS", 0, false, ["run/disk-low"]],
    ["HALT", 0, false, ["run/disk-low"]],
  ] as const)("a full disk with %s", async (action, ran, ok, codes) => {
    const { summary, events } = await runFour({ disks: disks(action) });
    expect([summary.ran, summary.ok]).toEqual([ran, ok]);
    const told = events.flatMap((event) => (event.type === "warning" ? [event.diagnostic.code] : []));
    expect([...new Set(told)]).toEqual(codes);
  });

  test("a watched folder that a task removes is one warning", async () => {
    using rig = new Rig();
    const folder = join(rig.tmp, "watched");
    const spec = { x: { tasks: { do_x: { body: `    rmdir ${folder}; sleep 0.3` } } } };
    const settings = {
      ...rig.options(spec, []).settings,
      disks: { ...disks("WARN"), rules: [{ action: "WARN" as const, folder, bytes: 1 }] },
    };
    const { summary, events } = await rig.run(spec, ["x:do_x"], { settings });
    expect(summary.ok).toBe(true);
    const told = events.flatMap((event) => (event.type === "warning" ? [event.diagnostic.code] : []));
    expect(told).toEqual(["run/disk-unwatched"]);
  });
});

describe("which task starts first", () => {
  /** a: one, two, three. b: the same and four. */
  const chain = (names: readonly string[]): ProjectSpec[string] => ({
    tasks: Object.fromEntries(
      names.map((name, at) => [
        `do_${name}`,
        { body: "    :", needs: at > 0 ? [`do_${names[at - 1]!}`] : [] },
      ]),
    ),
  });
  const spec: ProjectSpec = {
    a: chain(["one", "two", "three"]),
    b: chain(["one", "two", "three", "four"]),
  };

  test.each([
    ["basic", "a1 a2 a3 b1 b2 b3 b4"],
    ["speed", "b1 a1 b2 a2 b3 a3 b4"],
    ["completion", "b1 b2 b3 b4 a1 a2 a3"],
    [undefined, "b1 a1 b2 a2 b3 a3 b4"],
  ] as const)("%s", async (scheduler, expected) => {
    using rig = new Rig();
    const targets = ["a:do_three", "b:do_four"];
    const { settings } = rig.options(spec, targets);
    const { started } = await rig.run(spec, targets, {
      settings: { ...settings, threads: 1, ...(scheduler && { scheduler }) },
    });
    const digits = { one: "1", two: "2", three: "3", four: "4" };
    const short = started.map((label) => {
      const [, pn, name] = /^run (.):do_(.*)$/.exec(label)!;
      return `${pn}${digits[name as keyof typeof digits]}`;
    });
    expect(short.join(" ")).toBe(expected);
  });
});

describe("niceness of tasks", () => {
  const own = getPriority();
  async function run(variables: Readonly<Record<string, string>>, nice?: number) {
    using rig = new Rig();
    const body = "    nice >${TOPDIR}/nice; ionice >${TOPDIR}/io || true";
    const spec: ProjectSpec = {
      x: { tasks: { do_a: { body }, do_b: { body, needs: ["do_a"] } }, variables },
    };
    const { settings } = rig.options(spec, ["x:do_b"]);
    const { summary, events } = await rig.run(spec, ["x:do_b"], {
      settings: { ...settings, ...(nice !== undefined && { nice }) },
    });
    const read = (name: string) => {
      const path = join(rig.topdir, name);
      return existsSync(path) ? readFileSync(path, "utf8").trim() : undefined;
    };
    const told = events.flatMap((event) => (event.type === "warning" ? [event.diagnostic.code] : []));
    const failed = summary.failed.flatMap(({ diagnostics }) => diagnostics.map(({ code }) => code));
    return { nice: Number(read("nice")), io: read("io"), told, failed };
  }

  test.each([
    ["nothing", {}, undefined, own],
    ["BB_NICE_LEVEL", {}, own + 3, own + 3],
    ["BB_TASK_NICE_LEVEL", { BB_TASK_NICE_LEVEL: String(own + 5) }, own + 3, own + 5],
    ["that of one task", { "BB_TASK_NICE_LEVEL:task-b": String(own + 4) }, own + 3, own + 4],
  ] as const)("%s", async (_name, variables, general, expected) => {
    const { nice, told, failed } = await run(variables, general);
    expect([nice, told, failed]).toEqual([expected, [], []]);
  });

  test.each([
    ["3.0", "idle"],
    ["2.6", "best-effort: prio 6"],
  ])("BB_TASK_IONICE_LEVEL %s", async (level, expected) => {
    const { io, told } = await run({ BB_TASK_IONICE_LEVEL: level });
    expect([io, told]).toEqual([expected, []]);
  });

  test.each([{ BB_TASK_NICE_LEVEL: "20" }, { BB_TASK_NICE_LEVEL: "low" }, { BB_TASK_IONICE_LEVEL: "2" }])(
    "%j is an error",
    async (variables) => {
      expect(await run(variables)).toMatchObject({ failed: ["run/malformed-level"] });
    },
  );

  test("without the programs tasks run all the same, and that is told once for each variable", async () => {
    const path = process.env["PATH"];
    process.env["PATH"] = "/nowhere";
    try {
      const { told, failed } = await run({ BB_TASK_IONICE_LEVEL: "3.0", PATH: path ?? "" }, own + 1);
      // Neither are `unshare` and `sync`.
      const codes = ["run/no-isolation", "run/no-niceness", "run/no-niceness", "run/not-synced"];
      expect([told, failed]).toEqual([codes, []]);
    } finally {
      process.env["PATH"] = path;
    }
  });
});

describe("the variables", () => {
  const read = (values: Readonly<Record<string, string>>, flags: Readonly<Record<string, string>> = {}) =>
    readMachineSettings((name) => values[name], flags);

  test("nothing set", () => {
    expect(read({})).toEqual({ threads: 1, taskThreads: new Map(), warnings: [] });
  });

  test("everything set", () => {
    const settings = read(
      {
        BB_NUMBER_THREADS: "8",
        BB_PRESSURE_MAX_CPU: "500",
        BB_PRESSURE_MAX_MEMORY: "2000000",
        BB_LOADFACTOR_MAX: "1.5",
        BB_NICE_LEVEL: "10",
        BB_TASK_IONICE_LEVEL: "2.7",
        BB_SCHEDULER: "basic",
        BB_DISKMON_DIRS: "STOPTASKS,/a,1G,100K WARN,/b,,7",
        BB_HEARTBEAT_EVENT: "0.5",
      },
      { do_fetch: "4" },
    );
    expect(settings).toMatchObject({
      threads: 8,
      nice: 10,
      scheduler: "basic",
      taskThreads: new Map([["do_fetch", 4]]),
      pressure: { most: { cpu: 500, memory: 2_000_000 }, load: 1.5 },
      disks: {
        rules: [
          { action: "STOPTASKS", folder: "/a", bytes: 1024 ** 3, inodes: 102_400 },
          { action: "WARN", folder: "/b", inodes: 7 },
        ],
        again: { bytes: 50 * 1024 ** 2, inodes: 5120 },
        intervalMs: 500,
      },
      warnings: [{ code: "engine/very-high-limit" }],
    });
  });

  test.each([
    [{ BB_NUMBER_THREADS: "0" }],
    [{ BB_NUMBER_THREADS: "many" }],
    [{ BB_PRESSURE_MAX_IO: "0.5" }],
    [{ BB_NICE_LEVEL: "1.5" }],
    [{ BB_TASK_NICE_LEVEL: "-21" }],
    [{ BB_TASK_IONICE_LEVEL: "2" }],
    [{ BB_TASK_IONICE_LEVEL: "4.1" }],
    [{ BB_SCHEDULER: "fast" }],
    [{ BB_LOADFACTOR_MAX: "0" }],
    [{ BB_DISKMON_DIRS: "STOP,/a,1G,1" }],
    [{ BB_DISKMON_DIRS: "WARN,/a,," }],
    [{ BB_DISKMON_DIRS: "WARN,,1G,1" }],
    [{ BB_DISKMON_DIRS: "WARN,/a,1T,1" }],
    [{ BB_DISKMON_DIRS: "WARN,/a,1G,1,1" }],
    [{ BB_DISKMON_DIRS: "WARN,/a,1G", BB_DISKMON_WARNINTERVAL: "often" }],
    [{ BB_DISKMON_DIRS: "WARN,/a,1G", BB_HEARTBEAT_EVENT: "0" }],
  ] as readonly (readonly [Readonly<Record<string, string>>])[])("%j", (values) => {
    expect(problemOf(() => read(values)).diagnostics.map(({ code }) => code)).toEqual([
      "engine/malformed-setting",
    ]);
  });

  test("a scheduler of the metadata's own", () => {
    const values = { BB_SCHEDULER: "mine", BB_SCHEDULERS: "lib.Mine" };
    expect(() => read(values)).toThrow("BB_SCHEDULER is `mine`, of BB_SCHEDULERS (lib.Mine)");
    expect(read({ ...values, BB_SCHEDULER: "completion" }).scheduler).toBe("completion");
  });

  test("a flag that is no number", () => {
    expect(() => read({}, { do_fetch: "some" })).toThrow("do_fetch[number_threads]");
  });
});
