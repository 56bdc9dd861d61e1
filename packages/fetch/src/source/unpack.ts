/** From a fetched file to the work folder. What is no archive is copied; nothing lands outside the folder. */
import { createWriteStream } from "node:fs";
import {
  chmod,
  copyFile,
  cp,
  lstat,
  mkdir,
  readdir,
  realpath,
  rename,
  rm,
  stat,
  utimes,
} from "node:fs/promises";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { decompress, hasProgram, openArMember, readAr, unpackTar, type UnpackOptions } from "@tsbake/archive";
import {
  BuildError,
  hasCode,
  ifThere,
  isThere,
  messageOf,
  removeTree,
  run,
  scratchFolder,
  undefinedOn,
} from "@tsbake/base";
import { notUnpackable } from "../problems.js";
import { fail, flagOf, type SourceUri } from "./source-uri.js";

const TAR = /\.(tar(\.(gz|bz2|xz|zst))?|tgz|tbz2?|txz|tzst)$/;
const COMPRESSED = /\.(gz|bz2|xz|zst)$/;

/** A file, and the name by which it is judged and copied. */
export interface NamedFile {
  readonly path: string;
  readonly name: string;
}

/**
 * Unpacks or copies `file` below `into`, as the entry's parameters say: `subdir`, `striplevel`, `unpack`, `dos`.
 *
 * @throws BuildError `fetch/not-unpackable`, `fetch/bad-uri`, `archive/…`
 */
export async function unpackFile(source: SourceUri, file: NamedFile, into: string): Promise<void> {
  const { path, name } = file;
  const target = await targetOf(source, into);
  const isFolder = (await stat(path)).isDirectory();
  if (isFolder || !flagOf(source, "unpack", true)) return copyTo(source, file, target);
  const label = source.type === "file" ? path : name;
  if (TAR.test(name)) await unpackTar(path, target, { ...tarOptions(source), label });
  else if (/\.(zip|jar)$/.test(name)) await unzip(source, file, target);
  else if (/\.(deb|ipk)$/.test(name)) await unpackPackage(source, file, target);
  else if (COMPRESSED.test(name)) await expand(path, label, join(into, name.replace(COMPRESSED, "")));
  else if (/\.(7z|lz|rpm|srpm|Z|z)$/.test(name)) {
    throw new BuildError([notUnpackable(name, "archives of this kind are not known here")]);
  } else await copyTo(source, file, target);
}

/** `subdir` is below the folder; an absolute one must be, too. @throws BuildError `fetch/bad-uri` */
export async function targetOf(source: SourceUri, into: string): Promise<string> {
  await mkdir(into, { recursive: true });
  const subdir = source.parameters["subdir"] ?? "";
  const target = isAbsolute(subdir) ? resolve(subdir) : resolve(into, subdir);
  await demandInside(source, into, target, `\`subdir=${subdir}\``);
  await mkdir(target, { recursive: true });
  return target;
}

/**
 * Makes sure that what is written at `path` lands below `root`, whatever links another source has brought: nothing of the
 * path is made or followed before.
 *
 * @throws BuildError `fetch/bad-uri`
 */
export async function demandInside(
  source: SourceUri,
  root: string,
  path: string,
  what: string,
): Promise<void> {
  const isBelow = (one: string, folder: string): boolean => `${one}/`.startsWith(`${folder}/`);
  const [plain, top] = [resolve(path), resolve(root)];
  let there = plain;
  while (there !== top && isBelow(there, top) && !(await isThere(there))) there = dirname(there);
  const real = isBelow(plain, top) ? await realPathIfThere(there) : undefined;
  if (real === undefined || !isBelow(real, await realpath(root)))
    fail(source.uri, `${what} leads out of ${root}`);
}

/** A link to itself leads to nothing. */
function realPathIfThere(path: string): Promise<string | undefined> {
  return undefinedOn(realpath(path), "ENOENT", "ENOTDIR", "ELOOP");
}

/** A link where a file is to be written would be written through. */
async function removeLink(path: string): Promise<void> {
  if ((await ifThere(lstat(path)))?.isSymbolicLink()) await rm(path, { force: true });
}

function tarOptions(source: SourceUri): UnpackOptions {
  const level = source.parameters["striplevel"];
  if (level === undefined) return { owner: "self", modes: "umask" };
  if (!/^\d{1,3}$/.test(level)) fail(source.uri, `\`striplevel=${level}\` is no number`);
  return { owner: "self", modes: "umask", strip: Number(level) };
}

