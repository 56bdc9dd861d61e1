import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Source, withoutControls } from "@tsbake/base";
import type { Diagnostic } from "@tsbake/base";
import {
  diagnosticText,
  duration,
  failureText,
  Footer,
  helpText,
  listing,
  logTail,
  Reporter,
  optionTable,
  parseCommand,
  plainPaint,
  readEnd,
  Screen,
  sortDiagnostics,
  taskWords,
} from "@tsbake/cli";
import type { ReporterOptions } from "@tsbake/cli";
import type { EngineEvent } from "@tsbake/engine";
import type { TaskId } from "@tsbake/graph";
import type { RunSummary, TaskFailure } from "@tsbake/run";
import { describe, expect, test } from "@jest/globals";
import { summaryOf } from "../support/summary.js";
import { temporaryFolder } from "../support/temporary.js";

function request(line: string) {
  const command = parseCommand(line.split(" ").filter(Boolean));
  if (command.kind !== "request") throw new Error(`not a request: ${JSON.stringify(command)}`);
  return command.request;
}

describe("the command line", () => {
  test.each([
    ["a1", { action: "build", targets: ["a1"], setscene: "on", ui: "auto", force: false, debug: 0 }],
    ["", { action: "build", targets: [] }],
    ["a1 -c patch b1", { targets: ["a1", "b1"], task: "patch" }],
    ["a1 -c install -fn", { targets: ["a1"], task: "install", force: true, dryRun: true }],
    ["-cinstall a1", { task: "install", targets: ["a1"] }],
    ["-kfc compile x", { keepGoing: true, force: true, task: "compile", targets: ["x"] }],
    ["--cmd=install x", { task: "install" }],
    ["-c a -c b x", { task: "b" }],
    ["-C compile,install x", { invalidate: ["compile", "install"] }],
    ["x:do_patch mc:one:x virtual/libc", { targets: ["x:do_patch", "mc:one:x", "virtual/libc"] }],
    ["-e x", { action: "environment", targets: ["x"] }],
    ["-g x", { action: "graph" }],
    ["-s", { action: "versions" }],
    ["-p", { action: "parse" }],
    ["-c listtasks x", { action: "tasks", targets: ["x"] }],
    ["-S none x", { action: "build", signaturesOnly: true }],
    ["--runall fetch --runall unpack x", { runAll: ["fetch", "unpack"] }],
    ["--runonly fetch x", { runOnly: ["fetch"] }],
    ["--no-setscene x", { setscene: "off" }],
    ["--skip-setscene x", { setscene: "skip" }],
    ["--setscene-only x", { setscene: "only" }],
    ["-r one.conf -R two.conf x", { preFiles: ["one.conf"], postFiles: ["two.conf"] }],
    ["-v -DD x", { verbose: true, debug: 2 }],
    ["-q x", { quiet: true }],
    ["--ui json x", { ui: "json" }],
    ["x -- -y", { targets: ["x", "-y"] }],
    ["x", { targets: ["x"], projectFiles: [] }],
    ["kas.yml", { targets: [], projectFiles: ["kas.yml"] }],
    [
      "x conf/a.yaml:b.json:../c.yml y",
      { targets: ["x", "y"], projectFiles: ["conf/a.yaml", "b.json", "../c.yml"] },
    ],
    ["x:do_fetch mc:one:x.yml:x", { targets: ["x:do_fetch", "mc:one:x.yml:x"], projectFiles: [] }],
    ["--machine board x", { machine: "board" }],
  ])("`%s`", (line, expected) => {
    expect(request(line)).toMatchObject(expected);
  });

  test.each([
    ["--graphvz x", "cli/unknown-option", /did you mean --graphviz\?/],
    ["-Z x", "cli/unknown-option", /--help/],
    ["-fZ x", "cli/unknown-option", /--help/],
    ["x -c", "cli/missing-value", /-c TASK/],
    ["-c -f x", "cli/missing-value", /-c TASK/],
    ["--force=yes x", "cli/wrong-value", /no value/],
    ["-q -v x", "cli/conflicting-options", /leave one/],
    ["-q -D x", "cli/conflicting-options", /leave one/],
    ["-e -s x", "cli/conflicting-options", /leave one/],
    ["--no-setscene --setscene-only x", "cli/conflicting-options", /leave one/],
    ["--ui knotty x", "cli/wrong-value", /json/],
    ["-S all x", "cli/wrong-value", /none/],
    ["a.yml b.yml", "cli/unexpected-word", /a\.yml:b\.yml/],
    ["--machine a/b x", "cli/wrong-value", /./],
    ["--update x", "cli/misplaced-option", /leave it out/],
  ])("`%s` is a mistake", (line, code, help) => {
    const command = parseCommand(line.split(" "));
    expect(command).toMatchObject({ kind: "wrong", diagnostic: { code } });
    expect(command.kind === "wrong" && command.diagnostic.help).toMatch(help);
  });

  test.each([
    ["--version", "version"],
    ["-h", "help"],
    ["x --help --version", "help"],
  ])("`%s`", (line, kind) => {
    expect(parseCommand(line.split(" ")).kind).toBe(kind);
  });

  test("help has every option, and no line is longer than 100 columns", () => {
    const text = helpText();
    for (const { long, help } of optionTable)
      expect(text).toMatch(
        new RegExp(`--${long}\\b[^]{0,40}?${help.slice(0, 10).replaceAll(/[^\w ]/g, "\\$&")}`),
      );
    expect(text.split("\n").filter((line) => line.length > 100)).toEqual([]);
  });
});

