/** What can be fuzzed. A case is known by its number and the seed alone, in every thread. */
import { openArchiveArea } from "./archive-area.js";
import { openMetadataArea } from "./metadata-area.js";
import type { Area, Setup } from "./types.js";

export function openArea(setup: Setup): Promise<Area> {
  return setup.area === "metadata" ? openMetadataArea(setup) : openArchiveArea(setup);
}
