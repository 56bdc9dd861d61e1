/**
 * One walk over the inputs of a task, two writers: one makes the hash, the other the explanation. So an explanation
 * cannot leave out what the hash has in it.
 */
import type { RecipeVariables } from "./variables.js";
import type { SignatureWriter } from "./writer.js";
import type { FileInput } from "../types.js";

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

/** Hands all inputs of a task to the writer, in the order that its hash depends on. */
export function walkInputs(inputs: TaskInputs, writer: SignatureWriter): void {
  writer.base?.(inputs.baseHash);
  for (const { label, unihash } of inputs.needs) writer.need?.(label, unihash);
  for (const file of inputs.files) writer.file?.(file);
  for (const line of inputs.feed) writer.feed?.(line);
  if (inputs.taint !== undefined) writer.taint?.(inputs.taint);
}
