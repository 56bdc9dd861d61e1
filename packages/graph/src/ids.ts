/** How a task is named: `<RecipeId>:do_task` for programs, `PN:do_task` for people. */
import { recipeLabel, type RecipeId, type RecipeInfo } from "@tsbake/recipe";
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
  return `${recipeLabel(recipe)}:${task}`;
}
