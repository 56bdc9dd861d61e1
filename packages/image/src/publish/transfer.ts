/** Definitions by which a device updates an extension with systemd-sysupdate. */
import { type ExtensionKind, kindOfRelease } from "../layer/extension-kind.js";
import { COMPANION_ENDING } from "./built-image.js";
import type { PublishedImage } from "./index-file.js";

export interface TransferOptions {
  /** Where devices find the folder. */
  readonly url: string;
  readonly isSigned: boolean;
}

/**
 * The files of a component of its own, by their paths below `/etc`. The image lies below /var/lib/extensions.d (confexts.d) under the name that it
 * was published with, and a link has the name that extension-release asks for.
 *
 * @see sysupdate.d(5), sysupdate.components(5)
 */
export function transferFiles(
  { name, release = {}, files }: Pick<PublishedImage, "name" | "release" | "files">,
  options: TransferOptions,
): ReadonlyMap<string, string> {
  const { word } = kindOfRelease(Object.keys(release));
  const component = ["[Component]", `Description=System extension ${name}`];
  const made = new Map([[`sysupdate.${name}.d/${name}.transfer`, transfer(name, word, "raw", options)]]);
  // Of one component all transfers get one version, or none does.
  if (files.some((file) => file.name.endsWith(`.${COMPANION_ENDING}`)))
    made.set(
      `sysupdate.${name}.d/${name}.confext.transfer`,
      transfer(name, "confext", COMPANION_ENDING, options),
    );
  return made.set(`sysupdate.${name}.component`, lines(component));
}

function transfer(
  name: string,
  kind: ExtensionKind["word"],
  ending: string,
  { url, isSigned }: TransferOptions,
): string {
  const folder = kind === "confext" ? "confexts" : "extensions";
  // What is of any architecture has a word of its own: `NAME_@v.raw` would take every file of the name for a version.
  const pattern = [`${name}_@v_%a.${ending}`, `${name}_@v_any.${ending}`].join(" ");
  return lines([
    "[Transfer]",
    `Verify=${isSigned ? "yes" : "no"}`,
    "",
    "[Source]",
    "Type=url-file",
    `Path=${url.replaceAll("%", "%%")}`,
    `MatchPattern=${pattern}`,
    "",
    "[Target]",
    "Type=regular-file",
    `Path=/var/lib/${folder}.d/${name}`,
    `MatchPattern=${pattern}`,
    `CurrentSymlink=/var/lib/${folder}/${name}.raw`,
    "Mode=0444",
    "InstancesMax=2",
  ]);
}

function lines(all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join("");
}
