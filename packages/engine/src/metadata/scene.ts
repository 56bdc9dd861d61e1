/** Setscene tasks that the metadata itself has (`do_x_setscene`): what its own functions say about them. */
import { BuildError, words } from "@tsbake/base";
import { PythonError } from "@tsbake/datastore";
import { splitTaskId, taskId, taskLabel } from "@tsbake/graph";
import type { Signatures, TaskGraph, TaskId } from "@tsbake/graph";
import { multiconfigOf, namePattern, withMulticonfig } from "@tsbake/recipe";
import type { ParsedProject, Providers, RecipeInfo } from "@tsbake/recipe";
import type { SceneOptions } from "@tsbake/run";
import type { BuildPython } from "./python.js";
import { hardNeedOutside, hashCheckFailed } from "../problems.js";

/** Ending of the task that restores another one. */
const SETSCENE = "_setscene";

export interface SceneRequest {
  readonly project: ParsedProject;
  readonly providers: Providers;
  readonly graph: TaskGraph;
  readonly signatures: Signatures;
  readonly python: BuildPython;
  /** Where functions run that have a process of their own, and with what environment. */
  readonly topdir: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Ends such a function: nothing will be started any more. */
  readonly stop: AbortSignal | undefined;
  /** `-f` */
  readonly force: boolean;
}

/**
 * Undefined when no task of the graph has a setscene task: the engine's own artifacts need no functions.
 *
 * @throws BuildError `engine/hard-need-outside`
 */
export function openScene(request: SceneRequest): SceneOptions | undefined {
  const hard = hardNeeds(request);
  if (!hard) return undefined;
  const { graph, force } = request;
  const functions = new SceneFunctions(request);
  return {
    hardNeeds: (task) => hard.get(task) ?? [],
    find: (tasks, current) => functions.find(tasks, current),
    isNotNeeded: (task, above, notNeeded) => functions.isNotNeeded(task, above, notNeeded),
    forced: new Set(force ? graph.targets : []),
  };
}

/** [depends] of setscene tasks, as tasks without the suffix; undefined when there are no setscene tasks. */
function hardNeeds({ project, providers, graph }: SceneRequest): Map<TaskId, TaskId[]> | undefined {
  const needs = new Map<TaskId, TaskId[]>();
  let hasSetscene = false;
  const problems = [];
  for (const recipe of project.recipes.values()) {
    for (const setscene of Object.values(recipe.tasks)) {
      if (!setscene.name.endsWith(SETSCENE)) continue;
      const task = taskId(recipe.id, setscene.name.slice(0, -SETSCENE.length));
      if (!graph.has(task)) continue;
      hasSetscene = true;
      for (const word of setscene.depends ?? []) {
        const [name = "", other = ""] = word.split(":");
        const provider = providers.findBuild(withMulticonfig(multiconfigOf(recipe.id), name));
        if (provider === undefined) continue;
        const need = taskId(provider, other.endsWith(SETSCENE) ? other.slice(0, -SETSCENE.length) : other);
        if (!graph.has(need)) problems.push(hardNeedOutside(taskLabel(recipe, setscene.name), word));
        else if (need !== task) needs.set(task, [...(needs.get(task) ?? []), need]);
      }
    }
  }
  if (problems.length > 0) throw new BuildError(problems);
  return hasSetscene ? needs : undefined;
}

/** BB_SETSCENE_ENFORCE: which tasks may run all the same; undefined when all may. */
export function mayRun(
  project: ParsedProject,
  targets: readonly string[],
): ((task: TaskId) => boolean) | undefined {
  if (project.configurationText("BB_SETSCENE_ENFORCE") !== "1") return undefined;
  const ignored = words(project.configurationText("BB_SETSCENE_ENFORCE_IGNORE_TASKS"));
  const patterns = ignored
    .flatMap((word) => (word.startsWith("%:") ? targets.map((name) => name + word.slice(1)) : [word]))
    .map(namePattern);
  return (task) => {
    const node = splitTaskId(task);
    const name = `${project.recipes.get(node.recipe)!.pn}:${node.task}`;
    return patterns.some((pattern) => pattern.test(name));
  };
}

