/** Every problem this room can report, one function each, in the order of their codes. */
import type { FileEntry } from "@tsbake/archive";
import type { Finding } from "./check/finding.js";
import type { ExtensionKind } from "./layer/extension-kind.js";
import type { Left } from "./removal/left.js";
import type { Change } from "@tsbake/packaging";
import { isPlainName, shownName, type Diagnostic } from "@tsbake/base";

function error(code: string, message: string, help: string): Diagnostic {
  return { severity: "error", code, message: readable(message), help: readable(help) };
}

/** Bytes of names that are no UTF-8 are shown as what they are. */
function readable(text: string): string {
  return isPlainName(text) ? text : text.replace(/[\udc80-\udcff]/gu, shownName);
}

/** More tell nothing new. */
const MOST_LINES = 10;

/** Lines of a message, at most ten. */
function firstOf(lines: readonly string[]): string {
  const shown =
    lines.length > MOST_LINES
      ? [...lines.slice(0, MOST_LINES - 1), `and ${lines.length - MOST_LINES + 1} more`]
      : lines;
  return shown.join("\n");
}

function whose(entry: FileEntry): string {
  return entry.package === undefined ? "the build" : `package ${entry.package}`;
}

/** A word of SYSEXT_CHECK_ALLOW or IMAGE_REMOVE_ALLOW that names nothing that could be found. */
export function badAllowance(variable: string, word: string, codes: readonly string[]): Diagnostic {
  return error(
    "image/bad-allowance",
    `\`${word}\` of ${variable} allows nothing`,
    `it takes CODE:PATTERN, where CODE is one of ${codes.join(", ")}`,
  );
}

/** An argument of `tsbake-image` that cannot be used. */
export function badArgument(message: string): Diagnostic {
  return error(
    "image/bad-argument",
    message,
    "run `tsbake-image --help` or `tsbake-image SUBCOMMAND --help`",
  );
}

/** SYSEXT_NAME that is no image name. */
export function badExtensionName(name: string): Diagnostic {
  return error(
    "image/bad-extension-name",
    `\`${name}\` cannot name an extension`,
    "set SYSEXT_NAME to letters, digits, `.`, `_`, `-` or `+`, without `.raw`: it becomes the file name and the suffix of extension-release",
  );
}

/** A file manifest that we did not write. */
export function badFileManifest(name: string, line: number): Diagnostic {
  return error(
    "image/bad-file-manifest",
    `line ${line} of ${name} is no entry of a file manifest`,
    "the file was changed or cut; run the task that wrote it again with -f",
  );
}

/** An index of published images that we did not write. */
export function badIndex(path: string, why: string): Diagnostic {
  return error(
    "image/bad-index",
    `${path} is no index of published images: ${why}`,
    "the file was changed or cut, or a newer tsbake wrote it: put back a copy of the folder, or publish into an empty one",
  );
}

/** A layer manifest that we did not write. */
export function badLayerFacts(name: string, why: string): Diagnostic {
  return error(
    "image/bad-layer-facts",
    `${name} does not describe installed packages: ${why}`,
    "the file was changed or cut; run do_rootfs again with -f",
  );
}

/** A value of IMAGE_ROOTFS_MAXSIZE that is no size. */
export function badMaxSize(text: string): Diagnostic {
  return error(
    "image/bad-max-size",
    `IMAGE_ROOTFS_MAXSIZE cannot be \`${text}\``,
    "it is a whole number of KiB, or one with K, M, G or T behind it: 512M",
  );
}

/** A line of os-release that is no assignment. */
export function badOsRelease(name: string, line: number, text: string): Diagnostic {
  return error(
    "image/bad-os-release",
    `line ${line} of ${name} is no assignment: \`${text}\``,
    "os-release holds NAME=value lines, values quoted as in a shell",
  );
}

/** A name or version that others could not take apart again. */
export function badPublishedName(what: string, text: string): Diagnostic {
  return error(
    "image/bad-published-name",
    `\`${text}\` cannot be the ${what} of a published image`,
    "names and versions begin with a letter or digit and have no `_`, which stands between them in NAME_VERSION_ARCH: set SYSEXT_NAME or SYSEXT_VERSION_ID",
  );
}

/** A signature that was made elsewhere and does not belong to the image. */
export function badRootSignature(path: string, why: string): Diagnostic {
  return error(
    "image/bad-root-signature",
    `the signature ${path} cannot go into the image: ${why}`,
    "sign NAME.roothash of this very build again, with the key of IMAGE_VERITY_CERTIFICATE, and name the result in IMAGE_VERITY_SIGNATURE",
  );
}

