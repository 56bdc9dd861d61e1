/** Commands that are words, where targets stand otherwise: `tsbake sstate prune`. */

interface CommandRow {
  readonly action: string;
  /** What is typed. The first word is reserved: a recipe of that name is `NAME:do_build`. */
  readonly words: readonly string[];
  /** What follows the words, for the help text; nothing may follow without it. */
  readonly operand?: string;
  readonly help: string;
}

/** In the order of the help text. */
export const commandTable = [
  {
    action: "init",
    words: ["init"],
    operand: "[FOLDER]",
    help: "write a project to begin with: a layer, a base, an extension, a recipe",
  },
  {
    action: "whatchanged",
    words: ["whatchanged"],
    operand: "[TARGET…]",
    help: "which tasks would run, and the inputs that changed since the last build",
  },
  {
    action: "diffsigs",
    words: ["diffsigs"],
    operand: "FILE FILE | -t RECIPE TASK [HASH HASH]",
    help: "what differs between two signatures, and where it comes from",
  },
  {
    action: "dumpsig",
    words: ["dumpsig"],
    operand: "FILE | RECIPE[:TASK]",
    help: "all that went into a signature, or the records that a recipe has",
  },
  {
    action: "feed-update",
    words: ["feed", "update"],
    help: "fetch the archive's package lists; builds use the lists that are there",
  },
  {
    action: "sstate-stats",
    words: ["sstate", "stats"],
    help: "how much the shared state holds, by task",
  },
  {
    action: "sstate-verify",
    words: ["sstate", "verify"],
    help: "compare each artifact with its checksum; exit code 1 if one differs",
  },
  {
    action: "sstate-prune",
    words: ["sstate", "prune"],
    help: "delete artifacts by age, by size, or all that some targets do not need",
  },
  {
    action: "sstate-push",
    words: ["sstate", "push"],
    help: "upload what the server of SSTATE_MIRROR_PUSH has not",
  },
  {
    action: "sstate-pull",
    words: ["sstate", "pull"],
    operand: "[TARGET…]",
    help: "fetch what mirrors have of these targets, for a build without them",
  },
  {
    action: "verify",
    words: ["verify"],
    help: "compare installed files with their records; exit code 1 if one differs",
  },
  {
    action: "check",
    words: ["check"],
    operand: "EXTENSION [--against BASE…]",
    help: "what of an extension will not work on bases; exit code 0, 1 or 2",
  },
  {
    action: "matrix",
    words: ["matrix"],
    operand: "[EXTENSION…]",
    help: "build them and their bases: which fits which; exit code 0, 1 or 2",
  },
  {
    action: "try",
    words: ["try"],
    operand: "EXTENSION [-- COMMAND…]",
    help: "run a command, or a shell, in it merged on its base; its exit code",
  },
  {
    action: "bundle",
    words: ["bundle"],
    operand: "[TARGET…]",
    help: "one file of what was built, on which others build without the recipes",
  },
  {
    action: "bundle-show",
    words: ["bundle", "show"],
    operand: "FILE",
    help: "what a bundle was made of, and for which recipes it stands",
  },
  {
    action: "bundle-verify",
    words: ["bundle", "verify"],
    operand: "FILE",
    help: "compare each part with its digest; exit code 1 if one differs",
  },
  {
    action: "imaging",
    words: ["imaging"],
    operand: "IMAGE --type TYPE…",
    help: "other types of an image, or with another key, of its stored tree alone",
  },
  {
    action: "shell",
    words: ["shell"],
    operand: "[-- COMMAND…]",
    help: "a shell, or a command, in an overlay over an image that is kept",
  },
  {
    action: "shell-list",
    words: ["shell", "list"],
    help: "the overlays that are kept: base, packages, size, last use",
  },
  {
    action: "shell-diff",
    words: ["shell", "diff"],
    operand: "NAME",
    help: "what was changed in it, and what `commit` would write",
  },
  {
    action: "shell-commit",
    words: ["shell", "commit"],
    operand: "NAME",
    help: "write recipes of an extension with what was changed in it",
  },
  { action: "shell-reset", words: ["shell", "reset"], operand: "NAME", help: "begin again with its base" },
  { action: "shell-rm", words: ["shell", "rm"], operand: "NAME", help: "remove it with all that is in it" },
  {
    action: "trace",
    words: ["trace"],
    operand: "RECIPE [TASK]",
    help: "what each task changed in WORKDIR (TRACE_WORKDIR); with TASK: its patch",
  },
  {
    action: "why",
    words: ["why"],
    operand: "PACKAGE",
    help: "why a package is in an image; exit code 1 if it is not",
  },
  {
    action: "publish",
    words: ["publish"],
    operand: "IMAGE…",
    help: "put images that were built into a folder from which devices update",
  },
  {
    action: "lock",
    words: ["lock"],
    help: "pin what branches and tags of repositories are at, in tsbake.lock.yaml",
  },
  {
    action: "explain",
    words: ["explain"],
    operand: "[CODE]",
    help: "what an error means and what to do; without CODE: all codes",
  },
  {
    action: "completion",
    words: ["completion"],
    operand: "bash|zsh|fish",
    help: "a script that completes options, targets and tasks in that shell",
  },
] as const satisfies readonly CommandRow[];

type CommandAction = (typeof commandTable)[number]["action"];
/** Those that are shown as a build is: with --ui, -w and its errors. */
export type SessionAction = Exclude<CommandAction, "completion">;

export interface FoundCommand {
  readonly action: CommandAction;
  /** The words as one text. */
  readonly name: string;
  /** What stands behind the words. */
  readonly operands: readonly string[];
  readonly takesOperands: boolean;
}

/**
 * The command that positional arguments begin with.
 *
 * @returns undefined for targets; `incomplete` when only the first word is one of ours
 */
export function findCommand(
  positionals: readonly string[],
): FoundCommand | { readonly incomplete: string; readonly expected: readonly string[] } | undefined {
  const [first] = positionals;
  if (first === undefined) return undefined;
  const rows: readonly (CommandRow & { readonly action: CommandAction })[] = commandTable;
  const family = rows.filter(({ words }) => words[0] === first);
  if (family.length === 0) return undefined;
  // Of `shell` and `shell list`, the one that says more.
  const [row] = family
    .filter(({ words }) => words.every((word, index) => positionals[index] === word))
    .toSorted((left, right) => right.words.length - left.words.length);
  if (!row) return { incomplete: first, expected: family.map(({ words }) => words.slice(1).join(" ")) };
  return {
    action: row.action,
    name: row.words.join(" "),
    operands: positionals.slice(row.words.length),
    takesOperands: row.operand !== undefined,
  };
}
