/** Reads bundles, a folder or a tar, and compares each part with what `bundle.json` says of it. Nothing is unpacked. */
import { lstat, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { TarFile } from "@tsbake/archive";
import { BuildError, eachLimited, ifThere, readPlain, scratchFolder, sha256File } from "@tsbake/base";
import type { ArtifactSigner } from "@tsbake/sstate";
import { tmpdir } from "node:os";
import { badBundle } from "../problems.js";
import { MANIFEST, readBundleManifest, SIGNATURE, type BundleManifest } from "./manifest.js";

const MOST_BYTES = 64 << 20;
const READERS = 4;

/** A part as it is. */
interface Found {
  readonly sizeBytes: number;
  readonly sha256: () => Promise<string>;
}

interface Opened {
  readonly manifest: Buffer;
  readonly signature: Buffer | undefined;
  /** All that is there, by path, but the manifest and its signature. */
  readonly parts: ReadonlyMap<string, Found>;
}

/** What a bundle says of itself; nothing else of it is looked at. @throws BuildError `engine/bad-bundle` */
export async function showBundle(path: string): Promise<BundleManifest> {
  const opened = await open(path, false);
  return readBundleManifest(opened.manifest.toString(), path);
}

/**
 * Compares every part.
 *
 * @param signer who judges its signature; undefined: it needs none
 * @throws BuildError `engine/bad-bundle`, which names the part
 */
export async function verifyBundle(
  path: string,
  signer: ArtifactSigner | undefined,
): Promise<BundleManifest> {
  const opened = await open(path, true);
  if (signer !== undefined) await judge(path, opened, signer);
  const manifest = readBundleManifest(opened.manifest.toString(), path);
  const known = new Set(manifest.parts.map((part) => part.path));
  const more = [...opened.parts.keys()].find((one) => !known.has(one));
  if (more !== undefined)
    throw new BuildError([badBundle(path, `it has the part \`${more}\`, which ${MANIFEST} does not name`)]);
  await eachLimited(manifest.parts, READERS, async (part) => {
    const found = opened.parts.get(part.path);
    if (found === undefined) throw new BuildError([badBundle(path, `the part \`${part.path}\` is missing`)]);
    if (found.sizeBytes !== part.sizeBytes || (await found.sha256()) !== part.sha256)
      throw new BuildError([
        badBundle(path, `the part \`${part.path}\` has other bytes than ${MANIFEST} says`),
      ]);
  });
  return manifest;
}

/** gpg reads files. */
async function judge(path: string, { manifest, signature }: Opened, signer: ArtifactSigner): Promise<void> {
  if (signature === undefined) throw new BuildError([badBundle(path, `it has no signature (${SIGNATURE})`)]);
  const folder = await scratchFolder(join(tmpdir(), "tsbake-bundle-"));
  try {
    await writeFile(join(folder, MANIFEST), manifest);
    await writeFile(join(folder, SIGNATURE), signature);
    const fault = await signer.fault(join(folder, MANIFEST), join(folder, SIGNATURE), MANIFEST);
    if (fault !== undefined) throw new BuildError([badBundle(path, `${MANIFEST}: ${fault.why}`)]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @param whole with the digests of a tar's parts, which are made while it is read */
async function open(path: string, whole: boolean): Promise<Opened> {
  const there = await ifThere(lstat(path));
  if (there === undefined) throw new BuildError([badBundle(path, "it is not there")]);
  return there.isDirectory() ? openFolder(path) : openTar(path, whole);
}

async function openFolder(folder: string): Promise<Opened> {
  const manifest = await plain(folder, MANIFEST);
  if (manifest === undefined) throw new BuildError([badBundle(folder, `it has no ${MANIFEST}`)]);
  const parts = new Map<string, Found>();
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (entry.isDirectory()) continue;
    const full = join(entry.parentPath, entry.name);
    const path = full.slice(folder.length).replace(/^\/+/, "");
    if (path === MANIFEST || path === SIGNATURE) continue;
    if (!entry.isFile()) throw new BuildError([badBundle(folder, `\`${path}\` is no file`)]);
    const { size } = await lstat(full);
    parts.set(path, { sizeBytes: size, sha256: () => sha256File(full) });
  }
  return { manifest, signature: await plain(folder, SIGNATURE), parts };
}

async function plain(folder: string, name: string): Promise<Buffer | undefined> {
  return ifThere(readPlain(join(folder, name), MOST_BYTES));
}

function openTar(path: string, whole: boolean): Opened {
  using tar = new TarFile(path);
  const parts = new Map<string, Found>();
  const small = new Map<string, Buffer>();
  for (const member of tar.members(whole)) {
    const { entry } = member;
    if (entry.kind === "directory") continue;
    const name = entry.path.slice(1);
    if (entry.kind !== "file" || entry.hardlink !== undefined)
      throw new BuildError([badBundle(path, `\`${name}\` is no file`)]);
    if (name === MANIFEST || name === SIGNATURE) {
      if (entry.sizeBytes > MOST_BYTES)
        throw new BuildError([badBundle(path, `${name} has more than 64 MiB`)]);
      small.set(name, Buffer.from(tar.part(member, 0, entry.sizeBytes)));
    } else if (parts.has(name))
      throw new BuildError([badBundle(path, `the part \`${name}\` is there twice`)]);
    else {
      const { sizeBytes, sha256 = "" } = entry;
      parts.set(name, { sizeBytes, sha256: () => Promise.resolve(sha256) });
    }
  }
  const manifest = small.get(MANIFEST);
  if (manifest === undefined) throw new BuildError([badBundle(path, `it has no ${MANIFEST}`)]);
  return { manifest, signature: small.get(SIGNATURE), parts };
}