/** A word of SYSEXT_RULES that is no rule. */
export function badRule(word: string, actions: readonly string[]): Diagnostic {
  return error(
    "image/bad-rule",
    `\`${word}\` is no rule`,
    `a rule is an absolute path pattern, =, and one of ${actions.join(", ")}, e.g. /etc/gdb/**=drop`,
  );
}

/** A word of SYSEXT_SCOPE that systemd does not know. */
export function badScope(word: string): Diagnostic {
  return error(
    "image/bad-scope",
    `\`${word}\` is no scope of an extension`,
    "SYSEXT_SCOPE holds system, initrd and portable",
  );
}

/** A snapshot that is not one, is cut, or was changed. */
export function badSnapshot(where: string, why: string): Diagnostic {
  return error(
    "image/bad-snapshot",
    `the package database snapshot ${where} cannot be used: ${why}`,
    "`tsbake -c cleansstate BASE` (the recipe of the base image) removes it everywhere, and the next build makes it again; if IMAGE_BASE_PKGDB names another one, correct that",
  );
}

/** Paths of the base that are not there after the scripts of an extension have run. */
export function baseFileRemoved(paths: readonly string[]): Diagnostic {
  const more = paths.length > 5 ? ` and ${paths.length - 5} more` : "";
  return error(
    "image/base-file-removed",
    `a maintainer script removed ${paths.slice(0, 5).join(", ")}${more} of the base, and an extension can take nothing away`,
    "leave the package out, put it into the base, or set SYSEXT_SCRIPTS to `skip`",
  );
}

/** The base's os-release says something else after post-processing than when the snapshot was taken. */
export function baseIdentityChanged(field: string, before: string, after: string): Diagnostic {
  return error(
    "image/base-identity-changed",
    `${field} in os-release was \`${before}\` in the package database snapshot and is \`${after}\` in the image`,
    'extensions are stamped from the snapshot and would be refused; let a package set os-release, or set IMAGE_GEN_PKGDBFS = "0"',
  );
}

/** A name of IMAGE_REMOVE that cannot go from the base. */
export function cannotRemove(
  name: string,
  why: "wanted" | "essential" | { readonly base: string; readonly near: readonly string[] },
): Diagnostic {
  const of = (reason: string, help: string): Diagnostic =>
    error("image/cannot-remove", `IMAGE_REMOVE has \`${name}\`, ${reason}`, help);
  if (why === "wanted")
    return of("and IMAGE_INSTALL or IMAGE_PREINSTALL has it, too", "take it out of one of them");
  if (why === "essential")
    return of(
      "which is essential: other packages use it without saying so",
      "leave it in the image, or build a base without it",
    );
  const hint = why.near.length > 0 ? `did you mean ${why.near.map((one) => `\`${one}\``).join(", ")}? ` : "";
  return of(
    `and ${why.base} has no such package`,
    `${hint}the file \`.manifest\` beside ${why.base} has all names`,
  );
}

/** gpg, or the key, is not there. */
export function cannotSign(key: string, why: string): Diagnostic {
  return error(
    "image/cannot-sign",
    `SHA256SUMS cannot be signed with the key ${key}: ${why}`,
    "`gpg --list-secret-keys` lists the keys that PUBLISH_GPG_KEY can name; GPG_BIN and GPG_PATH say which gpg and which keyring",
  );
}

/** A path that is for a confext image, of which none comes with the extension. */
export function confextNotMade(entry: FileEntry, rule: string): Diagnostic {
  return error(
    "image/confext-not-made",
    `${entry.path} of ${whose(entry)} is for a confext image by rule \`${rule}\`, and none comes with this extension`,
    'set SYSEXT_ETC = "confext" in the recipe, or another action in SYSEXT_RULES: factory, drop',
  );
}

/** A deployed image that is not the one of its manifest. */
export function deployedChanged(path: string): Diagnostic {
  return error(
    "image/deployed-changed",
    `${path} is not the file that was built`,
    "something wrote into the deploy folder: build the image again (`tsbake verify` lists what is not as it was installed)",
  );
}

/** Two packages, two files, one path. */
export function fileClash(entry: FileEntry, inBase: FileEntry): Diagnostic {
  return error(
    "image/file-clash",
    `${entry.path} of ${whose(entry)} differs from the file of ${whose(inBase)} in the base`,
    "leave one package out, add `" +
      entry.path +
      "=drop` to SYSEXT_RULES, or name the path in SYSEXT_MAY_SHADOW",
  );
}

