/** Arguments of a subcommand: declared once, read strictly, explained by `--help`. */
import { parseArgs } from "node:util";
import { BuildError, messageOf, words } from "@tsbake/base";
import { badArgument } from "./problems.js";

export interface OptionSpec {
  readonly help: string;
  /** What the value is, for the help. */
  readonly value: string;
  /** Default: may be left out. */
  readonly isRequired?: boolean;
}

export interface Command {
  /** One line for `--help`. */
  readonly summary: string;
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** What comes after `--`, for the help; without it nothing may. */
  readonly rest?: string;
  /** @returns the exit code; nothing is 0 */
  run(args: Arguments, say: (line: string) => void): Promise<number | void>;
}

/** The values of one call. */
export class Arguments {
  readonly #values: ReadonlyMap<string, string>;
  readonly rest: readonly string[];

  constructor(values: ReadonlyMap<string, string>, rest: readonly string[]) {
    this.#values = values;
    this.rest = rest;
  }

  /** A required option. */
  text(name: string): string {
    const value = this.#values.get(name);
    if (value === undefined) throw new Error(`internal: --${name} is not declared as required`);
    return value;
  }

  /** Undefined when it was not given or is empty. */
  optional(name: string): string | undefined {
    return this.#values.get(name)?.trim() || undefined;
  }

  words(name: string): string[] {
    return words(this.optional(name));
  }
}

/** @throws BuildError `packaging/bad-argument` for unknown and missing options and stray words */
export function readArguments(name: string, command: Command, argv: readonly string[]): Arguments {
  const end = argv.indexOf("--");
  const [own, rest] = end < 0 || !command.rest ? [argv, []] : [argv.slice(0, end), argv.slice(end + 1)];
  const options = Object.fromEntries(
    Object.keys(command.options).map((one) => [one, { type: "string" as const }]),
  );
  let values: Readonly<Record<string, string | undefined>>;
  try {
    ({ values } = parseArgs({ args: [...own], options, strict: true, allowPositionals: false }));
  } catch (error) {
    throw new BuildError([badArgument(`${name}: ${messageOf(error)}`)]);
  }
  const missing = Object.keys(command.options).filter(
    (one) => command.options[one]?.isRequired && !values[one],
  );
  if (missing.length > 0) {
    throw new BuildError([badArgument(`${name} needs ${missing.map((one) => `--${one}`).join(", ")}`)]);
  }
  if (command.rest && rest.length === 0)
    throw new BuildError([badArgument(`${name} needs ${command.rest} after --`)]);
  const given = Object.entries(values).flatMap(([key, value]): [string, string][] =>
    value === undefined ? [] : [[key, value]],
  );
  return new Arguments(new Map(given), rest);
}

/** The help of one subcommand. */
export function helpOf(name: string, command: Command): string {
  const rows = Object.entries(command.options).map(([option, spec]): [string, string] => [
    `  --${option} ${spec.value}`,
    `${spec.help}${spec.isRequired ? "" : " (optional)"}`,
  ]);
  const width = Math.max(0, ...rows.map(([left]) => left.length)) + 2;
  const usage = command.rest ? `tsbake-package ${name} … -- ${command.rest}` : `tsbake-package ${name} …`;
  return [
    `${usage}: ${command.summary}`,
    "",
    ...rows.map(([left, right]) => left.padEnd(width) + right),
  ].join("\n");
}
