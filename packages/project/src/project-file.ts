/**
 * `tsbake.yaml`: a project in the format of kas, and the configuration files that are made from it.
 *
 * @see the "Project Configuration" chapter of the kas manual; docs/differences.md has what is otherwise here
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import {
  eachLimited,
  AT_ONCE,
  BuildError,
  byText,
  nearest,
  readTextIfThere,
  reasonOf,
  words,
  writeFileAtomic,
  type Diagnostic,
  type Span,
} from "@tsbake/base";
import * as problem from "./problems.js";
import { YamlReader, type Entry } from "./reader.js";

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

const KEYS = [
  "header",
  "machine",
  "distro",
  "target",
  "task",
  "env",
  "repos",
  "local_conf_header",
  "bblayers_conf_header",
];
/** Keys of kas that steer kas itself: allowed, without effect. */
const IGNORED_KEYS = [
  "artifacts",
  "build_system",
  "buildtools",
  "defaults",
  "menu_configuration",
  "overrides",
  "signers",
];
const HEADER_KEYS = ["version", "includes"];
const REPO_KEYS = ["path", "url", "commit", "branch", "tag", "layers"];
const IGNORED_REPO_KEYS = ["allowed_signers", "name", "patches", "signed", "type"];
/** Values with which kas leaves a layer out. */
const DISABLED = ["disabled", "excluded", "n", "no", "0", "false"];

interface Repo {
  readonly at: Span;
  /** Folder that relative paths start at: that of the file that names the repository. */
  readonly folder: string;
  readonly path?: string;
  readonly url?: string;
  readonly commit?: string;
  readonly branch?: string;
  readonly layers: ReadonlyMap<string, { readonly at: Span; readonly isDisabled: boolean }>;
}

/** What the files say together; later files over earlier ones. */
interface Merged {
  readonly files: string[];
  readonly problems: Diagnostic[];
  readonly texts: Map<string, string>;
  targets: string[];
  readonly environment: Map<string, string | undefined>;
  readonly repos: Map<string, Repo>;
  readonly localConf: Map<string, string>;
  readonly bblayersConf: Map<string, string>;
}

/**
 * Reads a project file and those it includes.
 *
 * @throws BuildError with everything that is wrong
 */
export async function readProjectFile(path: string): Promise<ProjectFile> {
  const absolute = resolve(path);
  const merged: Merged = {
    files: [],
    problems: [],
    texts: new Map(),
    targets: [],
    environment: new Map(),
    repos: new Map(),
    localConf: new Map(),
    bblayersConf: new Map(),
  };
  await readInto(merged, absolute, await readText(absolute), []);
  const layers = merged.problems.length === 0 ? projectLayers(merged) : [];
  if (merged.problems.length > 0) throw new BuildError(merged.problems);
  const { texts } = merged;
  const optional = (name: string): object => (texts.has(name) ? { [name]: texts.get(name)! } : {});
  return {
    path: absolute,
    files: merged.files,
    ...optional("machine"),
    ...optional("distro"),
    ...optional("task"),
    targets: merged.targets,
    env: Object.fromEntries([...merged.environment].filter(([, value]) => value !== undefined)) as Record<
      string,
      string
    >,
    passed: [...merged.environment.keys()],
    layers,
    localConf: pieces(merged.localConf),
    bblayersConf: pieces(merged.bblayersConf),
  };
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new BuildError([problem.unreadableProject(path, reasonOf(error))], { cause: error });
  }
}

function pieces(texts: ReadonlyMap<string, string>): ConfigurationPiece[] {
  const names = [...texts.keys()].sort(byText);
  return names.map((name) => ({ name, text: texts.get(name)! }));
}

/** @param above files that are being read: the way from the project file to this one */
async function readInto(merged: Merged, path: string, text: string, above: readonly string[]): Promise<void> {
  const reader = new YamlReader(path, text);
  const top =
    reader.problems.length > 0
      ? new Map<string, Entry>()
      : reader.map(reader.root, [...KEYS, ...IGNORED_KEYS]);
  if (reader.problems.length === 0) {
    await readHeader(reader, top.get("header"), merged, [...above, path]);
    readTexts(reader, top, merged);
    readRepos(reader, top.get("repos"), merged, dirname(path));
    readPieces(reader, top.get("local_conf_header"), merged.localConf);
    readPieces(reader, top.get("bblayers_conf_header"), merged.bblayersConf);
  }
  merged.files.push(path);
  merged.problems.push(...reader.problems);
}

async function readHeader(
  reader: YamlReader,
  header: Entry | undefined,
  merged: Merged,
  above: readonly string[],
): Promise<void> {
  if (!header) {
    reader.problems.push(problem.missingKey("header", reader.root.at));
    return;
  }
  const entries = reader.map(header, HEADER_KEYS);
  const version = entries.get("version");
  const number = reader.text(version);
  if (!version || number === undefined)
    reader.problems.push(problem.missingKey("header.version", header.keyAt));
  else if (!/^[1-9]\d*$/.test(number)) reader.problems.push(problem.projectVersion(number, version.at));
  for (const include of reader.list(entries.get("includes"))) {
    await readInclude(reader, include, merged, above);
  }
}

