/** From a finished datastore to the plain data that graph and providers work with. */
import { isAbsolute } from "node:path";
import { BuildError, sha256, toBoolean, words, type Diagnostic } from "@tsbake/base";
import { checkBooleanFlag, isFlagTrue, listTasks, type Datastore } from "@tsbake/datastore";
import type { RecipeFile } from "../files/collect.js";
import { dependencyNames } from "../providers/dependencies.js";
import { flagText } from "./flag.js";
import type { FilePlace, RecipeId, RecipeInfo, TaskInfo } from "./info.js";
import * as problem from "../problems.js";

/** Two lists of folders of one task are told apart by so many hex digits. */
const DIGITS_OF_FOLDERS = 12;

export interface ExtractRequest {
  readonly id: RecipeId;
  readonly file: RecipeFile;
  /** By task; empty for a skipped recipe. */
  readonly baseHashes: ReadonlyMap<string, string>;
  /** Reason, when the recipe was skipped. */
  readonly skipped?: string;
}

/** @throws BuildError for a value that cannot be expanded or read */
export function extractRecipe(d: Datastore, { id, file, baseHashes, skipped }: ExtractRequest): RecipeInfo {
  const text = (name: string): string => d.getText(name) ?? "";
  const pn = text("PN");
  const listed = words(text("PACKAGES"));
  const packages = listed.length > 0 ? listed : [pn];
  const byPackage = (variable: string): Record<string, string[]> => {
    const lists: Record<string, string[]> = {};
    const whole = dependencyNames(text(variable));
    if (whole.length > 0) lists[""] = whole;
    for (const name of packages) {
      const own = dependencyNames(text(`${variable}:${name}`));
      if (own.length > 0) lists[name] = own;
    }
    return lists;
  };
  const isSkipped = skipped !== undefined;
  const hashFileName = text("BB_HASHFILENAME");
  const tasks = isSkipped ? {} : extractTasks(d, baseHashes);
  return {
    id,
    file: file.path,
    layer: file.layer,
    layerPriority: file.layerPriority,
    defaultPreference: isSkipped ? 0 : wholeNumber(d, "DEFAULT_PREFERENCE", file.path),
    pn,
    pe: text("PE"),
    pv: text("PV"),
    pr: text("PR"),
    provides: dependencyNames(text("PROVIDES")),
    depends: isSkipped ? [] : [...new Set(dependencyNames(text("DEPENDS")))],
    packages,
    packagesDynamic: words(text("PACKAGES_DYNAMIC")),
    rdepends: isSkipped ? {} : byPackage("RDEPENDS"),
    rrecommends: isSkipped ? {} : byPackage("RRECOMMENDS"),
    rprovides: byPackage("RPROVIDES"),
    ...(isSkipped ? { skipped } : {}),
    excludeFromWorld: !isSkipped && yesOrNo(d, "EXCLUDE_FROM_WORLD", file.path),
    stamp: isSkipped ? "" : text("STAMP"),
    ...(isSkipped || !text("WORKDIR") ? {} : { workFolder: text("WORKDIR") }),
    tasks,
    ...feedSources(d, tasks),
    facts: isSkipped ? {} : extractFacts(d),
    ...(hashFileName && !isSkipped ? { hashFileName } : {}),
    sstateSpec: isSkipped ? "" : text("SSTATE_PKGSPEC"),
  };
}

/** Most recipes take nothing from the archive, and the sources of a configuration are long. */
function feedSources(d: Datastore, tasks: RecipeInfo["tasks"]): Pick<RecipeInfo, "feedSources"> {
  if (!Object.values(tasks).some(({ feedClosure }) => feedClosure)) return {};
  const sources = feedSourceLines(d.getText("FEED_SOURCES"));
  return sources === undefined ? {} : { feedSources: sources };
}

/** FEED_SOURCES as lines: `\\n` in a value is two characters. @returns undefined for the host's apt sources */
export function feedSourceLines(value: string | undefined): string | undefined {
  return value?.replaceAll("\\n", "\n").trim() || undefined;
}

/** Flags that are lists of words, by the field they become. */
const LISTS = {
  depends: "depends",
  rdepends: "rdepends",
  mcdepends: "mcdepends",
  deptask: "deptask",
  rdeptask: "rdeptask",
  recrdeptask: "recrdeptask",
  recideptask: "recideptask",
  feedClosure: "feed-closure",
  feedIndexes: "feed-indexes",
  feedKeys: "feed-keys",
  requires: "requires",
} as const satisfies Partial<Record<keyof TaskInfo, string>>;

/** Flags that say yes or no when the task runs: another word is found here. */
const SWITCHES = ["cage", "fakeroot", "interactive", "network", "uninstall"];

