/** The folder of published images on the disk: every file appears whole, and what is right already is left alone. */
import {
  BuildError,
  byText,
  copyPlain,
  ifThere,
  isThere,
  readPlain,
  sha256File,
  syncPath,
  temporaryBeside,
  writeFileAtomic,
} from "@tsbake/base";
import { lstat, mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import * as problems from "../problems.js";
import {
  formatIndex,
  type Index,
  parseIndex,
  type PublishedFile,
  type PublishedImage,
} from "./index-file.js";
import { sign, type SigningKey } from "./sign.js";
import { transferFiles } from "./transfer.js";

const INDEX = "index.json";
const SUMS = "SHA256SUMS";
const SIGNATURE = "SHA256SUMS.gpg";
const MOST_INDEX_BYTES = 64 * 2 ** 20;

/** A file that is to be there: copied, or written. */
export type NewFile = PublishedFile & ({ readonly from: string } | { readonly text: string });

/** What cannot be had whole leaves nothing. @param named what stays in any case */
export async function putAll(
  folder: string,
  files: readonly NewFile[],
  named: ReadonlySet<string>,
): Promise<void> {
  try {
    for (const file of files) await put(folder, file);
  } catch (error) {
    for (const { name } of files) if (!named.has(name)) await rm(join(folder, name), { force: true });
    throw error;
  }
}

/** Leaves alone what is there already. @throws BuildError `image/deployed-changed` */
async function put(folder: string, file: NewFile): Promise<void> {
  const path = join(folder, file.name);
  const found = await ifThere(lstat(path));
  // What a link leads to is somebody else's.
  if (found?.isFile() && (await sha256File(path)) === file.sha256) return;
  if ("text" in file) return writeFileAtomic(path, file.text, { mode: 0o644 });
  const temporary = temporaryBeside(path);
  try {
    await copyPlain(file.from, temporary);
    if ((await sha256File(temporary)) !== file.sha256)
      throw new BuildError([problems.deployedChanged(file.from)]);
    syncPath(temporary);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Files of sysupdate.d for the extensions of the folder. @param url where devices find the folder */
export async function writeTransfers(
  folder: string,
  images: readonly PublishedImage[],
  url: string,
  isSigned: boolean,
): Promise<void> {
  for (const entry of images) {
    if (entry.kind !== "extension") continue;
    for (const [path, text] of transferFiles(entry, { url, isSigned })) {
      await mkdir(join(folder, path, ".."), { recursive: true });
      await writeIfOther(join(folder, path), text);
    }
  }
}

/** The index first: what the sums are is made from it, also after a broken-off publication. */
export async function writeState(
  folder: string,
  images: readonly PublishedImage[],
  before: Index | undefined,
  signing: SigningKey | undefined,
): Promise<void> {
  await writeIfOther(join(folder, INDEX), formatIndex(images, signing?.key));
  const text = formatSums(images);
  const [sums, signature] = [join(folder, SUMS), join(folder, SIGNATURE)];
  const isSame = (await textIfThere(sums)) === text && before?.signedBy === signing?.key;
  if (isSame && (signing === undefined || (await isThere(signature)))) return;
  if (signing === undefined) {
    await rm(signature, { force: true });
    return writeFileAtomic(sums, text, { mode: 0o644 });
  }
  const [newSums, newSignature] = [temporaryBeside(sums), temporaryBeside(signature)];
  try {
    await writeFileAtomic(newSums, text, { mode: 0o644 });
    await sign(signing, newSums, newSignature);
    // Between the two a device refuses the sums, and takes nothing.
    await rename(newSignature, signature);
    await rename(newSums, sums);
    syncPath(folder);
  } finally {
    for (const path of [newSums, newSignature]) await rm(path, { force: true });
  }
}

/** As `sha256sum` writes them, sorted by name. @see sha256sum(1) */
function formatSums(images: readonly PublishedImage[]): string {
  return images
    .flatMap(({ files }) => files)
    .sort((left, right) => byText(left.name, right.name))
    .map(({ name, sha256: digest }) => `${digest}  ${name}\n`)
    .join("");
}

/** @throws BuildError `image/foreign-folder` for one where somebody else publishes */
export async function readIndex(folder: string): Promise<Index | undefined> {
  const text = await textIfThere(join(folder, INDEX));
  if (text !== undefined) return parseIndex(text, join(folder, INDEX));
  if (await isThere(join(folder, SUMS))) throw new BuildError([problems.foreignFolder(folder)]);
  return undefined;
}

async function writeIfOther(path: string, text: string): Promise<void> {
  if ((await textIfThere(path)) !== text) await writeFileAtomic(path, text, { mode: 0o644 });
}

/** An index or list of the folder; undefined where there is none. @throws TOO_LONG, see `readPlain` */
export async function textIfThere(path: string): Promise<string | undefined> {
  return (await ifThere(readPlain(path, MOST_INDEX_BYTES)))?.toString();
}
