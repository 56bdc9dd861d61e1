/**
 * IMAGE_TEMPLATE: bundles that a project builds on. A folder is used where it lies; a tar is unpacked once below the build folder's
 * cache, under its SHA-256, and only when every part is as its manifest says.
 */
import { mkdir, rename, stat } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";
import { unpackTar } from "@tsbake/archive";
import {
  AT_ONCE,
  BuildError,
  eachLimited,
  HttpClient,
  ifThere,
  lockPath,
  messageOf,
  readTextIfThere,
  removeTree,
  scratchFolder,
  sha256File,
  words,
  writeFileAtomic,
} from "@tsbake/base";
import { filled, list, readData } from "@tsbake/base/data";
import type { ArtifactSigner } from "@tsbake/sstate";
import * as v from "valibot";
import { badBundle, badTemplate } from "../problems.js";
import { MANIFEST, type BundleManifest } from "./manifest.js";
import { verifyBundle } from "./read.js";

const HEX = /^[0-9a-f]{64}$/;

export interface TemplateOptions {
  /** The build folder, absolute: relative paths count from here. */
  readonly topdir: string;
  /** Who judges signatures; undefined: none is looked at. */
  readonly signer: () => Promise<ArtifactSigner | undefined>;
  readonly onNote: (text: string) => void;
}

/** What IMAGE_TEMPLATE came to, kept for the next run. */
const Remembered = v.object({
  text: filled,
  layers: list(filled),
  stamps: list(filled),
  signed: v.boolean(),
});
type Remembered = v.InferOutput<typeof Remembered>;

/** A word of IMAGE_TEMPLATE. */
interface Word {
  readonly place: string;
  readonly sha256?: string;
}

/**
 * The layers that a value of IMAGE_TEMPLATE stands for, without a look into the bundles while these are as they were.
 *
 * @throws BuildError `engine/bad-template`, `engine/bad-bundle`
 */
export async function openTemplates(text: string, options: TemplateOptions): Promise<readonly string[]> {
  const { topdir, onNote } = options;
  const known = await rememberedTemplates(topdir);
  const found = words(text).map(wordOf);
  const stamps = await eachLimited(found, AT_ONCE, ({ place }) => stampOf(place, topdir));
  const signer = await options.signer();
  const signed = signer !== undefined;
  const isSame =
    known?.text === text && known.signed === signed && known.stamps.join(" ") === stamps.join(" ");
  if (isSame && (await areThere(known.layers))) return known.layers;
  const layers: string[] = [];
  for (const word of found) {
    const { layer, manifest } = await openTemplate(word, topdir, signer);
    onNote(`${word.place} stands for ${manifest.recipes.map(({ name }) => name).join(", ")}`);
    layers.push(layer);
  }
  const kept: Remembered = { text, layers, stamps, signed };
  await writeFileAtomic(memory(topdir), JSON.stringify(kept));
  return layers;
}

/** Those of the last run: what a parse begins with. Empty when there were none, or they are gone. */
export async function lastTemplates(topdir: string): Promise<readonly string[]> {
  const known = await rememberedTemplates(topdir);
  return known !== undefined && (await areThere(known.layers)) ? known.layers : [];
}

function memory(topdir: string): string {
  return join(topdir, "cache/templates.json");
}

async function rememberedTemplates(topdir: string): Promise<Remembered | undefined> {
  const text = await readTextIfThere(memory(topdir));
  if (text === undefined) return undefined;
  try {
    return readData(Remembered, text, (reason) => badTemplate(memory(topdir), reason));
  } catch (error) {
    // It is a memory: what cannot be read is made anew.
    if (!(error instanceof BuildError)) throw error;
    return undefined;
  }
}

async function areThere(layers: readonly string[]): Promise<boolean> {
  for (const layer of layers)
    if ((await ifThere(stat(join(layer, "conf/layer.conf")))) === undefined) return false;
  return true;
}

