/** `taskdepdata.json`: what a task needs, for programs that its body calls. */
import * as v from "valibot";
import { list } from "./forms.js";

const names = list(v.string());
const namesByPackage = v.record(v.string(), names);

/** One task of the file. */
const TaskDependency = v.object({
  id: v.string(),
  label: v.string(),
  pn: v.string(),
  /** With `do_`. */
  task: v.string(),
  unihash: v.string(),
  /** Ids of the tasks it needs, sorted. */
  depends: names,
  /** Where its artifact is installed, and the list of the installed files; only for tasks that have an artifact. */
  outputs: v.exactOptional(names),
  manifest: v.exactOptional(v.string()),
  facts: v.object({
    pv: v.string(),
    depends: names,
    provides: names,
    packages: names,
    rdepends: namesByPackage,
    rrecommends: namesByPackage,
    rprovides: namesByPackage,
  }),
});

/**
 * `taskdepdata.json`, which the run queue writes for tasks with `[taskdepdata] = "1"`: the task itself, what it needs
 * directly, and so on down.
 */
export const TaskDependencies = list(TaskDependency);
export type TaskDependency = v.InferOutput<typeof TaskDependency>;
