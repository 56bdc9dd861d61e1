/** Lines of tmpfiles.d(5): how a path outside /usr comes into being on a device that merged the extension. */
import { type FileEntry } from "../facts/file-entry.js";

/**
 * The line that makes `entry`: `d` for a folder, `L` for a symlink, `C` for a file, copied from `source` when it is
 * not there yet. Ids stay numeric: the device may know the user by another name.
 */
export function tmpfilesLine(entry: FileEntry, source: string): string {
  const path = escape(entry.path);
  if (entry.kind === "directory") {
    return `d ${path} ${entry.mode.toString(8).padStart(4, "0")} ${entry.uid} ${entry.gid} -`;
  }
  if (entry.kind === "symlink") return `L ${path} - - - - ${escape(entry.target ?? "")}`;
  return `C ${path} - - - - ${escape(source)}`;
}

/** `%` starts a specifier, white space ends a word, and a backslash an escape. */
function escape(path: string): string {
  return path.replace(/%/g, "%%").replace(/[\s"'\\\udc80-\udcff]/gu, (one) => {
    // A byte that is no UTF-8 is a lone surrogate here.
    const code = one.charCodeAt(0);
    return `\\x${(code >= 0xdc80 ? code - 0xdc00 : code).toString(16).padStart(2, "0")}`;
  });
}