/** A local file keeps the folders of its path; what is there is replaced. */
async function copyTo(source: SourceUri, { path, name }: NamedFile, target: string): Promise<void> {
  const inside = source.type === "file" ? source.path.replace(/^\/+|\/+$/g, "") : name;
  if (inside.split("/").includes("..")) fail(source.uri, "it has `..` in its path");
  const place = join(target, inside);
  if (resolve(place) === resolve(path)) return;
  await demandInside(source, target, dirname(place), "its path");
  await mkdir(dirname(place), { recursive: true });
  await removeLink(place);
  if (source.type !== "file") {
    const { atime, mtime, mode } = await stat(path);
    await rm(place, { force: true });
    await copyFile(path, place);
    await chmod(place, mode & 0o755);
    await utimes(place, atime, mtime);
    return;
  }
  // A link that is named is followed; links inside a folder stay links.
  const from = await realpath(path);
  await cp(from, place, { recursive: true, force: true, preserveTimestamps: true, verbatimSymlinks: true });
  await closeToOthers(place);
}

/** Only the owner may write into what was unpacked: who checked the files out with which umask makes no difference. */
async function closeToOthers(path: string): Promise<void> {
  const found = await lstat(path);
  if (found.isDirectory()) await run("chmod", ["-R", "go-w", "--", path]);
  else if (found.isFile() && (found.mode & 0o022) !== 0) await chmod(path, found.mode & 0o7755);
}

async function expand(file: string, label: string, target: string): Promise<void> {
  await removeLink(target);
  try {
    await pipeline(Readable.from(decompress(file, label)), createWriteStream(target));
  } catch (error) {
    await rm(target, { force: true });
    throw error;
  }
}

async function unzip(source: SourceUri, { path, name }: NamedFile, target: string): Promise<void> {
  if (!(await hasProgram("unzip")))
    throw new BuildError([notUnpackable(name, "the program `unzip` is missing")]);
  const listed = await run("unzip", ["-Z1", path], { mayFail: true });
  if (listed.code !== 0) throw new BuildError([notUnpackable(name, listed.stderr.trim().slice(-500))]);
  const hostile = listed.stdout
    .split("\n")
    .find((entry) => isAbsolute(entry) || entry.split("/").includes(".."));
  if (hostile !== undefined) {
    throw new BuildError([
      notUnpackable(name, `its entry ${JSON.stringify(hostile)} leads out of the folder`),
    ]);
  }
  const text = flagOf(source, "dos", false) ? ["-a"] : [];
  // unzip follows the links that it finds: it gets a folder of its own.
  const fresh = await scratchFolder(join(target, ".tsbake-unzip-"));
  try {
    const { code, stdout, stderr } = await run("unzip", ["-q", "-o", ...text, path, "-d", fresh], {
      mayFail: true,
    });
    if (code !== 0) throw new BuildError([notUnpackable(name, (stderr + stdout).trim().slice(-500))]);
    // unzip gives the modes that were packed.
    await run("chmod", ["-R", "u+rwX,ug-s,o-w", "--", fresh]);
    await moveInto(fresh, target, (at) => demandInside(source, target, at, `${name}: its path`));
  } catch (error) {
    // A file where a folder is, or the other way round.
    if (!hasCode(error, "EISDIR", "ENOTDIR", "ENOTEMPTY", "EEXIST")) throw error;
    throw new BuildError([notUnpackable(name, messageOf(error))], { cause: error });
  } finally {
    await removeTree(fresh);
  }
}

/**
 * Moves what is in `from` into `to`, which may have something already: a folder is filled, anything else replaced. A link
 * is never written through, except one to a folder that `demand` lets pass.
 */
async function moveInto(from: string, to: string, demand: (path: string) => Promise<void>): Promise<void> {
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, place] = [join(from, entry.name), join(to, entry.name)];
    const there = await ifThere(lstat(place));
    if (entry.isDirectory() && there !== undefined) {
      if (there.isSymbolicLink()) await demand(place);
      await moveInto(source, place, demand);
    } else await rename(source, place);
  }
}

async function unpackPackage(source: SourceUri, { path, name }: NamedFile, target: string): Promise<void> {
  const member = (await readAr(path)).find((one) => /^data\.tar(\.(gz|xz|zst|bz2))?$/.test(one.name));
  if (!member) throw new BuildError([notUnpackable(name, "it has no data.tar of a known compression")]);
  await unpackTar(openArMember(path, member), target, {
    ...tarOptions(source),
    label: `${name} (${member.name})`,
  });
}
