import { spawn } from "node:child_process";
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";
import type { RunEvent } from "@tsbake/run";
import { Rig } from "./run-rig.js";
import type { ProjectSpec } from "./run-rig.js";

const two: ProjectSpec = {
  x: {
    tasks: {
      do_first: { body: "    bbnote ready; read line <${TOPDIR}/go || :; echo finished" },
      do_second: { body: "    :", needs: ["do_first"] },
    },
  },
};
/** Bodies that end only when they are killed: by SIGTERM, or by nothing less than SIGKILL. */
function endless(ignoresTerm: boolean): ProjectSpec {
  const body = `${ignoresTerm ? "    trap '' TERM\n" : ""}    echo $$ >\${TOPDIR}/pid\n    bbnote ready\n    sleep 1000`;
  return { x: { tasks: { do_x: { body } } } };
}
/** Calls back when a body says that it is ready. */
function whenReady(callback: () => void): (event: RunEvent) => void {
  return (event) => {
    if (event.type === "task-message" && event.text === "ready") callback();
  };
}
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie that nobody has waited for yet is dead.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
/** Whether the body that wrote its pid ends; who ends it is another process and needs a moment. */
async function isGone(rig: Rig): Promise<boolean> {
  const pid = Number(readFileSync(join(rig.topdir, "pid"), "utf8"));
  for (let waits = 0; waits < 1000 && isAlive(pid); waits++) await pause(10);
  return !isAlive(pid);
}

describe("Ctrl-C", () => {
  test("once: what runs is waited for, nothing new starts, the next run goes on", async () => {
    using rig = new Rig();
    const stop = new AbortController();
    const { started, summary, events } = await rig.run(two, ["x:do_second"], {
      stop: stop.signal,
      onEvent: whenReady(() => stop.abort()),
    });
    expect(started).toEqual(["run x:do_first"]);
    expect(summary).toMatchObject({
      interrupted: true,
      ok: false,
      ran: 1,
      failed: [],
      notStarted: ["x:do_second"],
    });
    expect(events.find(({ type }) => type === "stopping")).toMatchObject({
      killing: false,
      running: ["x:do_first"],
    });
    expect((await rig.run(two, ["x:do_second"])).started).toEqual(["run x:do_second"]);
  });

  test.each([false, true])("twice: bodies are killed (SIGTERM ignored: %s)", async (ignoresTerm) => {
    using rig = new Rig();
    const [stop, kill] = [new AbortController(), new AbortController()];
    const { summary } = await rig.run(endless(ignoresTerm), ["x:do_x"], {
      stop: stop.signal,
      kill: kill.signal,
      onEvent: whenReady(() => {
        stop.abort();
        kill.abort();
      }),
    });
    expect(summary.failed).toMatchObject([{ stopped: true, exitCode: ignoresTerm ? 137 : 143 }]);
    expect(isAlive(Number(readFileSync(join(rig.topdir, "pid"), "utf8")))).toBe(false);
    expect(existsSync(join(rig.tmp, "stamps"))).toBe(false);
  });

  test("before anything started: nothing starts", async () => {
    using rig = new Rig();
    const { started, summary } = await rig.run(two, ["x:do_second"], { stop: AbortSignal.abort() });
    expect([started, summary.interrupted, summary.ok]).toEqual([[], true, false]);
  });
});

describe("the launcher", () => {
  /** Of the bodies that this process runs. */
  function launcher(): number {
    const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
    const found = pids.find((pid) => {
      try {
        const isOurs = readFileSync(`/proc/${pid}/status`, "utf8").includes(`PPid:\t${process.pid}\n`);
        return isOurs && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("launcher-process.js");
      } catch {
        return false;
      }
    });
    return Number(found);
  }

  test("is killed: one error, and the body has gone with it", async () => {
    using rig = new Rig();
    const { summary } = await rig.run(endless(false), ["x:do_x"], {
      onEvent: whenReady(() => process.kill(launcher(), "SIGKILL")),
    });
    const codes = summary.failed.map(({ diagnostics }) => diagnostics.map(({ code }) => code));
    expect(codes).toEqual([["run/launcher-lost"]]);
    expect(await isGone(rig)).toBe(true);
    expect(existsSync(join(rig.tmp, "stamps"))).toBe(false);
  });

  test("writes into a log that a function before has removed", async () => {
    using rig = new Rig();
    const { summary } = await rig.run(
      {
        x: {
          functions: { clear: '    rm -rf "${T}"' },
          tasks: { do_x: { body: "    echo text; touch ${TOPDIR}/done", flags: { prefuncs: "clear" } } },
        },
      },
      ["x:do_x"],
    );
    expect([summary.ok, summary.failed]).toEqual([true, []]);
    expect(existsSync(join(rig.topdir, "done"))).toBe(true);
  });

  test("is gone when all is done", async () => {
    using rig = new Rig();
    await rig.run(two, ["x:do_first"], {
      onEvent: whenReady(() => writeFileSync(join(rig.topdir, "go"), "")),
    });
    for (let waits = 0; waits < 1000 && !Number.isNaN(launcher()); waits++) await pause(10);
    expect(launcher()).toBeNaN();
  });
});

