/** Which setscene tasks of the metadata run, and which real tasks that leaves: the decision alone. */
import { describe, expect, test } from "@jest/globals";
import { Currency, decideScene } from "@tsbake/run";
import type { StampTimes } from "@tsbake/run";
import type { TaskId } from "@tsbake/graph";

interface Case {
  readonly name: string;
  /** `a: b c; b*:` — a needs b and c; b has a setscene task. Needed tasks come last. */
  readonly graph: string;
  /** What can be restored. */
  readonly found?: string;
  /** What a stamp says is done. */
  readonly done?: string;
  /** `a > b`: the setscene task of a wants that of b first. */
  readonly hard?: string;
  readonly targets?: string;
  /** What BB_SETSCENE_DEPVALID calls superfluous; `*`: all. */
  readonly notNeeded?: string;
  readonly restore: string;
  readonly run: string;
}

/** A recipe in small: build needs two packages and the sysroot; all of that needs install. */
const RECIPE = "build: ipk rpm; ipk*: pkg; rpm*: pkg; pkg*: install; install: fetch; fetch:";
const TWO = `top: x; x*: y; y*: compile; compile:`;

const cases: readonly Case[] = [
  {
    name: "nothing is found: all run",
    graph: RECIPE,
    restore: "",
    run: "build fetch install ipk pkg rpm",
  },
  {
    name: "the upper ones are found, the lower one is superfluous",
    graph: RECIPE,
    found: "ipk rpm",
    notNeeded: "*",
    restore: "ipk rpm",
    run: "build",
  },
  {
    name: "without a word of the metadata, what is below runs although what is above is restored",
    graph: RECIPE,
    found: "ipk rpm",
    restore: "ipk rpm",
    run: "build fetch install pkg",
  },
  {
    name: "without a word of the metadata, all that is found is restored",
    graph: RECIPE,
    found: "ipk rpm pkg",
    restore: "ipk pkg rpm",
    run: "build",
  },
  {
    name: "one of two is missing: it needs the lower one, which is restored",
    graph: RECIPE,
    found: "ipk pkg",
    notNeeded: "*",
    restore: "ipk pkg",
    run: "build rpm",
  },
  {
    name: "what the target needs directly is never superfluous",
    graph: TWO,
    found: "x y",
    notNeeded: "*",
    restore: "x",
    run: "top",
  },
  {
    name: "a target is never superfluous",
    graph: TWO,
    found: "x y",
    targets: "top y",
    notNeeded: "*",
    restore: "x y",
    run: "top",
  },
  {
    name: "a target without setscene runs, with what it needs",
    graph: RECIPE,
    found: "ipk rpm pkg",
    targets: "build install",
    notNeeded: "*",
    restore: "ipk rpm",
    run: "build fetch install",
  },
  {
    name: "what is done is neither restored nor run",
    graph: RECIPE,
    done: "ipk rpm",
    found: "pkg",
    notNeeded: "*",
    restore: "",
    run: "build",
  },
  {
    name: "a task that runs asks for what it needs",
    graph: RECIPE,
    done: "ipk",
    found: "pkg",
    notNeeded: "*",
    restore: "pkg",
    run: "build rpm",
  },
  {
    name: "a hard dependency is restored, though superfluous otherwise",
    graph: TWO,
    found: "x y",
    hard: "x > y",
    notNeeded: "*",
    restore: "x y",
    run: "top",
  },
  {
    name: "without its hard dependency it is not restored",
    graph: TWO,
    found: "x",
    hard: "x > y",
    notNeeded: "*",
    restore: "",
    run: "compile top x y",
  },
  {
    name: "a hard dependency that is done is enough",
    graph: TWO,
    found: "x",
    done: "y",
    hard: "x > y",
    restore: "x",
    run: "top",
  },
  {
    name: "the failure of a hard dependency goes on to those that want it indirectly",
    graph: "top: x z; x*: y; z*: compile; y*: compile; compile:",
    found: "x z",
    hard: "x > y, z > x",
    notNeeded: "*",
    restore: "",
    run: "compile top x y z",
  },
  {
    name: "two that want each other are both restored",
    graph: TWO,
    found: "x y",
    hard: "x > y, y > x",
    restore: "x y",
    run: "top",
  },
  {
    name: "setscene tasks far apart see each other over tasks without",
    graph: "top*: a; a: b; b: low; low*: c; c:",
    found: "top low",
    notNeeded: "low",
    restore: "top",
    run: "",
  },
];

