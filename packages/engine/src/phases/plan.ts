/** After the parse: the tasks of a request with what they need of the archive, and from there a signed build. */
import { BuildError, type Diagnostic } from "@tsbake/base";
import { buildTaskGraph } from "@tsbake/graph";
import type { Target, TaskGraph } from "@tsbake/graph";
import type { RecipeInfo } from "@tsbake/recipe";
import { noTerminal, withPython } from "@tsbake/run";
import type { Stamps } from "@tsbake/run";
import type { BuildRequest } from "../build-types.js";
import { feedWarning, noTaskToClear } from "../problems.js";
import type { BuildContext } from "./context.js";
import type { FeedRequest } from "./feed-request.js";
import { solveFeeds } from "./feeds.js";
import { signGraph } from "./sign.js";
import { SignedBuild } from "./signed-build.js";
import { resolveTargets, taskName } from "./targets.js";

/** What a plan is made for. */
export type PlanRequest = Pick<BuildRequest, "targets" | "task" | "runAll" | "runOnly">;

export class PlannedGraph {
  readonly graph: TaskGraph;
  readonly #context: BuildContext;
  readonly #targets: readonly Target[];

  constructor(context: BuildContext, targets: readonly Target[], graph: TaskGraph) {
    this.#context = context;
    this.#targets = targets;
    this.graph = graph;
  }

  /** @throws BuildError before hours of work that end in front of nobody */
  checkNoTerminal(): void {
    const { recipes } = this.#context.project;
    const asking = this.graph.targets.filter((target) => {
      const { recipe, task } = this.graph.node(target);
      return recipes.get(recipe)?.tasks[task]?.interactive;
    });
    if (asking.length > 0) throw new BuildError(asking.map((target) => noTerminal(this.graph.label(target))));
  }

  /**
   * Reads everything that signatures are made of.
   *
   * @param marks what `-f` and `-C` taint
   * @throws BuildError of the archive, of inputs, of locked signatures; `engine/no-task-to-clear`
   */
  async sign(stamps: Stamps, marks?: Pick<BuildRequest, "force" | "invalidate">): Promise<SignedBuild> {
    const { graph } = this;
    const { project, topdir, onWarning, onEvent, environment } = this.#context;
    const feeds = await solveFeeds({ ...feedRequest(this.#context), graph });
    if (marks) this.#taint(marks, stamps);
    const onNote = (text: string) => onEvent({ type: "step", text });
    const signed = await signGraph({
      project,
      graph,
      feeds,
      stamps,
      topdir,
      environment,
      onWarning,
      onNote,
    });
    const targets = this.#targets.map(({ name }) => name);
    return new SignedBuild(this.#context, { ...signed, graph, targets, feeds, stamps });
  }

  #taint({ force, invalidate }: Pick<BuildRequest, "force" | "invalidate">, stamps: Stamps): void {
    const names = invalidate.map(taskName);
    const problems: Diagnostic[] = [];
    const tainted: (readonly [RecipeInfo, string])[] = [];
    for (const target of this.graph.targets) {
      const node = this.graph.node(target);
      const recipe = this.#context.project.recipes.get(node.recipe)!;
      if (force) tainted.push([recipe, node.task]);
      for (const name of names) {
        if (recipe.tasks[name] === undefined) problems.push(noTaskToClear(recipe, name));
        else tainted.push([recipe, name]);
      }
    }
    if (problems.length > 0) throw new BuildError(problems);
    for (const [recipe, task] of tainted) stamps.addTaint(recipe, task);
  }
}

/** @throws BuildError of targets, and of circles in the graph */
export async function planBuild(context: BuildContext, request: PlanRequest): Promise<PlannedGraph> {
  const { project, providers, python } = context;
  // Takes Python only to tell where a mistake is written.
  return withPython(python.open, () => {
    const targets = targetsOf(context, request);
    const graph = buildTaskGraph({
      project,
      providers,
      openRecipe: (recipe) => project.openRecipe(recipe),
      targets,
      runAll: request.runAll.map(taskName),
      runOnly: request.runOnly.map(taskName),
    });
    return new PlannedGraph(context, targets, graph);
  });
}

function targetsOf(context: BuildContext, request: Pick<PlanRequest, "targets" | "task">): Target[] {
  const { project, providers, projectFile, onWarning } = context;
  const usual = project.configurationText("BB_DEFAULT_TASK") ?? "build";
  if (project.wanted !== undefined) {
    return [{ name: project.recipes.get(project.wanted)!.pn, task: taskName(request.task ?? usual) }];
  }
  const asked = request.targets.length > 0 ? request.targets : (projectFile?.targets ?? []);
  const task = taskName(request.task ?? projectFile?.task ?? usual);
  return resolveTargets({ project, providers, asked, task, onWarning });
}

/** How the archive is asked. */
export function feedRequest({ project, onEvent, onWarning }: BuildContext): FeedRequest {
  return {
    project,
    onProgress: (text, percent) => onEvent({ type: "step", text, ...(percent !== undefined && { percent }) }),
    onWarning: (text) => onWarning(feedWarning(text)),
  };
}
