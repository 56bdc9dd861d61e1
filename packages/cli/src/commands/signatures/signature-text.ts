/** Answers about signatures as text: dumpsig, diffsigs, whatchanged. */
import type { PendingTask, RecordDiff, RecordFile, WhatChanged } from "@tsbake/engine";
import type { Cause, SignatureExplanation } from "@tsbake/graph";
import { changeLines, short } from "./change-text.js";
import { tableText } from "../../text/table.js";
import { printable } from "@tsbake/base";
import { count, taskWords } from "../../text/text.js";
import type { Paint } from "../../text/text.js";

const MOST_READERS = 6;

/** Everything that is in a record, ending in a newline. */
export function recordText(record: SignatureExplanation): string {
  const { varvals, gendeps, file_checksum_values: files, feed, runtaskhashes } = record;
  const lines = [
    `task       ${record.task}`,
    `base hash  ${record.basehash}`,
    `task hash  ${record.taskhash}`,
    `unihash    ${record.unihash}`,
  ];
  if (record.taint !== undefined) lines.push(`taint      ${record.taint}`);
  const section = (title: string, rows: readonly string[]) => {
    if (rows.length > 0) lines.push("", title, ...rows.map((row) => `  ${row}`));
  };
  section(
    "text of the task, and of every variable and function that it reaches",
    Object.entries(varvals).flatMap(([name, value]) => {
      const needs = gendeps[name] ?? [];
      const text = value === null ? `${name} is not set` : valueText(name, printable(value));
      return [...text.split("\n"), ...(needs.length > 0 ? [`    refers to ${needs.join(" ")}`] : [])];
    }),
  );
  section(
    "files",
    files.map(([name, digest]) => `${name} ${digest}`),
  );
  section("packages of the archive: name, version, SHA-256", feed);
  section(
    "tasks that are needed, with their unihashes",
    Object.entries(runtaskhashes).map(([label, hash]) => `${taskWords(label)} ${hash}`),
  );
  return `${lines.join("\n")}\n`;
}

function valueText(name: string, value: string): string {
  if (!value.includes("\n")) return `${name} = "${value}"`;
  const body = value.replace(/\n$/, "").split("\n");
  return [`${name}:`, ...body.map((line) => `  | ${line}`)].join("\n");
}

/** The records of each task: how many, the newest one's hash and path. */
export function recordListText(records: ReadonlyMap<string, readonly RecordFile[]>): string {
  const rows = [...records]
    .filter(([, files]) => files.length > 0)
    .map(([task, files]) => [task, count(files.length, "record"), files[0]!.path]);
  return rows.length === 0
    ? "no records: nothing of this recipe was built in this folder\n"
    : tableText(rows);
}

/** Lines about two records: what differs, and down to which inputs. */
export function diffText({ label, before, after, causes }: RecordDiff, paint: Paint): string {
  const lines = [paint("bold", `${taskWords(label)}: ${short(before.unihash)} to ${short(after.unihash)}`)];
  if (causes.length === 0) lines.push("the inputs are the same");
  for (const { causes: group, tasks } of grouped(causes)) {
    lines.push("", paint("bold", readers(tasks)));
    const way = tasks[0]!.path;
    if (way.length > 1)
      lines.push(paint("dim", `  needed by ${way.slice(0, -1).map(taskWords).reverse().join(", by ")}`));
    for (const { change } of group) lines.push(...changeLines(change, paint).map((line) => `  ${line}`));
  }
  return `${lines.join("\n")}\n`;
}

/** Whom an input concerns: the nearest tasks by name, and how many more. */
function readers(tasks: Cause["tasks"]): string {
  const more = tasks.length - MOST_READERS;
  const names = tasks.slice(0, MOST_READERS).map(({ label }) => taskWords(label));
  return `${names.join(", ")}${more > 0 ? ` and ${count(more, "more task")}` : ""}`;
}

/** Causes with the same tasks are told together. */
function grouped<One extends Cause>(causes: readonly One[]): { tasks: Cause["tasks"]; causes: One[] }[] {
  const groups = new Map<string, { tasks: Cause["tasks"]; causes: One[] }>();
  for (const cause of causes) {
    const key = cause.tasks.map(({ label }) => label).join(" ");
    const group: { tasks: Cause["tasks"]; causes: One[] } = groups.get(key) ?? {
      tasks: cause.tasks,
      causes: [],
    };
    group.causes.push(cause);
    groups.set(key, group);
  }
  return [...groups.values()];
}

/** @param against what the tasks were compared with, which decides on the words */
export function whatChangedText(
  { total, tasks, causes }: WhatChanged,
  against: "last" | "closest",
  paint: Paint,
): string {
  if (tasks.length === 0) return `nothing would run: all ${count(total, "task")} are up to date\n`;
  const run = tasks.filter(({ how }) => how === "run").length;
  const restore = tasks.length - run;
  const lines = [
    `of ${count(total, "task")} ${run} would run${restore > 0 ? ` and ${restore} would be restored` : ""}`,
  ];
  for (const group of grouped(causes)) {
    lines.push("", paint("bold", readers(group.tasks)));
    for (const { change } of group.causes)
      lines.push(...changeLines(change, paint).map((line) => `  ${line}`));
    const pending = new Set(group.causes.flatMap((cause) => cause.pending));
    const followers = tasks.filter(({ label }) => pending.has(label));
    lines.push(...followerLines("so these would run:", followers, "run"));
    lines.push(...followerLines("so these would be restored:", followers, "restore"));
  }
  const rest = (reason: PendingTask["reason"], text: string) => {
    const labels = tasks.filter((task) => task.reason === reason);
    if (labels.length > 0) lines.push("", text, ...recipeLines(labels));
  };
  const isLast = against === "last";
  rest("new", isLast ? "not built in this folder before:" : "no record of any build of these:");
  rest("again", isLast ? "inputs as recorded, result missing:" : "needed for these, inputs as recorded:");
  rest("always", "every time ([nostamp]):");
  return `${lines.join("\n")}\n`;
}

function followerLines(title: string, tasks: readonly PendingTask[], how: PendingTask["how"]): string[] {
  const chosen = tasks.filter((task) => task.how === how);
  return chosen.length === 0 ? [] : [`  ${title}`, ...recipeLines(chosen).map((line) => `  ${line}`)];
}

/** A line a recipe: its tasks, in order. */
function recipeLines(tasks: readonly PendingTask[]): string[] {
  const recipes = new Map<string, string[]>();
  for (const { label } of tasks) {
    const colon = label.lastIndexOf(":");
    const names = recipes.get(label.slice(0, colon)) ?? [];
    names.push(label.slice(colon + 1));
    recipes.set(label.slice(0, colon), names);
  }
  return [...recipes].map(([recipe, names]) => `  ${recipe}: ${names.join(", ")}`);
}
