/** A call of a metadata function in a process of its own: one that takes threads and sockets, which pyodide has not. */
import { BuildError } from "@tsbake/base";
import type { Datastore } from "@tsbake/datastore";
import { diedWithoutAnswer } from "../problems.js";
import { describeFunction } from "./task-functions.js";
import { runPythonTask } from "./task.js";
import type { PythonTaskOptions } from "./task-options.js";

export interface EvaluateOptions extends Pick<
  PythonTaskOptions,
  "d" | "cwd" | "env" | "cache" | "lazy" | "signal" | "onMessage" | "onOutput"
> {
  /** For people: where the call stands in an error. */
  readonly name: string;
  /** Python, with `d` and, as `given`, plain data; its value must be plain data. */
  readonly expression: string;
  readonly given: unknown;
}

const GIVEN = "TSBAKE_CALL_GIVEN";
const ANSWER = "TSBAKE_CALL_ANSWER";
const FUNCTION = "tsbake_call";

/**
 * @returns the value; undefined when `signal` ended the process
 * @throws PythonError of the expression
 * @throws BuildError `python/died` when the process ended without an answer, and what runPythonTask throws
 */
export async function evaluateInProcess(options: EvaluateOptions): Promise<unknown> {
  const { name, expression, given, ...rest } = options;
  const d: Datastore = options.d.createCopy();
  d.setVar(GIVEN, JSON.stringify(given));
  d.setVar(
    FUNCTION,
    [
      "    import json",
      `    given = json.loads(d.getVar("${GIVEN}", False))`,
      `    d.setVar("${ANSWER}", json.dumps(${expression}))`,
      "",
    ].join("\n"),
  );
  d.setVarFlag(FUNCTION, "filename", `<${name}>`);
  const { code, failure } = await runPythonTask({ ...rest, ...describeFunction(d, FUNCTION), d });
  if (options.signal?.aborted) return undefined;
  if (failure) throw failure;
  const answer = d.getVar(ANSWER, { expand: false });
  if (typeof answer !== "string") throw new BuildError([diedWithoutAnswer(name, code)]);
  return JSON.parse(answer) as unknown;
}
