/** Small projects made by hand for the run queue: recipes are objects, signatures are digests of their texts. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { sha256 } from "@tsbake/base";
import { Datastore } from "@tsbake/datastore";
import type { Signatures, TaskGraph, TaskId, TaskSignature } from "@tsbake/graph";
import type { RecipeId, RecipeInfo, TaskInfo } from "@tsbake/recipe";
import { openStamps, runTasks } from "@tsbake/run";
import type { RunEvent, RunOptions, RunSummary, Stamps } from "@tsbake/run";
import { openFolderStore } from "@tsbake/sstate";
import type { Store } from "@tsbake/sstate";
import { fixedSignature, fixedSignatures } from "../support/signatures.js";
import { temporaryFolder } from "../support/temporary.js";

export interface TaskSpec {
  /** Shell text; undefined: no function. */
  readonly body?: string;
  /** `pn:do_task`, or `do_task` of the same recipe. */
  readonly needs?: readonly string[];
  readonly flags?: Readonly<Record<string, string>>;
  /** Folders below ${WORKDIR}, or absolute with `${TMPDIR}` in front. */
  readonly inputs?: readonly string[];
  readonly outputs?: readonly string[];
  readonly plain?: readonly string[];
  readonly noexec?: true;
  readonly nostamp?: true;
}
export interface RecipeSpec {
  readonly tasks: Readonly<Record<string, TaskSpec>>;
  readonly variables?: Readonly<Record<string, string>>;
  /** Other functions. */
  readonly functions?: Readonly<Record<string, string>>;
}
export type ProjectSpec = Readonly<Record<string, RecipeSpec>>;

export interface RunResult {
  readonly summary: RunSummary;
  readonly events: readonly RunEvent[];
  /** `run pn:do_x`, `restore pn:do_x` in order of their starts. */
  readonly started: readonly string[];
}

export class Rig implements Disposable {
  readonly topdir: string;
  store: Store;

  /** @param topdir a folder that is there already, of another process's rig */
  constructor(topdir = temporaryFolder("run")) {
    this.topdir = topdir;
    this.store = openFolderStore(join(topdir, "sstate"), { onWarning: () => {} });
  }

  get tmp(): string {
    return join(this.topdir, "tmp");
  }

  [Symbol.dispose](): void {
    rmSync(this.topdir, { recursive: true, force: true });
  }

  /** @param targets `pn:do_task` */
  async run(
    project: ProjectSpec,
    targets: readonly string[],
    options: Partial<RunOptions> & { readonly onEvent?: (event: RunEvent) => void } = {},
  ): Promise<RunResult> {
    const events: RunEvent[] = [];
    const made = this.options(project, targets);
    const summary = await runTasks({
      ...made,
      ...options,
      onEvent: (event) => {
        events.push(event);
        options.onEvent?.(event);
      },
    });
    const started = events.flatMap((event) =>
      event.type === "task-started" ? [`${event.how} ${event.label}`] : [],
    );
    return { summary, events, started };
  }

  options(project: ProjectSpec, targets: readonly string[]): RunOptions {
    const stamps = openStamps();
    const recipes = this.#recipes(project);
    const graph = makeGraph(project, targets);
    return {
      graph,
      signatures: sign(project, graph, recipes, stamps),
      project: { recipes },
      openRecipe: (id) => this.datastore(project, id),
      store: this.store,
      stamps,
      settings: {
        folders: [this.topdir],
        threads: 2,
        tmpdir: () => this.tmp,
        cache: join(this.topdir, "cache"),
        epochSeconds: 1_700_000_000,
        verbose: false,
        graceMs: 500,
      },
      setscene: "on",
      keepGoing: false,
      dryRun: false,
      runPython: () => Promise.reject(new Error("internal: no Python here")),
      onEvent: () => {},
    };
  }

