/** The control members of many packages, with their modes. */
import { readSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { BuildError, byText, scratchFolder } from "@tsbake/base";
import type { Planned } from "../../database/backend.js";
import { badDeb } from "../../problems.js";
import { LARGEST_CONTROL } from "../file.js";
import { plainMembers, PlainMembers } from "./members.js";
import { readPlainTar } from "./plain-tar.js";

export interface ControlFile {
  readonly bytes: Buffer;
  readonly mode: number;
}

/** By name: `control`, `md5sums`, `postinst`, …; sorted. */
export type ControlFiles = ReadonlyMap<string, ControlFile>;

/** @returns in the order of `packages` @throws BuildError `packaging/bad-deb` */
export async function readControls(packages: readonly Planned[]): Promise<ControlFiles[]> {
  if (packages.length === 0) return [];
  const scratch = await scratchFolder(join(tmpdir(), "tsbake-control-"));
  try {
    using files = new PlainMembers();
    const paths = packages.map(({ path }) => path);
    const members = await plainMembers("control", paths, files, scratch);
    return members.map(({ fd, at, sizeBytes }, number) => {
      const path = paths[number]!;
      if (sizeBytes > LARGEST_CONTROL) throw new BuildError([badDeb(path, "its control member is too big")]);
      const tar = readPlainTar(fd, at, sizeBytes);
      if (tar === undefined) throw new BuildError([badDeb(path, "its control member is damaged")]);
      const all = tar.entries.map(({ entry, contentAt }): [string, ControlFile] => {
        const name = basename(entry.path);
        if (entry.kind !== "file" || entry.hardlink !== undefined || entry.path !== `/${name}`)
          throw new BuildError([badDeb(path, `its control member \`${name}\` is no file`)]);
        const bytes = Buffer.alloc(entry.sizeBytes);
        readSync(fd, bytes, 0, bytes.length, contentAt);
        return [name, { bytes, mode: entry.mode }];
      });
      return new Map(all.sort(([left], [right]) => byText(left, right)));
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
