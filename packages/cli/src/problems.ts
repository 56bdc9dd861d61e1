/** Every problem this room can report, one function each, in the order of their codes. */
import { nearest } from "@tsbake/base";
import type { Diagnostic } from "@tsbake/base";

/** Two options that exclude each other. */
export function conflictingOptions(one: string, other: string): Diagnostic {
  return {
    severity: "error",
    code: "cli/conflicting-options",
    message: `${one} and ${other} cannot be used together`,
    help: "leave one of them out",
  };
}

/** Extensions of two bases, which no device has both. @param one recipe and base */
export function differentBases(
  one: readonly [extension: string, base: string],
  other: readonly [extension: string, base: string],
): Diagnostic {
  return {
    severity: "error",
    code: "cli/different-bases",
    message: `${one[0]} is built on ${one[1]}, and ${other[0]} on ${other[1]}`,
    help: "merge only extensions of one base: IMAGE_BASE_PKGDB of their recipes names it",
  };
}

/** An image of which nothing is deployed. */
export function imageNotBuilt(image: string, path: string): Diagnostic {
  return {
    severity: "error",
    code: "cli/image-not-built",
    message: `${image} has left nothing to look at: ${path} is not there`,
    help: image.endsWith(".json")
      ? "name a file `….packages.json` of a deploy folder"
      : `build it: \`tsbake ${image}\``,
  };
}

/** Only the first word of a command. */
export function incompleteCommand(word: string, expected: readonly string[]): Diagnostic {
  return {
    severity: "error",
    code: "cli/incomplete-command",
    message: `\`${word}\` alone is no command`,
    help: `write ${expected.map((rest) => `\`tsbake ${word} ${rest}\``).join(" or ")}; a recipe of that name is \`${word}:do_build\``,
  };
}

/** An error of our own code. */
export function internalError(message: string): Diagnostic {
  return {
    severity: "error",
    code: "cli/internal-error",
    message: `internal error: ${message}`,
    help: "please report it, with the output of the same command and -D",
  };
}

/** An option of one command, given to another. */
export function misplacedOption(option: string, command: string, given?: string): Diagnostic {
  return {
    severity: "error",
    code: "cli/misplaced-option",
    message: `${option} belongs to \`tsbake ${command}\``,
    // bitbake-dumpsig takes it.
    help: given === "dumpsig" && option === "--task" ? "write `tsbake dumpsig RECIPE:TASK`" : "leave it out",
  };
}

/** An option at the end of the line, or before another option, that needs a value. */
export function missingValue(option: string, value: string): Diagnostic {
  return {
    severity: "error",
    code: "cli/missing-value",
    message: `${option} needs a value`,
    help: `write \`${option} ${value}\``,
  };
}

/** An extension by its path, and nothing to check it on. */
export function noBase(extension: string): Diagnostic {
  return {
    severity: "error",
    code: "cli/no-base",
    message: `${extension} does not say on which base it is meant to go`,
    help: `write \`tsbake check ${extension} --against BASE…\`, where BASE is a recipe, a root or a snapshot`,
  };
}

/** A recipe where an extension is wanted. */
export function noExtension(target: string): Diagnostic {
  return {
    severity: "error",
    code: "cli/no-extension",
    message: `${target} is no extension`,
    help: "name a recipe with `inherit image-sysext`",
  };
}

/** Nothing that `tsbake matrix` could look at. */
export function noExtensions(): Diagnostic {
  return {
    severity: "error",
    code: "cli/no-extensions",
    message: "no layer of this project has a recipe of an extension",
    help: "write one with `inherit image-sysext` and IMAGE_BASE_PKGDB (`tsbake init` shows one), or name one of tsbake's own",
  };
}

/** What this process asked for, it may not have. */
export function noMemory(reason: string): Diagnostic {
  return {
    severity: "error",
    code: "cli/no-memory",
    message: `there is no memory left for tsbake: ${reason}`,
    help: "WebAssembly reserves some 40 GB of addresses, which take no memory: lift the limit of the shell (`ulimit -v unlimited`), or give the machine or the container more memory",
  };
}

/** Standard output takes nothing more: its disk is full, or who read it has gone. */
export function noOutput(reason: string, wasBuilding: boolean): Diagnostic {
  return {
    severity: "error",
    code: "cli/no-output",
    message: `cannot write to standard output: ${reason}${wasBuilding ? "; the build is stopped" : ""}`,
    help: wasBuilding
      ? "send the output to a file on a disk with space, or away with `-q`, and start the same command again: what is done stays done"
      : "send the output to a file on a disk with space",
  };
}

/** Neither the command line nor the project file names a target. */
export function noTarget(): Diagnostic {
  return {
    severity: "error",
    code: "cli/no-target",
    message: "nothing to build: no target was given and the project file names none",
    help: "name a recipe, e.g. `tsbake sysext-image`; `tsbake -s` lists the recipes",
  };
}

