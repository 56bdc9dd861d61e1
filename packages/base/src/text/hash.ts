/**
 * Digests. xxHash answers "has this changed" inside a build; SHA-256 answers "are these the bytes",
 * wherever content is trusted.
 */
import { createHash } from "node:crypto";
import xxhash from "xxhash-wasm";
import { openPlain } from "../files/plain-file.js";

const CHUNK_BYTES = 256 * 1024;

/** Seeds of the two lanes of a 128-bit digest: two unrelated odd constants (xxHash's PRIME64_1 and PRIME64_2). */
const LOW_SEED = 0x9e3779b185ebca87n;
const HIGH_SEED = 0xc2b2ae3d27d4eb4fn;

/** Fast digests, not against an attacker. */
export interface Hasher {
  /** xxHash64 twice with different seeds: 32 lower-case hex digits. */
  digest(text: string): string;
  /** xxHash64, seed 0: 16 lower-case hex digits. */
  digest64(text: string | Uint8Array): string;
}

let opened: Promise<Hasher> | undefined;

/** Loads the WebAssembly module once a process; every later call is free. */
export function openHasher(): Promise<Hasher> {
  opened ??= xxhash().then((api) => ({
    digest: (text) => hex64(api.h64(text, LOW_SEED)) + hex64(api.h64(text, HIGH_SEED)),
    digest64: (text) => (typeof text === "string" ? hex64(api.h64(text)) : hex64(api.h64Raw(text))),
  }));
  return opened;
}

function hex64(value: bigint): string {
  return value.toString(16).padStart(16, "0");
}

/** SHA-256 of text (as UTF-8) or bytes: 64 lower-case hex digits. */
export function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

/** SHA-256 of a file's content, streamed. @throws system errors of reading (ENOENT, EACCES, …); NOT_PLAIN, see `openPlain` */
export async function sha256File(path: string | Buffer): Promise<string> {
  const hash = createHash("sha256");
  const file = await openPlain(path);
  try {
    // Not a stream: most files are small, and a stream costs more than they do.
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES);
      if (bytesRead === 0) break;
      hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
  return hash.digest("hex");
}
