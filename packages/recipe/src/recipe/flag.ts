/** Flags as text: metadata may put any Python object into one. */
import type { Datastore } from "@tsbake/datastore";

/** The expanded flag; empty when it is not set, false or None. */
export function flagText(d: Datastore, name: string, flag: string): string {
  const value = d.getVarFlag(name, flag);
  if (typeof value === "string") return value;
  return typeof value === "number" || value === true ? String(value) : "";
}
