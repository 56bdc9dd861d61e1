/** Whether an object in a folder can be trusted, and what becomes of one that cannot. */
import { rename, rm, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { hasCode, lockPath, readPlain, sha256File, type Lock } from "@tsbake/base";
import { digestIn, sidecarOf } from "./checksum.js";
import { signatureOf, type ArtifactSigner } from "./gpg.js";
import { otherNameIn } from "./label.js";

export interface Fault {
  /**
   * `gone`: someone has pruned it meanwhile. `damaged`: its bytes are not those that were made. `untrusted`: nobody whom
   * this build trusts has signed it; others may use it.
   */
  readonly kind: "gone" | "damaged" | "untrusted";
  /** After the object's name. */
  readonly why: string;
}

/** Why the object cannot be trusted; undefined when it can. @param signer when signatures count */
export async function faultOf(object: string, signer?: ArtifactSigner): Promise<Fault | undefined> {
  try {
    const text = await sidecarTextOf(object);
    // Asked for in any case: an object that has just been removed is not damaged.
    await stat(object);
    if (text === undefined) return damaged("it has no checksum beside it (.sha256)");
    const expected = digestIn(text);
    if (expected === undefined) return damaged("the file with its checksum is damaged");
    const actual = await sha256File(object);
    if (actual !== expected) return damaged(`its SHA-256 is ${actual}, and ${expected} was expected`);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return { kind: "gone", why: "it is gone" };
    if (hasCode(error, "NOT_PLAIN", "EISDIR")) return damaged("it, or its checksum, is no plain file");
    throw error;
  }
  const fault = await signer?.fault(object, signatureOf(object), basename(object));
  return fault && { kind: fault.kind === "wrong" ? "damaged" : "untrusted", why: fault.why };
}

/** The same, and whether it is the artifact that its name says: builds look at that when they restore it. */
export async function faultOfNamed(object: string, signer?: ArtifactSigner): Promise<Fault | undefined> {
  const fault = await faultOf(object, signer);
  if (fault && fault.kind !== "untrusted") return fault;
  try {
    const other = await otherNameIn(object);
    return other === undefined ? fault : damaged(`it is another artifact, ${other}`);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return { kind: "gone", why: "it is gone" };
    throw error;
  }
}

/** Longer than a line for people it is none, and its start cannot be one. */
const LONGEST_SIDECAR = 4096;

/** The text of the checksum beside an object; undefined when there is none. */
export async function sidecarTextOf(object: string): Promise<string | undefined> {
  try {
    return (await readPlain(sidecarOf(object), LONGEST_SIDECAR)).toString();
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
    if (hasCode(error, "TOO_LONG")) return "";
    throw error;
  }
}

function damaged(why: string): Fault {
  return { kind: "damaged", why };
}

/**
 * Moves an object aside if it is still damaged when nobody else is publishing.
 *
 * @param judge says what is wrong with it @returns the same
 */
export async function discard(
  object: string,
  signer?: ArtifactSigner,
  judge: typeof faultOf = faultOf,
): Promise<Fault | undefined> {
  try {
    await using _lock = await lockFolder(object);
    const fault = await judge(object, signer);
    if (fault?.kind === "damaged") await moveAside(object);
    return fault;
  } catch (error) {
    // A store that cannot be written to keeps its damaged object.
    if (!hasCode(error, "EACCES", "EPERM", "EROFS")) throw error;
    return judge(object, signer);
  }
}

/** Its checksum and signature go, too, away from whatever comes next by this name. */
export async function moveAside(object: string): Promise<void> {
  await rm(`${object}.bad`, { recursive: true, force: true });
  await rename(object, `${object}.bad`);
  for (const beside of [sidecarOf(object), signatureOf(object)])
    await rm(beside, { recursive: true, force: true });
}

/** For those on this machine who publish or discard in the folder of the object. */
export function lockFolder(object: string): Promise<Lock> {
  return lockPath(dirname(object));
}
