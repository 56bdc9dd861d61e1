/**
 * Which recipe stands for a name. Nothing here reads a datastore: recipes are plain data, preferences come as
 * configuration texts, so a run whose parse was cached needs no parser for it.
 *
 * @see BitBake 2.19 lib/bb/providers.py and taskdata.py; docs/language.md 8.4 to 8.14
 */
import { BuildError, byText, nearest, words, type Diagnostic } from "@tsbake/base";
import type { WordPlace } from "@tsbake/datastore";
import type { RecipeId, RecipeInfo } from "../recipe/info.js";
import { multiconfigOf, splitMulticonfig, withMulticonfig } from "../configuration/multiconfig.js";
import { matchesWord, pythonPattern } from "../files/pattern.js";
import * as problem from "../problems.js";
import type { ParsedProject } from "../project/types.js";
import { chooseVersions, latestVersion, type Preferences, type Ranked } from "./preference.js";

export type Wanted = () => WordPlace | undefined;

/**
 * Which recipe stands for a name: PREFERRED_PROVIDER, PREFERRED_VERSION, layer priority, version (docs/language.md 8.5 to
 * 8.8). A name with `mc:NAME:` in front is looked for in that configuration, by its preferences.
 */
export interface Providers {
  /**
   * @param wanted where the asker names it; asked for only when there is an error
   * @throws BuildError `recipe/nothing-provides` with near names and who asked
   */
  build(name: string, askedBy?: RecipeId, wanted?: Wanted): RecipeId;
  /** @throws BuildError `recipe/nothing-rprovides`, `recipe/conflicting-runtime-preferences` */
  runtime(name: string, askedBy?: RecipeId, wanted?: Wanted): RecipeId;
  /** Same, undefined instead of an error. */
  /** Undefined for a name in ASSUME_PROVIDED too, though a recipe provides it. */
  findBuild(name: string): RecipeId | undefined;
  findRuntime(name: string): RecipeId | undefined;
  isAssumedProvided(name: string): boolean;
  /**
   * Rows of `tsbake -s`, of the default configuration, sorted by recipe; versions as `[epoch]:pv-pr`, empty where BitBake's
   * table is empty.
   */
  versions(): { pn: string; latest: string; preferred: string; required: string }[];
  /** Every recipe of `world`, sorted by name, configuration by configuration. */
  world(): RecipeId[];
}

/**
 * @param onWarning told, once each, of preferences that cannot be met and of choices between several providers
 * @param assumed more words for ASSUME_PROVIDED (`-I`)
 */
export function openProviders(
  project: Pick<ParsedProject, "recipes" | "configurationText">,
  onWarning: (diagnostic: Diagnostic) => void = () => {},
  assumed: readonly string[] = [],
): Providers {
  return new ConfiguredProviders(
    (multiconfig) => new ProviderTable(project, multiconfig, onWarning, assumed),
    [...new Set(["", ...[...project.recipes.keys()].map(multiconfigOf)])],
  );
}

/** One table for each configuration, made when it is first asked. */
class ConfiguredProviders implements Providers {
  readonly #make: (multiconfig: string) => ProviderTable;
  readonly #names: readonly string[];
  readonly #tables = new Map<string, ProviderTable>();

  constructor(make: (multiconfig: string) => ProviderTable, names: readonly string[]) {
    this.#make = make;
    this.#names = names;
  }

  build(text: string, askedBy?: RecipeId, wanted?: Wanted): RecipeId {
    const { multiconfig, name } = splitMulticonfig(text);
    return this.#table(multiconfig).build(name, askedBy, wanted);
  }

  runtime(text: string, askedBy?: RecipeId, wanted?: Wanted): RecipeId {
    const { multiconfig, name } = splitMulticonfig(text);
    return this.#table(multiconfig).runtime(name, askedBy, wanted);
  }

  findBuild(text: string): RecipeId | undefined {
    const { multiconfig, name } = splitMulticonfig(text);
    return this.#table(multiconfig).findBuild(name);
  }

  findRuntime(text: string): RecipeId | undefined {
    const { multiconfig, name } = splitMulticonfig(text);
    return this.#table(multiconfig).findRuntime(name);
  }

  isAssumedProvided(text: string): boolean {
    const { multiconfig, name } = splitMulticonfig(text);
    return this.#table(multiconfig).isAssumedProvided(name);
  }

  versions() {
    return this.#table("").versions();
  }

