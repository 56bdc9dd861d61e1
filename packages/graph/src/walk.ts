/**
 * One walk over the inputs of a task, two writers: one makes the hash, the other the explanation. So an explanation
 * cannot leave out what the hash has in it.
 */
import type { SignatureHandler } from "./handler.js";
import type { RecipeVariables, VariableNode } from "./variables.js";
import type { FileInput } from "./types.js";

/** Told of the inputs in the order in which they are hashed. */
export interface SignatureWriter {
  variable?(node: VariableNode): void;
  base?(hash: string): void;
  need?(label: string, unihash: string): void;
  file?(file: FileInput): void;
  feed?(line: string): void;
  taint?(text: string): void;
}

/** The task's own function first, then all that it reaches, by name. */
export function walkVariables(variables: RecipeVariables, task: string, writer: SignatureWriter): void {
  writer.variable?.(variables.node(task));
  for (const node of variables.reached(task)) writer.variable?.(node);
}

/** What a task's signature has beyond its own text. */
export interface TaskInputs {
  readonly baseHash: string;
  /** Sorted by label. */
  readonly needs: readonly { readonly label: string; readonly unihash: string }[];
  /** Sorted by name, then digest. */
  readonly files: readonly FileInput[];
  readonly feed: readonly string[];
  readonly taint?: string | undefined;
}

export function walkInputs(inputs: TaskInputs, writer: SignatureWriter): void {
  writer.base?.(inputs.baseHash);
  for (const { label, unihash } of inputs.needs) writer.need?.(label, unihash);
  for (const file of inputs.files) writer.file?.(file);
  for (const line of inputs.feed) writer.feed?.(line);
  if (inputs.taint !== undefined) writer.taint?.(inputs.taint);
}

/** The writer that makes the hash. Every line says what it is, so that no two sets of inputs give the same text. */
export class HashWriter implements SignatureWriter {
  readonly #handler: SignatureHandler;
  readonly #lines: string[];

  constructor(handler: SignatureHandler, kind: "base" | "task") {
    this.#handler = handler;
    this.#lines = [`${handler.id} ${kind}`];
  }

  variable({ digest }: VariableNode): void {
    this.#lines.push(digest);
  }

  base(hash: string): void {
    this.#lines.push(`base ${hash}`);
  }

  /** The label only sorts: what a need is called changes nothing, and multiconfigs can share artifacts. */
  need(_label: string, unihash: string): void {
    this.#lines.push(`need ${unihash}`);
  }

  file({ name, digest }: FileInput): void {
    this.#lines.push(`file ${digest} ${name}`);
  }

  feed(line: string): void {
    this.#lines.push(`feed ${line}`);
  }

  taint(text: string): void {
    this.#lines.push(`taint ${text}`);
  }

  hash(): string {
    return this.#handler.digest(this.#lines.join("\n"));
  }
}
