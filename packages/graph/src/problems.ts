/** Every problem this room can report, one function each, in the order of their codes. */
import type { Diagnostic, Note, Span } from "@tsbake/base";
import { splitMulticonfig, type FilePlace, type RecipeInfo } from "@tsbake/recipe";
import { spanOf } from "./tasks/places.js";

/** A task of a recipe as messages name it. */
export interface Asker {
  readonly label: string;
  readonly task: string;
  readonly recipe: RecipeInfo;
  /** Where `word` of a flag of the task is written. */
  readonly at: (flag: string, word: string) => Span | undefined;
}

export function badPattern(variable: string, pattern: string): Diagnostic {
  return {
    severity: "error",
    code: "graph/bad-pattern",
    message: `${variable} is no regular expression: \`${pattern}\``,
    help: `correct ${variable}, or take it away`,
  };
}

export interface CycleStep {
  readonly from: string;
  readonly to: string;
  readonly why: string;
  readonly at: Span | undefined;
  /** Between tasks of one recipe. */
  readonly isWithin: boolean;
}

export function cycle(steps: readonly CycleStep[]): Diagnostic {
  const notes: Note[] = [];
  for (const { from, to, why, at } of steps) {
    if (at) notes.push({ message: `\`${from}\` needs \`${to}\`: ${why}`, at });
  }
  const path = [...steps.map(({ from }) => from), steps[0]!.from];
  // The order of tasks in a recipe comes from classes: what recipes want of each other is what can be changed.
  const between = steps.filter(({ isWithin }) => !isWithin);
  const reasons = (between.length > 0 ? between : steps).map(
    ({ from, to, why, at }) => `${from} needs ${to} (${why}${placeText(at)})`,
  );
  return {
    severity: "error",
    code: "graph/cycle",
    message: `tasks wait for each other: ${path.join(" → ")}`,
    ...(notes.length > 0 ? { notes } : {}),
    help: `take one of these away: ${reasons.join("; ")}`,
  };
}

export function dependsForm(asker: Asker, flag: string, word: string): Diagnostic {
  return {
    severity: "error",
    code: "graph/depends-form",
    message: `${flagText(asker, flag)} has \`${word}\`, which is not of the form \`recipe:do_task\``,
    ...located(asker, flag, word),
    help: word.includes(":")
      ? "write one colon, between the recipe and the task"
      : `write \`${word}:do_populate_sysroot\`, or another task of \`${word}\``,
  };
}

export function duplicateProvider(
  name: string,
  providers: readonly { recipe: RecipeInfo; neededBy: readonly string[] }[],
): Diagnostic {
  const list = providers.map(({ recipe, neededBy }) => {
    const by = neededBy.length > 0 ? `needed by ${neededBy.slice(0, 3).join(", ")}` : "a target";
    return `${recipe.pn} (${recipe.file}, ${by})`;
  });
  const { multiconfig, name: plain } = splitMulticonfig(name);
  const where = multiconfig === "" ? "" : ` in the configuration ${multiconfig}`;
  return {
    severity: "error",
    code: "graph/duplicate-provider",
    message: `several recipes of this build provide \`${name}\`: ${list.join("; ")}`,
    help:
      `depend on one of them only, set PREFERRED_PROVIDER_${plain}${where}, ` +
      `or add \`${plain}\` to BB_MULTI_PROVIDER_ALLOWED if they can be there together`,
  };
}

export function missingTask(
  asker: Asker,
  flag: string,
  other: RecipeInfo,
  missing: { readonly task: string; readonly near: readonly string[] },
): Diagnostic {
  const tasks = Object.keys(other.tasks);
  const near = missing.near.map((name) => `\`${name}\``).join(" or ");
  const meant = near === "" ? "" : `is ${near} meant? `;
  return {
    severity: "error",
    code: "graph/missing-task",
    message: `${flagText(asker, flag)} names \`${other.pn}:${missing.task}\`, and \`${other.pn}\` has no such task`,
    ...located(asker, flag, missing.task),
    help: `${meant}${other.file} has ${tasks.length === 0 ? "no tasks" : tasks.join(", ")}; inherit the class that adds \`${missing.task}\`, or correct ${asker.task}[${flag}]`,
  };
}

export function multiconfigForm(asker: Asker, word: string): Diagnostic {
  return {
    severity: "error",
    code: "graph/multiconfig-form",
    message: `${flagText(asker, "mcdepends")} has \`${word}\`, which is not of the form \`mc:FROM:TO:recipe:do_task\``,
    ...located(asker, "mcdepends", word),
    help: "write the two configurations, the recipe and the task with a colon between each",
  };
}

