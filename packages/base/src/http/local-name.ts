/** What a source is called on a disk. */
import { decodeUrl } from "./url.js";

/** Sources that are no single file: nothing tells that a name on a mirror is theirs. */
const NO_FILES: readonly string[] = [
  "git",
  "gitsm",
  "gitannex",
  "svn",
  "hg",
  "repo",
  "p4",
  "ccrc",
  "gomodgit",
];

/** The name of the file that an entry is kept as; empty where it is no file. */
export function localName(url: string): string {
  const parts = decodeUrl(url);
  if (!parts || NO_FILES.includes(parts.type)) return "";
  if (parts.type === "file") {
    const name = lastOf(parts.path);
    return name === "." || name === ".." ? "" : name;
  }
  const given = parts.parameters["downloadfilename"];
  return given || lastOf(parts.path) || `${parts.host}${parts.path.replaceAll("/", ".")}`;
}

/** What follows the last slash. */
export function lastOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
