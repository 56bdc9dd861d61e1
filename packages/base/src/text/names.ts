/**
 * Names of files as text. To Linux they are bytes, mostly but not always UTF-8. As text, a byte that is no part of valid
 * UTF-8 is a lone surrogate, U+DC80 to U+DCFF: such a text is like any other for comparing, joining, sorting and JSON, and
 * gives the same bytes back.
 *
 * @see Python's error handler `surrogateescape` (PEP 383): the same rule
 */
import { Buffer, isUtf8 } from "node:buffer";
import { readdirSync, type Dirent } from "node:fs";

const LOWEST = 0xdc80;
const HIGHEST = 0xdcff;
/** With `u` the second half of a pair is none. */
const ESCAPES = /[\udc80-\udcff]/u;

/** The bytes of a name as text. */
export function nameOf(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString("utf8");
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const length = lengthAt(bytes, at);
    text += length === 0 ? String.fromCharCode(0xdc00 + bytes[at]!) : bytes.toString("utf8", at, at + length);
    at += Math.max(1, length);
  }
  return text;
}

/** How many bytes the valid character at `at` has; 0 when there is none. */
function lengthAt(bytes: Buffer, at: number): number {
  for (let length = 1; length <= 4 && at + length <= bytes.length; length++) {
    if (isUtf8(bytes.subarray(at, at + length))) return length;
  }
  return 0;
}

/** The bytes that a text of `nameOf` stands for. */
export function nameBytes(text: string): Buffer {
  if (isPlainName(text)) return Buffer.from(text);
  const parts: Buffer[] = [];
  // By code point: a pair of surrogates is one character, and the second half of it no escape.
  for (const one of text) {
    const code = one.codePointAt(0)!;
    parts.push(code >= LOWEST && code <= HIGHEST ? Buffer.of(code - 0xdc00) : Buffer.from(one));
  }
  return Buffer.concat(parts);
}

/** Whether the name is valid UTF-8. */
export function isPlainName(text: string): boolean {
  return !ESCAPES.test(text);
}

/** What to give to the functions of node:fs for a path of `nameOf`: they take text for UTF-8. */
export function fsPath(path: string): string | Buffer {
  return isPlainName(path) ? path : nameBytes(path);
}

/** A name as one word for people: bytes that are no UTF-8, control characters, quotes and backslashes escaped. */
export function shownName(text: string): string {
  return text.replace(/[\\`"\p{Cc}\udc80-\udcff]/gu, (one) => {
    const code = one.codePointAt(0)!;
    if (one === "\\" || one === "`" || one === '"') return `\\${one}`;
    if (one === "\n") return String.raw`\n`;
    return `\\x${(code >= LOWEST && code <= HIGHEST ? code - 0xdc00 : code).toString(16).padStart(2, "0")}`;
  });
}

/** The entries of a folder with their names as text, in no order. @throws system errors */
export function readFolderSync(path: string): Dirent[] {
  const entries = readdirSync(fsPath(path) as string, { withFileTypes: true, encoding: "latin1" });
  for (const entry of entries) {
    // Only what is not ASCII differs.
    if (/[\u0080-\u00ff]/.test(entry.name)) entry.name = nameOf(Buffer.from(entry.name, "latin1"));
  }
  return entries;
}
