/** Whether an update of an overlay is written down. */
import { join } from "node:path";
import { readTextIfThere } from "@tsbake/base";
import type { OverlayPlaces } from "../store/places.js";

/** Written last. */
export const READY = "ready";

/** Whether something is written down that has not been done to its end. */
export async function hasPlan({ update }: OverlayPlaces): Promise<boolean> {
  return (await readTextIfThere(join(update, READY))) !== undefined;
}
