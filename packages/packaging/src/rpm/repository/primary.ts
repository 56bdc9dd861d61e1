/**
 * `primary.xml` of an rpm repository as Debian's index of the same packages: what is solved, signed and kept is one form for all formats.
 * The rpms are those that our own writer made; it says what a Debian package says, and here that is read back.
 *
 * @see createrepo_c(8); rpm's documentation: Dependencies
 */
import { byText } from "@tsbake/base";
import { isDebName, isDebVersion } from "../../deb/names.js";
import { type Stanza, writeStanza } from "../../deb/stanza.js";
import { debianArchitecture } from "../names.js";
import { ESSENTIAL_NAME } from "../relations.js";
import { debianVersion } from "../version.js";
import { debianRelation, type RepositoryRelation } from "./relation.js";
import { childOf, eachElement, type XmlElement, XmlFault } from "./xml.js";

/** rpm's lists of relations, and Debian's. */
const FIELDS = [
  ["requires", "Depends"],
  ["recommends", "Recommends"],
  ["suggests", "Suggests"],
  ["enhances", "Enhances"],
  ["provides", "Provides"],
  ["obsoletes", "Replaces"],
  ["conflicts", "Conflicts"],
] as const;

/** Long, and nothing is solved with them. */
const UNWANTED = new Set(["file", "supplements"]);

/** @returns stanzas, sorted by their files; packages of sources are left out @throws XmlFault */
export function packagesOfPrimary(bytes: Buffer): string {
  const found: { readonly file: string; readonly text: string }[] = [];
  eachElement(bytes, "package", UNWANTED, (element) => {
    const stanza = stanzaOf(element);
    if (stanza) found.push({ file: stanza.get("Filename") ?? "", text: writeStanza(stanza) });
  });
  return found
    .sort((left, right) => byText(left.file, right.file))
    .map(({ text }) => `${text}\n`)
    .join("");
}

/** What it says of one package is compared with rules of names by whoever reads the stanza. */
function stanzaOf(element: XmlElement): Stanza | undefined {
  const text = (name: string, of: XmlElement | undefined = element): string =>
    oneLine((of && childOf(of, name)?.text) ?? "");
  const attribute = (child: string, name: string): string => childOf(element, child)?.attributes[name] ?? "";
  const [name, architecture] = [text("name"), text("arch")];
  if (architecture === "src" || architecture === "nosrc") return undefined;
  const refuse = (reason: string): never => {
    throw new XmlFault(`\`${name}\` ${reason}`);
  };
  if (!isDebName(name)) refuse("is no name of a Debian package");
  const version = debianVersion(
    Number(attribute("version", "epoch") || 0),
    attribute("version", "ver"),
    attribute("version", "rel"),
  );
  if (!isDebVersion(version)) refuse(`has the version \`${version}\``);
  const checksum = childOf(element, "checksum");
  if (checksum?.attributes["type"] !== "sha256") refuse("has no SHA-256: write the index with createrepo_c");
  if (childOf(element, "location")?.attributes["xml:base"] !== undefined)
    refuse("is in another place than the feed (xml:base)");
  const format = childOf(element, "format");
  const relations = relationsOf(format, name, refuse);
  const kilobytes = Math.ceil(Number(attribute("size", "installed")) / 1024);
  return new Map(
    [
      ["Package", name],
      ["Version", version],
      ["Architecture", debianArchitecture(architecture) ?? architecture],
      ["Essential", isEssential(format) ? "yes" : ""],
      ["Maintainer", text("packager")],
      ["Installed-Size", Number.isSafeInteger(kilobytes) ? String(kilobytes) : ""],
      ...relations,
      ["Section", text("group", format)],
      ["Homepage", text("url")],
      ["License", text("license", format)],
      ["Source", text("sourcerpm", format).replace(/-[^-]*-[^-]*$/, "")],
      ["Description", text("summary")],
      ["Filename", attribute("location", "href")],
      ["Size", attribute("size", "package")],
      ["SHA256", oneLine(checksum?.text ?? "")],
    ].filter(([, value]) => value !== "") as [string, string][],
  );
}

function relationsOf(
  format: XmlElement | undefined,
  self: string,
  refuse: (reason: string) => never,
): [string, string][] {
  const found = new Map<string, Set<string>>();
  const add = (field: string, relation: string): void =>
    void found.set(field, (found.get(field) ?? new Set()).add(relation));
  for (const [list, field] of FIELDS)
    for (const { attributes } of (format && childOf(format, list))?.children ?? []) {
      const entry = attributes as unknown as RepositoryRelation;
      // Each says that it provides itself.
      if (field === "Provides" && entry.name === self) continue;
      const relation = debianRelation(entry, field === "Depends");
      if (relation !== undefined) add(entry.pre === "1" ? "Pre-Depends" : field, relation);
      // What is offered beyond Debian's names nobody asks for; what is needed nobody has.
      else if (field === "Depends" || field === "Conflicts")
        refuse(
          `has the relation \`${entry.name}\`, which no Debian package has: packages of other distributions are not supported yet`,
        );
    }
  return [...found].map(([field, relations]) => [field, [...relations].join(", ")]);
}

function isEssential(format: XmlElement | undefined): boolean {
  const provided = (format && childOf(format, "provides"))?.children ?? [];
  return provided.some(({ attributes }) => attributes["name"] === ESSENTIAL_NAME);
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}
