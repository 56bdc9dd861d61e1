/**
 * `tsbake.yaml`: a project in the format of kas. `file/` reads it with what it includes, `repos/` brings its repositories,
 * `configuration.ts` makes `conf/` of it.
 *
 * @see the "Project Configuration" chapter of the kas manual; docs/differences.md has what is otherwise here
 */
import { dirname, resolve } from "node:path";
import { BuildError, byText, words, type Diagnostic } from "@tsbake/base";
import { isList, yamlText, type YamlValue } from "./file/tree.js";
import { readFiles, type ReadFile } from "./file/includes.js";
import { forbidsNetwork, kasEnvironment, type KasEnvironment } from "./kas-environment.js";
import * as problem from "./problems.js";
import { bringAll, foldersOfLayers, type BroughtRepositories } from "./repos/bring.js";
import type { CheckoutOptions } from "./repos/checkout.js";
import { membersAt, repositoriesOf, type Repository } from "./repos/repository.js";

export interface ProjectFile {
  /** Absolute. */
  readonly path: string;
  /** The file and all that it includes, absolute, in the order they count (later over earlier). */
  readonly files: readonly string[];
  readonly machine?: string;
  readonly distro?: string;
  /** What a build without targets builds. */
  readonly targets: readonly string[];
  /** Task of the targets, without `do_`. */
  readonly task?: string;
  /** Values that variables of the environment have when the caller sets none. */
  readonly env: Readonly<Record<string, string>>;
  /** Variables of the environment that get into the configuration: all names of `env`, those without a value too. */
  readonly passed: readonly string[];
  /** Layer folders, absolute, in order. */
  readonly layers: readonly string[];
  /** Pieces of configuration by name, sorted by name. */
  readonly localConf: readonly ConfigurationPiece[];
  readonly bblayersConf: readonly ConfigurationPiece[];
}

export interface ConfigurationPiece {
  readonly name: string;
  readonly text: string;
}

export interface ProjectOptions {
  /** Further files, merged over the first: `a.yml:b.yml`. */
  readonly moreFiles?: readonly string[];
  /** Where relative paths of repositories start. Default: the folder of the file. */
  readonly workFolder?: string;
  /** The caller's: `KAS_…`, BB_NO_NETWORK. Default: nothing. */
  readonly environment?: Readonly<Record<string, string>>;
  /** How repositories are brought. Default: they have to be there, and what is there is taken as it is. */
  readonly bring?: BringOptions;
}

export interface BringOptions extends Pick<CheckoutOptions, "beforeChange" | "onStep" | "onWarning"> {
  /** Configuration that may forbid the network, beside that of the project: texts, later over earlier. */
  readonly configuration?: readonly string[];
  /** Lock files do not count, and branches are looked up anew where they are from. */
  readonly updates?: boolean;
}

/** A project with where all of it came from: for the lock file. */
export interface LoadedProject extends BroughtRepositories {
  readonly project: ProjectFile;
  readonly files: readonly ReadFile[];
  readonly repositories: readonly Repository[];
}

/**
 * Reads a project file and those it includes, and brings the repositories.
 *
 * @throws BuildError with everything that is wrong
 */
export async function readProjectFile(path: string, options: ProjectOptions = {}): Promise<ProjectFile> {
  return (await loadProject(path, options)).project;
}

/** @throws BuildError with everything that is wrong */
export async function loadProject(path: string, options: ProjectOptions = {}): Promise<LoadedProject> {
  const absolute = resolve(path);
  const { workFolder = dirname(absolute), moreFiles = [], environment = {}, bring } = options;
  const kas = kasEnvironment(environment);
  let folders: ReadonlyMap<string, string> = new Map();
  const asked = new Set<string>();
  for (;;) {
    const files = [absolute, ...moreFiles.map((file) => resolve(file))];
    const read = await readFiles({ files, folders, usesLocks: bring?.updates !== true });
    const { tree } = read;
    const problems: Diagnostic[] = [];
    const warnings: Diagnostic[] = [...kas.warnings];
    const lockFiles = new Set(read.files.filter(({ isLock }) => isLock).map((file) => file.path));
    const request = { tree, workFolder, lockFiles, mirrorOf: kas.mirrorOf, problems, warnings };
    const checkout = bring && { ...checkoutOptions(bring, workFolder, tree, environment), asked };
    if (read.missing.size > 0) {
      // What includes need comes first, without patches: these may be in what is not known yet.
      const needed = repositoriesOf(request, new Set(read.missing.keys()));
      demand(problems);
      const known = [...membersAt(tree, "repos").keys()];
      if (needed.length === 0)
        throw new BuildError([...read.missing].map(([name, at]) => problem.unknownRepo(name, known, at)));
      const brought = await bringAll(needed, absolute, checkout, false);
      folders = new Map([...folders, ...brought.folders]);
      continue;
    }
    const said = readSettings(tree, kas, problems);
    const repositories = repositoriesOf(request);
    demand(problems);
    for (const warning of warnings) bring?.onWarning(warning);
    const brought = await bringAll(repositories, absolute, checkout, true);
    const layers = foldersOfLayers(repositories, brought.folders, problems);
    demand(problems);
    const paths = read.files.map((file) => file.path);
    const project = { path: absolute, files: paths, ...said, layers };
    return { project, files: read.files, repositories, ...brought };
  }
}

function demand(problems: readonly Diagnostic[]): void {
  if (problems.length > 0) throw new BuildError(problems);
}

function checkoutOptions(
  { beforeChange, onStep, onWarning, configuration = [], updates = false }: BringOptions,
  workFolder: string,
  tree: YamlValue,
  environment: Readonly<Record<string, string>>,
): Omit<CheckoutOptions, "asked" | "folders"> {
  const own = membersAt(tree, "env").get("BB_NO_NETWORK")?.data;
  const texts = pieces(tree, "local_conf_header").map(({ text }) => text);
  const isOffline = forbidsNetwork(
    { ...(typeof own === "string" && { BB_NO_NETWORK: own }), ...environment },
    [...texts, ...configuration],
  );
  return { workFolder, isOffline, updates, beforeChange, onStep, onWarning };
}

type Settings = Omit<ProjectFile, "path" | "files" | "layers">;

function readSettings(tree: YamlValue, kas: KasEnvironment, problems: Diagnostic[]): Settings {
  const names: { machine?: string; distro?: string; task?: string } = {};
  for (const key of ["machine", "distro", "task"] as const) {
    const said = membersAt(tree).get(key);
    const name = kas[key] ?? said?.data;
    if (typeof name === "string") names[key] = name;
  }
  const target = membersAt(tree).get("target");
  const listed = target === undefined ? [] : isList(target.data) ? target.data : [target];
  const environment = [...membersAt(tree, "env")];
  for (const [name, { keyAt }] of environment)
    if (!/^[A-Za-z_]\w*$/.test(name))
      problems.push(problem.wrongType(name, "the name of an environment variable", keyAt));
  return {
    ...names,
    targets: kas.targets ?? listed.flatMap((one) => words(yamlText(one))),
    env: Object.fromEntries(
      environment.flatMap(([name, { data }]) => (typeof data === "string" ? [[name, data]] : [])),
    ),
    passed: environment.map(([name]) => name),
    localConf: pieces(tree, "local_conf_header"),
    bblayersConf: pieces(tree, "bblayers_conf_header"),
  };
}

function pieces(tree: YamlValue, key: string): ConfigurationPiece[] {
  const members = membersAt(tree, key);
  const names = [...members.keys()].sort(byText);
  return names.map((name) => ({ name, text: yamlText(members.get(name)) ?? "" }));
}
