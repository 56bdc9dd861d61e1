/** What a build has deployed of an image, read back: the manifest (`.json`) and the files that it describes. */
import { BuildError, readPlain } from "@tsbake/base";
import { digest, filled, list, readData, size } from "@tsbake/base/data";
import { join } from "node:path";
import * as v from "valibot";
import { systemdArchitecture } from "../formats/architecture.js";
import * as problems from "../problems.js";

const MOST_BYTES = 256 * 2 ** 20;

/** As much of `formatManifest` as is published. */
const BuiltManifest = v.object({
  format: v.literal(1),
  image: filled,
  version: filled,
  backend: v.string(),
  architecture: filled,
  /** Of a base: digest of its package database. */
  databaseDigest: v.exactOptional(digest),
  distribution: v.object({ id: v.exactOptional(v.string()), version: v.exactOptional(v.string()) }),
  extension: v.exactOptional(
    v.object({
      name: filled,
      base: v.string(),
      baseDigest: digest,
      needs: v.exactOptional(list(v.string())),
      policy: v.string(),
      release: v.record(v.string(), v.string()),
    }),
  ),
  outputs: list(
    v.object({ type: filled, sizeBytes: v.exactOptional(size), sha256: v.exactOptional(digest) }),
  ),
  packages: list(
    v.object({ name: v.string(), version: v.string(), architecture: v.string(), installedSizeBytes: size }),
  ),
});

/** A file that is to be published. */
export interface BuiltFile {
  readonly path: string;
  /** What its published name ends in, e.g. `raw`. */
  readonly ending: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

export interface BuiltImage extends Readonly<v.InferOutput<typeof BuiltManifest>> {
  /** What it is called where it is published. */
  readonly name: string;
  readonly publishedVersion: string;
  /** systemd's word, or `any`. */
  readonly publishedArchitecture: string;
  /** The image in its forms; of an extension the one that systemd-sysext takes, and its confext. */
  readonly files: readonly BuiltFile[];
  /** `FOLDER/NAME`, to which the ending of a deployed file belongs. */
  readonly stem: string;
}

/** Of the confext image that comes with an extension. */
export const COMPANION_ENDING = "confext.raw";

/** What systemd-sysext takes as NAME.raw. */
const RAW_TYPES = ["squashfs", "erofs", "ext4", "ddi"];

/**
 * @param folder DEPLOY_DIR_IMAGE
 * @param linkName IMAGE_LINK_NAME
 * @throws BuildError `image/bad-layer-facts`, `image/nothing-to-publish`; system errors, ENOENT for an image that was not built
 */
export async function readBuiltImage(folder: string, linkName: string): Promise<BuiltImage> {
  const stem = join(folder, linkName);
  const path = `${stem}.json`;
  const built = readData(BuiltManifest, (await readPlain(path, MOST_BYTES)).toString(), (reason) =>
    problems.badLayerFacts(path, reason),
  );
  const { extension } = built;
  const whole = built.outputs.flatMap(({ type, sizeBytes, sha256 }) =>
    sizeBytes === undefined || sha256 === undefined
      ? []
      : [{ path: `${stem}.${type}`, ending: type, sizeBytes, sha256 }],
  );
  const raw = whole.find(({ ending }) => RAW_TYPES.includes(ending));
  const companion = whole.find(({ ending }) => ending === `confext.${raw?.ending}`);
  const files =
    extension === undefined
      ? whole
      : [
          ...(raw ? [{ ...raw, ending: "raw" }] : []),
          ...(companion ? [{ ...companion, ending: COMPANION_ENDING }] : []),
        ];
  if (files.length === 0)
    throw new BuildError([problems.nothingToPublish(built.image, extension !== undefined)]);
  return {
    ...built,
    stem,
    files,
    name: extension?.name ?? built.image,
    publishedVersion:
      extension?.release["SYSEXT_VERSION_ID"] ?? extension?.release["CONFEXT_VERSION_ID"] ?? built.version,
    publishedArchitecture:
      extension === undefined ? systemdArchitecture(built.architecture) : architectureOf(extension.release),
  };
}

function architectureOf(release: Readonly<Record<string, string>>): string {
  const word = release["ARCHITECTURE"] ?? "_any";
  return word === "_any" ? "any" : word;
}
