/** Starting pyodide: from the memory snapshot when there is one, else plainly, leaving a snapshot for the next time. */
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import type { PyodideInterface } from "pyodide";
import { Bridge } from "./bridge.js";
import { mountHost, type EmscriptenFiles } from "./filesystem.js";
import { PyodideHost, type EmbeddedPython, type Interpreter } from "./host.js";
import { unameFields } from "./machine.js";
import type { PythonOptions } from "../options.js";
import { applyUmask, type MakingFiles } from "./umask.js";
import {
  folderToWrite,
  readSnapshot,
  snapshotFolders,
  snapshotName,
  writeMemorySnapshot,
} from "./snapshot.js";

/** Folder of our Python packages `bb` and `tsbake`; a level above both src and dist. */
export const LIBRARY = resolve(dirname(fileURLToPath(import.meta.url)), "../../lib");

/**
 * Starts CPython (pyodide): about 0.4 s from the snapshot, two to three without it. Pyodide starts
 * asynchronously while expansion is synchronous: so the engine awaits this before it evaluates anything whose
 * files contain Python (LazyPython finds out), and hands out `() => host`.
 *
 * @throws Error `internal: …` when pyodide itself cannot start; a bad snapshot is replaced silently
 */
export async function openPython(options: PythonOptions): Promise<EmbeddedPython> {
  const bridge = new Bridge(options);
  const pyodide = await startPython(options, () => bridge.mask);
  const interpreter = pyodide.pyimport("tsbake.interpreter") as unknown as Interpreter & {
    attach(host: Bridge, facts: string): void;
  };
  interpreter.attach(bridge, JSON.stringify(hostFacts(options.env)));
  return new PyodideHost(interpreter, bridge, {
    toPy: (value) => pyodide.toPy(value) as unknown,
    isPythonObject: (value) => value instanceof pyodide.ffi.PyProxy,
  });
}

/** The interpreter with our modules imported, attached to nothing yet. @param mask its umask, whenever it makes a file */
export async function startPython(
  options: PythonOptions,
  mask: () => number = () => process.umask(),
): Promise<PyodideInterface> {
  const pyodide = await startFromSnapshot(options);
  applyUmask(pyodide.FS as unknown as MakingFiles, mask);
  return pyodide;
}

async function startFromSnapshot(options: PythonOptions): Promise<PyodideInterface> {
  const name = await snapshotName(pyodideVersion(), LIBRARY);
  const { cache, isShared = true } = options;
  const folders = isShared ? await snapshotFolders(LIBRARY, cache) : [cache];
  for (const folder of folders) {
    const memory = await readSnapshot(join(folder, name));
    const pyodide = memory && (await restore(memory, options));
    if (pyodide) return pyodide;
  }
  return startPlainly(join(await folderToWrite(folders), name), options);
}

type StartOptions = { readonly _loadSnapshot?: Uint8Array; readonly _makeSnapshot?: boolean };

async function restore(memory: Uint8Array, options: PythonOptions): Promise<PyodideInterface | undefined> {
  try {
    const pyodide = await start({ _loadSnapshot: memory }, options);
    pyodide.runPython("import tsbake.interpreter");
    return pyodide;
  } catch {
    return undefined;
  }
}

async function startPlainly(path: string, options: PythonOptions): Promise<PyodideInterface> {
  const pyodide = await start({ _makeSnapshot: true }, options);
  pyodide.runPython(
    `import sys\nsys.dont_write_bytecode = True\nsys.path.insert(0, ${JSON.stringify(LIBRARY)})\nimport tsbake.interpreter, tsbake.task`,
  );
  let memory: Uint8Array | undefined;
  try {
    memory = pyodide.makeMemorySnapshot();
  } catch {
    // Underscore options of pyodide: a version that cannot do it only starts slower.
    return pyodide;
  }
  await writeMemorySnapshot(path, memory);
  return pyodide;
}

/**
 * How much of a WebAssembly function runs before V8 compiles it again, optimised: eleven times its default. The loop of the
 * interpreter gets there all the same; what a start uses a little of does not, which saves a sixth of a start's CPU time.
 */
const BUDGET = "--wasm-tiering-budget=20000000";

/** pyodide must be told its folder: it would look for it in a stack trace, which source maps bend. */
async function start(how: StartOptions, options: PythonOptions): Promise<PyodideInterface> {
  setFlagsFromString(BUDGET);
  const { loadPyodide } = await import("pyodide");
  const say = (line: string): void => options.onMessage("plain", line);
  const pyodide = await loadPyodide({
    ...how,
    indexURL: dirname(packageFile()),
    stdout: say,
    stderr: say,
    // Sets come out in the same order in every run.
    env: { HOME: "/root", PYTHONHASHSEED: "0" },
  });
  mountHost(pyodide.FS as unknown as EmscriptenFiles);
  return pyodide;
}

function packageFile(): string {
  return createRequire(import.meta.url).resolve("pyodide/package.json");
}

function pyodideVersion(): string {
  const { version: found } = createRequire(import.meta.url)("pyodide/package.json") as { version: string };
  return found;
}

/** What lib/tsbake/hostsystem.py makes `os` tell. */
export function hostFacts(env: PythonOptions["env"]): object {
  return {
    env: env ?? process.env,
    uname: unameFields(),
    pid: process.pid,
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    cpus: availableParallelism(),
    cwd: process.cwd(),
  };
}
