/**
 * Which files a patch may touch, by its headers. More than it does touch is no harm: the program `patch` decides, in a
 * folder that has exactly these files. Names are bytes, one to a character (latin1).
 *
 * @see POSIX patch, "Filename Determination"; git's extended headers
 */

const HEADER = /^(?:---|\+\+\+|\*\*\*|Index:) +(.*)$/;
const GIT_NAME = /^(?:rename|copy) (?:from|to) (.*)$/;
const GIT_LINE = /^diff --git (.*)$/;
/** Range lines of the old context format look like headers. */
const RANGE = /^(?:\d+,)?\d+ (?:\*\*\*\*|----)$/;

/** Paths below the folder that the patch is applied in, each once. Those that lead out of it are left out. */
export function touchedNames(text: string, strip: number): Set<string> {
  const found = new Set<string>();
  const add = (name: string, level: number): void => {
    const path = stripped(name, level);
    if (path !== undefined) found.add(path);
  };
  for (const line of text.split("\n")) {
    const bare = line.replace(/\r$/, "");
    const header = HEADER.exec(bare);
    if (header && !RANGE.test(header[1]!)) for (const name of readings(header[1]!)) add(name, strip);
    const git = GIT_NAME.exec(bare);
    // These names have no `a/` in front.
    if (git) for (const name of readings(git[1]!)) add(name, Math.max(strip - 1, 0));
    const both = GIT_LINE.exec(bare);
    if (both) for (const name of pairNames(both[1]!)) add(name, strip);
  }
  return found;
}

/** What a header may mean: quoted, up to the tab before a date, or up to the first blank. */
function readings(text: string): string[] {
  if (text.startsWith('"')) return [unquoted(text).name];
  const [upToTab = ""] = text.split("\t");
  const [upToBlank = ""] = text.split(/\s/);
  return [upToTab, upToTab.trimEnd(), upToBlank];
}

/** `a/x b/x`; names with blanks can be told apart only where both are the same. */
function pairNames(text: string): string[] {
  if (text.startsWith('"')) {
    const first = unquoted(text);
    return [first.name, ...readings(first.rest.trimStart())];
  }
  const names: string[] = [];
  for (let at = text.indexOf(" "); at !== -1; at = text.indexOf(" ", at + 1)) {
    names.push(text.slice(0, at), ...readings(text.slice(at + 1)));
  }
  return names;
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  t: "\t",
  n: "\n",
  v: "\v",
  f: "\f",
  r: "\r",
};

/** A name in double quotes, as C writes it. */
function unquoted(text: string): { readonly name: string; readonly rest: string } {
  let name = "";
  let at = 1;
  while (at < text.length && text[at] !== '"') {
    if (text[at] !== "\\") {
      name += text[at++];
      continue;
    }
    const octal = /^[0-3][0-7]{2}/.exec(text.slice(at + 1, at + 4))?.[0];
    if (octal !== undefined) name += String.fromCharCode(Number.parseInt(octal, 8));
    else name += ESCAPES[text[at + 1] ?? ""] ?? text[at + 1] ?? "";
    at += octal === undefined ? 2 : 4;
  }
  return { name, rest: text.slice(at + 1) };
}

/** Without its first folders; a run of slashes counts as one. */
function stripped(name: string, level: number): string | undefined {
  if (name === "/dev/null") return undefined;
  let rest = name;
  for (let count = 0; count < level; count++) {
    const slash = /\/+/.exec(rest);
    if (!slash) return undefined;
    rest = rest.slice(slash.index + slash[0].length);
  }
  const parts = rest.split("/").filter((part) => part !== "" && part !== ".");
  if (rest.startsWith("/") || parts.length === 0 || parts.includes("..")) return undefined;
  return parts.join("/");
}
