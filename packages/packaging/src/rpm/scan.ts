/** The rpm files of a folder, as an index would describe them. */
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { AT_ONCE, byText, eachLimited, ifThere, nameOf, sha256File } from "@tsbake/base";
import { availableAs } from "../deb/file.js";
import { parseStanzas } from "../deb/stanza.js";
import type { AvailablePackage } from "../feed/closure.js";
import { rpmControl } from "./format/origin.js";

/** Sorted by path. @throws BuildError `packaging/bad-rpm` */
export async function scanRpms(folder: string): Promise<AvailablePackage[]> {
  const names = (await ifThere(readdir(folder, { recursive: true }))) ?? [];
  const files = names.filter((name) => name.endsWith(".rpm") && !basename(name).startsWith(".")).sort(byText);
  return eachLimited(files, AT_ONCE, async (file) => {
    const path = join(folder, file);
    const control = nameOf((await rpmControl(path)).get("control")?.bytes ?? Buffer.alloc(0));
    const [stanza = new Map<string, string>()] = parseStanzas(control).stanzas;
    const [sha256, { size }] = [await sha256File(path), await stat(path)];
    return availableAs(file, stanza, { sha256, sizeBytes: size });
  });
}
