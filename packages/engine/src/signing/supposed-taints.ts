/** The stamps of a question: what `-f` and `-C` would taint counts in its answer, and is forgotten with it. */
import { randomUUID } from "node:crypto";
import type { RecipeInfo } from "@tsbake/recipe";
import type { Stamps } from "@tsbake/run";

/** Stamps that read as `stamps` does. A taint is only remembered; nothing else may be written through them. */
export function supposeTaints(stamps: Stamps): Stamps {
  const supposed = new Map<string, string>();
  const keyOf = (recipe: Pick<RecipeInfo, "stamp">, task: string) => `${recipe.stamp}.${task}`;
  const writing = () => {
    throw new Error("internal: a question writes stamps");
  };
  return {
    taint: (recipe, task) => supposed.get(keyOf(recipe, task)) ?? stamps.taint(recipe, task),
    addTaint: (recipe, task) => void supposed.set(keyOf(recipe, task), randomUUID()),
    state: (recipe, task, unihash) => stamps.state(recipe, task, unihash),
    stamped: (recipe, task) => stamps.stamped(recipe, task),
    times: (recipe, task, unihash) => stamps.times(recipe, task, unihash),
    begin: writing,
    restamp: writing,
    finish: writing,
    refresh: writing,
    timeMs: (recipe, task, unihash) => stamps.timeMs(recipe, task, unihash),
    withdraw: writing,
    hasAny: (stamp, task) => stamps.hasAny(stamp, task),
    sigdataPath: (recipe, task, unihash) => stamps.sigdataPath(recipe, task, unihash),
  };
}
