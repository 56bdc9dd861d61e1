import type { PythonHost } from "@tsbake/datastore";

export interface PythonOptions {
  /** Folder for the memory snapshot of the started interpreter (build/cache/python). */
  readonly cache: string;
  /** Lines that Python prints, and bb.note/warn/error/… messages. */
  readonly onMessage: (level: "debug" | "plain" | "note" | "warning" | "error", text: string) => void;
}

export interface EmbeddedPython extends PythonHost {
  close(): void;
}

/**
 * Starts CPython (pyodide): about half a second from the snapshot, two to three without it. Pyodide starts
 * asynchronously while expansion is synchronous: so the engine awaits this before it evaluates anything whose
 * files contain Python, and hands out `() => host`.
 */
export declare function openPython(options: PythonOptions): Promise<EmbeddedPython>;
