/** `index.json` of a folder of published images: what there is, which extension fits which base, and what stays. */
import { byText } from "@tsbake/base";
import { digest, filled, list, readData, size } from "@tsbake/base/data";
import * as v from "valibot";
import * as problems from "../problems.js";
import { compareImageVersions, FILE_NAME } from "./names.js";

const fileName = v.pipe(v.string(), v.regex(FILE_NAME, "it is no name of a published file"));

const PublishedFile = v.object({ name: fileName, sizeBytes: size, sha256: digest });
export type PublishedFile = Readonly<v.InferOutput<typeof PublishedFile>>;

const PublishedImage = v.object({
  kind: v.picklist(["base", "extension"]),
  name: filled,
  version: filled,
  /** systemd's word, or `any`. */
  architecture: filled,
  /** Sorted by name. */
  files: list(PublishedFile),
  /** Of a base: ID and VERSION_ID of its os-release, and the digest of its package database. */
  os: v.exactOptional(
    v.object({
      id: v.exactOptional(v.string()),
      version: v.exactOptional(v.string()),
      pkgdb: v.exactOptional(digest),
    }),
  ),
  /** Of an extension: what it was built on, and how that ties it (`version`, `pkgdb`). */
  base: v.exactOptional(v.object({ name: v.string(), pkgdb: digest, policy: v.string() })),
  /** Of an extension on others: their names, the lowest first. A device needs them beside it. */
  needs: v.exactOptional(list(v.string())),
  /** Of an extension: fields of extension-release, by which a device decides. */
  release: v.exactOptional(v.record(v.string(), v.string())),
  /** Of an extension: published bases that it fits, as `NAME VERSION ARCHITECTURE`. */
  fits: v.exactOptional(list(v.string())),
});
export type PublishedImage = Readonly<v.InferOutput<typeof PublishedImage>>;

const Index = v.object({
  format: v.literal(1),
  /** The key that SHA256SUMS is signed with; absent when it is not. */
  signedBy: v.exactOptional(filled),
  /** By name, architecture, and the newest version first. */
  images: list(PublishedImage),
});
export type Index = Readonly<v.InferOutput<typeof Index>>;

/** @throws BuildError `image/bad-index` */
export function parseIndex(text: string, path: string): Index {
  return readData(Index, text, (reason) => problems.badIndex(path, reason));
}

/** Sorted, with `fits` filled in. JSON, indented, ending in a newline; same images, same bytes. */
export function formatIndex(images: readonly PublishedImage[], signedBy: string | undefined): string {
  const sorted = sortedEntries(images);
  const bases = sorted.filter(({ kind }) => kind === "base");
  const index: Index = {
    format: 1,
    ...(signedBy !== undefined && { signedBy }),
    images: sorted.map((one) =>
      one.kind === "base" ? one : { ...one, fits: bases.filter((base) => isFit(one, base)).map(entryKey) },
    ),
  };
  return `${JSON.stringify(index, undefined, 1)}\n`;
}

/** What tells images of a folder apart. */
export function entryKey({
  name,
  version,
  architecture,
}: Pick<PublishedImage, "name" | "version" | "architecture">): string {
  return `${name} ${version} ${architecture}`;
}

function sortedEntries(images: readonly PublishedImage[]): PublishedImage[] {
  return [...images].sort(
    (left, right) =>
      byText(left.name, right.name) ||
      byText(left.architecture, right.architecture) ||
      compareImageVersions(right.version, left.version) ||
      byText(right.version, left.version),
  );
}

/**
 * Of each name and architecture the newest `keep`, at least one; beyond that every base whose package database an extension
 * that stays was built on.
 *
 * @param keep undefined: all stay
 */
export function retained(images: readonly PublishedImage[], keep: number | undefined): PublishedImage[] {
  if (keep === undefined) return [...images];
  const counts = new Map<string, number>();
  const newest = sortedEntries(images).filter(({ kind, name, architecture }) => {
    const key = `${kind} ${name} ${architecture}`;
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    return count <= Math.max(1, keep);
  });
  const kept = new Set(newest.map(entryKey));
  const needed = new Set(newest.flatMap(({ base }) => base?.pkgdb ?? []));
  return images.filter(
    (one) => kept.has(entryKey(one)) || (one.os?.pkgdb !== undefined && needed.has(one.os.pkgdb)),
  );
}

/** As systemd-sysext decides on the device. @see os-release(5), systemd-sysext(8) */
function isFit(
  { architecture, release = {}, base }: PublishedImage,
  { os = {}, architecture: machine }: PublishedImage,
): boolean {
  if (architecture !== "any" && architecture !== machine) return false;
  if (release["ID"] !== "_any" && release["ID"] !== os.id) return false;
  if (base?.policy === "pkgdb") return base.pkgdb === os.pkgdb;
  return release["VERSION_ID"] === undefined || release["VERSION_ID"] === os.version;
}