describe("what a body leaves behind", () => {
  test("processes in the background are gone before the task is done", async () => {
    using rig = new Rig();
    // Only when it is `sleep` has it that name.
    const body =
      "    sleep 1000 & echo $! >${TOPDIR}/pid; until read name </proc/$!/comm && [ $name = sleep ]; do :; done";
    const { summary, events } = await rig.run({ x: { tasks: { do_x: { body } } } }, ["x:do_x"]);
    expect(summary.ok).toBe(true);
    const warnings = events.flatMap((event) => (event.type === "warning" ? [event.diagnostic] : []));
    expect(warnings.map(({ code, message }) => [code, message])).toEqual([
      ["run/processes-left", "x:do_x left processes behind, which were ended: `sleep`"],
    ]);
    expect(isAlive(Number(readFileSync(join(rig.topdir, "pid"), "utf8")))).toBe(false);
  });

  // By itself, with its output through us ([progress]), and beside a body that goes on.
  const daemon = "    setsid sleep 1000 & echo $! >${TOPDIR}/pid; sleep 0.3";
  test.each<[what: string, body: string, flags: Record<string, string>, beside: string]>([
    ["", daemon, {}, ""],
    [", started by what has ended", `    (${daemon.trim()})`, {}, ""],
    [", of a task with progress", daemon, { progress: "percent" }, ""],
    [", beside another task", daemon, {}, "    sleep 1"],
  ])(
    "processes in a session of their own are gone before the task is done%s",
    async (_what, body, flags, beside) => {
      using rig = new Rig();
      const project: ProjectSpec = {
        x: { tasks: { do_x: { body, flags } } },
        ...(beside !== "" && { y: { tasks: { do_y: { body: beside } } } }),
      };
      const ends: boolean[] = [];
      const { summary, events } = await rig.run(project, ["x:do_x", ...(beside === "" ? [] : ["y:do_y"])], {
        onEvent: (event) => {
          if (event.type === "task-finished" && event.label === "x:do_x")
            ends.push(isAlive(Number(readFileSync(join(rig.topdir, "pid"), "utf8"))));
        },
      });
      expect(summary.ok).toBe(true);
      expect(ends).toEqual([false]);
      const told = events.flatMap((event) => (event.type === "warning" ? [event.diagnostic.message] : []));
      expect(told).toEqual([
        expect.stringMatching(/^x:do_x left processes behind, which were ended: .*`sleep`/),
      ]);
    },
  );
});

describe("an engine that is killed", () => {
  const engine = `
    import { Rig } from ${JSON.stringify(new URL("./run-rig.js", import.meta.url).href)};
    const [topdir, project, target] = process.argv.slice(1);
    await new Rig(topdir).run(JSON.parse(project), [target], {
      store: { find: async () => new Set(), get: async () => undefined, put: async () => {
        process.stdout.write("storing");
        await new Promise(() => setInterval(() => {}, 1000));
      } },
      onEvent: (event) => { if (event.type === "task-message") process.stdout.write(event.text); },
    });
  `;
  /** Starts an engine, and kills it when it has said `word`. */
  async function killAt(word: string, rig: Rig, project: ProjectSpec, target: string): Promise<void> {
    const args = ["--input-type=module", "-e", engine, rig.topdir, JSON.stringify(project), target];
    const child = spawn(process.execPath, args, {
      cwd: fileURLToPath(new URL(".", import.meta.url)),
      stdio: ["ignore", "pipe", "inherit"],
    });
    child.stdout.setEncoding("utf8");
    for await (const text of child.stdout) if (String(text).includes(word)) break;
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null)
      await new Promise((resolve) => child.on("exit", resolve));
  }

  test("takes its bodies with it, and has not stamped them", async () => {
    using rig = new Rig();
    await killAt("ready", rig, endless(true), "x:do_x");
    expect(await isGone(rig)).toBe(true);
    expect(existsSync(join(rig.tmp, "stamps"))).toBe(false);
  });

  test("while it stores an artifact: no stamp, and the next run does it all again", async () => {
    using rig = new Rig();
    const project: ProjectSpec = {
      x: {
        tasks: {
          do_x: {
            body: "    echo text >${WORKDIR}/out/file",
            flags: { cleandirs: "${WORKDIR}/out" },
            inputs: ["out"],
            outputs: ["${TMPDIR}/deploy"],
          },
        },
      },
    };
    await killAt("storing", rig, project, "x:do_x");
    expect(existsSync(join(rig.tmp, "deploy"))).toBe(false);
    const { started, summary } = await rig.run(project, ["x:do_x"]);
    expect([started, summary.ok]).toEqual([["run x:do_x"], true]);
    expect(readdirSync(join(rig.tmp, "deploy"))).toEqual(["file"]);
    rmSync(rig.tmp, { recursive: true });
    expect((await rig.run(project, ["x:do_x"])).started).toEqual(["restore x:do_x"]);
  });
});
