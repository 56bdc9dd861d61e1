/** What can be wrong with a project file, one function each, in the order of their codes. */
import { byText, nearest, type Diagnostic, type Span } from "@tsbake/base";

export function badRevision(name: string, kind: string, at: Span): Diagnostic {
  return {
    severity: "error",
    code: "project/bad-revision",
    message: `\`${name}\` is no ${kind} of git`,
    at,
    help: kind === "commit" ? "write the whole commit: 40 hexadecimal digits, in quotes" : "correct the name",
  };
}

/** @param what the tag or commit. @param reason whose signature it has, or none */
export function badSignature(id: string, what: string, reason: string, at: Span): Diagnostic {
  return {
    severity: "error",
    code: "project/bad-signature",
    message: `the repository \`${id}\` is to be signed, and ${what} is not to be believed: ${reason}`,
    at,
    help: "ask who is responsible for the repository; where the key is right, add its signer to `allowed_signers`",
  };
}

export function badSigner(name: string, reason: string, at: Span): Diagnostic {
  return {
    severity: "error",
    code: "project/bad-signer",
    message: `the key of the signer \`${name}\` cannot be taken: ${reason}`,
    at,
    help: "name one public key, in a repository that is believed anyway: `gpg --armor --export KEY`, or the `.pub` of ssh-keygen",
  };
}

export function badUrl(url: string, reason: string, at: Span): Diagnostic {
  return {
    severity: "error",
    code: "project/bad-url",
    message: `git is not called with \`${url}\`: ${reason}`,
    at,
    help: "write a URL such as `https://example.org/meta-x.git`, `git@example.org:meta-x.git`, or an absolute path",
  };
}

export function branchAndTag(id: string, branch: Span, tag: Span): Diagnostic {
  return {
    severity: "error",
    code: "project/branch-and-tag",
    message: `the repository \`${id}\` has a branch and a tag`,
    at: tag,
    notes: [{ message: "the branch", at: branch }],
    help: "keep one; an empty `branch:` or `tag:` takes one of `defaults` away",
  };
}

export function checkoutFailed(id: string, commit: string, reason: string, at: Span): Diagnostic {
  return {
    severity: "error",
    code: "project/checkout-failed",
    message: `the repository \`${id}\` cannot be brought to ${commit}: ${reason}`,
    at,
    help: "move what is in the way, or remove the folder of the repository: it is cloned again",
  };
}

export function deprecatedRefspec(id: string, at: Span): Diagnostic {
  return {
    severity: "warning",
    code: "project/deprecated-refspec",
    message: `the repository \`${id}\` has a \`refspec\`, which may be a branch, a tag or a commit`,
    at,
    help: "write `commit`, `branch` or `tag` instead, whichever it is",
  };
}

export function fetchFailed(id: string, url: string, reason: string, at: Span): Diagnostic {
  return {
    severity: "error",
    code: "project/fetch-failed",
    message: `the repository \`${id}\` lacks this, and it cannot be fetched from ${url}: ${reason}`,
    at,
    help: "correct `url`, or see that the server can be reached: `git ls-remote URL` says the same",
  };
}

export function filesApart(first: string, other: string): Diagnostic {
  return {
    severity: "error",
    code: "project/files-apart",
    message: `${first} and ${other} are of different repositories`,
    help: "include the other one by `header.includes`, with `repo` and `file`",
  };
}

/** @param found names that are in it */
export function folderNotEmpty(folder: string, found: readonly string[]): Diagnostic {
  const isProject = found.includes("tsbake.yaml");
  const more = found.length > 3 ? ` and ${found.length - 3} more` : "";
  return {
    severity: "error",
    code: "project/folder-not-empty",
    message: `${folder} is not empty: ${found.toSorted(byText).slice(0, 3).join(", ")}${more}`,
    help: isProject
      ? "it is a project already: `tsbake` builds it"
      : "name a folder that is not there yet: `tsbake init NAME`",
  };
}

export function foreignConfiguration(path: string, projectFile: string): Diagnostic {
  return {
    severity: "error",
    code: "project/foreign-configuration",
    message: `${path} was not made from ${projectFile}, and would be overwritten`,
    help: "move what is in it into the project file or conf/local.conf and remove it, or remove the project file",
  };
}

export function foreignRepository(id: string, folder: string, owner: number, at: Span): Diagnostic {
  return {
    severity: "error",
    code: "project/foreign-repository",
    message: `the repository \`${id}\` in ${folder} belongs to the user with the number ${owner}, and git would do what its configuration says`,
    at,
    help: "make it yours (chown -R), or remove `url` to take it as it is",
  };
}

export function includeLoop(file: string, at: Span): Diagnostic {
  return {
    severity: "error",
    code: "project/include-loop",
    message: `the project file ${file} includes itself`,
    at,
    help: "remove the include that leads back",
  };
}

