/** The seams of this room: what a task graph and its signatures are. Shapes only. */
import type { DirectedGraph } from "graphology";
import type { Diagnostic } from "@tsbake/base";
import type { Datastore } from "@tsbake/datastore";
import type { OpenRecipe } from "./tasks/places.js";
import type { ParsedProject, Providers, RecipeId } from "@tsbake/recipe";

declare const brand: unique symbol;
/** `<RecipeId>:do_task`; made by `taskId`. */
export type TaskId = string & { readonly [brand]: "TaskId" };

export interface TaskNode {
  readonly recipe: RecipeId;
  /** With `do_`. */
  readonly task: string;
}
/** An edge goes from a task to a task it needs. `why` names the flag or addtask that made it, for cycle messages. */
export interface TaskEdge {
  readonly why: string;
}

export interface Target {
  /** Recipe or provided name. */
  readonly name: string;
  /** With `do_`. With `-` at its end: not the task itself, only what it needs. */
  readonly task: string;
}

export interface TaskGraph {
  /** Made when it is first asked for: at 100,000 tasks that takes a second, and the rest of this answers most. */
  readonly graph: DirectedGraph<TaskNode, TaskEdge>;
  readonly targets: readonly TaskId[];
  /** All tasks, needed ones first; the order is the same in every run. */
  readonly order: readonly TaskId[];
  /** Which recipe's task it is; cheap, unlike asking `graph`. */
  node(task: TaskId): TaskNode;
  has(task: TaskId): boolean;
  /** PN:do_task, for people. */
  label(task: TaskId): string;
  /** The tasks that `task` needs, sorted by label; the same array at every call. */
  needs(task: TaskId): readonly TaskId[];
}

export interface GraphOptions {
  readonly project: Pick<ParsedProject, "recipes" | "configurationText">;
  readonly providers: Pick<
    Providers,
    "build" | "runtime" | "findBuild" | "findRuntime" | "isAssumedProvided"
  >;
  /** For the places in error messages. */
  readonly openRecipe?: OpenRecipe;
  readonly targets: readonly Target[];
  /** Task names with `do_`: run them for every recipe of the targets' graph. */
  readonly runAll?: readonly string[];
  /** Task names with `do_`: of the targets' graph only these and what they need. */
  readonly runOnly?: readonly string[];
}

/** Digests of what is outside metadata. */
export interface InputDigests {
  /** Digest of a file or folder (BitBake's walk and exclusions), or undefined when it does not exist. */
  file(path: string): Promise<string | undefined>;
  /** BitBake's checksums of the same, for handlers that want these; default: `listChecksums` without a cache. */
  checksums?(path: string): Promise<readonly FileInput[]>;
  /** Lines `name version sha256`, sorted: the solved closure of archive packages. */
  feed(task: TaskId): Promise<readonly string[]>;
}

export interface TaskSignature {
  readonly task: TaskId;
  readonly baseHash: string;
  readonly taskHash: string;
  readonly unihash: string;
  /** Inputs beyond the base hash, in the order hashed. */
  readonly needs: readonly { readonly task: TaskId; readonly label: string; readonly unihash: string }[];
  readonly files: readonly FileInput[];
  readonly feed: readonly string[];
  /** Of a forced run, or `nostamp:` and a value of this run only. */
  readonly taint?: string;
}

/** A file or folder that a task reads; `name` is without the folder it lies in, so that a tree can be moved. */
export interface FileInput {
  readonly name: string;
  readonly digest: string;
}

export interface Signatures {
  of(task: TaskId): TaskSignature;
  /**
   * Gives a task another unihash, and all that depends on it the signatures that follow.
   *
   * @returns all tasks whose signatures changed, itself first; none when the unihash is the one it has
   */
  settle(task: TaskId, unihash: string): readonly TaskId[];
  /**
   * The same walk with the other writer: everything that went in, as data for sigdata files and diffsigs.
   *
   * @param d the recipe's datastore; without it the explanation lacks the variables, which is enough for a task that has
   *   no body to execute
   * @throws BuildError `graph/unstable-metadata` when `d` gives another base hash than the parse did
   */
  explain(task: TaskId, d?: Datastore): Promise<SignatureExplanation>;
  /** Files and folders whose content is in the task's signature, as they were asked for. */
  paths(task: TaskId): readonly string[];
  /** Where the task looks first for a file that it had found later: FILESPATH. */
  absentPaths(task: TaskId): readonly string[];
  /** Variables and functions whose values are in the task's signature, by name, itself not among them. @param d its recipe */
  variables(task: TaskId, d: Datastore): readonly string[];
  /** `graph/unstable-metadata` when the recipe's datastore gives another base hash than the parse did; else undefined. */
  differing(task: TaskId, d: Datastore): Diagnostic | undefined;
}

/** Field names are those of BitBake's signature files (docs/language.md 23.1); `feed` is ours. */
export interface SignatureExplanation {
  readonly task: string;
  readonly basehash: string;
  readonly taskhash: string;
  readonly unihash: string;
  readonly gendeps: Readonly<Record<string, readonly string[]>>;
  readonly varvals: Readonly<Record<string, string | null>>;
  readonly runtaskdeps: readonly string[];
  readonly runtaskhashes: Readonly<Record<string, string>>;
  readonly file_checksum_values: readonly (readonly [string, string])[];
  readonly feed: readonly string[];
  readonly taint?: string;
}

export interface SignOptions {
  readonly graph: TaskGraph;
  readonly project: Pick<ParsedProject, "recipes" | "configurationText">;
  readonly inputs: InputDigests;
  /** Taints left by `-f`: stamp folder texts by task. */
  readonly taint: (task: TaskId) => string | undefined;
  /** What output equivalence makes of a task hash; default, and for undefined: the hash itself. Called in the order of the graph. */
  readonly equivalence?: (task: TaskId, taskHash: string) => string | undefined;
  /**
   * The hash that a task is locked to, task hash and unihash in one; default, and for undefined: what was computed.
   * Called in the order of the graph.
   */
  readonly locked?: (task: TaskId, taskHash: string) => string | undefined;
  /** A text that no other call returns, the taint of [nostamp] tasks; default: a random UUID. */
  readonly unique?: () => string;
  /** BB_SIGNATURE_HANDLER; default `xxh`. */
  readonly handler?: string;
}
