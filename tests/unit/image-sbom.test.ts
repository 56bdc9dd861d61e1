/** Bills of materials: what is in them, and that both formats are what their specifications ask for. */
import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
import { describe, expect, test } from "@jest/globals";
import {
  formatCycloneDx,
  formatSpdx,
  licenceOf,
  maintainerOf,
  packageUrl,
  type Bill,
  type PackageFact,
} from "@tsbake/image";
import fc from "fast-check";

const DIGEST = "0123456789abcdef".repeat(4);
const BASE_DIGEST = "f".repeat(64);
const SPACE = "https://spdx.org/spdxdocs/";

function packageFact(name: string, more: Partial<PackageFact> = {}): PackageFact {
  return {
    name,
    version: "1.0",
    architecture: "amd64",
    origin: "archive",
    sha256: DIGEST,
    installedSizeBytes: 1024,
    depends: [],
    ...more,
  };
}

function billOf(packages: readonly PackageFact[], more: Partial<Bill> = {}): Bill {
  return {
    image: "tools",
    version: "2.1",
    machine: "generic",
    facts: {
      format: 2,
      backend: "deb",
      architecture: "amd64",
      baseDigest: BASE_DIGEST,
      inBase: [{ name: "libc6", version: "2.36-9", architecture: "amd64" }],
      distribution: { id: "debian", version: "12" },
      requested: ["strace", "libc6"],
      packages,
      closure: { count: 3, installedSizeBytes: 4096 },
      skippedScripts: [],
      narrowedModes: [],
      changedInBase: [],
      warnings: [],
    },
    extension: {
      name: "tools",
      base: "os",
      baseDigest: BASE_DIGEST,
      policy: "version",
      release: {},
      report: [],
    },
    delivered: [{ name: "tools-generic.rootfs.squashfs", sha256: DIGEST }],
    epochSeconds: 1_700_000_000,
    ...more,
  };
}

const extension = billOf([
  packageFact("libunwind8", { version: "1:1.6.2-3+b1", depends: ["libc6"] }),
  packageFact("strace", {
    depends: ["libc6", "libunwind8"],
    maintainer: "Steve McIntyre <93sam@debian.org>",
    source: { name: "strace-source", version: "6.1" },
  }),
  packageFact("strace-own", { origin: "recipe", licence: "MIT & (GPL-2.0-only | Mine)" }),
]);
const { baseDigest: _, ...factsOfNoBase } = extension.facts;
const base: Bill = {
  ...extension,
  extension: undefined,
  facts: {
    ...factsOfNoBase,
    databaseDigest: BASE_DIGEST,
    packages: [packageFact("dpkg", { isEssential: true }), ...extension.facts.packages],
  },
};

