/** The control members of many packages, with their modes. */
import { readSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { AT_ONCE, BuildError, byText, eachLimited, scratchFolder } from "@tsbake/base";
import type { Planned } from "../database/backend.js";
import { badDeb } from "../problems.js";
import { rpmControl } from "../rpm/format/origin.js";
import { readControl } from "./any-control.js";
import { plainMembers, PlainMembers } from "./members.js";
import { readPlainTar } from "./plain-tar.js";

export interface ControlFile {
  readonly bytes: Buffer;
  readonly mode: number;
}

/** By name: `control`, `md5sums`, `postinst`, …; sorted. */
export type ControlFiles = ReadonlyMap<string, ControlFile>;

const RUN_BY_DPKG = new Set(["preinst", "postinst", "prerm", "postrm", "config"]);

/** A package is opened once: whoever asks again gets what was read. */
const known = new WeakMap<Planned, ControlFiles>();

/** @returns in the order of `packages` @throws BuildError `packaging/bad-deb` */
export async function readControls(packages: readonly Planned[]): Promise<ControlFiles[]> {
  const fresh = packages.filter((one) => !known.has(one));
  const [rpms, others] = [fresh.filter(isRpm), fresh.filter((one) => !isRpm(one))];
  for (const one of rpms) known.set(one, await rpmControl(one.path));
  const read = await controlsOf(others.map(({ path }) => path));
  for (const [at, one] of others.entries()) known.set(one, read[at]!);
  return packages.map((one) => known.get(one)!);
}

/** Whether it is a Debian package in an rpm. */
export function isRpm({ path }: Pick<Planned, "path">): boolean {
  return path.endsWith(".rpm");
}

/** The same of package files. @throws BuildError `packaging/bad-deb` */
export async function controlsOf(paths: readonly string[]): Promise<ControlFiles[]> {
  if (paths.length === 0) return [];
  const scratch = await scratchFolder(join(tmpdir(), "tsbake-control-"));
  try {
    using files = new PlainMembers();
    const members = await plainMembers("control", paths, files, scratch);
    const all = members.map(({ fd, at, sizeBytes }, number) => filesIn(paths[number]!, fd, at, sizeBytes));
    return await eachLimited(
      [...all.entries()],
      AT_ONCE,
      async ([at, one]) => one ?? ofOtherForm(paths[at]!),
    );
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function ofOtherForm(path: string): Promise<ControlFiles> {
  const members = [...(await readControl(path))].sort(([left], [right]) => byText(left, right));
  return new Map(
    members.map(([name, bytes]) => [name, { bytes, mode: RUN_BY_DPKG.has(name) ? 0o755 : 0o644 }]),
  );
}

/** @returns undefined for what dpkg-deb has not written */
function filesIn(path: string, fd: number, at: number, sizeBytes: number): ControlFiles | undefined {
  const tar = readPlainTar(fd, at, sizeBytes);
  if (tar === undefined) return undefined;
  const all = tar.entries.map(({ entry, contentAt }): [string, ControlFile] => {
    const name = basename(entry.path);
    if (entry.kind !== "file" || entry.hardlink !== undefined || entry.path !== `/${name}`)
      throw new BuildError([badDeb(path, `its control member \`${name}\` is no file`)]);
    const bytes = Buffer.alloc(entry.sizeBytes);
    readSync(fd, bytes, 0, bytes.length, contentAt);
    return [name, { bytes, mode: entry.mode }];
  });
  return new Map(all.sort(([left], [right]) => byText(left, right)));
}
