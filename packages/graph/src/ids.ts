/** How a task is named: `<RecipeId>:do_task` for programs, `PN:do_task` for people. */
import type { RecipeId, RecipeInfo } from "@tsbake/recipe";
import type { TaskId, TaskNode } from "./types.js";

export function taskId(recipe: RecipeId, task: string): TaskId {
  return `${recipe}:${task}` as TaskId;
}

/** A task's name has no colon; its recipe's id may have several. */
export function splitTaskId(id: TaskId): TaskNode {
  const colon = id.lastIndexOf(":");
  return { recipe: id.slice(0, colon) as RecipeId, task: id.slice(colon + 1) };
}

/** `PN:do_task`, with `mc:NAME:` in front for a multiconfig. */
export function taskLabel(recipe: RecipeInfo, task: string): string {
  const config = multiconfigOf(recipe.id);
  return config === "" ? `${recipe.pn}:${task}` : `mc:${config}:${recipe.pn}:${task}`;
}

/** `NAME` of `mc:NAME:…`, else the empty text, as BitBake names the default configuration. */
export function multiconfigOf(id: RecipeId): string {
  return /^mc:([^:]*):/.exec(id)?.[1] ?? "";
}
