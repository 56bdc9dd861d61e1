/** What every subcommand is. */
import type { Arguments, OptionSpecs } from "../arguments.js";

export interface Command {
  /** One line for `--help`. */
  readonly summary: string;
  readonly options: OptionSpecs;
  /** @returns lines to print */
  run(args: Arguments, say: (line: string) => void): Promise<void>;
}

/** `--epoch`, which nearly every command needs. */
export const EPOCH = {
  epoch: { value: "SECONDS", help: "no time in the output is later", isRequired: true },
} as const;
