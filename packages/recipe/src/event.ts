/** Event handlers of metadata, for the events that parsing has and evaluation does not fire itself. */
import { words } from "@tsbake/base";
import type { Datastore, EvaluationHost } from "@tsbake/datastore";

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
    const mask = words(String(d.getVarFlag(name, "eventmask") ?? ""));
    if (mask.length > 0 && !mask.includes(eventClass) && !mask.includes("*")) continue;
    const body = d.getVar(name, { expand: false });
    const file = String(d.getVarFlag(name, "filename", { expand: false }) ?? "");
    const line = Number(d.getVarFlag(name, "lineno", { expand: false }) ?? 1);
    host.python().handle(name, String(body ?? ""), { file, line }, { eventClass, attributes }, d);
  }
}
