/**
 * Private keys that no package ships: what a script made when the image was built is the same on every device, and in every
 * copy of the image, its cache and its mirrors.
 */
import type { FileEntry, TarFile, TarMember } from "@tsbake/archive";
import { createHash } from "node:crypto";
import { eachLimited, AT_ONCE, BuildError } from "@tsbake/base";
import * as problems from "../problems.js";

export interface KeyCheck {
  /** Whether the file is as a package ships it, or was looked at before. */
  readonly isShipped: (entry: FileEntry) => boolean;
  /** The MD5 with which a package ships the path, where scripts often write to it: a configuration file. */
  readonly shippedMd5?: (path: string) => string | undefined;
  /** Paths where a key is meant to be. */
  readonly isAllowed: (path: string) => boolean;
  /** A clause that says who probably made it, e.g. "the postinst of ssl-cert". */
  readonly maker: (path: string) => Promise<string | undefined>;
}

/** A key that comes later in a file is not found; files that scripts make are small. */
const LOOKED_AT_BYTES = 1 << 20;

/** PEM (PKCS#1, PKCS#8, SEC1, OpenSSH, PGP), SSH2, PuTTY, GnuPG's store, SSH1: each at the start of a line. */
const HEADERS = [
  "-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----",
  "---- BEGIN SSH2 (?:ENCRYPTED )?PRIVATE KEY ----",
  "PuTTY-User-Key-File-\\d",
  "Key: \\((?:protected-|shadowed-)?private-key",
  "\\(\\d+:(?:protected-)?private-key",
  "SSH PRIVATE KEY FILE FORMAT",
];
const HEADER = new RegExp(`(?:^|[\\n\\r])[ \\t]*(?:${HEADERS.join("|")})`);

/** Whether the text has the header of a private key. @param text bytes as latin1 */
export function holdsPrivateKey(text: string): boolean {
  return HEADER.test(text);
}

/**
 * Looks into the files that no package ships, of which there are few.
 *
 * @throws BuildError `image/private-key`, one diagnostic a file
 */
export async function checkPrivateKeys(
  tar: TarFile,
  members: readonly TarMember[],
  check: KeyCheck,
): Promise<void> {
  const found = members.filter((member) => {
    const { entry } = member;
    if (entry.kind !== "file" || entry.hardlink !== undefined || entry.sizeBytes === 0) return false;
    const md5 = check.shippedMd5?.(entry.path);
    if ((md5 === undefined && check.isShipped(entry)) || check.isAllowed(entry.path)) return false;
    if (!holdsPrivateKey(headOf(tar, member))) return false;
    return md5 === undefined || md5 !== md5Of(tar, member);
  });
  if (found.length === 0) return;
  throw new BuildError(
    await eachLimited(found, AT_ONCE, async ({ entry }) =>
      problems.privateKey(entry.path, await check.maker(entry.path)),
    ),
  );
}

function headOf(tar: TarFile, { entry, contentAt }: TarMember): string {
  const pieces: string[] = [];
  const length = Math.min(entry.sizeBytes, LOOKED_AT_BYTES);
  tar.content(contentAt, length, (piece) => pieces.push(Buffer.from(piece).toString("latin1")));
  return pieces.join("");
}

function md5Of(tar: TarFile, { entry, contentAt }: TarMember): string {
  const hash = createHash("md5");
  tar.content(contentAt, entry.sizeBytes, (piece) => hash.update(piece));
  return hash.digest("hex");
}