/** A package has something else where the build needs a folder of the extension. */
export function folderTaken(entry: FileEntry): Diagnostic {
  return error(
    "image/folder-taken",
    `${entry.path} of ${whose(entry)} is a ${entry.kind}, and the build has to put files of its own into a folder there`,
    `leave the package out, or add \`${entry.path}=drop\` to SYSEXT_RULES`,
  );
}

/** A folder with sums that are not ours. */
export function foreignFolder(folder: string): Diagnostic {
  return error(
    "image/foreign-folder",
    `${folder} has a SHA256SUMS and no index.json: it is not a folder that tsbake publishes into`,
    "choose an empty folder, or move SHA256SUMS away if nobody needs it",
  );
}

/** A file system tool that failed. */
export function formatFailed(tool: string, code: number | null, output: string): Diagnostic {
  return error(
    "image/format-failed",
    `${tool} ended with ${code === null ? "a signal" : `exit code ${code}`}: ${firstLine(output)}`,
    "the log of the task has the whole output",
  );
}

/** `keep` where nothing is merged. */
export function keepOutsideUsr(
  entry: FileEntry,
  rule: string,
  { word, hierarchies }: ExtensionKind,
): Diagnostic {
  return error(
    "image/keep-outside-usr",
    `rule ${rule} keeps ${entry.path}, but only ${hierarchies} of a ${word} image is merged`,
    word === "sysext"
      ? "use factory, folders or drop for it in SYSEXT_RULES"
      : "use drop for it in SYSEXT_RULES, or put it into a sysext image (`inherit image-sysext`)",
  );
}

/** A folder where the base has something else, or the other way round. */
export function kindClash(entry: FileEntry, inBase: FileEntry): Diagnostic {
  return error(
    "image/kind-clash",
    `${entry.path} is a ${entry.kind} of ${whose(entry)} and a ${inBase.kind} of ${whose(inBase)} in the base`,
    "a merge would hide the base's; leave one package out or add `" + entry.path + "**=drop` to SYSEXT_RULES",
  );
}

/** Two paths of the extension that are one in the merged view. */
export function layerClash(entry: FileEntry, before: FileEntry): Diagnostic {
  return error(
    "image/layer-clash",
    `${entry.path} comes twice, from ${whose(entry)} and from ${whose(before)}, with different content`,
    "the base's symlinks make the two paths one; leave one package out or drop one by SYSEXT_RULES",
  );
}

/** What IMAGE_REMOVE_STRICT does not let pass. */
export function leftByRemoval(left: readonly Left[]): Diagnostic {
  const lines = left.map(
    ({ kind, reported: { path, because, package: owner } }) =>
      `${kind}: ${path}${owner === undefined ? "" : ` of ${owner}`}: ${because}`,
  );
  const count = `${left.length} ${left.length === 1 ? "thing" : "things"}`;
  return error(
    "image/left-by-removal",
    `removed packages left ${count} behind, and IMAGE_REMOVE_STRICT is 1\n${firstOf(lines)}`,
    'a package of a recipe cleans up in its postrm; what is meant to stay, or goes in ROOTFS_POSTPROCESS_COMMAND, is named in IMAGE_REMOVE_ALLOW = "KIND:PATTERN"',
  );
}

/** A folder of the path is a symlink in the base that leads nowhere. */
export function linkLeavesTree(entry: FileEntry): Diagnostic {
  return error(
    "image/link-leaves-tree",
    `${entry.path} of ${whose(entry)} lies below a symlink of the base that loops or leads out of it`,
    "correct the symlink in the base",
  );
}

/** extension-release cannot be written. */
export function noBaseField(field: string): Diagnostic {
  return error(
    "image/no-base-field",
    `the base's os-release has no ${field}, so no extension can be tied to it`,
    field === "VERSION_ID"
      ? 'give the base a VERSION_ID, or tie the extension to its packages: SYSEXT_LEVEL_POLICY = "pkgdb"'
      : "the base needs a package that ships /usr/lib/os-release, e.g. base-files",
  );
}

/** Where a base is a snapshot that somebody handed over, there is no tree of it. */
export function noBaseTree(): Diagnostic {
  return error(
    "image/no-base-tree",
    "maintainer scripts are to run, and of the base there is only its database, no tree to run them on",
    "name a recipe of a base as IMAGE_BASE_PKGDB, or set SYSEXT_SCRIPTS to `skip` or `refuse`",
  );
}