describe("words", () => {
  test.each([
    [40, "0.0 s"],
    [312, "0.3 s"],
    [9949, "9.9 s"],
    [9950, "10 s"],
    [59_600, "1 min 00 s"],
    [65_000, "1 min 05 s"],
    [3_720_000, "1 h 02 min"],
  ])("%i ms is %s", (ms, text) => {
    expect(duration(ms)).toBe(text);
  });

  test("names of tasks", () => {
    expect(["base-image:do_rootfs", "mc:one:x:do_y"].map(taskWords)).toEqual([
      "base-image do_rootfs",
      "mc:one:x do_y",
    ]);
  });

  test("lists", () => {
    expect([[], ["a"], ["a", "b"], ["a", "b", "c"]].map(listing)).toEqual(["", "a", "a and b", "a, b and c"]);
  });

  test("what a log may not do to a terminal", () => {
    expect(withoutControls("\u001B]0;a title\u0007\u009B2J\u001B]8;;http://x/\u001B\\link")).toBe("2Jlink");
    expect(
      withoutControls("\u001B[31mred\u001B[0m \u001B[2Jtab\tbell\u0007 naïve 日本 \u{1F600}\u007F"),
    ).toBe("red tab\tbell naïve 日本 \u{1F600}");
  });
});

const failure: TaskFailure = {
  task: "x:do_compile" as TaskId,
  label: "x:do_compile",
  diagnostics: [
    { severity: "error", code: "run/body-failed", message: "x:do_compile: it failed", help: "look" },
  ],
  exitCode: 1,
  logPath: "/b/log",
  scriptPath: "/b/run",
  stopped: false,
};

