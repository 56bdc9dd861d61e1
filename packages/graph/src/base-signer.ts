/** Base hashes: the task's own text and every variable and function it reaches. */
import type { Datastore } from "@tsbake/datastore";
import type { BaseSigner } from "@tsbake/recipe";
import { openHandler, type SignatureHandler } from "./handler.js";
import { RecipeVariables, SharedAnalysis } from "./variables.js";
import { HashWriter, walkVariables } from "./walk.js";

/**
 * The signer for `handler`, default `xxh`. It keeps what it learned about texts, so one signer is to be used for all
 * recipes.
 *
 * @throws BuildError `graph/unknown-handler`
 */
export async function openBaseSigner(handler?: string): Promise<BaseSigner> {
  const opened = await openHandler(handler);
  const shared = new SharedAnalysis(opened);
  return {
    name: opened.id,
    sign(d: Datastore, tasks: readonly string[]): Map<string, string> {
      const variables = new RecipeVariables(d, shared);
      // All names first: each task is then walked over one sorted list.
      for (const task of tasks) variables.reached(task);
      return new Map(tasks.map((task) => [task, baseHash(opened, variables, task)]));
    },
  };
}

export function baseHash(handler: SignatureHandler, variables: RecipeVariables, task: string): string {
  const writer = new HashWriter(handler, "base");
  walkVariables(variables, task, writer);
  return writer.hash();
}
