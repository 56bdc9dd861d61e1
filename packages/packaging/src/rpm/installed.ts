/** The packages of a root's rpm database, with all that a database is made of again: to merge several into one. */
import { join } from "node:path";
import { BuildError, nameOf } from "@tsbake/base";
import { parseStanzas, type Stanza } from "../deb/stanza.js";
import { badDatabase } from "../problems.js";
import { headersOfRoot, writeRpmDatabase } from "./database.js";
import { headerFiles } from "./format/files.js";
import { HeaderFault } from "./format/header.js";
import { originOf } from "./format/origin.js";
import { splitHeaders } from "./headers.js";
import { RPM_FOLDER } from "./tool.js";

export interface InstalledRpm {
  /** Of the Debian package that it was made of, with a Status as dpkg would have it. */
  readonly stanza: Stanza;
  readonly header: Buffer;
  /** Absolute paths, folders too, with those that are dpkg's notes of it. */
  readonly files: readonly string[];
  /** SHA-256 in hex by path, of what has content. */
  readonly digests: ReadonlyMap<string, string>;
}

/**
 * @param programs a PATH with rpm and rpmdb; default: that of this process
 * @throws BuildError `packaging/bad-database`, also for a package that was none of Debian's; `packaging/no-rpm`
 */
export async function installedRpms(root: string, programs?: string): Promise<InstalledRpm[]> {
  const folder = join(root, RPM_FOLDER);
  return (await headersOfRoot(root, programs)).map(({ header, bytes, key }) => {
    try {
      const control = nameOf(originOf(header)?.get("control")?.bytes ?? Buffer.alloc(0));
      const [stanza] = parseStanzas(control).stanzas;
      if (stanza?.get("Package") === undefined)
        throw new HeaderFault("it is no package of a Debian archive or a recipe");
      const files = headerFiles(header);
      const withContent = files.filter(({ digest }) => digest !== "");
      return {
        stanza: new Map(stanza).set("Status", "install ok installed"),
        header: bytes,
        files: files.map(({ entry }) => entry.path),
        digests: new Map(withContent.map(({ entry, digest }) => [entry.path, digest])),
      };
    } catch (error) {
      if (error instanceof HeaderFault)
        throw new BuildError([badDatabase(folder, `\`${key}\`: ${error.message}`)]);
      throw error;
    }
  });
}

/**
 * Makes the database of a root of these headers, each as {@link installedRpms} has it.
 *
 * @throws BuildError `packaging/bad-database`, `packaging/damaged-snapshot`, `packaging/no-rpm`
 */
export async function writeRpmHeaders(
  root: string,
  headers: readonly Buffer[],
  programs?: string,
): Promise<void> {
  const all = splitHeaders(Buffer.concat(headers), join(root, RPM_FOLDER));
  await writeRpmDatabase(root, all, programs);
}
