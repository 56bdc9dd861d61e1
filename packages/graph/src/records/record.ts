/**
 * Signature records as text: sigdata files beside stamps, siginfo files beside artifacts.
 *
 * @see BitBake 2.19 lib/bb/siggen.py (dump_sigtask): field names are the same; a set is an object `_set_object` there
 */
import { jsonObject } from "@tsbake/base";
import type { SignatureExplanation } from "../types.js";

/** The text of a `.sigdata` or `.siginfo`; `readRecord` takes it back. */
export function writeRecord(explanation: SignatureExplanation): string {
  return `${JSON.stringify(explanation)}\n`;
}

/** @returns undefined when the text is not a record: broken off, or of something else */
export function readRecord(text: string): SignatureExplanation | undefined {
  const data = jsonObject(text);
  if (data === undefined) return undefined;
  const { task, basehash, taskhash, unihash, gendeps, varvals, runtaskdeps, runtaskhashes } = data;
  const { file_checksum_values: files, feed, taint } = data;
  if (typeof task !== "string" || typeof basehash !== "string") return undefined;
  const values = mapValues(varvals, (value) =>
    typeof value === "string" || value === null ? value : undefined,
  );
  const hash = typeof taskhash === "string" ? taskhash : "";
  return {
    task,
    basehash,
    taskhash: hash,
    unihash: typeof unihash === "string" ? unihash : hash,
    gendeps: mapValues(gendeps, texts),
    varvals: values,
    runtaskdeps: texts(runtaskdeps),
    runtaskhashes: mapValues(runtaskhashes, textOf),
    file_checksum_values: Array.isArray(files) ? files.flatMap(filePair) : [],
    feed: texts(feed),
    ...(typeof taint === "string" && { taint }),
  };
}

function filePair(pair: unknown): (readonly [string, string])[] {
  if (!Array.isArray(pair) || typeof pair[0] !== "string" || typeof pair[1] !== "string") return [];
  return [[pair[0], pair[1]]];
}

function isObject(data: unknown): data is Readonly<Record<string, unknown>> {
  return typeof data === "object" && data !== null && !Array.isArray(data);
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** The texts of a list or of one of BitBake's sets. */
function texts(data: unknown): string[] {
  const list = isObject(data) ? data["_set_object"] : data;
  return Array.isArray(list) ? list.filter((one): one is string => typeof one === "string") : [];
}

/** Entries whose value `read` understands. */
function mapValues<Value>(data: unknown, read: (value: unknown) => Value | undefined): Record<string, Value> {
  const values: Record<string, Value> = {};
  if (!isObject(data)) return values;
  for (const [name, value] of Object.entries(data)) {
    const found = read(value);
    if (found !== undefined) Object.defineProperty(values, name, { value: found, enumerable: true });
  }
  return values;
}