/** A package that an image has not, nor the base of an extension. */
export function notInImage(
  name: string,
  image: string,
  { hasBase, near }: { readonly hasBase: boolean; readonly near: readonly string[] },
): Diagnostic {
  return {
    severity: "error",
    code: "cli/not-in-image",
    message: `${name} is not in ${image}${hasBase ? ", nor in its base" : ""}`,
    help:
      near.length > 0
        ? `did you mean ${near.join(" or ")}?`
        : "the `.manifest` beside an image lists its packages; source packages have other names",
  };
}

/** A recipe, or a task of one, of which no build has kept a trace. */
export function notTraced(recipe: string, task: string | undefined): Diagnostic {
  return {
    severity: "error",
    code: "cli/not-traced",
    message: `there is no trace of ${task === undefined ? recipe : `${task} of ${recipe}`}`,
    help: 'set TRACE_WORKDIR = "1" in local.conf and build it: what is restored or up to date leaves none',
  };
}

/** `sstate prune` without a word on what may go. */
export function nothingToPrune(): Diagnostic {
  return {
    severity: "error",
    code: "cli/nothing-to-prune",
    message: "`tsbake sstate prune` has to be told what may go",
    help: "give at least one of --older-than, --max-size and --keep-for; with --dry-run nothing is deleted",
  };
}

/** A Node.js that lacks what tsbake is made with. */
export function oldNode(version: string, wanted: string): Diagnostic {
  return {
    severity: "error",
    code: "cli/old-node",
    message: `Node.js ${version} is too old`,
    help: `install version ${wanted} or later, and see that it is the first \`node\` on the PATH`,
  };
}

/** The machine refused something outside a task. */
export function systemError(message: string): Diagnostic {
  return {
    severity: "error",
    code: "cli/system-error",
    message,
    help: "repair it, then start the same command again: what is done stays done",
  };
}

/** A target too many for a query. */
export function unexpectedTarget(option: string, target: string): Diagnostic {
  return {
    severity: "error",
    code: "cli/unexpected-target",
    message: `\`${target}\` is a target too many for ${option}`,
    help: "leave it out, or start the command once for each target",
  };
}

/** A command of words with more words than it takes. */
export function unexpectedWord(command: string, word: string): Diagnostic {
  return {
    severity: "error",
    code: "cli/unexpected-word",
    message: `\`tsbake ${command}\` does not take \`${word}\``,
    help: "leave it out; `tsbake --help` shows what each command takes",
  };
}

/** Two words that name project files. */
export function severalProjects(words: readonly string[]): Diagnostic {
  return {
    severity: "error",
    code: "cli/unexpected-word",
    message: `project files stand in several words: ${words.map((word) => `\`${word}\``).join(", ")}`,
    help: `join them, later over earlier: \`tsbake ${words.join(":")}\``,
  };
}

/** A code of a problem that no problem has. @param near those that may be meant */
export function unknownCode(code: string, near: readonly string[]): Diagnostic {
  return {
    severity: "error",
    code: "cli/unknown-code",
    message: `no problem has the code \`${code}\``,
    help:
      near.length > 0
        ? `did you mean ${near.map((one) => `\`${one}\``).join(" or ")}?`
        : "`tsbake explain` lists the codes",
  };
}

/** An option that does not exist. */
export function unknownOption(option: string, known: readonly string[]): Diagnostic {
  const near = nearest(option, option.startsWith("--") ? known.filter((name) => name.startsWith("--")) : []);
  return {
    severity: "error",
    code: "cli/unknown-option",
    message: `there is no option ${option}`,
    help: near.length > 0 ? `did you mean ${near.join(" or ")}?` : "`tsbake --help` lists the options",
  };
}

/** Targets that an option has no use for. */
export function unusedWords(option: string, targets: readonly string[]): Diagnostic {
  const names = targets.map((target) => `\`${target}\``).join(", ");
  return {
    severity: "warning",
    code: "cli/unused-words",
    message: `${names} ${targets.length === 1 ? "is" : "are"} not looked at: ${option} takes no targets`,
    help: `leave ${targets.length === 1 ? "it" : "them"} out, or leave out ${option}`,
  };
}

/** Several layers, or none, where one is wanted. */
export function whichLayer(layers: readonly string[]): Diagnostic {
  return {
    severity: "error",
    code: "cli/which-layer",
    message:
      layers.length === 0
        ? "the project has no layer of its own for the recipes"
        : `the project has several layers: ${layers.join(", ")}`,
    help: "name the folder of one with --layer",
  };
}

/** Too few or too many words after a command. */
export function wrongQuery(command: string, usage: string): Diagnostic {
  return {
    severity: "error",
    code: "cli/wrong-query",
    message: `\`tsbake ${command}\` needs other words`,
    help: `write ${usage}`,
  };
}

/** An option with a value that it does not take. */
export function wrongValue(option: string, value: string, expected: string): Diagnostic {
  return {
    severity: "error",
    code: "cli/wrong-value",
    message: `${option} cannot be \`${value}\``,
    help: `it takes ${expected}`,
  };
}
