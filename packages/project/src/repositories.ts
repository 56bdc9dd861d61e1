/** `repos` of a project file: where layers are. Repositories are not cloned here; whoever lacks one gets the command. */
import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { nearest, type Diagnostic, type Span } from "@tsbake/base";
import * as problem from "./problems.js";
import type { Entry, YamlReader } from "./reader.js";

const REPO_KEYS = ["path", "url", "commit", "branch", "tag", "layers"];
const IGNORED_REPO_KEYS = ["allowed_signers", "name", "patches", "signed", "type"];
/** Values with which kas leaves a layer out. */
const DISABLED = ["disabled", "excluded", "n", "no", "0", "false"];

export interface Repo {
  readonly at: Span;
  /** Folder that relative paths start at: that of the file that names the repository. */
  readonly folder: string;
  readonly path?: string;
  readonly url?: string;
  readonly commit?: string;
  readonly branch?: string;
  readonly layers: ReadonlyMap<string, { readonly at: Span; readonly isDisabled: boolean }>;
}

/**
 * Adds the repositories of one file to those of the files before it; keys that it does not have stay as they were.
 *
 * @param folder of that file: relative paths start there
 */
export function readRepos(
  reader: YamlReader,
  entry: Entry | undefined,
  repos: Map<string, Repo>,
  folder: string,
): void {
  if (!entry) return;
  for (const [name, repo] of reader.map(entry)) {
    const entries = reader.map(repo, [...REPO_KEYS, ...IGNORED_REPO_KEYS]);
    const before = repos.get(name);
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
    repos.set(name, {
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
export function repoFolder(name: string, repo: Repo): string {
  return resolve(repo.folder, repo.path ?? (repo.url === undefined ? "." : name));
}

/** Folders of the layers that count, absolute, in order; what is not there is added to `problems`. */
export function projectLayers(repos: ReadonlyMap<string, Repo>, problems: Diagnostic[]): string[] {
  const layers: string[] = [];
  for (const [name, repo] of repos) {
    const folder = repoFolder(name, repo);
    if (!existsSync(folder)) {
      const near = repo.url === undefined ? nearest(basename(folder), foldersIn(dirname(folder))) : [];
      const command = repo.url === undefined ? undefined : cloneCommand(repo, folder);
      problems.push(problem.repoMissing(name, folder, { command, near }, repo.at));
      continue;
    }
    const listed = [...repo.layers].filter(([, { isDisabled }]) => !isDisabled);
    const inside: readonly (readonly [string, { readonly at: Span }])[] =
      repo.layers.size === 0 ? [[".", { at: repo.at }]] : listed;
    for (const [layer, { at }] of inside) {
      const path = resolve(folder, layer);
      if (existsSync(join(path, "conf/layer.conf"))) layers.push(path);
      else problems.push(problem.layerMissing(path, at));
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
