/**
 * New packages on top of an imported database: dpkg checks dependencies, conflicts and file clashes against the base's
 * database, while no file of the base is there. So no maintainer script can run; each is reported instead.
 */
import { lstat, mkdir, mkdtemp, readFile, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AT_ONCE, byText, eachLimited, hasCode, ifThere, readTextIfThere, sha256 } from "@tsbake/base";
import type { InstallResult, LayerRequest, Planned, SkippedScript } from "../database/backend.js";
import type { Change } from "../database/change.js";
import { additions } from "../database/changes.js";
import { readControl } from "../contents/index.js";
import { repackDeb } from "./file.js";
import { DPKG_FOLDER, readDebDatabase } from "./database.js";
import { dpkg, dpkgUnpack } from "./install.js";
import { linkedFolders, verify } from "./whole-root.js";
import { describe, SCRIPTS } from "./skipped.js";
import { layPackages } from "./unpack.js";
import { insideRoot, refuseLinks } from "@tsbake/sandbox";
import { solutionOf } from "./solve.js";
import { DPKG_KEEPS, type KeptDatabase } from "./kept.js";
import { clampTimes, normaliseRoot } from "./normalise.js";

/** Members of `info/` that dpkg would run of a package that it replaces or removes. */
const OLD_SCRIPTS = ["preinst", "postinst", "prerm", "postrm"] as const;

/** Each is as big as it is, and written a second time. */
const PACKAGES_AT_ONCE = 4;

