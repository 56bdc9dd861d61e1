/** Which tasks would be done, and the inputs that make it so. */
import { changeKey, compareExplanations, traceChanges } from "@tsbake/graph";
import type { Cause, SignatureExplanation, Signatures, TaskGraph, TaskId } from "@tsbake/graph";
import type { ParsedProject } from "@tsbake/recipe";
import type { SignatureRecords } from "./records.js";

/**
 * Why a task would be done: its inputs are others than at its last build (`changed`), it was not built before as far as
 * is known (`new`), its inputs are those of a record and only the result is missing (`again`), or it has [nostamp]
 * (`always`).
 */
export type Reason = "changed" | "new" | "again" | "always";

export interface PendingTask {
  /** `PN:do_task`. */
  readonly label: string;
  readonly how: "run" | "restore";
  readonly reason: Reason;
}

/** An input that changed, with the pending tasks that it is a cause of, in the order in which they would run. */
export interface PendingCause extends Cause {
  readonly pending: readonly string[];
}

export interface WhatChanged {
  /** Tasks of the graph. */
  readonly total: number;
  /** In an order in which they could run; tasks without a body are left out. */
  readonly tasks: readonly PendingTask[];
  /** In the order of the first task that each concerns. */
  readonly causes: readonly PendingCause[];
}

export interface WhatChangedOptions {
  readonly graph: TaskGraph;
  readonly project: Pick<ParsedProject, "recipes">;
  readonly signatures: Signatures;
  readonly records: SignatureRecords;
  /** What a dry run would do. */
  readonly pending: readonly { readonly task: TaskId; readonly how: "run" | "restore" }[];
  /** `last`: compare with the last build of this folder. `closest`: with the most similar record, of the store too. */
  readonly against: "last" | "closest";
  /** The hash in the name of the task's stamp, when it has one. */
  readonly stamped: (task: TaskId) => string | undefined;
  readonly explain: (task: TaskId) => Promise<SignatureExplanation>;
}

/** Records of one task that are compared to find the closest one: the newest. */
const MOST_COMPARED = 20;

/** For each task that would be done, the inputs that differ from a record of before. */
export async function findWhatChanged(options: WhatChangedOptions): Promise<WhatChanged> {
  const { graph, records, signatures } = options;
  const byLabel = new Map(graph.order.map((task) => [graph.label(task), task]));
  const explained = new Map<TaskId, Promise<SignatureExplanation>>();
  const explain = (task: TaskId) => {
    const known = explained.get(task) ?? options.explain(task);
    explained.set(task, known);
    return known;
  };
  const find = (label: string, unihash: string) => {
    const task = byLabel.get(label);
    if (task && signatures.of(task).unihash === unihash) return explain(task);
    return records.find(label, unihash);
  };
  const last = options.against === "last" ? await lastBuild(options) : undefined;
  const tasks: PendingTask[] = [];
  const causes = new Map<
    string,
    { change: Cause["change"]; tasks: Cause["tasks"][number][]; pending: string[] }
  >();
  for (const { task, how } of options.pending) {
    const { info } = describe(options, task);
    const label = graph.label(task);
    const add = (reason: Reason) => tasks.push({ label, how, reason });
    if (info.nostamp) {
      add("always");
      continue;
    }
    const { unihash } = signatures.of(task);
    const before = last ? last.get(task) : await findClosest(options, task, () => explain(task));
    if (!before) {
      const own = await records.find(label, unihash);
      add(own ? "again" : "new");
      continue;
    }
    if (before.unihash === unihash) {
      add("again");
      continue;
    }
    add("changed");
    for (const found of await traceChanges({ label, before, after: await explain(task) }, find)) {
      const key = changeKey(found.change);
      const cause = causes.get(key) ?? { change: found.change, tasks: [], pending: [] };
      causes.set(key, cause);
      cause.pending.push(label);
      cause.tasks.push(
        ...found.tasks.filter((one) => !cause.tasks.some((known) => known.label === one.label)),
      );
    }
  }
  return { total: graph.order.length, tasks, causes: [...causes.values()] };
}

function describe({ graph, project }: WhatChangedOptions, task: TaskId) {
  const node = graph.node(task);
  const recipe = project.recipes.get(node.recipe)!;
  return { recipe, info: recipe.tasks[node.task]! };
}

/**
 * The records of the last build, of all tasks whose stamps are not of their signature now. What a task needed then stands
 * in its record: a stamp alone may be older, of a task that was not needed since. Tasks without records are left out.
 */
async function lastBuild(options: WhatChangedOptions): Promise<Map<TaskId, SignatureExplanation>> {
  const { graph, records, signatures } = options;
  const found = new Map<TaskId, SignatureExplanation>();
  const hashes = new Map<string, string>();
  for (const task of graph.order.toReversed()) {
    const stamped = options.stamped(task);
    if (stamped === signatures.of(task).unihash) continue;
    const { recipe, info } = describe(options, task);
    const label = graph.label(task);
    const hash = hashes.get(label) ?? stamped;
    let record = hash === undefined ? undefined : await records.find(label, hash);
    if (!record) {
      const [newest] = await records.ofTask(recipe, info.name, ["stamps"]);
      record = newest && (await records.read(newest.path));
    }
    if (!record) continue;
    found.set(task, record);
    for (const [need, unihash] of Object.entries(record.runtaskhashes)) {
      if (!hashes.has(need)) hashes.set(need, unihash);
    }
  }
  return found;
}

/** The most similar record of another signature; that of this one when there is one; undefined when there is none. */
async function findClosest(
  options: WhatChangedOptions,
  task: TaskId,
  explain: () => Promise<SignatureExplanation>,
): Promise<SignatureExplanation | undefined> {
  const { records, signatures } = options;
  const { recipe, info } = describe(options, task);
  const now = await explain();
  if (await records.find(options.graph.label(task), signatures.of(task).unihash)) return now;
  let closest: { record: SignatureExplanation; distance: number } | undefined;
  const files = await records.ofTask(recipe, info.name, ["stamps", "store"]);
  for (const { path } of files.slice(0, MOST_COMPARED)) {
    const record = await records.read(path);
    if (!record) continue;
    const distance = compareExplanations(record, now).length;
    if (!closest || distance < closest.distance) closest = { record, distance };
  }
  return closest?.record;
}
