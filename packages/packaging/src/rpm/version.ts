/** Debian's versions as rpm has them, and rpm's order. */
import type { Evr } from "./format/spec.js";

/**
 * `1:2.3-4+deb12u1` → epoch 1, version `2.3`, release `4+deb12u1`. A version without a revision has the release 0, which Debian takes
 * for the same. rpm has a meaning for `-` and none for `:`, which stand in hardly any version: they become `_`.
 */
export function evrOfDebian(version: string): Evr {
  const [, epoch = "0", rest = ""] = /^(?:(\d+):)?([^]*)$/.exec(version) ?? [];
  const dash = rest.lastIndexOf("-");
  const upstream = dash < 0 ? rest : rest.slice(0, dash);
  return {
    epoch: Number(epoch),
    version: upstream.replace(/[-:]/g, "_"),
    release: dash < 0 ? "0" : rest.slice(dash + 1),
  };
}

/**
 * The same backwards. The release 0 is that of a version without a revision, unless what stands before it would be taken for one.
 *
 * @param release undefined: not said
 */
export function debianVersion(epoch: number, version: string, release: string | undefined): string {
  const upstream = version.replaceAll("_", "-");
  const isBare = release === undefined || release === "" || (release === "0" && !upstream.includes("-"));
  return `${epoch === 0 ? "" : `${epoch}:`}${upstream}${isBare ? "" : `-${release}`}`;
}

/** `[epoch:]version[-release]` → its parts; undefined for a release that is not said. */
function parseEvr(text: string): { epoch: number; version: string; release: string | undefined } {
  const [, epoch = "0", version = "", release] = /^(?:(\d+):)?([^-]*)(?:-([^]*))?$/.exec(text) ?? [];
  return { epoch: Number(epoch), version, release };
}

/** Negative, zero or positive, as `left` is older than, the same as, or newer than `right`; a release that one does not say counts as equal. */
export function compareEvr(left: string, right: string): number {
  const [a, b] = [parseEvr(left), parseEvr(right)];
  const release = a.release === undefined || b.release === undefined ? 0 : compareRpm(a.release, b.release);
  return a.epoch - b.epoch || compareRpm(a.version, b.version) || release;
}

/** The order of one part: runs of digits and of letters in turn; `~` is before the end, `^` right behind it, others only separate. */
export function compareRpm(left: string, right: string): number {
  const [a, b] = [partsOf(left), partsOf(right)];
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const difference = comparePart(a[at], b[at]);
    if (difference !== 0) return difference;
  }
  return 0;
}

function partsOf(text: string): string[] {
  return text.match(/[0-9]+|[A-Za-z]+|~|\^/g) ?? [];
}

/** `~`, the end, `^`, letters, digits. */
function rank(part: string | undefined): number {
  if (part === undefined) return 1;
  if (part === "~") return 0;
  if (part === "^") return 2;
  return /^[A-Za-z]/.test(part) ? 3 : 4;
}

function comparePart(left: string | undefined, right: string | undefined): number {
  const difference = rank(left) - rank(right);
  if (difference !== 0 || left === undefined || right === undefined || left === right) return difference;
  if (rank(left) === 3) return left < right ? -1 : 1;
  const [x, y] = [left.replace(/^0+/, ""), right.replace(/^0+/, "")];
  if (x.length !== y.length) return x.length - y.length;
  return x === y ? 0 : x < y ? -1 : 1;
}
