/** Headers of a database one after the other: read, told apart by what they are of, and put in one order. @see rpmdb(8), --exportdb */
import { BuildError, byText, sha256 } from "@tsbake/base";
import { badDatabase } from "../problems.js";
import { HeaderFault, readHeader, type RpmHeader } from "./format/header.js";
import { TAG } from "./format/tags.js";

export interface DatabaseHeader {
  readonly header: RpmHeader;
  readonly bytes: Buffer;
  /** `NAME-VERSION-RELEASE.ARCH`, in a form that a file can have. */
  readonly key: string;
  readonly sha256: string;
}

/** Sorted by key. @param path for errors @throws BuildError `packaging/bad-database` */
export function splitHeaders(bytes: Buffer, path: string): DatabaseHeader[] {
  const headers: DatabaseHeader[] = [];
  try {
    for (let at = 0; at < bytes.length;) {
      const { header, end } = readHeader(bytes, at);
      headers.push(describeHeader(header, bytes.subarray(at, end)));
      at = end;
    }
  } catch (error) {
    if (error instanceof HeaderFault) throw new BuildError([badDatabase(path, error.message)]);
    throw error;
  }
  headers.sort((left, right) => byText(left.key, right.key));
  const twice = headers.find(({ key }, at) => headers[at + 1]?.key === key);
  if (twice) throw new BuildError([badDatabase(path, `\`${twice.key}\` is there twice`)]);
  return headers;
}

function describeHeader(header: RpmHeader, bytes: Buffer): DatabaseHeader {
  const words = [TAG.name, TAG.version, TAG.release, TAG.architecture].map((tag) => header.text(tag));
  const [name = "", version = "", release = "", architecture = ""] = words;
  if (words.includes("")) throw new HeaderFault("a header lacks name, version, release or architecture");
  const key = `${name}-${version}-${release}.${architecture}`;
  if (!/^[A-Za-z0-9+][A-Za-z0-9._+~^-]*$/.test(key)) throw new HeaderFault(`a package is called \`${key}\``);
  return { header, bytes, key, sha256: sha256(bytes) };
}
