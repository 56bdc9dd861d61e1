/**
 * Opens a build folder and answers for it. What a command does goes through the phases, each to be had from the one
 * before only: hold the folders, parse, plan, sign, execute.
 */
import { join } from "node:path";
import { BuildError, byText, nearest, readTextIfThere, writeFileAtomic } from "@tsbake/base";
import type { Diagnostic, Span } from "@tsbake/base";
import { pythonText } from "@tsbake/datastore";
import type { Datastore } from "@tsbake/datastore";
import { taskId } from "@tsbake/graph";
import type { TaskGraph, TaskId } from "@tsbake/graph";
import { locateBuild } from "@tsbake/project";
import { openProviders, recipeLabel } from "@tsbake/recipe";
import type { ParsedProject, Providers, RecipeId } from "@tsbake/recipe";
import { openStamps, resolveDoubt, verifyOutputs, withPython } from "@tsbake/run";
import type { Stamps, VerifiedOutputs } from "@tsbake/run";
import type {
  Build,
  BuildOutput,
  BuildRequest,
  BuildResult,
  LockedBuild,
  OpenOptions,
} from "./build-types.js";
import { graphData, graphPage, describeBuildList, describeTaskGraph } from "./graph/index.js";
import { MetadataEvents } from "./metadata/metadata-events.js";
import { oneRecipe } from "./metadata/one-recipe.js";
import type { BuildContext } from "./phases/context.js";
import { openProjectFeed } from "./phases/feeds.js";
import { HeldFolders } from "./phases/folders.js";
import { makeBuildFolder, parseFolder, type ParsedFolder } from "./phases/parse.js";
import { feedRequest, planBuild } from "./phases/plan.js";
import type { SignedBuild } from "./phases/signed-build.js";
import { splitTarget, taskName } from "./phases/targets.js";
import { dependenciesLeftOut, unknownConfiguration } from "./problems.js";
import { diffTask, listRecords, openRecords } from "./records/record-queries.js";
import type { RecordDiff } from "./records/diff-records.js";
import type { RecordFile, SignatureRecords } from "./records/records.js";
import { findWhatChanged } from "./records/what-changed.js";
import type { WhatChanged } from "./records/what-changed.js";
import { namingDisks, writtenFolders } from "./settings/disks.js";
import { describeEnvironment } from "./settings/environment.js";
import { checkSettings } from "./settings/settings.js";
import { supposeTaints } from "./signing/supposed-taints.js";
import { deployedFiles } from "./state/outputs.js";
import { openSharedState } from "./state/shared-state.js";
import type { SharedState } from "./state/shared-state.js";
import { neededStoreFolder, signerOf } from "./state/store.js";

/**
 * For questions: others may build in the folder meanwhile.
 *
 * @throws BuildError with every problem of configuration and recipes
 */
export function openBuild(options: OpenOptions): Promise<Build> {
  return open(options, "nothing");
}

/**
 * For a build, or a question whose answer goes by stamps: nobody else builds in these folders until it is closed.
 *
 * @param holds `everything`: each TMPDIR, too, which then has to be writable. `build folder`: nothing will be built
 * @throws BuildError with every problem of configuration and recipes, of settings and folders
 */
export function lockBuild(options: OpenOptions, holds: "build folder" | "everything"): Promise<LockedBuild> {
  return open(options, holds);
}

async function open(
  options: OpenOptions,
  holds: "nothing" | "build folder" | "everything",
): Promise<OpenedBuild> {
  const location = locateBuild(options.directory, options.environment);
  const { topdir } = location;
  return namingDisks([topdir, options.directory], async () => {
    await makeBuildFolder(location);
    const folders = new HeldFolders({
      command: options.command,
      onWait: (holder) => options.onEvent({ type: "build-lock-wait", holder }),
    });
    try {
      if (holds !== "nothing") await folders.holdBuildFolder(topdir);
      let parsed = await parseFolder(location, options);
      while (holds === "everything" && (await holdTemporary(parsed, folders, options))) {
        // Whoever had it may have changed what we read, or we have waited for hours.
        parsed.python.close();
        parsed = await parseFolder(location, options);
      }
      return new OpenedBuild(parsed, folders, options);
    } catch (error) {
      await folders[Symbol.asyncDispose]();
      throw error;
    }
  });
}

