/** Task hashes and unihashes over the whole graph, needed tasks first. */
import { randomUUID } from "node:crypto";
import { basename } from "node:path";
import { BuildError, byText, eachLimited } from "@tsbake/base";
import type { Diagnostic } from "@tsbake/base";
import type { Datastore } from "@tsbake/datastore";
import type { RecipeInfo, TaskInfo } from "@tsbake/recipe";
import { baseHash } from "./base-signer.js";
import { ExplanationWriter } from "../records/explanation.js";
import { listChecksums } from "./file-checksums.js";
import { openHandler } from "./handler.js";
import { taskLabel } from "../ids.js";
import * as problem from "../problems.js";
import { openSafeNeeds, type KeepsNeed } from "../tasks/safe-needs.js";
import type {
  FileInput,
  Signatures,
  SignatureExplanation,
  SignOptions,
  TaskId,
  TaskSignature,
} from "../types.js";
import { RecipeVariables, SharedAnalysis } from "./variables.js";
import { walkInputs, walkVariables, type TaskInputs } from "./walk.js";
import type { SignatureHandler } from "./writer.js";

/** Files read at a time. */
const FILES_AT_ONCE = 16;

/** What is kept of a task; its other inputs can be put together again, and of a large graph they would fill the memory. */
interface Signed {
  readonly taint: string | undefined;
  readonly taskHash: string;
  readonly unihash: string;
}

/**
 * Signs every task of the graph. Each file is asked for once, however many tasks read it.
 *
 * @throws BuildError of the inputs; `graph/bad-pattern` for BB_TASKHASH_IGNORE_TASKS, `graph/unknown-handler`
 */
export async function signTasks(options: SignOptions): Promise<Signatures> {
  const signing = new Signing(options, await openHandler(options.handler));
  await signing.readInputs();
  signing.sign();
  return signing;
}

class Signing implements Signatures {
  readonly #options: SignOptions;
  readonly #handler: SignatureHandler;
  readonly #signed = new Map<TaskId, Signed>();
  readonly #files = new Map<string, readonly FileInput[]>();
  readonly #feeds = new Map<TaskId, readonly string[]>();
  readonly #ignoredRecipes: RegExp | undefined;
  readonly #keepsNeed: KeepsNeed | undefined;
  #shared: SharedAnalysis | undefined;
  #dependents: Map<TaskId, number[]> | undefined;
  #explained: { d: Datastore; variables: RecipeVariables } | undefined;

  constructor(options: SignOptions, handler: SignatureHandler) {
    this.#options = options;
    this.#handler = handler;
    const text = (name: string) => options.project.configurationText(name);
    if (handler.hasSafeNeeds) this.#keepsNeed = openSafeNeeds(text);
    const pattern = text("BB_TASKHASH_IGNORE_TASKS");
    if (pattern) this.#ignoredRecipes = compile("BB_TASKHASH_IGNORE_TASKS", pattern);
  }

