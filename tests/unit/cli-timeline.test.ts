import { describe, expect, test } from "@jest/globals";
import { Timeline } from "@tsbake/cli";
import type { TaskId } from "@tsbake/graph";

const name = (label: string) => ({ task: label as TaskId, label });

interface Trace {
  readonly traceEvents: readonly {
    readonly name: string;
    readonly ph: string;
    readonly tid: number;
    readonly ts?: number;
    readonly dur?: number;
    readonly cat?: string;
    readonly args: Readonly<Record<string, unknown>>;
  }[];
}

describe("the timeline of a build", () => {
  const timeline = new Timeline(1000);
  const start = (label: string, how: "run" | "restore", nowMs: number): void =>
    timeline.see({ type: "task-started", ...name(label), how, number: 1, of: 4 }, nowMs);
  timeline.see({ type: "parsed", recipes: 3, cached: 0, elapsedMs: 150 }, 1200);
  timeline.see({ type: "step", text: "solving gdb" }, 1200);
  timeline.see({ type: "step", text: "solving gdb", percent: 50 }, 1250);
  const counts = { total: 4, current: 0, covered: 0, noexec: 0, toRestore: 1, toRun: 3 };
  timeline.see({ type: "plan", ...counts }, 1300);
  start("a:do_x", "run", 1300);
  start("b:do_x", "restore", 1310);
  timeline.see({ type: "task-skipped", ...name("b:do_x"), reason: "restored", elapsedMs: 90 }, 1400);
  timeline.see({ type: "task-skipped", ...name("never:do_x"), reason: "current", elapsedMs: 0 }, 1400);
  start("c:do_x", "run", 1400);
  timeline.see({ type: "task-finished", ...name("a:do_x"), elapsedMs: 200.5 }, 1500.5);
  const failure = { ...name("c:do_x"), diagnostics: [], stopped: false };
  timeline.see({ type: "task-failed", ...name("c:do_x"), elapsedMs: 300, failure }, 1700);
  start("d:do_x", "run", 1700);
  const { traceEvents } = JSON.parse(timeline.text(1800)) as Trace;
  const bars = traceEvents.filter(({ ph }) => ph === "X");

  test("has a bar for all that took time, in microseconds since the start, on as many lanes as ran at once", () => {
    expect(bars.map((bar) => [bar.name, bar.tid, bar.ts, bar.dur])).toEqual([
      ["reading recipes", 0, 50_000, 150_000],
      ["solving gdb", 0, 200_000, 100_000],
      ["b do_x", 2, 310_000, 90_000],
      ["a do_x", 1, 300_000, 200_500],
      ["c do_x", 2, 400_000, 300_000],
      ["d do_x", 1, 700_000, 100_000],
    ]);
  });

  test("says how each ended", () => {
    expect(bars.slice(2).map(({ cat, args }) => [cat, args["result"]])).toEqual([
      ["restore", "restored"],
      ["run", "done"],
      ["run", "failed"],
      ["run", "not ended"],
    ]);
  });

  test("names the lanes", () => {
    const names = traceEvents.filter((event) => event.name === "thread_name");
    expect(names.map(({ tid, args }) => [tid, args["name"]])).toEqual([
      [0, "before the tasks"],
      [1, "tasks 1"],
      [2, "tasks 2"],
    ]);
  });
});
