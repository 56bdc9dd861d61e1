/** Every problem this room can report, one function each, in the order of their codes. */
import { isPlainName, lastLines, shownName } from "@tsbake/base";
import type { Diagnostic } from "@tsbake/base";
import type { Change } from "./database/change.js";
import { headOfUnmet } from "./deb/unmet.js";

/** A sentence for a report: file capabilities that a fake root cannot keep. */
export function capabilitiesLost(files: readonly string[]): string {
  return `file capabilities are not kept when an ordinary user builds: ${files.join(" ")}; build as root, or set them when the image is made`;
}

/** No error, but said and kept in the summary: what scripts started and did not end. */
export function processesLeft(names: readonly string[]): string {
  return `maintainer scripts left processes running, which were ended: ${names.map((name) => `\`${shownName(name)}\``).join(", ")}`;
}

/** A program of ours was called in a wrong way. */
export function badArgument(reason: string): Diagnostic {
  return {
    severity: "error",
    code: "packaging/bad-argument",
    message: reason,
    help: "see `tsbake-package --help` and `tsbake-package SUBCOMMAND --help`",
  };
}

/** The file that names the packages of a task is not what we wrote. */
export function badClosure(path: string, reason: string): Diagnostic {
  return {
    severity: "error",
    code: "packaging/bad-closure",
    message: `the package list \`${path}\` cannot be used: ${reason}`,
    help: "run the task again through tsbake",
  };
}

/** A database that cannot be read, or not as one. */
export function badDatabase(path: string, reason: string): Diagnostic {
  return {
    severity: "error",
    code: "packaging/bad-database",
    message: `the package database \`${path}\` is damaged: ${reason}`,
    help: "remove the root or snapshot that holds it and build it again",
  };
}

/** A package file that dpkg-deb cannot read, or that lies about itself. */
export function badDeb(path: string, reason: string): Diagnostic {
  return {
    severity: "error",
    code: "packaging/bad-deb",
    message: `\`${path}\` is no usable package: ${lastLines(reason, 3) || "no reason given"}`,
    help: "remove the file and run the build again; if a recipe wrote it, clean that recipe first",
  };
}

/** A folder that is no feed of packages, or has an index that nothing can be taken from. */
export function badFeed(folder: string, reason: string): Diagnostic {
  return {
    severity: "error",
    code: "packaging/bad-feed",
    message: `the feed \`${folder}\` cannot be used: ${lastLines(reason, 1)}`,
    help: "write its index anew (opkg-make-index -a, createrepo_c), or take the feed out of IPK_FEED_URIS or RPM_FEED_URIS",
  };
}

/** A file of IPK_FEED_KEYS or RPM_FEED_KEYS. */
export function badFeedKey(path: string, reason: string): Diagnostic {
  return {
    severity: "error",
    code: "packaging/bad-feed-key",
    message: `\`${path}\` cannot be used as the key of a feed: ${reason}`,
    help: "name public keys in IPK_FEED_KEYS or RPM_FEED_KEYS: what `gpg --export` writes, or for .ipk files a file of usign",
  };
}

/** A file's name is no UTF-8, or has a line break. */
export function badName(path: string): Diagnostic {
  return {
    severity: "error",
    code: "packaging/bad-name",
    message: `a package cannot have the file \`/${shownName(path)}\`: its name ${isPlainName(path) ? "has a line break" : "is no UTF-8"}`,
    help: "rename it in do_install",
  };
}

/** An rpm that is damaged, or says what it must not. */
export function badRpm(path: string, reason: string): Diagnostic {
  return {
    severity: "error",
    code: "packaging/bad-rpm",
    message: `\`${path}\` is no usable rpm package: ${reason}`,
    help: "remove the file and get it again from where it came; if it is one of the pool, the next build makes it again",
  };
}

/** The description of a recipe's packages is not what package.bbclass writes, or names what Debian cannot have. */
export function badSpec(path: string, reason: string): Diagnostic {
  return {
    severity: "error",
    code: "packaging/bad-spec",
    message: `the packages of the recipe cannot be written: ${reason}`,
    help: `correct the recipe's variables; the whole description is in \`${path}\``,
  };
}

/** A new package wants a package of the base to change. */
export function baseChanged(change: Change): Diagnostic {
  const { kind, name, from, to, chain } = change;
  const versions = kind === "removed" ? ` (${from})` : ` from ${from} to ${to}`;
  return {
    severity: "error",
    code: "packaging/base-changed",
    message: `the base's package \`${name}\` would be ${kind}${versions}`,
    help: `${chain.length > 1 ? `asked for by ${chain.join(" → ")}; ` : ""}rebuild the base with that version, take the package out, or allow the change by name (for an extension: SYSEXT_ALLOW_CHANGED = "${name}")`,
  };
}