  world(): RecipeId[] {
    return this.#names.flatMap((multiconfig) => this.#table(multiconfig).world());
  }

  #table(multiconfig: string): ProviderTable {
    let table = this.#tables.get(multiconfig);
    if (!table) this.#tables.set(multiconfig, (table = this.#make(multiconfig)));
    return table;
  }
}

interface Choice {
  /** Best first. */
  readonly eligible: readonly RecipeInfo[];
  readonly failure?: Diagnostic;
}

/** The names of one configuration, without `mc:NAME:`. */
class ProviderTable implements Providers {
  readonly #multiconfig: string;
  readonly #text: (name: string) => string | undefined;
  readonly #warn: (diagnostic: Diagnostic) => void;
  readonly #byId: ReadonlyMap<RecipeId, RecipeInfo>;
  readonly #byPn = new Map<string, RecipeInfo[]>();
  readonly #byName = new Map<string, RecipeInfo[]>();
  readonly #byPackage = new Map<string, RecipeInfo[]>();
  readonly #byRuntimeName = new Map<string, RecipeInfo[]>();
  readonly #dynamic = new Map<string, RecipeInfo[]>();
  #dynamicPatterns: readonly { test: RegExp; recipes: readonly RecipeInfo[] }[] | undefined;
  readonly #skipped: RecipeInfo[] = [];
  readonly #preferredProviders: ReadonlyMap<string, string>;
  readonly #assumed: readonly string[];
  readonly #buildChoices = new Map<string, Choice>();
  readonly #runtimeChoices = new Map<string, Choice>();
  readonly #preferences: Preferences;

