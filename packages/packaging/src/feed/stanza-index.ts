/**
 * The index of a feed, `Packages`: a stanza a package, as opkg-make-index writes it, or as repodata is kept. What is taken of the feed
 * is compared with the index' SHA-256 before it is installed.
 */
import { BuildError, nameOf } from "@tsbake/base";
import { isDebName, isDebVersion } from "../deb/names.js";
import { parseStanzas, type Stanza, writeStanza } from "../deb/stanza.js";
import { badFeed } from "../problems.js";
import type { AvailablePackage } from "./closure.js";
import type { IndexFormat } from "./index-layout.js";

/** Nothing may lead out of the folder. */
const FILES: Readonly<Record<IndexFormat, RegExp>> = { ipk: fileOf("ipk"), rpm: fileOf("rpm") };

function fileOf(suffix: string): RegExp {
  const word = "[A-Za-z0-9][A-Za-z0-9._+~%-]*";
  return new RegExp(String.raw`^(?:\./)?(?:${word}/)*${word}\.${suffix}$`);
}

/**
 * The packages of a feed's index; `file` of each is relative to the feed.
 *
 * @param feed what to call it in an error
 * @param fieldsOf what is kept of a stanza
 * @throws BuildError `packaging/bad-feed`
 */
export function readStanzaIndex(
  index: Buffer,
  feed: string,
  format: IndexFormat,
  fieldsOf: (stanza: Stanza) => Stanza = (stanza) => stanza,
): AvailablePackage[] {
  const refuse = (reason: string): BuildError => new BuildError([badFeed(feed, reason)]);
  const { stanzas, faults } = parseStanzas(nameOf(index));
  const [fault] = faults;
  if (fault) throw refuse(`line ${fault.line} of its index: ${fault.reason}`);
  return stanzas.map((one, at) => ({
    ...packageOf(one, at, FILES[format], refuse),
    stanza: writeStanza(fieldsOf(one)),
  }));
}

function packageOf(
  stanza: Stanza,
  at: number,
  pattern: RegExp,
  refuse: (reason: string) => BuildError,
): Omit<AvailablePackage, "stanza"> {
  const of = (...fields: string[]): string => fields.flatMap((name) => stanza.get(name) ?? [])[0] ?? "";
  const [name, version, architecture] = [of("Package"), of("Version"), of("Architecture")];
  const who = name === "" ? `package ${at + 1} of its index` : `\`${name}\``;
  if (!isDebName(name)) throw refuse(`the name of ${who} is no package's`);
  if (!isDebVersion(version)) throw refuse(`${who} has the version \`${version}\``);
  if (!/^[a-z0-9][a-z0-9_-]*$/i.test(architecture))
    throw refuse(`${who} has the architecture \`${architecture}\``);
  const file = of("Filename");
  if (!pattern.test(file)) throw refuse(`${who} is in the file \`${file}\``);
  const sha256 = of("SHA256sum", "SHA256").toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw refuse(`${who} has no SHA-256: write the index with SHA256sum`);
  const sizeBytes = Number(of("Size"));
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0)
    throw refuse(`${who} has the size \`${of("Size")}\``);
  return { name, version, architecture, sha256, sizeBytes, file };
}
