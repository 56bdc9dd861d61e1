/** Names of published files: `NAME_VERSION_ARCH.raw`, as systemd-sysupdate's patterns and the UAPI Group's selection of files have them. */
import { BuildError } from "@tsbake/base";
import * as problems from "../problems.js";

export interface PublishedName {
  readonly name: string;
  readonly version: string;
  /** systemd's word (`x86-64`), or `any`. */
  readonly architecture: string;
}

/** Letters that a pattern of sysupdate, a URL and a line of SHA256SUMS leave as they are. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9.+-]*$/;
/** @see systemd.io, version_is_valid(): also `_` and `,`, by which names could not be taken apart again. */
const VERSION = /^[A-Za-z0-9][A-Za-z0-9.+~^-]*$/;

/** What a file in the folder can be called: no path leads out of it. */
export const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9.+~^_-]*$/;

/** Without the ending. @throws BuildError `image/bad-published-name` */
export function publishedStem({ name, version, architecture }: PublishedName): string {
  if (!NAME.test(name)) throw new BuildError([problems.badPublishedName("name", name)]);
  if (!VERSION.test(version)) throw new BuildError([problems.badPublishedName("version", version)]);
  return `${name}_${version}_${architecture}`;
}