  constructor(
    project: Pick<ParsedProject, "recipes" | "configurationText">,
    multiconfig: string,
    onWarning: (diagnostic: Diagnostic) => void,
    assumed: readonly string[],
  ) {
    this.#multiconfig = multiconfig;
    this.#byId = project.recipes;
    this.#text = (name) => project.configurationText(name, multiconfig);
    const told = new Set<string>();
    this.#warn = (diagnostic) => {
      if (told.has(diagnostic.message)) return;
      told.add(diagnostic.message);
      onWarning(diagnostic);
    };
    this.#preferences = { text: this.#text, warn: this.#warn };
    this.#assumed = [...words(this.#text("ASSUME_PROVIDED")), ...assumed];
    this.#preferredProviders = this.#readPreferredProviders();
    const sorted = [...project.recipes.values()]
      .filter(({ id }) => multiconfigOf(id) === multiconfig)
      .sort((left, right) => byText(left.id, right.id));
    for (const recipe of sorted) {
      if (recipe.skipped === undefined) this.#add(recipe);
      else this.#skipped.push(recipe);
    }
  }

  #add(recipe: RecipeInfo): void {
    put(this.#byPn, recipe.pn, recipe);
    for (const name of new Set([recipe.pn, ...recipe.provides])) put(this.#byName, name, recipe);
    for (const name of new Set(recipe.packages)) put(this.#byPackage, name, recipe);
    for (const name of new Set(Object.values(recipe.rprovides).flat()))
      put(this.#byRuntimeName, name, recipe);
    for (const pattern of new Set(recipe.packagesDynamic)) put(this.#dynamic, pattern, recipe);
  }

  #readPreferredProviders(): Map<string, string> {
    const preferred = new Map<string, string>();
    for (const word of words(this.#text("PREFERRED_PROVIDERS"))) {
      const [name, provider, more] = word.split(":");
      if (!name || !provider || more !== undefined) {
        this.#warn(problem.malformedPreferredProviders(word));
        continue;
      }
      const before = preferred.get(name);
      if (before !== undefined && before !== provider) {
        this.#warn(problem.conflictingPreferredProviders(name, before, provider));
      }
      preferred.set(name, provider);
    }
    return preferred;
  }

  build(name: string, askedBy?: RecipeId, wanted?: Wanted): RecipeId {
    const choice = this.#chooseBuild(name);
    const best = choice.eligible[0];
    if (best) return best.id;
    const asker = askedBy && this.#byId.get(askedBy);
    const reasons = this.#skipReasons(name, false);
    if (!this.#byName.has(name)) {
      const near = nearest(name, [...this.#byName.keys(), ...this.#skipped.map(({ pn }) => pn)]);
      const runtime = this.#runtimeCandidates(name).map(({ pn }) => pn);
      const missing = { asker, reasons, near, runtime, wanted: wanted?.() };
      throw new BuildError([problem.nothingProvides(this.#shown(name), missing)]);
    }
    const missing = { asker, reasons, near: [], runtime: [], wanted: wanted?.() };
    throw new BuildError([choice.failure ?? problem.nothingProvides(this.#shown(name), missing)]);
  }

  runtime(name: string, askedBy?: RecipeId, wanted?: Wanted): RecipeId {
    const choice = this.#chooseRuntime(name);
    const best = choice.eligible[0];
    if (best && !choice.failure) return best.id;
    if (best && choice.failure) throw new BuildError([choice.failure]);
    const asker = askedBy && this.#byId.get(askedBy);
    const near = nearest(name, [...this.#byPackage.keys(), ...this.#byRuntimeName.keys()]);
    const reasons = this.#skipReasons(name, true);
    const missing = { asker, reasons, near, wanted: wanted?.() };
    throw new BuildError([choice.failure ?? problem.nothingRuntimeProvides(this.#shown(name), missing)]);
  }

  /** As messages name it. */
  #shown(name: string): string {
    return withMulticonfig(this.#multiconfig, name);
  }

  findBuild(name: string): RecipeId | undefined {
    return this.isAssumedProvided(name) ? undefined : this.#chooseBuild(name).eligible[0]?.id;
  }

  findRuntime(name: string): RecipeId | undefined {
    if (this.isAssumedProvided(name)) return undefined;
    const choice = this.#chooseRuntime(name);
    return choice.failure ? undefined : choice.eligible[0]?.id;
  }

  isAssumedProvided(name: string): boolean {
    return this.#assumed.some((word) => matchesWord(word, name));
  }

  versions(): { pn: string; latest: string; preferred: string; required: string }[] {
    return [...this.#byPn.keys()].sort(byText).map((pn) => {
      const ranked = this.#byPn.get(pn)!;
      const chosen = chooseVersions(pn, ranked, this.#preferences);
      const latest = versionText(latestVersion(ranked));
      const wanted = chosen.recipe ? versionText(chosen.recipe) : "";
      return {
        pn,
        latest,
        preferred: chosen.required || wanted === latest ? "" : wanted,
        required: chosen.required ? wanted : "",
      };
    });
  }

  world(): RecipeId[] {
    const names = new Set<string>();
    for (const [pn, recipes] of this.#byPn) {
      const provided = recipes.flatMap((recipe) => [pn, ...recipe.provides]);
      const shared = provided.some(
        (name) => name.startsWith("virtual/") || this.#byName.get(name)?.some((other) => other.pn !== pn),
      );
      if (!shared && recipes.some((recipe) => !recipe.excludeFromWorld)) names.add(pn);
    }
    return [...names].sort(byText).flatMap((pn) => this.findBuild(pn) ?? []);
  }

  #chooseBuild(name: string): Choice {
    const known = this.#buildChoices.get(name);
    if (known) return known;
    const choice = this.#filter(this.#byName.get(name) ?? [], name);
    const preferred = this.#text(`PREFERRED_PROVIDER_${name}`) || this.#preferredProviders.get(name);
    const eligible = toFront(choice.eligible, (recipe) => recipe.pn === preferred);
    if (eligible.length > 1 && eligible[0]?.pn !== preferred) {
      this.#warn(
        problem.multipleProviders(
          this.#shown(name),
          eligible.map(({ pn }) => pn),
        ),
      );
    }
    const result = { ...choice, eligible };
    this.#buildChoices.set(name, result);
    return result;
  }

  #chooseRuntime(name: string): Choice {
    const known = this.#runtimeChoices.get(name);
    if (known) return known;
    const result = this.#pickRuntime(name, this.#filter(this.#runtimeCandidates(name), name));
    this.#runtimeChoices.set(name, result);
    return result;
  }

  /** PREFERRED_RPROVIDER first; else what the PREFERRED_PROVIDER of something that a candidate provides tells. */
  #pickRuntime(name: string, choice: Choice): Choice {
    const wanted = this.#text(`PREFERRED_RPROVIDER_${name}`);
    if (wanted && choice.eligible.some(({ pn }) => pn === wanted)) {
      return { ...choice, eligible: toFront(choice.eligible, ({ pn }) => pn === wanted) };
    }
    const inferred = new Map<string, string>();
    // BitBake takes the first hit out of the list that it walks, so the recipe after it is not asked. OE-core relies on
    // that: glibc and nativesdk-glibc are both preferred and both have a package that provides `rtld(GNU_HASH)`.
    const walked = [...choice.eligible];
    for (let index = 0; index < walked.length; index++) {
      for (const provided of this.#providesOf(walked[index]!.pn)) {
        const preferred = this.#text(`PREFERRED_PROVIDER_${provided}`);
        const isCandidate = choice.eligible.some(({ pn }) => pn === preferred);
        if (!preferred || !isCandidate || inferred.has(preferred)) continue;
        if (inferred.size === 0)
          walked.splice(
            walked.findIndex(({ pn }) => pn === preferred),
            1,
          );
        inferred.set(preferred, `PREFERRED_PROVIDER_${provided} = ${preferred}`);
        break;
      }
    }
    if (inferred.size > 1) {
      return {
        ...choice,
        failure: problem.conflictingRuntimePreferences(this.#shown(name), [...inferred.values()]),
      };
    }
    const [only] = inferred.keys();
    if (only !== undefined) return { ...choice, eligible: toFront(choice.eligible, ({ pn }) => pn === only) };
    if (choice.eligible.length > 1) {
      const names = choice.eligible.map(({ pn }) => pn);
      this.#warn(problem.multipleRuntimeProviders(this.#shown(name), names));
    }
    return choice;
  }

  #providesOf(pn: string): Set<string> {
    return new Set((this.#byPn.get(pn) ?? []).flatMap((recipe) => [pn, ...recipe.provides]));
  }

  #runtimeCandidates(name: string): RecipeInfo[] {
    const exact = new Set([...(this.#byRuntimeName.get(name) ?? []), ...(this.#byPackage.get(name) ?? [])]);
    if (exact.size > 0) return [...exact];
    const dynamic = new Set<RecipeInfo>();
    this.#dynamicPatterns ??= [...this.#dynamic].map(([pattern, recipes]) => {
      // `+` stands for itself: gtk+ is a name more often than a repetition.
      const test = pythonPattern(pattern.replaceAll("+", "\\+"), "start");
      if (!test)
        throw new BuildError([
          problem.wrongPattern("PACKAGES_DYNAMIC", pattern, recipes[0]!.file, undefined),
        ]);
      return { test, recipes };
    });
    for (const { test, recipes } of this.#dynamicPatterns) {
      if (test.test(name)) for (const recipe of recipes) dynamic.add(recipe);
    }
    return [...dynamic];
  }

  /** One recipe for each PN, those with a preferred version first; the PN that is the name itself in front. */
  #filter(candidates: readonly RecipeInfo[], name: string): Choice {
    const groups = new Map<string, RecipeInfo[]>();
    const sorted = [...candidates].sort((left, right) => byText(left.id, right.id));
    for (const recipe of sorted) put(groups, recipe.pn, recipe);
    const preferred: RecipeInfo[] = [];
    const latest: RecipeInfo[] = [];
    for (const pn of [...groups.keys()].sort(byText)) {
      const group: readonly Ranked[] = groups.get(pn)!;
      const chosen = chooseVersions(pn, group, this.#preferences, name);
      if (chosen.failure) return { eligible: [], failure: chosen.failure };
      const recipe = this.#byId.get((chosen.recipe ?? latestVersion(group)).id)!;
      (chosen.recipe ? preferred : latest).push(recipe);
    }
    return { eligible: toFront([...preferred, ...latest], ({ pn }) => pn === name) };
  }

  #skipReasons(name: string, runtime: boolean): string[] {
    return this.#skipped.flatMap((recipe) => {
      if (recipe.pn === name) return [`${recipe.pn} was skipped: ${recipe.skipped}`];
      const names = runtime
        ? [...recipe.packages, ...Object.values(recipe.rprovides).flat()]
        : recipe.provides;
      if (!names.includes(name)) return [];
      const verb = runtime ? "RPROVIDES" : "PROVIDES";
      return [`${recipe.pn} ${verb} ${name} but was skipped: ${recipe.skipped}`];
    });
  }
}

function put<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

function toFront(
  recipes: readonly RecipeInfo[],
  isFirst: (recipe: RecipeInfo) => boolean,
): readonly RecipeInfo[] {
  return [...recipes.filter(isFirst), ...recipes.filter((recipe) => !isFirst(recipe))];
}

function versionText({ pe, pv, pr }: Ranked): string {
  return `${pe}:${pv}-${pr}`;
}
