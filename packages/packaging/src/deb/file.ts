/** A .deb from the inside (deb(5)): its control members, its index stanza, and the same package without scripts. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { readAr, readTar, tarOf, writeAr } from "@tsbake/archive";
import { BuildError, byText, hasCode, ifThere, openChild } from "@tsbake/base";
import type { AvailablePackage } from "../feed/closure.js";
import { badDeb, noApt } from "../problems.js";
import { parseStanzas, writeStanza } from "./stanza.js";
import type { Stanza } from "./stanza.js";

/** Control members by name: `control`, `md5sums`, `postinst`, … */
export type ControlMembers = ReadonlyMap<string, Buffer>;

/** Control members are small; more than this is no package. */
export const LARGEST_CONTROL = 64 * 1024 * 1024;

/** @throws BuildError `packaging/bad-deb` */
export async function readControl(path: string): Promise<ControlMembers> {
  await using child = openChild("dpkg-deb", ["--ctrl-tarfile", path], { stdout: "pipe" });
  const members = new Map<string, Buffer>();
  let total = 0;
  let failure: unknown;
  try {
    for await (const entry of readTar(child.stdout, path)) {
      total += entry.sizeBytes;
      if (total > LARGEST_CONTROL) throw new BuildError([badDeb(path, "its control member is too big")]);
      if (entry.type === "file") members.set(basename(entry.path), await entry.read());
    }
  } catch (error) {
    failure = error;
    child.stdout.destroy();
  }
  const { code, signal, said, failure: unstarted } = await child.ended;
  if (hasCode(unstarted, "ENOENT")) throw new BuildError([noApt("dpkg-deb")]);
  if (unstarted !== undefined) throw unstarted;
  // dpkg-deb knows better than the reader of its output what is wrong with the file.
  if (code !== 0 && (said !== "" || failure === undefined))
    throw new BuildError([badDeb(path, said || `dpkg-deb ended with ${code ?? signal}`)], { cause: failure });
  if (failure !== undefined) throw failure;
  return members;
}

/** The control file's fields. @throws BuildError `packaging/bad-deb` */
function controlStanza(path: string, members: ControlMembers): Stanza {
  const { stanzas, faults } = parseStanzas(members.get("control")?.toString("utf8") ?? "");
  const [stanza] = stanzas;
  const [fault] = faults;
  if (fault) throw new BuildError([badDeb(path, `control line ${fault.line}: ${fault.reason}`)]);
  for (const field of ["Package", "Version", "Architecture"]) {
    if (!stanza?.get(field)) throw new BuildError([badDeb(path, `its control file has no ${field}`)]);
  }
  return stanza ?? new Map();
}

/** Every .deb below `folder`, sorted by path, as an index would describe it. @throws BuildError `packaging/bad-deb` */
export async function scanDebs(folder: string): Promise<AvailablePackage[]> {
  const names = (await ifThere(readdir(folder, { recursive: true }))) ?? [];
  const files = names.filter((name) => name.endsWith(".deb") && !basename(name).startsWith(".")).sort(byText);
  const found: AvailablePackage[] = [];
  for (const file of files) found.push(await describeDeb(folder, file));
  return found;
}

/** @param file relative to `folder` */
async function describeDeb(folder: string, file: string): Promise<AvailablePackage> {
  const path = join(folder, file);
  const stanza = new Map(controlStanza(path, await readControl(path)));
  const { sha256, sizeBytes } = await digestOf(path);
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
