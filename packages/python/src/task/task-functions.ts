/** A Python function of a recipe, and those it may call, out of the datastore. */
import { globalModules, librariesOf, type Datastore, type PythonPlace } from "@tsbake/datastore";
import type { PythonTaskOptions, TaskFunction } from "./task-options.js";

/**
 * What runPythonTask needs to know of the function `name`; a function without a body does nothing. All `def`s of the
 * recipe come along as text: the child compiles those that are called. Libraries of `addpylib` are imported before.
 */
export function describeFunction(
  d: Datastore,
  name: string,
): Pick<PythonTaskOptions, "name" | "body" | "place" | "functions" | "libraries" | "modules"> {
  return {
    name,
    body: textOf(d, name),
    place: placeOf(d, name),
    functions: [...definitions(d)],
    libraries: librariesOf(d),
    modules: globalModules(d),
  };
}

function* definitions(d: Datastore): Generator<TaskFunction> {
  for (const name of d.keys()) {
    // Anonymous functions are texts of `def`s too; nobody calls them.
    if (name.startsWith("__anon_") || !flag(d, name, "func") || !flag(d, name, "python")) continue;
    const text = textOf(d, name);
    if (/^(?:async )?def /.test(text)) yield { name, text, place: placeOf(d, name) };
  }
}

function textOf(d: Datastore, name: string): string {
  const text = d.getVar(name, { expand: false });
  return typeof text === "string" ? text : "";
}

/** The flag `lineno` is the line before the text's first. */
function placeOf(d: Datastore, name: string): PythonPlace {
  const file = flag(d, name, "filename");
  return {
    file: typeof file === "string" ? file : `<${name}>`,
    line: Number(flag(d, name, "lineno") ?? 0) + 1,
  };
}

function flag(d: Datastore, name: string, of: string): unknown {
  return d.getVarFlag(name, of, { expand: false });
}
