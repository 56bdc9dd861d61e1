/** A golden case that is a whole project: parsed as the engine parses, and shown in the lines of tests/golden/recipe. */
import { cpSync, mkdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { BuildError, byText, words, type Diagnostic } from "@tsbake/base";
import type { Datastore, Value } from "@tsbake/datastore";
import { explainBase, openBaseSigner } from "@tsbake/graph";
import { shellScript } from "@tsbake/run";
import {
  multiconfigOf,
  openProviders,
  parseProject,
  variantWord,
  type ParsedProject,
  type RecipeInfo,
} from "@tsbake/recipe";
import { root } from "./paths.js";
import type { PythonRig } from "../unit/python-rig.js";
import { temporaryFolder } from "./temporary.js";

/** What a case stands on: the files that it does not bring itself. */
const PROJECT = join(root, "tests/golden/recipe/project");

/** Differ from run to run, or are an engine's own. */
const HIDDEN = new Set(["FILE", "BBINCLUDED", "FILE_LAYERNAME", "BB_ORIGENV", "BBLAYERS", "_task_deps"]);

/** What tests/golden/derive gives to BitBake. */
const ENVIRONMENT = { PATH: "/usr/bin:/bin", LC_ALL: "en_US.UTF-8", HOME: "/nonexistent" };

export interface ProjectCase {
  readonly files: Readonly<Record<string, string>>;
  /** Questions, as words. */
  readonly ask: readonly (readonly string[])[];
}

/** The lines after `-->`, or the refusal, of a case. `python` is used as it stands: the caller has opened it. */
export async function showProject({ files, ask }: ProjectCase, rig: PythonRig): Promise<string> {
  const folder = realpathSync(temporaryFolder("golden"));
  try {
    cpSync(PROJECT, folder, { recursive: true });
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    const mangled = folder.replace(/[/.+\-@%&~]/g, "_");
    const lines = await read(folder, ask, rig);
    return lines
      .join("\n")
      .replaceAll(`${folder}/`, "@/")
      .replaceAll(`${mangled}_`, "@_")
      .replaceAll(folder, "@");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function read(folder: string, ask: ProjectCase["ask"], rig: PythonRig): Promise<string[]> {
  rig.said();
  try {
    const signer = await openBaseSigner();
    const project = await parseProject({
      topdir: folder,
      coreLayers: [],
      environment: ENVIRONMENT,
      preFiles: [],
      postFiles: [],
      initial: {},
      trackHistory: ask.some(([verb]) => verb === "history"),
      python: () => rig.python,
      signer,
      useCache: false,
      onProgress: () => {},
      onWarning: () => {},
    });
    const said = rig.said();
    const warnings = project.diagnostics.length + said.filter(([level]) => level === "warning").length;
    const shown = await showAll(folder, project, ask);
    if (said.some(([level]) => level === "error")) return ["--> refused"];
    const lines = said.filter(([level]) => level === "plain").map(([, text]) => `plain: ${text}`);
    if (warnings > 0) lines.push(`warnings: ${warnings}`);
    return lines.length === 0 ? shown : [...shown, "--> said", ...lines];
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    return [refusal(error.diagnostics[0])];
  }
}

function refusal(first: Diagnostic | undefined): string {
  if (!first?.at) return "--> refused";
  const { source, start } = first.at;
  return `--> refused at ${source.path}:${source.place(start).line}`;
}

async function showAll(folder: string, project: ParsedProject, ask: ProjectCase["ask"]): Promise<string[]> {
  const configuration = project.configuration();
  const base = new Map([...configuration.keys()].map((name) => [name, show(configuration, name, false)]));
  const lines: string[] = [];
  for (const multiconfig of project.multiconfigs) {
    const recipes = [...project.recipes.values()].filter(({ id }) => multiconfigOf(id) === multiconfig);
    for (const file of new Set(recipes.map((one) => one.file))) {
      const variants = recipes
        .filter((one) => one.file === file)
        .map((info) => ({ info, word: variantWord(info.id) }))
        .sort((left, right) => byText(left.word, right.word));
      for (const { info, word } of variants) {
        const name = [relative(folder, file), multiconfig && `in ${multiconfig}`, word && `as ${word}`];
        lines.push(`--> ${name.filter((part) => part !== "").join(" ")}`);
        lines.push(...(await showVariant(project, info, base, ask)));
      }
    }
  }
  const answers = ask.flatMap((question) => projectAnswer(project, question));
  return answers.length === 0 ? lines : [...lines, "--> project", ...answers];
}

async function showVariant(
  project: ParsedProject,
  info: RecipeInfo,
  base: ReadonlyMap<string, readonly string[]>,
  ask: ProjectCase["ask"],
): Promise<string[]> {
  if (info.skipped !== undefined) return [`skipped ${json(info.skipped)}`];
  const d = project.openRecipe(info.id);
  const lines: string[] = [];
  // The answer to `deps` has all that counts.
  const names = ask.some(([verb]) => verb === "deps") ? [] : [...d.keys()].sort(byText);
  for (const name of names) {
    if (name.startsWith("__") || HIDDEN.has(name)) continue;
    if (show(d, name, false).join("\n") === base.get(name)?.join("\n")) continue;
    const shown = show(d, name, true);
    if (shown.join("\n") !== 'DEPENDS = ""') lines.push(...shown);
  }
  for (const task of Object.values(info.tasks))
    lines.push(["task", task.name + ":", ...task.after].join(" "));
  for (const question of ask) lines.push(...(await recipeAnswer(project, info, d, question)));
  return lines.map((line) => line.replace(/^((?:task|needs) .*):$/, "$1"));
}

/** `NAME = value` and `NAME[flag] = value`. */
function show(d: Datastore, name: string, expand: boolean): string[] {
  const lines: string[] = [];
  const value = d.getVar(name, { expand });
  if (value !== undefined) lines.push(`${name} = ${json(value)}`);
  for (const flag of [...(d.getVarFlags(name)?.keys() ?? [])].sort(byText)) {
    lines.push(`${name}[${flag}] = ${json(d.getVarFlag(name, flag, { expand }))}`);
  }
  return lines;
}

async function recipeAnswer(
  project: ParsedProject,
  info: RecipeInfo,
  d: Datastore,
  [verb = "", name = ""]: readonly string[],
): Promise<string[]> {
  switch (verb) {
    case "history": {
      const entries = d.history(name).map(({ operation, file, line, flag, detail }) => {
        const place = file === "" ? "" : ` ${file}:${line}`;
        return `history ${name}: ${operation}${place}${flag === undefined ? "" : ` [${flag}]`} ${json(detail)}`;
      });
      return entries.length > 0 ? entries : [`history ${name}: none`];
    }
    case "deps":
      return dependencies(d, name);
    case "exported": {
      const script = shellScript(d, {
        function: "none",
        title: "",
        cwd: "/",
        umask: undefined,
        trace: false,
      });
      return [...script.matchAll(/^export (\w+)=/gm)].map(([, one]) => `exported ${one}`);
    }
    case "overrides":
      return [`overrides: ${d.getText("OVERRIDES")}`];
    case "raw":
      return [`raw ${name} = ${json(d.getVar(name, { expand: false }))}`];
    default:
      return [];
  }
}

/** What the task's base hash is made of. */
async function dependencies(d: Datastore, task: string): Promise<string[]> {
  const { gendeps, varvals } = await explainBase(d, [task], "basichash");
  const others = Object.keys(gendeps).filter((one) => one !== task);
  const hash = (await openBaseSigner("basichash")).sign(d, [task]).get(task);
  const lines = [task, ...others.sort(byText)].flatMap((one) => {
    const needs = [`needs ${one}:`, ...(gendeps[one] ?? [])].join(" ");
    const text = varvals[one];
    return !text ? [needs] : [needs, `text ${one} = ${json(text)}`];
  });
  return [`basehash ${task}: ${hash}`, ...lines];
}

function projectAnswer(project: ParsedProject, [verb = "", name = ""]: readonly string[]): string[] {
  const providers = openProviders(project);
  switch (verb) {
    case "provider":
      return [`provider ${name}: ${providers.findBuild(name) ?? ""}`.trimEnd()];
    case "runtime":
      return [`runtime ${name}: ${providers.findRuntime(name) ?? ""}`.trimEnd()];
    case "appends": {
      const file = [...project.recipes.values()].find((one) => basename(one.file) === name)!.file;
      return [[`appends ${name}:`, ...project.appends(file)].join(" ")];
    }
    case "layers":
      return project.layers.map((layer) => `layer ${layer.name} ${layer.priority}`);
    case "config":
      return show(project.configuration(), name, true);
    case "world":
      return [["world:", ...providers.world().map((id) => project.recipes.get(id)!.pn)].join(" ")];
    default:
      return [];
  }
}

/** As Python's json.dumps writes it. */
function json(value: Value | undefined): string {
  if (value instanceof Set) return json([...(value as ReadonlySet<string>)].sort(byText));
  // Objects of Python come as what JSON makes of them.
  const plain: unknown = value === undefined ? null : JSON.parse(JSON.stringify(value));
  if (typeof plain !== "object" || plain === null) return JSON.stringify(plain);
  const shown = Array.isArray(plain)
    ? plain.map((one: Value) => json(one))
    : Object.entries(plain).map(([key, one]) => `${json(key)}: ${json(one as Value)}`);
  return Array.isArray(plain) ? `[${shown.join(", ")}]` : `{${shown.join(", ")}}`;
}

/** The cases of a file: title, and its text up to the first line `-->`; see tests/golden/derive/forms.py. */
export function readCases(text: string): { title: string; given: ProjectCase; expected: string }[] {
  const [, ...sections] = text.split(/^=== /m);
  return sections.map((section) => {
    const [title = "", ...lines] = section.trimEnd().split("\n");
    const at = lines.findIndex((line) => line.startsWith("--> "));
    const end = at === -1 ? lines.length : at;
    return {
      title,
      given: readGiven(`${lines.slice(0, end).join("\n")}\n`),
      expected: lines.slice(end).join("\n"),
    };
  });
}

function readGiven(text: string): ProjectCase {
  const [first = "", ...rest] = text.split(/^--- (.*)\n/m);
  const files: Record<string, string> = {};
  if (first.trim() !== "") files["x_1.0.bb"] = first;
  for (let at = 0; at < rest.length; at += 2) files[rest[at]!] = rest[at + 1]!;
  const { ask = "", ...others } = files;
  return {
    files: others,
    ask: ask
      .split("\n")
      .filter((line) => line !== "")
      .map(words),
  };
}