/**
 * Calls metadata's functions, whose arguments are plain data: they go as JSON in a variable of a copy of `d`. What asks
 * mirrors takes threads and sockets, and so a process of its own; what only thinks is called thousands of times.
 */
class SceneFunctions {
  readonly #request: SceneRequest;
  #calls = 0;
  /** How much of which list of tasks that are not needed Python has. */
  #handedOver: { readonly of: readonly TaskId[]; readonly count: number } | undefined;

  constructor(request: SceneRequest) {
    this.#request = request;
  }

  async find(tasks: readonly TaskId[], current: number): Promise<Set<TaskId>> {
    const name = this.#functionName("BB_HASHCHECK_FUNCTION");
    if (name === undefined) return new Set();
    const { project, signatures, python } = this.#request;
    const data: Record<"hash" | "hashfn" | "unihash", Record<string, string>> = {
      hash: {},
      hashfn: {},
      unihash: {},
    };
    for (const task of tasks) {
      const { taskHash, unihash } = signatures.of(task);
      data.hash[task] = taskHash;
      data.hashfn[task] = this.#recipe(task).hashFileName ?? "";
      data.unihash[task] = unihash;
    }
    await project.prepare();
    try {
      const answer = await python.evaluate({
        name: `BB_HASHCHECK_FUNCTION (${name})`,
        expression: `list(${name}(given["data"], d, siginfo=False, currentcount=given["current"], summary=True))`,
        given: { data, current },
        d: project.configuration(),
        cwd: this.#request.topdir,
        env: this.#request.environment,
        ...(this.#request.stop && { signal: this.#request.stop }),
      });
      return new Set((answer ?? []) as TaskId[]);
    } catch (error) {
      if (error instanceof PythonError) throw new BuildError([hashCheckFailed(name, error)]);
      throw error;
    }
  }

  isNotNeeded(task: TaskId, above: readonly TaskId[], notNeeded: readonly TaskId[]): boolean {
    const name = this.#functionName("BB_SETSCENE_DEPVALID");
    if (name === undefined) return false;
    const data = Object.fromEntries(
      [task, ...above].map((id) => {
        const { task: taskName, recipe } = splitTaskId(id);
        return [id, [this.#recipe(id).pn, taskName, recipe]];
      }),
    );
    const ask = () => {
      const known = this.#handedOver?.of === notNeeded ? this.#handedOver.count : 0;
      const answer = this.#call(
        `(lambda n: None if n is None else bool(${name}(a["task"], a["data"], n, d)))(` +
          `__import__("tsbake.scene").scene.not_needed(a["known"], a["new"]))`,
        { task, data, known, new: notNeeded.slice(known) },
      );
      this.#handedOver = answer === null ? undefined : { of: notNeeded, count: notNeeded.length };
      return answer;
    };
    // Nothing when the other side knows of another list: then it gets all of it.
    return (ask() ?? ask()) === true;
  }

  #recipe(task: TaskId): RecipeInfo {
    return this.#request.project.recipes.get(splitTaskId(task).recipe)!;
  }

  #functionName(variable: string): string | undefined {
    return this.#request.project.configurationText(variable)?.trim() || undefined;
  }

  /** @throws PythonError of the function; an error with code `python/needed` */
  #call(expression: string, given: unknown): unknown {
    const d = this.#request.project.configuration().createCopy();
    // Another name each time: an answer depends on files too, and must not be remembered.
    const variable = `TSBAKE_SCENE_${this.#calls++}`;
    d.setVar(variable, JSON.stringify(given));
    const json = `__import__("json")`;
    const text = `(lambda a: ${json}.dumps(${expression}))(${json}.loads(d.getVar("${variable}", False)))`;
    return JSON.parse(d.expand(`\${@${text}}`));
  }
}
