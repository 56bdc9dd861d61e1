/**
 * Every problem this room can report, one function each, in the order of their codes.
 * A test keeps this list and docs/problems.md the same.
 */
import { nearest, type Diagnostic, type Span } from "@tsbake/base";
import type { WordPlace } from "@tsbake/datastore";
import type { RecipeInfo } from "./recipe/info.js";
import { recipeLabel } from "./configuration/multiconfig.js";

type Located = Span | undefined;

function located(at: Located): { at: Span } | Record<string, never> {
  return at ? { at } : {};
}

export function ambiguousRecipeFile(text: string, paths: readonly string[]): Diagnostic {
  return {
    severity: "error",
    code: "recipe/ambiguous-recipe-file",
    message: `${paths.length} recipe files match \`${text}\`:\n  ${paths.join("\n  ")}`,
    help: "name one of them, or more of its path",
  };
}

export function badFileName(path: string): Diagnostic {
  return {
    severity: "error",
    code: "recipe/bad-file-name",
    message: `${path} has more than two underscores in its name, so its PN, PV and PR cannot be told`,
    help: "name recipes NAME_VERSION.bb or NAME_VERSION_REVISION.bb, with `-` inside NAME",
  };
}

export function badLayerDependency(layer: string, variable: string, text: string, at: Located): Diagnostic {
  return {
    severity: "error",
    code: "recipe/bad-layer-dependency",
    message: `${variable}_${layer} has a condition that cannot be understood: \`${text}\``,
    ...located(at),
    help: "write it as `other-layer (>= 3)`, with an operator of = < > <= >= and the whole in parentheses",
  };
}

export function badLayerPriority(layer: string, text: string, at: Located): Diagnostic {
  return {
    severity: "error",
    code: "recipe/bad-layer-priority",
    message: `BBFILE_PRIORITY_${layer} is not a whole number: \`${text}\``,
    ...located(at),
    help: "set it to a number; a higher one wins over a lower one",
  };
}

/** @param flag of the variable, that has the pattern */
export function badPattern(name: string, flag: string, pattern: string, at: Located): Diagnostic {
  return {
    severity: "error",
    code: "recipe/bad-pattern",
    message: `${name}[${flag}] is no regular expression: \`${pattern}\``,
    ...located(at),
    help: "write one as JavaScript has them; the whole value, of [patterns] each word, is held against it",
  };
}

export function cacheNotWritten(path: string, reason: string): Diagnostic {
  return {
    severity: "warning",
    code: "recipe/cache-not-written",
    message: `the parse cache ${path} could not be written: ${reason}`,
    help: "make the folder writable; until then every run parses everything again",
  };
}

export function configurationLoop(): Diagnostic {
  return {
    severity: "error",
    code: "recipe/configuration-loop",
    message: "the configuration was read 20 times and BB_INVALIDCONF asks for another time",
    help: "look for the ConfigParsed handler that sets BB_INVALIDCONF without end",
  };
}

export function conflictingPreferredProviders(name: string, first: string, second: string): Diagnostic {
  return {
    severity: "warning",
    code: "recipe/conflicting-preferred-providers",
    message: `PREFERRED_PROVIDERS names both \`${first}\` and \`${second}\` for \`${name}\`; the second one counts`,
    help: "keep one of them",
  };
}

export function conflictingRuntimePreferences(name: string, variables: readonly string[]): Diagnostic {
  return {
    severity: "error",
    code: "recipe/conflicting-runtime-preferences",
    message: `several preferences speak for different providers of \`${name}\`: ${variables.join(", ")}`,
    help: `set PREFERRED_RPROVIDER_${name} to the recipe that is meant`,
  };
}

export function danglingAppends(appends: readonly string[], multiconfig: string): Diagnostic {
  const where = multiconfig === "" ? "" : ` in the configuration ${multiconfig}`;
  return {
    severity: "error",
    code: "recipe/dangling-append",
    message: `no recipe${where} for ${appends.length === 1 ? "an append" : `${appends.length} appends`}:\n  ${appends.join("\n  ")}`,
    help: "name each append as its recipe is named (`%` stands for any version), or mask it with BBMASK",
  };
}

export function doubtfulSwitch(task: string, flag: string, text: string, at: Span | undefined): Diagnostic {
  return {
    severity: "warning",
    code: "recipe/doubtful-switch",
    message: `\`${task}[${flag}]\` is \`${text}\` and counts as set all the same`,
    ...located(at),
    help: `to switch it off, write \`unset ${task}[${flag}]\`; to leave it on, set it to "1"`,
  };
}

export function duplicateCollection(layer: string, at: Located): Diagnostic {
  return {
    severity: "error",
    code: "recipe/duplicate-collection",
    message: `two layers call themselves \`${layer}\` in BBFILE_COLLECTIONS`,
    ...located(at),
    help: "remove one of them from BBLAYERS, or rename its collection in its conf/layer.conf",
  };
}

