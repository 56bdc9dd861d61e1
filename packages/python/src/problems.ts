/** Every problem this room can report, one function each, in the order of their codes. */
import type { Diagnostic } from "@tsbake/base";

/** A process that should have given an answer is gone. */
export function diedWithoutAnswer(name: string, code: number): Diagnostic {
  return {
    severity: "error",
    code: "python/died",
    message: `the process of ${name} ended with code ${code} and without an answer`,
    help: "look for what ends the process in the function: a call of os._exit, a signal, memory that ran out",
  };
}

/** A Python task must run with the host's Python, and the host has none that will do. */
export function noHostPython(): Diagnostic {
  return {
    severity: "error",
    code: "python/no-host-python",
    message: "this task needs the host's `python3`, 3.9 or newer, and there is none on its PATH",
    help: "install python3, or let the task run in the embedded interpreter",
  };
}

/** No named pipe could be made for the talk with a task's process. */
export function noPipe(folder: string, output: string): Diagnostic {
  return {
    severity: "error",
    code: "python/no-pipe",
    message: `cannot make named pipes in ${folder}: ${output}`,
    help: "set TMPDIR to a folder on a local file system that knows named pipes",
  };
}
