/** addtask and deltask: the list of tasks, and the order among them. */
import type { Span } from "@tsbake/base";
import type { Datastore } from "../datastore.js";
import { textsOf } from "../variables/value.js";

function withPrefix(name: string): string {
  return name.startsWith("do_") ? name : `do_${name}`;
}

function orderOf(d: Datastore, task: string): readonly string[] {
  return textsOf(d.getVarFlag(task, "deps", { expand: false }));
}

function addedTasks(d: Datastore): readonly string[] {
  return textsOf(d.getVar("__BBTASKS", { expand: false }));
}

/**
 * bb.build.addtask. Names may hold `${…}`: they are expanded at the end of the recipe.
 * @see BitBake 2.19 lib/bb/build.py, addtask: a task put before another goes to the front of that one's list
 */
export function addTask(
  d: Datastore,
  task: string,
  before: readonly string[],
  after: readonly string[],
  at?: Span,
): void {
  const name = withPrefix(task);
  const where = at ? { at } : {};
  d.setVarFlag(name, "task", 1);
  const tasks = addedTasks(d);
  d.setVar("__BBTASKS", tasks.includes(name) ? tasks : [...tasks, name]);
  // The place is that of the last statement that said something about the order.
  const present = orderOf(d, name);
  const isNews = after.some((one) => !present.includes(withPrefix(one)));
  d.setVarFlag(name, "deps", [...new Set([...present, ...after.map(withPrefix)])], isNews ? where : {});
  for (const later of before.map(withPrefix)) {
    const order = orderOf(d, later);
    if (!order.includes(name)) d.setVarFlag(later, "deps", [name, ...order], where);
  }
}

/** bb.build.deltask: the function stays, the task and every order that names it go. Unknown names are ignored. */
export function deleteTask(d: Datastore, task: string): void {
  const name = withPrefix(task);
  const tasks = addedTasks(d);
  if (tasks.includes(name)) {
    d.delVarFlag(name, "task");
    d.setVar(
      "__BBTASKS",
      tasks.filter((one) => one !== name),
    );
  }
  d.delVarFlag(name, "deps");
  for (const other of addedTasks(d)) {
    const order = orderOf(d, other);
    if (!order.includes(name)) continue;
    d.setVarFlag(
      other,
      "deps",
      order.filter((one) => one !== name),
    );
  }
}

/** The tasks of an evaluated recipe in order of addition, each with the tasks of the same recipe it comes after. */
export function listTasks(d: Datastore): Map<string, readonly string[]> {
  const tasks = new Map<string, readonly string[]>();
  for (const added of addedTasks(d)) {
    const task = d.expand(added);
    tasks.set(task, [...new Set(orderOf(d, task).map((one) => d.expand(one)))]);
  }
  return tasks;
}
