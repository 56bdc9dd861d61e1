/** Every problem this room can report, one function each, in the order of their codes. */
import type { Diagnostic } from "@tsbake/base";

/** A program that is there and does not do its work: of another system, half installed, or without memory. */
export function brokenProgram(program: string, why: string): Diagnostic {
  return {
    severity: "error",
    code: "archive/broken-program",
    message: `the program \`${program}\` does not work: ${why}`,
    help: `nothing is wrong with the archive: see which \`${program}\` is the first on PATH (\`command -v ${program}\`), and try \`${program} --version\``,
  };
}

/** The bytes are not what the format asks for: wrong magic, bad checksum, bad compression, an impossible number. */
export function damaged(archive: string, what: string): Diagnostic {
  return {
    severity: "error",
    code: "archive/damaged",
    message: `${archive} is damaged: ${what}`,
    help: "delete it and fetch or build it again",
  };
}

/** A device node, FIFO or socket where only files, folders and links are welcome. */
export function deviceEntry(place: string, entry: string): Diagnostic {
  return {
    severity: "error",
    code: "archive/device-entry",
    message: `${place}: ${JSON.stringify(entry)} is a device node, a FIFO or a socket`,
    help: "remove it: only files, folders and links can be kept here",
  };
}

/** A well-formed archive that tries something that no honest one needs. */
export function hostileEntry(archive: string, entry: string, why: string): Diagnostic {
  return {
    severity: "error",
    code: "archive/hostile-entry",
    message: `${archive}: entry ${JSON.stringify(entry)} ${why}`,
    help: "nothing of it was used; get the archive again from a source that you trust",
  };
}

/** A program of the host that packs, unpacks or decompresses is missing. */
export function noProgram(program: string, purpose: string): Diagnostic {
  return {
    severity: "error",
    code: "archive/no-program",
    message: `the program \`${program}\` is needed ${purpose}, and it is not on the PATH`,
    help: `install the package that has it (on Debian: apt install ${packageOf(program)})`,
  };
}

function packageOf(program: string): string {
  return program === "xz" ? "xz-utils" : program;
}

/** The system's tar could not read the tree. */
export function packFailed(tree: string, output: string): Diagnostic {
  return {
    severity: "error",
    code: "archive/pack-failed",
    message: `cannot pack ${tree}: ${output}`,
    help: "see that every file below it is readable and that nothing changes it meanwhile",
  };
}

/** More bytes or entries than the caller is ready to take. */
export function tooBig(archive: string, what: string): Diagnostic {
  return {
    severity: "error",
    code: "archive/too-big",
    message: `${archive} holds more than ${what}`,
    help: "this looks like a decompression bomb; if it is not, unpack it by hand",
  };
}

/** The archive ends in the middle of something. */
export function truncated(archive: string): Diagnostic {
  return {
    severity: "error",
    code: "archive/truncated",
    message: `${archive} ends too early`,
    help: "delete it and fetch or build it again",
  };
}

/** The system's tar could not write the tree. */
export function unpackFailed(archive: string, folder: string, output: string): Diagnostic {
  return {
    severity: "error",
    code: "archive/unpack-failed",
    message: `cannot unpack ${archive} into ${folder}: ${output}`,
    help: "see that the folder is writable and that the disk is not full",
  };
}

/** Compressed in a way, or of an entry kind, that is not read here. */
export function unsupported(archive: string, what: string): Diagnostic {
  return {
    severity: "error",
    code: "archive/unsupported",
    message: `${archive}: ${what} is not supported`,
    help: "repack it with a current `tar --format=posix` (or gnu), without `--sparse`",
  };
}
