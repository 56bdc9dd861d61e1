/** Recipes as the graph sees them, made by hand: no metadata, no parser. */
import type { FilePlace, ParsedProject, RecipeId, RecipeInfo, TaskInfo } from "@tsbake/recipe";

/** Lists are written as in metadata: words with blanks between. */
export interface TaskText {
  readonly after?: string;
  readonly depends?: string;
  readonly rdepends?: string;
  readonly mcdepends?: string;
  readonly deptask?: string;
  readonly rdeptask?: string;
  readonly recrdeptask?: string;
  readonly recideptask?: string;
  readonly requires?: string;
  readonly fileChecksums?: string;
  readonly feedClosure?: string;
  readonly noexec?: boolean;
  readonly nostamp?: boolean;
  readonly at?: FilePlace;
  readonly baseHash?: string;
}

export interface RecipeFields {
  readonly version?: string;
  readonly depends?: string;
  readonly provides?: string;
  readonly packages?: string;
  readonly rdepends?: Readonly<Record<string, string>>;
  readonly rrecommends?: Readonly<Record<string, string>>;
  readonly facts?: RecipeInfo["facts"];
}

export type RecipeText = RecipeInfo;

const LISTS =
  "depends rdepends mcdepends deptask rdeptask recrdeptask recideptask requires fileChecksums feedClosure".split(
    " ",
  );

export function recipe(
  pn: string,
  tasks: Readonly<Record<string, TaskText>>,
  fields: RecipeFields = {},
): RecipeInfo {
  const version = fields.version ?? "1.0";
  const file = `/layer/${pn}_${version}.bb`;
  return {
    id: file as RecipeId,
    file,
    layer: "core",
    layerPriority: 5,
    defaultPreference: 0,
    pn,
    pe: "",
    pv: version,
    pr: "r0",
    provides: [pn, ...split(fields.provides)],
    depends: split(fields.depends),
    packages: fields.packages === undefined ? [pn] : split(fields.packages),
    packagesDynamic: [],
    rdepends: splitAll(fields.rdepends),
    rrecommends: splitAll(fields.rrecommends),
    rprovides: {},
    excludeFromWorld: false,
    stamp: `/build/stamps/${pn}`,
    tasks: Object.fromEntries(Object.entries(tasks).map(([name, text]) => [name, task(pn, name, text)])),
    facts: fields.facts ?? {},
    sstateSpec: "",
  };
}

function task(pn: string, name: string, text: TaskText): TaskInfo {
  const lists = LISTS.flatMap((key) => {
    const words = split(text[key as keyof TaskText] as string | undefined);
    return words.length > 0 ? [[key, words] as const] : [];
  });
  return {
    name,
    after: split(text.after),
    ...Object.fromEntries(lists),
    ...(text.noexec ? { noexec: true as const } : {}),
    ...(text.nostamp ? { nostamp: true as const } : {}),
    ...(text.at ? { at: text.at } : {}),
    baseHash: text.baseHash ?? `base of ${pn}:${name}`,
  };
}

/** What the graph and the providers need of a project. */
export function makeProject(
  recipes: readonly RecipeInfo[],
  configuration: Readonly<Record<string, string>>,
): Pick<ParsedProject, "recipes" | "configurationText"> {
  return {
    recipes: new Map(recipes.map((one) => [one.id, one])),
    configurationText: (name) => configuration[name],
  };
}

function split(text: string | undefined): string[] {
  return text?.split(/\s+/).filter((word) => word !== "") ?? [];
}

function splitAll(texts: Readonly<Record<string, string>> | undefined): Record<string, string[]> {
  return Object.fromEntries(Object.entries(texts ?? {}).map(([name, text]) => [name, split(text)]));
}
