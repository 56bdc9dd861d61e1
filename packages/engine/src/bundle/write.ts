/** Writes a bundle: a folder, or a tar of one. */
import { copyFile, mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { constants } from "node:fs";
import { dirname, join } from "node:path";
import { packTree } from "@tsbake/archive";
import {
  BuildError,
  byText,
  eachLimited,
  ifThere,
  makeFolder,
  removeTree,
  scratchFolder,
  sha256File,
} from "@tsbake/base";
import { BESIDE, objectPath, type ArtifactSigner, type ObjectName, type Store } from "@tsbake/sstate";
import { noBundledArtifact, foreignBundleFolder } from "../problems.js";
import { layerText, type BundleLayer } from "./layer.js";
import {
  MANIFEST,
  OBJECTS,
  SIGNATURE,
  writeBundleManifest,
  type BundleContents,
  type BundlePart,
} from "./manifest.js";
import { standInName, standInText, type StandIn, type StandInSurroundings } from "./stand-in.js";

const COPIES = 4;

export interface BundleRequest {
  /** `….tar`: a tar; anything else: a folder. */
  readonly path: string;
  readonly contents: BundleContents;
  readonly layer: BundleLayer;
  readonly standIns: readonly StandIn[];
  readonly surroundings: StandInSurroundings;
  /** Artifacts, with what to call them in an error. */
  readonly objects: readonly { readonly name: ObjectName; readonly label: string }[];
  readonly store: Pick<Store, "get">;
  readonly epochSeconds: number;
  /** Signs `bundle.json`; undefined: nobody does. */
  readonly signer: ArtifactSigner | undefined;
  readonly onProgress: (done: number, total: number) => void;
}

/**
 * What lies at `path` gives way when the new one is whole, if it is a bundle.
 *
 * @returns how many bytes its parts have
 * @throws BuildError `engine/no-bundled-artifact`, `engine/foreign-bundle-folder`, `sstate/cannot-sign`; system errors
 */
export async function writeBundle(request: BundleRequest): Promise<number> {
  const { path, signer, epochSeconds } = request;
  const isTar = path.endsWith(".tar");
  await refuseForeign(path, isTar);
  await makeFolder(dirname(path));
  const scratch = await scratchFolder(join(dirname(path), ".bundle-"));
  try {
    const folder = join(scratch, "bundle");
    const parts = await fill(folder, request);
    const manifest = join(folder, MANIFEST);
    await writeFile(manifest, writeBundleManifest(request.contents, parts));
    await signer?.sign(manifest, join(folder, SIGNATURE), MANIFEST);
    if (isTar) await packTree(folder, path, { epochSeconds, numericOwner: "root", compression: "none" });
    else {
      await removeTree(path);
      await rename(folder, path);
    }
    return parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function refuseForeign(path: string, isTar: boolean): Promise<void> {
  const there = await ifThere(stat(path));
  if (there === undefined || (isTar && there.isFile())) return;
  if (!isTar && there.isDirectory() && (await ifThere(stat(join(path, MANIFEST)))) !== undefined) return;
  throw new BuildError([foreignBundleFolder(path)]);
}

/** @returns what there is, sorted by path */
async function fill(folder: string, request: BundleRequest): Promise<BundlePart[]> {
  const { layer, standIns, surroundings, objects, store, onProgress } = request;
  const texts = new Map([
    ["conf/layer.conf", layerText(layer)],
    ...standIns.map((one) => [`recipes/${standInName(one.recipe)}`, standInText(one, surroundings)] as const),
  ]);
  for (const [path, text] of texts) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  let done = 0;
  const copied = await eachLimited(objects, COPIES, async ({ name, label }) => {
    const from = await store.get(name);
    if (from === undefined) throw new BuildError([noBundledArtifact(label)]);
    const to = `${OBJECTS}/${placeOf(name, from)}`;
    await mkdir(dirname(join(folder, to)), { recursive: true });
    const all: string[] = [];
    for (const ending of BESIDE) {
      const isThere = ending === "" || (await ifThere(stat(from + ending))) !== undefined;
      if (!isThere) continue;
      await copyFile(from + ending, join(folder, to + ending), constants.COPYFILE_FICLONE);
      all.push(to + ending);
    }
    onProgress(++done, objects.length);
    return all;
  });
  const paths = [...texts.keys(), ...copied.flat()].sort(byText);
  return eachLimited(paths, COPIES, async (path) => ({
    path,
    sizeBytes: (await stat(join(folder, path))).size,
    sha256: await sha256File(join(folder, path)),
  }));
}

/** In the compression that it has. */
function placeOf(name: ObjectName, from: string): string {
  const path = objectPath(name);
  return from.endsWith(".gz") ? path.replace(/\.zst$/, ".gz") : path;
}
