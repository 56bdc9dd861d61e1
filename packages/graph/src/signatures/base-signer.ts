/** Base hashes: the task's own text and every variable and function it reaches. */
import type { Datastore } from "@tsbake/datastore";
import type { BaseSigner } from "@tsbake/recipe";
import { ExplanationWriter } from "../records/explanation.js";
import { openHandlers } from "./handler.js";
import { RecipeVariables, SharedAnalysis } from "./variables.js";
import { walkVariables } from "./walk.js";
import type { SignatureExplanation } from "../types.js";
import type { SignatureHandler } from "./writer.js";

/**
 * The signer for `handler`; without one, each recipe is signed as its BB_SIGNATURE_HANDLER says. It keeps what it
 * learned about texts, so one signer is to be used for all recipes.
 *
 * @throws BuildError `graph/unknown-handler`
 */
export async function openBaseSigner(handler?: string): Promise<BaseSigner> {
  const handlers = await openHandlers();
  const shared = new Map<SignatureHandler, SharedAnalysis>();
  return {
    // Recipes may choose any handler: what is kept of them is stale when one of the handlers is another.
    name: handler ? handlers(handler).id : ["xxh", "basichash"].map((one) => handlers(one).id).join(" "),
    sign(d: Datastore, tasks: readonly string[]): Map<string, string> {
      const used = handlers(handler ?? (d.getText("BB_SIGNATURE_HANDLER") || undefined));
      const analysis = shared.get(used) ?? new SharedAnalysis(used);
      shared.set(used, analysis);
      const variables = new RecipeVariables(d, analysis);
      // All names first: each task is then walked over one sorted list.
      for (const task of tasks) variables.reached(task);
      return new Map(tasks.map((task) => [task, baseHash(used, variables, task)]));
    },
  };
}

/** @param task with `do_` */
export function baseHash(handler: SignatureHandler, variables: RecipeVariables, task: string): string {
  const writer = handler.writer("base");
  walkVariables(variables, task, writer);
  return writer.hash();
}

/**
 * What the base hashes of these tasks are made of: each name that they reach with the names it needs and its text.
 *
 * @param d a recipe's datastore, as `openRecipe` gives it
 * @param handler without it, the one of the recipe's BB_SIGNATURE_HANDLER
 * @throws BuildError `graph/unknown-handler`
 */
export async function explainBase(
  d: Datastore,
  tasks: readonly string[],
  handler?: string,
): Promise<Pick<SignatureExplanation, "gendeps" | "varvals">> {
  const used = (await openHandlers())(handler ?? (d.getText("BB_SIGNATURE_HANDLER") || undefined));
  const variables = new RecipeVariables(d, new SharedAnalysis(used));
  const writer = new ExplanationWriter();
  for (const task of tasks) walkVariables(variables, task, writer);
  const { gendeps, varvals } = writer.explanation({ task: "", basehash: "", taskhash: "", unihash: "" });
  return { gendeps, varvals };
}
