/** What answers for an open build folder: builds, and questions. */
import { join } from "node:path";
import { writeFileAtomic, type Diagnostic } from "@tsbake/base";
import { openProviders, type ParsedProject, type Providers } from "@tsbake/recipe";
import { openStamps, type VerifiedOutputs } from "@tsbake/run";
import type {
  Build,
  BuildRequest,
  BuildResult,
  BundleResult,
  LockedBuild,
  OpenOptions,
  StoredTree,
} from "./build-types.js";
import { makeBundle } from "./bundle/index.js";
import { writeGraphFiles } from "./graph/index.js";
import { findStoredTree } from "./imaging/index.js";
import { taskList, MetadataEvents, oneRecipe, recipeVariables, showEnvironment } from "./metadata/index.js";
import {
  feedRequest,
  planBuild,
  updateFeed,
  type BuildContext,
  type HeldFolders,
  type ParsedFolder,
} from "./phases/index.js";
import { dependenciesLeftOut } from "./problems.js";
import {
  diffTask,
  listRecords,
  openRecords,
  whatChanged,
  type RecordDiff,
  type RecordFile,
  type SignatureRecords,
  type WhatChanged,
} from "./records/index.js";
import { namingDisks, writtenFolders } from "./settings/index.js";
import {
  buildOutputs,
  deployedImage,
  extensionRecipes,
  imageBase,
  imageFiles,
  readLastDone,
  projectSharedState,
  sysrootFolder,
  verifiedOutputs,
  type DeployedImage,
  type ImageBase,
  type ImageFiles,
  type SharedState,
} from "./state/index.js";

/** An open build folder. What a command does goes through the phases, each to be had from the one before only: parse, plan, sign, execute. */
export class OpenedBuild implements LockedBuild {
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
    return { summary, outputs: summary.ok && !request.dryRun ? await buildOutputs(this.project, graph) : [] };
  }

  bundle(request: BuildRequest, path: string): Promise<BundleResult> {
    const { onEvent } = this.#options;
    const build = (whole: BuildRequest): Promise<BuildResult> => this.build(whole);
    return makeBundle({ context: this.#context, request, path, build, onEvent });
  }

  storedTree(target: string, request: BuildRequest, anyLayers: boolean): Promise<StoredTree> {
    const { project, providers } = this;
    const pending = (targets: readonly string[]): Promise<WhatChanged> =>
      this.whatChanged({ ...request, targets }, "last");
    return findStoredTree({ project, providers, pending, target, anyLayers });
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

  whatChanged(request: BuildRequest, against: "last" | "closest"): Promise<WhatChanged> {
    return whatChanged(this.#context, this.records, request, against);
  }

  showEnvironment(target?: string): Promise<string> {
    return showEnvironment(this.#context, target);
  }

  variablesOf(target: string, names: readonly string[]): Promise<ReadonlyMap<string, string>> {
    return recipeVariables(this.#context, target, names);
  }

  async writeGraph(request: BuildRequest): Promise<string[]> {
    const { graph } = await planBuild(this.#context, request);
    const lastDone = await readLastDone(this.project.configurationText("CACHE") ?? "");
    return writeGraphFiles(this.#options.directory, graph, this.project.recipes, (label) =>
      lastDone.get(label),
    );
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
    return taskList(this.#context, target);
  }

  verifyOutputs(): ReadonlyMap<string, VerifiedOutputs> {
    return verifiedOutputs(this.project, this.topdir);
  }

  imageFiles(target: string): ImageFiles {
    return imageFiles(this, target);
  }

  imageBase(target: string): ImageBase {
    return imageBase(this, target);
  }

  sysrootFolder(target: string): string | undefined {
    return sysrootFolder(this, target);
  }

  extensions(targets: readonly string[]): ReturnType<Build["extensions"]> {
    return extensionRecipes(this, targets, "core");
  }

  deployedImage(target: string): DeployedImage {
    return deployedImage(this, target);
  }

  sharedState(): SharedState {
    return projectSharedState(this.#context);
  }

  updateFeed(): Promise<boolean> {
    return updateFeed(feedRequest(this.#context));
  }
}
