/** Pages of a bucket's listing. @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html */
import type { ListedFile } from "@tsbake/sstate";
import { StorageFailure } from "../storage.js";

export interface ListingPage {
  /** Paths are whole keys. */
  readonly files: readonly ListedFile[];
  /** What the next page is asked for with; undefined: this was the last. */
  readonly next: string | undefined;
}

/** @throws StorageFailure where the text is no listing */
export function readListingPage(text: string): ListingPage {
  if (!/<ListBucketResult[\s>]/.test(text)) throw new StorageFailure("the bucket answers no listing");
  const files = [...text.matchAll(/<Contents>(.*?)<\/Contents>/gs)].map(([, entry = ""]) => {
    const [sizeBytes, changedMs] = [
      Number(textOf(entry, "Size")),
      Date.parse(textOf(entry, "LastModified") ?? ""),
    ];
    const path = textOf(entry, "Key");
    if (path === undefined || !Number.isSafeInteger(sizeBytes) || Number.isNaN(changedMs))
      throw new StorageFailure("the bucket's listing has an entry without key, size or time");
    return { path, sizeBytes, changedMs };
  });
  const isCut = textOf(text, "IsTruncated") === "true";
  const next = textOf(text, "NextContinuationToken");
  if (isCut && next === undefined) throw new StorageFailure("the bucket's listing has no next page");
  return { files, next: isCut ? next : undefined };
}

function textOf(xml: string, name: string): string | undefined {
  const found = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml);
  return found ? decoded(found[1]!) : undefined;
}

const NAMED: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function decoded(text: string): string {
  return text.replaceAll(/&(?:#x([0-9a-fA-F]{1,6})|#(\d{1,7})|(\w+));/g, (whole, hex, decimal, name) => {
    if (typeof name === "string") return Object.hasOwn(NAMED, name) ? NAMED[name]! : whole;
    const code = typeof hex === "string" ? Number.parseInt(hex, 16) : Number(decimal);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
