/** A build whose inputs are read and signed. Whatever is done with it, or asked of it, goes by the same signatures. */
import { writeFileAtomic } from "@tsbake/base";
import { writeRecord } from "@tsbake/graph";
import type { SignatureExplanation, Signatures, TaskGraph, TaskId } from "@tsbake/graph";
import type { RunSummary } from "@tsbake/run";
import { withPython } from "@tsbake/run";
import type { ObjectName } from "@tsbake/sstate";
import type { BuildRequest } from "../build-types.js";
import type { EngineEvent } from "../events.js";
import type { MetadataEvents } from "../metadata/metadata-events.js";
import { lockedSignaturesText } from "../signing/locked-signatures.js";
import { artifactNames, artifactPaths } from "../state/shared-state.js";
import type { BuildContext } from "./context.js";
import { executeTasks, type ExecuteRequest } from "./execute.js";

export type SignedParts = Omit<ExecuteRequest, "context" | "request" | "events" | "onEvent">;

export class SignedBuild {
  readonly #context: BuildContext;
  readonly #parts: SignedParts;

  constructor(context: BuildContext, parts: SignedParts) {
    this.#context = context;
    this.#parts = parts;
  }

  get graph(): TaskGraph {
    return this.#parts.graph;
  }

  get signatures(): Signatures {
    return this.#parts.signatures;
  }

  /** @throws BuildError for what stops everything; failed tasks are in the summary */
  execute(
    request: BuildRequest,
    onEvent: (event: EngineEvent) => void,
    events?: MetadataEvents,
  ): Promise<RunSummary> {
    return executeTasks({ ...this.#parts, context: this.#context, request, events, onEvent });
  }

  /** As the run queue does it: a task without a body without its variables. */
  explain(task: TaskId): Promise<SignatureExplanation> {
    const { project, python } = this.#context;
    const { recipe, task: name } = this.graph.node(task);
    if (project.recipes.get(recipe)!.tasks[name]!.noexec) return this.signatures.explain(task);
    return withPython(python.open, () => this.signatures.explain(task, project.openRecipe(recipe)));
  }

  /** Paths of all artifacts, relative to the shared state. */
  artifactPaths(): ReadonlySet<string> {
    return artifactPaths(this.graph, this.signatures, this.#context.project.recipes);
  }

  /** Names of the artifacts of all its tasks. */
  artifactNames(): readonly ObjectName[] {
    return artifactNames(this.graph, this.signatures, this.#context.project.recipes);
  }

  /** Text of `locked-sigs.inc`. */
  lockedSignatures(): string {
    return lockedSignaturesText(this.graph, this.signatures, this.#context.project);
  }

  /** The signature of the task's stamp, whichever it is. */
  stamped(task: TaskId): string | undefined {
    const { recipe, task: name } = this.graph.node(task);
    return this.#parts.stamps.stamped(this.#context.project.recipes.get(recipe)!, name);
  }

  /** The record of each task beside its stamp. */
  async writeRecords(): Promise<void> {
    for (const task of this.graph.order) {
      const { recipe, task: name } = this.graph.node(task);
      const info = this.#context.project.recipes.get(recipe)!;
      const path = this.#parts.stamps.sigdataPath(info, name, this.signatures.of(task).unihash);
      await writeFileAtomic(path, writeRecord(await this.explain(task)), { sync: false });
    }
  }
}
