/** One interpreter for a build, started when metadata first needs it. */
import { LazyPython, openPython, runPythonTask } from "@tsbake/python";
import type { PythonHost } from "@tsbake/datastore";
import type { PythonRunner } from "@tsbake/run";
import type { EngineEvent } from "./events.js";

export interface BuildPython {
  readonly host: () => PythonHost;
  readonly open: () => Promise<void>;
}

/** @param cache folder for the interpreter's memory snapshot */
export function openLazyPython(cache: string, onEvent: (event: EngineEvent) => void): BuildPython {
  const lazy = new LazyPython(() =>
    openPython({
      cache,
      onMessage: (level, text) => onEvent({ type: "metadata-message", level, text }),
    }),
  );
  return { host: () => lazy, open: () => lazy.open() };
}
