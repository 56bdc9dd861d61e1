/** What can be wrong with a project file, one function each, in the order of their codes. */
import type { Diagnostic, Span } from "@tsbake/base";

export function foreignConfiguration(path: string, projectFile: string): Diagnostic {
  return {
    severity: "error",
    code: "project/foreign-configuration",
    message: `${path} was not made from ${projectFile}, and would be overwritten`,
    help: "move what is in it into the project file or conf/local.conf and remove it, or remove the project file",
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
    help: "correct the path; it starts at the folder of the file that includes it, or of the repository named beside it",
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

export function missingKey(key: string, at: Span): Diagnostic {
  return {
    severity: "error",
    code: "project/missing-key",
    message: `\`${key}\` is missing`,
    at,
    help: `add \`${key}\`; docs/tutorial.md has a whole project file`,
  };
}

/** Neither a project file nor a build folder is in sight. */
export function noProject(cwd: string): Diagnostic {
  return {
    severity: "error",
    code: "project/no-project",
    message: `no tsbake.yaml and no conf/bblayers.conf in \`${cwd}\` or above`,
    help: "change to your project's folder, or start one: docs/tutorial.md",
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

export function projectVersion(version: string, at: Span): Diagnostic {
  return {
    severity: "error",
    code: "project/project-version",
    message: `\`${version}\` is no version of the project file's format`,
    at,
    help: "write a whole number from 1 on, e.g. `version: 14`",
  };
}

interface RepoRemedy {
  /** Fetches it; undefined without a `url`. */
  readonly command: string | undefined;
  /** Folders beside it. */
  readonly near: readonly string[];
}

export function repoMissing(
  name: string,
  folder: string,
  { command, near }: RepoRemedy,
  at: Span,
): Diagnostic {
  const meant = near.length > 0 ? `is ${near.map((one) => `\`${one}\``).join(" or ")} meant? ` : "";
  return {
    severity: "error",
    code: "project/repo-missing",
    message: `the repository \`${name}\` is not there: ${folder}`,
    at,
    help:
      command === undefined
        ? `${meant}correct its \`path\`, or say with \`url\` where to get it`
        : `run \`${command}\``,
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

export function unreadableProject(path: string, reason: string): Diagnostic {
  return {
    severity: "error",
    code: "project/unreadable-project",
    message: `the project file ${path} cannot be read: ${reason}`,
    help: "repair its permissions, or put a file there: docs/tutorial.md has a whole one",
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
