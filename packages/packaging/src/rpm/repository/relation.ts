/** A relation of an rpm, as a repository lists it, in Debian's words: what `rpmRelations` does, backwards. */
import { isDebName, isDebVersion } from "../../deb/names.js";
import { debianVersion } from "../version.js";

/** Attributes of an `rpm:entry`. */
export interface RepositoryRelation {
  readonly name?: string;
  readonly flags?: string;
  readonly epoch?: string;
  readonly ver?: string;
  readonly rel?: string;
  /** `1`: needed by what runs before the package is unpacked. */
  readonly pre?: string;
}

const BY_FLAG: Readonly<Record<string, string>> = { LT: "<<", LE: "<=", EQ: "=", GE: ">=", GT: ">>" };
const BY_SIGN: Readonly<Record<string, string>> = { "<": "<<", "<=": "<=", "=": "=", ">=": ">=", ">": ">>" };

/** @param isNeed of what the package requires: more than one relation may say it. @returns undefined for what Debian cannot say */
export function debianRelation(entry: RepositoryRelation, isNeed: boolean): string | undefined {
  const { name = "", flags = "", epoch = "0", ver = "", rel } = entry;
  if (name.startsWith("(")) return alternatives(name);
  if (!isDebName(name)) return undefined;
  if (flags === "") return name;
  const operator = BY_FLAG[flags];
  const version = debianVersion(Number(epoch), ver, rel);
  if (operator === undefined || !isDebVersion(version)) return undefined;
  // To rpm a version without a release is every release of it.
  if (flags === "EQ" && rel === undefined && isNeed)
    return `${name} (>= ${version}), ${name} (<< ${version}.0)`;
  return `${name} (${operator} ${version})`;
}

/** `(a or b >= 1.0-1)`. No other rich dependency has a counterpart. */
function alternatives(text: string): string | undefined {
  const parts = /^\((.*)\)$/.exec(text)?.[1]?.split(" or ") ?? [];
  const found = parts.map((part) => {
    const [, name = "", sign, evr] = /^(\S+)(?: (<|<=|=|>=|>) (\S+))?$/.exec(part) ?? [];
    if (!isDebName(name)) return undefined;
    if (sign === undefined || evr === undefined) return name;
    const [, epoch = "0", version = "", release] = /^(?:(\d+):)?([^-]*)(?:-(.*))?$/.exec(evr) ?? [];
    const debian = debianVersion(Number(epoch), version, release);
    return isDebVersion(debian) ? `${name} (${BY_SIGN[sign]} ${debian})` : undefined;
  });
  return found.length === 0 || found.includes(undefined) ? undefined : found.join(" | ");
}
