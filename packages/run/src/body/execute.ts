/** Runs the body of one task: its datastore, prefuncs, the function, postfuncs; what went wrong is a diagnostic. */
import { join } from "node:path";
import { fullDisk, noexecDisk, words, type Diagnostic } from "@tsbake/base";
import type { Datastore } from "@tsbake/datastore";
import { asWarning, describePython, diagnosticsOf } from "../failure.js";
import { bodyFailed, logLost } from "../problems.js";
import { withPython } from "./python-needed.js";
import { asText } from "./shell-script.js";
import { BodyFunction } from "./body-function.js";
import { TaskLog } from "./task-log.js";
import type { Body, Executor } from "./types.js";

/** How a body has ended. */
export interface BodyResult {
  /** Empty when the body did its work. */
  readonly diagnostics: readonly Diagnostic[];
  readonly exitCode?: number;
  readonly logPath?: string;
  /** Of the last function, if it is shell: what is written of Python functions is for reading. */
  readonly scriptPath?: string;
}

/** What a task sees of its recipe: a copy with the weakest override `task-NAME` and the engine's own variables. */
export function taskDatastore(
  recipe: Datastore,
  task: string,
  hashes: { readonly taskHash: string; readonly unihash: string },
): Datastore {
  const d = recipe.createCopy();
  const name = task.replace(/^do_/, "");
  d.setVar(
    "OVERRIDES",
    `task-${name.replaceAll("_", "-")}:${asText(d.getVar("OVERRIDES", { expand: false }))}`,
  );
  d.setVar("BB_RUNTASK", task);
  d.setVar("BB_CURRENTTASK", name);
  d.setVar("BB_TASKHASH", hashes.taskHash);
  d.setVar("BB_UNIHASH", hashes.unihash);
  d.setVar("BB_WORKERCONTEXT", "1");
  return d;
}

/** @throws BuildError and system errors of what comes before the log is open; what comes after is in the result */
export async function executeBody(executor: Executor, body: Body): Promise<BodyResult> {
  const folder = await withPython(
    executor.openPython,
    () => body.d.getText("T") ?? join(body.d.getText("TMPDIR") ?? ".", "work", "temp"),
  );
  await body.prepare(folder);
  const log = new TaskLog(folder, body.function);
  const flag = (name: string) => words(asText(body.d.getVarFlag(body.function, name, { expand: true })));
  let scriptPath: string | undefined;
  try {
    const functions = await withPython(executor.openPython, () => [
      ...flag("prefuncs"),
      body.function,
      ...flag("postfuncs"),
    ]);
    for (const name of functions) {
      const part = new BodyFunction({ executor, body, folder, log }, name);
      // Everything is expanded before a process starts, so trying again repeats nothing that was done.
      const end = await withPython(executor.openPython, () => part.run());
      scriptPath = part.scriptPath;
      if (end.code !== 0) {
        const failed = bodyFailed(body.label, name, end.code, describePython(end, body.d, name));
        const said = log.end();
        const disk =
          fullDisk(folder, executor.folders, failed.message, said) ??
          noexecDisk(folder, failed.message, end.code, said);
        keepLog(log, body, executor);
        const known = { exitCode: end.code, logPath: log.path, ...(scriptPath && { scriptPath }) };
        return { diagnostics: [disk ?? failed], ...known };
      }
    }
    return { diagnostics: [], logPath: log.path, ...(scriptPath && { scriptPath }) };
  } catch (error) {
    const diagnostics = diagnosticsOf(error, body.label, [folder, ...executor.folders]);
    if (!diagnostics) throw error;
    for (const { message } of diagnostics) log.write(`ERROR: ${message}\n`);
    keepLog(log, body, executor);
    return { diagnostics, logPath: log.path, ...(scriptPath && { scriptPath }) };
  } finally {
    log.close();
  }
}

/** A log that cannot be put back (its disk is full) is no reason to lose the reason. */
function keepLog(log: TaskLog, { label }: Body, { folders, onEvent }: Executor): void {
  try {
    log.restore();
  } catch (error) {
    const diagnostic = asWarning(error, label, folders, (reason) => logLost(label, log.path, reason));
    if (diagnostic === undefined) throw error;
    onEvent({ type: "warning", diagnostic });
  }
}