/** Each TMPDIR: another build folder may have the same. @returns whether somebody else had one */
async function holdTemporary(
  parsed: ParsedFolder,
  folders: HeldFolders,
  { onEvent }: OpenOptions,
): Promise<boolean> {
  const { project, topdir, python } = parsed;
  const placeOf = (variable: string): Promise<Span | undefined> =>
    withPython(python.open, () => project.configuration().spanOf(variable));
  await checkSettings(topdir, project, placeOf);
  const temporary = project.multiconfigs.map((name) => project.configurationText("TMPDIR", name) ?? topdir);
  const hasWaited = await folders.holdAlso(temporary);
  for (const tmpdir of new Set(temporary)) {
    const diagnostic = await resolveDoubt(tmpdir);
    if (diagnostic) onEvent({ type: "engine-warning", diagnostic });
  }
  return hasWaited;
}

class OpenedBuild implements LockedBuild {
  readonly topdir: string;
  readonly project: ParsedProject;
  readonly providers: Providers;
  readonly warnings: readonly Diagnostic[] = [];
  readonly #options: OpenOptions;
  readonly #folders: HeldFolders;
  readonly #context: BuildContext;
  #records: SignatureRecords | undefined;
  readonly #events: MetadataEvents;

  constructor(parsed: ParsedFolder, folders: HeldFolders, options: OpenOptions) {
    this.topdir = parsed.topdir;
    this.#options = options;
    this.#folders = folders;
    const onWarning = (diagnostic: Diagnostic) => options.onEvent({ type: "engine-warning", diagnostic });
    const one = oneRecipe(parsed.project);
    this.project = one?.project ?? parsed.project;
    this.providers =
      one?.providers ??
      openProviders(
        parsed.project,
        (diagnostic) => {
          onWarning(diagnostic);
          this.#events.note(diagnostic);
        },
        options.assumeProvided,
      );
    const { project, providers } = this;
    this.#context = { ...parsed, project, providers, onEvent: options.onEvent, onWarning };
    this.#events = new MetadataEvents(this.project);
  }

