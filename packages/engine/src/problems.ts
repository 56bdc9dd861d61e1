/** Every problem that the engine itself reports, one function each, in the order of their codes. */
import { nearest, spanInFile } from "@tsbake/base";
import type { Diagnostic, Span } from "@tsbake/base";
import type { PythonError } from "@tsbake/datastore";
import type { RecipeInfo } from "@tsbake/recipe";

/** A target that ASSUME_PROVIDED names. */
export function assumedTarget(name: string): Diagnostic {
  return {
    severity: "warning",
    code: "engine/assumed-target",
    message: `\`${name}\` is a target and in ASSUME_PROVIDED: nothing is built for it`,
    help: "take it out of ASSUME_PROVIDED (or -I) to have it built",
  };
}

/** A bundle of which a part is missing, damaged, unknown or not signed as it must be. */
export function badBundle(path: string, reason: string): Diagnostic {
  return {
    severity: "error",
    code: "engine/bad-bundle",
    message: `${path} is no usable bundle: ${reason}`,
    help: "get it again from whoever made it, whole; `tsbake bundle verify` compares every part",
  };
}

/** A word of IMAGE_TEMPLATE that names no bundle, or one that cannot be had. */
export function badTemplate(word: string, reason: string): Diagnostic {
  return {
    severity: "error",
    code: "engine/bad-template",
    message: `IMAGE_TEMPLATE: \`${word}\`: ${reason}`,
    help: "name what `tsbake bundle` has written: a folder, a .tar, or its address with ;sha256=…",
  };
}

/** The file with the token for a shared-state server cannot be used. */
export function badTokenFile(path: string, reason: string): Diagnostic {
  return {
    severity: "error",
    code: "engine/bad-token-file",
    message: `the token for the shared-state server cannot be read from ${path}: ${reason}`,
    help: "write the token into the file that SSTATE_MIRROR_PUSH_TOKEN_FILE names, or put it into the environment as TSBAKE_SSTATE_TOKEN",
  };
}

/** A folder of TMPDIR/trace that another than the trace has written to. */
export function badTrace(folder: string, reason: string): Diagnostic {
  return {
    severity: "error",
    code: "engine/bad-trace",
    message: `the trace in ${folder} cannot be read: ${reason}`,
    help: "delete that folder: the next build with TRACE_WORKDIR begins a new one",
  };
}

/** The names of locked tasks have no configuration in them. */
export function bundleOfMulticonfig(multiconfig: string): Diagnostic {
  return {
    severity: "error",
    code: "engine/bundle-of-multiconfig",
    message: `a bundle cannot have recipes of the configuration \`mc:${multiconfig}\``,
    help: `make the bundle in a build whose own MACHINE and DISTRO are those of ${multiconfig}`,
  };
}

/** What was signed is not what would be built, or was. */
export function changedMeanwhile(label: string, paths: readonly string[]): Diagnostic {
  const more = paths.length > 3 ? ` and ${paths.length - 3} more` : "";
  return {
    severity: "error",
    code: "engine/changed-meanwhile",
    message: `${label}: ${paths.slice(0, 3).join(", ")}${more} changed while the build ran, after the task was signed`,
    help: "run the same command again: it builds what is there now; this task left no stamp and no artifact",
  };
}

/** `-b`: one recipe, whatever it needs. */
export function dependenciesLeftOut({ pn, file }: RecipeInfo): Diagnostic {
  return {
    severity: "warning",
    code: "engine/dependencies-left-out",
    message: `only \`${pn}\` of ${file} is built, and nothing that it needs of other recipes`,
    help: `to have that built too, name the target: \`tsbake ${pn}\``,
  };
}

/** What the feed says that does not stop the build. */
export function feedWarning(text: string): Diagnostic {
  return {
    severity: "warning",
    code: "engine/feed",
    message: text,
    help: "correct the host's apt sources, or name others in FEED_SOURCES",
  };
}

/** Nothing that is no bundle is written over. */
export function foreignBundleFolder(path: string): Diagnostic {
  return {
    severity: "error",
    code: "engine/foreign-bundle-folder",
    message: `${path} is there already, and is no bundle`,
    help: "name a path with --to where nothing is, or where an older bundle is",
  };
}

