/** `conf/layer.conf` of a bundle: a layer whose recipes have locked signatures, and which is a mirror for their artifacts. */
import { OBJECTS } from "./manifest.js";

/** Above layers of people, so that a recipe that both have comes from here. */
const PRIORITY = 1000;

export interface BundleLayer {
  /** Sorted; the first is in the layer's name. */
  readonly targets: readonly string[];
  /** LAYERSERIES_CORENAMES. */
  readonly series: string;
  /** `RECIPE:do_TASK:SIGNATURE`, sorted. */
  readonly locked: readonly string[];
}

function layerName(targets: readonly string[]): string {
  return `bundle-${(targets[0] ?? "").replaceAll(/[^A-Za-z0-9-]/g, "-")}`;
}

export function layerText({ targets, series, locked }: BundleLayer): string {
  const name = layerName(targets);
  return `# Stands for the recipes of ${targets.join(" ")}: their artifacts are here, and their signatures are locked to them.
BBPATH .= ":\${LAYERDIR}"
BBFILES += "\${LAYERDIR}/recipes/*.bb"
BBFILE_COLLECTIONS += "${name}"
BBFILE_PATTERN_${name} = "^\${LAYERDIR_RE}/"
BBFILE_PRIORITY_${name} = "${PRIORITY}"
LAYERSERIES_COMPAT_${name} = "${series}"
SSTATE_MIRRORS:prepend = "file://.* file://\${LAYERDIR}/${OBJECTS}/PATH "
SIGGEN_LOCKEDSIGS_TYPES:append = " t-${name}"
SIGGEN_LOCKEDSIGS_t-${name} = "\\
${locked.map((line) => `    ${line} \\`).join("\n")}
"
`;
}
