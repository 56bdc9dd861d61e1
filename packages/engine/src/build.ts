/** Opens a build folder and answers for it: builds targets, and the queries of the command line. */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  BuildError,
  byText,
  lockPath,
  makeFolder,
  nearest,
  readTextIfThere,
  reasonOf,
  writeFileAtomic,
} from "@tsbake/base";
import type { Diagnostic, Span } from "@tsbake/base";
import { pythonText } from "@tsbake/datastore";
import type { Datastore } from "@tsbake/datastore";
import { buildTaskGraph, openBaseSigner, taskId, writeRecord } from "@tsbake/graph";
import type { SignatureExplanation, Signatures, Target, TaskGraph, TaskId } from "@tsbake/graph";
import { openProviders, parseProject, recipeLabel } from "@tsbake/recipe";
import type { ParsedProject, Providers, RecipeId, RecipeInfo } from "@tsbake/recipe";
import { noTerminal, openStamps, withPython } from "@tsbake/run";
import type { RunSummary, Stamps } from "@tsbake/run";
import type { EngineEvent } from "./events.js";
import type { Build, BuildOutput, BuildRequest, BuildResult, OpenOptions } from "./build-types.js";
import type { RecordDiff } from "./records/diff-records.js";
import { namingDisks, writtenFolders } from "./settings/disks.js";
import { describeEnvironment } from "./settings/environment.js";
import { openProjectFeed, solveFeeds } from "./feeds.js";
import type { FeedRequest, Feeds } from "./feeds.js";
import { deployedFiles } from "./state/outputs.js";
import { graphData } from "./graph/graph-data.js";
import { graphPage } from "./graph/graph-page.js";
import { describeBuildList, describeTaskGraph } from "./graph/graph-files.js";
import { locateBuild } from "@tsbake/project";
import type { BuildLocation } from "@tsbake/project";
import { lockedSignaturesText } from "./signing/locked-signatures.js";
import { oneRecipe } from "./metadata/one-recipe.js";
import {
  dependenciesLeftOut,
  feedWarning,
  noTaskToClear,
  unknownConfiguration,
  unwritableBuildFolder,
} from "./problems.js";
import { projectEnvironment, readProjectFile, writeConfiguration } from "@tsbake/project";
import type { ProjectFile } from "@tsbake/project";
import { CACHED_CONFIGURATION, configurationFiles } from "./settings/configuration-input.js";
import { executeTasks } from "./execute.js";
import type { ExecuteRequest } from "./execute.js";
import { MetadataEvents } from "./metadata/metadata-events.js";
import { openBuildPython } from "./metadata/python.js";
import type { BuildPython } from "./metadata/python.js";
import { diffTask, listRecords, openRecords } from "./records/record-queries.js";
import type { RecordFile, SignatureRecords } from "./records/records.js";
import { checkSettings } from "./settings/settings.js";
import { artifactPaths, openSharedState } from "./state/shared-state.js";
import type { SharedState } from "./state/shared-state.js";
import { neededStoreFolder, signerOf } from "./state/store.js";
import { supposeTaints } from "./signing/supposed-taints.js";
import { resolveTargets, splitTarget, taskName } from "./targets.js";
import { signGraph } from "./signing/signing.js";
import type { SignedGraph } from "./signing/signing.js";
import { engineKey, hostToolchain, toolDigests } from "./settings/tools.js";
import { findWhatChanged } from "./records/what-changed.js";
import type { WhatChanged } from "./records/what-changed.js";

/** Folder of the core layer (conf/, classes/, recipes/): the root of tsbake itself. */
const CORE_LAYER = fileURLToPath(new URL("../../../", import.meta.url)).replace(/\/$/, "");

/** Debian's and the kernel's word for the processor that Node names. */
const ARCHITECTURES: Readonly<Record<string, readonly [dpkg: string, kernel: string]>> = {
  x64: ["amd64", "x86_64"],
  arm64: ["arm64", "aarch64"],
  ia32: ["i386", "i686"],
  arm: ["armhf", "armv7l"],
  riscv64: ["riscv64", "riscv64"],
  ppc64: ["ppc64el", "ppc64le"],
  s390x: ["s390x", "s390x"],
};

/** @throws BuildError with every problem of configuration and recipes */
export async function openBuild(options: OpenOptions): Promise<Build> {
  const location = locateBuild(options.directory, options.environment);
  return namingDisks([location.topdir, options.directory], () => openLocated(location, options));
}

