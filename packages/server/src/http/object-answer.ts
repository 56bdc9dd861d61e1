/** What a question for an object is answered, before any byte of it: one place for both doors, node's HTTP server and `front/`. */
import { API_HEADER, API_VERSION } from "@tsbake/sstate/remote";
import { wholeOf, type ByteRange, type ServedFile, type StoragePath } from "../storage/index.js";
import { Refusal } from "./answers.js";
import type { HttpContext } from "./context.js";
import { hasMatch, isSameVersion, readRange } from "./range.js";

/** Headers of a request that the answer depends on. */
export interface Conditions {
  readonly ifNoneMatch?: string | undefined;
  readonly ifRange?: string | undefined;
  readonly range?: string | undefined;
}

export interface ObjectAnswer {
  readonly status: 200 | 206 | 304;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly found: ServedFile;
  /** Of the file, what the body is. */
  readonly range: ByteRange;
}

/** Times are whole seconds: writing one out takes as long as the rest of a HEAD. */
const dates = new Map<number, string>();
const MOST_DATES = 10_000;

/** Once for each question that is answered. */
export function countQuestion({ metrics }: HttpContext, { kind }: StoragePath, isThere: boolean): void {
  if (kind === "object") metrics.add(isThere ? "hits_total" : "misses_total");
}

/** @param found undefined: there is none @throws Refusal 404, 416 */
export function answerFor(
  { kind }: StoragePath,
  found: ServedFile | undefined,
  { ifNoneMatch, ifRange, range: wanted }: Conditions,
): ObjectAnswer {
  if (!found) throw new Refusal(404, "there is no such object", { [API_HEADER]: API_VERSION });
  const modified = httpDate(found.modifiedMs);
  const headers = {
    "accept-ranges": "bytes",
    // An object never becomes another one; what stands beside it may come later.
    "cache-control": kind === "object" ? "public, max-age=31536000, immutable" : "no-cache",
    "content-type": "application/octet-stream",
    etag: found.etag,
    "last-modified": modified,
    "x-content-type-options": "nosniff",
    [API_HEADER]: API_VERSION,
  };
  if (hasMatch(ifNoneMatch, found.etag)) return { status: 304, headers, found, range: wholeOf(found) };
  const range = isSameVersion(ifRange, found.etag, modified) ? readRange(wanted, found.sizeBytes) : undefined;
  if (range === "none")
    throw new Refusal(416, "the object has no such bytes", {
      "content-range": `bytes */${found.sizeBytes}`,
      [API_HEADER]: API_VERSION,
    });
  if (!range) {
    const whole = { ...headers, "content-length": found.sizeBytes };
    return { status: 200, headers: whole, found, range: wholeOf(found) };
  }
  const { start, end } = range;
  const part = {
    "content-length": end - start + 1,
    "content-range": `bytes ${start}-${end}/${found.sizeBytes}`,
  };
  return { status: 206, headers: { ...headers, ...part }, found, range };
}

/** @param ms since 1970 */
export function httpDate(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  let text = dates.get(seconds);
  if (text === undefined) {
    if (dates.size >= MOST_DATES) dates.clear();
    text = new Date(seconds * 1000).toUTCString();
    dates.set(seconds, text);
  }
  return text;
}
