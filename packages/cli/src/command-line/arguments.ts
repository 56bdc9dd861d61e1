/** Words of the command line into a command. The letters are BitBake's; docs/manual.md says what they mean. */
import { parseArgs } from "node:util";
import type { Diagnostic } from "@tsbake/base";
import type { BuildRequest } from "@tsbake/engine";
import {
  checkCommand,
  checkRequest,
  matrixRequest,
  imagesRequest,
  maintenanceRequest,
  trialRequest,
} from "./command-options.js";
import type {
  CheckRequest,
  ImagesRequest,
  MaintenanceRequest,
  MatrixRequest,
  TrialRequest,
} from "./command-options.js";
import { commandTable, findCommand } from "./commands.js";
import type { FoundCommand, SessionAction } from "./commands.js";
import {
  conflictingOptions,
  incompleteCommand,
  misplacedOption,
  severalProjects,
  missingValue,
  unexpectedTarget,
  unknownOption,
  wrongValue,
} from "../problems.js";
import { SHELL, shellRequest, type ShellWords } from "./shell-options.js";
import { readSignatureQuery } from "./signature-query.js";
import type { SignatureQuery } from "./signature-query.js";

export type Ui = "auto" | "plain" | "json";

/** What is to be done, for all actions; those that an action does not use are ignored by it. */
export interface Request extends Omit<BuildRequest, "terminal" | "stop" | "kill"> {
  readonly action: "build" | "environment" | "graph" | "versions" | "parse" | "tasks" | SessionAction;
  /** For a command of words: what follows them. */
  readonly targets: readonly string[];
  readonly lockedSignatures: boolean;
  /** Of `-b`. */
  readonly recipeFile?: string;
  readonly assumeProvided: readonly string[];
  readonly eventLog?: string;
  /** `a.yml:b.yml`: project files that are named; empty: the one that is found. */
  readonly projectFiles: readonly string[];
  /** Of `--machine`. */
  readonly machine?: string;
  /** Of `tsbake lock`. */
  readonly updates: boolean;
  /** Where the timeline goes, when one is wanted. */
  readonly timeline?: string;
  /** What is asked, for questions about signatures. */
  readonly query?: SignatureQuery;
  readonly preFiles: readonly string[];
  readonly postFiles: readonly string[];
  readonly quiet: boolean;
  /** How often -D was given: stack traces, debug messages. */
  readonly debug: number;
  readonly ui: Ui;
  readonly maintenance: MaintenanceRequest;
  /** Of `tsbake check`. */
  readonly check?: CheckRequest;
  /** Of `tsbake matrix`, whose extensions are the targets. */
  readonly matrix?: MatrixRequest;
  /** Of `tsbake try`. */
  readonly trial?: TrialRequest;
  /** Of `tsbake shell` and its commands. */
  readonly shell?: ShellWords;
  /** What is asked of images. */
  readonly images: ImagesRequest;
}

export type CommandLine =
  | { readonly kind: "completion"; readonly what: string }
  | { readonly kind: "help" }
  | { readonly kind: "version" }
  | { readonly kind: "wrong"; readonly diagnostic: Diagnostic }
  | { readonly kind: "request"; readonly request: Request };

/** An option: one letter or none, its long name, and the name of its value when it takes one. */
export interface OptionRow {
  readonly short?: string;
  readonly long: string;
  readonly value?: string;
  readonly help: string;
  /** A name that it had before: understood still. */
  readonly formerly?: string;
  /** The command of words, or commands, that it belongs to; it is a mistake elsewhere. */
  readonly of?: string | readonly string[];
}