describe("failures", () => {
  test("a task: what, the end of its log, where the rest is, how to repeat it", () => {
    expect(failureText(failure, "one\ntwo\n\n", plainPaint)).toBe(
      [
        "error[run/body-failed]: x:do_compile: it failed",
        "help: look",
        "  | one",
        "  | two",
        "log: /b/log",
        "to repeat it by hand: /b/run",
      ].join("\n"),
    );
  });

  test("a log that is gone or empty is left out", () => {
    for (const log of [undefined, "", "\n\n"])
      expect(failureText(failure, log, plainPaint)).not.toContain("|");
  });

  test("of a long log the last twenty lines", () => {
    const log = Array.from({ length: 100 }, (_, index) => `line ${index}`).join("\n");
    expect([logTail(log).length, logTail(log)[0]]).toEqual([20, "line 80"]);
  });

  test("of a long line its beginning", () => {
    expect(logTail(`a\n${"x".repeat(100_000)}`)).toEqual(["a", `${"x".repeat(999)}…`]);
  });

  test("of a large log only the end is read", () => {
    const path = join(temporaryFolder("log"), "log");
    writeFileSync(path, `${"x".repeat(1000)}\nend\n`);
    expect([readEnd(path, 8), readEnd(path)?.length, readEnd(`${path}.gone`)]).toEqual([
      "xxx\nend\n",
      1005,
      undefined,
    ]);
  });

  const source = new Source("a.bb", "one\ntwo\n");
  const at = (start: number): Diagnostic => ({
    severity: "error",
    code: "x/y",
    message: `at ${start}`,
    at: { source, start, end: start + 3 },
  });

  test("errors come each once and in order of their places", () => {
    const plain: Diagnostic = { severity: "error", code: "x/z", message: "nowhere" };
    const sorted = sortDiagnostics([at(4), plain, at(0), at(4)]);
    expect(sorted.map(({ message }) => message)).toEqual(["nowhere", "at 0", "at 4"]);
  });

  test("colour is on the severity, the carets and the help, not on the source", () => {
    const marked = diagnosticText({ ...at(4), help: "do" }, (colour, text) => `<${colour}>${text}</>`);
    expect(marked.split("\n")).toEqual([
      "<red>error[x/y]</>: at 4",
      " --> a.bb:2:1",
      "  |",
      "2 | two",
      "  | <red>^^^</>",
      "<cyan>help:</> do",
    ]);
  });
});

function name(label: string) {
  return { task: label as TaskId, label };
}
function started(label: string, number: number, how: "run" | "restore" = "run"): EngineEvent {
  return { type: "task-started", ...name(label), how, number, of: 3 };
}
const summary = (change: Partial<RunSummary> = {}) =>
  summaryOf({ total: 57, current: 1, covered: 56, ...change });
const plan: EngineEvent = {
  type: "plan",
  total: 57,
  current: 4,
  covered: 50,
  noexec: 0,
  toRestore: 1,
  toRun: 2,
  estimateMs: 61_000,
};
const nothing: EngineEvent = {
  type: "plan",
  total: 57,
  current: 1,
  covered: 56,
  noexec: 0,
  toRestore: 0,
  toRun: 0,
};
const parsed: EngineEvent = { type: "parsed", recipes: 12, cached: 11, elapsedMs: 100 };

function report(
  events: readonly EngineEvent[],
  options: Partial<ReporterOptions> = {},
  end = summary(),
): string[] {
  const reporter = new Reporter({
    targets: ["sysext-image"],
    version: "1.0",
    paint: plainPaint,
    live: false,
    quiet: false,
    verbose: false,
    debug: false,
    dryRun: false,
    readLog: () => "the end of the log",
    ...options,
  });
  const lines = [
    ...events.flatMap((event) => reporter.tell(event)),
    ...reporter.conclude(end, 300),
    ...reporter.end(),
  ];
  return lines.map(({ text, trouble }) => (trouble ? `! ${text}` : text));
}

