/** Programs that a test starts. */
import { run as runStrictly } from "@tsbake/base";
import type { ProcessOptions, RunResult } from "@tsbake/base";

/** As `run` of the product, but whatever the exit code is: how a program ends is what tests look at. */
export function run(
  command: string,
  args: readonly string[],
  options: ProcessOptions = {},
): Promise<RunResult> {
  return runStrictly(command, args, { ...options, mayFail: true });
}
