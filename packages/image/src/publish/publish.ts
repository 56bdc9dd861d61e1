/**
 * Publishes images into a folder that a web server hands out:
 *
 *     NAME_VERSION_ARCH.raw        an extension; .manifest, .cdx.json, .spdx.json beside it
 *     sysupdate.NAME.d/…           how a device updates it
 *     index.json                   what there is
 *     SHA256SUMS, SHA256SUMS.gpg   what there is, for systemd-sysupdate
 *
 * New files come first, then index and sums by renaming, then old files go: who reads the folder meanwhile finds all that the sums
 * name. A broken-off publication leaves files that nothing names; the next one of the same image writes over them.
 */
import {
  BuildError,
  byText,
  copyPlain,
  ifThere,
  lockPath,
  makeFolder,
  readPlain,
  sha256,
  sha256File,
  syncPath,
  temporaryBeside,
  writeFileAtomic,
} from "@tsbake/base";
import { lstat, mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import * as problems from "../problems.js";
import type { BuiltImage } from "./built-image.js";
import {
  type PublishedImage,
  entryKey,
  formatIndex,
  type Index,
  parseIndex,
  type PublishedFile,
} from "./index-file.js";
import { formatMkosiManifest } from "./mkosi-manifest.js";
import { publishedStem } from "./names.js";
import { retained } from "./retention.js";
import { checkKey, sign, type SigningKey } from "./sign.js";
import { transferFiles } from "./transfer.js";

export interface PublishRequest {
  readonly images: readonly BuiltImage[];
  /** Made if missing. */
  readonly folder: string;
  /** Versions of each image that stay; undefined: all. */
  readonly keep: number | undefined;
  /** Where devices find the folder; undefined: no definitions for systemd-sysupdate are written. */
  readonly url: string | undefined;
  /** Undefined: SHA256SUMS is not signed. */
  readonly signing: SigningKey | undefined;
  /** Somebody else publishes there. */
  readonly onWait?: () => void;
}

export interface Published {
  /** `NAME VERSION ARCHITECTURE`, in the order of the request. */
  readonly added: readonly string[];
  /** Were there with the same bytes. */
  readonly unchanged: readonly string[];
  /** Went, because newer ones are there. */
  readonly removed: readonly string[];
  /** All that is in the folder now. */
  readonly count: number;
}

const INDEX = "index.json";
const SUMS = "SHA256SUMS";
const SIGNATURE = "SHA256SUMS.gpg";
const MOST_INDEX_BYTES = 64 * 2 ** 20;
/** Bills of materials are published where they are deployed. */
const BILLS = ["cdx.json", "spdx.json"];

/** A file that is to be there: copied, or written. */
type NewFile = PublishedFile & ({ readonly from: string } | { readonly text: string });

/**
 * @throws BuildError `image/published-differs`, `image/foreign-folder`, `image/bad-index`, `image/bad-published-name`, `image/cannot-sign`,
 *   `image/deployed-changed`; system errors
 */
export async function publish(request: PublishRequest): Promise<Published> {
  const { folder, signing } = request;
  const news = new Map<string, { readonly entry: PublishedImage; readonly files: readonly NewFile[] }>();
  for (const image of request.images) {
    const files = await filesOf(image);
    const entry = entryOf(image, files);
    news.set(entryKey(entry), { entry, files });
  }
  if (signing !== undefined) await checkKey(signing);
  await makeFolder(folder);
  await using _lock = await lockPath(folder, { onWait: () => request.onWait?.() });
  const before = await readIndex(folder);
  const old = new Map((before?.images ?? []).map((one) => [entryKey(one), one]));
  const added: string[] = [];
  for (const [key, { entry }] of news) {
    const there = old.get(key);
    if (there !== undefined) refuseOtherBytes(there, entry);
    else added.push(key);
  }
  await putAll(
    folder,
    [...news.values()].flatMap(({ files }) => files),
    new Set([...old.values()].flatMap(({ files }) => files.map(({ name }) => name))),
  );
  const all = [...new Map([...old, ...[...news].map(([key, { entry }]) => [key, entry] as const)]).values()];
  const staying = retained(all, request.keep);
  if (request.url !== undefined) await writeTransfers(folder, staying, request.url, signing !== undefined);
  await writeState(folder, staying, before, signing);
  const kept = new Set(staying.map(entryKey));
  const going = all.filter((one) => !kept.has(entryKey(one)));
  const names = new Set(staying.flatMap(({ files }) => files.map(({ name }) => name)));
  for (const { files } of going)
    for (const { name } of files) if (!names.has(name)) await rm(join(folder, name), { force: true });
  return {
    added: added.filter((key) => kept.has(key)),
    unchanged: [...news.keys()].filter((key) => old.has(key)),
    removed: going.map(entryKey),
    count: staying.length,
  };
}

function entryOf(image: BuiltImage, files: readonly NewFile[]): PublishedImage {
  const { extension, distribution, databaseDigest } = image;
  return {
    kind: extension === undefined ? "base" : "extension",
    name: image.name,
    version: image.publishedVersion,
    architecture: image.publishedArchitecture,
    files: files.map(({ name, sizeBytes, sha256: digest }) => ({ name, sizeBytes, sha256: digest })),
    ...(extension === undefined
      ? { os: { ...distribution, ...(databaseDigest !== undefined && { pkgdb: databaseDigest }) } }
      : {
          base: { name: extension.base, pkgdb: extension.baseDigest, policy: extension.policy },
          release: extension.release,
        }),
  };
}

/** Sorted by their published names. */
async function filesOf(image: BuiltImage): Promise<NewFile[]> {
  const { name, publishedVersion: version, publishedArchitecture: architecture } = image;
  const stem = publishedStem({ name, version, architecture });
  const written = (ending: string, text: string): NewFile => ({
    name: `${stem}.${ending}`,
    sizeBytes: Buffer.byteLength(text),
    sha256: sha256(text),
    text,
  });
  const files: NewFile[] = image.files.map(({ path, ending, sizeBytes, sha256: digest }) => ({
    name: `${stem}.${ending}`,
    sizeBytes,
    sha256: digest,
    from: path,
  }));
  files.push(written("manifest", formatMkosiManifest(image)));
  for (const ending of BILLS) {
    const bill = await textIfThere(`${image.stem}.${ending}`);
    if (bill !== undefined) files.push(written(ending, bill));
  }
  return files.sort((left, right) => byText(left.name, right.name));
}

/** A version is one content: devices ask for no more than the number. */
function refuseOtherBytes(there: PublishedImage, entry: PublishedImage): void {
  const digests = new Map(there.files.map((file) => [file.name, file.sha256]));
  const other = entry.files.find((file) => digests.get(file.name) !== file.sha256);
  if (other !== undefined || there.files.length !== entry.files.length)
    throw new BuildError([problems.publishedDiffers(entryKey(entry), other?.name)]);
}

/** What cannot be had whole leaves nothing. @param named what stays in any case */
async function putAll(folder: string, files: readonly NewFile[], named: ReadonlySet<string>): Promise<void> {
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
  if ((await ifThere(sha256File(path))) === file.sha256) return;
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

async function writeTransfers(
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
async function writeState(
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
async function readIndex(folder: string): Promise<Index | undefined> {
  const text = await textIfThere(join(folder, INDEX));
  if (text !== undefined) return parseIndex(text, join(folder, INDEX));
  if (await isThere(join(folder, SUMS))) throw new BuildError([problems.foreignFolder(folder)]);
  return undefined;
}

async function writeIfOther(path: string, text: string): Promise<void> {
  if ((await textIfThere(path)) !== text) await writeFileAtomic(path, text, { mode: 0o644 });
}

async function textIfThere(path: string): Promise<string | undefined> {
  return (await ifThere(readPlain(path, MOST_INDEX_BYTES)))?.toString();
}

async function isThere(path: string): Promise<boolean> {
  return (await ifThere(lstat(path))) !== undefined;
}