const names = (text = "") => text.split(/[ ,]+/).filter(Boolean) as TaskId[];

function parse(text: string) {
  const rows = text.split(";").map((row) => {
    const [head = "", list = ""] = row.split(":");
    const name = head.trim();
    const hasSetscene = name.endsWith("*");
    return { task: name.replace("*", "") as TaskId, hasSetscene, needs: names(list) };
  });
  return new Map(rows.map((row) => [row.task, row]));
}

function decide(one: Case) {
  const graph = parse(one.graph);
  const hard = names((one.hard ?? "").replaceAll(" > ", ">")).map((pair) => pair.split(">"));
  const isIn = (list: string | undefined, task: TaskId) => list === "*" || names(list).includes(task);
  return decideScene({
    order: [...graph.keys()].toReversed(),
    targets: new Set(one.targets ? names(one.targets) : [[...graph.keys()][0]!]),
    needs: (task) => graph.get(task)!.needs,
    hasSetscene: (task) => graph.get(task)!.hasSetscene,
    hardNeeds: (task) => hard.flatMap(([from, to]) => (from === task ? [to as TaskId] : [])),
    state: (task) => (isIn(one.done, task) ? "done" : isIn(one.found, task) ? "found" : "missing"),
    isNotNeeded: (task) => isIn(one.notNeeded, task),
  });
}

const shown = (tasks: Iterable<TaskId>) => [...tasks].toSorted().join(" ");

describe("setscene tasks of the metadata", () => {
  test.each(cases)("$name", (one) => {
    const { restore, run } = decide(one);
    expect({ restore: shown(restore), run: shown(run) }).toEqual({ restore: one.restore, run: one.run });
  });

  test("each failure that becomes known only adds to what runs", () => {
    const whole: Case = {
      name: "",
      graph: RECIPE,
      found: "ipk rpm pkg",
      notNeeded: "*",
      restore: "",
      run: "",
    };
    const before = decide(whole);
    for (const failed of ["ipk", "rpm", "pkg"]) {
      const after = decide({ ...whole, found: whole.found!.replace(failed, "") });
      expect([...before.run].filter((task) => !after.run.has(task))).toEqual([]);
    }
  });
});

describe("whether a stamp is current", () => {
  const graph = { "x:c": ["x:b", "y:a"], "x:b": ["x:a"], "x:a": [], "y:a": [] } as Record<string, string[]>;
  /** `x:a=3` done at 3, `x:a=/4` restored at 4. */
  const currency = (stamps: string, noStamp = "") =>
    new Currency({
      needs: (task) => graph[task] as TaskId[],
      times: (task): StampTimes => {
        const text = names(stamps).find((word) => word.startsWith(`${task}=`));
        const [real, setscene] = (text?.slice(task.length + 1) ?? "").split("/");
        return { real: real ? Number(real) : undefined, setscene: setscene ? Number(setscene) : undefined };
      },
      hasNoStamp: (task) => names(noStamp).includes(task),
    });

  test.each([
    ["in order", "x:a=1 x:b=2 x:c=3", "", true, true],
    ["in one second", "x:a=1 x:b=1 x:c=1", "", true, true],
    ["no stamp of its own", "x:a=1 x:b=2", "", false, false],
    ["what it needs was done later", "x:a=1 x:b=4 x:c=3", "", false, false],
    ["what it needs has no stamp", "x:a=1 x:c=3", "", false, false],
    ["further down it was done later: only the whole recipe shows it", "x:a=3 x:b=2 x:c=4", "", true, false],
    ["what it needs was restored", "x:b=/9 x:c=3", "", true, true],
    ["what it needs was restored after it was done", "x:a=1 x:b=2/9 x:c=3", "", true, true],
    ["another recipe does not count", "y:a=9 x:a=1 x:b=2 x:c=3", "", true, true],
    ["a task that never keeps a stamp", "x:a=1 x:b=2 x:c=3", "x:c", false, false],
  ])("%s", (_name, stamps, noStamp, near, far) => {
    const one = currency(stamps, noStamp);
    const task = "x:c" as TaskId;
    expect([one.isCurrent(task, () => false), one.isCurrentToTheGround(task)]).toEqual([near, far]);
  });

  test("what it needs will run", () => {
    const one = currency("x:a=1 x:b=2 x:c=3");
    expect(one.isCurrent("x:c" as TaskId, (need) => need === "x:b")).toBe(false);
  });
});
