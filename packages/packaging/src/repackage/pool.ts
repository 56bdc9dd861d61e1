/**
 * Packages that were made of others lie in the pool, one folder a format, made once for all images. Beside each stands what it was
 * made of and its digest: one that was made of something else, by another writer, or that is damaged, is made again.
 */
import { lstat, mkdir, rename, rm, stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import {
  BuildError,
  eachLimited,
  hasCode,
  ifThere,
  readTextIfThere,
  scratchFolder,
  sha256File,
  writeFileAtomic,
} from "@tsbake/base";
import { digest, readData, size } from "@tsbake/base/data";
import * as v from "valibot";
import { controlsOf } from "../contents/index.js";
import type { Planned } from "../database/backend.js";
import { badDeb } from "../problems.js";
import { type NeutralPackage, neutralPackage } from "./neutral.js";

export interface PackageWriter {
  /** Of the format and of files: `ipk`. */
  readonly suffix: string;
  /** Another one makes everything again: raised when the same .deb becomes other bytes. */
  readonly version: number;
  /** Writes `out`; the same bytes for the same .deb. */
  write(one: NeutralPackage, deb: string, out: string): Promise<void>;
}

const Made = v.object({ from: digest, writer: v.string(), sha256: digest, sizeBytes: size });
type Made = Readonly<v.InferOutput<typeof Made>>;

/**
 * @param packages described as the format has them; path and digest are those of the .debs
 * @returns the same, with path and digest of what was made of them
 * @throws BuildError `packaging/bad-deb` also for one that is not there or not what its index says
 */
export async function repackaged(
  packages: readonly Planned[],
  pool: string,
  writer: PackageWriter,
): Promise<Planned[]> {
  if (packages.length === 0) return [];
  const folder = join(pool, writer.suffix);
  await mkdir(folder, { recursive: true });
  const places = packages.map((one) => placeOf(folder, one, writer));
  const known = await eachLimited([...packages.entries()], availableParallelism(), ([at, one]) =>
    madeBefore(places[at]!, one, writer),
  );
  const missing = packages.flatMap((one, at) =>
    known[at] === undefined ? [{ one, place: places[at]! }] : [],
  );
  await eachLimited(missing, availableParallelism(), async ({ one }) => {
    const found = await ifThere(sha256File(one.path));
    if (found === one.sha256) return;
    const reason = found === undefined ? "it is not there" : "its SHA-256 is not what its index says";
    throw new BuildError([badDeb(one.path, reason)]);
  });
  const controls = await controlsOf(missing.map(({ one }) => one.path));
  const made = await eachLimited([...missing.entries()], availableParallelism(), ([at, { one, place }]) =>
    make(one, place, writer, neutralPackage(one.path, controls[at]!)),
  );
  const fresh = made[Symbol.iterator]();
  return packages.map((one, at) => {
    const { sha256, sizeBytes } = known[at] ?? fresh.next().value!;
    return { ...one, path: places[at]!, sha256, sizeBytes };
  });
}

/** The .deb's digest is in its name: two contents of one version can lie side by side. */
function placeOf(
  folder: string,
  { name, version, architecture, sha256 }: Planned,
  writer: PackageWriter,
): string {
  const stem = `${name}_${version.replaceAll(":", "%3a")}_${architecture}`;
  return join(folder, `${stem}.${sha256.slice(0, 16)}.${writer.suffix}`);
}

function writerName({ suffix, version }: PackageWriter): string {
  return `${suffix} ${version}`;
}

async function madeBefore(place: string, one: Planned, writer: PackageWriter): Promise<Made | undefined> {
  const text = await readTextIfThere(`${place}.json`);
  if (text === undefined) return undefined;
  let made: Made;
  try {
    made = readData(Made, text, (reason) => badDeb(place, reason));
  } catch (error) {
    // It is made again.
    if (error instanceof BuildError) return undefined;
    throw error;
  }
  if (made.from !== one.sha256 || made.writer !== writerName(writer)) return undefined;
  if ((await ifThere(lstat(place)))?.isFile() !== true) return undefined;
  return (await sha256File(place)) === made.sha256 ? made : undefined;
}

async function make(
  one: Planned,
  place: string,
  writer: PackageWriter,
  neutral: NeutralPackage,
): Promise<Made> {
  const scratch = await scratchFolder(`${place}.new-`);
  try {
    const out = join(scratch, "package");
    await writer.write(neutral, one.path, out);
    const made: Made = {
      from: one.sha256,
      writer: writerName(writer),
      sha256: await sha256File(out),
      sizeBytes: (await stat(out)).size,
    };
    await rename(out, place).catch(async (error: unknown) => {
      if (!hasCode(error, "EISDIR", "ENOTEMPTY", "EEXIST")) throw error;
      await rm(place, { recursive: true, force: true });
      await rename(out, place);
    });
    await writeFileAtomic(`${place}.json`, `${JSON.stringify(made)}\n`);
    return made;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
