/** Every problem this room can report, one function each, in the order of their codes. */
import type { Diagnostic } from "@tsbake/base";

/** The command line of `tsbake-sstate-server` makes no sense. */
export function badArgument(what: string): Diagnostic {
  return {
    severity: "error",
    code: "server/bad-argument",
    message: what,
    help: "see `tsbake-sstate-server --help`",
  };
}

/** A client's request has not the form that the interface has. Clients are told the message. */
export function badRequest(reason: string): Diagnostic {
  return {
    severity: "error",
    code: "server/bad-request",
    message: `the request is not as it should be: ${reason}`,
    help: "see the interface in docs/operate.md",
  };
}

/** The file with the hashed tokens cannot be used. */
export function badTokens(path: string, reason: string): Diagnostic {
  return {
    severity: "error",
    code: "server/bad-tokens",
    message: `the tokens in ${path} cannot be used: ${reason}`,
    help: "delete the file: the next start makes one with a new token",
  };
}

/** An address or a port cannot be listened on. */
export function cannotListen(reason: string): Diagnostic {
  return {
    severity: "error",
    code: "server/cannot-listen",
    message: `the server cannot listen: ${reason}`,
    help: "name an address of this machine and a port that is free: `--host`, `--port`, `--hash-listen`",
  };
}

/** The bucket of the objects cannot be used. */
export function unusableBucket(bucket: string, reason: string): Diagnostic {
  return {
    severity: "error",
    code: "server/unusable-bucket",
    message: `the bucket ${bucket} cannot be used: ${reason}`,
    help: "see that the bucket is there, and endpoint, region and credentials are right (docs/operate.md)",
  };
}

/** The database of hash equivalences cannot be opened. */
export function unusableDatabase(path: string, reason: string): Diagnostic {
  return {
    severity: "error",
    code: "server/unusable-database",
    message: `the hash equivalences in ${path} cannot be used: ${reason}`,
    help: "see that it can be reached and this user may write there; a damaged file can be deleted: what it knew is learned again",
  };
}

/** The folder of the objects, or that of the server's own files, cannot be used. */
export function unusableFolder(folder: string, reason: string): Diagnostic {
  return {
    severity: "error",
    code: "server/unusable-folder",
    message: `${folder} cannot be used: ${reason}`,
    help: "name a folder with `--dir` that this user can write to; one that is read only needs `--read-only` and `--state`",
  };
}
