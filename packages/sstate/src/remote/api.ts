/**
 * What a shared-state server and its clients say to each other over HTTP. Paths are relative to the URL under which the
 * objects are (`http://host:port/sstate`). Names of objects never begin with a dot, so these paths are free.
 *
 *     HEAD, GET PATH            an object or what stands beside it; ranges, ETag
 *     PUT PATH                  with a token of the scope `push`; 201: new, 204: the same was there, 409: another was
 *     DELETE PATH               with a token of the scope `prune`: the object and what stands beside it
 *     POST .exists              ExistsRequest → ExistsAnswer
 *     POST .prune               with a token of the scope `prune`: PruneQuestion → PruneAnswer
 */
import * as v from "valibot";
import { list } from "@tsbake/base/data";

/** In each answer of such a server: the version of this interface. */
export const API_HEADER = "tsbake-sstate";
export const API_VERSION = "1";

/** `sha-256=:BASE64:` of the body. @see RFC 9530, 2 */
export const DIGEST_HEADER = "content-digest";

/** Base64 of the `.sig` that appears with the object. No signature of gpg that fits into a header is longer. */
export const SIGNATURE_HEADER = "tsbake-signature";
export const LONGEST_SIGNATURE_HEADER = 8192;

export const EXISTS_PATH = ".exists";
/** Names in one request, and characters in one name. */
export const MOST_NAMES = 5000;
const LONGEST_NAME = 1024;

export const ExistsRequest = v.object({
  names: v.pipe(
    v.array(v.pipe(v.string(), v.maxLength(LONGEST_NAME))),
    v.maxLength(MOST_NAMES),
    v.readonly(),
  ),
});
export type ExistsRequest = v.InferOutput<typeof ExistsRequest>;

/** In the order of the names. */
export const ExistsAnswer = v.object({ there: list(v.boolean()) });
export type ExistsAnswer = v.InferOutput<typeof ExistsAnswer>;

export const PRUNE_PATH = ".prune";

/** At least one bound; objects that any of them names go. */
export const PruneQuestion = v.pipe(
  v.object({
    max_age_seconds: v.optional(v.pipe(v.number(), v.minValue(0), v.finite())),
    max_bytes: v.optional(v.pipe(v.number(), v.minValue(0), v.finite())),
    dry_run: v.optional(v.boolean(), false),
  }),
  v.check(
    ({ max_age_seconds, max_bytes }) => max_age_seconds !== undefined || max_bytes !== undefined,
    "it names no bound",
  ),
);
export interface PruneAnswer {
  readonly removed: number;
  readonly freed_bytes: number;
  readonly kept: number;
  readonly kept_bytes: number;
}

/** @param digest 64 hexadecimal digits */
export function digestHeader(digest: string): string {
  return `sha-256=:${Buffer.from(digest, "hex").toString("base64")}:`;
}

/** The SHA-256 in such a header, as hexadecimal digits; undefined where it has none. */
export function digestInHeader(text: string): string | undefined {
  const found = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):/.exec(text);
  return found ? Buffer.from(found[1]!, "base64").toString("hex") : undefined;
}