function extractTasks(d: Datastore, baseHashes: ReadonlyMap<string, string>): Record<string, TaskInfo> {
  const tasks: Record<string, TaskInfo> = {};
  const listed = listTasks(d);
  for (const [name, after] of listed) {
    for (const key of SWITCHES) checkBooleanFlag(d, name, key);
    const flag = (key: string): string[] => words(flagText(d, name, key));
    const lists: Record<string, string[]> = {};
    for (const [field, key] of Object.entries(LISTS)) {
      const list = flag(key);
      if (list.length > 0) lists[field] = list;
    }
    // A path may hold blanks, so what ends a word here is whether the file was there.
    const files = flagText(d, name, "file-checksums").trim();
    if (files !== "") lists["fileChecksums"] = files.split(/(?<=:True|:False)\s+/);
    const inputs = flag("sstate-inputdirs");
    const outputs = flag("sstate-outputdirs");
    const plain = flag("sstate-plaindirs");
    const feedFormat = flagText(d, name, "feed-format").trim();
    const key = flagText(d, name, "signing-key").trim();
    const certificate = flagText(d, name, "signing-certificate").trim();
    const at = functionPlace(d, name);
    // Metadata that has a setscene task of its own packs and restores by itself.
    const isOurs = inputs.length + plain.length > 0 && !listed.has(`${name}_setscene`);
    tasks[name] = {
      name,
      after,
      ...lists,
      ...(hasFlag(d, name, "noexec") ? { noexec: true } : {}),
      ...(hasFlag(d, name, "nostamp") ? { nostamp: true } : {}),
      ...(isOurs ? { artifact: { inputs, outputs, plain } } : {}),
      ...stampExtra(flagText(d, name, "stamp-extra-info").trim(), isOurs ? { inputs, outputs } : undefined),
      ...(isFlagTrue(d, name, "interactive") ? { interactive: true } : {}),
      ...(isFlagTrue(d, name, "cage") ? { cage: true } : {}),
      ...(lists["feedIndexes"] === undefined || feedFormat === "" ? {} : { feedFormat }),
      ...(key === "" ? {} : { signing: { key, certificate } }),
      ...(at ? { at } : {}),
      baseHash: baseHashes.get(name) ?? "",
    };
  }
  return tasks;
}

/**
 * What a stamp stands for beside the signature. Where the output goes is in no signature, so that an artifact serves every
 * build folder; but a stamp that holds for one machine's folder says nothing of the other's.
 */
function stampExtra(
  flag: string,
  artifact: { readonly inputs: readonly string[]; readonly outputs: readonly string[] } | undefined,
): { readonly stampExtra?: string } {
  const installed = artifact?.outputs.filter((to, index) => {
    const from = artifact.inputs[index];
    return from !== undefined && from !== to;
  });
  const folders = installed?.length ? sha256(installed.join("\0")).slice(0, DIGITS_OF_FOLDERS) : "";
  const extra = [flag, folders].filter((one) => one !== "").join(".");
  return extra === "" ? {} : { stampExtra: extra };
}

/**
 * BitBake asks whether the flag is there, not what it says.
 *
 * @see BitBake 2.19 lib/bb/build.py, add_tasks
 */
function hasFlag(d: Datastore, task: string, flag: string): boolean {
  return d.getVarFlag(task, flag, { expand: false }) !== undefined;
}

/** A warning for each flag that is a switch and looks as if it were off. */
export function doubtfulSwitches(d: Datastore, tasks: Iterable<string>): Diagnostic[] {
  const found: Diagnostic[] = [];
  for (const task of tasks) {
    for (const flag of ["noexec", "nostamp"]) {
      if (!hasFlag(d, task, flag)) continue;
      const text = flagText(d, task, flag);
      if (text !== "1") found.push(problem.doubtfulSwitch(task, flag, text, d.spanOf(task, flag)));
    }
  }
  return found;
}

function functionPlace(d: Datastore, name: string): FilePlace | undefined {
  const file = d.getVarFlag(name, "filename", { expand: false });
  const line = Number(d.getVarFlag(name, "lineno", { expand: false }));
  // A function that EXPORT_FUNCTIONS made stands in no file.
  return typeof file === "string" && isAbsolute(file) && Number.isSafeInteger(line)
    ? { file, line }
    : undefined;
}

function extractFacts(d: Datastore): RecipeInfo["facts"] {
  const facts: Record<string, { value: string; at?: FilePlace }> = {};
  for (const name of words(d.getText("BB_RECIPE_FACTS"))) {
    const value = d.getText(name);
    if (value === undefined) continue;
    const at = d.placeOf(name);
    facts[name] = { value, ...(at ? { at } : {}) };
  }
  return facts;
}

/** @throws BuildError `recipe/unreadable-value` */
function yesOrNo(d: Datastore, name: string, file: string): boolean {
  const text = d.getText(name) ?? "";
  const answer = toBoolean(text);
  if (answer === undefined) {
    throw new BuildError([problem.unreadableValue(name, text, file, d.spanOf(name), "yes or no")]);
  }
  return answer;
}

function wholeNumber(d: Datastore, name: string, file: string): number {
  const text = d.getText(name) ?? "";
  if (text === "") return 0;
  if (!/^\s*[+-]?\d+\s*$/.test(text)) {
    throw new BuildError([problem.unreadableValue(name, text, file, d.spanOf(name))]);
  }
  return Number(text);
}