export function includeMissing(file: string, at: Span): Diagnostic {
  return {
    severity: "error",
    code: "project/include-missing",
    message: `the included project file does not exist: ${file}`,
    at,
    help: "correct the path; it starts at the root of the repository of the file that includes it, or of the one named beside it",
  };
}

export function includeOutside(file: string, root: string, at: Span): Diagnostic {
  return {
    severity: "error",
    code: "project/include-outside",
    message: `the include ${file} leads out of its repository, ${root}`,
    at,
    help: "move the file into the repository, or name the other one: `repo` and `file`",
  };
}

export function layerMissing(folder: string, at: Span): Diagnostic {
  return {
    severity: "error",
    code: "project/layer-missing",
    message: `there is no layer in ${folder}: it has no conf/layer.conf`,
    at,
    help: "correct the name of the layer or the path of its repository",
  };
}

/** What people write, and what the lock file pins. */
export function lockContradicts(
  id: string,
  written: { readonly text: string; readonly at: Span },
  locked: { readonly text: string; readonly at: Span },
): Diagnostic {
  return {
    severity: "error",
    code: "project/lock-contradicts",
    message: `the repository \`${id}\` is to be at ${written.text}, and its lock file pins ${locked.text}`,
    at: written.at,
    notes: [{ message: "the lock", at: locked.at }],
    help: "remove `commit` or the entry of the lock file; `tsbake lock` writes one for what has no commit",
  };
}

export function missingKey(key: string, at: Span): Diagnostic {
  return {
    severity: "error",
    code: "project/missing-key",
    message: `\`${key}\` is missing`,
    at,
    help: `add \`${key}\`; docs/tutorial.md has a whole project file`,
  };
}

export function patchWithoutRepo(id: string, patch: string, at: Span): Diagnostic {
  return {
    severity: "error",
    code: "project/missing-key",
    message: `the patch \`${patch}\` of the repository \`${id}\` has no \`repo\``,
    at,
    help: "add the key of the repository that the patch is in, here or for all: `defaults`, `repos`, `patches`, `repo`",
  };
}

export function missingRevision(
  id: string,
  kind: "commit" | "branch" | "tag",
  { text, at }: { readonly text: string; readonly at: Span },
): Diagnostic {
  return {
    severity: "error",
    code: "project/missing-revision",
    message: `the repository \`${id}\` has no ${kind} \`${text}\``,
    at,
    help: "correct it; `git ls-remote URL` lists branches and tags",
  };
}

/** It may be where the repository is from, and BB_NO_NETWORK forbids to ask. */
export function offlineRevision(
  id: string,
  { text, at }: { readonly text: string; readonly at: Span },
): Diagnostic {
  return {
    severity: "error",
    code: "project/missing-revision",
    message: `the repository \`${id}\` as it is here has no \`${text}\`, and BB_NO_NETWORK forbids to fetch it`,
    at,
    help: "run it once without BB_NO_NETWORK, or fetch it into the repository yourself",
  };
}

/** Neither a project file nor a build folder is in sight. */
export function noProject(cwd: string, kasFiles: readonly string[]): Diagnostic {
  const [first] = kasFiles;
  return {
    severity: "error",
    code: "project/no-project",
    message: `no tsbake.yaml and no conf/bblayers.conf in \`${cwd}\` or above`,
    help:
      first === undefined
        ? "change to your project's folder, or begin one: `tsbake init demo`"
        : `name kas' file: \`tsbake ${first}\`, or several, \`tsbake ${first}:OTHER.yml\``,
  };
}

export function noRevision(id: string, at: Span): Diagnostic {
  return {
    severity: "error",
    code: "project/no-revision",
    message: `the repository \`${id}\` has a \`url\`, and nothing says which commit of it`,
    at,
    help: "add `commit`, `branch` or `tag`, or a branch for all: `defaults`, `repos`, `branch`",
  };
}

export function noSigners(id: string, at: Span): Diagnostic {
  return {
    severity: "error",
    code: "project/no-signers",
    message: `the repository \`${id}\` is to be signed, and nobody may sign it`,
    at,
    help: "add `allowed_signers`, a list of names in `signers`",
  };
}

export function notARepository(id: string, folder: string, at: Span): Diagnostic {
  return {
    severity: "error",
    code: "project/not-a-repository",
    message: `the repository \`${id}\` is to be in ${folder}, and that is no git repository`,
    at,
    help: "move the folder away, and it is cloned; or remove `url` to take it as it is",
  };
}

export function patchFailed(id: string, path: string, reason: string, at: Span): Diagnostic {
  return {
    severity: "error",
    code: "project/patch-failed",
    message: `the patch ${path} does not apply to the repository \`${id}\`: ${reason}`,
    at,
    help: "make the patch anew for the commit that is asked for, or take it out: `NAME:` with nothing",
  };
}

