/** What a parse wants of Python, in one: an interpreter that starts when metadata first needs it. */
import type { PythonHost } from "@tsbake/datastore";
import { LazyPython } from "./interpreter/lazy.js";
import { openPython } from "./interpreter/open.js";
import type { PythonOptions } from "./options.js";

/** Options of `parseProject` in the room `recipe`, and the end. */
export interface MetadataPython {
  readonly python: () => PythonHost;
  readonly openPython: () => Promise<void>;
  readonly watchFiles: (listener: (path: string) => void) => void;
  /** Nothing may be asked afterwards. */
  readonly close: () => void;
}

/** @param options `onMessage`: what metadata prints; default: nobody is told */
export function metadataPython(
  options: Pick<PythonOptions, "cache"> & Partial<Pick<PythonOptions, "onMessage">>,
): MetadataPython {
  let onFile: (path: string) => void = () => {};
  const lazy = new LazyPython(() =>
    openPython({
      cache: options.cache,
      onDependency: (path) => onFile(path),
      onMessage: options.onMessage ?? (() => {}),
    }),
  );
  return {
    python: () => lazy,
    openPython: () => lazy.open(),
    watchFiles: (listener) => (onFile = listener),
    close: () => lazy.close(),
  };
}
