/** `taskdepdata.json`: the graph below a task, for steps that must know who it depends on ([taskdepdata] = "1"). */
import { join } from "node:path";
import { byText, writeFileAtomic } from "@tsbake/base";
import type { TaskDependency } from "@tsbake/base/data";
import type { Signatures, TaskGraph, TaskId } from "@tsbake/graph";
import type { RecipeId, RecipeInfo } from "@tsbake/recipe";
import { manifestOf } from "../outputs/shared-folders.js";

export interface DependencyInput {
  readonly graph: TaskGraph;
  readonly signatures: Signatures;
  readonly recipes: ReadonlyMap<RecipeId, RecipeInfo>;
  readonly tmpdir: (recipe: RecipeId) => string;
}

/** Everything at and below `task`, needed or not: what was restored or current is in it too. */
function tasksBelow(task: TaskId, input: DependencyInput): TaskDependency[] {
  const { graph } = input;
  const below = new Set([task]);
  // A set grows while it is walked.
  for (const one of below) for (const need of graph.needs(one)) below.add(need);
  return [...below].map((id) => {
    const node = graph.node(id);
    const recipe = input.recipes.get(node.recipe);
    if (!recipe) throw new Error(`internal: no recipe for ${id}`);
    const artifact = recipe.tasks[node.task]?.artifact;
    return {
      id,
      label: graph.label(id),
      pn: recipe.pn,
      task: node.task,
      unihash: input.signatures.of(id).unihash,
      depends: graph.needs(id).toSorted(byText),
      ...(artifact && {
        outputs: artifact.outputs,
        manifest: manifestOf(input.tmpdir(recipe.id), recipe, node.task),
      }),
      facts: {
        pv: recipe.pv,
        depends: recipe.depends,
        provides: recipe.provides,
        packages: recipe.packages,
        rdepends: recipe.rdepends,
        rrecommends: recipe.rrecommends,
        rprovides: recipe.rprovides,
      },
    };
  });
}

/** @throws system errors */
export async function writeTaskDependencies(
  folder: string,
  task: TaskId,
  input: DependencyInput,
): Promise<void> {
  await writeFileAtomic(join(folder, "taskdepdata.json"), JSON.stringify(tasksBelow(task, input)));
}
