/** What a person types for a target, as the graph wants it: `recipe`, `recipe:do_task`, `mc:NAME:recipe`, `mc:*:recipe`, `world`. */
import { BuildError, nearest } from "@tsbake/base";
import type { Diagnostic } from "@tsbake/base";
import type { Target } from "@tsbake/graph";
import { recipeLabel, splitMulticonfig, withMulticonfig } from "@tsbake/recipe";
import type { ParsedProject, Providers } from "@tsbake/recipe";
import { assumedTarget, unknownConfiguration } from "../problems.js";

export interface TargetsRequest {
  readonly project: Pick<ParsedProject, "recipes" | "multiconfigs">;
  readonly providers: Pick<Providers, "world" | "isAssumedProvided">;
  /** As typed. */
  readonly asked: readonly string[];
  /** Task of targets that name none; with `do_`. */
  readonly task: string;
  readonly onWarning: (diagnostic: Diagnostic) => void;
}

/** `do_` in front unless it is there. */
export function taskName(name: string): string {
  return name.startsWith("do_") ? name : `do_${name}`;
}

/**
 * A target's parts. The name keeps `mc:NAME:`; `virtual/x` and `virtual:native:x` are names.
 */
export function splitTarget(text: string): { name: string; task?: string } {
  const { multiconfig, name } = splitMulticonfig(text);
  const at = name.lastIndexOf(":");
  if (at === -1 || !/^(do_)?[a-z][\w-]*$/.test(name.slice(at + 1)) || /^virtual:[^:]*$/.test(name))
    return { name: withMulticonfig(multiconfig, name) };
  return { name: withMulticonfig(multiconfig, name.slice(0, at)), task: taskName(name.slice(at + 1)) };
}

/** @throws BuildError `engine/unknown-configuration` */
export function resolveTargets(request: TargetsRequest): Target[] {
  const { project, providers, task, onWarning } = request;
  const problems: Diagnostic[] = [];
  const targets = expandWildcards(request.asked, project.multiconfigs).flatMap((text): Target[] => {
    const target = splitTarget(text);
    const { multiconfig, name } = splitMulticonfig(target.name);
    if (!project.multiconfigs.includes(multiconfig)) {
      problems.push(unknownConfiguration(multiconfig, nearest(multiconfig, project.multiconfigs)));
      return [];
    }
    const wanted = target.task ?? task;
    if (target.name === "world") {
      // `-c fetch world` is meant for those recipes that have something to fetch.
      const recipes = providers.world().map((id) => project.recipes.get(id)!);
      return recipes
        .filter(({ tasks }) => tasks[wanted] !== undefined)
        .map((recipe) => ({ name: recipeLabel(recipe), task: wanted }));
    }
    if (providers.isAssumedProvided(target.name)) onWarning(assumedTarget(name));
    return [{ name: target.name, task: wanted }];
  });
  if (problems.length > 0) throw new BuildError(problems);
  return targets;
}

/**
 * `mc:*:recipe` stands for every configuration, the default one too unless another target names a recipe of it; BitBake does
 * the same, and so `mc:*:recipe recipe` builds each once.
 */
function expandWildcards(asked: readonly string[], multiconfigs: readonly string[]): string[] {
  const isPlain = (text: string) => splitMulticonfig(text).multiconfig === "";
  const hasPlain = asked.some(isPlain);
  return asked.flatMap((text) => {
    const { multiconfig, name } = splitMulticonfig(text);
    if (multiconfig !== "*") return [text];
    const named = multiconfigs.filter((one) => one !== "" || !hasPlain);
    return named.map((one) => withMulticonfig(one, name));
  });
}
