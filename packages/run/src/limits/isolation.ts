/** What this machine can shut off: the network from tasks without [network]. */
import { openIsolation } from "@tsbake/sandbox";
import type { Isolation } from "@tsbake/sandbox";
import type { RunEvent } from "../events.js";
import { noIsolation } from "../problems.js";

/** Where it cannot be shut off, that is a warning, once. */
export function networkIsolation(onEvent: (event: RunEvent) => void): Isolation {
  return openIsolation((reason) => onEvent({ type: "warning", diagnostic: noIsolation(reason) }));
}
