/**
 * Signatures of a feed's index: usign's (Ed25519, what OpenWrt writes) and OpenPGP's, detached; as opkg and dnf take them.
 *
 * @see the format of usign and signify: base64 of `Ed`, eight bytes that name the key, and 64 bytes of signature or 32 of key
 */
import { createPublicKey, verify as verifyBytes } from "node:crypto";
import { readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BuildError, hasCode, ifThere, run, scratchFolder } from "@tsbake/base";
import { badFeedKey } from "../problems.js";

export interface IndexSignature {
  /** Of its file. */
  readonly name: string;
  readonly bytes: Buffer;
}

/** Whom a feed is believed. */
export type FeedKey =
  | { readonly kind: "usign"; readonly path: string; readonly id: string; readonly key: Buffer }
  /** `keyring`: as gpgv reads one. */
  | { readonly kind: "openpgp"; readonly path: string; readonly keyring: Buffer };

/** In front of the 32 bytes of an Ed25519 key, so that it is a SubjectPublicKeyInfo (RFC 8410). */
const SPKI_HEAD = Buffer.from("302a300506032b6570032100", "hex");
const LARGEST_KEY = 1 << 20;

/** @param path a public key of usign or signify, or OpenPGP's, armoured or not. @throws BuildError `packaging/bad-feed-key` */
export async function readFeedKey(path: string): Promise<FeedKey> {
  const refuse = (reason: string): BuildError => new BuildError([badFeedKey(path, reason)]);
  const bytes = await ifThere(readFile(path));
  if (bytes === undefined) throw refuse("it is not there");
  if (bytes.length > LARGEST_KEY) throw refuse("it has more than 1 MiB");
  const text = bytes.toString("latin1");
  if (text.startsWith("untrusted comment:")) {
    const data = usignData(text, 42);
    if (data === undefined) throw refuse("it is no public key of usign");
    return { kind: "usign", path, id: data.id, key: data.rest };
  }
  if (/PRIVATE KEY BLOCK/.test(text)) throw refuse("it is a secret key: give the public one (gpg --export)");
  if (text.includes("-----BEGIN PGP PUBLIC KEY BLOCK-----")) {
    const keyring = dearmored(text);
    if (keyring === undefined) throw refuse("its armour is damaged");
    return { kind: "openpgp", path, keyring };
  }
  // A packet that begins a public key (RFC 4880, 4.2 and 5.5): tag 6.
  const [tag = 0] = bytes;
  const isKey = (tag & 0xc0) === 0xc0 ? (tag & 0x3f) === 6 : (tag & 0x80) !== 0 && ((tag >> 2) & 0xf) === 6;
  if (!isKey) throw refuse("it is neither a key of usign nor one of OpenPGP");
  return { kind: "openpgp", path, keyring: bytes };
}

/** @returns why none of the signatures, of which there is one, is of `index` and by one of the keys; undefined when one is */
export async function signatureFault(
  index: Buffer,
  signatures: readonly IndexSignature[],
  keys: readonly FeedKey[],
): Promise<string | undefined> {
  const faults: string[] = [];
  for (const { name, bytes } of signatures) {
    const text = bytes.toString("latin1");
    const fault = text.startsWith("untrusted comment:")
      ? usignFault(index, text, keys)
      : await openpgpFault(index, bytes, keys);
    if (fault === undefined) return undefined;
    faults.push(`${name}: ${fault}`);
  }
  return faults.join("; ");
}

function usignFault(index: Buffer, text: string, keys: readonly FeedKey[]): string | undefined {
  const data = usignData(text, 74);
  if (data === undefined) return "it is no signature of usign";
  const mine = keys.filter((one) => one.kind === "usign").filter(({ id }) => id === data.id);
  if (mine.length === 0) return `it is by ${data.id}, which is none of the keys`;
  const isGood = mine.some(({ key }) => {
    const object = createPublicKey({ key: Buffer.concat([SPKI_HEAD, key]), format: "der", type: "spki" });
    return verifyBytes(undefined, index, object, data.rest);
  });
  return isGood ? undefined : `it is by ${data.id}, and not of these bytes`;
}

/** The second line of a file of usign. @returns undefined unless it is Ed25519 and has so many bytes */
function usignData(text: string, bytes: number): { readonly id: string; readonly rest: Buffer } | undefined {
  const data = Buffer.from(text.split("\n")[1] ?? "", "base64");
  if (data.length !== bytes || data.subarray(0, 2).toString() !== "Ed") return undefined;
  return { id: data.subarray(2, 10).toString("hex"), rest: data.subarray(10) };
}

async function openpgpFault(
  index: Buffer,
  signature: Buffer,
  keys: readonly FeedKey[],
): Promise<string | undefined> {
  const rings = keys.filter((one) => one.kind === "openpgp");
  if (rings.length === 0) return "it is OpenPGP's, and none of the keys is";
  const folder = await scratchFolder(join(tmpdir(), "tsbake-feed-key-"));
  try {
    const path = (name: string): string => join(folder, name);
    await writeFile(path("index"), index);
    await writeFile(path("signature"), dearmored(signature.toString("latin1")) ?? signature);
    await writeFile(path("keys"), Buffer.concat(rings.map(({ keyring }) => keyring)));
    const args = ["--homedir", folder, "--status-fd", "1", "--keyring", path("keys")];
    const { stdout } = await run("gpgv", [...args, "--", path("signature"), path("index")], {
      mayFail: true,
    });
    return judge(stdout);
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
    return "there is no gpgv on this machine to verify it (apt-get install gpgv)";
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** By the words of gpg's DETAILS document, which do not depend on the language. */
function judge(said: string): string | undefined {
  const of = (word: string): string | undefined =>
    new RegExp(`^\\[GNUPG:\\] ${word} (\\S+)`, "m").exec(said)?.[1];
  const bad = of("BADSIG");
  if (bad !== undefined) return `it is by ${bad}, and not of these bytes`;
  for (const [word, what] of [
    ["REVKEYSIG", "a key that has been revoked"],
    ["EXPKEYSIG", "a key that has expired"],
    ["EXPSIG", "and has expired"],
  ] as const) {
    const by = of(word);
    if (by !== undefined) return `it is by ${by}, ${what}`;
  }
  if (of("GOODSIG") !== undefined) return undefined;
  const unknown = of("NO_PUBKEY") ?? of("ERRSIG");
  return unknown === undefined ? "it is no signature" : `it is by ${unknown}, which is none of the keys`;
}

/** The bytes of all blocks of ASCII armour (RFC 4880, 6.2); undefined where there is none. */
function dearmored(text: string): Buffer | undefined {
  const blocks = [...text.matchAll(/-----BEGIN PGP [A-Z ]+-----\r?\n([^]*?)-----END PGP [A-Z ]+-----/g)];
  if (blocks.length === 0) return undefined;
  return Buffer.concat(
    blocks.map(([, block = ""]) => {
      const lines = block.split(/\r?\n/);
      // Headers, and the blank line that ends them.
      const body = lines.slice(lines.findIndex((line) => line.trim() === "") + 1);
      // The checksum of the block begins with `=`.
      return Buffer.from(body.filter((line) => !line.startsWith("=")).join(""), "base64");
    }),
  );
}