export function emptyLayer(layer: string, pattern: string): Diagnostic {
  return {
    severity: "warning",
    code: "recipe/empty-layer",
    message: `no recipe matches BBFILE_PATTERN_${layer}, \`${pattern}\``,
    help: `check the layer's BBFILES, or set BBFILE_PATTERN_IGNORE_EMPTY_${layer} = "1"`,
  };
}

export function incompatibleLayer(
  layer: string,
  wants: readonly string[],
  has: readonly string[],
  at: Located,
): Diagnostic {
  return {
    severity: "error",
    code: "recipe/incompatible-layer",
    message: `layer \`${layer}\` is made for ${wants.join(", ")}, and the core layer is ${has.join(", ")}`,
    ...located(at),
    help: "check out the branch of the layer that fits the core layer",
  };
}

export function layerVersion(
  layer: string,
  other: string,
  wanted: string,
  version: string | undefined,
  at: Located,
): Diagnostic {
  const has = version === undefined ? "sets no LAYERVERSION" : `is version ${version}`;
  return {
    severity: "error",
    code: "recipe/layer-version",
    message: `layer \`${layer}\` depends on \`${other}\` ${wanted}, which ${has}`,
    ...located(at),
    help: "check that the branches of the two layers belong together",
  };
}

export function malformedDynamicFiles(entry: string, at: Located): Diagnostic {
  return {
    severity: "error",
    code: "recipe/malformed-dynamic-files",
    message: `BBFILES_DYNAMIC has an entry without a collection: \`${entry}\``,
    ...located(at),
    help: "write entries as `collection:pattern` or `!collection:pattern`",
  };
}

export function malformedPreferredProviders(entry: string): Diagnostic {
  return {
    severity: "warning",
    code: "recipe/malformed-preferred-providers",
    message: `PREFERRED_PROVIDERS has an entry that is not understood: \`${entry}\``,
    help: "write entries as `name:recipe`",
  };
}

export function maskBeginsWithBar(pattern: string): Diagnostic {
  return {
    severity: "warning",
    code: "recipe/mask-begins-with-bar",
    message: `BBMASK has a word that begins with \`|\` and would leave out every file: \`${pattern}\`; the rest of it counts`,
    help: "remove the `|`; words of BBMASK are separated by blanks",
  };
}

export function missingBitbakeConf(searched: readonly string[]): Diagnostic {
  return {
    severity: "error",
    code: "recipe/missing-bitbake-conf",
    message: `no layer has a conf/bitbake.conf; looked in ${searched.join(", ") || "no folder: BBPATH is empty"}`,
    help: "add a core layer to BBLAYERS in conf/bblayers.conf; its conf/layer.conf has to add it to BBPATH",
  };
}

export function missingConfigurationFile(path: string): Diagnostic {
  return {
    severity: "error",
    code: "recipe/missing-configuration-file",
    message: `no such configuration file: ${path}`,
    help: "check the path given with -r or -R",
  };
}

export function missingLayer(layer: string, at: Located): Diagnostic {
  return {
    severity: "error",
    code: "recipe/missing-layer",
    message: `the layer folder does not exist: ${layer}`,
    ...located(at),
    help: "correct the path in BBLAYERS, or fetch the layer",
  };
}

export function missingLayerConf(layer: string, at: Located): Diagnostic {
  return {
    severity: "error",
    code: "recipe/missing-layer-conf",
    message: `the folder is no layer, it has no conf/layer.conf: ${layer}`,
    ...located(at),
    help: "name the folder that holds the layer's conf/ in BBLAYERS",
  };
}

export function missingLayerDependency(
  layer: string,
  other: string,
  near: readonly string[],
  at: Located,
): Diagnostic {
  return {
    severity: "error",
    code: "recipe/missing-layer-dependency",
    message: `layer \`${layer}\` depends on layer \`${other}\`, which is not in this configuration`,
    ...located(at),
    help: near.length > 0 ? `is ${orList(near)} meant?` : `add the layer \`${other}\` to BBLAYERS`,
  };
}

export function missingSeries(layer: string): Diagnostic {
  return {
    severity: "error",
    code: "recipe/missing-series",
    message: `layer \`${layer}\` says what core layer it is made for, and no layer before it is one`,
    help: "put a core layer, one that sets LAYERSERIES_CORENAMES, first in BBLAYERS",
  };
}

export function multiconfigName(name: string): Diagnostic {
  return {
    severity: "error",
    code: "recipe/multiconfig-name",
    message: `BBMULTICONFIG has a name that cannot be used: \`${name}\``,
    help: "choose a name that does not begin with a digit and has neither `:` nor `*` in it",
  };
}

