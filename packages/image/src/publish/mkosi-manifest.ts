/** The manifest of a published image in the form that mkosi writes and other tools read (sysextmgr). */
import { kindOfRelease } from "../layer/extension-kind.js";
import type { BuiltImage } from "./built-image.js";

/**
 * @returns JSON, indented, ending in a newline
 * @see mkosi.1, ManifestFormat=json: `manifest_version` 1; packages have the keys of systemd.io's COREDUMP_PACKAGE_METADATA
 */
export function formatMkosiManifest(image: BuiltImage): string {
  const { distribution, extension } = image;
  const manifest = {
    manifest_version: 1,
    config: {
      name: image.name,
      distribution: distribution.id ?? "none",
      architecture: image.publishedArchitecture,
      output_format: extension === undefined ? "disk" : kindOfRelease(Object.keys(extension.release)).word,
      version: image.publishedVersion,
      ...(distribution.version !== undefined && { release: distribution.version }),
    },
    packages: image.packages.map((one) => ({
      type: image.backend,
      name: one.name,
      version: one.version,
      architecture: one.architecture,
      size: one.installedSizeBytes,
    })),
    extension: extension?.release ?? {},
  };
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}
