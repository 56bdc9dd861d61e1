/** One interpreter for a build, started when metadata first needs it; and Python tasks, each in a process of its own. */
import { asText } from "./as-text.js";
import { LazyPython, openPython, runPythonTask } from "@tsbake/python";
import type { TaskFunction } from "@tsbake/python";
import type { Datastore, PythonHost, PythonPlace } from "@tsbake/datastore";
import type { PythonRunner } from "@tsbake/run";
import type { EngineEvent } from "./events.js";

export interface BuildPython {
  readonly host: () => PythonHost;
  readonly open: () => Promise<void>;
  readonly runTask: PythonRunner;
  close(): void;
}

/** @param cache folder for the interpreter's memory snapshot */
export function openBuildPython(cache: string, onEvent: (event: EngineEvent) => void): BuildPython {
  const lazy = new LazyPython(() =>
    openPython({
      cache,
      onMessage: (level, text) => onEvent({ type: "metadata-message", level, text }),
    }),
  );
  return {
    host: () => lazy,
    open: () => lazy.open(),
    runTask: (call) =>
      runPythonTask({
        name: call.function,
        body: asText(call.d.getVar(call.function, { expand: false })),
        place: placeOf(call.d, call.function),
        d: call.d,
        functions: pythonFunctions(call.d).filter((one) => one.name !== call.function),
        cwd: call.cwd,
        env: call.environment,
        umask: call.umask,
        scriptPath: call.scriptPath,
        cache,
        lazy,
        start: (command, args, options) => call.start(command, args, options),
        onMessage: (level, text) => call.onMessage(level, text),
        execFunction: (name, d, dirs) => call.runFunction(name, d, dirs),
      }),
    close: () => lazy.close(),
  };
}

function pythonFunctions(d: Datastore): TaskFunction[] {
  const functions: TaskFunction[] = [];
  for (const name of d.keys()) {
    const isPython = (flag: string) => Boolean(d.getVarFlag(name, flag, { expand: false }));
    if (name.startsWith("__") || !isPython("func") || !isPython("python")) continue;
    functions.push({ name, text: asText(d.getVar(name, { expand: false })), place: placeOf(d, name) });
  }
  return functions;
}

function placeOf(d: Datastore, name: string): PythonPlace {
  return {
    file: asText(d.getVarFlag(name, "filename", { expand: false })) || "metadata",
    line: Number(d.getVarFlag(name, "lineno", { expand: false })) || 1,
  };
}
