/** The rpm files of a folder, as an index would describe them. */
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { AT_ONCE, byText, eachLimited, ifThere, nameOf, sha256File } from "@tsbake/base";
import { parseStanzas, writeStanza } from "../deb/stanza.js";
import type { AvailablePackage } from "../feed/closure.js";
import { rpmControl } from "./format/origin.js";

/** Sorted by path. @throws BuildError `packaging/bad-rpm` */
export async function scanRpms(folder: string): Promise<AvailablePackage[]> {
  const names = (await ifThere(readdir(folder, { recursive: true }))) ?? [];
  const files = names.filter((name) => name.endsWith(".rpm") && !basename(name).startsWith(".")).sort(byText);
  return eachLimited(files, AT_ONCE, async (file) => {
    const path = join(folder, file);
    const control = nameOf((await rpmControl(path)).get("control")?.bytes ?? Buffer.alloc(0));
    const stanza = new Map(parseStanzas(control).stanzas[0]);
    const [sha256, { size }] = [await sha256File(path), await stat(path)];
    stanza.set("Filename", file).set("Size", String(size)).set("SHA256", sha256);
    return {
      name: stanza.get("Package") ?? "",
      version: stanza.get("Version") ?? "",
      architecture: stanza.get("Architecture") ?? "",
      sha256,
      sizeBytes: size,
      stanza: writeStanza(stanza),
      file,
    };
  });
}