/** In the order of the help text. */
export const optionTable: readonly OptionRow[] = [
  { short: "c", long: "cmd", value: "TASK", help: "run this task of the targets (default: build)" },
  { short: "f", long: "force", help: "run the target tasks even if they are up to date" },
  {
    short: "C",
    long: "clear-stamp",
    value: "TASKS",
    help: "force these tasks (a,b), then run the default one",
  },
  {
    short: "b",
    long: "buildfile",
    value: "FILE",
    help: "build from this recipe file alone, without what it needs of others",
  },
  { short: "I", long: "ignore-deps", value: "NAME", help: "take NAME for provided, build no recipe for it" },
  { long: "machine", value: "NAME", help: "build for this machine, whatever the project file says" },
  { short: "k", long: "continue", help: "after a failure, go on with what does not depend on it" },
  { short: "n", long: "dry-run", help: "tell what would be done, do nothing" },
  { short: "e", long: "environment", help: "show all variables, of the configuration or of one target" },
  {
    short: "g",
    long: "graphviz",
    help: "write the targets' graph: task-depends.dot, .json, .html; pn-buildlist",
  },
  { short: "s", long: "show-versions", help: "list recipes with their latest and preferred versions" },
  { short: "p", long: "parse-only", help: "read all recipes and stop" },
  {
    short: "S",
    long: "dump-signatures",
    value: "HOW",
    help: "none: write signature data; printdiff: compare with the shared state",
  },
  {
    short: "t",
    long: "task",
    value: "RECIPE",
    of: "diffsigs",
    help: "the newest two records of this recipe's task, or two by hash",
  },
  { long: "runall", value: "TASK", help: "run TASK of every recipe in the targets' graph (repeatable)" },
  {
    long: "runonly",
    value: "TASK",
    help: "of the targets' graph run only TASK and what it needs (repeatable)",
  },
  { long: "no-setscene", help: "build everything, restore nothing from the shared state" },
  { long: "skip-setscene", help: "restore nothing new; what was restored before counts" },
  { long: "setscene-only", help: "restore what can be restored, execute nothing" },
  { short: "r", long: "read", value: "FILE", help: "read this configuration file before the others" },
  { short: "R", long: "postread", value: "FILE", help: "read this configuration file after the others" },
  { short: "w", long: "write-log", value: "FILE", help: "write all events to FILE, one JSON object a line" },
  { long: "timeline", value: "FILE", help: "write which task ran when to FILE, for ui.perfetto.dev" },
  { short: "v", long: "verbose", help: "show the output of tasks; shell tasks run with set -x" },
  { short: "q", long: "quiet", help: "show only warnings, errors and the result" },
  { short: "D", long: "debug", help: "show debug messages, and stack traces of internal errors" },
  { short: "u", long: "ui", value: "auto|plain|json", help: "how progress is shown; json: one event a line" },
  {
    long: "older-than",
    formerly: "age",
    value: "AGE",
    of: "sstate prune",
    help: "what has not been used for so long: 90m, 12h, 30d, 4w",
  },
  {
    long: "max-size",
    formerly: "size",
    value: "SIZE",
    of: "sstate prune",
    help: "the least recently used, until the rest fits: 500M, 10G, 1T",
  },
  {
    long: "keep-for",
    formerly: "unreachable-from",
    value: "TARGET…",
    of: "sstate prune",
    help: "all but what a build of these targets would look for now",
  },
  {
    long: "against",
    value: "BASE…",
    of: ["check", "matrix"],
    help: "bases (default: those that recipes are for); of `matrix` more of them",
  },
  {
    long: "with",
    value: "EXTENSION",
    of: ["check", "try"],
    help: "another extension that is merged beside it (repeatable)",
  },
  { long: "boot", of: ["try", "shell"], help: "boot it, and run the command there (systemd-nspawn, root)" },
  { long: "update", of: "lock", help: "what is locked, too, goes to where its branch or tag is now" },
  { long: "on", value: "IMAGE", of: "shell", help: "the recipe of the image, which is built if need be" },
  { long: "name", value: "NAME", of: "shell", help: "what the overlay is called (default: as the image)" },
  {
    long: "bind",
    value: "PATH[:PLACE]",
    of: "shell",
    help: "show a file or folder of this machine there (repeatable)",
  },
  { long: "offline", of: "shell", help: "without network and package lists" },
  {
    long: "no-database-update",
    of: "shell",
    help: "stay on the base of before, though it has been built anew",
  },
  { long: "as", value: "RECIPE", of: "shell commit", help: "the name of the extension's recipe" },
  {
    long: "layer",
    value: "DIR",
    of: "shell commit",
    help: "the layer that gets it (default: the only own one)",
  },
  { long: "json", of: ["check", "matrix"], help: "the answer as JSON" },
  { long: "remove", of: "sstate verify", help: "delete what is damaged" },
  { long: "in", value: "IMAGE", of: "why", help: "a recipe whose image was built, or its .packages.json" },
  {
    long: "to",
    value: "PATH",
    of: ["publish", "bundle", "imaging"],
    help: "the folder that is filled; for a bundle also a file, NAME.tar",
  },
  { long: "type", value: "TYPE", of: "imaging", help: "what is made: a word of IMAGE_FSTYPES (repeatable)" },
  {
    long: "other-layers",
    of: "imaging",
    help: "take what is stored, though other layers have made it",
  },
  {
    long: "keep",
    value: "NUMBER",
    of: "publish",
    help: "versions of each image that stay (default: all)",
  },
  { long: "version", help: "show the version" },
  { short: "h", long: "help", help: "show this text" },
];

