/** What can be installed, and the root that it goes into. */
import { mkdir, readdir, rm } from "node:fs/promises";
import { basename, isAbsolute, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { AT_ONCE, byText, eachLimited, needSpace, sortedUnique } from "@tsbake/base";
import {
  type ClosurePackage,
  type PackageSource,
  type Planned,
  demandOneContent,
  downloadClosure,
  inPool,
  mergeClosures,
  parseStanzas,
  readClosure,
  readFeedIndex,
  readFeedIndexes,
} from "@tsbake/packaging";
import { openCage, type Cage } from "@tsbake/sandbox";
import { installedSizeBytes } from "../facts/closure.js";
import type { InstallOptions } from "./options.js";

/** Makes it, and the folders of results and downloads. @returns the root, in the folder to work in */
export async function emptyRoot(options: InstallOptions): Promise<string> {
  const root = join(options.work, "root");
  await rm(root, { recursive: true, force: true });
  for (const folder of [root, options.output, options.pool]) await mkdir(folder, { recursive: true });
  return root;
}

/** Where packages of the sources lie: absolute, sorted, each once. */
function sourceFolders(sources: readonly PackageSource[]): string[] {
  return sortedUnique(sources.map(({ folder }) => resolve(folder)));
}

/** The cage of an installation: it writes the root, and sees packages, the backend's tools and `more` folders. */
export async function installCage(
  { backend }: Pick<InstallOptions, "backend">,
  root: string,
  sources: readonly PackageSource[],
  more: readonly string[] = [],
): Promise<Cage> {
  const tools = (await backend.toolFolders?.()) ?? [];
  return openCage({ writable: [root], readable: [...sourceFolders(sources), ...more, ...tools] });
}

/** What every backend's solver is asked, whatever the root. */
export function solveRequest(options: InstallOptions, sources: readonly PackageSource[]) {
  const { install, architecture, epochSeconds, onProgress } = options;
  return { install, sources, architecture, epochSeconds, onProgress };
}

export interface Offer {
  readonly sources: readonly PackageSource[];
  /** Downloads those of the archive that are not in the pool yet. @throws BuildError `base/disk-full` where they cannot fit unpacked */
  readonly fetch: (packages: readonly Planned[]) => Promise<readonly Planned[]>;
}

/**
 * What can be installed: the packages of recipes, the engine's closure, and the closures that recipes published, whose
 * libraries their packages may need. Only what is installed in the end is downloaded.
 */
export async function offerOf(options: InstallOptions): Promise<Offer> {
  const { backend, pool } = options;
  const own = await eachLimited(options.packageFolders, AT_ONCE, (folder) => backend.scan(folder));
  const feeds = await feedPackages(options);
  const published = await eachLimited(options.packageFolders, AT_ONCE, closuresIn);
  const paths = [...(options.closure === undefined ? [] : [options.closure]), ...published.flat()];
  const closure = mergeClosures(await eachLimited(paths, AT_ONCE, readClosure));
  const { repackaging } = backend;
  const archive = inPool(closure.packages).map((one) => ({
    one,
    offered: repackaging?.describe(one) ?? one,
  }));
  return {
    sources: [
      ...own,
      { folder: pool, packages: inPool(feeds) },
      { folder: pool, packages: archive.map(({ offered }) => offered) },
    ],
    async fetch(packages) {
      const stanzas = packages.flatMap(({ stanza }) => parseStanzas(stanza).stanzas.slice(0, 1));
      const sizeBytes = stanzas.reduce((sum, stanza) => sum + installedSizeBytes({ stanza }), 0);
      needSpace(
        options.work,
        sizeBytes,
        `unpacking ${packages.length} ${packages.length === 1 ? "package" : "packages"}`,
      );
      const planned = new Set(packages.map(identity));
      const chosen = archive.filter(({ offered }) => planned.has(identity(offered)));
      const names = new Map(closure.packages.map((one) => [identity(one), one]));
      const wanted = chosen.flatMap(({ one }) => names.get(identity(one)) ?? []);
      const { onProgress } = options;
      await downloadClosure({ ...closure, packages: wanted }, pool, { onProgress });
      const contents = new Set(packages.map(({ sha256 }) => sha256));
      const ofFeeds = feeds.filter((one) => planned.has(identity(one)) && contents.has(one.sha256));
      await downloadClosure({ roots: [], packages: ofFeeds }, pool, { onProgress, server: true });
      if (repackaging === undefined) return packages;
      const ofArchive = new Set(chosen.map(({ offered }) => identity(offered)));
      const made = await repackaging.write(
        packages.filter((one) => ofArchive.has(identity(one))),
        pool,
      );
      const byIdentity = new Map(made.map((one) => [identity(one), one]));
      return packages.map((one) => byIdentity.get(identity(one)) ?? one);
    },
  };
}

/**
 * What the indexes offer that the task was signed with; `uri` is where it is.
 *
 * @throws BuildError `packaging/bad-feed`, `packaging/other-content`
 */
async function feedPackages({ backend, indexes, architecture }: InstallOptions): Promise<ClosurePackage[]> {
  if (indexes === undefined) return [];
  const { readIndex } = backend;
  if (readIndex === undefined) throw new Error(`internal: ${backend.name} reads no index`);
  const found = await eachLimited(await readFeedIndexes(indexes), AT_ONCE, async (one) => {
    const packages = readIndex(await readFeedIndex(one), one.feed, architecture);
    const uriOf = (file: string): string =>
      isAbsolute(one.feed) ? pathToFileURL(join(one.feed, file)).href : `${one.feed}/${file}`;
    return packages.map(({ file, ...rest }) => ({ ...rest, file: basename(file), uri: uriOf(file) }));
  });
  demandOneContent(found.flat());
  return found.flat();
}

/** Files `*.closure` of a recipe's package folder, sorted. */
async function closuresIn(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  return names
    .filter((name) => name.endsWith(".closure"))
    .sort(byText)
    .map((name) => join(folder, name));
}

interface Identified {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
}

/** By what a package is the same in all sources: name, version and architecture. */
export function identity({ name, version, architecture }: Identified): string {
  return `${name} ${version} ${architecture}`;
}
