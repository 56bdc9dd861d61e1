/** A signature of a root hash that somebody else has made, put into the partition that waits for it. */
import { open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BuildError, readCertificate, readPlain, run } from "@tsbake/base";
import * as problems from "../../problems.js";

export interface SignatureOptions {
  readonly image: string;
  /** Where the partition begins, and what it can hold. Bytes. */
  readonly at: number;
  readonly sizeBytes: number;
  /** 64 hex digits: the text that was signed. */
  readonly rootHash: string;
  /** PKCS#7 in DER, detached, without certificates and attributes. */
  readonly signature: string;
  readonly certificate: string;
  /** A folder to work in. */
  readonly work: string;
  /** The program. */
  readonly openssl: string;
}

const MOST_BYTES = 1 << 20;

/**
 * @throws BuildError `image/bad-root-signature` for one that is not there, is of another root hash or another key, or too large;
 *   `base/bad-signing-key` of the certificate
 * @see The Discoverable Partitions Specification (UAPI.2), on the partition for the signature
 */
export async function joinSignature(options: SignatureOptions): Promise<void> {
  const { rootHash, signature, certificate } = options;
  const known = await readCertificate(certificate);
  const bytes = await readPlain(signature, MOST_BYTES).catch((error: unknown) => {
    if (error instanceof BuildError) throw error;
    throw new BuildError([problems.badRootSignature(signature, "it cannot be read")]);
  });
  const signed = join(options.work, "roothash");
  await writeFile(signed, rootHash);
  const args = ["-inform", "DER", "-in", signature, "-content", signed, "-certfile", certificate];
  // The certificate is the one that is trusted, so nobody has to vouch for it.
  const verify = ["smime", "-verify", "-binary", ...args, "-nointern", "-noverify", "-out", "/dev/null"];
  const env = { PATH: "/usr/bin:/bin", LC_ALL: "C.UTF-8", OPENSSL_CONF: "/dev/null" };
  const done = await run(options.openssl, verify, { env, mayFail: true });
  if (done.code !== 0)
    throw new BuildError([
      problems.badRootSignature(signature, `it is not that of ${rootHash} by the key of ${certificate}`),
    ]);
  const content = {
    rootHash,
    certificateFingerprint: known.fingerprint256.replaceAll(":", "").toLowerCase(),
    signature: bytes.toString("base64"),
  };
  const text = Buffer.from(JSON.stringify(content));
  if (text.length > options.sizeBytes)
    throw new BuildError([
      problems.badRootSignature(signature, "it is too large: leave certificates out (-nocerts)"),
    ]);
  const file = await open(options.image, "r+");
  try {
    await file.write(text, 0, text.length, options.at);
  } finally {
    await file.close();
  }
}