  build(request: BuildRequest): Promise<BuildResult> {
    return namingDisks(writtenFolders(this.project), () => this.#build(request));
  }

  async #build(request: BuildRequest): Promise<BuildResult> {
    const { wanted } = this.project;
    if (wanted !== undefined) this.#context.onWarning(dependenciesLeftOut(this.project.recipes.get(wanted)!));
    await this.#events.buildInit();
    const plan = await this.#events.noting(() => planBuild(this.#context, request));
    const { graph } = plan;
    if (!request.terminal && !request.dryRun) plan.checkNoTerminal();
    // As in BitBake, -f and -C mark their tasks even with -n.
    const signed = await plan.sign(openStamps(), request);
    if (request.lockedSignatures) {
      await writeFileAtomic(join(this.#options.directory, "locked-sigs.inc"), signed.lockedSignatures());
    }
    if (request.signaturesOnly) {
      await signed.writeRecords();
      return { outputs: [] };
    }
    await this.#events.buildStarted(graph);
    if (!request.dryRun) await this.#events.staleTasks(graph, signed.signatures);
    const summary = await signed.execute(request, this.#options.onEvent, this.#events);
    await this.#events.buildCompleted(summary);
    return { summary, outputs: summary.ok && !request.dryRun ? await this.#outputs(graph) : [] };
  }

  get records(): SignatureRecords {
    return (this.#records ??= openRecords(this.project, this.topdir));
  }

  listRecords(target: string, task?: string): Promise<Map<string, RecordFile[]>> {
    return listRecords(this, target, task);
  }

  diffTask(target: string, task: string, hashes: readonly string[]): Promise<RecordDiff> {
    return diffTask(this, target, task, hashes);
  }

  async whatChanged(request: BuildRequest, against: "last" | "closest"): Promise<WhatChanged> {
    const plan = await planBuild(this.#context, request);
    const real = supposeTaints(openStamps());
    const stamps: Stamps =
      against === "last"
        ? real
        : { ...real, state: () => undefined, times: () => ({ real: undefined, setscene: undefined }) };
    const signed = await plan.sign(stamps, request);
    const pending = await this.#pending(signed, request);
    return findWhatChanged({
      graph: signed.graph,
      project: this.project,
      signatures: signed.signatures,
      records: this.records,
      pending,
      against,
      stamped: (task) => signed.stamped(task),
      explain: (task) => signed.explain(task),
    });
  }

  /** What a dry run would do. */
  async #pending(
    signed: SignedBuild,
    request: BuildRequest,
  ): Promise<{ task: TaskId; how: "run" | "restore" }[]> {
    const pending: { task: TaskId; how: "run" | "restore" }[] = [];
    await signed.execute({ ...request, dryRun: true }, (event) => {
      if (event.type === "task-started") pending.push({ task: event.task, how: event.how });
      else if (event.type === "engine-warning") this.#options.onEvent(event);
    });
    return pending;
  }

  showEnvironment(target?: string): Promise<string> {
    return this.#withPython(() => {
      const multiconfig = /^(?:mc|multiconfig):([^:]+)$/.exec(target ?? "mc:")?.[1] ?? "";
      if (!this.project.multiconfigs.includes(multiconfig)) {
        const near = nearest(multiconfig, this.project.multiconfigs);
        throw new BuildError([unknownConfiguration(multiconfig, near)]);
      }
      const d: Datastore =
        this.project.wanted === undefined && (target === undefined || multiconfig !== "")
          ? this.#expandedConfiguration(multiconfig)
          : this.project.openRecipe(this.providers.build(splitTarget(target ?? "").name));
      return describeEnvironment(d);
    });
  }

  /** As a recipe would see it: `A:${B}` under its real name. */
  #expandedConfiguration(multiconfig: string): Datastore {
    const d = this.project.configuration(multiconfig).createCopy();
    d.expandKeys();
    return d;
  }

  #withPython<Result>(work: () => Result | Promise<Result>): Promise<Result> {
    return withPython(this.#context.python.open, work);
  }

  async writeGraph(request: BuildRequest): Promise<string[]> {
    const { graph } = await planBuild(this.#context, request);
    const data = graphData(graph, this.project.recipes);
    const files = {
      "task-depends.dot": describeTaskGraph(graph, this.project.recipes),
      "task-depends.json": `${JSON.stringify(data, undefined, 1)}\n`,
      "task-depends.html": graphPage(data),
      "pn-buildlist": describeBuildList(graph, this.project.recipes),
    };
    const paths: string[] = [];
    for (const [name, text] of Object.entries(files)) {
      const path = join(this.#options.directory, name);
      await writeFileAtomic(path, text);
      paths.push(path);
    }
    return paths;
  }

  showVersions() {
    return Promise.resolve(this.providers.versions());
  }

  parseOnly() {
    return Promise.resolve({ recipes: this.project.recipes.size, ...this.project.statistics });
  }

  async close(): Promise<void> {
    try {
      await this.#events.exit();
    } finally {
      this.#context.python.close();
      await this.#folders[Symbol.asyncDispose]();
    }
  }

  listTasks(target: string): { name: string; doc: string }[] {
    const recipe = this.providers.build(splitTarget(target).name);
    const d = this.project.openRecipe(recipe);
    const names = Object.keys(this.project.recipes.get(recipe)?.tasks ?? {}).sort(byText);
    return names.map((name) => ({ name, doc: pythonText(d.getVarFlag(name, "doc") ?? "") }));
  }

  verifyOutputs(): ReadonlyMap<string, VerifiedOutputs> {
    const { multiconfigs } = this.project;
    const folders = multiconfigs.map((name) => this.project.configurationText("TMPDIR", name) ?? this.topdir);
    return new Map([...new Set(folders)].map((tmpdir) => [tmpdir, verifyOutputs(tmpdir)]));
  }

  sharedState(): SharedState {
    return openSharedState({
      folder: neededStoreFolder(this.project),
      signer: () => signerOf(this.project),
      onEvent: this.#options.onEvent,
      reachable: async (targets) => {
        const plan = await planBuild(this.#context, { targets, runAll: [], runOnly: [] });
        return (await plan.sign(openStamps())).artifactPaths();
      },
    });
  }

  async updateFeed(): Promise<boolean> {
    const feed = await openProjectFeed(feedRequest(this.#context));
    const before = await feed.listsDigest();
    await feed.update();
    return before !== (await feed.listsDigest());
  }

  /** What the tasks of this run left, of the target recipes. */
  async #outputs(graph: TaskGraph): Promise<BuildOutput[]> {
    const whole = taskName(this.project.configurationText("BB_DEFAULT_TASK") ?? "build");
    const outputs = new Map<RecipeId, BuildOutput>();
    for (const target of graph.targets) {
      const { recipe, task } = graph.node(target);
      if (outputs.has(recipe)) continue;
      const info = this.project.recipes.get(recipe)!;
      const tasks = Object.keys(info.tasks).filter((name) => graph.has(taskId(recipe, name)));
      const files = await deployedFiles(this.project, info, tasks);
      const path = task === whole ? info.facts["BUILD_SUMMARY"]?.value : undefined;
      const text = path ? await readTextIfThere(path) : undefined;
      outputs.set(recipe, {
        target: recipeLabel(info),
        files,
        ...(text === undefined ? {} : { text: text.trimEnd() }),
      });
    }
    return [...outputs.values()].filter(({ files, text }) => files.length > 0 || text !== undefined);
  }
}
