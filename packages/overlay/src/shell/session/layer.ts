/**
 * What a shell gets of the build, as a layer of its own between the base and what is changed: so nothing of it is counted as a change,
 * and the base stays as it is. Made anew each time.
 */
import { chmod, mkdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { AT_ONCE, eachLimited, isThere, readTextIfThere } from "@tsbake/base";
import type { Bind } from "@tsbake/sandbox";
import type { OverlayPlaces } from "../../store/places.js";
import { linkOrCopy } from "./link-or-copy.js";
import { hasRecipePackages, publishPackages } from "./recipe-packages.js";
import { aptSession } from "./apt.js";
import { otherSession } from "./others.js";
import { PACKAGES, type SessionRequest } from "./parts.js";

/** Where the kernel's file systems are mounted. */
const MOUNT_POINTS = ["proc", "sys", "dev", "run", "tmp"];
/** Without these apt complains, or stops. */
const APT_FOLDERS = [
  "etc/apt/preferences.d",
  "var/cache/apt/archives/partial",
  "var/lib/apt/lists/partial",
  "var/log/apt",
];
const FOLDERS = { deb: APT_FOLDERS, ipk: ["var/log"], rpm: ["var/log"] };
const HOSTS = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";

/** @returns what has to be bound. @throws BuildError `packaging/feed-unreachable`; system errors of what is bound */
export async function writeSessionLayer(request: SessionRequest): Promise<Bind[]> {
  const { places, tree, format, recipePackages } = request;
  const layer = places.session;
  await writeMountPoints(places);
  for (const name of FOLDERS[format]) await mkdir(join(layer, name), { recursive: true });
  const published =
    recipePackages !== undefined && (await hasRecipePackages(recipePackages, format))
      ? await publishPackages(recipePackages, places.packages, format)
      : undefined;
  const parts = await (format === "deb"
    ? aptSession(request, published)
    : otherSession(format, request, published));
  const binds: Bind[] = [...request.binds, ...parts.binds];
  if (published !== undefined) binds.push({ from: places.packages, to: PACKAGES, isReadOnly: true });
  const files = new Map<string, string | Buffer>([...parts.files, ...parts.programs]);
  const names = request.isOffline ? undefined : await readTextIfThere("/etc/resolv.conf");
  if (names !== undefined) files.set("etc/resolv.conf", names);
  if (!(await isThere(join(tree, "etc/hosts")))) files.set("etc/hosts", HOSTS);
  for (const [path, content] of files) {
    await mkdir(dirname(join(layer, path)), { recursive: true });
    await writeFile(join(layer, path), content);
    if (parts.programs.has(path)) await chmod(join(layer, path), 0o755);
  }
  for (const [path, target] of parts.links) {
    await mkdir(dirname(join(layer, path)), { recursive: true });
    await symlink(target, join(layer, path));
  }
  await eachLimited([...parts.copies], AT_ONCE, ([path, from]) => linkOrCopy(from, join(layer, path)));
  for (const one of binds) await mountPoint(layer, one);
  return binds;
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
