/** What an rpm that was a Debian package keeps of that. */
import { BuildError, byText, nameBytes } from "@tsbake/base";
import { badRpm } from "../../problems.js";
import type { RpmHeader } from "./header.js";
import { asBadRpm, readRpm } from "./read.js";
import { TAG } from "./tags.js";

const RUN_BY_DPKG = new Set(["preinst", "postinst", "prerm", "postrm", "config"]);

/** Members of a control archive by name, sorted, `control` with them. */
export type OriginMembers = ReadonlyMap<string, { readonly bytes: Buffer; readonly mode: number }>;

/** @returns undefined for a package that was none of Debian's */
export function originOf(header: RpmHeader): OriginMembers | undefined {
  const [control, ...rest] = header.texts(TAG.origin);
  if (control === undefined) return undefined;
  const members: [string, string][] = [["control", control]];
  for (let at = 0; at + 1 < rest.length; at += 2) members.push([rest[at]!, rest[at + 1]!]);
  return new Map(
    members
      .sort(([left], [right]) => byText(left, right))
      .map(([name, text]) => [name, { bytes: nameBytes(text), mode: RUN_BY_DPKG.has(name) ? 0o755 : 0o644 }]),
  );
}

/** @throws BuildError `packaging/bad-rpm`, also for one that was no package of Debian's */
export async function rpmControl(path: string): Promise<OriginMembers> {
  const { header } = await readRpm(path);
  let members: OriginMembers | undefined;
  try {
    members = originOf(header);
  } catch (error) {
    throw asBadRpm(error, path);
  }
  if (members !== undefined) return members;
  const reason = "it says nothing of a Debian package: packages of other distributions are not supported yet";
  throw new BuildError([badRpm(path, reason)]);
}
