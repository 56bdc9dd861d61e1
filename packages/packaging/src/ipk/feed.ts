/**
 * opkg's index of a feed, `Packages`: a stanza a package, as opkg-make-index writes it. What is taken of the feed is compared with the
 * index' SHA-256 before it is installed.
 */
import { BuildError, nameOf } from "@tsbake/base";
import { isDebName, isDebVersion } from "../deb/names.js";
import { parseStanzas, type Stanza, writeStanza } from "../deb/stanza.js";
import type { AvailablePackage } from "../feed/closure.js";
import { badFeed } from "../problems.js";
import { ipkFields } from "./fields.js";

/** Nothing may lead out of the folder. */
const FILE = /^(?:\.\/)?(?:[A-Za-z0-9][A-Za-z0-9._+~%-]*\/)*[A-Za-z0-9][A-Za-z0-9._+~%-]*\.ipk$/;

/**
 * The packages of a feed's index; `file` of each is relative to the feed.
 *
 * @param feed what to call it in an error
 * @throws BuildError `packaging/bad-feed`
 */
export function readIpkIndex(index: Buffer, feed: string): AvailablePackage[] {
  const refuse = (reason: string): BuildError => new BuildError([badFeed(feed, reason)]);
  const { stanzas, faults } = parseStanzas(nameOf(index));
  const [fault] = faults;
  if (fault) throw refuse(`line ${fault.line} of its index: ${fault.reason}`);
  return stanzas.map((one, at) => packageOf(one, at, refuse));
}

function packageOf(stanza: Stanza, at: number, refuse: (reason: string) => BuildError): AvailablePackage {
  const of = (...fields: string[]): string => fields.flatMap((name) => stanza.get(name) ?? [])[0] ?? "";
  const [name, version, architecture] = [of("Package"), of("Version"), of("Architecture")];
  const who = name === "" ? `package ${at + 1} of its index` : `\`${name}\``;
  if (!isDebName(name)) throw refuse(`the name of ${who} is no package's`);
  if (!isDebVersion(version)) throw refuse(`${who} has the version \`${version}\``);
  if (!/^[a-z0-9][a-z0-9_-]*$/i.test(architecture))
    throw refuse(`${who} has the architecture \`${architecture}\``);
  const file = of("Filename");
  if (!FILE.test(file)) throw refuse(`${who} is in the file \`${file}\``);
  const sha256 = of("SHA256sum", "SHA256").toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw refuse(`${who} has no SHA-256: write the index with SHA256sum`);
  const sizeBytes = Number(of("Size"));
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0)
    throw refuse(`${who} has the size \`${of("Size")}\``);
  return { name, version, architecture, sha256, sizeBytes, file, stanza: writeStanza(ipkFields(stanza)) };
}
