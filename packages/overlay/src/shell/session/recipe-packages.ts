/** Packages that recipes of the build have made, in one folder, with an index that apt and opkg read. */
import { mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { AT_ONCE, eachLimited, ifThere, readTextIfThere, sha256 } from "@tsbake/base";
import type { BackendName } from "@tsbake/packaging";
import { linkOrCopy } from "./link-or-copy.js";

const INDEX = "Packages";
/** What the index was made of. */
const MADE_OF = ".made-of";

async function packageFiles(folder: string, format: BackendName): Promise<string[]> {
  const names = (await ifThere(readdir(folder, { recursive: true }))) ?? [];
  return names.filter((name) => name.endsWith(`.${format}`)).sort();
}

/** Whether a recipe of the build has made packages of this format. */
export async function hasRecipePackages(folder: string, format: BackendName): Promise<boolean> {
  return (await packageFiles(folder, format)).length > 0;
}

/**
 * Fills `into` with the packages below `folder`, and an index; what is there already of the same files stays.
 *
 * @returns the index
 * @throws BuildError `packaging/bad-deb`, `packaging/bad-rpm`
 */
export async function publishPackages(folder: string, into: string, format: BackendName): Promise<string> {
  const files = await packageFiles(folder, format);
  const stamps = await eachLimited(files, AT_ONCE, async (name) => {
    const { size, mtimeMs, ino } = await stat(join(folder, name));
    return `${name} ${size} ${mtimeMs} ${ino}`;
  });
  const key = sha256(stamps.join("\n"));
  const known = await readTextIfThere(join(into, INDEX));
  if (known !== undefined && (await readTextIfThere(join(into, MADE_OF))) === key) return known;
  await rm(into, { recursive: true, force: true });
  await mkdir(into, { recursive: true });
  await eachLimited(files, AT_ONCE, async (name) => {
    await linkOrCopy(join(folder, name), join(into, basename(name)));
  });
  const { openBackend } = await import("@tsbake/packaging");
  const { packages } = await openBackend(format).scan(into);
  // opkg has another name for the digest.
  const named = (stanza: string): string =>
    format === "ipk" ? stanza.replace(/^SHA256:/m, "SHA256sum:") : stanza;
  const index = packages.map(({ stanza }) => `${named(stanza)}\n`).join("");
  await writeFile(join(into, INDEX), index);
  await writeFile(join(into, MADE_OF), key);
  return index;
}