describe("the story of a build", () => {
  const busy = [
    parsed,
    plan,
    started("base:do_fetch", 1, "restore"),
    started("base:do_rootfs", 2),
    { type: "task-skipped", ...name("base:do_fetch"), reason: "restored", elapsedMs: 20 },
    { type: "task-finished", ...name("base:do_rootfs"), elapsedMs: 12_300 },
    started("ext:do_image", 3),
    { type: "task-finished", ...name("ext:do_image"), elapsedMs: 100 },
  ] as const satisfies readonly EngineEvent[];
  const end = summary({
    ran: 2,
    restored: 1,
    current: 4,
    slowest: [
      { ...name("base:do_rootfs"), elapsedMs: 12_300 },
      { ...name("ext:do_image"), elapsedMs: 100 },
    ],
  });

  describe("a full disk", () => {
    const full = (what: string, severity: "error" | "warning" = "error") =>
      ({ severity, code: "base/disk-full", message: `${what}: full`, help: "free" }) as const;
    const failed = (what: string): EngineEvent => ({
      type: "task-failed",
      ...name(what),
      elapsedMs: 1,
      failure: { ...name(what), diagnostics: [full(what)], stopped: false },
    });
    const asWarning = (what: string): EngineEvent => ({ type: "warning", diagnostic: full(what, "warning") });

    test("is told by the first task that it fails, and by nothing else", () => {
      const lines = report([asWarning("a:do_x"), failed("b:do_x"), asWarning("c:do_x"), failed("d:do_x")]);
      expect(lines.filter((line) => /full|free/.test(line))).toEqual([
        "! error[base/disk-full]: b:do_x: full\nhelp: free",
      ]);
    });

    test.each([
      [1, "! warning[base/disk-full]: a:do_x: full\nhelp: free"],
      [3, "! warning[base/disk-full]: a:do_x: full (and 2 more that could not be kept)\nhelp: free"],
    ])("is one warning at the end when %i things could not be kept", (count, expected) => {
      expect(report(Array.from({ length: count }, () => asWarning("a:do_x"))).at(-1)).toBe(expected);
    });
  });

  test("what is wrong with a mirror is told of the first task, and counted for the others", () => {
    const missing = (label: string, why: string): EngineEvent => ({
      type: "restore-failed",
      reason: "unusable",
      ...name(label),
      diagnostic: {
        severity: "warning",
        code: "run/restore-failed",
        message: `${label}: cannot be restored from the shared state (${why}); the task runs instead`,
      },
    });
    const labels = ["a", "b", "c", "d", "e", "f"].map((one) => `${one}:do_x`);
    const lines = report([
      ...labels.map((label, index) => missing(label, `http://m/${index} has no checksum`)),
      missing("g:do_x", "damaged"),
    ]);
    expect(lines.filter((line) => line.includes("restore-failed"))).toEqual([
      "! warning[run/restore-failed]: a:do_x: cannot be restored from the shared state (http://m/0 has no checksum); the task runs instead",
      "! warning[run/restore-failed]: g:do_x: cannot be restored from the shared state (damaged); the task runs instead",
      "! warning[run/restore-failed]: what is told above of one task is true of 5 more: b do_x, c do_x, d do_x and 2 others",
    ]);
  });

  test("what a mirror that has said what is wrong cannot give is one line more, not a warning each", () => {
    const gone = (label: string): EngineEvent => ({
      type: "restore-failed",
      reason: "gone",
      ...name(label),
      diagnostic: { severity: "warning", code: "run/restore-failed", message: `${label}: gone` },
    });
    const down: EngineEvent = {
      type: "engine-warning",
      diagnostic: { severity: "warning", code: "engine/shared-state", message: "the mirror is down" },
    };
    const lines = report([gone("a:do_x"), down, gone("b:do_x"), gone("c:do_x")]);
    expect(lines.filter((line) => /mirror|gone|restored/.test(line))).toEqual([
      "! warning[run/restore-failed]: a:do_x: gone",
      "! warning[engine/shared-state]: the mirror is down",
      "! 2 tasks ran that could not be restored: b do_x and c do_x",
    ]);
  });

  describe("what the project file builds", () => {
    const project: EngineEvent = { type: "project", path: "/p/tsbake.yaml", targets: ["base", "tools"] };

    test("is in the first line", () => {
      expect(report([project, parsed, plan], { targets: [] }).slice(0, 2)).toEqual([
        "tsbake 1.0: base tools",
        "12 recipes read in 0.1 s, 11 from the cache",
      ]);
      expect(report([project, plan]).slice(0, 1)).toEqual(["tsbake 1.0: sysext-image"]);
    });

    test("is said below it where repositories had to be cloned to know", () => {
      const cloning: EngineEvent = { type: "step", text: "cloning x" };
      expect(report([cloning, project, project, parsed, plan], { targets: [] }).slice(0, 3)).toEqual([
        "tsbake 1.0: the project's targets",
        "cloning x",
        "targets: base tools",
      ]);
    });

    test("is in the only line where there is nothing to do", () => {
      expect(report([project, parsed, nothing], { targets: [] })).toEqual([
        "nothing to do: all 57 tasks of base and tools are up to date (0.3 s)",
      ]);
    });
  });

  test("without work it is one line", () => {
    expect(report([parsed, nothing])).toEqual([
      "nothing to do: all 57 tasks of sysext-image are up to date (0.3 s)",
    ]);
  });

  test("in a log: starts, restores in sum, the result", () => {
    expect(report(busy, {}, end)).toEqual([
      "tsbake 1.0: sysext-image",
      "12 recipes read in 0.1 s, 11 from the cache",
      "57 tasks: 4 up to date, 50 not needed, 1 to restore, 2 to run, about 1 min 01 s",
      "[2/3] base do_rootfs",
      "1 task restored from the shared state",
      "[3/3] ext do_image",
      "done after 0.3 s: 2 run, 1 restored, 4 up to date",
      "run: ext 1, base 1",
      "slowest: base do_rootfs 12 s",
    ]);
  });

  test("above a live part: ends of what took its time", () => {
    expect(report(busy, { live: true }, end).filter((line) => line.includes(" do_"))).toEqual([
      "done base do_rootfs 12 s",
      "slowest: base do_rootfs 12 s",
    ]);
  });

  test("what ran is summed up by recipe, the last ones by name", () => {
    const labels = ["a", "b", "b", "c", "d", "e", "f", "mc:two:g", "h"].map(
      (pn, index) => `${pn}:do_${index}`,
    );
    const events = labels.map((label) => ({ type: "task-finished", ...name(label), elapsedMs: 1 }) as const);
    const lines = report(events, {}, summary({ ran: 9 }));
    expect(lines.at(-1)).toBe("run: h 1, mc:two:g 1, f 1, e 1, d 1, c 1 and 2 other recipes");
  });

  test("quiet: the result only", () => {
    expect(report(busy, { quiet: true }, end)[0]).toMatch(/^done after/);
  });

  test("a dry run says what would be done", () => {
    expect(report(busy.slice(0, 4), { dryRun: true }, end).slice(3)).toEqual([
      "[1/3] base do_fetch (restore)",
      "[2/3] base do_rootfs",
      "dry run after 0.3 s: 2 would run, 1 would be restored, 4 up to date",
      "slowest: base do_rootfs 12 s",
    ]);
  });

  test("a failure, what was left, the failures in one line", () => {
    const failed = { type: "task-failed", ...name("x:do_compile"), elapsedMs: 5, failure } as const;
    const lines = report(
      [parsed, plan, failed],
      {},
      summary({ failed: [failure, failure], notStarted: ["y" as TaskId], ok: false }),
    );
    expect(lines[3]).toMatch(
      /^! error\[run\/body-failed\][^]*\| the end of the log[^]*to repeat it by hand: \/b\/run$/,
    );
    expect(lines.slice(4)).toEqual([
      "failed after 0.3 s: 2 failed, 1 up to date, 1 not started",
      "! failed: x do_compile, x do_compile",
    ]);
  });

  test("a task that we killed is not blamed", () => {
    const killed = {
      type: "task-failed",
      ...name("x:do_compile"),
      elapsedMs: 5,
      failure: { ...failure, stopped: true },
    } as const;
    expect(report([plan, killed], {}, summary({ interrupted: true, ok: false }))).toContain(
      "! stopped: x do_compile",
    );
  });

  test.each([
    [
      "interrupted",
      false,
      ["x:do_a", "y:do_b"],
      "! stopping: waiting for x do_a and y do_b (Ctrl-C again kills)",
    ],
    ["interrupted", true, ["x:do_a"], "! killing x do_a"],
    ["interrupted", false, [], "! stopping"],
    ["failure", false, ["x:do_a"], "! stopping: waiting for x do_a"],
  ] as const)("stopping: %s, killing %s", (reason, killing, running, line) => {
    expect(report([plan, { type: "stopping", reason, killing, running }])[2]).toBe(line);
  });

  test.each([
    ["plain", {}, "text"],
    ["note", {}, undefined],
    ["note", { verbose: true }, "x do_a: text"],
    ["debug", { verbose: true }, undefined],
    ["debug", { debug: true }, "x do_a: text"],
    ["warning", { quiet: true }, "! warning: x do_a: text"],
    ["error", {}, "! error: x do_a: text"],
  ] as const)("a message of level %s with %j", (level, options, line) => {
    const message: EngineEvent = { type: "task-message", ...name("x:do_a"), level, text: "te\u001B[31mxt" };
    const lines = report([message], options, summary({ ran: 1 }));
    expect(lines.find((text) => text.includes("text"))).toBe(line);
  });

  test("errors of tasks that succeeded are the reason for a failed build", () => {
    expect(report([plan], {}, summary({ ran: 1, errorMessages: 2, ok: false })).at(-1)).toBe(
      "! 2 error messages of tasks that succeeded: see above",
    );
  });
});

