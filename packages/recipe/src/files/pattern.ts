/** Regular expressions of metadata are Python's; file patterns are those of Python's glob. Both become JavaScript's here. */
import { lstatSync, readdirSync, statSync, type Dirent } from "node:fs";
import { join } from "node:path";
import { byText, hasCode } from "@tsbake/base";

/**
 * A Python regular expression as JavaScript's, or undefined when it is none. Named groups, `\A`, `\Z` and leading
 * `(?i)`, `(?s)`, `(?m)` are translated; the rest of what metadata uses is the same in both.
 *
 * @param where `start` as re.match, `anywhere` as re.search
 */
export function pythonPattern(text: string, where: "start" | "anywhere"): RegExp | undefined {
  const flags = /^\(\?([ims]+)\)/.exec(text);
  const body = text
    .slice(flags?.[0].length ?? 0)
    .replaceAll("(?P<", "(?<")
    .replace(/\(\?P=(\w+)\)/g, "\\k<$1>")
    .replace(/\\([AZ])/g, (_, letter: string) => (letter === "A" ? "^" : "$"));
  try {
    return new RegExp(where === "start" ? `^(?:${body})` : body, flags?.[1] ?? "");
  } catch (error) {
    if (error instanceof SyntaxError || String(error).startsWith("SyntaxError")) return undefined;
    throw error;
  }
}

/** Escapes `text` for a regular expression, as Python's re.escape does. */
export function escapePattern(text: string): string {
  return text.replace(/[\\.^$*+?{}[\]|()\-&#~\s]/g, "\\$&");
}

/** Whether a word of ASSUME_PROVIDED or the like names `name`: a regular expression when it begins with ^ or ends with $. */
export function matchesWord(word: string, name: string): boolean {
  if (!word.startsWith("^") && !word.endsWith("$")) return word === name;
  return pythonPattern(word, "start")?.test(name) ?? false;
}

const MAGIC = /[*?[]/;

/**
 * Paths that exist and match, sorted. `*`, `?` and `[…]` match within one name and never a leading dot; there are no
 * braces, and `**` is `*`, as in Python's glob without `recursive`.
 */
export function glob(pattern: string): string[] {
  const parts = pattern.split("/");
  let found = [pattern.startsWith("/") ? "/" : ""];
  for (const [index, part] of parts.entries()) {
    if (part === "") continue;
    const last = index === parts.length - 1;
    found = MAGIC.test(part)
      ? found.flatMap((folder) => matchingNames(folder, part, !last))
      : found.map((folder) => join(folder, part));
  }
  // Whatever came from a folder's list exists; a plain last part may not.
  const listed = MAGIC.test(parts.at(-1) ?? "");
  const paths = pattern.endsWith("/") ? found.filter(isFolder) : listed ? found : found.filter(isThere);
  return paths.sort(byText);
}

function matchingNames(folder: string, part: string, foldersOnly: boolean): string[] {
  const test = namePattern(part);
  return entries(folder === "" ? "." : folder)
    .filter((entry) => !foldersOnly || entry.isDirectory() || entry.isSymbolicLink())
    .map((entry) => entry.name)
    .filter((name) => (part.startsWith(".") || !name.startsWith(".")) && test.test(name))
    .map((name) => join(folder, name));
}

/** What `fnmatch` of Python matches: `*`, `?`, `[abc]`, `[!abc]`. */
export function namePattern(part: string): RegExp {
  let text = "";
  for (let at = 0; at < part.length; at++) {
    const letter = part[at]!;
    const close = letter === "[" ? part.indexOf("]", at + (part[at + 1] === "!" ? 3 : 2)) : -1;
    if (close !== -1) {
      const inside = part.slice(at + 1, close).replace(/[\\\][]/g, "\\$&");
      text += inside.startsWith("!") ? `[^${inside.slice(1)}]` : `[${inside.replace(/^\^/, "\\^")}]`;
      at = close;
    } else if (letter === "*") text += "[^]*";
    else if (letter === "?") text += "[^]";
    else text += escapePattern(letter);
  }
  return new RegExp(`^${text}$`);
}

/** Folder entries, or none when there is no such folder or it may not be read. */
export function entries(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR", "EACCES")) return [];
    throw error;
  }
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Whether a path leads to a folder, perhaps by links. */
export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
