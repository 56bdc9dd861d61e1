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
import { BuildError, byText, lockPath, makeFolder, sha256 } from "@tsbake/base";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import * as problems from "../problems.js";
import type { BuiltImage } from "./built-image.js";
import { type NewFile, putAll, readIndex, textIfThere, writeState, writeTransfers } from "./folder.js";
import { entryKey, type PublishedImage, retained } from "./index-file.js";
import { formatMkosiManifest } from "./mkosi-manifest.js";
import { publishedStem } from "./names.js";
import { checkKey, type SigningKey } from "./sign.js";

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

/** Bills of materials are published where they are deployed. */
const BILLS = ["cdx.json", "spdx.json"];

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
    const twin = news.get(entryKey(entry));
    if (twin !== undefined) refuseOtherBytes(twin.entry, entry);
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
    unchanged: [...news.keys()].filter((key) => old.has(key) && kept.has(key)),
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
          ...(extension.needs && { needs: extension.needs }),
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