describe("the live part", () => {
  function footer(events: readonly EngineEvent[], size = { columns: 80, rows: 40 }, nowMs = 0): string[] {
    const made = new Footer(plainPaint, true);
    for (const event of events) made.see(event, 0);
    return made.lines(nowMs, size);
  }

  test("before the plan: what is read, what is looked up", () => {
    const parsing: EngineEvent = { type: "parsing", done: 3, total: 9, cached: 0 };
    expect(footer([parsing])).toEqual(["| reading recipes: 3 of 9"]);
    expect(footer([parsing, parsed])).toEqual(["| planning …"]);
    expect(footer([parsed, { type: "step", text: "solving gdb" }])).toEqual(["| solving gdb …"]);
    const verifying: EngineEvent = { type: "step", text: "comparing", done: 3, total: 19 };
    const fetching: EngineEvent = { type: "step", text: "fetching", percent: 42 };
    expect(footer([parsed, fetching])).toEqual(["| fetching [####      ] 42 % …"]);
    expect(footer([parsed, verifying])).toEqual(["| comparing 3 of 19 …"]);
  });

  test("then what runs, the oldest first, with time and progress", () => {
    const slow: EngineEvent = { ...started("base:do_rootfs", 1), expectedMs: 30_000 } as EngineEvent;
    const progress: EngineEvent = { type: "task-progress", ...name("base:do_rootfs"), percent: 45 };
    const events = [plan, slow, started("ext:do_fetch", 2, "restore"), progress];
    expect(footer(events, undefined, 12_000)).toEqual([
      "| 0 of 3 done, 2 running, about 49 s left",
      "  base do_rootfs  12 s of about 30 s  [####      ] 45 %",
      "  ext do_fetch (restore)  12 s",
    ]);
  });

  test("what a body counts, and what came from the cache", () => {
    const unpacked: EngineEvent = {
      type: "task-progress",
      ...name("base:do_rootfs"),
      percent: 26,
      done: 12,
      total: 45,
    };
    const restored: EngineEvent = {
      type: "task-skipped",
      ...name("a:do_x"),
      reason: "restored",
      elapsedMs: 1,
    };
    const events = [plan, started("a:do_x", 1, "restore"), restored, started("base:do_rootfs", 2), unpacked];
    expect(footer(events, undefined, 10)).toEqual([
      "| 1 of 3 done (1 from the cache), 1 running, about 1 min 01 s left",
      "  base do_rootfs  [##        ] 12 of 45",
    ]);
  });

  test("what is left is told by how fast the machine is today", () => {
    const made = new Footer(plainPaint, true);
    const timed = (label: string, number: number) =>
      ({ ...started(label, number), expectedMs: 10_000 }) as EngineEvent;
    made.see(plan, 0);
    made.see(timed("a:do_x", 1), 0);
    const left = (nowMs: number) =>
      /about (.*) left/.exec(made.lines(nowMs, { columns: 80, rows: 24 })[0]!)?.[1];
    expect(left(5_000)).toBe("56 s");
    // The first task took twice as long as recorded.
    made.see({ type: "task-finished", ...name("a:do_x"), elapsedMs: 20_000 }, 20_000);
    made.see(timed("b:do_x", 2), 20_000);
    expect(left(20_000)).toBe("1 min 42 s");
    // So does the second, which is late already.
    expect(left(40_000)).toBe("1 min 22 s");
    made.see({ type: "task-finished", ...name("b:do_x"), elapsedMs: 20_000 }, 40_000);
    made.see(timed("c:do_x", 3), 200_000);
    expect(left(200_000)).toBeUndefined();
  });

  test("no line is wider than the terminal, and there are at most half as many as it has rows", () => {
    const events = [
      plan,
      ...Array.from({ length: 30 }, (_, index) => started(`a-recipe-with-a-long-name-${index}:do_x`, index)),
    ];
    const lines = footer(events, { columns: 20, rows: 12 });
    expect(Math.max(...lines.map((line) => line.length))).toBe(20);
    expect([lines.length, lines.at(-1)]).toEqual([6, "  and 26 more"]);
  });

  const done: EngineEvent = { type: "task-finished", ...name("x:do_a"), elapsedMs: 1 };

  test.each<[string, readonly EngineEvent[]]>([
    ["starting", []],
    ["reading the configuration", [{ type: "project", path: "/p/tsbake.yaml", targets: [] }]],
    ["planning", [parsed]],
    ["0 of 3 done, 0 running, about 59 s left", [parsed, plan]],
    ["1 of 3 done, 0 running, about 59 s left", [parsed, plan, started("x:do_a", 1), done]],
    ["finishing", [parsed, nothing]],
  ])("where no task runs says what goes on: %s", (phase, events) => {
    const made = new Footer(plainPaint, false);
    for (const event of events) made.see(event, 0);
    const lines = (nowMs: number) => made.lines(nowMs, { columns: 80, rows: 24 });
    expect([lines(0).length, lines(2500)]).toEqual([1, [`${phase} …  2.5 s`]]);
  });

  test("is never the same for half a second, whatever happens or does not", () => {
    const parsing: EngineEvent = { type: "parsing", done: 3, total: 9, cached: 0 };
    for (const events of [
      [parsing],
      [{ type: "step", text: "solving" }],
      [plan],
      [plan, started("a:do_x", 1)],
    ] as const) {
      const made = new Footer(plainPaint, true);
      for (const event of events) made.see(event, 0);
      // After an hour, too, when times are told in minutes.
      for (const start of [2000, 4_000_000]) {
        const texts = [0, 300, 600, 900].map((more) =>
          made.lines(start + more, { columns: 80, rows: 24 }).join("\n"),
        );
        expect(new Set(texts).size).toBe(4);
      }
    }
  });
});

describe("the screen", () => {
  test("without a live part a line is a line", () => {
    const written: string[] = [];
    const screen = new Screen({ write: (text) => written.push(text) });
    screen.line("one");
    screen.close();
    expect(written).toEqual(["one\n"]);
  });

  test("lines go above the live part in one write, and it is taken away at the end", () => {
    const written: string[] = [];
    const screen = new Screen({ write: (text) => written.push(text), columns: 40, rows: 10 }, () => [
      "running",
    ]);
    screen.hideCursor();
    screen.line("one\ntwo");
    screen.draw();
    screen.draw();
    screen.line("three");
    screen.close();
    expect(written).toEqual([
      "\u001B[?25lone\u001B[K\ntwo\u001B[K\nrunning\u001B[K\n\u001B[J",
      "\u001B[1Athree\u001B[K\n\u001B[J",
      "\u001B[?25h",
    ]);
  });

  test("the cursor stays while a signal may end us without a last word: until tasks run", () => {
    const written: string[] = [];
    const screen = new Screen({ write: (text) => written.push(text) }, () => ["running"]);
    screen.draw();
    screen.close();
    expect(written.join("")).not.toContain("\u001B[?25");
  });
});
