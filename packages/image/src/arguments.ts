/** Arguments of a subcommand: declared once, read strictly, explained by `--help`. */
import { parseArgs } from "node:util";
import { BuildError, messageOf, words } from "@tsbake/base";
import * as problems from "./problems.js";

export interface OptionSpec {
  readonly help: string;
  /** What the value is, for the help; absent for a switch. */
  readonly value?: string;
  readonly isRequired?: boolean;
}

export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** The values of one call. */
export class Arguments {
  readonly #values: ReadonlyMap<string, string | boolean>;

  constructor(values: ReadonlyMap<string, string | boolean>) {
    this.#values = values;
  }

  /** A required option. */
  text(name: string): string {
    const value = this.#values.get(name);
    if (typeof value !== "string") throw new Error(`internal: --${name} is not declared as required`);
    return value;
  }

  /** Undefined when it was not given or is empty. */
  optional(name: string): string | undefined {
    const value = this.#values.get(name);
    return typeof value === "string" && value.trim() !== "" ? value : undefined;
  }

  words(name: string): string[] {
    return words(this.optional(name));
  }

  has(name: string): boolean {
    return this.#values.get(name) === true;
  }

  /** A whole number of seconds since 1970. @throws BuildError `image/bad-argument` */
  epoch(name: string): number {
    const value = this.text(name);
    if (!/^\d{1,11}$/.test(value)) {
      throw new BuildError([problems.badArgument(`--${name} is \`${value}\`, not seconds since 1970`)]);
    }
    return Number(value);
  }
}

/** @throws BuildError `image/bad-argument` for unknown, missing or repeated options and stray words */
export function readArguments(command: string, specs: OptionSpecs, argv: readonly string[]): Arguments {
  const options = Object.fromEntries(
    Object.entries(specs).map(([name, spec]) => [
      name,
      { type: spec.value === undefined ? ("boolean" as const) : ("string" as const) },
    ]),
  );
  let values: Readonly<Record<string, unknown>>;
  try {
    ({ values } = parseArgs({ args: [...argv], options, strict: true, allowPositionals: false }));
  } catch (error) {
    throw new BuildError([problems.badArgument(`${command}: ${messageOf(error)}`)]);
  }
  const missing = Object.keys(specs).filter((name) => specs[name]?.isRequired && values[name] === undefined);
  if (missing.length > 0) {
    const list = missing.map((name) => `--${name}`).join(", ");
    throw new BuildError([problems.badArgument(`${command} needs ${list}`)]);
  }
  const read = new Map<string, string | boolean>();
  for (const [name, value] of Object.entries(values)) {
    if (typeof value === "string" || typeof value === "boolean") read.set(name, value);
  }
  return new Arguments(read);
}

/** The help of one subcommand. */
export function helpOf(command: string, summary: string, specs: OptionSpecs): string {
  const rows = Object.entries(specs).map(([name, spec]): [string, string] => [
    `  --${name}${spec.value === undefined ? "" : ` ${spec.value}`}`,
    `${spec.help}${spec.isRequired ? "" : " (optional)"}`,
  ]);
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return [
    `tsbake-image ${command}: ${summary}`,
    "",
    ...rows.map(([left, right]) => left.padEnd(width) + right),
  ].join("\n");
}
