/** What of the table lies in a root, and which script made it. */
import { readdir, readFile, readlink } from "node:fs/promises";
import { dirname, join, posix } from "node:path";
import { eachLimited, AT_ONCE, byText, hasCode, ifThere } from "@tsbake/base";
import { insideRoot, type InsideRoot } from "@tsbake/sandbox";
import { PER_DEVICE } from "./table.js";

/** One path of a root that the table is about. */
export interface FoundPerDevice {
  /** Absolute in the root. */
  readonly path: string;
  readonly becomes: string | undefined;
}

/**
 * What of the table lies in `root`. What a package ships is not made by its script: it stays.
 *
 * @param owned every path in a package's list
 */
export async function findPerDevice(root: string, owned: ReadonlySet<string>): Promise<FoundPerDevice[]> {
  const inside = insideRoot(root);
  const found: FoundPerDevice[] = [];
  for (const { paths, linksTo, becomes } of PER_DEVICE) {
    for (const pattern of paths) {
      for (const path of await pathsLike(inside, pattern)) {
        if (owned.has(path)) continue;
        const target = await targetOf(join(await inside.follow(dirname(path)), posix.basename(path)));
        // A link that is not asked for is a decision of whoever made it: /etc/resolv.conf into /run.
        if (target === linksTo) found.push({ path, becomes });
      }
    }
  }
  return found;
}

/** Paths in the root that fit, part by part. */
async function pathsLike(inside: InsideRoot, pattern: string): Promise<string[]> {
  let found = [""];
  for (const part of pattern.split("/").slice(1)) {
    const next: string[] = [];
    for (const folder of found)
      for (const name of await namesLike(await inside.follow(folder), part)) next.push(`${folder}/${name}`);
    found = next;
  }
  return found;
}

async function namesLike(folder: string, pattern: string): Promise<string[]> {
  const source = pattern.split("*").map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, "\\$&"));
  const matcher = new RegExp(`^${source.join(".*")}$`, "s");
  try {
    return (await readdir(folder)).filter((name) => matcher.test(name));
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return [];
    throw error;
  }
}

async function targetOf(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch (error) {
    if (hasCode(error, "EINVAL")) return undefined;
    throw error;
  }
}

/** Where scripts stay, by package: dpkg's folder and opkg's. */
const INFO_FOLDERS = ["var/lib/dpkg/info", "var/lib/opkg/info"];

/** Members of `info/` that run when a package is installed. */
const MAKERS = /^(.+)\.(preinst|postinst|config)$/;

/**
 * The script that probably made `path`: one that names it, its name alone, or else the folder that it is in.
 *
 * @returns a clause, e.g. "the postinst of ssl-cert"
 */
export async function scriptThatMakes(root: string, path: string): Promise<string | undefined> {
  const inside = insideRoot(root);
  const folders = await eachLimited(INFO_FOLDERS, AT_ONCE, (folder) => inside.follow(folder));
  const all = await eachLimited(folders, AT_ONCE, async (folder) =>
    ((await ifThere(readdir(folder))) ?? []).map((name) => join(folder, name)),
  );
  const paths = all.flat().filter((one) => MAKERS.test(posix.basename(one)));
  const scripts = await eachLimited(paths.sort(byText), AT_ONCE, (one) => readFile(one, "latin1"));
  for (const trace of [path, posix.basename(path), posix.dirname(path)]) {
    const at = trace.length < 4 ? -1 : scripts.findIndex((text) => text.includes(trace));
    const [, owner, kind] = MAKERS.exec(posix.basename(paths[at] ?? "")) ?? [];
    if (owner !== undefined) return `the ${kind} of ${owner.replace(/:.*/, "")}`;
  }
  return undefined;
}
