/** Tasks without [network], with a word where this machine cannot keep them from it. */
import { openIsolation } from "@tsbake/sandbox";
import type { Isolation } from "@tsbake/sandbox";
import type { RunEvent } from "../events.js";
import { noIsolation } from "../problems.js";

export function networkIsolation(onEvent: (event: RunEvent) => void): Isolation {
  return openIsolation((reason) => onEvent({ type: "warning", diagnostic: noIsolation(reason) }));
}
