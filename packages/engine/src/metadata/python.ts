/** One interpreter for a build, started when metadata first needs it; and Python tasks, each in a process of its own. */
import {
  describeFunction,
  evaluateInProcess,
  LazyPython,
  openPython,
  runPythonTask,
  type EvaluateOptions,
} from "@tsbake/python";
import type { PythonHost } from "@tsbake/datastore";
import type { PythonRunner } from "@tsbake/run";
import type { EngineEvent } from "../events.js";

export interface BuildPython {
  readonly host: () => PythonHost;
  readonly open: () => Promise<void>;
  /** The listener is told of files that metadata says it depends on. */
  readonly watchFiles: (listener: (path: string) => void) => void;
  readonly runTask: PythonRunner;
  /** Calls a function of metadata in a process of its own; messages and output become events. */
  readonly evaluate: (
    call: Omit<EvaluateOptions, "cache" | "lazy" | "onMessage" | "onOutput">,
  ) => Promise<unknown>;
  close(): void;
}

/** @param cache folder for the interpreter's memory snapshot */
export function openBuildPython(cache: string, onEvent: (event: EngineEvent) => void): BuildPython {
  let onFile: (path: string) => void = () => {};
  const lazy = new LazyPython(() =>
    openPython({
      cache,
      onDependency: (path) => onFile(path),
      onMessage: (level, text) => onEvent({ type: "metadata-message", level, text }),
    }),
  );
  return {
    host: () => lazy,
    open: () => lazy.open(),
    watchFiles: (listener) => (onFile = listener),
    runTask: (call) =>
      runPythonTask({
        ...describeFunction(call.d, call.function),
        d: call.d,
        cwd: call.cwd,
        env: call.environment,
        umask: call.umask,
        scriptPath: call.scriptPath,
        cache,
        lazy,
        start: (command, args, options) => call.start(command, args, options),
        onMessage: (level, text) => call.onMessage(level, text),
        onEvent: (name, { progress }) => {
          if (name === "bb.build.TaskProgress" && typeof progress === "number" && progress >= 0)
            call.onProgress(Math.min(100, Math.floor(progress)));
        },
        reportUnihash: (task, method, outhash) => call.reportOutput(task, method, outhash),
        execFunction: (name, d, dirs) => call.runFunction(name, d, dirs),
      }),
    evaluate: (call) =>
      evaluateInProcess({
        ...call,
        cache,
        lazy,
        onMessage: (level, text) => onEvent({ type: "metadata-message", level, text }),
        onOutput: (text) => onEvent({ type: "metadata-message", level: "plain", text }),
      }),
    close: () => lazy.close(),
  };
}
