/** What the metadata says, for people. */
import { BuildError, byText, nearest } from "@tsbake/base";
import { pythonText, type Datastore } from "@tsbake/datastore";
import { withPython } from "@tsbake/run";
import type { BuildContext } from "../phases/context.js";
import { splitTarget } from "../phases/targets.js";
import { unknownConfiguration } from "../problems.js";
import { describeEnvironment } from "../settings/environment.js";

/** Of the configuration, of a multiconfig (`mc:NAME`) or of a recipe. @throws BuildError where there is no such one */
export function showEnvironment(context: BuildContext, target: string | undefined): Promise<string> {
  const { project, providers } = context;
  return withPython(context.python.open, () => {
    const multiconfig = /^(?:mc|multiconfig):([^:]+)$/.exec(target ?? "mc:")?.[1] ?? "";
    if (!project.multiconfigs.includes(multiconfig)) {
      const near = nearest(multiconfig, project.multiconfigs);
      throw new BuildError([unknownConfiguration(multiconfig, near)]);
    }
    const isConfiguration = project.wanted === undefined && (target === undefined || multiconfig !== "");
    return describeEnvironment(
      isConfiguration
        ? expandedConfiguration(context, multiconfig)
        : project.openRecipe(providers.build(splitTarget(target ?? "").name)),
    );
  });
}

/** As a recipe would see it: `A:${B}` under its real name. */
function expandedConfiguration({ project }: BuildContext, multiconfig: string): Datastore {
  const d = project.configuration(multiconfig).createCopy();
  d.expandKeys();
  return d;
}

/** Values of variables as a recipe has them; those that are not set are left out. @throws BuildError when nothing provides the target */
export function recipeVariables(
  context: BuildContext,
  target: string,
  names: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const { project, providers } = context;
  return withPython(context.python.open, () => {
    const d = project.openRecipe(providers.build(splitTarget(target).name));
    return new Map(
      names.flatMap((name) => {
        const value = d.getVar(name);
        return value === undefined ? [] : [[name, pythonText(value)]];
      }),
    );
  });
}

/** Sorted by name. @throws BuildError when nothing provides the target */
export function taskList(
  { project, providers }: BuildContext,
  target: string,
): { name: string; doc: string }[] {
  const recipe = providers.build(splitTarget(target).name);
  const d = project.openRecipe(recipe);
  const names = Object.keys(project.recipes.get(recipe)?.tasks ?? {}).sort(byText);
  return names.map((name) => ({ name, doc: pythonText(d.getVarFlag(name, "doc") ?? "") }));
}