/** What a person named as an image, and is none. */
export function noImage(path: string, why: string): Diagnostic {
  return error(
    "image/no-image",
    `${path} cannot be checked: ${why}`,
    "name a recipe, or a path: a folder, a tar, a squashfs or erofs (NAME.raw), a disk image with one of these; for a base also a snapshot of its package database",
  );
}

/** A program that opens an image, and is not there. */
export function noReader(path: string, tool: string, debianPackage: string): Diagnostic {
  return error(
    "image/no-reader",
    `${path} can only be opened with ${tool}, which is not on this machine`,
    `install ${tool} (Debian: ${debianPackage}), or give the image as a folder or a tar`,
  );
}

/** A path that the rule table says nothing about. */
export function noRule(entry: FileEntry): Diagnostic {
  return error(
    "image/no-rule",
    `no rule says what becomes of ${entry.path} of ${whose(entry)}`,
    "add a rule for it to SYSEXT_RULES, e.g. `" + entry.path + "=drop`",
  );
}

/** A tool that a -native recipe should have brought. */
export function noTool(tool: string, recipe: string): Diagnostic {
  return error("image/no-tool", `${tool} is not on PATH`, `add ${recipe} to DEPENDS of the image`);
}

/** An image in forms that nobody can download as one file. */
export function nothingToPublish(image: string, isExtension: boolean): Diagnostic {
  return error(
    "image/nothing-to-publish",
    `${image} has no file that can be published`,
    isExtension
      ? "systemd-sysext takes one file: add squashfs or erofs to IMAGE_FSTYPES"
      : "IMAGE_FSTYPES has to have a type that is a file, such as squashfs",
  );
}

/** A private key that came into being when the image was built. @param maker a clause: who probably made it */
export function privateKey(path: string, maker: string | undefined): Diagnostic {
  return error(
    "image/private-key",
    `${path} is a private key that no package ships${maker === undefined ? "" : `; probably made by ${maker}`}`,
    `every device and every copy of the image would have the same: let the device make it at its first boot, remove it in ROOTFS_POSTPROCESS_COMMAND if it is made there, or allow it: IMAGE_ALLOW_PRIVATE_KEYS = "${path}"`,
  );
}

/** A version that is there with another content. */
export function publishedDiffers(image: string, file: string | undefined): Diagnostic {
  return error(
    "image/published-differs",
    `${image} is published already, with other bytes${file === undefined ? "" : `: ${file}`}`,
    "devices look at the version only: raise SYSEXT_VERSION_ID (PV) and build again",
  );
}

/** A rule that stops the build. */
export function refusedByRule(entry: FileEntry, rule: string): Diagnostic {
  return error(
    "image/refused-by-rule",
    `rule ${rule} refuses ${entry.path} of ${whose(entry)}`,
    "leave the package out, or put another rule for the path before that one",
  );
}

/** @param running `PACKAGE: WHAT` */
export function scriptsRefused(running: readonly string[]): Diagnostic {
  return error(
    "image/scripts-refused",
    `something would have to run on the device: ${running.join("; ")}`,
    "leave these packages out, or set SYSEXT_SCRIPTS to `merged` (they run when the extension is built) or `skip`",
  );
}

/** Device nodes and pipes; a 0:0 character device is overlayfs' whiteout. */
export function specialFile(entry: FileEntry): Diagnostic {
  const what =
    entry.device === "0:0" ? "a whiteout, which would hide the base's path" : `a ${entry.kind} node`;
  return error(
    "image/special-file",
    `${entry.path} of ${whose(entry)} is ${what}`,
    "an extension holds files, folders and symlinks; leave the package out",
  );
}

/** What is to go is needed by what is to stay. @param chains of names, each from what stays to what is to go */
export function stillNeeded(chains: readonly (readonly string[])[]): Diagnostic {
  const lines = chains.map((chain) => chain.map((name) => `\`${name}\``).join(" needs "));
  return error(
    "image/still-needed",
    `a package of IMAGE_REMOVE is needed by ${chains.length === 1 ? "one" : chains.length} that would go with it\n${firstOf(lines)}`,
    "add to IMAGE_REMOVE what is to go with it, add to IMAGE_INSTALL what takes its place, or leave it",
  );
}

/** What would become of a package of the base that nobody has named. */
export function templateChanged({ kind, name, from, to, chain }: Change, base: string): Diagnostic {
  const what = kind === "removed" ? `removed (${from})` : `${kind} from ${from} to ${to}`;
  const asked = chain.length > 1 ? `asked for by ${chain.join(" → ")}; ` : "";
  const variable = kind === "removed" ? "IMAGE_REMOVE" : "IMAGE_ALLOW_CHANGED";
  return error(
    "image/template-changed",
    `the package \`${name}\` of ${base} would be ${what}`,
    `${asked}if that is meant, ${variable} += "${name}"; else leave out what asks for it, or build the base with that version`,
  );
}

