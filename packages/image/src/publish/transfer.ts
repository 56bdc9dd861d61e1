/** Definitions by which a device updates an extension with systemd-sysupdate. */
import { kindOfRelease } from "../layer/extension-kind.js";
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
  { name, release = {} }: Pick<PublishedImage, "name" | "release">,
  { url, isSigned }: TransferOptions,
): ReadonlyMap<string, string> {
  const folder = kindOfRelease(Object.keys(release)).word === "confext" ? "confexts" : "extensions";
  // What is of any architecture has a word of its own: `NAME_@v.raw` would take every file of the name for a version.
  const pattern = [`${name}_@v_%a.raw`, `${name}_@v_any.raw`].join(" ");
  const transfer = [
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
  ];
  const component = ["[Component]", `Description=System extension ${name}`];
  return new Map([
    [`sysupdate.${name}.d/${name}.transfer`, lines(transfer)],
    [`sysupdate.${name}.component`, lines(component)],
  ]);
}

function lines(all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join("");
}