/** Whether an option belongs to a command of words. */
export function isOf({ of }: OptionRow, command: string | undefined): boolean {
  return command !== undefined && [of].flat().includes(command);
}

/** The command that is given project files. */
const LOCK = "lock";
/** Commands behind whose `--` stands one of the caller. */
const STARTING: readonly string[] = ["try", SHELL];

/** What `-S` takes. */
const SIGNATURE_DUMPS: readonly string[] = ["none", "printdiff", "lockedsigs"];

/** Never throws: what cannot be understood is a command of its own. */
export function parseCommand(words: readonly string[]): CommandLine {
  const given = new Map<string, string[]>();
  const targets: string[] = [];
  const projects: string[] = [];
  // What follows `--` is a command's own affair for `try` and `shell`, and targets that begin with `-` else.
  let behind: string[] | undefined;
  for (const token of tokenise(words)) {
    if (token.kind === "option-terminator" && STARTING.includes(targets[0] ?? "")) behind = [];
    if (token.kind === "positional")
      (behind ?? (isProject(token.value, targets[0]) ? projects : targets)).push(token.value);
    if (token.kind !== "option") continue;
    const row = optionTable.find(({ long, formerly }) => token.name === long || token.name === formerly);
    if (!row) return wrong(unknownOption(token.rawName, optionNames()));
    if (row.value === undefined) {
      if (token.value !== undefined) return wrong(wrongValue(token.rawName, token.value, "no value"));
    } else if (!token.value || (!token.inlineValue && token.value.startsWith("-"))) {
      return wrong(missingValue(token.rawName, row.value));
    }
    const values = given.get(row.long) ?? [];
    values.push(token.value ?? "");
    given.set(row.long, values);
  }
  if (given.has("help")) return { kind: "help" };
  if (given.has("version")) return { kind: "version" };
  if (projects.length > 1) return wrong(severalProjects(projects));
  const command = findCommand(targets);
  if (command && "incomplete" in command)
    return wrong(incompleteCommand(command.incomplete, command.expected));
  const files = projects.flatMap((word) => word.split(":"));
  const mistake = check(given) ?? checkTargets(given, targets) ?? checkWords(given, command);
  if (mistake) return mistake;
  if (command?.action === "completion") return { kind: "completion", what: command.operands[0]! };
  const query = command && readSignatureQuery(command, given.get("task")?.at(-1));
  if (query && "severity" in query) return wrong(query);
  const request = {
    ...toRequest(given, command?.operands ?? targets, command?.action, query),
    projectFiles: files,
  };
  const trial = command?.action === "try" && trialRequest(given, command.operands, behind);
  const shell = command?.action.startsWith(SHELL) && shellRequest(given, command.operands, behind);
  return { kind: "request", request: { ...request, ...(trial && { trial }), ...(shell && { shell }) } };
}

