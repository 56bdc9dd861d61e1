/** Every problem this room can report, one function each, in the order of their codes. */
import type { Diagnostic } from "@tsbake/base";

/** The command line of `tsbake-fetch` makes no sense. */
export function badArgument(what: string): Diagnostic {
  return { severity: "error", code: "fetch/bad-argument", message: what, help: "see `tsbake-fetch --help`" };
}

/** PREMIRRORS or MIRRORS does not consist of `pattern replacement` pairs. */
export function badMirrors(variable: string, fault: string): Diagnostic {
  return {
    severity: "error",
    code: "fetch/bad-mirrors",
    message: `${variable}: ${fault}`,
    help: "write pairs such as `https?://.*/.* https://host/folder/`",
  };
}

/** What do_patch kept of the sources before it changed them cannot be read. */
export function badPatchRecord(path: string, reason: string): Diagnostic {
  return {
    severity: "error",
    code: "fetch/bad-patch-record",
    message: `the record of applied patches \`${path}\` is damaged: ${reason}`,
    help: "unpack the sources anew: tsbake -f -c unpack RECIPE",
  };
}

/** A variable of the configuration with a value that it cannot have. */
export function badSetting(name: string, value: string, wanted: string): Diagnostic {
  return {
    severity: "error",
    code: "fetch/bad-setting",
    message: `${name} is \`${value}\`; it may be ${wanted}`,
    help: "see the table of fetching in docs/differences.md",
  };
}

/** An entry of SRC_URI that cannot be understood, or with a parameter that cannot be. */
export function badUri(uri: string, why: string): Diagnostic {
  return {
    severity: "error",
    code: "fetch/bad-uri",
    message: `SRC_URI entry \`${uri}\`: ${why}`,
    help: "the form is type://host/path;name=value;…",
  };
}

/** The bytes are others than the recipe asks for. */
export function checksumMismatch(
  uri: string,
  wrong: {
    readonly flag: string;
    readonly algorithm: string;
    readonly expected: string;
    readonly actual: string;
  },
): Diagnostic {
  const shown = wrong.algorithm.toUpperCase().replace("SHA", "SHA-");
  return {
    severity: "error",
    code: "fetch/checksum-mismatch",
    message: `${uri} has the ${shown} ${wrong.actual}, and ${wrong.expected} was expected`,
    help: `find out why it changed; if the new content is right, write in the recipe: SRC_URI[${wrong.flag}] = "${wrong.actual}"`,
  };
}

/** No place had the file. */
export function downloadFailed(uri: string, reasons: readonly string[]): Diagnostic {
  return {
    severity: "error",
    code: "fetch/download-failed",
    message: `${uri} cannot be fetched:\n${reasons.map((reason) => `    ${reason}`).join("\n")}`,
    help: "see that the place is right and can be reached, or name a mirror in PREMIRRORS or MIRRORS",
  };
}

/** A clone that another user made: git would do what its configuration says. */
export function foreignClone(path: string, owner: number): Diagnostic {
  return {
    severity: "error",
    code: "fetch/foreign-clone",
    message: `${path} belongs to the user with the number ${owner}, and git would do what its configuration says`,
    help: "give each user a DL_DIR or a GITDIR; a mirror tarball (BB_GENERATE_MIRROR_TARBALLS) can be shared",
  };
}

/** git said no. */
export function gitFailed(uri: string, action: string, output: string): Diagnostic {
  return {
    severity: "error",
    code: "fetch/git-failed",
    message: `${uri}: git cannot ${action}: ${output}`,
    help: "see that the repository is right and can be reached with the git of this user",
  };
}

/** A download without a checksum: nothing says that it is what the recipe's author had. */
export function missingChecksum(uri: string, flag: string, actual: string | undefined): Diagnostic {
  return {
    severity: "error",
    code: "fetch/missing-checksum",
    message: `the recipe has no checksum for ${uri}`,
    help:
      actual === undefined
        ? `write SRC_URI[${flag}] = "…" in the recipe`
        : `if what has come is right, write in the recipe: SRC_URI[${flag}] = "${actual}"`,
  };
}

/** A `file://` entry that is in none of the folders of FILESPATH. */
export function missingFile(uri: string, searched: readonly string[]): Diagnostic {
  return {
    severity: "error",
    code: "fetch/missing-file",
    message: `${uri} is in none of these places:\n${searched.map((place) => `    ${place}`).join("\n")}`,
    help: "put the file into one of them, or add its folder with FILESEXTRAPATHS:prepend",
  };
}

