/** What a bucket says of its objects, and of why it does not do something. */
import type { ServedFile } from "../storage.js";

/** Metadata of what we upload. */
export const DIGEST = "x-amz-meta-sha256";

/** As the bucket has it: `changed` is its own ETag. */
export interface BucketFile extends ServedFile {
  /** SHA-256; undefined where another tool has made it. */
  readonly digest: string | undefined;
}

/** SHA-256 that we have put into an object's metadata; undefined where another tool has made it. */
export function digestOf(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): string | undefined {
  const text = headers[DIGEST];
  return typeof text === "string" && /^[0-9a-f]{64}$/.test(text) ? text : undefined;
}

/** SHA-256 that the object must have, where its ETag for clients is one. */
export function expectedOf({ etag }: ServedFile): string | undefined {
  return /^"([0-9a-f]{64})"$/.exec(etag)?.[1];
}

/** Any 2xx: servers differ in which one they give. */
export function isGood(status: number): boolean {
  return status >= 200 && status < 300;
}

/** Code and message of an error, where the answer is one. */
export function reasonIn(text: string): string {
  const [code, message] = ["Code", "Message"].map(
    (name) => new RegExp(`<${name}>([^<]{1,200})`).exec(text)?.[1],
  );
  return code === undefined ? "" : `: ${code}${message === undefined ? "" : ` (${message})`}`;
}