  async readInputs(): Promise<void> {
    const { graph, inputs } = this.#options;
    const paths = new Set<string>();
    for (const task of graph.order) for (const path of checkedPaths(this.#task(task).info)) paths.add(path);
    await eachLimited([...paths].sort(byText), FILES_AT_ONCE, async (path) => {
      this.#files.set(path, await this.#read(path));
    });
    for (const task of graph.order) {
      const { feedClosure = [], feedIndexes = [] } = this.#task(task).info;
      if (feedClosure.length + feedIndexes.length > 0) this.#feeds.set(task, await inputs.feed(task));
    }
  }

  async #read(path: string): Promise<readonly FileInput[]> {
    const { inputs } = this.#options;
    if (this.#handler.checksums === "md5")
      return inputs.checksums ? inputs.checksums(path) : listChecksums(path);
    const digest = await inputs.file(path);
    return digest === undefined ? [] : [{ name: displayName(path), digest }];
  }

  sign(): void {
    for (const task of this.#options.graph.order) {
      this.#signed.set(task, this.#hash(task, this.#taint(task)));
    }
  }

  #hash(task: TaskId, taint: string | undefined): Signed {
    const writer = this.#handler.writer("task");
    walkInputs(this.#inputs(task, taint), writer);
    const computed = writer.hash();
    const locked = this.#options.locked?.(task, computed);
    if (locked !== undefined) return { taint, taskHash: locked, unihash: locked };
    return { taint, taskHash: computed, unihash: this.#options.equivalence?.(task, computed) ?? computed };
  }

  settle(task: TaskId, unihash: string): TaskId[] {
    const settled = this.#get(task);
    if (settled.unihash === unihash) return [];
    this.#signed.set(task, { ...settled, unihash });
    const { order } = this.#options.graph;
    const dependents = (this.#dependents ??= this.#countedBy());
    const changed = [task];
    // By position in the order: every task comes after what it needs, so one pass forward settles all.
    const pending = new Uint8Array(order.length);
    const mark = (one: TaskId) => {
      for (const position of dependents.get(one) ?? []) pending[position] = 1;
    };
    mark(task);
    for (let at = pending.indexOf(1); at !== -1; at = pending.indexOf(1, at + 1)) {
      const other = order[at]!;
      const before = this.#get(other);
      const now = this.#hash(other, before.taint);
      this.#signed.set(other, now);
      if (now.unihash === before.unihash && now.taskHash === before.taskHash) continue;
      changed.push(other);
      mark(other);
    }
    return changed;
  }

  /** In whose hashes a task's unihash is: positions in the order. */
  #countedBy(): Map<TaskId, number[]> {
    const dependents = new Map<TaskId, number[]>();
    for (const [position, task] of this.#options.graph.order.entries()) {
      for (const need of this.#keptNeeds(task)) {
        const known = dependents.get(need);
        if (known) known.push(position);
        else dependents.set(need, [position]);
      }
    }
    return dependents;
  }

  #needInputs(needs: readonly TaskId[]): TaskInputs["needs"] {
    return needs.map((need) => ({
      label: this.#options.graph.label(need),
      unihash: this.#get(need).unihash,
    }));
  }

  of(task: TaskId): TaskSignature {
    const { taint, taskHash, unihash } = this.#get(task);
    let known: TaskInputs | undefined;
    const inputs = () => (known ??= this.#inputs(task, taint));
    const needs = () => this.#keptNeeds(task);
    return {
      task,
      baseHash: this.#task(task).info.baseHash,
      taskHash,
      unihash,
      get needs() {
        const tasks = needs();
        return inputs().needs.map((need, index) => ({ task: tasks[index]!, ...need }));
      },
      get files() {
        return inputs().files;
      },
      get feed() {
        return inputs().feed;
      },
      ...(taint === undefined ? {} : { taint }),
    };
  }

  explain(task: TaskId, d?: Datastore): Promise<SignatureExplanation> {
    const { taint, taskHash, unihash } = this.#get(task);
    const inputs = this.#inputs(task, taint);
    const { info } = this.#task(task);
    const writer = new ExplanationWriter();
    const finish = () => {
      walkInputs(inputs, writer);
      const hashes = { basehash: inputs.baseHash, taskhash: taskHash, unihash };
      return Promise.resolve(writer.explanation({ task: info.name, ...hashes }));
    };
    if (!d) return finish();
    const unstable = this.differing(task, d);
    if (unstable) return Promise.reject(new BuildError([unstable]));
    walkVariables(this.#variables(d), info.name, writer);
    return finish();
  }

  paths(task: TaskId): readonly string[] {
    return checkedPaths(this.#task(task).info);
  }

  absentPaths(task: TaskId): readonly string[] {
    const { info } = this.#task(task);
    const found = new Set(checkedPaths(info).map((path) => basename(path)));
    return checkedPaths(info, ":False").filter((path) => found.has(basename(path)));
  }

  variables(task: TaskId, d: Datastore): readonly string[] {
    return this.#variables(d)
      .reached(this.#task(task).info.name)
      .map(({ name }) => name);
  }

  differing(task: TaskId, d: Datastore): Diagnostic | undefined {
    const { recipe, info } = this.#task(task);
    const now = baseHash(this.#handler, this.#variables(d), info.name);
    if (now === info.baseHash || d.getText("BB_HASH_IGNORE_MISMATCH") === "1") return undefined;
    return problem.unstableMetadata(taskLabel(recipe, info.name), info.baseHash, now);
  }

  /** The tasks of a recipe come one after the other: its variables are analysed once. */
  #variables(d: Datastore): RecipeVariables {
    if (this.#explained?.d !== d) {
      this.#shared ??= new SharedAnalysis(this.#handler);
      this.#explained = { d, variables: new RecipeVariables(d, this.#shared) };
    }
    return this.#explained.variables;
  }

  #get(task: TaskId): Signed {
    const signed = this.#signed.get(task);
    if (!signed) throw new Error(`internal: ${task} is not signed`);
    return signed;
  }

  #task(task: TaskId): { recipe: RecipeInfo; info: TaskInfo } {
    const node = this.#options.graph.node(task);
    const recipe = this.#options.project.recipes.get(node.recipe);
    const info = recipe?.tasks[node.task];
    if (!recipe || !info) throw new Error(`internal: ${task} is not in the project`);
    return { recipe, info };
  }

  #inputs(task: TaskId, taint: string | undefined): TaskInputs {
    const { info } = this.#task(task);
    const needs = this.#needInputs(this.#keptNeeds(task));
    const files = checkedPaths(info).flatMap((path) => this.#files.get(path) ?? []);
    files.sort((left, right) => byText(left.name, right.name) || byText(left.digest, right.digest));
    return {
      baseHash: info.baseHash,
      needs,
      files,
      feed: this.#feeds.get(task) ?? [],
      taint,
    };
  }

  /** A forced run's taint stays; else a task without a stamp gets one of this run, so that what needs it runs too. */
  #taint(task: TaskId): string | undefined {
    const forced = this.#options.taint(task);
    if (forced !== undefined) return forced;
    return this.#task(task).info.nostamp ? `nostamp:${(this.#options.unique ?? randomUUID)()}` : undefined;
  }

  /** BB_TASKHASH_IGNORE_TASKS: needs on such recipes do not count, except among themselves. */
  #keptNeeds(task: TaskId): readonly TaskId[] {
    const needs = this.#options.graph.needs(task);
    const [pattern, keeps] = [this.#ignoredRecipes, this.#keepsNeed];
    if (!pattern && !keeps) return needs;
    const { recipe, info } = this.#task(task);
    const isIgnoring = pattern !== undefined && !pattern.test(recipe.pn);
    return needs.filter((need) => {
      const other = this.#task(need).recipe;
      return !(isIgnoring && pattern.test(other.pn)) && (keeps?.(recipe, info.name, other) ?? true);
    });
  }
}

function compile(variable: string, pattern: string): RegExp {
  try {
    return new RegExp(pattern, "u");
  } catch {
    throw new BuildError([problem.badPattern(variable, pattern)]);
  }
}

/** The paths of `path:True` words, or those of `path:False`: where nothing was, and would come first. */
function checkedPaths(info: TaskInfo, kind: ":True" | ":False" = ":True"): string[] {
  return (info.fileChecksums ?? []).flatMap((word) =>
    word.endsWith(kind) ? [word.slice(0, -kind.length)] : [],
  );
}

/** From the marker `/./` on when there is one, else the last part: where a tree lies does not matter. */
function displayName(path: string): string {
  const marker = path.indexOf("/./");
  return marker === -1 ? basename(path) : path.slice(marker + 1);
}
