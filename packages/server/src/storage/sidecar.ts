/** The checksum beside an object where it is not a file, but follows from what is known of the object. */
import { sha256 } from "@tsbake/base";
import { sidecarText } from "@tsbake/sstate";
import type { ServedFile } from "./storage.js";

export interface ToldFile {
  readonly found: ServedFile;
  readonly bytes: Buffer;
}

/** The file as it would lie beside the object. @param modifiedMs that of the object */
export function toldSidecar(object: string, digest: string, modifiedMs: number): ToldFile {
  const bytes = Buffer.from(sidecarText(object, digest));
  const etag = `"${sha256(bytes)}"`;
  return { found: { sizeBytes: bytes.length, etag, modifiedMs, changed: etag }, bytes };
}
