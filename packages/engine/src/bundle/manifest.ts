/**
 * What a bundle says of itself, `bundle.json`: what it was made of, and the SHA-256 of each part.
 *
 *     bundle.json, .sig   this, and who vouches for it
 *     conf/layer.conf     a bundle is a layer
 *     recipes/…           a recipe for each that it stands for
 *     sstate/…            their artifacts, as shared state has them
 */
import { BuildError, sha256 } from "@tsbake/base";
import { digest, filled, list, readData, size } from "@tsbake/base/data";
import * as v from "valibot";
import { badBundle } from "../problems.js";

export const MANIFEST = "bundle.json";
export const SIGNATURE = `${MANIFEST}.sig`;
export const OBJECTS = "sstate";
const FORMAT = 1;

/** A path within the bundle. */
const within = v.pipe(
  v.string(),
  v.check((path) => /^[^/\0]+(?:\/[^/\0]+)*$/.test(path) && !path.split("/").includes("..")),
);

const Contents = v.object({
  /** Recipes as they were asked for, sorted. */
  targets: list(filled),
  machine: v.string(),
  distro: v.string(),
  architecture: v.string(),
  /** First word of PACKAGE_CLASSES. */
  packages: v.string(),
  /** From the layer that counts least to the one that counts most. */
  layers: list(
    v.object({
      name: filled,
      /** The commit of its repository; absent where it is in none. */
      revision: v.exactOptional(filled),
      /** It has files that are not as committed. */
      modified: v.exactOptional(v.literal(true)),
      /** Digest of its files, where no commit says what they are. */
      content: v.exactOptional(digest),
    }),
  ),
  /** What it stands for, sorted. */
  recipes: list(v.object({ name: filled, version: v.string(), tasks: list(filled) })),
  /** Of every task that went into it, `RECIPE:do_TASK` → signature, sorted. */
  signatures: v.record(v.string(), filled),
});
export type BundleContents = Readonly<v.InferOutput<typeof Contents>>;

const Manifest = v.object({
  "tsbake-bundle": v.number(),
  ...Contents.entries,
  /** Sorted by path. */
  parts: list(v.object({ path: within, sizeBytes: size, sha256: digest })),
  /** Over all of the above. */
  digest,
});
export type BundleManifest = Readonly<Omit<v.InferOutput<typeof Manifest>, "tsbake-bundle">>;
export type BundlePart = BundleManifest["parts"][number];

/** The same bytes for the same bundle. */
export function writeBundleManifest(contents: BundleContents, parts: readonly BundlePart[]): string {
  const all = { "tsbake-bundle": FORMAT, ...contents, parts };
  return `${JSON.stringify({ ...all, digest: digestOf(all) }, undefined, 1)}\n`;
}

/** @param where what to call the bundle in an error. @throws BuildError `engine/bad-bundle` */
export function readBundleManifest(text: string, where: string): BundleManifest {
  const refuse = (reason: string) => badBundle(where, `${MANIFEST}: ${reason}`);
  const { "tsbake-bundle": format, digest: said, ...rest } = readData(Manifest, text, refuse);
  if (format !== FORMAT)
    throw new BuildError([refuse(`it has the format ${format}, and this tsbake reads ${FORMAT}`)]);
  if (digestOf({ "tsbake-bundle": format, ...rest }) !== said)
    throw new BuildError([refuse("its digest is not that of what it says")]);
  return { ...rest, digest: said };
}

/** Fields are put in an order of their own: a manifest that was read has that of the schema. */
function digestOf(all: Readonly<Record<string, unknown>>): string {
  return sha256(JSON.stringify(sorted(all)));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(entries.map(([key, one]) => [key, sorted(one)]));
}