export function multipleProviders(name: string, recipes: readonly string[]): Diagnostic {
  return {
    severity: "warning",
    code: "recipe/multiple-providers",
    message: `${recipes.length} recipes provide \`${name}\`, \`${recipes[0]}\` was taken: ${recipes.join(", ")}`,
    help: `set PREFERRED_PROVIDER_${name} to say which one is meant`,
    facts: { _item: name, _candidates: recipes, _is_runtime: false },
  };
}

export function multipleRuntimeProviders(name: string, recipes: readonly string[]): Diagnostic {
  return {
    severity: "warning",
    code: "recipe/multiple-runtime-providers",
    message: `${recipes.length} recipes make a package \`${name}\`, \`${recipes[0]}\` was taken: ${recipes.join(", ")}`,
    help: `set PREFERRED_RPROVIDER_${name} to say which one is meant`,
    facts: { _item: name, _candidates: recipes, _is_runtime: true },
  };
}

export function noLayers(file: string): Diagnostic {
  return {
    severity: "error",
    code: "recipe/no-layers",
    message: `no layer is configured: ${file} is missing or sets no BBLAYERS`,
    help: "run in a build folder, or write conf/bblayers.conf with the paths of your layers in BBLAYERS",
  };
}

export function noSeriesCompat(layer: string): Diagnostic {
  return {
    severity: "warning",
    code: "recipe/no-series-compat",
    message: `layer \`${layer}\` does not say for which release of the core layer it is made`,
    help: `set LAYERSERIES_COMPAT_${layer} in its conf/layer.conf`,
  };
}

interface Missing {
  readonly asker: RecipeInfo | undefined;
  /** Why recipes that would have provided it do not count. */
  readonly reasons: readonly string[];
  readonly near: readonly string[];
  /** Where the asker names it. */
  readonly wanted?: WordPlace | undefined;
}

export function noSuchRecipeFile(text: string, near: readonly string[]): Diagnostic {
  return {
    severity: "error",
    code: "recipe/no-such-recipe-file",
    message: `there is no recipe file \`${text}\`, and no path in BBFILES matches it`,
    help:
      near.length > 0
        ? `is ${orList(near)} meant?`
        : "give the path of a .bb file, or a regular expression that one path matches",
  };
}

export function notMetadata(path: string): Diagnostic {
  return {
    severity: "error",
    code: "recipe/not-metadata",
    message: `${path} is read as metadata, and its name is none of a metadata file`,
    help: "use the ending .conf, or .inc for a part of a recipe",
  };
}

function missingFacts(name: string, { asker, reasons, near }: Missing, isRuntime: boolean) {
  return {
    _item: name,
    _runtime: isRuntime,
    _dependees: asker ? [asker.id] : [],
    _reasons: reasons,
    _close_matches: near,
  };
}

function whoAsked({ asker, wanted }: Missing, variables: string): string {
  if (!asker) return "";
  return `, which \`${recipeLabel(asker)}\` needs (${wanted ? wanted.variable : `${variables} of ${asker.file}`})`;
}

function because(reasons: readonly string[]): string {
  return reasons.length > 0 ? `; ${reasons.join("; ")}` : "";
}

/** What a newcomer does not know of DEPENDS: these are recipes, and no packages of the archive. */
const LIBRARY_RECIPE =
  "; what the archive has to build with is a recipe of two lines: `inherit feed`, and FEED_PACKAGES with the names of its packages";

/** @param otherwise what else may help where nothing is known of the name */
function remedy(
  missing: Missing & { readonly runtime: readonly string[] },
  runtimeHelp: string,
  otherwise = "",
): string {
  if (missing.reasons.length > 0) return "make the reason for skipping it go away, or choose another recipe";
  if (missing.runtime.length > 0) return runtimeHelp;
  if (missing.near.length > 0) return `is ${orList(missing.near)} meant?`;
  return `check the spelling, and that the layer with the recipe is in BBLAYERS; \`tsbake -s\` lists the recipes${otherwise}`;
}

export function notText(path: string, what: string, at: Located): Diagnostic {
  return {
    severity: "error",
    code: "recipe/not-text",
    message: `${path} ${what}`,
    ...located(at),
    help: "save it as UTF-8 without a byte order mark; if it is no metadata, keep it out of BBFILES (BBMASK) or rename it",
  };
}

interface VersionMiss {
  readonly pn: string;
  readonly item: string;
  readonly wanted: string;
  readonly available: readonly string[];
}