/** Two solutions that are to go into one root. */
export function closuresDisagree(name: string, versions: readonly string[]): Diagnostic {
  return {
    severity: "error",
    code: "packaging/closures-disagree",
    message: `\`${name}\` is wanted in two versions: ${versions.join(" and ")}`,
    help: "ask for one version in both places, or leave the version out",
  };
}

/** A snapshot that is not what was taken. */
export function damagedSnapshot(what: string, expected: string, found: string): Diagnostic {
  return {
    severity: "error",
    code: "packaging/damaged-snapshot",
    message: `the package database snapshot is not what was taken: ${what} is ${found}, expected ${expected}`,
    help: "`tsbake -c cleansstate BASE` (the recipe of the base image) removes it everywhere, and the next build makes it again; take one that IMAGE_BASE_PKGDB names by path again from where it came",
  };
}

/** Root would make it, for all users of this machine. */
export function deviceNode(name: string, path: string): Diagnostic {
  return {
    severity: "error",
    code: "packaging/device-node",
    message: `the package \`${name}\` brings the device node ${path}, which is not made in a build folder`,
    help: "leave it out with FEED_EXCLUDE, or leave the package out",
  };
}

/** A package that did not arrive, or not as it should be. */
export function downloadFailed(name: string, reason: string): Diagnostic {
  return {
    severity: "error",
    code: "packaging/download-failed",
    message: `could not download \`${name}\`: ${lastLines(reason, 3) || "no reason given"}`,
    help: "check the network and apt's proxy settings, then run the same command again: what arrived is kept",
  };
}

/** Two packages of one tree bring one path, and nothing says whose it is. */
export function feedClash(path: string, first: string, second: string): Diagnostic {
  return {
    severity: "error",
    code: "packaging/feed-clash",
    message: `the packages \`${shownName(first)}\` and \`${shownName(second)}\` both bring \`${shownName(path)}\`, with different content`,
    help: "neither replaces nor diverts the other's: take one of them out of FEED_PACKAGES, or the path by FEED_EXCLUDE",
  };
}

/** Keys are given, and none of them vouches for the index. */
export function feedNotSigned(feed: string, reason: string): Diagnostic {
  return {
    severity: "error",
    code: "packaging/feed-not-signed",
    message: `the index of the feed \`${feed}\` is not signed by a key of IPK_FEED_KEYS or RPM_FEED_KEYS: ${reason}`,
    help: "ask whoever runs the feed for the key it is signed with; an empty list of keys believes every feed",
  };
}

/** The server of a feed that is no apt archive. */
export function feedSilent(feed: string, reason: string): Diagnostic {
  return {
    severity: "error",
    code: "packaging/feed-silent",
    message: `the index of the feed \`${feed}\` could not be fetched: ${reason}`,
    help: "check the address in IPK_FEED_URIS or RPM_FEED_URIS, the network and the proxy; an index that was fetched once needs no server",
  };
}

/** No list of any source arrived. */
export function feedUnreachable(messages: readonly string[]): Diagnostic {
  return {
    severity: "error",
    code: "packaging/feed-unreachable",
    message: `no package list could be fetched from apt's sources`,
    help: `check the network, /etc/apt/sources.list and apt's proxy settings; apt said:\n${messages.slice(0, 6).join("\n") || "nothing"}`,
  };
}

/** A snapshot of another world. */
export function foreignSnapshot(what: string, expected: string, found: string): Diagnostic {
  return {
    severity: "error",
    code: "packaging/foreign-snapshot",
    message: `the package database snapshot is of another ${what}: ${found}, expected ${expected}`,
    help: "name a base that is built for the same backend and architecture",
  };
}

/** dpkg or a maintainer script failed; `cause` is a clause, `said` what was printed. */
export function installFailed(cause: string, said: string, program = "dpkg"): Diagnostic {
  return {
    severity: "error",
    code: "packaging/install-failed",
    message: `packages could not be installed: ${cause}`,
    help: `${program} said:\n${lastLines(said, 20) || "nothing"}`,
  };
}

/** Not a Debian-like host. */
export function noApt(program: string): Diagnostic {
  return {
    severity: "error",
    code: "packaging/no-apt",
    message: `\`${program}\` is not on this machine`,
    help: "packages come from a Debian archive through apt and dpkg: build on Debian or in a container of it",
  };
}

/** A word of PACKAGE_CLASSES that no format has. @param known words that there are */
export function noBackend(name: string, known: readonly string[]): Diagnostic {
  return {
    severity: "error",
    code: "packaging/no-backend",
    message: `there is no package format \`${shownName(name)}\``,
    help: `set PACKAGE_CLASSES to ${known.map((one) => `package_${one}`).join(" or ")} (or IMAGE_PKGTYPE to ${known.join(" or ")})`,
  };
}