export function patchMissing(id: string, path: string, reason: string, at: Span): Diagnostic {
  return {
    severity: "error",
    code: "project/patch-missing",
    message: `the patch ${path} of the repository \`${id}\` cannot be read: ${reason}`,
    at,
    help: "correct `path`: it starts at the repository that `repo` names",
  };
}

export function pathOutside(id: string, folder: string, root: string, at: Span): Diagnostic {
  return {
    severity: "error",
    code: "project/path-outside",
    message: `the repository \`${id}\` would be written to ${folder}, which is no folder below ${root}`,
    at,
    help: "correct `path`; set KAS_WORK_DIR to a folder above both; or remove `url` to take what is there as it is",
  };
}

export function projectSyntax(message: string, at: Span): Diagnostic {
  return {
    severity: "error",
    code: "project/project-syntax",
    message: `the project file is not YAML: ${message}`,
    at,
    help: "check indentation, colons and quotes here and in the line before",
  };
}

export function projectVersion(version: string, most: number, at: Span): Diagnostic {
  return {
    severity: "error",
    code: "project/project-version",
    message: `\`${version}\` is no version of the project file's format`,
    at,
    help: `write a whole number from 1 to ${most}, e.g. \`version: 14\``,
  };
}

export function newerVersion(version: string, most: number, at: Span): Diagnostic {
  return {
    severity: "error",
    code: "project/project-version",
    message: `the project file has format ${version}; 1 to ${most} are known`,
    at,
    help: `write the version that its keys need, at most ${most}, or take a newer tsbake`,
  };
}

export function refspecBeside(id: string, at: Span, other: Span): Diagnostic {
  return {
    severity: "error",
    code: "project/refspec-beside",
    message: `the repository \`${id}\` has a \`refspec\`, and a commit, branch or tag`,
    at,
    notes: [{ message: "the other one", at: other }],
    help: "remove `refspec`: it is the older way to say the same",
  };
}

/** Somebody works on it: it is at something else than the project file asks for. */
export function repoLeft(
  id: string,
  folder: string,
  {
    wanted,
    there,
    why,
  }: { readonly wanted: string; readonly there: string | undefined; readonly why: string },
  at: Span,
): Diagnostic {
  return {
    severity: "warning",
    code: "project/repo-left",
    message: `the repository \`${id}\` is left at ${there ?? "nothing"}, and not brought to ${wanted}: ${why}`,
    at,
    help: `commit and push, or stash what is in ${folder}; or remove \`url\` to take it as it is`,
  };
}

interface RepoRemedy {
  /** Fetches it; undefined without a `url`. */
  readonly command: string | undefined;
  /** Folders beside it. */
  readonly near: readonly string[];
  /** Why it could not be cloned. */
  readonly reason?: string;
  /** BB_NO_NETWORK forbids to clone it. */
  readonly isOffline?: boolean;
}

export function repoMissing(
  name: string,
  folder: string,
  { command, near, reason, isOffline = false }: RepoRemedy,
  at: Span,
): Diagnostic {
  const meant = near.length > 0 ? `is ${near.map((one) => `\`${one}\``).join(" or ")} meant? ` : "";
  const forbidden = isOffline ? ", and BB_NO_NETWORK forbids to clone it" : "";
  const why = reason === undefined ? forbidden : `, and it cannot be cloned: ${reason}`;
  return {
    severity: "error",
    code: "project/repo-missing",
    message: `the repository \`${name}\` is not there: ${folder}${why}`,
    at,
    help:
      command === undefined
        ? `${meant}correct its \`path\`, or say with \`url\` where to get it`
        : `run \`${command}\``,
  };
}

export function revisionMismatch(
  id: string,
  reason: string,
  { text, at }: { readonly text: string; readonly at: Span },
): Diagnostic {
  return {
    severity: "error",
    code: "project/revision-mismatch",
    message: `the repository \`${id}\` is to be at ${text}, and ${reason}`,
    at,
    help: "correct one of the two",
  };
}

export function revisionWithoutUrl(id: string, at: Span): Diagnostic {
  return {
    severity: "error",
    code: "project/revision-without-url",
    message: `the repository \`${id}\` has no \`url\`: what is there is taken as it is, at whatever commit it is`,
    at,
    help: "add `url`, or remove this; an empty `url:` takes the one of an included file away",
  };
}

export function patchesWithoutUrl(id: string, at: Span): Diagnostic {
  return {
    severity: "error",
    code: "project/revision-without-url",
    message: `the repository \`${id}\` has no \`url\`: what is there is taken as it is, and not patched`,
    at,
    help: "add `url`, or commit the change where it is",
  };
}

