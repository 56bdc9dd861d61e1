/** From a fetched file to the work folder. What is no archive is copied; nothing lands outside the folder. */
import { createWriteStream } from "node:fs";
import { chmod, cp, lstat, mkdir, realpath, rm, stat } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { decompress, hasProgram, openArMember, readAr, unpackTar, type UnpackOptions } from "@tsbake/archive";
import { BuildError, run } from "@tsbake/base";
import { notUnpackable } from "./problems.js";
import { fail, flagOf, type SourceUri } from "./source-uri.js";

const TAR = /\.(tar(\.(gz|bz2|xz|zst))?|tgz|tbz2?|txz|tzst)$/;
const COMPRESSED = /\.(gz|bz2|xz|zst)$/;

/**
 * Unpacks or copies `file` below `into`, as the entry's parameters say: `subdir`, `striplevel`, `unpack`.
 *
 * @throws BuildError `fetch/not-unpackable`, `fetch/bad-uri`, `archive/…`
 */
export async function unpackFile(source: SourceUri, file: string, into: string): Promise<void> {
  const target = await targetOf(source, into);
  const isFolder = (await stat(file)).isDirectory();
  if (isFolder || !flagOf(source, "unpack", true)) return copyTo(source, file, target);
  if (TAR.test(file)) await unpackTar(file, target, tarOptions(source));
  else if (/\.(zip|jar)$/.test(file)) await unzip(file, target);
  else if (/\.(deb|ipk)$/.test(file)) await unpackPackage(source, file, target);
  else if (COMPRESSED.test(file)) await expand(file, join(into, basename(file).replace(COMPRESSED, "")));
  else if (/\.(7z|lz|rpm|srpm|Z|z)$/.test(file)) {
    throw new BuildError([notUnpackable(file, "archives of this kind are not known here")]);
  } else await copyTo(source, file, target);
}

/** `subdir` is below the folder; an absolute one must be, too. */
async function targetOf(source: SourceUri, into: string): Promise<string> {
  await mkdir(into, { recursive: true });
  const subdir = source.parameters["subdir"] ?? "";
  const target = isAbsolute(subdir) ? resolve(subdir) : resolve(into, subdir);
  if (`${target}/`.startsWith(`${resolve(into)}/`)) {
    await mkdir(target, { recursive: true });
    const [real, root] = [await realpath(target), await realpath(into)];
    if (`${real}/`.startsWith(`${root}/`)) return target;
  }
  return fail(source.uri, `\`subdir=${subdir}\` leads out of ${into}`);
}

function tarOptions(source: SourceUri): UnpackOptions {
  const level = source.parameters["striplevel"];
  if (level === undefined) return { owner: "self", modes: "umask" };
  if (!/^\d{1,3}$/.test(level)) fail(source.uri, `\`striplevel=${level}\` is no number`);
  return { owner: "self", modes: "umask", strip: Number(level) };
}

/** A local file keeps the folders of its path; what is there is replaced. */
async function copyTo(source: SourceUri, file: string, target: string): Promise<void> {
  const inside = source.type === "file" ? source.path.replace(/^\/+|\/+$/g, "") : basename(file);
  if (inside.split("/").includes("..")) fail(source.uri, "it has `..` in its path");
  const place = join(target, inside);
  if (resolve(place) === resolve(file)) return;
  await mkdir(dirname(place), { recursive: true });
  // A link that is named is followed; links inside a folder stay links.
  const from = await realpath(file);
  await cp(from, place, { recursive: true, force: true, preserveTimestamps: true, verbatimSymlinks: true });
  await closeToOthers(place);
}

/** Nobody else may write into what was unpacked, whatever the modes of the files were. */
async function closeToOthers(path: string): Promise<void> {
  const found = await lstat(path);
  if (found.isDirectory()) await run("chmod", ["-R", "o-w", "--", path]);
  else if (found.isFile() && (found.mode & 0o002) !== 0) await chmod(path, found.mode & 0o7775);
}

async function expand(file: string, target: string): Promise<void> {
  try {
    await pipeline(Readable.from(decompress(file)), createWriteStream(target));
  } catch (error) {
    await rm(target, { force: true });
    throw error;
  }
}

async function unzip(file: string, target: string): Promise<void> {
  if (!(await hasProgram("unzip")))
    throw new BuildError([notUnpackable(file, "the program `unzip` is missing")]);
  const listed = await run("unzip", ["-Z1", file]);
  const hostile = listed.stdout
    .split("\n")
    .find((name) => isAbsolute(name) || name.split("/").includes(".."));
  if (hostile !== undefined) {
    throw new BuildError([
      notUnpackable(file, `its entry ${JSON.stringify(hostile)} leads out of the folder`),
    ]);
  }
  const { code, stdout, stderr } = await run("unzip", ["-q", "-o", file, "-d", target]);
  if (code !== 0) throw new BuildError([notUnpackable(file, (stderr + stdout).trim().slice(-500))]);
  // unzip gives the modes that were packed.
  await closeToOthers(target);
}

async function unpackPackage(source: SourceUri, file: string, target: string): Promise<void> {
  const member = (await readAr(file)).find(({ name }) => /^data\.tar(\.(gz|xz|zst|bz2))?$/.test(name));
  if (!member) throw new BuildError([notUnpackable(file, "it has no data.tar")]);
  await unpackTar(openArMember(file, member), target, {
    ...tarOptions(source),
    label: `${file} (${member.name})`,
  });
}
