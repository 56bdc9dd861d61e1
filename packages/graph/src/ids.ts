/** How a task is named: `<RecipeId>:do_task` for programs, `PN:do_task` for people. */
import type { RecipeId, RecipeInfo } from "@tsbake/recipe";
import type { TaskId } from "./types.js";

export function taskId(recipe: RecipeId, task: string): TaskId {
  return `${recipe}:${task}` as TaskId;
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
