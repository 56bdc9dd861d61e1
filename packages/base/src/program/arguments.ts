/** Arguments of a subcommand: declared once, read strictly, explained by `--help`. */
import { parseArgs } from "node:util";
import { BuildError, type Diagnostic } from "../diagnostics/diagnostic.js";
import { messageOf } from "../diagnostics/errno.js";
import { words } from "../text/order.js";

export interface OptionSpec {
  readonly help: string;
  /** What the value is, for the help; absent for a switch. */
  readonly value?: string;
  /** Must be given; an empty value counts. */
  readonly isRequired?: boolean;
  /** All values count; else the last. */
  readonly isList?: boolean;
}

export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

export interface Command {
  /** One line for `--help`. */
  readonly summary: string;
  readonly options: OptionSpecs;
  /** What comes after `--`, for the help; without it nothing may. */
  readonly rest?: string;
  /** @returns the exit code; nothing is 0 */
  run(args: Arguments, say: (line: string) => void): Promise<number | void>;
}

/** The room's own problem for arguments that make no sense. */
export type RefuseArgument = (what: string) => Diagnostic;

type Value = boolean | readonly string[];

/** The values of one call. */
export class Arguments {
  readonly #values: ReadonlyMap<string, Value>;
  readonly #refuse: RefuseArgument;
  /** What came after `--`. */
  readonly rest: readonly string[];

  constructor(values: ReadonlyMap<string, Value>, rest: readonly string[], refuse: RefuseArgument) {
    this.#values = values;
    this.rest = rest;
    this.#refuse = refuse;
  }

  /** A required option. @throws BuildError when it was not given */
  text(name: string): string {
    const value = this.#last(name);
    if (value === undefined) throw new BuildError([this.#refuse(`--${name} is needed`)]);
    return value;
  }

  /** Undefined when it was not given or is empty. */
  optional(name: string): string | undefined {
    const value = this.#last(name);
    return value?.trim() ? value : undefined;
  }

  /** Of all values of the option. */
  words(name: string): string[] {
    return this.list(name).flatMap((one) => words(one));
  }

  list(name: string): readonly string[] {
    const value = this.#values.get(name);
    return typeof value === "object" ? value : [];
  }

  /** A switch. */
  has(name: string): boolean {
    return this.#values.get(name) === true;
  }

  /** A whole number of seconds since 1970. @throws BuildError */
  epoch(name: string): number {
    const value = this.text(name);
    if (!/^\d{1,11}$/.test(value))
      throw new BuildError([this.#refuse(`--${name} is \`${value}\`, not seconds since 1970`)]);
    return Number(value);
  }

  #last(name: string): string | undefined {
    return this.list(name).at(-1);
  }
}

/** `--epoch`, which nearly every command needs. */
export const EPOCH = {
  epoch: { value: "SECONDS", help: "no time in the output is later", isRequired: true },
} as const satisfies OptionSpecs;

/** @throws BuildError with what `refuse` makes of unknown and missing options and stray words */
export function readArguments(
  name: string,
  command: Command,
  argv: readonly string[],
  refuse: RefuseArgument,
): Arguments {
  const { options: specs, rest: restName } = command;
  const end = restName === undefined ? -1 : argv.indexOf("--");
  const [own, rest] = end < 0 ? [argv, []] : [argv.slice(0, end), argv.slice(end + 1)];
  const options = Object.fromEntries(
    Object.entries(specs).map(([one, spec]) => [
      one,
      spec.value === undefined ? { type: "boolean" as const } : { type: "string" as const, multiple: true },
    ]),
  );
  let values: Readonly<Record<string, unknown>>;
  try {
    ({ values } = parseArgs({ args: [...own], options, strict: true, allowPositionals: false }));
  } catch (error) {
    throw new BuildError([refuse(`${name}: ${messageOf(error)}`)]);
  }
  const read = new Map<string, Value>();
  for (const [one, value] of Object.entries(values))
    if (value === true) read.set(one, true);
    else if (Array.isArray(value)) read.set(one, value.map(String));
  const fail = (what: string): never => {
    throw new BuildError([refuse(`${name} ${what}`)]);
  };
  const missing = Object.keys(specs).filter((one) => specs[one]?.isRequired && !read.has(one));
  if (missing.length > 0) fail(`needs ${missing.map((one) => `--${one}`).join(", ")}`);
  if (restName !== undefined && rest.length === 0) fail(`needs ${restName} after --`);
  return new Arguments(read, rest, refuse);
}

/** The help of one subcommand. @param call `tsbake-NAME SUBCOMMAND` */
export function helpOf(call: string, command: Command): string {
  const rows = Object.entries(command.options).map(([name, spec]): [string, string] => [
    `  --${name}${spec.value === undefined ? "" : ` ${spec.value}`}`,
    `${spec.help}${spec.isRequired ? "" : " (optional)"}${spec.isList ? " (may be repeated)" : ""}`,
  ]);
  const width = Math.max(0, ...rows.map(([left]) => left.length)) + 2;
  const usage = command.rest === undefined ? call : `${call} … -- ${command.rest}`;
  return [
    `${usage}: ${command.summary}`,
    "",
    ...rows.map(([left, right]) => left.padEnd(width) + right),
  ].join("\n");
}