/** A path beside this file, or `{repo, file}`: a path in a repository that this file or one before it names. */
async function readInclude(
  reader: YamlReader,
  include: Entry,
  merged: Merged,
  above: readonly string[],
): Promise<void> {
  let folder = dirname(reader.source.path);
  let name: string | undefined;
  if (reader.isMapping(include)) {
    const entries = reader.map(include, ["repo", "file"]);
    name = reader.text(entries.get("file"));
    const repo = reader.text(entries.get("repo"));
    const own = reader.map(reader.root).get("repos");
    if (own) readRepos(new YamlReader(reader.source.path, reader.source.text), own, merged, folder);
    const known = repo === undefined ? undefined : merged.repos.get(repo);
    if (repo !== undefined && known) folder = repoFolder(repo, known);
  } else name = reader.text(include);
  if (name === undefined) return;
  const path = resolve(folder, name);
  if (above.includes(path)) {
    reader.problems.push(problem.includeLoop(path, include.at));
    return;
  }
  const text = statSync(path, { throwIfNoEntry: false })?.isFile() ? await readTextIfThere(path) : undefined;
  if (text === undefined) reader.problems.push(problem.includeMissing(path, include.at));
  else await readInto(merged, path, text, above);
}

function readTexts(reader: YamlReader, top: ReadonlyMap<string, Entry>, merged: Merged): void {
  for (const name of ["machine", "distro", "task"]) {
    const entry = top.get(name);
    const text = reader.text(entry);
    if (!entry || text === undefined) continue;
    if (/^[\w.+-]+$/.test(text)) merged.texts.set(name, text);
    else
      reader.problems.push(problem.wrongType(name, "one name, of letters, digits and `_ . + -`", entry.at));
  }
  const targets = reader.list(top.get("target")).flatMap((entry) => words(reader.text(entry)));
  if (targets.length > 0) merged.targets = targets;
  const environment = top.get("env");
  if (!environment) return;
  for (const [name, entry] of reader.map(environment)) {
    if (/^[A-Za-z_]\w*$/.test(name)) merged.environment.set(name, reader.text(entry));
    else reader.problems.push(problem.wrongType(name, "the name of an environment variable", entry.keyAt));
  }
}

function readPieces(reader: YamlReader, entry: Entry | undefined, into: Map<string, string>): void {
  if (!entry) return;
  for (const [name, piece] of reader.map(entry)) into.set(name, reader.text(piece) ?? "");
}

function readRepos(reader: YamlReader, entry: Entry | undefined, merged: Merged, folder: string): void {
  if (!entry) return;
  for (const [name, repo] of reader.map(entry)) {
    const entries = reader.map(repo, [...REPO_KEYS, ...IGNORED_REPO_KEYS]);
    const before = merged.repos.get(name);
    const field = (key: "path" | "url" | "commit" | "branch"): object => {
      const text = reader.text(entries.get(key)) ?? before?.[key];
      return text === undefined ? {} : { [key]: text };
    };
    const tag = reader.text(entries.get("tag"));
    const layers = new Map(before?.layers);
    const listed = entries.get("layers");
    for (const [layer, value] of listed ? reader.map(listed) : []) {
      const text = reader.isMapping(value) ? undefined : reader.text(value);
      layers.set(layer, { at: value.keyAt, isDisabled: text !== undefined && DISABLED.includes(text) });
    }
    merged.repos.set(name, {
      at: repo.keyAt,
      folder: before && !entries.has("path") ? before.folder : folder,
      ...field("path"),
      ...field("url"),
      ...field("commit"),
      ...field("branch"),
      ...(tag === undefined ? {} : { branch: tag }),
      layers,
    });
  }
}

/** With neither path nor url the repository is the folder of the project itself; with a url alone a folder of its name. */
function repoFolder(name: string, repo: Repo): string {
  return resolve(repo.folder, repo.path ?? (repo.url === undefined ? "." : name));
}

function projectLayers(merged: Merged): string[] {
  const layers: string[] = [];
  for (const [name, repo] of merged.repos) {
    const folder = repoFolder(name, repo);
    if (!existsSync(folder)) {
      const near = repo.url === undefined ? nearest(basename(folder), foldersIn(dirname(folder))) : [];
      const command = repo.url === undefined ? undefined : cloneCommand(repo, folder);
      merged.problems.push(problem.repoMissing(name, folder, { command, near }, repo.at));
      continue;
    }
    const listed = [...repo.layers].filter(([, { isDisabled }]) => !isDisabled);
    const inside: readonly (readonly [string, { readonly at: Span }])[] =
      repo.layers.size === 0 ? [[".", { at: repo.at }]] : listed;
    for (const [layer, { at }] of inside) {
      const path = resolve(folder, layer);
      if (existsSync(join(path, "conf/layer.conf"))) layers.push(path);
      else merged.problems.push(problem.layerMissing(path, at));
    }
  }
  return [...new Set(layers)];
}

function foldersIn(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch {
    return [];
  }
}

