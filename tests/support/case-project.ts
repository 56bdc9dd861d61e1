/**
 * The files of a project on a layer of its own, `meta-case`, beside the core layer: what tests build real packages with.
 * TSBAKE_TEST_DOWNLOADS may name a folder that keeps the downloads from run to run.
 */

const LAYER = `
BBPATH .= ":\${LAYERDIR}"
BBFILES += "\${LAYERDIR}/recipes/*.bb"
BBFILE_COLLECTIONS += "case"
BBFILE_PATTERN_case = "^\${LAYERDIR_RE}/"
BBFILE_PRIORITY_case = "10"
LAYERDEPENDS_case = "core"
LAYERSERIES_COMPAT_case = "first"
`;

/** For `settings`: what a test changes while it runs. @see CHANGES_FILE */
export const INCLUDES_CHANGES = "include conf/changes.conf";
/** Below the project. */
export const CHANGES_FILE = "build/conf/changes.conf";

/** For `settings`: the pair of keys that `makeSigningPair(rig.path("keys"), "images")` makes. */
export const SIGNS_IMAGES = `IMAGE_VERITY_KEY = "\${TOPDIR}/../keys/images.key"
IMAGE_VERITY_CERTIFICATE = "\${TOPDIR}/../keys/images.crt"`;

/**
 * @param target what is built when no target is named
 * @param recipes name of a recipe of version 1.0 → its text
 * @param settings lines of local.conf
 * @returns path below the project → text, as `Rig` takes it
 */
export function caseProject(
  target: string,
  recipes: Readonly<Record<string, string>>,
  settings: readonly string[] = [],
): Record<string, string> {
  const downloads = process.env["TSBAKE_TEST_DOWNLOADS"];
  const lines = [...(downloads ? [`DL_DIR = "${downloads}"`] : []), ...settings].join("\n");
  return {
    "tsbake.yaml": `header:
  version: 14
machine: generic
distro: debian
target: ${target}
repos:
  case:
    path: .
    layers:
      meta-case:
local_conf_header:
  case: |
${(lines || "#").replaceAll(/^/gm, "    ")}
`,
    "meta-case/conf/layer.conf": LAYER,
    ...Object.fromEntries(
      Object.entries(recipes).map(([name, text]) => [`meta-case/recipes/${name}_1.0.bb`, text]),
    ),
  };
}