/** git sources are pinned to a commit. */
export function missingRevision(uri: string, name: string, found: string | undefined): Diagnostic {
  const variable = name === "default" ? "SRCREV" : `SRCREV_${name}`;
  return {
    severity: "error",
    code: "fetch/missing-revision",
    message:
      found === undefined
        ? `${uri} has no revision`
        : `${uri}: the revision \`${found}\` is no full commit id`,
    help: `set ${variable} to a commit of 40 hexadecimal digits`,
  };
}

/** BB_NO_NETWORK forbids what would be needed. */
export function noNetwork(uri: string, place: string): Diagnostic {
  return {
    severity: "error",
    code: "fetch/no-network",
    message: `${uri} is not in ${place}, and BB_NO_NETWORK forbids to fetch it`,
    help: "fetch it once with the network allowed, or name a file:// mirror in PREMIRRORS",
  };
}

/** The host has no program that applies patches. */
export function noPatchProgram(): Diagnostic {
  return {
    severity: "error",
    code: "fetch/no-patch-program",
    message: "there are patches in SRC_URI, and no program `patch` on PATH",
    help: "install the package `patch` on this machine, or take a recipe that brings it into DEPENDS",
  };
}

/** The commit exists, and not where the recipe says. */
export function notOnBranch(uri: string, revision: string, branch: string): Diagnostic {
  return {
    severity: "error",
    code: "fetch/not-on-branch",
    message: `${uri}: the commit ${revision} is not on the branch \`${branch}\``,
    help: "correct SRCREV or the `branch` parameter; `nobranch=1` switches this check off",
  };
}

/** An archive of a kind that is not unpacked here, or whose program is missing. */
export function notUnpackable(file: string, why: string): Diagnostic {
  return {
    severity: "error",
    code: "fetch/not-unpackable",
    message: `${file} cannot be unpacked: ${why}`,
    help: "`;unpack=0` leaves it as it is, for a task of the recipe to unpack",
  };
}

/** A patch does not apply. The sources are as the patches before it left them. */
export function patchFailed(name: string, why: string): Diagnostic {
  return {
    severity: "error",
    code: "fetch/patch-failed",
    message: `the patch ${name} cannot be applied: ${why}`,
    help: "see its place in SRC_URI and its parameters `striplevel` and `patchdir`, or make it anew for these sources",
  };
}

/** PATCHTOOL asks for a way to patch that there is not. */
export function unsupportedPatchTool(tool: string): Diagnostic {
  return {
    severity: "error",
    code: "fetch/unsupported-patch-tool",
    message: `PATCHTOOL is \`${tool}\`, and patches are applied with \`patch\` here`,
    help: "set PATCHTOOL to `patch` or `quilt`; both do the same here",
  };
}

/** A variable of BitBake's that is not honoured here, with a value that asks for something. */
export function unsupportedSetting(name: string, value: string, why: string): Diagnostic {
  return {
    severity: "error",
    code: "fetch/unsupported-setting",
    message: `${name} = "${value}" is not supported: ${why}`,
    help: "leave the variable unset",
  };
}

/** A kind of source that there is no fetcher for. */
export function unsupportedType(uri: string, type: string, isBitBakes: boolean): Diagnostic {
  return {
    severity: "error",
    code: "fetch/unsupported-type",
    message: `${uri}: there is no fetcher for \`${type}://\`${isBitBakes ? ", which BitBake has" : ""}`,
    help: "use file://, http://, https:// or git://; another program may bring an archive to DL_DIR or a mirror",
  };
}

/** BB_ALLOWED_NETWORKS does not name the host. */
export function untrustedHost(uri: string, allowed: readonly string[]): Diagnostic {
  return {
    severity: "error",
    code: "fetch/untrusted-host",
    message: `${uri} is not on a host of BB_ALLOWED_NETWORKS (${allowed.join(" ")}), and no mirror has it`,
    help: "name the host in BB_ALLOWED_NETWORKS, or a mirror in PREMIRRORS",
  };
}

/** DL_DIR cannot be written to. */
export function unusableFolder(folder: string, why: string): Diagnostic {
  return {
    severity: "error",
    code: "fetch/unusable-folder",
    message: `cannot download into ${folder}: ${why}`,
    help: "set DL_DIR to a folder that this user can write to and that has room",
  };
}

/** The tag of the entry is another commit than SRCREV. */
export function wrongTag(uri: string, tag: string, found: string | undefined, revision: string): Diagnostic {
  return {
    severity: "error",
    code: "fetch/wrong-tag",
    message:
      found === undefined
        ? `${uri}: the repository has no tag \`${tag}\``
        : `${uri}: the tag \`${tag}\` is the commit ${found}, and SRCREV is ${revision}`,
    help: "correct SRCREV or the `tag` parameter",
  };
}
