/** How big an image is, what makes it so, and how big it may be. */
import type { FileEntry } from "@tsbake/archive";
import { BuildError, byText } from "@tsbake/base";
import * as problems from "../problems.js";

export interface Sized {
  readonly name: string;
  readonly sizeBytes: number;
}

/** Bytes of all files; what has several names counts once. */
export function contentBytes(files: readonly FileEntry[]): number {
  return ownContent(files).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

/** Packages by what their files take, the biggest first; what no package brings is left out. */
export function biggestPackages(files: readonly FileEntry[], count: number): Sized[] {
  const sizes = new Map<string, number>();
  for (const { package: owner, sizeBytes } of ownContent(files))
    if (owner !== undefined) sizes.set(owner, (sizes.get(owner) ?? 0) + sizeBytes);
  return biggest(
    [...sizes].map(([name, sizeBytes]) => ({ name, sizeBytes })),
    count,
  );
}

/** Paths of files, the biggest first. */
export function biggestFiles(files: readonly FileEntry[], count: number): Sized[] {
  return biggest(
    ownContent(files).map(({ path, sizeBytes }) => ({ name: path, sizeBytes })),
    count,
  );
}

/**
 * @param text IMAGE_ROOTFS_MAXSIZE: KiB as in OE-core, or with K, M, G or T behind
 * @returns bytes
 * @throws BuildError `image/bad-argument`
 */
export function parseMaxSize(text: string): number {
  const [, number, unit = ""] = /^(\d{1,12})([KMGT]?)$/.exec(text.trim()) ?? [];
  if (number === undefined) throw new BuildError([problems.badMaxSize(text)]);
  return Number(number) * 1024 ** (1 + "KMGT".indexOf(unit || "K"));
}

/** `812 KiB`, `94.6 MiB`. */
export function readableSize(bytes: number): string {
  const mib = bytes / 2 ** 20;
  if (mib < 0.95) return `${Math.ceil(bytes / 1024)} KiB`;
  return `${mib >= 100 ? mib.toFixed(0) : mib.toFixed(1)} MiB`;
}

/** `one 9.1 MiB, two 812 KiB`. */
export function sizedText(all: readonly Sized[]): string {
  return all.map(({ name, sizeBytes }) => `${name} ${readableSize(sizeBytes)}`).join(", ");
}

function ownContent(files: readonly FileEntry[]): FileEntry[] {
  return files.filter(({ hardlink, sizeBytes }) => hardlink === undefined && sizeBytes > 0);
}

function biggest(all: readonly Sized[], count: number): Sized[] {
  return all
    .toSorted((left, right) => right.sizeBytes - left.sizeBytes || byText(left.name, right.name))
    .slice(0, count);
}
