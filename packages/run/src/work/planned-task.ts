/** A task as the parts of a run hand it on. Shapes only. */
import type { TaskSignature } from "@tsbake/graph";
import type { RecipeInfo, TaskInfo } from "@tsbake/recipe";
import type { TaskName } from "../events.js";

/** Everything known of a task before it runs. */
export interface PlannedTask extends TaskName {
  /** The task itself, not its restore. With `do_`. */
  readonly name: string;
  readonly recipe: RecipeInfo;
  readonly info: TaskInfo;
  readonly signature: TaskSignature;
}
