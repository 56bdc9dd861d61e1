/** A .deb as an .rpm in the pool. */
import { BuildError } from "@tsbake/base";
import { openPackages } from "../contents/index.js";
import type { Repackaging } from "../database/index.js";
import { type PackageWriter, repackaged } from "../repackage/index.js";
import { writeRpm } from "./format/write.js";
import { rpmSpecOf } from "./package.js";

/** Of gzip: it is written once and read at once. */
const LEVEL = 1;

export const rpmWriter: PackageWriter = {
  suffix: "rpm",
  version: 1,
  async write(one, deb, out) {
    const { name, version, architecture } = one;
    const planned = {
      name,
      version,
      architecture,
      sha256: "",
      sizeBytes: 0,
      stanza: "",
      file: "",
      path: deb,
    };
    await using contents = openPackages([planned], () => true, out);
    const [opened] = await contents.packages;
    if (opened === undefined) throw new BuildError([]);
    await writeRpm(rpmSpecOf(deb, one, opened), out, { level: LEVEL });
  },
};

export const rpmRepackaging: Repackaging = {
  describe: (one) => one,
  write: (packages, pool) => repackaged(packages, pool, rpmWriter),
};
