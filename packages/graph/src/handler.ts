/** Which signature handler is meant, and the hash function behind it. */
import { BuildError, openHasher } from "@tsbake/base";
import { unknownHandler } from "./problems.js";

/** Raise when signatures of the same inputs become others: part of every hash and of the parse-cache key. */
const VERSION = 1;

export interface SignatureHandler {
  /** Name and version. */
  readonly id: string;
  digest(text: string): string;
}

/**
 * @param name BB_SIGNATURE_HANDLER; default `xxh`: two seeded lanes of xxHash64, 32 hex digits
 * @throws BuildError `graph/unknown-handler`
 */
export async function openHandler(name = "xxh"): Promise<SignatureHandler> {
  if (name !== "xxh") throw new BuildError([unknownHandler(name, ["xxh"])]);
  const hasher = await openHasher();
  return { id: `xxh-${VERSION}`, digest: (text) => hasher.digest(text) };
}
