/**
 * `tsbake.yaml`: a project in the format of kas. `configuration.ts` makes `conf/` of it, `repositories.ts` reads `repos`.
 *
 * @see the "Project Configuration" chapter of the kas manual; docs/differences.md has what is otherwise here
 */
import { statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { BuildError, byText, readTextIfThere, reasonOf, words, type Diagnostic } from "@tsbake/base";
import * as problem from "./problems.js";
import { YamlReader, type Entry } from "./reader.js";
import { projectLayers, readRepos, repoFolder, type Repo } from "./repositories.js";

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
  const layers = merged.problems.length === 0 ? projectLayers(merged.repos, merged.problems) : [];
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
    readRepos(reader, top.get("repos"), merged.repos, dirname(path));
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
    if (own) readRepos(new YamlReader(reader.source.path, reader.source.text), own, merged.repos, folder);
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
