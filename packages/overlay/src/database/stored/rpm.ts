/** rpm's packages: a header each, in one file of sqlite that rpmdb reads and makes. */
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { scratchFolder } from "@tsbake/base";
import { installedRpms, writeRpmHeaders } from "@tsbake/packaging";
import { type DatabasePackage, packageKey } from "../state.js";
import { HELPER_PLACES } from "./helpers.js";
import type { Storage } from "./storage.js";

const RPM = "var/lib/rpm";

/** @param programs a PATH with rpm and rpmdb; undefined: that of this process */
export function rpmStorage(programs: string | undefined): Storage {
  return {
    places: [RPM, ...HELPER_PLACES],
    folders: [RPM],

    async read(layers) {
      const packages = new Map<string, DatabasePackage>();
      const names = (await layers.names(RPM)).filter((name) => name.startsWith("rpmdb.sqlite"));
      if (names.length > 0)
        await inRoot(async (root) => {
          for (const name of names)
            await writeFile(join(root, RPM, name), (await layers.text(`${RPM}/${name}`)) ?? "", "latin1");
          for (const { stanza, header, files, digests } of await installedRpms(root, programs))
            packages.set(packageKey(stanza), {
              stanza,
              info: new Map([["header", header.toString("latin1")]]),
              files,
              digests,
            });
        });
      return { packages, triggers: new Map(), automatic: new Map() };
    },

    async write(state) {
      const headers = [...state.packages.values()].map(({ info }) =>
        Buffer.from(info.get("header") ?? "", "latin1"),
      );
      const files = new Map<string, string>();
      await inRoot(async (root) => {
        await writeRpmHeaders(root, headers, programs);
        for (const name of await readdir(join(root, RPM)))
          files.set(`${RPM}/${name}`, await readFile(join(root, RPM, name), "latin1"));
      });
      return files;
    },
  };
}

async function inRoot(work: (root: string) => Promise<void>): Promise<void> {
  const root = await scratchFolder(join(tmpdir(), "tsbake-rpm-"));
  try {
    await mkdir(join(root, RPM), { recursive: true });
    await work(root);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}
