/** A bill of materials in CycloneDX 1.6, JSON. */
import { ComponentType, ExternalReferenceType, HashAlgorithm } from "@cyclonedx/cyclonedx-library/Enums";
import {
  Bom,
  Component,
  ExternalReference,
  ExternalReferenceRepository,
  HashDictionary,
  type License,
  LicenseExpression,
  LicenseRepository,
  Metadata,
  NamedLicense,
  OrganizationalContact,
  OrganizationalContactRepository,
  OrganizationalEntity,
  Property,
  PropertyRepository,
  SpdxLicense,
  Tools,
  ComponentRepository,
} from "@cyclonedx/cyclonedx-library/Models";
import { JSON as Json, JsonSerializer } from "@cyclonedx/cyclonedx-library/Serialize";
import { Spec1dot6 } from "@cyclonedx/cyclonedx-library/Spec";
import { sha256 } from "@tsbake/base";
import type { LayerFacts, PackageFact } from "../../facts/facts.js";
import { uuidOf } from "../../formats/tools.js";
import {
  billedBase,
  type Bill,
  digestUri,
  ownNeeds,
  rootPackages,
  timestampText,
  toolVersion,
} from "./bill.js";
import { licenceOf } from "./licence.js";
import { maintainerOf } from "./maintainer.js";
import { packageUrl } from "./purl.js";

/**
 * @returns JSON, indented, ending in a newline; same bill, same bytes: the serial number is derived from the content
 * @see CycloneDX 1.6 (ECMA-424)
 */
export function formatCycloneDx(bill: Bill): string {
  const components = new Map(bill.facts.packages.map((one) => [one, packageComponent(one, bill.facts)]));
  const needs = ownNeeds(bill.facts);
  const refsOf = (packages: readonly PackageFact[]) =>
    packages.flatMap((one) => components.get(one)?.bomRef ?? []);
  for (const [one, component] of components)
    for (const ref of refsOf(needs(one))) component.dependencies.add(ref);
  const image = imageComponent(bill);
  for (const ref of refsOf(rootPackages(bill.facts))) image.dependencies.add(ref);
  const tool = new Component(ComponentType.Application, "tsbake", { version: toolVersion() });
  const bom = new Bom({
    metadata: new Metadata({
      timestamp: new Date(timestampText(bill.epochSeconds)),
      component: image,
      tools: new Tools({ components: new ComponentRepository([tool]) }),
    }),
    components: new ComponentRepository(components.values()),
  });
  const serializer = new JsonSerializer(new Json.Normalize.Factory(Spec1dot6));
  const serialize = () => serializer.serialize(bom, { sortLists: true, space: 1 });
  bom.serialNumber = `urn:uuid:${uuidOf(sha256(serialize()))}`;
  return `${serialize()}\n`;
}

function imageComponent(bill: Bill): Component {
  const base = billedBase(bill);
  const type = base === undefined ? ComponentType.OperatingSystem : ComponentType.Application;
  const references = bill.delivered.map(
    ({ name, sha256: digest }) =>
      new ExternalReference(encodeURI(name), ExternalReferenceType.Distribution, { hashes: hashes(digest) }),
  );
  if (base !== undefined)
    references.push(
      new ExternalReference(digestUri(base.digest), ExternalReferenceType.Other, {
        hashes: hashes(base.digest),
        comment: `package database of the base ${base.name}`,
      }),
    );
  const { databaseDigest } = bill.facts;
  return new Component(type, bill.image, {
    version: bill.version,
    bomRef: `image:${bill.image}`,
    externalReferences: new ExternalReferenceRepository(references),
    properties: new PropertyRepository([
      new Property("tsbake:machine", bill.machine),
      ...(databaseDigest === undefined ? [] : [new Property("tsbake:pkgdb:sha256", databaseDigest)]),
    ]),
  });
}

function packageComponent(one: PackageFact, { distribution }: LayerFacts): Component {
  const purl = packageUrl(one, distribution);
  const supplier = one.maintainer === undefined ? undefined : supplierOf(one.maintainer);
  const { source, licence } = one;
  return new Component(ComponentType.Library, one.name, {
    version: one.version,
    bomRef: purl,
    purl,
    hashes: hashes(one.sha256),
    ...(supplier && { supplier }),
    ...(licence !== undefined && { licenses: new LicenseRepository([licenseOf(licence)]) }),
    properties: new PropertyRepository([
      new Property("tsbake:architecture", one.architecture),
      new Property("tsbake:origin", one.origin),
      ...(source === undefined ? [] : [new Property("tsbake:source", `${source.name} ${source.version}`)]),
    ]),
  });
}

function hashes(digest: string | undefined): HashDictionary {
  return new HashDictionary(digest === undefined ? [] : [[HashAlgorithm["SHA-256"], digest]]);
}

function supplierOf(field: string): OrganizationalEntity {
  const { name, email } = maintainerOf(field);
  const contact = new OrganizationalContact({ name, ...(email !== undefined && { email }) });
  return new OrganizationalEntity({ name, contact: new OrganizationalContactRepository([contact]) });
}

function licenseOf(text: string): License {
  const licence = licenceOf(text);
  if (licence === undefined) return new NamedLicense(text);
  return licence.isKnownId ? new SpdxLicense(licence.expression) : new LicenseExpression(licence.expression);
}
