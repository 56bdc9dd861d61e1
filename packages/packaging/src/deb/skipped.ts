/** Maintainer scripts as texts. */
import { join } from "node:path";
import { ifThere, readPlain, sha256 } from "@tsbake/base";
import type { Planned, SkippedScript } from "../database/backend.js";
import type { InstalledPackage } from "../database/database.js";
import { DPKG_FOLDER } from "./database.js";

/** Control members that run, or that make others run: `triggers` would mark a package of the base as unfinished. */
export const SCRIPTS: readonly SkippedScript["script"][] = [
  "preinst",
  "postinst",
  "prerm",
  "postrm",
  "config",
  "triggers",
];

/** @param bytes the script */
export function describe(
  one: Pick<Planned, "name" | "version">,
  script: SkippedScript["script"],
  bytes: Buffer,
): SkippedScript {
  const { name, version } = one;
  return { package: name, version, script, sha256: sha256(bytes), text: bytes.toString("utf8") };
}

/** The largest script that is read; Debian's have some ten kilobytes. */
const MOST_BYTES = 4 << 20;

/** Scripts of an installed package. @param root with the database, its links refused or none; a snapshot's folder, too */
export async function installedScripts(root: string, one: InstalledPackage): Promise<SkippedScript[]> {
  const info = join(root, DPKG_FOLDER, "info");
  const found: SkippedScript[] = [];
  for (const script of SCRIPTS) {
    for (const key of [one.name, `${one.name}:${one.architecture}`]) {
      const bytes = await ifThere(readPlain(join(info, `${key}.${script}`), MOST_BYTES));
      if (bytes !== undefined) found.push(describe(one, script, bytes));
    }
  }
  return found;
}