/** Two repositories that are to be cloned into one folder. */
export function sameFolder(
  one: { readonly id: string; readonly at: Span },
  other: { readonly id: string; readonly at: Span },
  folder: string,
): Diagnostic {
  return {
    severity: "error",
    code: "project/same-folder",
    message: `the repositories \`${other.id}\` and \`${one.id}\` are both to be in ${folder}`,
    at: one.at,
    notes: [{ message: `\`${other.id}\``, at: other.at }],
    help: "give one of them another `path` or `name`",
  };
}

export function unknownKey(key: string, near: readonly string[], at: Span): Diagnostic {
  return {
    severity: "error",
    code: "project/unknown-key",
    message: `unknown key \`${key}\``,
    at,
    help:
      near.length > 0 ? `is \`${near.join("` or `")}\` meant?` : "remove it; docs/tutorial.md lists the keys",
  };
}

export function unknownRepo(name: string, known: readonly string[], at: Span): Diagnostic {
  const all = known.map((one) => `\`${one}\``).join(", ");
  return {
    severity: "error",
    code: "project/unknown-repo",
    message: `no repository is called \`${name}\``,
    at,
    help: known.length > 0 ? `\`repos\` has ${all}` : "add it to `repos`",
  };
}

export function unknownSigner(name: string, known: readonly string[], at: Span): Diagnostic {
  const all = known.map((one) => `\`${one}\``).join(", ");
  return {
    severity: "error",
    code: "project/unknown-signer",
    message: `no signer is called \`${name}\``,
    at,
    help:
      known.length > 0 ? `\`signers\` has ${all}` : "add it to `signers`, with `repo` and `path` of its key",
  };
}

export function unreadableProject(path: string, reason: string): Diagnostic {
  return {
    severity: "error",
    code: "project/unreadable-project",
    message: `the project file ${path} cannot be read: ${reason}`,
    help: "correct its name or permissions, or put a file there: docs/tutorial.md has a whole one",
  };
}

/** @param first of the changed files. @param others how many there are besides */
export function unsignedChanges(id: string, first: string, others: number, at: Span): Diagnostic {
  const more = others > 0 ? ` and ${others} more` : "";
  return {
    severity: "warning",
    code: "project/unsigned-changes",
    message: `the repository \`${id}\` is signed, and has changes that nobody signed: ${first}${more}`,
    at,
    help: "commit them signed, or take them back: `git stash`",
  };
}

/** A key of kas that is not followed. @param value that makes it so, where others would be taken */
export function unsupportedKey(key: string, value: string | undefined, remedy: string, at: Span): Diagnostic {
  return {
    severity: "error",
    code: "project/unsupported-key",
    message: `\`${key}${value === undefined ? "" : `: ${value}`}\` of kas is not supported`,
    at,
    help: remedy,
  };
}

export function unusedOverride(id: string, known: readonly string[], at: Span): Diagnostic {
  const near = nearest(id, known);
  return {
    severity: "warning",
    code: "project/unused-override",
    message: `there is no repository \`${id}\` to override`,
    at,
    help:
      near.length > 0
        ? `is \`${near.join("` or `")}\` meant?`
        : "remove it, or add the repository to `repos`",
  };
}

export function unusedSigners(id: string, at: Span): Diagnostic {
  return {
    severity: "warning",
    code: "project/unused-signers",
    message: `the repository \`${id}\` has \`allowed_signers\`, and nothing demands a signature`,
    at,
    help: "add `signed: true`, or `signed: false` where that is meant",
  };
}

/** @param near names that may be meant */
export function unusedVariable(name: string, reason: string, near: readonly string[]): Diagnostic {
  return {
    severity: "warning",
    code: "project/unused-variable",
    message: `${name} has no effect here: ${reason}`,
    help: near.length > 0 ? `is \`${near.join("` or `")}\` meant? Otherwise unset it` : "unset it",
  };
}

export function unwritableProject(folder: string, reason: string): Diagnostic {
  return {
    severity: "error",
    code: "project/unwritable-project",
    message: `no project can be written into ${folder}: ${reason}`,
    help: "name a folder that may be written to: `tsbake init FOLDER`",
  };
}

export function wrongType(what: string, expected: string, at: Span): Diagnostic {
  return {
    severity: "error",
    code: "project/wrong-type",
    message: `${what.includes(" ") ? what : `\`${what}\``} has to be ${expected}`,
    at,
    help: `write ${expected}`,
  };
}

export function wrongVariable(name: string, value: string, expected: string): Diagnostic {
  return {
    severity: "error",
    code: "project/wrong-variable",
    message: `${name} of the environment is \`${value}\`; it has to be ${expected}`,
    help: "correct or unset it",
  };
}