export function noSuchTask(option: string, task: string, near: readonly string[]): Diagnostic {
  return {
    severity: "error",
    code: "graph/no-such-task",
    message: `no recipe that the targets need has a task \`${task}\` (${option})`,
    help:
      near.length > 0
        ? `is ${near.map((name) => `\`${name}\``).join(" or ")} meant?`
        : "check the task's name",
  };
}

export interface Requirement {
  readonly recipe: string;
  readonly variable: string;
  readonly value: string;
}

/** What is known of a variable of a recipe; its name is whatever metadata says, `constructor` too. */
export function factOf(recipe: RecipeInfo, variable: string): RecipeInfo["facts"][string] | undefined {
  return Object.hasOwn(recipe.facts, variable) ? recipe.facts[variable] : undefined;
}

/** A `[requires]` word that does not hold. `other` is undefined when there is no such recipe. */
export function requirement(
  asker: Asker,
  wanted: Requirement,
  other:
    | { readonly recipe: RecipeInfo; readonly near?: never }
    | { readonly recipe?: never; readonly near: readonly string[] },
): Diagnostic {
  const start = {
    severity: "error",
    code: "graph/requirement",
    ...located(asker, "requires", `${wanted.recipe}:${wanted.variable}`),
  } as const;
  const { recipe } = other;
  if (!recipe) {
    const near = other.near.map((name) => `\`${name}\``).join(" or ");
    return {
      ...start,
      message: `\`${asker.label}\` needs a recipe \`${wanted.recipe}\` with ${setting(wanted)}, and no recipe provides \`${wanted.recipe}\``,
      help:
        near === ""
          ? `write the recipe \`${wanted.recipe}\`, or name another in ${asker.recipe.file}`
          : `is ${near} meant?`,
    };
  }
  const fact = factOf(recipe, wanted.variable);
  const found = fact === undefined || fact.value === "" ? "is not set there" : `is \`${fact.value}\` there`;
  const at = spanOf(fact?.at);
  return {
    ...start,
    message: `\`${asker.label}\` needs \`${recipe.pn}\` to have ${setting(wanted)}, but ${wanted.variable} ${found}${placeText(fact?.at)}`,
    ...(at ? { notes: [{ message: `${wanted.variable} of \`${recipe.pn}\` is set here`, at }] } : {}),
    help: `set ${setting(wanted)} in ${recipe.file} (or in the configuration, for all), or let ${asker.recipe.pn} name another recipe than \`${wanted.recipe}\``,
  };
}

export function requiresForm(asker: Asker, word: string): Diagnostic {
  return {
    severity: "error",
    code: "graph/requires-form",
    message: `${flagText(asker, "requires")} has \`${word}\`, which is not of the form \`recipe:VARIABLE=value\``,
    ...located(asker, "requires", word),
    help: "write the recipe, a colon, the variable, `=` and the value, without blanks",
  };
}

export function shellSyntax(name: string, reason: string, at: Span | undefined): Diagnostic {
  return {
    severity: "error",
    code: "graph/shell-syntax",
    message: `the shell function \`${name}\` cannot be read: ${reason}`,
    ...(at ? { at } : {}),
    help: "correct the shell code at this place or above it",
  };
}

export function twoVersions(recipes: readonly RecipeInfo[]): Diagnostic {
  const pn = recipes[0]!.pn;
  return {
    severity: "error",
    code: "graph/two-versions",
    message: `this build needs \`${pn}\` in ${recipes.length} versions: ${recipes.map(({ file }) => file).join(", ")}`,
    help: `set PREFERRED_VERSION_${pn} to the one that all can use`,
  };
}

export function unknownHandler(name: string, known: readonly string[]): Diagnostic {
  return {
    severity: "error",
    code: "graph/unknown-handler",
    message: `BB_SIGNATURE_HANDLER is \`${name}\`, and there is no such signature handler`,
    help: `set it to ${known.map((one) => `\`${one}\``).join(" or ")}, or take it away`,
  };
}

export function unknownMulticonfig(asker: Asker, word: string, name: string): Diagnostic {
  return {
    severity: "error",
    code: "graph/unknown-multiconfig",
    message: `${flagText(asker, "mcdepends")} has \`${word}\`, and there is no configuration \`${name}\``,
    ...located(asker, "mcdepends", word),
    help: `add \`${name}\` to BBMULTICONFIG, or correct the name`,
  };
}

export function unknownTask(
  target: string,
  recipe: RecipeInfo,
  task: string,
  near: readonly string[],
): Diagnostic {
  const shown = recipe.pn === target ? `\`${target}\`` : `\`${target}\` (${recipe.pn})`;
  return {
    severity: "error",
    code: "graph/unknown-task",
    message: `${shown} has no task \`${task}\``,
    help:
      near.length > 0
        ? `is ${near.map((name) => `\`${name}\``).join(" or ")} meant?`
        : `${recipe.file} has ${Object.keys(recipe.tasks).join(", ") || "no tasks"}`,
  };
}

export function unreadableInput(path: string, reason: string): Diagnostic {
  return {
    severity: "error",
    code: "graph/unreadable-input",
    message: `${path} is an input of a task and cannot be read: ${reason}`,
    help: "make it readable for the user who builds, or take it out of SRC_URI or [file-checksums]",
  };
}

export function unstableMetadata(label: string, before: string, after: string): Diagnostic {
  return {
    severity: "error",
    code: "graph/unstable-metadata",
    message: `the metadata of \`${label}\` gave the base hash ${before} when it was parsed and ${after} now`,
    help: 'something that it reads changes by itself (time, random, environment): exclude it with [vardepsexclude], or set BB_HASH_IGNORE_MISMATCH = "1"',
  };
}

function flagText(asker: Asker, flag: string): string {
  return `${asker.task}[${flag}] of \`${asker.recipe.pn}\``;
}

function setting({ variable, value }: Requirement): string {
  return `${variable} = "${value}"`;
}

function placeText(at: FilePlace | Span | undefined): string {
  if (!at) return "";
  if ("file" in at) return `, ${at.file}:${at.line}`;
  return `, ${at.source.path}:${at.source.place(at.start).line}`;
}

function located(asker: Asker, flag: string, word: string): { at?: Span } {
  const at = asker.at(flag, word);
  return at ? { at } : {};
}
