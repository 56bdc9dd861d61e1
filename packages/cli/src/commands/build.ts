/** `tsbake TARGET…`: a build, and what is asked of one with `-S`. */
import type { BuildRequest, LockedBuild } from "@tsbake/engine";
import type { Request } from "../command-line/arguments.js";
import type { Display } from "../display/display.js";
import { ALL_WELL, FAILED } from "../process/exit-code.js";
import { noTarget } from "../problems.js";
import type { Surroundings } from "../surroundings.js";
import type { Asked, SessionCommand } from "./command.js";

export const build: SessionCommand = { locked: { holds: lockOf, run } };

/** What runs, or leaves marks, needs all folders. */
export function lockOf({
  action,
  dryRun,
  signaturesOnly,
  force,
  invalidate,
}: Request): "build folder" | "everything" {
  const isMarking = force || invalidate.length > 0;
  const isWriting = action === "build" && !dryRun && !signaturesOnly;
  return isWriting || isMarking ? "everything" : "build folder";
}

async function run({ request, around }: Asked, locked: LockedBuild, display: Display): Promise<number> {
  const result = await locked.build(buildRequest(request, around));
  if (result.summary?.total === 0 && request.targets.length === 0) {
    display.fail([noTarget()], undefined);
    return FAILED;
  }
  if (request.signaturesOnly)
    display.answer("signature data is written beside the stamps, as STAMP.TASK.sigdata.HASH\n");
  if (request.lockedSignatures) display.answer("the signatures are locked by locked-sigs.inc, here\n");
  display.conclude(result.summary, result.outputs);
  return (result.summary?.ok ?? true) ? ALL_WELL : FAILED;
}

/** What the engine is asked for: the command line with what the terminal and signals add. */
export function buildRequest(request: Request, around: Surroundings): BuildRequest {
  const { targets, task, force, invalidate, keepGoing, dryRun, verbose, runAll, runOnly, setscene } = request;
  return {
    targets,
    ...(task !== undefined && { task }),
    force,
    invalidate,
    keepGoing,
    dryRun,
    verbose,
    runAll,
    runOnly,
    setscene,
    signaturesOnly: request.signaturesOnly,
    lockedSignatures: request.lockedSignatures,
    ...(around.hasTerminal && request.ui !== "json" && { terminal: terminalEnvironment(around) }),
    stop: around.stop,
    kill: around.kill,
  };
}

/** What a shell on the terminal needs of the caller's environment; all else comes from the task. */
function terminalEnvironment({ environment }: Surroundings): Record<string, string> {
  const found = ["TERM", "COLORTERM", "SHELL", "USER", "LOGNAME"].flatMap((name) => {
    const value = environment[name];
    return value === undefined ? [] : [[name, value]];
  });
  return { SHELL: "/bin/sh", ...(Object.fromEntries(found) as Record<string, string>) };
}
