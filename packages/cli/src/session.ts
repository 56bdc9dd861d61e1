/** One command from the opened build to the exit code. Everything from outside is handed in. */
import { resolve } from "node:path";
import { BuildError, codeOf, diskProblem, messageOf } from "@tsbake/base";
import type { Diagnostic } from "@tsbake/base";
import type { OpenOptions } from "@tsbake/engine";
import { unusedTargets } from "./command-line/arguments.js";
import type { Request } from "./command-line/arguments.js";
import type { Answer, Asked, SessionCommand } from "./commands/command.js";
import { loadCommand } from "./commands/index.js";
import type { Display } from "./display/display.js";
import { textDisplay } from "./display/text-display.js";
import { recordEvents, recordTimeline } from "./events/event-log.js";
import { beginEvent, jsonDisplay } from "./events/json-lines.js";
import { internalError, noMemory, systemError, unusedWords } from "./problems.js";
import { ALL_WELL, codeOfAbort, FAILED } from "./process/exit-code.js";
import type { Surroundings } from "./surroundings.js";

/** @returns the exit code */
export async function runSession(request: Request, around: Surroundings): Promise<number> {
  let display = openDisplay(request, around);
  let failed: number = FAILED;
  let code = failed;
  try {
    const { environment, version, words } = around;
    const file = (path: string): string => resolve(around.directory, path);
    const eventLog = request.eventLog ?? environment["BBEVENTLOG"];
    if (eventLog) display = recordEvents(display, file(eventLog), beginEvent(version, words));
    if (request.timeline !== undefined) display = recordTimeline(display, file(request.timeline));
    const unused = unusedTargets(request);
    if (unused)
      display.see({ type: "engine-warning", diagnostic: unusedWords(unused.option, unused.targets) });
    const options = openOptions(request, around, display);
    const command = await loadCommand(request.action);
    failed = command.failed ?? FAILED;
    const ended = await perform(command, { request, around, options }, display);
    return (code = ended !== ALL_WELL && around.kill.aborted ? codeOfAbort(around.kill) : ended);
  } catch (error) {
    const stack = request.debug > 0 && hasStack(error) ? error.stack : undefined;
    display.fail(diagnosticsOf(error, around.directory), stack);
    return (code = around.kill.aborted ? codeOfAbort(around.kill) : failed);
  } finally {
    display.close(code);
  }
}

/** Opens the build folder as the command needs it. @returns the exit code */
async function perform(command: SessionCommand, asked: Asked, display: Display): Promise<number> {
  const { request, around, options } = asked;
  if (command.run) return command.run(asked, display);
  const alone = await command.answerAlone?.(asked);
  if (alone) return show([alone], display);
  if (command.answer) {
    const build = await around.openBuild(options);
    try {
      return show([await command.answer(asked, build)].flat(), display);
    } finally {
      await build.close();
    }
  }
  const { locked } = command;
  if (!locked) throw new Error(`internal: ${request.action} asks nothing of a project`);
  const build = await around.lockBuild(options, locked.holds(request));
  try {
    return await locked.run(asked, build, display);
  } finally {
    await build.close();
  }
}

function show(answers: readonly Answer[], display: Display): number {
  for (const { text, data } of answers) display.answer(text, data);
  return answers.find(({ code = ALL_WELL }) => code !== ALL_WELL)?.code ?? ALL_WELL;
}

function openOptions(request: Request, around: Surroundings, display: Display): OpenOptions {
  return {
    directory: around.directory,
    environment: environmentOf(request, around),
    projectFiles: request.projectFiles,
    preFiles: request.preFiles,
    postFiles: request.postFiles,
    ...(request.recipeFile !== undefined && { recipeFile: request.recipeFile }),
    assumeProvided: request.assumeProvided,
    command: ["tsbake", ...around.words].join(" "),
    trackHistory: request.action === "environment",
    onEvent(event) {
      if (event.type === "plan") around.onTasks();
      display.see(event);
    },
  };
}

/** With the machine that is asked for, as if the caller had set it. */
function environmentOf({ machine }: Request, { environment }: Surroundings): OpenOptions["environment"] {
  if (machine === undefined) return environment;
  const passed = `${environment["BB_ENV_PASSTHROUGH_ADDITIONS"] ?? ""} MACHINE`.trim();
  return { ...environment, MACHINE: machine, BB_ENV_PASSTHROUGH_ADDITIONS: passed };
}

function openDisplay(request: Request, around: Surroundings): Display {
  if (request.ui === "json") return jsonDisplay(around);
  // A query's answer must be alone on standard output.
  const output = request.action === "build" ? around.stdout : around.stderr;
  return textDisplay(request, around, output);
}

function diagnosticsOf(error: unknown, directory: string): readonly Diagnostic[] {
  if (error instanceof BuildError) return error.diagnostics;
  const disk = diskProblem(error, [directory]);
  if (disk) return [disk];
  const message = messageOf(error);
  if (codeOf(error) !== undefined) return [systemError(message)];
  // V8's words, of whatever could not be had.
  if (/out of memory|allocation failed/i.test(message)) return [noMemory(message)];
  return [internalError(message.replace(/^internal: /, ""))];
}

function hasStack(error: unknown): error is { readonly stack: string } {
  return typeof error === "object" && error !== null && "stack" in error && typeof error.stack === "string";
}
