/** Facts of images that were never built. */
import type { LayerFacts } from "@tsbake/image";

/** Of an image without packages. */
export const NO_PACKAGES: LayerFacts = {
  format: 2,
  backend: "deb",
  architecture: "amd64",
  inBase: [],
  distribution: {},
  requested: [],
  packages: [],
  closure: { count: 0, installedSizeBytes: 0 },
  skippedScripts: [],
  narrowedModes: [],
  changedInBase: [],
  warnings: [],
};
