/**
 * The feed as apt inside of a root has it: sources, keys, preferences and lists of the build, so that `apt install` there takes what
 * the build would. Of the host's settings only how servers are reached; no credentials.
 *
 * `@tsbake/packaging/in-root` is this file: it loads no code that unpacks or installs packages.
 */
import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { byText, ifThere, readTextIfThere, sortedUnique } from "@tsbake/base";
import { type FeedOptions, openFeed } from "./feed.js";
import { withHostArchive } from "./host-archive.js";
import { hostReach } from "./host.js";

/** A feed, and the root that is to have it. */
export interface FeedInRootOptions extends FeedOptions {
  /** Where programs of apt are in the root that are not at their usual places. */
  readonly tools?: string;
  /** Archives without signatures that are folders of the root: those of the build's own packages. */
  readonly folders?: readonly string[];
  /** The lists are not looked for: nothing will be installed. */
  readonly isOffline?: boolean;
}

/** What the root has to have. */
export interface FeedInRoot {
  /** Path in the root → content. */
  readonly files: ReadonlyMap<string, string | Buffer>;
  /** Files of this machine to copy: path in the root → path here. */
  readonly copies: ReadonlyMap<string, string>;
  /** Folders of this machine that sources name; they have to be in sight at the same path. */
  readonly folders: readonly string[];
}

const APT = "etc/apt";
const KEYRINGS = ["trusted.gpg.d", "keyrings"];

/** @throws BuildError `packaging/feed-unreachable`, `packaging/no-host-archive` */
export async function feedInRoot(options: FeedInRootOptions): Promise<FeedInRoot> {
  const sources = await sourcesOf(options);
  const texts = [...sources.values()].join("\n");
  const files = new Map<string, string | Buffer>([
    ...sourceFiles(sources, options.folders ?? []),
    ...(await keyringFiles(texts)),
    [`${APT}/apt.conf.d/90tsbake`, `${(await settings(options)).join("\n")}\n`],
  ]);
  const copies = new Map<string, string>();
  if (options.isOffline !== true)
    for (const path of await (await openFeed(options)).listFiles())
      copies.set(`var/lib/apt/lists/${basename(path)}`, path);
  return { files, copies, folders: foldersIn(texts) };
}

/** Names without ending → text. */
async function sourcesOf({ sources }: FeedOptions): Promise<ReadonlyMap<string, string>> {
  return sources === undefined ? hostSources() : new Map([["tsbake", await withHostArchive(sources)]]);
}

/** @param own folders of the root with packages of recipes */
function sourceFiles(sources: ReadonlyMap<string, string>, own: readonly string[]): [string, string][] {
  const files = [...sources].map(([name, text]): [string, string] => {
    const ending = /^types:/im.test(text) ? "sources" : "list";
    return [`${APT}/sources.list.d/${name}.${ending}`, `${text.trimEnd()}\n`];
  });
  const lines = own.map((folder) => `deb [trusted=yes] file:${folder} ./\n`);
  if (lines.length > 0) files.push([`${APT}/sources.list.d/tsbake-recipes.list`, lines.join("")]);
  return files;
}

async function keyringFiles(sources: string): Promise<[string, Buffer][]> {
  const files: [string, Buffer][] = [];
  for (const path of await keyringsOf(sources)) {
    const content = await ifThere(readFile(path));
    if (content !== undefined) files.push([path.slice(1), content]);
  }
  return files;
}

/** Archives that are folders of this machine. */
function foldersIn(sources: string): string[] {
  const found = sources.matchAll(/(?:^|\s)(?:file|copy):(?:\/\/)?(\/[^\s]*)/g);
  return sortedUnique([...found].map((match) => match[1]!));
}

/** Names without ending → text. */
async function hostSources(): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const main = await readTextIfThere(`/${APT}/sources.list`);
  if (main?.trim()) found.set("tsbake", main);
  const folder = `/${APT}/sources.list.d`;
  for (const name of ((await ifThere(readdir(folder))) ?? []).sort(byText)) {
    const text = /\.(?:list|sources)$/.test(name) ? await readTextIfThere(join(folder, name)) : undefined;
    if (text !== undefined) found.set(`tsbake-${name.replace(/\.\w+$/, "")}`, text);
  }
  return found;
}

/** Those that sources name, and those that apt takes for all sources. */
async function keyringsOf(sources: string): Promise<string[]> {
  const named = [...sources.matchAll(/signed-by[:=]\s*(\/[^\s\],]+)/gi)].map((match) => match[1]!);
  const paths: string[] = [...named];
  for (const name of KEYRINGS) {
    const folder = `/${APT}/${name}`;
    const keys = ((await ifThere(readdir(folder))) ?? []).filter((one) => /\.(?:gpg|asc)$/.test(one));
    paths.push(...keys.map((one) => join(folder, one)));
  }
  return sortedUnique(paths);
}

/** As a build solves (`apt.ts`): the same packages come of the same names. */
async function settings({ architecture, tools }: FeedInRootOptions): Promise<string[]> {
  const words: Record<string, string> = {
    ...(architecture !== undefined && { "APT::Architecture": architecture }),
    "APT::Install-Recommends": "false",
    "APT::Install-Suggests": "false",
    // It has no powers to become another user with what it needs, and no other user is kept from anything here.
    "APT::Sandbox::User": "root",
    "pkgCacheGen::ForceEssential": ",",
    "Acquire::Languages": "none",
    "Acquire::GzipIndexes": "true",
    // They are big, and are no change that anybody made.
    "Dir::Cache::pkgcache": "/run/tsbake/pkgcache.bin",
    "Dir::Cache::srcpkgcache": "",
    ...(tools !== undefined && {
      "Dir::Bin::methods": `${tools}/usr/lib/apt/methods`,
      "Dir::Bin::planners::": `${tools}/usr/lib/apt/planners`,
      "Dir::Bin::solvers::": `${tools}/usr/lib/apt/solvers`,
      "Dir::Bin::apt-key": `${tools}/usr/bin/apt-key`,
      "Dir::Bin::gpg": `${tools}/usr/bin/gpgv`,
      "Apt::Key::gpgvcommand": `${tools}/usr/bin/gpgv`,
    }),
  };
  return [...Object.entries(words).map(([name, value]) => `${name} "${value}";`), ...(await hostReach())];
}