/** @throws BuildError `engine/bad-template` */
function wordOf(text: string): Word {
  const [place = "", ...parameters] = text.split(";");
  let digestOf: string | undefined;
  for (const one of parameters) {
    const [name, value = ""] = one.split("=");
    if (name !== "sha256" || !HEX.test(value))
      throw new BuildError([badTemplate(text, `\`${one}\` is no sha256=…, 64 hexadecimal digits`)]);
    digestOf = value;
  }
  if (/^https?:\/\//.test(place) && digestOf === undefined)
    throw new BuildError([badTemplate(text, "an address needs its SHA-256: ;sha256=…")]);
  return { place, ...(digestOf !== undefined && { sha256: digestOf }) };
}

function pathOf(place: string, topdir: string): string | undefined {
  if (/^https?:\/\//.test(place)) return undefined;
  const path = place.startsWith("file://") ? fileURLToPath(place) : place;
  return isAbsolute(path) ? path : join(topdir, path);
}

/** Another one when what lies there is another. */
async function stampOf(place: string, topdir: string): Promise<string> {
  const path = pathOf(place, topdir);
  if (path === undefined) return "address";
  const there = await ifThere(stat(path));
  const of = there?.isDirectory() ? await ifThere(stat(join(path, MANIFEST))) : there;
  return of === undefined ? "absent" : `${of.ino}:${of.size}:${of.mtimeMs}:${of.ctimeMs}`;
}

interface Opened {
  readonly layer: string;
  readonly manifest: BundleManifest;
}

async function openTemplate(
  { place, sha256: expected }: Word,
  topdir: string,
  signer: ArtifactSigner | undefined,
): Promise<Opened> {
  const path = pathOf(place, topdir);
  const there = path === undefined ? undefined : await ifThere(stat(path));
  if (path !== undefined && there === undefined) throw new BuildError([badBundle(path, "it is not there")]);
  if (path !== undefined && there?.isDirectory()) {
    if (expected !== undefined)
      throw new BuildError([
        badTemplate(place, "a folder has no SHA-256 of its own: name its .tar, or leave ;sha256= out"),
      ]);
    return { layer: path, manifest: await verifyBundle(path, signer) };
  }
  const cache = join(topdir, "cache/bundles");
  await mkdir(cache, { recursive: true });
  await using _lock = await lockPath(cache);
  if (path !== undefined) {
    const found = await sha256File(path);
    if (expected !== undefined && found !== expected)
      throw new BuildError([badBundle(path, `its SHA-256 is ${found}, and IMAGE_TEMPLATE says ${expected}`)]);
    return await unpacked(path, join(cache, found), signer);
  }
  const layer = join(cache, expected!);
  if (await areThere([layer])) return { layer, manifest: await verifyBundle(layer, signer) };
  return await fetched(place, layer, signer);
}

/** Under the lock. */
async function fetched(url: string, layer: string, signer: ArtifactSigner | undefined): Promise<Opened> {
  const part = `${layer}.part`;
  const client = new HttpClient();
  try {
    const { status } = await client.download(url, part);
    if (status !== 200) throw new BuildError([badTemplate(url, `the server answers ${status}`)]);
  } catch (error) {
    if (error instanceof BuildError) throw error;
    throw new BuildError([badTemplate(url, messageOf(error))], { cause: error });
  } finally {
    client.close();
  }
  const found = await sha256File(part);
  const isRight = layer.endsWith(`/${found}`);
  try {
    if (!isRight)
      throw new BuildError([badBundle(url, `its SHA-256 is ${found}, which IMAGE_TEMPLATE does not say`)]);
    return await unpacked(part, layer, signer, url);
  } finally {
    await removeTree(part);
  }
}

/** Appears whole or not at all. */
async function unpacked(
  path: string,
  layer: string,
  signer: ArtifactSigner | undefined,
  where = path,
): Promise<Opened> {
  if (await areThere([layer])) return { layer, manifest: await verifyBundle(layer, signer) };
  const manifest = await verifyBundle(path, signer);
  const scratch = await scratchFolder(`${layer}.new-`);
  try {
    const folder = join(scratch, "bundle");
    await unpackTar(path, folder, { label: where, owner: "self", modes: "umask", linksOut: "refuse" });
    await removeTree(layer);
    await rename(folder, layer);
  } finally {
    await removeTree(scratch);
  }
  return { layer, manifest };
}
