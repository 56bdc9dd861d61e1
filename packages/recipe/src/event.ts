/** Event handlers of metadata, for the events that parsing has and evaluation does not fire itself. */
import { words } from "@tsbake/base";
import type { Datastore, EvaluationHost } from "@tsbake/datastore";
import { flagText } from "./flag.js";

/** Calls every handler registered with `addhandler` whose [eventmask] names `eventClass`, in order of registration. */
export function fireEvent(
  eventClass: string,
  attributes: Readonly<Record<string, unknown>>,
  d: Datastore,
  host: EvaluationHost,
): void {
  const handlers = d.getVar("__BBHANDLERS", { expand: false });
  if (!Array.isArray(handlers)) return;
  for (const name of handlers.map(String)) {
    const mask = words(flagText(d, name, "eventmask"));
    if (mask.length > 0 && !mask.includes(eventClass) && !mask.includes("*")) continue;
    const body = d.getVar(name, { expand: false });
    if (typeof body !== "string") continue;
    const place = { file: flagText(d, name, "filename"), line: Number(flagText(d, name, "lineno")) };
    host.python().handle(name, body, place, { eventClass, attributes }, d);
  }
}
