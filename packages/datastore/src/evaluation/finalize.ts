/** The end of a recipe variant: when all its statements are read, and before anybody asks what it is. */
import { BuildError, words } from "@tsbake/base";
import type { Datastore } from "../datastore.js";
import { runStatements } from "./evaluation.js";
import type { EvaluationHost } from "./evaluator.js";
import { fireEvent, registerHandlers } from "./events.js";
import { explainFailure } from "../python/failure.js";
import { pythonFunction } from "./functions.js";
import { deferredInherits, inherit, takeDeferredInherit } from "./inherit.js";
import { dependsEntry, missingPreferredProvider } from "../problems.js";
import { filesOf } from "./noted-files.js";
import { listTasks } from "./tasks.js";
import { textsOf } from "../variables/value.js";

/**
 * What follows the last statement of a recipe variant: deferred inherits, key expansion, anonymous Python, task list
 * (docs/language.md 1.9), with the events in between and RecipeParsed at the end: a handler of that may still skip the
 * recipe, so it comes before signatures are made.
 *
 * @throws as `evaluateFile`
 */
export function finalize(d: Datastore, host: EvaluationHost): void {
  const fn = d.getText("FILE") ?? "";
  const fire = (name: string, attributes: Readonly<Record<string, unknown>> = {}) =>
    fireEvent({ eventClass: `bb.event.${name}`, attributes: { fn, ...attributes } }, d, host);

  fire("RecipePreDeferredInherits", { inherits: deferredInherits(d).map(({ expression }) => expression) });
  runDeferredInherits(d, host);
  registerHandlers(d);
  fire("RecipePreFinalise");
  for (const warning of d.expandKeys()) host.warn(warning);
  fire("RecipePostKeyExpansion");
  runAnonymous(d, host);
  const tasks = textsOf(d.getVar("__BBTASKS", { expand: false }));
  fire("RecipeTaskPreProcess", { tasklist: [...tasks] });
  chooseVirtualProviders(d, tasks);
  for (const task of listTasks(d).keys()) d.setVarFlag(task, "task", 1);
  d.setVar("BBINCLUDED", [...new Set([...filesOf(d, "__base_depends"), ...filesOf(d)])].join(" "));
  fire("RecipeParsed");
}

/** One at a time: a class that is inherited late may put off others. */
function runDeferredInherits(d: Datastore, host: EvaluationHost): void {
  for (let next = takeDeferredInherit(d); next !== undefined; next = takeDeferredInherit(d)) {
    const { expression, at } = next;
    runStatements(d, host, { what: `inherit ${expression}`, at }, (evaluator) =>
      inherit(expression, at, evaluator, true),
    );
  }
}

/** In the order of evaluation. */
function runAnonymous(d: Datastore, host: EvaluationHost): void {
  for (const name of textsOf(d.getVar("__BBANONFUNCS", { expand: false }))) {
    const found = pythonFunction(d, name);
    if (found === undefined) continue;
    try {
      host.python().execute(name, found.body, found.place, d);
    } catch (error) {
      throw explainFailure(error, { what: "anonymous Python", at: found.place.at }, host);
    }
  }
}

/**
 * Puts the chosen provider in place of each name of BB_RECIPE_VIRTUAL_PROVIDERS in DEPENDS and in tasks' [depends].
 * @see BitBake 2.19 lib/bb/parse/ast.py, handleVirtRecipeProviders
 */
function chooseVirtualProviders(d: Datastore, tasks: readonly string[]): void {
  const virtual = new Set(words(d.getText("BB_RECIPE_VIRTUAL_PROVIDERS")));
  const choose = (name: string) => {
    if (!virtual.has(name)) return name;
    const chosen = d.getText(`PREFERRED_PROVIDER_${name}`);
    if (!chosen) throw new BuildError([missingPreferredProvider(name)]);
    return chosen;
  };
  write(d, "DEPENDS", words(d.getText("DEPENDS")).map(choose).join(" "));
  for (const task of tasks) {
    const chosen = textsOf(d.getVarFlag(task, "depends")).map((entry) => {
      const [recipe, needed, ...more] = entry.split(":");
      if (needed === undefined || more.length > 0) {
        throw new BuildError([dependsEntry(d.spanOf(task, "depends") ?? d.spanOf(task), task, entry)]);
      }
      return `${choose(recipe!)}:${needed}`;
    });
    d.setVarFlag(task, "depends", chosen.join(" "));
  }
}

/** Sets what the statement at the variable's present place meant. */
function write(d: Datastore, name: string, value: string): void {
  const at = d.spanOf(name);
  d.setVar(name, value, at ? { at } : {});
}