function cloneCommand({ url = "", branch, commit }: Repo, folder: string): string {
  const clone = [
    "git",
    "clone",
    ...(branch === undefined ? [] : ["--branch", quote(branch)]),
    quote(url),
    quote(folder),
  ];
  return (
    clone.join(" ") + (commit === undefined ? "" : ` && git -C ${quote(folder)} checkout ${quote(commit)}`)
  );
}

/** For a shell; plain words stay as they are. */
function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** First line of every generated file: what does not begin with it belongs to the user. */
const MARK = "# Made by tsbake from ";

/**
 * Makes conf/bblayers.conf and conf/project.conf in `topdir`, each only if its content changes, and conf/local.conf
 * once: that one belongs to the user and is read after project.conf.
 *
 * @param coreLayer stands first in BBLAYERS, unless another layer has a conf/bitbake.conf
 * @throws BuildError `project/foreign-configuration` when a file to be written was not made here and has something in it
 */
export async function writeConfiguration(
  project: ProjectFile,
  topdir: string,
  coreLayer?: string,
): Promise<void> {
  const head = `${MARK}${relative(join(topdir, "conf"), project.path)}; changes here are lost, make them there or in local.conf.\n`;
  await writeGenerated(join(topdir, "conf/bblayers.conf"), head + bblayersText(project, coreLayer), project);
  await writeGenerated(join(topdir, "conf/project.conf"), head + projectText(project), project);
  const local = join(topdir, "conf/local.conf");
  if (!existsSync(local)) await writeFileAtomic(local, LOCAL_CONF);
}

async function writeGenerated(path: string, text: string, project: ProjectFile): Promise<void> {
  const before = await readTextIfThere(path);
  // What others may not read in a project file is not for them here.
  const modes = await eachLimited(project.files, AT_ONCE, async (file) => (await stat(file)).mode);
  const isSecret = modes.some((mode) => (mode & 0o044) === 0);
  if (before === text && (!isSecret || ((await stat(path)).mode & 0o077) === 0)) return;
  if (before !== undefined && !before.startsWith(MARK) && !isBlank(before)) {
    throw new BuildError([problem.foreignConfiguration(path, project.path)]);
  }
  await writeFileAtomic(path, text, isSecret ? { mode: 0o600 } : {});
}

/** Nobody's work: what the loss of power leaves of a file is empty, or full of zeros. */
function isBlank(text: string): boolean {
  return text.replaceAll("\0", "").trim() === "";
}

function bblayersText({ layers, bblayersConf }: ProjectFile, coreLayer: string | undefined): string {
  // As everywhere: a layer with a bitbake.conf of its own is the core layer of this project.
  const hasCore = layers.some((layer) => layer !== coreLayer && existsSync(join(layer, "conf/bitbake.conf")));
  const all =
    coreLayer === undefined || hasCore
      ? layers
      : [coreLayer, ...layers.filter((layer) => layer !== coreLayer)];
  const list = all.map((layer) => `  ${layer} \\\n`).join("");
  return `${pieceTexts(bblayersConf)}BBPATH = "\${TOPDIR}"\nBBFILES ?= ""\nBBLAYERS = " \\\n${list}"\n`;
}

function projectText({ machine, distro, localConf, targets }: ProjectFile): string {
  // As kas: a target of a configuration has it read.
  const named = targets.map((target) => /^(?:mc|multiconfig):([^:]*):/.exec(target)?.[1] ?? "");
  const configurations = [...new Set(named)].filter((name) => name !== "" && name !== "*");
  const names = [
    ...(configurations.length > 0 ? [`BBMULTICONFIG ?= "${configurations.join(" ")}"\n`] : []),
    ...(machine === undefined ? [] : [`MACHINE ?= "${machine}"\n`]),
    ...(distro === undefined ? [] : [`DISTRO ?= "${distro}"\n`]),
  ];
  return pieceTexts(localConf) + names.join("");
}

function pieceTexts(texts: readonly ConfigurationPiece[]): string {
  return texts.map(({ name, text }) => `# ${name}\n${text.trimEnd()}\n`).join("");
}

const LOCAL_CONF = `# Settings of this build folder only. tsbake made this file once and does not touch it again.
# It is read after conf/project.conf, so what stands here wins over the project file.

# How many tasks run at the same time, and how many processes a compiler may start:
#BB_NUMBER_THREADS = "4"
#PARALLEL_MAKE = "-j 4"

# Folders that several builds can share:
#DL_DIR = "/srv/tsbake/downloads"
#SSTATE_DIR = "/srv/tsbake/sstate-cache"
`;

/** `environment` with the project's variables let through to the configuration; what the caller has set wins. */
export function projectEnvironment(
  project: ProjectFile,
  environment: Readonly<Record<string, string>>,
): Record<string, string> {
  const merged: Record<string, string> = { ...environment };
  for (const [name, value] of Object.entries(project.env)) merged[name] ??= value;
  if (project.passed.length > 0) {
    const additions = [...words(environment["BB_ENV_PASSTHROUGH_ADDITIONS"]), ...project.passed];
    merged["BB_ENV_PASSTHROUGH_ADDITIONS"] = [...new Set(additions)].join(" ");
  }
  return merged;
}
