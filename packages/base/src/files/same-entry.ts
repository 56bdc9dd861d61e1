/** When two entries of file systems are the same thing: one rule for all that share, link or leave out what is there. */
import * as fs from "node:fs";
import { fsPath, nameOf } from "../text/names.js";

const PIECE_BYTES = 1 << 20;
const PERMISSIONS = 0o7777n;

/**
 * The same kind, owner, permissions, device numbers, target and content; of links neither owner nor mode, which nothing
 * asks for. Node reads no extended attributes, and times of modification are nobody's content: neither counts.
 *
 * @throws system errors, also where one of both is missing
 */
export function sameEntry(left: string, right: string): boolean {
  const one = fs.lstatSync(fsPath(left), { bigint: true });
  const other = fs.lstatSync(fsPath(right), { bigint: true });
  if (one.ino === other.ino && one.dev === other.dev) return true;
  if (kindOf(one) !== kindOf(other)) return false;
  if (one.isSymbolicLink()) return targetOf(left) === targetOf(right);
  if ((one.mode & PERMISSIONS) !== (other.mode & PERMISSIONS)) return false;
  if (one.uid !== other.uid || one.gid !== other.gid) return false;
  if (one.isFile()) return one.size === other.size && sameContent(left, right);
  return one.rdev === other.rdev;
}

/** The bits of the mode that say what it is. */
function kindOf({ mode }: fs.BigIntStats): bigint {
  return mode & ~PERMISSIONS;
}

function targetOf(path: string): string {
  return nameOf(fs.readlinkSync(fsPath(path), "buffer"));
}

function sameContent(left: string, right: string): boolean {
  const files = [fs.openSync(fsPath(left), "r"), fs.openSync(fsPath(right), "r")] as const;
  try {
    const pieces = [Buffer.allocUnsafe(PIECE_BYTES), Buffer.allocUnsafe(PIECE_BYTES)] as const;
    for (;;) {
      const [one, other] = [readPiece(files[0], pieces[0]), readPiece(files[1], pieces[1])];
      if (!one.equals(other)) return false;
      if (one.length === 0) return true;
    }
  } finally {
    for (const file of files) fs.closeSync(file);
  }
}

/** As much as there is, up to the whole piece. */
function readPiece(file: number, into: Buffer): Buffer {
  let length = 0;
  while (length < into.length) {
    const count = fs.readSync(file, into, length, into.length - length, null);
    if (count === 0) break;
    length += count;
  }
  return into.subarray(0, length);
}
