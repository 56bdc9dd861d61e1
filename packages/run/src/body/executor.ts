/** What bodies are executed with: processes, isolation, niceness, interpreters, as the settings say. */
import type { RunEvent } from "../events.js";
import { networkIsolation } from "../limits/isolation.js";
import { openNiceness } from "../limits/niceness.js";
import type { RunOptions } from "../options.js";
import type { Processes } from "../processes/processes.js";
import type { Executor } from "./types.js";

export function openExecutor(
  { settings, runPython, openPython }: RunOptions,
  processes: Processes,
  onEvent: (event: RunEvent) => void,
): Executor {
  return {
    processes,
    isolation: networkIsolation(onEvent),
    niceness: openNiceness(settings.nice, onEvent),
    runPython,
    openPython,
    verbose: settings.verbose,
    folders: settings.folders,
    terminal: settings.terminal,
    onEvent,
  };
}
