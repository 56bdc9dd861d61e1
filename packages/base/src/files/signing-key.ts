/** The pair that signs: a private key and the certificate by which others know its signatures. Looked at, never kept. */
import { createPrivateKey, X509Certificate, type KeyObject } from "node:crypto";
import { BuildError } from "../diagnostics/diagnostic.js";
import { hasCode } from "../diagnostics/errno.js";
import { readPlain } from "./plain-file.js";
import { badSigningKey } from "../problems.js";

export interface SigningPair {
  /** Absolute path of the private key: PEM, without a passphrase. */
  readonly key: string;
  /** Absolute path of the certificate: PEM. */
  readonly certificate: string;
}

const MOST_BYTES = 1 << 20;

/**
 * That both can be read, belong together, and the certificate is valid at `now`.
 *
 * @throws BuildError `base/bad-signing-key`
 */
export async function checkSigningPair({ key, certificate }: SigningPair, now = new Date()): Promise<void> {
  const known = await readCertificate(certificate, now);
  if (!known.checkPrivateKey(await readKey(key)))
    throw new BuildError([badSigningKey(key, `it is not the key of the certificate ${certificate}`)]);
}

/**
 * @throws BuildError `base/bad-signing-key` for a file that is not there, is no certificate, or is not valid at `now`
 */
export async function readCertificate(path: string, now = new Date()): Promise<X509Certificate> {
  const certificate = parsed(path, await content(path), "certificate", (text) => new X509Certificate(text));
  if (now < new Date(certificate.validFrom))
    throw new BuildError([badSigningKey(path, `the certificate is valid from ${certificate.validFrom}`)]);
  if (now > new Date(certificate.validTo))
    throw new BuildError([badSigningKey(path, `the certificate has expired on ${certificate.validTo}`)]);
  return certificate;
}

async function readKey(path: string): Promise<KeyObject> {
  const text = await content(path);
  // Nobody could be asked for the passphrase.
  if (/^-----BEGIN ENCRYPTED|^Proc-Type: 4,ENCRYPTED/m.test(text.toString("latin1")))
    throw new BuildError([badSigningKey(path, "the key has a passphrase, and nobody can be asked for it")]);
  return parsed(path, text, "private key", (data) => createPrivateKey(data));
}

async function content(path: string): Promise<Buffer> {
  if (!path.startsWith("/")) throw new BuildError([badSigningKey(path, "it is no absolute path")]);
  try {
    return await readPlain(path, MOST_BYTES);
  } catch (error) {
    if (error instanceof BuildError) throw error;
    const why = hasCode(error, "ENOENT", "ENOTDIR")
      ? "it is not there"
      : hasCode(error, "EACCES")
        ? "this user may not read it"
        : "it cannot be read";
    throw new BuildError([badSigningKey(path, why)]);
  }
}

/** The words of OpenSSL are left out: they say nothing of the file, and could quote it. */
function parsed<Result>(path: string, data: Buffer, what: string, parse: (data: Buffer) => Result): Result {
  try {
    return parse(data);
  } catch {
    throw new BuildError([badSigningKey(path, `it is no ${what} in PEM`)]);
  }
}