/** BB_SCHEDULER asks for a class that somebody has written for BitBake's scheduler. */
export function foreignScheduler(name: string, classes: readonly string[], at: Span | undefined): Diagnostic {
  return {
    severity: "error",
    code: "engine/foreign-scheduler",
    message: `BB_SCHEDULER is \`${name}\`, of BB_SCHEDULERS (${classes.join(" ")}): such classes steer BitBake's own scheduler`,
    ...(at && { at }),
    help: "write `basic`, `speed` or `completion`",
  };
}

/** A setscene task wants another that this build does not have. */
export function hardNeedOutside(label: string, word: string): Diagnostic {
  return {
    severity: "error",
    code: "engine/hard-need-outside",
    message: `${label}[depends] names \`${word}\`, and that task is not part of this build`,
    help: "let the real task need the other one too, by [depends] or [deptask]",
  };
}

/** The metadata's own function could not say what can be restored. */
export function hashCheckFailed(name: string, { type, detail, frames }: PythonError): Diagnostic {
  const places = frames.flatMap((frame) => {
    const at = spanInFile(frame);
    return at ? [{ frame, at }] : [];
  });
  const inner = places.pop();
  return {
    severity: "error",
    code: "engine/hash-check-failed",
    message: `BB_HASHCHECK_FUNCTION failed: ${type === "bb.BBHandledException" ? detail : `${type}: ${detail}`}`,
    ...(inner && { at: inner.at }),
    notes: places.map(({ frame, at }) => ({ message: `called in \`${frame.function}\``, at })),
    help: `correct \`${name}\`; \`--no-setscene\` builds without asking it`,
  };
}

/** A task whose signature is locked has no artifact of that signature anywhere. */
export function lockedMissing(severity: Diagnostic["severity"], label: string, hash: string): Diagnostic {
  return {
    severity,
    code: "engine/locked-missing",
    message: `${label} is locked to ${hash}, and no shared state has its artifact`,
    help: "name the mirror that has it in SSTATE_MIRRORS, lock it anew with `tsbake -S lockedsigs`, or set SIGGEN_LOCKEDSIGS_SSTATE_EXISTS_CHECK to `warn` or `none`",
  };
}

/** A task whose signature is locked has other inputs than those that it was locked with. */
export function lockedMismatch(
  severity: Diagnostic["severity"],
  label: string,
  computed: string,
  lock: { readonly hash: string; readonly variable: string },
): Diagnostic {
  return {
    severity,
    code: "engine/locked-signature",
    message: `${label} is locked to ${lock.hash} by ${lock.variable}, and its inputs give ${computed}`,
    help: "lock it anew with `tsbake -S lockedsigs`, or name its recipe in SIGGEN_UNLOCKED_RECIPES",
  };
}

/** A variable of the configuration whose text is not what it takes. */
export function malformedSetting(name: string, text: string, expected: string, at?: Span): Diagnostic {
  return {
    severity: "error",
    code: "engine/malformed-setting",
    message: `${name} has \`${text}\``,
    ...(at ? { at } : {}),
    help: `write ${expected}`,
  };
}

/** Programs in HOSTTOOLS that this machine does not have. */
export function missingHostTools(names: readonly string[]): Diagnostic {
  return {
    severity: "error",
    code: "engine/missing-host-tools",
    message: `this machine has no ${names.map((name) => `\`${name}\``).join(", ")}`,
    help: "install what provides them (the list is HOSTTOOLS in conf/bitbake.conf)",
  };
}

/** Two recipes whose packages would come together in one root have other FEED_SOURCES. */
export function mixedFeeds(asker: string, other: string): Diagnostic {
  return {
    severity: "error",
    code: "engine/mixed-feeds",
    message: `\`${asker}\` takes packages of the archive from other sources than \`${other}\`, which it builds on`,
    help: "give both the same FEED_SOURCES, or set it once for all in the configuration: two releases in one root fit by chance only",
  };
}

/** A task of a bundle was stamped as done, and shared state has not what it made. */
export function noBundledArtifact(label: string): Diagnostic {
  return {
    severity: "error",
    code: "engine/no-bundled-artifact",
    message: `the artifact of ${label} is not in the shared state, and belongs into the bundle`,
    help: `\`tsbake -c cleansstate ${label.split(":")[0]}\`, and make the bundle again`,
  };
}