export function nothingProvides(
  name: string,
  missing: Missing & { readonly runtime: readonly string[] },
): Diagnostic {
  return {
    severity: "error",
    code: "recipe/nothing-provides",
    message: `no recipe provides \`${name}\`${whoAsked(missing, "DEPENDS or a task flag")}${because(missing.reasons)}`,
    ...located(missing.wanted?.at),
    help: remedy(
      missing,
      `\`${name}\` is a package of ${orList(missing.runtime)}: name that recipe`,
      missing.asker && LIBRARY_RECIPE,
    ),
    facts: missingFacts(name, missing, false),
  };
}

export function nothingRuntimeProvides(name: string, missing: Missing): Diagnostic {
  return {
    severity: "error",
    code: "recipe/nothing-rprovides",
    message: `no recipe makes a package \`${name}\`${whoAsked(missing, "RDEPENDS or RRECOMMENDS")}${because(missing.reasons)}`,
    ...located(missing.wanted?.at),
    help: remedy({ ...missing, runtime: [] }, ""),
    facts: missingFacts(name, missing, true),
  };
}

export function preferredVersionMissing({ pn, item, wanted, available }: VersionMiss): Diagnostic {
  return {
    severity: "warning",
    code: "recipe/preferred-version-missing",
    message: `there is no version ${wanted} of \`${pn}\`${item === pn ? "" : ` for \`${item}\``}, which PREFERRED_VERSION asks for`,
    help: `there is ${orList(available)}`,
  };
}

export function requiredVersionMissing({ pn, item, wanted, available }: VersionMiss): Diagnostic {
  return {
    severity: "error",
    code: "recipe/required-version-missing",
    message: `there is no version ${wanted} of \`${pn}\`${item === pn ? "" : ` for \`${item}\``}, which REQUIRED_VERSION asks for`,
    help: `there is ${orList(available)}`,
  };
}

export function skippedRecipe(recipe: RecipeInfo): Diagnostic {
  return {
    severity: "error",
    code: "recipe/skipped-recipe",
    message: `\`${recipeLabel(recipe)}\` of ${recipe.file} was skipped: ${recipe.skipped}`,
    help: "make the reason for skipping it go away",
  };
}

export function twoVersionPreferences(pn: string, required: string): Diagnostic {
  return {
    severity: "warning",
    code: "recipe/two-version-preferences",
    message: `both PREFERRED_VERSION and REQUIRED_VERSION are set for \`${pn}\`; REQUIRED_VERSION ${required} counts`,
    help: "remove one of them",
  };
}

/** A word that a variable cannot have. @param known the words that it may have; @param word empty: it has none; @param form what it has to be */
export function unknownChoice(
  {
    name,
    recipe,
    word,
    known,
    form = "",
  }: {
    readonly name: string;
    readonly recipe: string;
    readonly word: string;
    readonly known: readonly string[];
    readonly form?: string;
  },
  at: Located,
): Diagnostic {
  const [meant] = nearest(word, known);
  const right = [
    ...(known.length > 0 ? [`the words for it: ${known.join(", ")}`] : []),
    ...(form ? [`it is ${form}`] : []),
  ];
  return {
    severity: "error",
    code: "recipe/unknown-choice",
    message: word === "" ? `${name} of ${recipe} is empty` : `${name} of ${recipe} cannot be \`${word}\``,
    ...located(at),
    help: `${meant === undefined ? "" : `did you mean \`${meant}\`? `}${right.join("; ")}`,
    facts: { variable: name, recipe, word },
  };
}

export function unreadableFile(path: string, reason: string, at?: Located): Diagnostic {
  return {
    severity: "error",
    code: "recipe/unreadable-file",
    message: `${path} cannot be read: ${reason}`,
    ...located(at),
    help: "repair or remove it, or correct what names it (BBFILES, BBMASK, BBLAYERS, include)",
  };
}

export function unreadableValue(
  variable: string,
  value: string,
  file: string,
  at: Located,
  wanted = "a whole number",
): Diagnostic {
  return {
    severity: "error",
    code: "recipe/unreadable-value",
    message: `${variable} of ${file} has to be ${wanted}, not \`${value}\``,
    ...located(at),
    help: `correct ${variable}`,
  };
}

export function wrongMask(pattern: string): Diagnostic {
  return {
    severity: "warning",
    code: "recipe/wrong-mask",
    message: `BBMASK has a word that is no regular expression, it is ignored: \`${pattern}\``,
    help: "correct the expression; its syntax is Python's",
  };
}

export function wrongPattern(variable: string, pattern: string, where: string, at: Located): Diagnostic {
  return {
    severity: "error",
    code: "recipe/wrong-pattern",
    message:
      pattern === ""
        ? `${variable} of ${where} is not set`
        : `${variable} of ${where} is no regular expression: \`${pattern}\``,
    ...located(at),
    help:
      pattern === ""
        ? "set it in conf/layer.conf to what the paths of the layer begin with: `^${LAYERDIR_RE}/`"
        : "correct the expression; its syntax is Python's",
  };
}

function orList(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(" or ");
}
