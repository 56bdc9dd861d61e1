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

export interface FeedInRootOptions extends FeedOptions {
  /** Where programs of apt are in the root that are not at their usual places. */
  readonly tools?: string;
  /** Archives without signatures that are folders of the root: those of the build's own packages. */
  readonly folders?: readonly string[];
  /** The lists are not looked for: nothing will be installed. */
  readonly isOffline?: boolean;
}

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
  const files = new Map<string, string | Buffer>();
  const copies = new Map<string, string>();
  const sources =
    options.sources === undefined
      ? await hostSources()
      : new Map([["tsbake", await withHostArchive(options.sources)]]);
  for (const [name, text] of sources) {
    const ending = /^types:/im.test(text) ? "sources" : "list";
    files.set(`${APT}/sources.list.d/${name}.${ending}`, `${text.trimEnd()}\n`);
  }
  const own = (options.folders ?? []).map((folder) => `deb [trusted=yes] file:${folder} ./\n`);
  if (own.length > 0) files.set(`${APT}/sources.list.d/tsbake-recipes.list`, own.join(""));
  const texts = [...sources.values()].join("\n");
  for (const path of await keyringsOf(texts)) {
    const content = await ifThere(readFile(path));
    if (content !== undefined) files.set(path.slice(1), content);
  }
  files.set(`${APT}/apt.conf.d/90tsbake`, `${(await settings(options)).join("\n")}\n`);
  if (options.isOffline !== true)
    for (const path of await (await openFeed(options)).listFiles())
      copies.set(`var/lib/apt/lists/${basename(path)}`, path);
  const folders = [...texts.matchAll(/(?:^|\s)(?:file|copy):(?:\/\/)?(\/[^\s]*)/g)].map((match) => match[1]!);
  return { files, copies, folders: sortedUnique(folders) };
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
