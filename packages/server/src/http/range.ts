/** One range of bytes, and conditions on what the client has already. @see RFC 9110, 13 and 14 */
import type { ByteRange } from "../storage/index.js";

/**
 * @returns undefined: the whole file, since nothing, several ranges or no range at all was asked for; `none`: no byte of the file
 *   is in it
 */
export function readRange(header: string | undefined, sizeBytes: number): ByteRange | "none" | undefined {
  const found = /^bytes=(\d{0,16})-(\d{0,16})$/.exec(header ?? "");
  if (!found || (found[1] === "" && found[2] === "")) return undefined;
  if (found[1] === "") {
    const length = Math.min(Number(found[2]), sizeBytes);
    return length === 0 ? "none" : { start: sizeBytes - length, end: sizeBytes - 1 };
  }
  const start = Number(found[1]);
  const end = found[2] === "" ? sizeBytes - 1 : Number(found[2]);
  if (end < start) return found[2] === "" ? "none" : undefined;
  return start >= sizeBytes ? "none" : { start, end: Math.min(end, sizeBytes - 1) };
}

/** Whether If-None-Match names what is there: then nothing is sent. */
export function hasMatch(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === "*") return true;
  return header.split(",").some((one) => one.trim().replace(/^W\//, "") === etag);
}

/** Whether If-Range still holds: only then is a part worth anything. */
export function isSameVersion(header: string | undefined, etag: string, modified: string): boolean {
  return header === undefined || header === etag || header === modified;
}