async function openLocated(location: BuildLocation, options: OpenOptions): Promise<Build> {
  const { topdir } = location;
  const coreLayers = location.isPlain ? [] : [CORE_LAYER];
  try {
    await makeFolder(location.isPlain ? topdir : join(topdir, "conf"));
  } catch (error) {
    throw new BuildError([unwritableBuildFolder(topdir, reasonOf(error))], { cause: error });
  }
  let projectFile: ProjectFile | undefined;
  if (location.projectFile !== undefined) {
    projectFile = await readProjectFile(location.projectFile);
    await writeConfiguration(projectFile, topdir, CORE_LAYER);
  }
  const [dpkg, kernel] = ARCHITECTURES[process.arch] ?? [process.arch, process.arch];
  const python = openBuildPython(join(topdir, "cache/python"), options.onEvent);
  const onWarning = (diagnostic: Diagnostic) => options.onEvent({ type: "engine-warning", diagnostic });
  const environment = projectFile
    ? projectEnvironment(projectFile, options.environment)
    : { ...options.environment };
  const started = performance.now();
  const project = await parseProject({
    topdir,
    coreLayers,
    environment,
    preFiles: configurationFiles([...options.preFiles, options.environment["BBPRECONF"]], options, topdir),
    postFiles: configurationFiles([...options.postFiles, options.environment["BBPOSTCONF"]], options, topdir),
    ...(options.recipeFile !== undefined && {
      recipeFile: { text: options.recipeFile, directory: options.directory },
    }),
    initial: {
      TSBAKE_DPKG_ARCH: dpkg,
      TSBAKE_KERNEL_ARCH: kernel,
      TSBAKE_CPUS: String(availableParallelism()),
      ...(await toolDigests()),
      TSBAKE_HOST_TOOLCHAIN: hostToolchain(options.environment["PATH"] ?? ""),
    },
    trackHistory: options.trackHistory,
    cachedConfig: CACHED_CONFIGURATION,
    // Paths are in what was parsed: a copied build folder must not believe the cache of the original.
    cacheKey: [await engineKey(), topdir, CORE_LAYER].join(" "),
    python: python.host,
    openPython: python.open,
    watchFiles: python.watchFiles,
    signer: await openBaseSigner(),
    onProgress: (done, total, cached) => options.onEvent({ type: "parsing", done, total, cached }),
    onWarning,
  });
  const { files, cached } = project.statistics;
  const elapsedMs = performance.now() - started;
  options.onEvent({ type: "parsed", recipes: files, cached, elapsedMs });
  return new OpenedBuild({ topdir, project, options, environment, python, projectFile });
}

interface Opened {
  readonly topdir: string;
  readonly project: ParsedProject;
  readonly options: OpenOptions;
  /** The caller's, with what the project file adds. */
  readonly environment: Readonly<Record<string, string>>;
  readonly python: BuildPython;
  readonly projectFile: ProjectFile | undefined;
}

class OpenedBuild implements Build {
  readonly topdir: string;
  readonly project: ParsedProject;
  readonly providers: Providers;
  readonly warnings: readonly Diagnostic[] = [];
  readonly #options: OpenOptions;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #python: BuildPython;
  readonly #projectFile: ProjectFile | undefined;
  #records: SignatureRecords | undefined;
  readonly #events: MetadataEvents;

  constructor(opened: Opened) {
    this.topdir = opened.topdir;
    const one = oneRecipe(opened.project);
    this.project = one?.project ?? opened.project;
    this.providers =
      one?.providers ??
      openProviders(
        opened.project,
        (diagnostic) => {
          opened.options.onEvent({ type: "engine-warning", diagnostic });
          this.#events.note(diagnostic);
        },
        opened.options.assumeProvided,
      );
    this.#options = opened.options;
    this.#environment = opened.environment;
    this.#python = opened.python;
    this.#projectFile = opened.projectFile;
    this.#events = new MetadataEvents(this.project);
  }

