/**
 * Names of published files, `NAME_VERSION_ARCH.raw` as systemd-sysupdate's patterns and the UAPI Group's selection of files have them, and
 * the order of their versions.
 */
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

const ARCHITECTURE = /^[a-z0-9-]+$/;

/** What a file in the folder can be called: no path leads out of it. */
export const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9.+~^_-]*$/;

/** Without the ending. @throws BuildError `image/bad-published-name` */
export function publishedStem({ name, version, architecture }: PublishedName): string {
  if (!NAME.test(name)) throw new BuildError([problems.badPublishedName("name", name)]);
  if (!VERSION.test(version)) throw new BuildError([problems.badPublishedName("version", version)]);
  if (!ARCHITECTURE.test(architecture))
    throw new BuildError([problems.badPublishedName("architecture", architecture)]);
  return `${name}_${version}_${architecture}`;
}

/** What a part without digits or letters of its own is worth: `~` is older than the end, the end older than `-`, `^`, `.`. */
const SEPARATORS = ["~", "", "-", "^", "."];
const PART = /^(?:[~^.-]|[0-9]+|[a-zA-Z]+)/;

/**
 * @returns less than 0 when `left` is older, 0 when neither is, more than 0 when it is newer
 * @see The UAPI Group's Version Format Specification
 */
export function compareImageVersions(left: string, right: string): number {
  let [mine, other] = [onlyMeaning(left), onlyMeaning(right)];
  while (mine !== "" || other !== "") {
    const [first, second] = [nextPart(mine), nextPart(other)];
    const order = compareParts(first, second);
    if (order !== 0) return order;
    mine = onlyMeaning(mine.slice(first.length));
    other = onlyMeaning(other.slice(second.length));
  }
  return 0;
}

/** Without what the order does not look at. */
function onlyMeaning(text: string): string {
  return text.replace(/^[^a-zA-Z0-9~^.-]+/, "");
}

function nextPart(text: string): string {
  return PART.exec(text)?.[0] ?? "";
}

function compareParts(left: string, right: string): number {
  for (const separator of SEPARATORS)
    if ((left === separator) !== (right === separator)) return left === separator ? -1 : 1;
  if (SEPARATORS.includes(left)) return 0;
  const [isNumber, isOtherNumber] = [/^[0-9]/.test(left), /^[0-9]/.test(right)];
  // A number is newer than a word.
  if (isNumber !== isOtherNumber) return isNumber ? 1 : -1;
  if (!isNumber) return left < right ? -1 : left > right ? 1 : 0;
  const [mine, other] = [left.replace(/^0+/, ""), right.replace(/^0+/, "")];
  // Dates and hashes make numbers beyond 2^53: compare the digits.
  return mine.length - other.length || (mine < other ? -1 : mine > other ? 1 : 0);
}