/** FEED_SOURCES wants the host's archive, and the host has none. */
export function noHostArchive(codename: string): Diagnostic {
  return {
    severity: "error",
    code: "packaging/no-host-archive",
    message: `the host's apt has no source for its own release \`${codename}\`, and FEED_SOURCES wants its archive (\`host:\`)`,
    help: "name the address of an archive in FEED_SOURCES instead",
  };
}

/** A program needs a library, and no package says that it has it. */
export function noProvider(path: string, soname: string, recipe: string): Diagnostic {
  return {
    severity: "error",
    code: "packaging/no-library-provider",
    message: `\`${path}\` of ${recipe} needs \`${soname}\`, which no package in its sysroot provides`,
    help: "add the recipe that builds the library to DEPENDS, or take the library's package from the feed with a recipe that inherits feed",
  };
}

/** rpm is a recipe of ours, and a task has to depend on it. */
export function noRpm(): Diagnostic {
  return {
    severity: "error",
    code: "packaging/no-rpm",
    message: "there is no `rpm` on the PATH of this task",
    help: 'add "rpm-native" to DEPENDS of the image: image.bbclass does with PACKAGE_CLASSES = "package_rpm"',
  };
}

/** A name that no list has. */
export function notInFeed(name: string, near: readonly string[], askedBy?: string): Diagnostic {
  const hint = near.length > 0 ? `did you mean ${near.map((one) => `\`${one}\``).join(", ")}? ` : "";
  return {
    severity: "error",
    code: "packaging/not-in-feed",
    message: `no package \`${name}\` in the feed${askedBy ? `, which ${askedBy} asks for` : ""}`,
    help: `${hint}see what there is with \`apt-cache search\`; \`tsbake feed update\` fetches newer lists`,
  };
}

/** One name, version and architecture, and two contents. @param digests SHA-256 of both */
export function otherContent(name: string, version: string, digests: readonly string[]): Diagnostic {
  return {
    severity: "error",
    code: "packaging/other-content",
    message: `\`${name}\` ${version} has two contents: SHA-256 ${digests.join(" and ")}`,
    help: "a version names one content: where it was changed on purpose, run `tsbake feed update` and build again; else take one of the two sources out of FEED_SOURCES, or give the recipe's package another version",
  };
}

/** The archive replaced a version by a newer one. */
export function superseded(name: string, version: string): Diagnostic {
  return {
    severity: "error",
    code: "packaging/superseded",
    message: `the archive does not have \`${name}\` ${version} any more`,
    help: "run `tsbake feed update`: the build then uses the version that replaced it",
  };
}

/** Two declared dependencies stage different things under one name. */
export function sysrootClash(path: string, first: string, second: string): Diagnostic {
  return {
    severity: "error",
    code: "packaging/sysroot-clash",
    message: `\`${first}\` and \`${second}\` both stage \`/${path}\`, with different content`,
    help: "let one of the two recipes leave it out of SYSROOT_DIRS, or depend on one of them only",
  };
}

/** The folder of a staged dependency is not there. */
export function sysrootMissing(recipe: string, folder: string): Diagnostic {
  return {
    severity: "error",
    code: "packaging/sysroot-missing",
    message: `what \`${recipe}\` has staged is gone: there is no \`${folder}\`, though its stamp says that there is`,
    help: `type \`tsbake -c clean ${recipe}\`, then build again`,
  };
}

/** Files that were installed and would be lost. */
export function unshipped(recipe: string, paths: readonly string[]): Diagnostic {
  const more = paths.length > 20 ? `\n… and ${paths.length - 20} more` : "";
  return {
    severity: "error",
    code: "packaging/unshipped-files",
    message: `${recipe} installs ${paths.length === 1 ? "a file" : `${paths.length} files`} that no package ships`,
    help: `add them to FILES of a package, remove them in do_install, or set INSANE_SKIP = "installed-vs-shipped":\n${paths.slice(0, 20).join("\n")}${more}`,
  };
}

/**
 * Packages that do not go together.
 * @param unmet the lines of `unmetRelations`
 * @param messages what else was said
 * @param teller who said it
 */
export function unsolvable(
  unmet: readonly string[],
  messages: readonly string[],
  askedBy?: string,
  teller = "apt",
): Diagnostic {
  const head = headOfUnmet(unmet);
  // apt ends with a sentence about held packages, of which there are none here.
  const others = messages.filter((line) => unmet.length === 0 || !line.includes("held broken packages"));
  const lines = [...unmet.slice(0, 20), ...others.slice(0, 5)];
  return {
    severity: "error",
    code: "packaging/unsolvable",
    message: `the packages${askedBy ? ` of ${askedBy}` : ""} cannot be installed together${head ? `: ${head}` : ""}`,
    help: `change what asks for it (RDEPENDS of a recipe, or the list of packages), or give the build what is missing; \`tsbake feed update\` fetches lists again that are old or damaged; ${teller} said:\n${lines.join("\n") || "nothing"}`,
  };
}
