/** Every problem this room can report, one function each, in the order of their codes. */
import type { Diagnostic } from "@tsbake/base";

/** SSTATE_MIRRORS does not consist of `pattern replacement` pairs. */
export function badMirrors(fault: string): Diagnostic {
  return {
    severity: "error",
    code: "sstate/bad-mirrors",
    message: `SSTATE_MIRRORS: ${fault}`,
    help: 'write pairs such as `file://.* https://host/folder/PATH`; several are separated by blanks or "\\n"',
  };
}

/** An artifact holds other folders than the task that is to be restored. */
export function foreignContent(
  archive: string,
  expected: readonly string[],
  found: readonly string[],
): Diagnostic {
  return {
    severity: "error",
    code: "sstate/foreign-content",
    message: `${archive} holds ${list(found)}, and ${list(expected)} was expected`,
    help: "delete it: it was made by another task, or by another version of it",
  };
}

/** Even with its informative fields cut the name of an object is longer than a file name may be. */
export function longName(spec: string): Diagnostic {
  return {
    severity: "error",
    code: "sstate/long-name",
    message: `no shared-state name of at most 246 characters can be made of \`${spec}\``,
    help: "choose a shorter PN or SSTATE_PKGARCH",
  };
}

/** The file that says which outputs are the same cannot be used. */
export function unusableEquivalences(path: string, why: string): Diagnostic {
  return {
    severity: "error",
    code: "sstate/unusable-equivalences",
    message: `the hash equivalences in ${path} cannot be used: ${why}`,
    help: "set BB_HASHSERVE_DB_DIR to a folder that this user can write to, or BB_SIGNATURE_HANDLER to `OEBasicHash`",
  };
}

/** The store's folder cannot be used. */
export function unusableStore(folder: string, why: string): Diagnostic {
  return {
    severity: "error",
    code: "sstate/unusable-store",
    message: `cannot keep an artifact in ${folder}: ${why}`,
    help: "set SSTATE_DIR to a folder that this user can write to and that has room",
  };
}

function list(names: readonly string[]): string {
  return names.length === 0 ? "nothing" : names.map((name) => `\`${name}\``).join(", ");
}
