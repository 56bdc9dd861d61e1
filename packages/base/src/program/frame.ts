/** What every program is that task bodies call: subcommands, `--help`, `--options FILE`, errors and exit codes. */
import { eachLimited, AT_ONCE } from "../process/parallel.js";
import { BuildError } from "../diagnostics/diagnostic.js";
import { helpOf, readArguments } from "./arguments.js";
import type { Command, RefuseArgument } from "./arguments.js";
import { OPTION_FILE_HELP, withOptionFiles } from "./option-file.js";
import { reportError, say } from "./output.js";

export interface Program {
  /** `tsbake-NAME`. */
  readonly name: string;
  /** By name; each is loaded when it is called, with its own code only. */
  readonly commands: Readonly<Record<string, () => Promise<Command>>>;
  readonly refuse: RefuseArgument;
  /** Of all that it writes; default: the caller's. */
  readonly umask?: number;
}

/**
 * Runs the program with the arguments of this process, and sets its exit code: what the subcommand says, 1 after an error, which
 * is printed. Never rejects.
 */
export async function runProgram(program: Program): Promise<void> {
  if (program.umask !== undefined) process.umask(program.umask);
  try {
    process.exitCode = await call(program, withOptionFiles(process.argv.slice(2)));
  } catch (error) {
    process.exitCode = reportError(error);
  }
}

async function call(program: Program, argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  // A body that has lost its words has not done its work.
  if (name === undefined) throw new BuildError([program.refuse("a subcommand is needed")]);
  if (isHelp(name)) {
    say(await overview(program));
    return 0;
  }
  const load = Object.hasOwn(program.commands, name) ? program.commands[name] : undefined;
  if (load === undefined) throw new BuildError([program.refuse(`there is no subcommand \`${name}\``)]);
  const command = await load();
  const end = rest.indexOf("--");
  if (rest.slice(0, end < 0 ? rest.length : end).some(isHelp)) {
    say(helpOf(`${program.name} ${name}`, command));
    return 0;
  }
  return (await command.run(readArguments(name, command, rest, program.refuse), say)) ?? 0;
}

function isHelp(word: string): boolean {
  return word === "--help" || word === "-h";
}

async function overview({ name, commands }: Program): Promise<string> {
  const rows = await eachLimited(
    Object.entries(commands),
    AT_ONCE,
    async ([one, load]) => `  ${one.padEnd(14)}${(await load()).summary}`,
  );
  return [`${name} SUBCOMMAND --OPTION VALUE …`, "", ...rows, "", OPTION_FILE_HELP].join("\n");
}