/** `tsbake lock` in a build folder that no project file made. */
export function noProjectFile(topdir: string): Diagnostic {
  return {
    severity: "error",
    code: "engine/no-project-file",
    message: `the build folder ${topdir} has no project file, and so no repositories to lock`,
    help: "change to the folder of a tsbake.yaml, or name the file: `tsbake lock kas.yml`",
  };
}

/** `sstate push`, and nothing says where to. */
export function noPushUrl(): Diagnostic {
  return {
    severity: "error",
    code: "engine/no-push-url",
    message: "there is no shared-state server to push to: SSTATE_MIRROR_PUSH is not set",
    help: "set SSTATE_MIRROR_PUSH in the configuration, such as `http://host:8685/sstate`",
  };
}

/** A file that was named as a record of a signature is none. */
export function noRecord(path: string): Diagnostic {
  return {
    severity: "error",
    code: "engine/no-record",
    message: `\`${path}\` is not there, or is no record of a signature`,
    help: "records are STAMP.TASK.sigdata.HASH below STAMPS_DIR, and OBJECT.siginfo below SSTATE_DIR",
  };
}

/** `tsbake imaging` of an image that has no tree to make one of. */
export function noStoredTree(target: string, why: string): Diagnostic {
  return {
    severity: "error",
    code: "engine/no-stored-tree",
    message: `there is no tree of \`${target}\` of which images could be made: ${why}`,
    help: "`tsbake imaging` takes whole images that were built, or that a bundle of IMAGE_TEMPLATE has; of an extension, add a word to IMAGE_FSTYPES",
  };
}

/** A name that is no recipe of an image. */
export function noSuchExtension(target: string, near: readonly string[]): Diagnostic {
  return {
    severity: "error",
    code: "engine/no-such-extension",
    message: `\`${target}\` is no recipe of an extension`,
    help:
      near.length > 0
        ? `is ${near.map((one) => `\`${one}\``).join(" or ")} meant?`
        : "name a recipe with `inherit image-sysext` and IMAGE_BASE_PKGDB",
  };
}

export function noSuchImage(target: string, near: readonly string[]): Diagnostic {
  return {
    severity: "error",
    code: "engine/no-such-image",
    message: `\`${target}\` is neither a path nor a recipe of an image`,
    help:
      near.length > 0
        ? `is ${near.map((one) => `\`${one}\``).join(" or ")} meant?`
        : "`tsbake -s` lists the recipes; a path of a file or a folder will do, too",
  };
}

/** `-C` names a task that a target does not have. */
export function noTaskToClear({ pn, tasks }: RecipeInfo, task: string): Diagnostic {
  const near = nearest(task, Object.keys(tasks)).map((name) => `\`${name}\``);
  return {
    severity: "error",
    code: "engine/no-task-to-clear",
    message: `\`${pn}\` has no task \`${task}\`, which \`-C\` names`,
    help: near.length > 0 ? `is ${near.join(" or ")} meant?` : `\`tsbake -c listtasks ${pn}\` lists them`,
  };
}

/** SSTATE_MIRROR_PUSH is set, and nothing says who we are. */
export function noToken(url: string): Diagnostic {
  return {
    severity: "error",
    code: "engine/no-token",
    message: `${url} takes artifacts with a token only, and there is none`,
    help: "put it into the environment as TSBAKE_SSTATE_TOKEN, or into a file that SSTATE_MIRROR_PUSH_TOKEN_FILE names; or leave SSTATE_MIRROR_PUSH empty",
  };
}

/** An image that no build has left yet. */
export function notDeployed(target: string): Diagnostic {
  return {
    severity: "error",
    code: "engine/not-deployed",
    message: `there is no image of ${target} yet`,
    help: `build it first: \`tsbake ${target}\``,
  };
}

/** A stored tree is of other inputs than there are now. @param reasons clauses */
export function otherLayers(image: string, reasons: readonly string[]): Diagnostic {
  const more = reasons.length > 5 ? [`and ${reasons.length - 5} more`] : [];
  return {
    severity: "error",
    code: "engine/other-layers",
    message: `what is stored of \`${image}\` was not made by the layers as they are\n${[...reasons.slice(0, 5), ...more].join("\n")}`,
    help: `\`tsbake ${image}\` builds it as they are, where its recipe is there (\`tsbake whatchanged ${image}\` says what is another); --other-layers takes what is stored`,
  };
}

