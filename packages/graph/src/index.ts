import type { DirectedGraph } from "graphology";
import type { Datastore } from "@tsbake/datastore";
import type { BaseSigner, ParsedProject, Providers, RecipeId } from "@tsbake/recipe";

declare const brand: unique symbol;
/** `<RecipeId>:do_task`. */
export type TaskId = string & { readonly [brand]: "TaskId" };

export interface TaskNode {
  readonly recipe: RecipeId;
  readonly task: string;
}
/** An edge goes from a task to a task it needs. `why` names the flag or addtask that made it, for cycle messages. */
export interface TaskEdge {
  readonly why: string;
}

export interface Target {
  /** Recipe or provided name. */
  readonly name: string;
  /** With `do_`. */
  readonly task: string;
}

export interface TaskGraph {
  readonly graph: DirectedGraph<TaskNode, TaskEdge>;
  readonly targets: readonly TaskId[];
  /** All tasks, needed ones first; the order is the same in every run. */
  readonly order: readonly TaskId[];
  /** PN:do_task, for people. */
  label(task: TaskId): string;
}

export interface GraphOptions {
  readonly project: ParsedProject;
  readonly providers: Providers;
  readonly targets: readonly Target[];
  readonly runAll?: readonly string[];
  readonly runOnly?: readonly string[];
}

/**
 * Resolves targets and every dependency flag into one DAG (section 3.2 of the inventory).
 *
 * @throws BuildError: unknown target or task with near names, missing dependency with who asked, a cycle as a path with
 *   the places that made it, a `[requires]` that does not hold
 */
export declare function buildTaskGraph(options: GraphOptions): TaskGraph;

/** Digests of what is outside metadata. */
export interface InputDigests {
  /** Digest of a file or folder (BitBake's walk and exclusions), or undefined when it does not exist. */
  file(path: string): Promise<string | undefined>;
  /** Lines `name version sha256`, sorted: the solved closure of archive packages. */
  feed(packages: readonly string[], task: TaskId): Promise<readonly string[]>;
}

export interface TaskSignature {
  readonly task: TaskId;
  readonly baseHash: string;
  readonly taskHash: string;
  readonly unihash: string;
  /** Inputs beyond the base hash, in the order hashed. */
  readonly needs: readonly { readonly task: TaskId; readonly label: string; readonly unihash: string }[];
  readonly files: readonly { readonly name: string; readonly digest: string }[];
  readonly feed: readonly string[];
  readonly taint?: string;
}

export interface Signatures {
  of(task: TaskId): TaskSignature;
  /** The same walk with the other writer: everything that went in, as data for sigdata files and diffsigs. */
  explain(task: TaskId, d: Datastore): Promise<SignatureExplanation>;
}
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
  readonly project: ParsedProject;
  readonly inputs: InputDigests;
  /** Taints left by `-f`: stamp folder texts by task. */
  readonly taint: (task: TaskId) => string | undefined;
}
export declare function signTasks(options: SignOptions): Promise<Signatures>;
/** The default handler, `xxh`. */
export declare function openBaseSigner(handler?: string): Promise<BaseSigner>;
