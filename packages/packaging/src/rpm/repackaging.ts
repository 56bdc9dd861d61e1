/** A .deb as an .rpm in the pool. */
import { openPackages } from "../contents/index.js";
import type { Repackaging } from "../database/index.js";
import { type NeutralPackage, type PackageWriter, repackaged } from "../repackage/index.js";
import { writeRpm } from "./format/write.js";
import { rpmSpecOf } from "./package.js";

/** Of gzip: it is written once and read at once. */
const LEVEL = 1;

const rpmWriter: PackageWriter = {
  suffix: "rpm",
  version: 4,
  write: (one, deb, out) => writeRpmOf(one, deb, out, LEVEL),
};

export const rpmRepackaging: Repackaging = {
  describe: (one) => one,
  write: (packages, pool) => repackaged(packages, pool, rpmWriter),
};

/** @param level of gzip @throws BuildError `packaging/bad-deb` */
export async function writeRpmOf(
  one: NeutralPackage,
  deb: string,
  out: string,
  level: number,
): Promise<void> {
  const { name, version, architecture } = one;
  const planned = { name, version, architecture, sha256: "", sizeBytes: 0, stanza: "", file: "", path: deb };
  await using contents = openPackages([planned], () => true, out);
  for (const opened of await contents.packages) await writeRpm(rpmSpecOf(deb, one, opened), out, { level });
}
