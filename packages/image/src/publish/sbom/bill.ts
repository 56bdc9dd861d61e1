/** What a bill of materials is made from, whatever its format. */
import { readFileSync } from "node:fs";
import * as v from "valibot";
import type { LayerFacts, PackageFact } from "../../facts/facts.js";
import type { ExtensionFacts } from "../../facts/result.js";

/** One file that the image is delivered as. */
export interface Delivered {
  /** Its stable name, without a date. */
  readonly name: string;
  /** Absent for a folder. */
  readonly sha256?: string;
}

export interface Bill {
  /** The image recipe's name, and its version. */
  readonly image: string;
  readonly version: string;
  readonly machine: string;
  readonly facts: LayerFacts;
  readonly extension?: ExtensionFacts | undefined;
  /** Sorted by name. */
  readonly delivered: readonly Delivered[];
  /** SOURCE_DATE_EPOCH: when the bill says that it was made. */
  readonly epochSeconds: number;
}

export interface BilledBase {
  readonly name: string;
  /** SHA-256 of its package database, 64 hexadecimal digits. */
  readonly digest: string;
}

/** What an extension was built on. */
export function billedBase({ extension, facts }: Bill): BilledBase | undefined {
  const digest = facts.baseDigest;
  return digest === undefined ? undefined : { name: extension?.base ?? "base", digest };
}

/** Packages that the image has by itself; all others came because these need them. */
export function rootPackages({ requested, packages }: LayerFacts): PackageFact[] {
  const asked = new Set(requested);
  return packages.filter((one) => one.isEssential === true || asked.has(one.name));
}

/**
 * What a package needs among the packages of the image itself: what the base has is told as a whole.
 *
 * @returns for a package those that it needs, in their order
 */
export function ownNeeds({ packages }: LayerFacts): (one: PackageFact) => PackageFact[] {
  const byName = new Map(packages.map((one) => [one.name, one]));
  return (one) => one.depends.flatMap((name) => byName.get(name) ?? []);
}

/**
 * A name for content that is known by its digest only.
 *
 * @param digest SHA-256, 64 hexadecimal digits
 * @see RFC 6920
 */
export function digestUri(digest: string): string {
  return `ni:///sha-256;${Buffer.from(digest, "hex").toString("base64url")}`;
}

/** SOURCE_DATE_EPOCH as a time that both formats take, without fractions. */
export function timestampText(epochSeconds: number): string {
  return new Date(epochSeconds * 1000).toISOString().replace(/\.\d+Z$/, "Z");
}

const PackageFile = v.object({ version: v.string() });

/** The version of tsbake. */
export function toolVersion(): string {
  const text = readFileSync(new URL("../../../package.json", import.meta.url), "utf8");
  return v.parse(PackageFile, JSON.parse(text)).version;
}