/** What a store of shared state says that does not stop the build: the task runs instead of being restored. */
export function storeWarning(text: string): Diagnostic {
  return {
    severity: "warning",
    code: "engine/shared-state",
    message: text,
    help: "nothing is lost: what could not be used is built again",
  };
}

/** Fewer records than a comparison needs, or none that starts with a given hash. */
export function tooFewRecords(label: string, hashes: readonly string[]): Diagnostic {
  const missing = hashes.length > 0 ? `no record ${hashes.join(" and ")}` : "fewer than two records";
  return {
    severity: "error",
    code: "engine/too-few-records",
    message: `there is ${missing} of ${label} to compare`,
    help: "each build leaves one; `tsbake whatchanged` compares the last build with what the files say now",
  };
}

/** What a task has changed could not be written down. */
export function traceFailed(folder: string, reason: string): Diagnostic {
  return {
    severity: "warning",
    code: "engine/trace-failed",
    message: `TRACE_WORKDIR: what a task changed is not in ${folder}: ${reason}`,
    help: "the build goes on without; make the folder writable, and see that there is a `git`",
  };
}

/** A target of a configuration that BBMULTICONFIG does not name. */
export function unknownConfiguration(name: string, near: readonly string[]): Diagnostic {
  return {
    severity: "error",
    code: "engine/unknown-configuration",
    message: `there is no configuration \`${name}\`, which a target names`,
    help:
      near.length > 0
        ? `is ${near.map((one) => `\`${one}\``).join(" or ")} meant?`
        : "set BBMULTICONFIG to the names of your files in conf/multiconfig/",
  };
}

/** A question about a task that a recipe does not have. */
export function unknownTask({ pn, tasks }: RecipeInfo, task: string): Diagnostic {
  const near = nearest(task, Object.keys(tasks)).map((name) => `\`${name}\``);
  return {
    severity: "error",
    code: "engine/unknown-task",
    message: `\`${pn}\` has no task \`${task}\``,
    help: near.length > 0 ? `is ${near.join(" or ")} meant?` : `\`tsbake -c listtasks ${pn}\` lists them`,
  };
}

/** The path of a folder has a character that shells or lists take as their own. @param what whose path it is */
export function unusablePath(
  what: string,
  path: string,
  { character, reason }: { readonly character: string; readonly reason: string },
  at: Span | undefined,
): Diagnostic {
  const number = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
  const shown =
    character === " " ? "a blank" : /\p{C}|\p{Z}/u.test(character) ? `U+${number}` : `\`${character}\``;
  return {
    severity: "error",
    code: "engine/unusable-path",
    message: `${what} is \`${path}\`, with ${shown} in its path: ${reason}`,
    ...(at ? { at } : {}),
    help: "use a folder of another name: letters, digits and `_ - . + @ ~ , ! ^` can be in it",
  };
}

/** The build folder cannot be written to. */
export function unwritableBuildFolder(topdir: string, reason: string): Diagnostic {
  return {
    severity: "error",
    code: "engine/unwritable-build-folder",
    message: `the build folder \`${topdir}\` cannot be written to: ${reason}`,
    help: "make it writable, or choose another with TSBAKE_BUILD_DIR",
  };
}

/** TMPDIR cannot be made or written to. */
export function unwritableTmpdir(folder: string, reason: string, at: Span | undefined): Diagnostic {
  return {
    severity: "error",
    code: "engine/unwritable-tmpdir",
    message: `TMPDIR \`${folder}\` cannot be written to: ${reason}`,
    ...(at ? { at } : {}),
    help: "set TMPDIR to a folder that this user can make and write to, or leave it unset",
  };
}

/** A limit that nothing can reach. */
export function veryHighLimit(name: string, text: string): Diagnostic {
  return {
    severity: "warning",
    code: "engine/very-high-limit",
    message: `${name} is ${text}, and there are only 1000000 µs in a second: it limits nothing`,
    help: "choose a value below 1000000, or leave it out",
  };
}