/**
 * `kas.yml`, or several, `kas.yml:option.yml`: no recipe ends like that. Behind the words of a command stand what it is given, such as
 * files; `lock` is given project files.
 *
 * @param first of the words before it that are no project files
 */
function isProject(word: string, first: string | undefined): boolean {
  if (first !== LOCK && commandTable.some(({ words }) => words[0] === first)) return false;
  return word.split(":").every((part) => /[^/]\.(ya?ml|json)$/.test(part));
}

function tokenise(words: readonly string[]) {
  const options = Object.fromEntries(
    optionTable.flatMap(({ short, long, formerly, value }) => {
      const type: "string" | "boolean" = value === undefined ? "boolean" : "string";
      const names = [long, ...(formerly === undefined ? [] : [formerly])];
      return names.map((name) => [
        name,
        { type, multiple: true, ...(name === long && short !== undefined && { short }) },
      ]);
    }),
  );
  // Not strict: the wording of mistakes is ours.
  return parseArgs({ args: [...words], options, strict: false, allowPositionals: true, tokens: true }).tokens;
}

function check(given: ReadonlyMap<string, readonly string[]>): CommandLine | undefined {
  for (const loud of ["verbose", "debug"]) {
    if (given.has("quiet") && given.has(loud)) return wrong(conflictingOptions("--quiet", `--${loud}`));
  }
  const modes = ["no-setscene", "skip-setscene", "setscene-only"].filter((name) => given.has(name));
  if (modes.length > 1) return wrong(conflictingOptions(`--${modes[0]!}`, `--${modes[1]!}`));
  const actions = ["environment", "graphviz", "show-versions", "parse-only"].filter((name) =>
    given.has(name),
  );
  if (actions.length > 1) return wrong(conflictingOptions(`--${actions[0]!}`, `--${actions[1]!}`));
  const machine = given.get("machine")?.at(-1);
  if (machine !== undefined && !/^[\w.+-]+$/.test(machine))
    return wrong(wrongValue("--machine", machine, "one name, of letters, digits and `_ . + -`"));
  const ui = given.get("ui")?.at(-1);
  if (ui !== undefined && !isUi(ui)) return wrong(wrongValue("--ui", ui, "`auto`, `plain` or `json`"));
  for (const handler of given.get("dump-signatures") ?? []) {
    if (!SIGNATURE_DUMPS.includes(handler)) {
      return wrong(wrongValue("--dump-signatures", handler, "`none`, `printdiff` or `lockedsigs`"));
    }
  }
  return undefined;
}

/** What BitBake refuses too. */
function checkTargets(
  given: ReadonlyMap<string, readonly string[]>,
  targets: readonly string[],
): CommandLine | undefined {
  const odd = targets.find((target) => target === "" || target.endsWith(":"));
  if (odd !== undefined) return wrong(wrongValue("a target", odd, "a recipe, or `RECIPE:do_TASK`"));
  const most = given.has("buildfile") ? 0 : 1;
  if (given.has("environment") && targets.length > most)
    return wrong(unexpectedTarget(most === 0 ? "-e with -b" : "-e", targets[most]!));
  for (const query of ["graphviz", "show-versions", "parse-only"]) {
    if (given.has("buildfile") && given.has(query))
      return wrong(conflictingOptions("--buildfile", `--${query}`));
  }
  return undefined;
}

/** Targets that the action does not look at, and the option that makes it so. BitBake accepts them without a word. */
export function unusedTargets({
  action,
  recipeFile,
  targets,
}: Request): { readonly option: string; readonly targets: readonly string[] } | undefined {
  const options: Partial<Record<Request["action"], string>> = { parse: "-p", versions: "-s" };
  const option = recipeFile === undefined ? options[action] : "-b";
  return option === undefined || targets.length === 0 ? undefined : { option, targets };
}

