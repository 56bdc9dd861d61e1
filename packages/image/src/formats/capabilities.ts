/** File capabilities: the bytes of the attribute `security.capability` in the words of setcap(8). */

export const CAPABILITY_ATTRIBUTE = "security.capability";

/** Revisions 2 and 3 (the latter with a root id behind). @see linux/capability.h, struct vfs_cap_data */
const REVISIONS: ReadonlySet<number> = new Set([0x02000000, 0x03000000]);
const REVISION_MASK = 0xff000000;
const EFFECTIVE = 1;

/**
 * `13+ep` for cap_net_raw, effective and permitted; numbers are understood whatever the age of setcap.
 *
 * @param base64 the attribute's value
 * @returns undefined for what is no file capability
 */
export function capabilityText(base64: string): string | undefined {
  const data = Buffer.from(base64, "base64");
  if (data.length < 20) return undefined;
  const magic = data.readUInt32LE(0);
  if (!REVISIONS.has((magic & REVISION_MASK) >>> 0)) return undefined;
  const clauses: string[] = [];
  for (let number = 0; number < 64; number++) {
    const at = 4 + 8 * (number >> 5);
    const has = (offset: number): boolean => ((data.readUInt32LE(at + offset) >>> (number & 31)) & 1) === 1;
    const [isPermitted, isInheritable] = [has(0), has(4)];
    if (!isPermitted && !isInheritable) continue;
    const flags = [(magic & EFFECTIVE) !== 0 ? "e" : "", isInheritable ? "i" : "", isPermitted ? "p" : ""];
    clauses.push(`${number}+${flags.join("")}`);
  }
  return clauses.length === 0 ? undefined : clauses.join(" ");
}
