/** Python's values as far as inline expressions without an interpreter go, and what is true and equal among them. */
import type { Value } from "@tsbake/datastore";

/** None is null; numbers are whole. */
export type Inline = string | number | boolean | null | readonly Inline[];

/** Only Python can tell. Caught in inline.ts. */
export class CannotTell extends Error {}

/** Truth as Python has it: empty texts and lists are false. */
export function isTrue(value: Inline): boolean {
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}

/** `==`: True is 1, texts and None equal only their like. */
export function equal(left: Inline, right: Inline): boolean {
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((one, at) => equal(one as Inline, right[at] as Inline));
  }
  return numeric(left) === numeric(right);
}

function numeric(value: Inline): Inline {
  return typeof value === "boolean" ? Number(value) : value;
}

/** A value of the datastore; objects other than lists of texts are Python's business. */
export function fromStore(value: Value | undefined): Inline {
  if (value === undefined || value === null) return null;
  if (typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number" && Number.isSafeInteger(value)) return value;
  if (Array.isArray(value) && value.every((one) => typeof one === "string")) return value;
  throw new CannotTell();
}

/** What str.split() and str.strip() take for white space; JavaScript's \s has other members. */
const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const SPACES = new RegExp(`[${SPACE}]+`);
const LEADING = new RegExp(`^[${SPACE}]+`);
const TRAILING = new RegExp(`[${SPACE}]+$`);

/** str.split() */
export function splitWords(text: string): string[] {
  return text.split(SPACES).filter((word) => word !== "");
}

/** str.lstrip(), str.rstrip(), str.strip() */
export function strip(text: string, side: "lstrip" | "rstrip" | "strip"): string {
  const left = side === "rstrip" ? text : text.replace(LEADING, "");
  return side === "lstrip" ? left : left.replace(TRAILING, "");
}

/** Python sorts by code point, JavaScript by UTF-16 unit. */
export function byCodePoint(left: string, right: string): number {
  for (let at = 0; at < left.length && at < right.length; at++) {
    const [a, b] = [left.charCodeAt(at), right.charCodeAt(at)];
    // Halves of pairs stand for what is above every single unit.
    if (a !== b) return isHalf(a) === isHalf(b) ? a - b : isHalf(a) ? 1 : -1;
  }
  return left.length - right.length;
}

function isHalf(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}
