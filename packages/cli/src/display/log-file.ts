/** The end of a log that may be larger than memory. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** Bytes; more than the lines that are shown ever need. */
const END = 256 * 1024;

/** The last part of the file's text, or undefined when it cannot be read. */
export function readEnd(path: string, most = END): string | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, "r");
    const { size } = fstatSync(file);
    const bytes = Buffer.alloc(Math.min(size, most));
    const length = readSync(file, bytes, 0, bytes.length, size - bytes.length);
    return bytes.toString("utf8", 0, length);
  } catch {
    // A log that is gone (do_clean removes its own) is no reason to fail while telling of a failure.
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