  datastore(project: ProjectSpec, pn: string): Datastore {
    const d = new Datastore();
    const recipe = project[pn]!;
    const variables = {
      TOPDIR: this.topdir,
      TMPDIR: this.tmp,
      PN: pn,
      PV: "1.0",
      OVERRIDES: "pn-${PN}",
      WORKDIR: "${TMPDIR}/work/${PN}",
      T: "${WORKDIR}/temp",
      D: "${WORKDIR}/image",
      PATH: process.env["PATH"] ?? "/usr/bin:/bin",
      ...recipe.variables,
    };
    for (const [name, value] of Object.entries(variables)) d.setVar(name, value);
    d.setVarFlag("PATH", "export", "1");
    const bodies = Object.entries(recipe.tasks).map(([name, { body }]) => [name, body] as const);
    for (const [name, body] of [...bodies, ...Object.entries(recipe.functions ?? {})]) {
      if (body === undefined) continue;
      d.setVar(name, body);
      d.setVarFlag(name, "func", "1");
    }
    for (const [name, { flags }] of Object.entries(recipe.tasks)) {
      for (const [flag, value] of Object.entries(flags ?? {})) d.setVarFlag(name, flag, value);
    }
    return d;
  }

  #recipes(project: ProjectSpec): Map<RecipeId, RecipeInfo> {
    return new Map(
      Object.entries(project).map(([pn, recipe]) => {
        const tasks = Object.entries(recipe.tasks).map(([name, spec]) => [name, this.#task(pn, name, spec)]);
        const info = {
          id: pn,
          pn,
          pv: "1.0",
          stamp: join(this.tmp, "stamps", pn, "1.0-r0"),
          sstateSpec: `sstate:${pn}::1.0:r0::14:`,
        };
        const lists = {
          depends: [],
          provides: [pn],
          packages: [],
          rdepends: {},
          rrecommends: {},
          rprovides: {},
        };
        return [
          pn as RecipeId,
          { ...info, ...lists, tasks: Object.fromEntries(tasks) } as unknown as RecipeInfo,
        ];
      }),
    );
  }

  #task(pn: string, name: string, spec: TaskSpec): TaskInfo {
    const place = (path: string) =>
      path.startsWith("${TMPDIR}") ? path.replace("${TMPDIR}", this.tmp) : join(this.tmp, "work", pn, path);
    const artifact = (spec.inputs ?? spec.plain) && {
      inputs: (spec.inputs ?? []).map(place),
      outputs: (spec.outputs ?? []).map(place),
      plain: (spec.plain ?? []).map(place),
    };
    return {
      name,
      after: (spec.needs ?? []).filter((need) => !need.includes(":")),
      baseHash: "",
      ...(artifact && { artifact }),
      ...(spec.noexec && { noexec: true }),
      ...(spec.nostamp && { nostamp: true }),
    };
  }
}

/** Only what the run queue asks of a graph. */
export function makeGraph(project: ProjectSpec, targets: readonly string[]): TaskGraph {
  const needs = new Map<TaskId, readonly TaskId[]>();
  const order: TaskId[] = [];
  const visit = (id: TaskId) => {
    if (needs.has(id)) return;
    needs.set(id, needsOf(project, id));
    for (const need of needs.get(id)!) visit(need);
    order.push(id);
  };
  for (const target of targets) visit(target as TaskId);
  return {
    get graph(): never {
      throw new Error("the run queue does not make the graph that takes a second");
    },
    node(id) {
      const [recipe, task] = id.split(":");
      return { recipe: recipe as RecipeId, task: task! };
    },
    has: (id) => needs.has(id),
    targets: targets as readonly TaskId[],
    order,
    label: (task) => task,
    needs: (task) => needs.get(task)!,
  };
}

function needsOf(project: ProjectSpec, id: TaskId): TaskId[] {
  const [pn, task] = id.split(":") as [string, string];
  const needs = project[pn]!.tasks[task]!.needs ?? [];
  return needs.map((need) => (need.includes(":") ? need : `${pn}:${need}`) as TaskId);
}

function sign(
  project: ProjectSpec,
  graph: TaskGraph,
  recipes: ReadonlyMap<RecipeId, RecipeInfo>,
  stamps: Stamps,
): Signatures {
  const signed = new Map<TaskId, TaskSignature>();
  for (const task of graph.order) {
    const { recipe, task: name } = graph.node(task);
    const taint = stamps.taint(recipes.get(recipe)!, name);
    const needs = graph.needs(task).map((need) => signed.get(need)!.unihash);
    const spec = project[recipe]!;
    const unihash = sha256(
      JSON.stringify([task, spec.tasks[name], spec.variables, spec.functions, needs, taint]),
    ).slice(0, 16);
    signed.set(task, fixedSignature(task, unihash, taint));
  }
  return fixedSignatures(signed);
}
