/**
 * A folder of .ipk files with opkg's index, `Packages` or `Packages.gz`: a stanza a package, as opkg-make-index writes it. What is taken of
 * it is compared with the index' SHA-256 before it is installed.
 */
import { lstat, readFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { BuildError, hasCode, ifThere, nameOf } from "@tsbake/base";
import type { PackageSource } from "../database/backend.js";
import { isDebName, isDebVersion } from "../deb/names.js";
import { parseStanzas, type Stanza, writeStanza } from "../deb/stanza.js";
import type { AvailablePackage } from "../feed/closure.js";
import { badFeed } from "../problems.js";
import { ipkFields } from "./fields.js";

/** Of an index, unpacked: that of all of Debian has 50 MiB. */
const LARGEST = 96 << 20;
/** Nothing may lead out of the folder. */
const FILE = /^(?:\.\/)?(?:[A-Za-z0-9][A-Za-z0-9._+~%-]*\/)*[A-Za-z0-9][A-Za-z0-9._+~%-]*\.ipk$/;

/** @throws BuildError `packaging/bad-feed` */
export async function readIpkFeed(folder: string): Promise<PackageSource> {
  const refuse = (reason: string): BuildError => new BuildError([badFeed(folder, reason)]);
  const text = await indexOf(folder, refuse);
  const { stanzas, faults } = parseStanzas(text);
  const [fault] = faults;
  if (fault) throw refuse(`line ${fault.line} of its index: ${fault.reason}`);
  return { folder, packages: stanzas.map((one, at) => packageOf(one, at, refuse)) };
}

async function indexOf(folder: string, refuse: (reason: string) => BuildError): Promise<string> {
  for (const name of ["Packages", "Packages.gz"]) {
    const path = join(folder, name);
    const found = await ifThere(lstat(path));
    if (found === undefined) continue;
    if (!found.isFile()) throw refuse(`${name} is no file`);
    if (found.size > LARGEST) throw refuse(`${name} has more than ${LARGEST >> 20} MiB`);
    const bytes = await readFile(path);
    if (name === "Packages") return nameOf(bytes);
    try {
      return nameOf(gunzipSync(bytes, { maxOutputLength: LARGEST }));
    } catch (error) {
      if (hasCode(error, "ERR_BUFFER_TOO_LARGE")) throw refuse(`${name} has more than ${LARGEST >> 20} MiB`);
      if (hasCode(error, "Z_DATA_ERROR", "Z_BUF_ERROR", "Z_NEED_DICT")) throw refuse(`${name} is damaged`);
      throw error;
    }
  }
  throw refuse("it has neither Packages nor Packages.gz");
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
