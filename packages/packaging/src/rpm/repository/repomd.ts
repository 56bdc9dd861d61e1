/** `repodata/repomd.xml`: where the list of a repository's packages is. @see createrepo_c(8) */
import { childOf, eachElement, XmlFault, type XmlElement } from "./xml.js";

/** The list of packages, as it lies on the server. */
export interface PrimaryPlace {
  /** Relative to the feed. */
  readonly file: string;
  readonly algorithm: "sha256" | "sha512";
  /** Of the file as it is compressed, hex. */
  readonly digest: string;
}

/** Nothing may lead out of the feed. */
const FILE = /^(?:[A-Za-z0-9][A-Za-z0-9._+~-]*\/)*[A-Za-z0-9][A-Za-z0-9._+~-]*$/;
const DIGITS = { sha256: 64, sha512: 128 } as const;

/** @throws XmlFault */
export function readRepomd(bytes: Buffer): PrimaryPlace {
  let found: XmlElement | undefined;
  eachElement(bytes, "data", new Set(), (element) => {
    if (element.attributes["type"] === "primary") found ??= element;
  });
  if (found === undefined) throw new XmlFault("it names no list of packages (data of the type primary)");
  const file = childOf(found, "location")?.attributes["href"] ?? "";
  if (!FILE.test(file)) throw new XmlFault(`the list of packages is in the file \`${file}\``);
  const checksum = childOf(found, "checksum");
  const algorithm = checksum?.attributes["type"] ?? "";
  const digest = checksum?.text.trim().toLowerCase() ?? "";
  if (algorithm !== "sha256" && algorithm !== "sha512")
    throw new XmlFault("the list of packages has neither SHA-256 nor SHA-512");
  if (!/^[0-9a-f]+$/.test(digest) || digest.length !== DIGITS[algorithm])
    throw new XmlFault("the digest of the list of packages is none");
  return { file, algorithm, digest };
}
