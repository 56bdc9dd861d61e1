/** Every problem this room can report, one function each, in the order of their codes. */
import { shownName, type Diagnostic } from "@tsbake/base";

/** A shared-state server answers something else than its interface has. */
export function badAnswer(url: string, reason: string): Diagnostic {
  return {
    severity: "error",
    code: "sstate/bad-answer",
    message: `${url} is no shared-state server that this version understands: ${reason}`,
    help: "look what answers there; a newer server may need a newer tsbake",
  };
}

/** The command line of `tsbake-sstate` makes no sense. */
export function badArgument(what: string): Diagnostic {
  return {
    severity: "error",
    code: "sstate/bad-argument",
    message: what,
    help: "see `tsbake-sstate --help`",
  };
}

/** SSTATE_MIRRORS does not consist of `pattern replacement` pairs. */
export function badMirrors(fault: string): Diagnostic {
  return {
    severity: "error",
    code: "sstate/bad-mirrors",
    message: `SSTATE_MIRRORS: ${fault}`,
    help: 'write pairs such as `file://.* https://host/folder/PATH`; several are separated by blanks or "\\n"',
  };
}

/** gpg refuses to sign with SSTATE_SIG_KEY. @param reason gpg's own word */
export function cannotSign(key: string, reason: string): Diagnostic {
  return {
    severity: "error",
    code: "sstate/cannot-sign",
    message: `artifacts cannot be signed with the key \`${key}\`: ${reason}`,
    help: "set SSTATE_SIG_KEY to a key that `gpg --list-secret-keys` lists, SSTATE_SIG_PASSPHRASE to its passphrase and GPG_PATH to the folder with the keys; or leave SSTATE_SIG_KEY empty",
  };
}

/** What is at the top of an artifact. */
export interface FoundContent {
  readonly name: string;
  readonly kind: "folder" | "link" | "file";
}

/** An artifact holds other folders than the task that is to be restored. */
export function foreignContent(
  archive: string,
  expected: readonly string[],
  found: readonly FoundContent[],
): Diagnostic {
  return {
    severity: "error",
    code: "sstate/foreign-content",
    message: `${archive} holds ${listFound(found)}, and ${list(expected)} was expected`,
    help: "delete it: it was made by another task, by another version of it, or by somebody who means ill",
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

/** SSTATE_VERIFY_SIG is set, and gpg cannot be started. */
export function missingGpg(program: string, reason: string): Diagnostic {
  return {
    severity: "error",
    code: "sstate/missing-gpg",
    message: `signatures of artifacts cannot be verified without \`${program}\`: ${reason}`,
    help: "install it (`apt-get install gpg`), or set GPG_BIN to its path, or SSTATE_VERIFY_SIG to `0`",
  };
}

/** A command on the shared state, and the configuration names none. */
export function noFolder(): Diagnostic {
  return {
    severity: "error",
    code: "sstate/no-folder",
    message: "there is no shared state: SSTATE_DIR is not set",
    help: "set SSTATE_DIR in the configuration, to an absolute path",
  };
}

/** An artifact lies under the name of another one. @param found the name that it has in itself; undefined: none */
export function otherArtifact(archive: string, found: string | undefined): Diagnostic {
  const what = found === undefined ? "does not say which artifact it is" : `is another artifact, ${found}`;
  return {
    severity: "error",
    code: "sstate/other-artifact",
    message: `${archive} ${what}`,
    help: "delete it: it was copied to this name, or made by another program, by an old tsbake, or by somebody who means ill",
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

function listFound(found: readonly FoundContent[]): string {
  const words = found.map(
    ({ name, kind }) => `${kind === "folder" ? "" : `the ${kind} `}\`${shownName(name)}\``,
  );
  return words.length === 0 ? "nothing" : words.join(", ");
}

function list(names: readonly string[]): string {
  return names.length === 0 ? "nothing" : names.map((name) => `\`${name}\``).join(", ");
}
