/**
 * The queue over random graphs, limits and replans: never more than a limit at once, never a thread idle while a ready task
 * fits, and every task ends that no failed one keeps from it.
 */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { TaskId } from "@tsbake/graph";
import { Board, openQueue } from "@tsbake/run";
import type { Limit, TaskFailure } from "@tsbake/run";

const GROUPS = ["a", "b", "c"] as const;
const MOST = 12;

interface Spec {
  /** Numbers of earlier tasks. */
  readonly needs: readonly number[];
  /** By plan: which groups it is in. */
  readonly groups: readonly (readonly string[])[];
  readonly end: "ran" | "failed" | "again" | "instant";
}

interface World {
  readonly tasks: readonly Spec[];
  readonly limits: Readonly<Record<string, number>>;
  readonly threads: number;
  /** At each step: which of the running tasks ends, and whether the plan is made again. */
  readonly steps: readonly { readonly ends: number; readonly isReplanned: boolean }[];
}

const groups = fc.subarray([...GROUPS]);
const spec = fc.record({
  needs: fc.array(fc.nat(MOST), { maxLength: 3 }),
  groups: fc.array(groups, { minLength: 3, maxLength: 3 }),
  end: fc.constantFrom<Spec["end"][]>("ran", "ran", "ran", "ran", "again", "instant", "failed"),
});
const most = fc.integer({ min: 1, max: 3 });
const worlds: fc.Arbitrary<World> = fc.record({
  tasks: fc.array(spec, { minLength: 1, maxLength: MOST }),
  limits: fc.record({ a: most, b: most, c: most }),
  threads: fc.integer({ min: 1, max: 4 }),
  steps: fc.array(fc.record({ ends: fc.nat(), isReplanned: fc.boolean() }), { minLength: 40, maxLength: 40 }),
});

const idOf = (at: number) => `t${at}:do_x` as TaskId;
const failureOf = (task: TaskId): TaskFailure => ({ task, label: task, diagnostics: [], stopped: false });
/** Until the pool has started what it can. */
const soon = () => new Promise((resolve) => setImmediate(resolve));

/** @returns the board when nothing runs any more; each broken rule is a thrown error */
async function runThrough({ tasks, limits, threads, steps }: World): Promise<Board> {
  const board = new Board();
  const ids = tasks.map((_, at) => idOf(at));
  const specs = new Map(ids.map((id, at) => [id, tasks[at]!]));
  const needs = new Map(
    ids.map((id, at) => [id, [...new Set(tasks[at]!.needs.filter((need) => need < at))].map(idOf)]),
  );
  let plan = 0;
  const again = new Set<TaskId>();
  const running = new Map<TaskId, { readonly holds: readonly Limit[]; readonly end: () => void }>();
  let last = { number: 0, of: 0 };
  const limitsOf = (id: TaskId): Limit[] => {
    const names = specs.get(id)!.groups[plan % 3]!;
    return names.map((group) => ({ group, most: limits[group]! }));
  };
  const queue = await openQueue(
    {
      waits: (id) => needs.get(id)!,
      priority: (id) => ids.indexOf(id) % 4,
      mayStart: () => true,
      limits: limitsOf,
      isNumbered: (id) => specs.get(id)!.end !== "instant",
      instantly(id) {
        if (specs.get(id)!.end === "instant") board.move(id, { at: "done", how: "noexec" });
      },
      async work(id) {
        const state = board.state(id);
        const holds = state?.at === "running" ? state.holds : [];
        last = board.begin(id);
        await new Promise<void>((end) => running.set(id, { holds, end }));
        running.delete(id);
        const { end } = specs.get(id)!;
        if (end === "failed") board.move(id, { at: "failed", failure: failureOf(id) });
        else if (end === "again" && !again.has(id)) {
          again.add(id);
          plan++;
          queue.replan(ids);
        } else board.move(id, { at: "done", how: "ran" });
      },
    },
    board,
    threads,
  );
  const taken = (group: string) =>
    [...running.values()].filter(({ holds }) => holds.some((one) => one.group === group)).length;
  const isReady = (id: TaskId) =>
    ["waiting", "held", "given"].includes(board.state(id)?.at ?? "") &&
    needs.get(id)!.every((need) => board.state(need)?.at === "done");
  const check = () => {
    if (running.size > threads) throw new Error(`${running.size} of ${threads} threads`);
    for (const group of GROUPS)
      if (taken(group) > limits[group]!) throw new Error(`${taken(group)} tasks of ${group} at once`);
    const fits = (id: TaskId) => limitsOf(id).every(({ group, most }) => taken(group) < most);
    const idle = running.size < threads ? ids.filter((id) => isReady(id) && fits(id)) : [];
    if (idle.length > 0) throw new Error(`a thread is idle, and ${idle.join(", ")} could run`);
  };
  queue.add(ids);
  queue.release(ids);
  for (const { ends, isReplanned } of steps) {
    await soon();
    check();
    if (isReplanned) {
      plan++;
      queue.replan(ids);
      await soon();
      check();
    }
    [...running.values()][ends % running.size]?.end();
  }
  await queue.settled();
  expect(running.size).toBe(0);
  // The sums of an empty table.
  expect(GROUPS.map((group) => board.taken(group))).toEqual([0, 0, 0]);
  const left = ids.filter((id) => board.state(id)?.at === "waiting" && specs.get(id)!.end !== "instant");
  expect(last.number === 0 ? left.length : last.of - last.number).toBe(left.length);
  return board;
}

describe("the queue", () => {
  test("any graph, limits and replans", async () => {
    const property = fc.asyncProperty(worlds, async (world) => {
      const board = await runThrough(world);
      const blocked = new Set<TaskId>();
      for (const [at, { needs, end }] of world.tasks.entries()) {
        const isBlocked = needs.some((need) => need < at && blocked.has(idOf(need)));
        if (end === "failed" || isBlocked) blocked.add(idOf(at));
        const expected = isBlocked ? "waiting" : end === "failed" ? "failed" : "done";
        expect([idOf(at), board.state(idOf(at))?.at]).toEqual([idOf(at), expected]);
      }
    });
    await fc.assert(property, { numRuns: 300 });
  });

  const alone = (...names: string[]): Spec => ({ needs: [], groups: [names, names, names], end: "ran" });
  const steps = (isReplanned: boolean) => Array.from({ length: 40 }, () => ({ ends: 0, isReplanned }));
  const limits = { a: 1, b: 1, c: 3 };
  test.each<{ name: string; world: World }>([
    {
      name: "a task over two limits keeps nobody from the slot of the other one",
      world: {
        // The last is the most urgent one.
        tasks: [alone("a"), alone("a", "b"), alone("b"), alone("a")],
        limits,
        threads: 4,
        steps: steps(false),
      },
    },
    {
      name: "what a task has taken is what it gives back, whatever the plan says by then",
      world: {
        tasks: Array.from({ length: 6 }, () => ({ needs: [], groups: [["a"], [], ["a", "b"]], end: "ran" })),
        limits,
        threads: 2,
        steps: steps(true),
      },
    },
  ])("$name", async ({ world }) => {
    const board = await runThrough(world);
    expect(board.count("ran")).toBe(world.tasks.length);
  });
});