/** IMAGE_TEMPLATE_BASE that names an extension. */
export function templateOfExtension(name: string): Diagnostic {
  return error(
    "image/template-of-extension",
    `IMAGE_TEMPLATE_BASE is \`${name}\`, and that is an extension`,
    "name the base on which it is built, and its packages in IMAGE_INSTALL",
  );
}

/** @param said its last lines */
export function testFailed(name: string, code: number | string, said: string): Diagnostic {
  return error(
    "image/test-failed",
    `SYSEXT_TEST of ${name} ended with ${code}${said === "" ? "" : `: ${said}`}`,
    "`tsbake -c try RECIPE` opens a shell where it ran: the extension merged on its base, without network",
  );
}

/** A name that no line of tmpfiles.d can hold. */
export function tmpfilesName(entry: FileEntry): Diagnostic {
  return error(
    "image/tmpfiles-name",
    `${JSON.stringify(entry.path)} of ${whose(entry)} cannot be made on the device: no line of tmpfiles.d can name it`,
    "it has a character that ends a line; give the path another name, or drop it by a rule of SYSEXT_RULES",
  );
}

/** An image that has more content than it may. */
export function tooBig(
  sizes: { readonly size: string; readonly most: string },
  biggest: readonly string[],
  facts: string,
): Diagnostic {
  return error(
    "image/too-big",
    `the image has ${sizes.size} of files, and IMAGE_ROOTFS_MAXSIZE allows ${sizes.most}\n${biggest.join("\n")}`,
    `leave out what is not needed (\`tsbake why PACKAGE --in ${facts}\` says what a package is there for), or raise IMAGE_ROOTFS_MAXSIZE`,
  );
}

/** An architecture that systemd has no name for. */
export function unknownArchitecture(debian: string): Diagnostic {
  return error(
    "image/unknown-architecture",
    `systemd has no name for the architecture \`${debian}\``,
    "set DPKG_ARCH to Debian's name of a supported architecture, e.g. amd64 or arm64",
  );
}

/** An image type that nothing makes. */
export function unknownType(type: string, known: readonly string[]): Diagnostic {
  return error("image/unknown-type", `\`${type}\` is no type of image`, `known are ${known.join(", ")}`);
}

/** A finding of the check that is an error. */
export function willNotWork(finding: Finding): Diagnostic {
  const { code, path, package: owner, message, help } = finding;
  const subject = owner === undefined ? path : `${path} of package ${owner}`;
  return error(
    "image/will-not-work",
    `${code}: ${subject}: ${message}`,
    `${help}; or allow it: SYSEXT_CHECK_ALLOW = "${code}:${path}"`,
  );
}

/** Tools name the cause first and what became of it after. */
function firstLine(text: string): string {
  return text.trim().split("\n")[0] ?? "";
}

/** What booting a base takes, and this machine or user has not. */
export function cannotBoot(missing: "root" | "systemd-nspawn"): Diagnostic {
  return missing === "root"
    ? error(
        "image/cannot-boot",
        "booting a base takes root, and this is an ordinary user",
        "run it as root, or leave out --boot: the tree is there all the same, and nothing is started",
      )
    : error(
        "image/cannot-boot",
        "a base is booted by systemd-nspawn, which is not on this machine",
        "install the package systemd-container, or leave out --boot: the tree is there all the same, and nothing is started",
      );
}

/** A base that ended before it was up, or never was. @param said the last lines of its console */
export function notBooted(said: string): Diagnostic {
  return error(
    "image/not-booted",
    `the base did not boot${said === "" ? "" : `: ${said}`}`,
    "it needs systemd and an init (Debian: systemd-sysv) and has to reach its default target in three minutes; without --boot the tree is there and nothing is started",
  );
}

/** An extension that hides paths of its bases, and is merged below one of these. @param above their names */
export function mergedBelow(name: string, above: readonly string[], paths: readonly string[]): Diagnostic {
  const more = paths.length > 3 ? ` and ${paths.length - 3} more` : "";
  return error(
    "image/merged-below",
    `${name} hides ${paths.slice(0, 3).join(", ")}${more} of what it is built on, and systemd-sysext merges it below ${above.join(", ")}`,
    `the extension whose name comes last is on top: set SYSEXT_NAME to one that comes after ${above.at(-1)}, such as ${above.at(-1)}-${name}`,
  );
}
