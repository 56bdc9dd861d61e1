/** A bill of materials in SPDX 3.0.1, JSON-LD. */
import { sha256 } from "@tsbake/base";
import type { PackageFact } from "../../facts/facts.js";
import { uuidOf } from "../../formats/tools.js";
import { billedBase, type Bill, ownNeeds, rootPackages, timestampText, toolVersion } from "./bill.js";
import { licenceOf, licenceReference } from "./licence.js";
import { maintainerOf } from "./maintainer.js";
import { encoded, packageUrl } from "./purl.js";

/** What an identifier of ours begins with; it is a name, nothing is there. */
const DOCUMENTS = "https://spdx.org/spdxdocs";
const CREATION = "_:creation";
const PROFILES = ["core", "software", "simpleLicensing"];

/** An element of the graph. */
interface Element {
  readonly type: string;
  readonly spdxId: string;
}

/**
 * @returns JSON, indented, ending in a newline; same bill, same bytes: the document's name is derived from its content
 * @see SPDX 3.0.1, the model and its JSON serialization
 */
export function formatSpdx(bill: Bill): string {
  const uuid = uuidOf(sha256(JSON.stringify(graphOf(bill, ""))));
  const document = {
    "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
    "@graph": graphOf(bill, `${DOCUMENTS}/${encoded(bill.image)}-${uuid}/`),
  };
  return `${JSON.stringify(document, undefined, 1)}\n`;
}

/** A base is known by its package database, in its own bill and in those of its extensions. */
function baseId(digest: string): string {
  return `${DOCUMENTS}/pkgdb-${digest}/image`;
}

/** @param space what identifiers of the document begin with */
function graphOf(bill: Bill, space: string): object[] {
  const { facts } = bill;
  const base = billedBase(bill);
  const imageId = facts.databaseDigest === undefined ? `${space}image` : baseId(facts.databaseDigest);
  const id = (one: PackageFact): string => `${space}package/${encoded(`${one.name}:${one.architecture}`)}`;
  const agents = new Agents(space);
  const licences = new Licences(space);
  const relations = new Relations(space);
  const files = bill.delivered.map(({ name, sha256: digest }) =>
    element("software_File", `${space}file/${encoded(name)}`, {
      name,
      ...hash(digest),
      software_primaryPurpose: "filesystemImage",
    }),
  );
  const packages = facts.packages.map((one) =>
    element("software_Package", id(one), {
      name: one.name,
      ...hash(one.sha256),
      ...(one.maintainer !== undefined && { suppliedBy: agents.idOf(one.maintainer) }),
      software_packageUrl: packageUrl(one, facts.distribution),
      software_packageVersion: one.version,
      ...(one.source && { software_sourceInfo: `source package ${one.source.name} ${one.source.version}` }),
    }),
  );
  const image = element("software_Package", imageId, {
    name: bill.image,
    software_packageVersion: bill.version,
    software_primaryPurpose: base === undefined ? "operatingSystem" : "filesystemImage",
  });
  relations.add(imageId, "contains", facts.packages.map(id));
  relations.add(
    imageId,
    "hasDistributionArtifact",
    files.map(({ spdxId }) => spdxId),
  );
  relations.add(imageId, "dependsOn", [
    ...rootPackages(facts).map(id),
    ...(base === undefined ? [] : [baseId(base.digest)]),
  ]);
  const needs = ownNeeds(facts);
  for (const one of facts.packages) {
    relations.add(id(one), "dependsOn", needs(one).map(id));
    if (one.licence !== undefined) relations.add(id(one), "hasDeclaredLicense", [licences.idOf(one.licence)]);
  }
  const elements = [image, ...packages, ...files, ...agents.all(), ...licences.all(), ...relations.all];
  const ids = elements.map(({ spdxId }) => spdxId);
  const sbom = element("software_Sbom", `${space}sbom`, {
    profileConformance: PROFILES,
    rootElement: [imageId],
    element: ids,
    software_sbomType: ["build"],
  });
  const document = element("SpdxDocument", `${space}document`, {
    name: bill.image,
    profileConformance: PROFILES,
    rootElement: [sbom.spdxId],
    element: [sbom.spdxId, ...ids],
    ...(base && {
      import: [{ type: "ExternalMap", externalSpdxId: baseId(base.digest), ...hash(base.digest) }],
    }),
  });
  const creation = {
    type: "CreationInfo",
    "@id": CREATION,
    specVersion: "3.0.1",
    created: timestampText(bill.epochSeconds),
    createdBy: [agents.tool],
  };
  return [creation, document, sbom, ...elements];
}

function element(type: string, spdxId: string, rest: object): Element {
  const common = { type, spdxId, creationInfo: CREATION };
  return { ...common, ...rest };
}

function hash(digest: string | undefined): object {
  if (digest === undefined) return {};
  return { verifiedUsing: [{ type: "Hash", algorithm: "sha256", hashValue: digest }] };
}

/** Who supplies packages, each once. */
class Agents {
  readonly tool: string;
  readonly #space: string;
  readonly #byField = new Map<string, Element>();

  constructor(space: string) {
    this.#space = space;
    this.tool = `${space}agent/tsbake`;
  }

  idOf(field: string): string {
    let agent = this.#byField.get(field);
    if (agent === undefined) {
      const { name, email } = maintainerOf(field);
      const address = { type: "ExternalIdentifier", externalIdentifierType: "email", identifier: email };
      agent = element("Agent", `${this.#space}agent/${sha256(field).slice(0, 16)}`, {
        name,
        ...(email !== undefined && { externalIdentifier: [address] }),
      });
      this.#byField.set(field, agent);
    }
    return agent.spdxId;
  }

  all(): Element[] {
    const tool = element("SoftwareAgent", this.tool, { name: `tsbake ${toolVersion()}` });
    return [tool, ...this.#byField.values()];
  }
}

/** Licence expressions, each once. */
class Licences {
  readonly #space: string;
  readonly #byExpression = new Map<string, Element>();

  constructor(space: string) {
    this.#space = space;
  }

  idOf(text: string): string {
    const expression = licenceOf(text)?.expression ?? licenceReference(text);
    const spdxId = `${this.#space}licence/${sha256(expression).slice(0, 16)}`;
    this.#byExpression.set(
      expression,
      element("simplelicensing_LicenseExpression", spdxId, { simplelicensing_licenseExpression: expression }),
    );
    return spdxId;
  }

  all(): Element[] {
    return [...this.#byExpression.values()];
  }
}

class Relations {
  readonly all: Element[] = [];
  readonly #space: string;

  constructor(space: string) {
    this.#space = space;
  }

  /** Nothing is said of what leads nowhere. */
  add(from: string, relationshipType: string, to: readonly string[]): void {
    if (to.length === 0) return;
    const spdxId = `${this.#space}relationship/${this.all.length + 1}`;
    this.all.push(element("Relationship", spdxId, { from, relationshipType, to }));
  }
}
