import { describe, expect, test } from "@jest/globals";
import { Timeline } from "@tsbake/cli";
import type { TaskId } from "@tsbake/graph";
import { traceFaults } from "../support/trace-events.js";

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
  const text = timeline.text(1800);
  const { traceEvents } = JSON.parse(text) as Trace;
  const bars = traceEvents.filter(({ ph }) => ph === "X");

  test("is what the Trace Event Format asks for, field by field", () => {
    expect(traceFaults(text)).toEqual([]);
    // What began before the command did, and an end before its beginning.
    const backwards = new Timeline(1000);
    backwards.see({ type: "parsed", recipes: 1, cached: 0, elapsedMs: 5000 }, 900);
    backwards.see({ type: "task-started", ...name("a:do_x"), how: "run", number: 1, of: 1 }, 900);
    expect(traceFaults(backwards.text(800))).toEqual([]);
    // One bar ends where the next begins, whatever is rounded; a step that went on while recipes were read is in that.
    const close = new Timeline(0);
    close.see({ type: "step", text: "waiting" }, 0.1);
    close.see({ type: "parsed", recipes: 1, cached: 0, elapsedMs: 0.2 }, 0.4006);
    for (let at = 0; at < 50; at++) {
      close.see({ type: "task-started", ...name(`a:do_${at}`), how: "run", number: 1, of: 1 }, at * 1.00026);
      close.see({ type: "task-finished", ...name(`a:do_${at}`), elapsedMs: 1 }, (at + 1) * 1.00026);
    }
    expect(traceFaults(close.text(800))).toEqual([]);
  });

  test.each([
    ['ph is "Q"', { ph: "Q" }],
    ["has no ts", { ts: undefined }],
    ["ts is -1", { ts: -1 }],
    ["dur is 0.5", { dur: 0.5 }],
    ['tid is "1"', { tid: "1" }],
    ['name is ""', { name: "" }],
    ['cname is "pink"', { cname: "pink" }],
    ["may not have colour", { colour: "red" }],
    ["args is []", { args: [] }],
  ])("which is found to be broken where it is: %s", (fault, change) => {
    const bar = { ...bars[0], ...change };
    expect(traceFaults(JSON.stringify({ displayTimeUnit: "ms", traceEvents: [bar] }))).toEqual([
      `event 0: ${fault}`,
    ]);
  });

  test("two bars of one lane that overlap are none", () => {
    const two = [bars[0], { ...bars[0], ts: bars[0]!.ts! + 1 }];
    expect(traceFaults(JSON.stringify({ displayTimeUnit: "ms", traceEvents: two }))).toHaveLength(1);
  });

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