/** @throws BuildError `packaging/base-changed`, `packaging/install-failed` and what solving throws */
export async function installOnDebDatabase(
  request: LayerRequest,
  kept: KeptDatabase = DPKG_KEEPS,
): Promise<InstallResult> {
  const { root, seenRoot, sandbox, epochSeconds, architecture, onProgress } = request;
  const { packages, changes } = await solutionOf(request);
  await verify(packages);
  onProgress?.(`unpacking ${packages.length} packages`);
  const skippedScripts: SkippedScript[] = [];
  const scratch = await mkdtemp(join(root, ".tsbake-layer-"));
  try {
    const aside = await setAside(seenRoot);
    const keys = changedKeys(changes, architecture);
    skippedScripts.push(...(await takeOldScripts(seenRoot, keys)));
    // Where something of the base is replaced, dpkg alone knows what becomes of its files.
    const isAddition = changes.every(({ kind }) => kind === "added");
    const left = isAddition ? await layOnBase(request, packages, skippedScripts) : packages;
    const lists = await readLists(seenRoot, keys);
    // Missing configuration files are no decision of an administrator: there are no files at all.
    const removed = changes.filter(({ kind }) => kind === "removed").map(({ name }) => name);
    if (removed.length > 0)
      await dpkg(request, ["--force-all", "--purge", ...removed], removed.length, "Removing ");
    const files = await eachLimited(left, PACKAGES_AT_ONCE, (one) =>
      withoutScripts(one, scratch, skippedScripts),
    );
    await dpkgUnpack(request, ["--no-triggers", "--force-depends", "--force-confmiss"], files);
    const configure = ["--no-triggers", "--force-confmiss", "--configure", "--pending"];
    await dpkg(request, configure, packages.length, "Setting up ");
    // Packages may have brought anything, and from here on we follow its paths ourselves.
    await refuseLinks(seenRoot, DPKG_FOLDER);
    await aside.restore();
    await restoreLists(seenRoot, lists);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  const ofDpkg = await readDebDatabase(seenRoot, architecture);
  await normaliseRoot(sandbox, root, ofDpkg);
  const database = await kept.settle(seenRoot, ofDpkg, request);
  await clampTimes(sandbox, root, epochSeconds);
  return {
    ...additions(request, database, changes),
    database,
    skippedScripts: skippedScripts.sort((a, b) => byText(a.package, b.package) || byText(a.script, b.script)),
    warnings: [],
  };
}

/** @returns what is left to dpkg */
async function layOnBase(
  { root, seenRoot, base, sandbox, architecture, onProgress }: LayerRequest,
  packages: readonly Planned[],
  skipped: SkippedScript[],
): Promise<readonly Planned[]> {
  const diverted = base.diversions.flatMap(({ from, to }) => [from, to]);
  const { left, dropped } = await layPackages({ root, seenRoot, sandbox }, packages, {
    merged: linkedFolders(seenRoot, architecture),
    without: SCRIPTS,
    ...(onProgress && { onProgress }),
    taken: [...base.packages.flatMap(({ files }) => files), ...diverted],
  });
  for (const [one, members] of dropped) {
    for (const script of SCRIPTS)
      if (members.has(script)) skipped.push(describe(one, script, members.get(script) ?? Buffer.alloc(0)));
  }
  return left;
}

/** @returns the path of the package without its scripts; the same file when it has none */
async function withoutScripts(one: Planned, scratch: string, skipped: SkippedScript[]): Promise<string> {
  const members = await readControl(one.path);
  const scripts = SCRIPTS.filter((name) => members.has(name));
  if (scripts.length === 0) return one.path;
  for (const script of scripts) skipped.push(describe(one, script, members.get(script) ?? Buffer.alloc(0)));
  const out = join(scratch, `${one.name}_${one.version.replaceAll(":", "%3a")}_${one.architecture}.deb`);
  const dropped = new Set<string>(scripts);
  await repackDeb(one.path, out, members, (name) => !dropped.has(name));
  return out;
}

/**
 * Moves away what would make dpkg touch the base: file triggers that new files would fire, and overrides that name
 * users of a /etc/passwd that is not there.
 */
async function setAside(root: string): Promise<{ restore(): Promise<void> }> {
  const database = join(root, DPKG_FOLDER);
  const scratch = join(database, ".tsbake-aside");
  await mkdir(scratch);
  const moved: [string, string][] = [];
  const move = async (name: string): Promise<void> => {
    const [from, to] = [join(database, name), join(scratch, name.replaceAll("/", "_"))];
    await rename(from, to).catch((error: unknown) => {
      if (!hasCode(error, "ENOENT")) throw error;
    });
    if (await ifThere(stat(to))) moved.push([to, from]);
  };
  await move("triggers");
  await mkdir(join(database, "triggers"));
  // Without these dpkg takes the database for one of before there were triggers, and fires all of them.
  for (const name of ["File", "Unincorp"]) await writeFile(join(database, "triggers", name), "");
  await move("statoverride");
  return {
    restore: async () => {
      for (const name of await readdir(join(database, "triggers"))) {
        await rm(join(database, "triggers", name), { force: true });
      }
      for (const [from, to] of moved) await rename(from, to);
      await rm(scratch, { recursive: true });
    },
  };
}

/** How `info/` may call the packages of the base that are replaced or removed. */
function changedKeys(changes: readonly Change[], native: string): Map<string, Change> {
  const keys = new Map<string, Change>();
  for (const change of changes) {
    if (change.kind === "added") continue;
    // A removal is told without an architecture; only the native one is known to apt here.
    for (const suffix of ["", `:${change.architecture || native}`]) keys.set(change.name + suffix, change);
  }
  return keys;
}

/**
 * Takes scripts of the base out of `info/`: dpkg would run them, and stop because nothing that they need is there.
 * @returns those that would have run on a replacement or removal
 */
async function takeOldScripts(root: string, keys: ReadonlyMap<string, Change>): Promise<SkippedScript[]> {
  const skipped: SkippedScript[] = [];
  for (const [key, { name, from = "" }] of keys) {
    for (const script of OLD_SCRIPTS) {
      const path = join(root, DPKG_FOLDER, "info", `${key}.${script}`);
      const bytes = await readFile(path).catch((error: unknown) => {
        if (!hasCode(error, "ENOENT")) throw error;
      });
      if (!bytes) continue;
      await rm(path);
      if (script === "preinst" || script === "postinst") continue;
      skipped.push({
        package: name,
        version: from,
        script,
        sha256: sha256(bytes),
        text: bytes.toString("utf8"),
      });
    }
  }
  return skipped;
}

/** The file lists of the base's packages as they are, by path; without those that dpkg is to write anew. */
async function readLists(root: string, changed: ReadonlyMap<string, Change>): Promise<Map<string, string>> {
  const folder = join(root, DPKG_FOLDER, "info");
  const names = (await readdir(folder)).filter(
    (name) => name.endsWith(".list") && !changed.has(name.slice(0, -".list".length)),
  );
  const texts = await eachLimited(names, AT_ONCE, (name) => readFile(join(folder, name), "utf8"));
  return new Map(names.map((name, at) => [join(folder, name), texts[at] ?? ""]));
}

/**
 * dpkg finds folders of the base missing, makes them for the new package and strikes them off the base's lists. Folders
 * are shared, so those lines come back; a file that a new package took over stays struck off, and shows as a change.
 */
async function restoreLists(root: string, lists: ReadonlyMap<string, string>): Promise<void> {
  const inside = insideRoot(root);
  for (const [path, text] of lists) {
    const now = await readTextIfThere(path);
    if (now === undefined || now === text) continue;
    const left = new Set(now.split("\n"));
    const lost = text.split("\n").filter((line) => !left.has(line));
    const places = await eachLimited(lost, AT_ONCE, (line) => inside.place(line));
    const kinds = await eachLimited(places, AT_ONCE, (path) => ifThere(lstat(path)));
    const taken = new Set(lost.filter((_, at) => kinds[at]?.isDirectory() !== true));
    const lines = text.split("\n").filter((line) => !taken.has(line));
    await writeFile(path, lines.join("\n"));
  }
}
