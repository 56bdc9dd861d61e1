/** A .deb from the inside (deb(5)): its control members, its index stanza, and the same package without scripts. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { readAr, tarOf, writeAr } from "@tsbake/archive";
import { AT_ONCE, BuildError, byText, eachLimited, ifThere } from "@tsbake/base";
import type { AvailablePackage } from "../feed/closure.js";
import { badDeb } from "../problems.js";
import { type ControlFiles, type ControlMembers, controlsOf } from "../contents/index.js";
import { parseStanzas, writeStanza } from "./stanza.js";
import type { Stanza } from "./stanza.js";

/** The control file's fields. @throws BuildError `packaging/bad-deb` */
function controlStanza(path: string, members: ControlFiles): Stanza {
  const { stanzas, faults } = parseStanzas(members.get("control")?.bytes.toString("utf8") ?? "");
  const [stanza] = stanzas;
  const [fault] = faults;
  if (fault) throw new BuildError([badDeb(path, `control line ${fault.line}: ${fault.reason}`)]);
  for (const field of ["Package", "Version", "Architecture"]) {
    if (!stanza?.get(field)) throw new BuildError([badDeb(path, `its control file has no ${field}`)]);
  }
  return stanza ?? new Map();
}

/**
 * Every package below `folder`, sorted by path, as an index would describe it.
 *
 * @param suffix of its file: the form inside is the same
 * @throws BuildError `packaging/bad-deb`
 */
export async function scanDebs(folder: string, suffix = "deb"): Promise<AvailablePackage[]> {
  const names = (await ifThere(readdir(folder, { recursive: true }))) ?? [];
  const files = names
    .filter((name) => name.endsWith(`.${suffix}`) && !basename(name).startsWith("."))
    .sort(byText);
  const controls = await controlsOf(files.map((file) => join(folder, file)));
  return eachLimited([...files.entries()], AT_ONCE, ([at, file]) => describeDeb(folder, file, controls[at]!));
}

/** @param file relative to `folder` */
async function describeDeb(folder: string, file: string, control: ControlFiles): Promise<AvailablePackage> {
  const path = join(folder, file);
  return availableAs(file, controlStanza(path, control), await digestOf(path));
}

/** As an index would describe it. @param file relative to its folder @param control what the package says of itself */
export function availableAs(
  file: string,
  control: Stanza,
  { sha256, sizeBytes }: { readonly sha256: string; readonly sizeBytes: number },
): AvailablePackage {
  const stanza = new Map(control);
  stanza.set("Filename", file).set("Size", String(sizeBytes)).set("SHA256", sha256);
  return {
    name: stanza.get("Package") ?? "",
    version: stanza.get("Version") ?? "",
    architecture: stanza.get("Architecture") ?? "",
    sha256,
    sizeBytes,
    stanza: writeStanza(stanza),
    file,
  };
}

async function digestOf(path: string): Promise<{ sha256: string; sizeBytes: number }> {
  const hash = createHash("sha256");
  let sizeBytes = 0;
  for await (const piece of createReadStream(path)) {
    hash.update(piece as Buffer);
    sizeBytes += (piece as Buffer).length;
  }
  return { sha256: hash.digest("hex"), sizeBytes };
}

/**
 * Writes `path` again as `out` with only the control members that `keep` accepts; the data member is copied as it is.
 * @throws BuildError `packaging/bad-deb`
 */
export async function repackDeb(
  path: string,
  out: string,
  members: ControlMembers,
  keep: (name: string) => boolean,
): Promise<void> {
  const data = (await readAr(path)).find((member) => member.name.startsWith("data.tar"));
  if (!data) throw new BuildError([badDeb(path, "it has no data.tar member")]);
  const control = await tarOf(
    [...members]
      .filter(([name]) => keep(name))
      .map(([name, content]) => ({ path: `./${name}`, type: "file" as const, data: content })),
  );
  await writeAr(out, [
    { name: "debian-binary", data: Buffer.from("2.0\n") },
    { name: "control.tar", data: control },
    { name: data.name, data: { file: path, offset: data.offset, sizeBytes: data.sizeBytes } },
  ]);
}
