/** Event handlers of the metadata: who listens, and telling them. */
import { BuildError, sortedUnique, type Span } from "@tsbake/base";
import type { Datastore } from "../datastore.js";
import type { EvaluationHost } from "./evaluator.js";
import { explainFailure } from "../python/failure.js";
import { pythonFunction } from "./functions.js";
import { missingHandler } from "../problems.js";
import type { MetadataEvent, PythonPlace } from "../python/host.js";
import { textsOf } from "../variables/value.js";

export interface Handler {
  readonly name: string;
  readonly body: string;
  readonly place: PythonPlace;
  /** Event classes; empty for all. */
  readonly mask: readonly string[];
}

const REGISTERED = "__BBHANDLERS_REGISTERED";

function registered(d: Datastore): readonly Handler[] {
  const handlers = d.getVar(REGISTERED, { expand: false });
  return Array.isArray(handlers) ? (handlers as Handler[]) : [];
}

/** `addhandler NAME…`. */
export function addHandlers(d: Datastore, names: readonly string[], at: Span): void {
  for (const name of names) d.setVarFlag(name, "handler", 1, { at });
  d.setVar("__BBHANDLERS", [...textsOf(d.getVar("__BBHANDLERS", { expand: false })), ...names]);
}

/**
 * Makes the handlers that `addhandler` named listen from now on, in this datastore and copies made later. Done at the end
 * of the base configuration and in `finalize`. A handler that listens already keeps its first body.
 *
 * @throws BuildError `datastore/missing-handler`
 */
export function registerHandlers(d: Datastore): void {
  const handlers = new Map(registered(d).map((handler) => [handler.name, handler]));
  for (const name of textsOf(d.getVar("__BBHANDLERS", { expand: false }))) {
    if (handlers.has(name)) continue;
    const found = d.getVarFlag(name, "filename", { expand: false }) ? pythonFunction(d, name) : undefined;
    if (found === undefined) throw new BuildError([missingHandler(d.spanOf(name, "handler"), name)]);
    const mask = textsOf(d.getVarFlag(name, "eventmask"));
    handlers.set(name, { name, ...found, mask: mask.includes("*") ? [] : mask });
  }
  d.setVar(REGISTERED, [...handlers.values()]);
}

/** Whether a handler listens to events of this class. */
export function hasHandler(d: Datastore, eventClass: string): boolean {
  return handledEvents(d).some((mask) => mask === "*" || mask === eventClass);
}

/** The event classes that handlers listen to, sorted; `*` for all. */
export function handledEvents(d: Datastore): string[] {
  return sortedUnique(registered(d).flatMap(({ mask }) => (mask.length === 0 ? ["*"] : mask)));
}

/** Those that listen to events of this class, in order of registration. */
export function handlersOf(d: Datastore, eventClass: string): Handler[] {
  return registered(d).filter(({ mask }) => mask.length === 0 || mask.includes(eventClass));
}

/** Calls every handler that listens to the event's class, in order of registration. @throws as `evaluateFile` */
export function fireEvent(event: MetadataEvent, d: Datastore, host: EvaluationHost): void {
  for (const { name, body, place } of handlersOf(d, event.eventClass)) {
    try {
      host.python().handle(name, body, place, event, d);
    } catch (error) {
      throw explainFailure(error, { what: name, at: place.at }, host);
    }
  }
}
