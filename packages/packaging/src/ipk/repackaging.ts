/**
 * A .deb as an .ipk in the form that OE writes: an ar of debian-binary, control.tar.gz and data.tar.*. What the package installs is
 * taken over as it is compressed; of its control archive every member stays, as opkg puts each below its info folder.
 */
import { gzipSync } from "node:zlib";
import { type NewTarEntry, tarOf, writeAr } from "@tsbake/archive";
import { nameBytes } from "@tsbake/base";
import type { Repackaging } from "../database/index.js";
import { parseStanzas, writeStanza } from "../deb/stanza.js";
import { packedPayload, type NeutralPackage, type PackageWriter, repackaged } from "../repackage/index.js";
import { ipkFields } from "./fields.js";

const ipkWriter: PackageWriter = {
  suffix: "ipk",
  version: 1,
  async write(one, deb, out) {
    const { name, offset, sizeBytes } = await packedPayload(deb);
    await writeAr(out, [
      { name: "debian-binary", data: Buffer.from("2.0\n") },
      { name: "control.tar.gz", data: gzipSync(await tarOf(controlEntries(one)), { level: 9 }) },
      { name, data: { file: deb, offset, sizeBytes } },
    ]);
  },
};

export const ipkRepackaging: Repackaging = {
  describe(one) {
    const [stanza = new Map<string, string>()] = parseStanzas(one.stanza).stanzas;
    return { ...one, stanza: writeStanza(ipkFields(stanza)) };
  },
  write: (packages, pool) => repackaged(packages, pool, ipkWriter),
};

function controlEntries({ stanza, members }: NeutralPackage): NewTarEntry[] {
  const base = { uid: 0, gid: 0, mtimeSeconds: 0 };
  const control = { bytes: nameBytes(writeStanza(ipkFields(stanza))), mode: 0o644 };
  return [
    { path: "./", type: "directory", mode: 0o755, ...base },
    ...[["control", control] as const, ...members].map(([name, { bytes, mode }]): NewTarEntry => ({
      path: `./${name}`,
      type: "file",
      mode,
      data: bytes,
      ...base,
    })),
  ];
}