  build(request: BuildRequest): Promise<BuildResult> {
    return namingDisks(writtenFolders(this.project), () => this.#build(request));
  }

  async #build(request: BuildRequest): Promise<BuildResult> {
    await using _lock = await this.#lock();
    const { wanted } = this.project;
    if (wanted !== undefined) {
      const diagnostic = dependenciesLeftOut(this.project.recipes.get(wanted)!);
      this.#options.onEvent({ type: "engine-warning", diagnostic });
    }
    await this.#events.buildInit();
    const graph = await this.#events.noting(() => this.#graph(request));
    if (!request.terminal && !request.dryRun) this.#checkNoTerminal(graph);
    const isMarking = request.force || request.invalidate.length > 0;
    const isWriting = (!request.dryRun && !request.signaturesOnly) || isMarking;
    const placeOf = (variable: string) => this.#placeOf(variable);
    if (isWriting) await checkSettings(this.topdir, this.project, placeOf);
    // As in BitBake, -f and -C mark their tasks even with -n.
    const stamps = openStamps();
    const feeds = await solveFeeds({ ...this.#feedRequest(), graph });
    this.#taintTargets(request, graph, stamps);
    const signed = await this.#sign(graph, feeds, stamps);
    const { signatures } = signed;
    if (request.lockedSignatures) {
      const path = join(this.#options.directory, "locked-sigs.inc");
      await writeFileAtomic(path, lockedSignaturesText(graph, signatures, this.project));
    }
    if (request.signaturesOnly) {
      await this.#writeSignatures(graph, stamps, signatures);
      return { outputs: [] };
    }
    await this.#events.buildStarted(graph);
    if (!request.dryRun) await this.#events.staleTasks(graph, signatures);
    const summary = await this.#execute(
      { graph, ...signed, stamps, feeds, request, events: this.#events },
      this.#options.onEvent,
    );
    await this.#events.buildCompleted(summary);
    return { summary, outputs: summary.ok && !request.dryRun ? await this.#outputs(graph) : [] };
  }

  async #writeSignatures(graph: TaskGraph, stamps: Stamps, signatures: Signatures): Promise<void> {
    for (const task of graph.order) {
      const { recipe, task: name } = graph.node(task);
      const path = stamps.sigdataPath(this.project.recipes.get(recipe)!, name, signatures.of(task).unihash);
      await writeFileAtomic(path, writeRecord(await this.#explain(graph, signatures, task)), { sync: false });
    }
  }

  /** As the run queue does it: a task without a body without its variables. */
  #explain(graph: TaskGraph, signatures: Signatures, task: TaskId): Promise<SignatureExplanation> {
    const { recipe, task: name } = graph.node(task);
    if (this.project.recipes.get(recipe)!.tasks[name]!.noexec) return signatures.explain(task);
    return this.#withPython(() => signatures.explain(task, this.project.openRecipe(recipe)));
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
    await using _lock = await this.#lock();
    const graph = await this.#graph(request);
    const real = supposeTaints(openStamps());
    const stamps: Stamps =
      against === "last"
        ? real
        : { ...real, state: () => undefined, times: () => ({ real: undefined, setscene: undefined }) };
    const feeds = await solveFeeds({ ...this.#feedRequest(), graph });
    this.#taintTargets(request, graph, stamps);
    const { signatures } = await this.#sign(graph, feeds, stamps);
    const pending: { task: TaskId; how: "run" | "restore" }[] = [];
    await this.#execute(
      { graph, signatures, stamps, feeds, request: { ...request, dryRun: true } },
      (event) => {
        if (event.type === "task-started") pending.push({ task: event.task, how: event.how });
        else if (event.type === "engine-warning") this.#options.onEvent(event);
      },
    );
    return findWhatChanged({
      graph,
      project: this.project,
      signatures,
      records: this.records,
      pending,
      against,
      stamped: (task) => {
        const { recipe, task: name } = graph.node(task);
        return stamps.stamped(this.project.recipes.get(recipe)!, name);
      },
      explain: (task) => this.#explain(graph, signatures, task),
    });
  }

  #execute(
    what: Pick<
      ExecuteRequest,
      "graph" | "signatures" | "equivalence" | "reportOutput" | "stamps" | "feeds" | "request" | "events"
    >,
    onEvent: (event: EngineEvent) => void,
  ): Promise<RunSummary> {
    return executeTasks({
      ...what,
      project: this.project,
      providers: this.providers,
      targets: this.#targets(what.request).map(({ name }) => name),
      topdir: this.topdir,
      environment: this.#environment,
      python: this.#python,
      onEvent,
    });
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
    return withPython(this.#python.open, work);
  }

  async writeGraph(request: BuildRequest): Promise<string[]> {
    const graph = await this.#graph(request);
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
      this.#python.close();
    }
  }

  listTasks(target: string): { name: string; doc: string }[] {
    const recipe = this.providers.build(splitTarget(target).name);
    const d = this.project.openRecipe(recipe);
    const names = Object.keys(this.project.recipes.get(recipe)?.tasks ?? {}).sort(byText);
    return names.map((name) => ({ name, doc: pythonText(d.getVarFlag(name, "doc") ?? "") }));
  }

  #lock() {
    return lockPath(this.topdir, {
      holder: `${this.#options.command} (process ${process.pid})`,
      onWait: (holder) => this.#options.onEvent({ type: "build-lock-wait", holder }),
    });
  }

  sharedState(): SharedState {
    return openSharedState({
      folder: neededStoreFolder(this.project),
      signer: () => signerOf(this.project),
      onEvent: this.#options.onEvent,
      reachable: async (targets) => {
        const graph = await this.#graph({ targets, runAll: [], runOnly: [] });
        const feeds = await solveFeeds({ ...this.#feedRequest(), graph });
        const { signatures } = await this.#sign(graph, feeds, openStamps());
        return artifactPaths(graph, signatures, this.project.recipes);
      },
    });
  }

  /** Takes Python only to tell where a mistake is written. */
  #graph(request: Pick<BuildRequest, "targets" | "task" | "runAll" | "runOnly">): Promise<TaskGraph> {
    return this.#withPython(() =>
      buildTaskGraph({
        project: this.project,
        providers: this.providers,
        openRecipe: (recipe) => this.project.openRecipe(recipe),
        targets: this.#targets(request),
        runAll: request.runAll.map(taskName),
        runOnly: request.runOnly.map(taskName),
      }),
    );
  }

  #targets(request: Pick<BuildRequest, "targets" | "task">): Target[] {
    const { wanted } = this.project;
    if (wanted !== undefined) {
      const task = taskName(request.task ?? this.project.configurationText("BB_DEFAULT_TASK") ?? "build");
      return [{ name: this.project.recipes.get(wanted)!.pn, task }];
    }
    const asked = request.targets.length > 0 ? request.targets : (this.#projectFile?.targets ?? []);
    const task = taskName(
      request.task ?? this.#projectFile?.task ?? this.project.configurationText("BB_DEFAULT_TASK") ?? "build",
    );
    const { project, providers } = this;
    const onWarning = (diagnostic: Diagnostic) =>
      this.#options.onEvent({ type: "engine-warning", diagnostic });
    return resolveTargets({ project, providers, asked, task, onWarning });
  }

  async updateFeed(): Promise<boolean> {
    const feed = await openProjectFeed(this.#feedRequest());
    const before = await feed.listsDigest();
    await feed.update();
    return before !== (await feed.listsDigest());
  }

  #feedRequest(): FeedRequest {
    return {
      project: this.project,
      onProgress: (text, percent) =>
        this.#options.onEvent({ type: "step", text, ...(percent !== undefined && { percent }) }),
      onWarning: (text) => this.#options.onEvent({ type: "engine-warning", diagnostic: feedWarning(text) }),
    };
  }

  #sign(graph: TaskGraph, feeds: Feeds, stamps: Stamps): Promise<SignedGraph> {
    return signGraph({
      project: this.project,
      graph,
      feeds,
      stamps,
      topdir: this.topdir,
      onWarning: (diagnostic) => this.#options.onEvent({ type: "engine-warning", diagnostic }),
      onNote: (text) => this.#options.onEvent({ type: "step", text }),
    });
  }

  /** `-f` and `-C`. */
  #taintTargets(request: BuildRequest, graph: TaskGraph, stamps: Stamps): void {
    const names = request.invalidate.map(taskName);
    const problems: Diagnostic[] = [];
    const tainted: (readonly [RecipeInfo, string])[] = [];
    for (const target of graph.targets) {
      const node = graph.node(target);
      const recipe = this.project.recipes.get(node.recipe)!;
      if (request.force) tainted.push([recipe, node.task]);
      for (const name of names) {
        if (recipe.tasks[name] === undefined) problems.push(noTaskToClear(recipe, name));
        else tainted.push([recipe, name]);
      }
    }
    if (problems.length > 0) throw new BuildError(problems);
    for (const [recipe, task] of tainted) stamps.addTaint(recipe, task);
  }

  /** @throws BuildError before hours of work that end in front of nobody */
  #checkNoTerminal(graph: TaskGraph): void {
    const asking = graph.targets.filter((target) => {
      const { recipe, task } = graph.node(target);
      return this.project.recipes.get(recipe)?.tasks[task]?.interactive;
    });
    if (asking.length > 0) throw new BuildError(asking.map((target) => noTerminal(graph.label(target))));
  }

  /** Where the configuration sets a variable. */
  #placeOf(variable: string): Promise<Span | undefined> {
    return this.#withPython(() => this.project.configuration().spanOf(variable));
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
