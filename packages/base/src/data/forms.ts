/** Forms of fields that several files have. */
import * as v from "valibot";

/** A text that says something. */
export const filled = v.pipe(v.string(), v.nonEmpty("it is empty"));

export const hexDigest = /^[0-9a-f]{64}$/;

/** A SHA-256, 64 hexadecimal digits. */
export const digest = v.pipe(v.string(), v.regex(hexDigest, "it is no SHA-256"));

/** Bytes, or how many of something. */
export const size = v.pipe(v.number(), v.safeInteger(), v.minValue(0, "it is less than nothing"));

/** A list that nobody changes. */
export function list<Item extends v.GenericSchema>(item: Item) {
  return v.pipe(v.array(item), v.readonly());
}
