/** Text of a recipe that stands for another: what others need of it, and tasks whose artifacts are in the bundle. */
import type { RecipeInfo, TaskInfo } from "@tsbake/recipe";

export interface StandIn {
  readonly recipe: RecipeInfo;
  /** Of DEPENDS what the bundle has. */
  readonly depends: readonly string[];
  /** Tasks whose artifacts are there, and those without a body; with the tasks of stand-ins that each needs, `RECIPE:do_TASK`. */
  readonly tasks: ReadonlyMap<string, readonly string[]>;
}

export interface StandInSurroundings {
  /** Every task that any recipe has: those that are not kept are taken away. */
  readonly taskNames: readonly string[];
  /** Folders of this build, by the variable that has them in another one; the longest first. */
  readonly folders: ReadonlyMap<string, string>;
}

/** Tasks that work on what a recipe has left, whatever it is made of. */
const STAYING = ["do_build", "do_clean", "do_cleansstate", "do_cleanall", "do_listtasks"];

/** `PN_PV.bb`. */
export function standInName({ pn, pv }: RecipeInfo): string {
  return `${pn}_${pv}.bb`;
}

export function standInText(
  { recipe, depends, tasks }: StandIn,
  { taskNames, folders }: StandInSurroundings,
): string {
  const moved = (text: string): string =>
    [...folders].reduce((done, [variable, folder]) => done.replaceAll(folder, `\${${variable}}`), text);
  const set = (name: string, value: string): string => `${name} = ${quoted(moved(value))}`;
  const lists = (variable: string, byPackage: Readonly<Record<string, readonly string[]>>): string[] =>
    Object.entries(byPackage).map(([name, words]) =>
      set(name === "" ? variable : `${variable}:${name}`, words.join(" ")),
    );
  const facts = Object.entries(recipe.facts).map(([name, { value }]) => set(name, value));
  const gone = taskNames.filter((name) => !tasks.has(name) && !STAYING.includes(name));
  return [
    `SUMMARY = "stands for ${recipe.pn}, which is in a bundle"`,
    'LICENSE = "CLOSED"',
    'INHIBIT_DEFAULT_DEPS = "1"',
    'BBCLASSEXTEND = ""',
    set("PE", recipe.pe),
    set("PR", recipe.pr),
    set("PROVIDES", recipe.provides.join(" ")),
    set("DEPENDS", depends.join(" ")),
    set("PACKAGES", recipe.packages.join(" ")),
    set("PACKAGES_DYNAMIC", recipe.packagesDynamic.join(" ")),
    ...lists("RDEPENDS", recipe.rdepends),
    ...lists("RPROVIDES", recipe.rprovides),
    set("SSTATE_PKGSPEC", recipe.sstateSpec),
    set("STAMP", recipe.stamp),
    ...(recipe.workFolder === undefined ? [] : [set("WORKDIR", recipe.workFolder)]),
    ...facts,
    ...gone.map((name) => `deltask ${name}`),
    'do_build[recrdeptask] = ""',
    'do_build[depends] = ""',
    ...[...tasks].flatMap(([name, needs]) => taskText(name, recipe.tasks[name]!, needs, set)),
    "",
  ].join("\n");
}

/** What classes of the project say of a task of this name does not count here. */
const FLAGS = [
  "depends",
  "deptask",
  "rdeptask",
  "recrdeptask",
  "prefuncs",
  "postfuncs",
  "file-checksums",
  "feed-closure",
  "feed-indexes",
  "feed-format",
];

function taskText(
  name: string,
  { artifact }: TaskInfo,
  needs: readonly string[],
  set: (name: string, value: string) => string,
): string[] {
  const folders =
    artifact === undefined
      ? [set(`${name}[noexec]`, "1")]
      : [
          `SSTATETASKS += "${name}"`,
          set(`${name}[sstate-inputdirs]`, artifact.inputs.join(" ")),
          set(`${name}[sstate-outputdirs]`, artifact.outputs.join(" ")),
          set(`${name}[sstate-plaindirs]`, artifact.plain.join(" ")),
        ];
  return [
    "",
    `${name}() {`,
    `    bbfatal "its artifact is in the bundle, and cannot be made here"`,
    "}",
    `deltask ${name}`,
    `addtask ${name.replace(/^do_/, "")}`,
    ...FLAGS.map((flag) => `${name}[${flag}] = ""`),
    ...(needs.length > 0 ? [set(`${name}[depends]`, needs.join(" "))] : []),
    ...folders,
  ];
}

/** What is written here is no text of BitBake's any more: nothing in it is expanded but the folders. */
function quoted(value: string): string {
  const line = value.replaceAll(/\s+/g, " ").trim();
  return `"${line.replaceAll('"', '\\"')}"`;
}