/** What belongs to commands of words. */
function checkWords(
  given: ReadonlyMap<string, readonly string[]>,
  command: FoundCommand | undefined,
): CommandLine | undefined {
  const stray = optionTable.find(
    (row) => row.of !== undefined && given.has(row.long) && !isOf(row, command?.name),
  );
  if (stray) {
    const owners = [stray.of!].flat();
    return wrong(misplacedOption(`--${stray.long}`, owners.join("` and `tsbake "), command?.name));
  }
  const diagnostic = command && checkCommand(command, given);
  return diagnostic && wrong(diagnostic);
}

function toRequest(
  given: ReadonlyMap<string, readonly string[]>,
  targets: readonly string[],
  command: SessionAction | undefined,
  asked: SignatureQuery | undefined,
): Omit<Request, "projectFiles"> {
  const all = (name: string) => given.get(name) ?? [];
  const last = (name: string) => given.get(name)?.at(-1);
  const task = last("cmd");
  const recipeFile = last("buildfile");
  const machine = last("machine");
  const eventLog = last("write-log");
  const timeline = last("timeline");
  const ui = last("ui");
  const dumps = all("dump-signatures");
  const query: SignatureQuery | undefined = dumps.includes("printdiff")
    ? { kind: "what-changed", against: "closest" }
    : asked;
  return {
    action: query === asked ? (command ?? action(given, task)) : "whatchanged",
    targets,
    ...(query && { query }),
    ...(task !== undefined && { task }),
    force: given.has("force"),
    invalidate: all("clear-stamp").flatMap((text) => text.split(",").filter((name) => name !== "")),
    keepGoing: given.has("continue"),
    dryRun: given.has("dry-run"),
    runAll: all("runall"),
    runOnly: all("runonly"),
    setscene: setscene(given),
    signaturesOnly: dumps.includes("none") || dumps.includes("lockedsigs"),
    lockedSignatures: dumps.includes("lockedsigs"),
    ...(recipeFile !== undefined && { recipeFile }),
    ...(machine !== undefined && { machine }),
    updates: given.has("update"),
    assumeProvided: all("ignore-deps"),
    ...(eventLog !== undefined && { eventLog }),
    ...(timeline !== undefined && { timeline }),
    preFiles: all("read"),
    postFiles: all("postread"),
    verbose: given.has("verbose"),
    quiet: given.has("quiet"),
    debug: all("debug").length,
    ui: ui !== undefined && isUi(ui) ? ui : "auto",
    maintenance: maintenanceRequest(given, targets),
    ...(command === "check" && { check: checkRequest(given, targets) }),
    ...(command === "matrix" && { matrix: matrixRequest(given) }),
    images: imagesRequest(given),
  };
}

function action(given: ReadonlyMap<string, readonly string[]>, task: string | undefined): Request["action"] {
  if (given.has("environment")) return "environment";
  if (given.has("graphviz")) return "graph";
  if (given.has("show-versions")) return "versions";
  if (given.has("parse-only")) return "parse";
  return task === "listtasks" || task === "do_listtasks" ? "tasks" : "build";
}

function setscene(given: ReadonlyMap<string, readonly string[]>): Request["setscene"] {
  if (given.has("no-setscene")) return "off";
  if (given.has("skip-setscene")) return "skip";
  return given.has("setscene-only") ? "only" : "on";
}

function isUi(text: string): text is Ui {
  return text === "auto" || text === "plain" || text === "json";
}

function optionNames(): string[] {
  return optionTable.flatMap(({ short, long }) => [
    `--${long}`,
    ...(short === undefined ? [] : [`-${short}`]),
  ]);
}

function wrong(diagnostic: Diagnostic): CommandLine {
  return { kind: "wrong", diagnostic };
}