/** As much of a CycloneDX document as is looked at. */
interface Bom {
  readonly serialNumber: string;
  readonly metadata: { readonly component: { readonly externalReferences: readonly object[] } };
  readonly components: readonly { readonly name: string; readonly "bom-ref": string }[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[];
}

/** An object of an SPDX graph. */
interface SpdxObject {
  readonly type: string;
  readonly spdxId?: string;
  readonly "@id"?: string;
  readonly creationInfo?: string;
  readonly suppliedBy?: string;
  readonly from?: string;
  readonly to?: readonly string[];
  readonly relationshipType?: string;
  readonly element?: readonly string[];
  readonly rootElement?: readonly string[];
  readonly import?: readonly { readonly externalSpdxId: string }[];
}

describe("package URLs", () => {
  const debian = { id: "debian", version: "12" };
  test.each([
    [
      packageFact("gdb", { version: "13.1-3" }),
      debian,
      "pkg:deb/debian/gdb@13.1-3?arch=amd64&distro=debian-12",
    ],
    [
      packageFact("g++", { version: "1:2~a+b" }),
      debian,
      "pkg:deb/debian/g%2B%2B@1:2~a%2Bb?arch=amd64&distro=debian-12",
    ],
    [packageFact("a", { architecture: "all" }), { id: "Mine" }, "pkg:deb/mine/a@1.0?arch=all"],
    // A scanner would find the faults of another program.
    [packageFact("gdb", { origin: "recipe" }), debian, "pkg:generic/gdb@1.0?arch=amd64"],
    [packageFact("gdb"), {}, "pkg:generic/gdb@1.0?arch=amd64"],
    [packageFact("a/../b?x#y@2 %"), {}, "pkg:generic/a%2F..%2Fb%3Fx%23y%402%20%25@1.0?arch=amd64"],
    [packageFact("\ud800(*)"), {}, "pkg:generic/%EF%BF%BD%28%2A%29@1.0?arch=amd64"],
  ])("%#", (fact, distribution, url) => {
    expect(packageUrl(fact, distribution)).toBe(url);
  });
});

describe("licences", () => {
  test.each([
    ["MIT", "MIT", true],
    ["Mine", "LicenseRef-Mine", false],
    ["LicenseRef-a.b", "LicenseRef-a.b", false],
    ["GPL-2.0-or-later", "GPL-2.0-or-later", true],
    ["MIT & BSD-3-Clause", "MIT AND BSD-3-Clause", false],
    ["MIT&(Zlib|X_y)", "MIT AND (Zlib OR LicenseRef-X-y)", false],
    ["MIT AND Zlib", "MIT AND Zlib", false],
  ])("%s", (text, expression, isKnownId) => {
    expect(licenceOf(text)).toEqual({ expression, isKnownId });
  });

  test.each(["", "MIT Zlib", "MIT &", "& MIT", "(MIT", "MIT)", "()", "MIT (Zlib)", "see the file COPYING"])(
    "no expression: %s",
    (text) => {
      expect(licenceOf(text)).toBeUndefined();
    },
  );
});

test.each([
  ["A B <a@example.org>", { name: "A B", email: "a@example.org" }],
  ["<a@example.org>", { name: "a@example.org", email: "a@example.org" }],
  ["Nobody <nobody@localhost>", { name: "Nobody" }],
  ["A B", { name: "A B" }],
  ["A <b> <c@d.org>", { name: "A <b> <c@d.org>" }],
])("maintainer %s", (field, expected) => {
  expect(maintainerOf(field)).toEqual(expected);
});

/** A bill whose every text is what an archive could have made up. */
const hostile = fc
  .array(
    fc.record({
      name: fc.string({ unit: "binary", minLength: 1 }),
      version: fc.string({ unit: "binary" }),
      architecture: fc.string({ minLength: 1 }),
      origin: fc.constantFrom("archive" as const, "recipe" as const),
      licence: fc.string({ minLength: 1 }),
      maintainer: fc.string({ unit: "binary", minLength: 1 }),
      installedSizeBytes: fc.nat(),
      depends: fc.array(fc.string()),
    }),
    { maxLength: 4 },
  )
  .map((packages) =>
    billOf(
      packages.map((one) => ({ ...one, depends: [...one.depends, ...packages.map(({ name }) => name)] })),
    ),
  );

describe("CycloneDX", () => {
  const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);

  test("an extension: its packages, what they need, the base by its digest", async () => {
    const text = formatCycloneDx(extension);
    expect(await validator.validate(text)).toBeNull();
    const bom = JSON.parse(text) as Bom;
    expect(bom).toMatchObject({
      specVersion: "1.6",
      metadata: {
        timestamp: "2023-11-14T22:13:20.000Z",
        component: {
          type: "application",
          name: "tools",
          version: "2.1",
          externalReferences: [
            { type: "distribution", url: "tools-generic.rootfs.squashfs", hashes: [{ content: DIGEST }] },
            {
              type: "other",
              url: `ni:///sha-256;${Buffer.alloc(32, 0xff).toString("base64url")}`,
              hashes: [{ alg: "SHA-256", content: BASE_DIGEST }],
            },
          ],
        },
      },
      components: [
        { name: "libunwind8", version: "1:1.6.2-3+b1" },
        {
          name: "strace",
          supplier: { name: "Steve McIntyre", contact: [{ email: "93sam@debian.org" }] },
          hashes: [{ alg: "SHA-256", content: DIGEST }],
        },
        { name: "strace-own", licenses: [{ expression: "MIT AND (GPL-2.0-only OR LicenseRef-Mine)" }] },
      ],
    });
    const refs = new Map(bom.components.map((one) => [one["bom-ref"], one.name]));
    const needs = bom.dependencies.map((one) => [
      refs.get(one.ref) ?? one.ref,
      (one.dependsOn ?? []).map((ref) => refs.get(ref)),
    ]);
    expect(Object.fromEntries(needs)).toEqual({
      "image:tools": ["strace"],
      libunwind8: [],
      strace: ["libunwind8"],
      "strace-own": [],
    });
  });

  test("a base: all of its packages, what is essential without being asked for", async () => {
    const text = formatCycloneDx(base);
    expect(await validator.validate(text)).toBeNull();
    const { metadata, components, dependencies } = JSON.parse(text) as Bom;
    expect(metadata.component).toMatchObject({ type: "operating-system" });
    expect(metadata.component.externalReferences).toHaveLength(1);
    expect(components).toHaveLength(4);
    const root = dependencies.find((one) => one.ref === "image:tools");
    expect(root?.dependsOn).toEqual([expect.stringContaining("/dpkg@"), expect.stringContaining("/strace@")]);
  });

  test("the serial number is that of the content", () => {
    const serial = (bill: Bill): string => (JSON.parse(formatCycloneDx(bill)) as Bom).serialNumber;
    expect(formatCycloneDx(extension)).toBe(formatCycloneDx(structuredClone(extension)));
    expect(serial(extension)).toMatch(
      /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    expect(serial({ ...extension, version: "2.2" })).not.toBe(serial(extension));
  });

  test("whatever packages say of themselves, it is valid", async () => {
    await fc.assert(
      fc.asyncProperty(hostile, async (bill) => {
        expect(await validator.validate(formatCycloneDx(bill))).toBeNull();
      }),
      { numRuns: 30 },
    );
  }, 60_000);
});

describe("SPDX", () => {
  const graph = (bill: Bill): SpdxObject[] =>
    (JSON.parse(formatSpdx(bill)) as { readonly "@graph": SpdxObject[] })["@graph"];
  const withId = (all: readonly SpdxObject[], end: string): SpdxObject =>
    all.find((one) => one.spdxId?.endsWith(end))!;

  /** What the model asks for and a schema cannot say; the schema itself is in no registry. */
  function faultsOf(all: readonly SpdxObject[]): string[] {
    const imported = all.flatMap((one) => one.import ?? []).map((one) => one.externalSpdxId);
    const ids = all.map((one) => one.spdxId ?? one["@id"]);
    const known = new Set([...ids, ...imported]);
    const faults: string[] = [];
    if (new Set(ids).size !== ids.length) faults.push("an identifier twice");
    for (const one of all) {
      if (one.type === "CreationInfo") continue;
      // An IRI has no blanks, quotes, backslashes, halves of pairs (RFC 3987).
      if (!/^https:\/\/spdx\.org\/spdxdocs\/[\w.~:/%-]+$/.test(one.spdxId ?? ""))
        faults.push(`identifier ${one.spdxId}`);
      const refs = [one.creationInfo, one.suppliedBy, one.from, ...(one.to ?? [])].concat(
        one.element ?? [],
        one.rootElement ?? [],
      );
      for (const ref of refs) if (ref !== undefined && !known.has(ref)) faults.push(`${one.spdxId} → ${ref}`);
    }
    return faults;
  }

  test("an extension: its packages, what they need, the base by its digest", () => {
    const all = graph(extension);
    expect(faultsOf(all)).toEqual([]);
    expect(all[0]).toMatchObject({
      type: "CreationInfo",
      specVersion: "3.0.1",
      created: "2023-11-14T22:13:20Z",
    });
    const baseId = `${SPACE}pkgdb-${BASE_DIGEST}/image`;
    expect(withId(all, "/document")).toMatchObject({
      type: "SpdxDocument",
      import: [{ externalSpdxId: baseId, verifiedUsing: [{ algorithm: "sha256", hashValue: BASE_DIGEST }] }],
    });
    expect(withId(all, "/package/strace:amd64")).toMatchObject({
      type: "software_Package",
      name: "strace",
      software_packageUrl: "pkg:deb/debian/strace@1.0?arch=amd64&distro=debian-12",
      software_sourceInfo: "source package strace-source 6.1",
      verifiedUsing: [{ type: "Hash", algorithm: "sha256", hashValue: DIGEST }],
    });
    const short = (id: string): string => id.replace(/^.*spdxdocs\/(tools-[^/]*\/)?/, "");
    const relations = all
      .filter(({ type }) => type === "Relationship")
      .map((one) => [short(one.from ?? ""), one.relationshipType, one.to?.map(short)]);
    expect(relations).toEqual([
      ["image", "contains", ["package/libunwind8:amd64", "package/strace:amd64", "package/strace-own:amd64"]],
      ["image", "hasDistributionArtifact", ["file/tools-generic.rootfs.squashfs"]],
      ["image", "dependsOn", ["package/strace:amd64", `pkgdb-${BASE_DIGEST}/image`]],
      ["package/strace:amd64", "dependsOn", ["package/libunwind8:amd64"]],
      ["package/strace-own:amd64", "hasDeclaredLicense", [expect.stringMatching(/^licence\//)]],
    ]);
  });

  test("a base has the identifier by which the bills of its extensions know it", () => {
    const all = graph(base);
    expect(faultsOf(all)).toEqual([]);
    expect(withId(all, "/document").import).toBeUndefined();
    expect(withId(all, "/sbom").rootElement).toEqual([`${SPACE}pkgdb-${BASE_DIGEST}/image`]);
  });

  test("identifiers are those of the content", () => {
    expect(formatSpdx(extension)).toBe(formatSpdx(structuredClone(extension)));
    const id = (bill: Bill): string | undefined => withId(graph(bill), "/document").spdxId;
    expect(id({ ...extension, version: "2.2" })).not.toBe(id(extension));
  });

  test("whatever packages say of themselves, references lead somewhere", () => {
    fc.assert(
      fc.property(hostile, (bill) => {
        const { packages } = bill.facts;
        const names = packages.map(({ name, architecture }) => `${name}:${architecture}`);
        fc.pre(new Set(names.map((name) => name.replace(/\p{Surrogate}/gu, "?"))).size === names.length);
        expect(faultsOf(graph(bill))).toEqual([]);
      }),
    );
  });
});
