/**
 * What a shell gets of the build, as a layer of its own between the base and what is changed: so nothing of it is counted as a change,
 * and the base stays as it is. Made anew each time.
 */
import { mkdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { AT_ONCE, eachLimited, ifThere, readTextIfThere } from "@tsbake/base";
import { feedInRoot, type FeedInRootOptions } from "@tsbake/packaging/in-root";
import type { Bind } from "@tsbake/sandbox";
import { RUN_HOOKS } from "../difference/dpkg-runs.js";
import type { OverlayPlaces } from "../store/places.js";
import { linkOrCopy } from "./link-or-copy.js";
import { hasRecipePackages, publishPackages } from "./recipe-packages.js";

export interface SessionRequest {
  readonly places: OverlayPlaces;
  /** The base's tree. */
  readonly tree: string;
  /** A folder with apt, for bases that have none; absolute. */
  readonly tools: string | undefined;
  readonly feed: FeedInRootOptions;
  /** Of the packages that recipes have built; absolute. */
  readonly recipePackages: string | undefined;
  readonly binds: readonly Bind[];
  /** Without network. */
  readonly isOffline: boolean;
}

/** Where the tools are in a root. */
const TOOLS = "/run/tsbake/tools";
const PACKAGES = "/run/tsbake/packages";
const PROGRAMS = ["apt", "apt-get", "apt-cache", "apt-mark", "apt-config"];
/** Where the kernel's file systems are mounted. */
const MOUNT_POINTS = ["proc", "sys", "dev", "run", "tmp"];
/** Without these apt complains, or stops. */
const APT_FOLDERS = [
  "etc/apt/preferences.d",
  "var/cache/apt/archives/partial",
  "var/lib/apt/lists/partial",
  "var/log/apt",
];
const HOSTS = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";

/** @returns what has to be bound. @throws BuildError `packaging/feed-unreachable`; system errors of what is bound */
export async function writeSessionLayer(request: SessionRequest): Promise<Bind[]> {
  const { places, tree, tools, binds, recipePackages } = request;
  const layer = places.session;
  await writeMountPoints(places);
  for (const name of APT_FOLDERS) await mkdir(join(layer, name), { recursive: true });
  const all: Bind[] = [...binds];
  const needsTools = tools !== undefined && !(await isThere(join(tree, "usr/bin/apt-get")));
  if (needsTools) {
    all.push({ from: tools, to: TOOLS, isReadOnly: true });
    await mkdir(join(layer, "usr/local/bin"), { recursive: true });
    for (const name of PROGRAMS)
      await symlink(`${TOOLS}/usr/bin/${name}`, join(layer, "usr/local/bin", name));
  }
  const published =
    recipePackages !== undefined && (await hasRecipePackages(recipePackages))
      ? await publishPackages(recipePackages, places.packages)
      : undefined;
  if (published !== undefined) all.push({ from: places.packages, to: PACKAGES, isReadOnly: true });
  const feed = await feedInRoot({
    ...request.feed,
    isOffline: request.isOffline,
    ...(needsTools && { tools: TOOLS }),
    ...(published !== undefined && { folders: [PACKAGES] }),
  });
  const files = new Map(feed.files);
  if (published !== undefined)
    files.set(`var/lib/apt/lists/${PACKAGES.slice(1).replaceAll("/", "_")}_._Packages`, published);
  files.set("etc/dpkg/dpkg.cfg.d/tsbake", RUN_HOOKS);
  const names = request.isOffline ? undefined : await readTextIfThere("/etc/resolv.conf");
  if (names !== undefined) files.set("etc/resolv.conf", names);
  if (!(await isThere(join(tree, "etc/hosts")))) files.set("etc/hosts", HOSTS);
  for (const [path, content] of files) {
    await mkdir(dirname(join(layer, path)), { recursive: true });
    await writeFile(join(layer, path), content);
  }
  await eachLimited([...feed.copies], AT_ONCE, ([path, from]) => linkOrCopy(from, join(layer, path)));
  for (const folder of feed.folders) all.push({ from: folder, to: folder, isReadOnly: true });
  for (const one of all) await mountPoint(layer, one);
  return all;
}

/** The layer with nothing in it. */
export async function writeMountPoints({ session }: OverlayPlaces): Promise<void> {
  await rm(session, { recursive: true, force: true });
  for (const name of MOUNT_POINTS) await mkdir(join(session, name), { recursive: true });
}

async function mountPoint(layer: string, { from, to }: Bind): Promise<void> {
  const isFolder = (await stat(from)).isDirectory();
  if (to.startsWith("/run/")) return;
  const place = join(layer, to);
  await mkdir(isFolder ? place : dirname(place), { recursive: true });
  if (!isFolder) await writeFile(place, "", { flag: "a" });
}

async function isThere(path: string): Promise<boolean> {
  return (await ifThere(stat(path))) !== undefined;
}
