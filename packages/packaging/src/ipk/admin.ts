/**
 * The folder of dpkg for the time in which maintainer scripts of repackaged Debian packages run: they call dpkg-query, debconf,
 * dpkg-trigger and their like, which look there. It is made of opkg's database before, and becomes opkg's database afterwards;
 * what stays in it is what update-alternatives, dpkg-divert and dpkg-statoverride keep on a device.
 */
import { chmod, lstat, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AT_ONCE, byText, eachLimited, ifThere, nameBytes, nameOf, readTextIfThere } from "@tsbake/base";
import { refuseLinks } from "@tsbake/sandbox";
import type { PackageDatabase } from "../database/database.js";
import { automatic } from "../deb/auto-installed.js";
import { DPKG_FOLDER } from "../deb/database.js";
import type { KeptDatabase } from "../deb/kept.js";
import { parseStanzas, type Stanza, writeStanza } from "../deb/stanza.js";
import { interests, OPKG_FOLDER, pathsOf, readIpkDatabase, stanzasOf, stateOf } from "./database.js";

/** Fields of `status` in opkg; all others stand in `info/NAME.control`. */
const OF_STATUS = [
  "Package",
  "Version",
  "Pre-Depends",
  "Depends",
  "Recommends",
  "Suggests",
  "Provides",
  "Replaces",
  "Conflicts",
  "Essential",
  "Architecture",
  "Installed-Size",
] as const;
/** Of dpkg's status file alone. */
const OF_DPKG = new Set(["Status", "Conffiles", "Config-Version", "Triggers-Pending", "Triggers-Awaited"]);
/** What is only there while scripts run. */
const GONE = ["info", "triggers", "updates", "parts"];

/** Makes dpkg's folder of what opkg has installed. @throws BuildError `packaging/bad-database`, `sandbox/leaves-root` */
export async function raiseAdmin(seenRoot: string): Promise<void> {
  await ownPlaces(seenRoot);
  const [opkg, dpkg] = [join(seenRoot, OPKG_FOLDER), join(seenRoot, DPKG_FOLDER)];
  for (const name of [...GONE, "alternatives"]) await mkdir(join(dpkg, name), { recursive: true });
  const path = join(opkg, "status");
  const stanzas = stanzasOf((await readTextIfThere(path)) ?? "", path);
  const keys = new Map<string, string>();
  const triggers = new Map<string, string[]>([["File", []]]);
  let status = "";
  for (const stanza of stanzas) {
    const name = stanza.get("Package") ?? "";
    const control = await readFile(join(opkg, "info", `${name}.control`));
    const [fields = new Map<string, string>()] = parseStanzas(nameOf(control)).stanzas;
    const conffiles = stanza.get("Conffiles");
    const whole = new Map(fields).set("Status", `install ok ${stateOf(stanza)}`);
    if (conffiles !== undefined) whole.set("Conffiles", conffiles);
    status += `${writeStanza(whole)}\n`;
    keys.set(name, keyOf(fields));
  }
  const names = (await readdir(join(opkg, "info"))).filter((name) => !name.startsWith(".")).sort(byText);
  await eachLimited(names, AT_ONCE, async (file) => {
    const dot = file.lastIndexOf(".");
    const [name, kind] = [file.slice(0, dot), file.slice(dot + 1)];
    const key = keys.get(name);
    if (key === undefined || kind === "control") return;
    const from = join(opkg, "info", file);
    const to = join(dpkg, "info", `${key}.${kind}`);
    const bytes = await readFile(from);
    const isList = kind === "list";
    await writeFile(
      to,
      isList ? nameBytes(["/.", ...pathsOf(nameOf(bytes))].map((one) => `${one}\n`).join("")) : bytes,
    );
    await chmod(to, (await stat(from)).mode & 0o777);
    if (kind !== "triggers") return;
    for (const entry of interests(key, nameOf(bytes))) {
      const [where = "", line = ""] = entry.split("\t");
      triggers.set(where, [...(triggers.get(where) ?? []), line]);
    }
  });
  for (const [where, lines] of triggers)
    await writeFile(
      join(dpkg, "triggers", where),
      lines
        .sort(byText)
        .map((line) => `${line}\n`)
        .join(""),
    );
  await writeFile(join(dpkg, "triggers/Unincorp"), "");
  await writeFile(join(dpkg, "info/format"), "1\n");
  await writeFile(join(dpkg, "status"), nameBytes(status));
  await writeFile(join(dpkg, "available"), "");
}

/** Packages may have brought anything there. @throws BuildError `sandbox/leaves-root` */
async function ownPlaces(seenRoot: string): Promise<void> {
  const folders = [OPKG_FOLDER, DPKG_FOLDER];
  const found = await eachLimited(folders, AT_ONCE, (folder) => ifThere(lstat(join(seenRoot, folder))));
  // One of them is there, and both lie in one folder.
  for (const [at, folder] of folders.entries()) if (found[at]) await refuseLinks(seenRoot, folder);
  for (const folder of folders) await mkdir(join(seenRoot, folder), { recursive: true });
}

/** As `info/` of dpkg calls a package. */
function keyOf(fields: Stanza): string {
  const name = fields.get("Package") ?? "";
  return fields.get("Multi-Arch") === "same" ? `${name}:${fields.get("Architecture")}` : name;
}

/** opkg's database of what dpkg has configured; what opkg had already, and dpkg has not changed, stays byte for byte. */
export const OPKG_KEEPS: KeptDatabase = {
  // opkg notes it in its status file.
  extra: () => [],
  async settle(seenRoot, database, { architecture, epochSeconds, install }) {
    await ownPlaces(seenRoot);
    await lower(seenRoot, database, { wanted: install, epochSeconds });
    return readIpkDatabase(seenRoot, architecture);
  },
};

async function lower(
  seenRoot: string,
  database: PackageDatabase,
  { wanted, epochSeconds }: { readonly wanted: readonly string[]; readonly epochSeconds: number },
): Promise<void> {
  const [opkg, dpkg] = [join(seenRoot, OPKG_FOLDER), join(seenRoot, DPKG_FOLDER)];
  const info = join(opkg, "info");
  await mkdir(info, { recursive: true });
  const path = join(opkg, "status");
  const before = new Map(
    stanzasOf((await readTextIfThere(path)) ?? "", path).map((one) => [one.get("Package") ?? "", one]),
  );
  const auto = new Set(automatic(database, wanted).map(({ name }) => name));
  const members = await membersOf(join(dpkg, "info"));
  let status = "";
  for (const one of database.packages) {
    const old = before.get(one.name);
    before.delete(one.name);
    const own = members.get(keyOf(one.stanza)) ?? members.get(one.name) ?? new Map<string, string>();
    const list = pathsOf(nameOf(await readFile(own.get("list") ?? join(dpkg, "info", `${one.name}.list`))));
    const listed = `${list.join("\n")}\n`;
    const isSame =
      old !== undefined &&
      old.get("Version") === one.version &&
      old.get("Architecture") === one.architecture &&
      stateOf(old) === one.state &&
      nameOf(await readFile(join(info, `${one.name}.list`))) === listed;
    if (isSame) {
      status += `${writeStanza(old)}\n`;
      continue;
    }
    await removeMembers(info, one.name);
    status += `${writeStanza(statusOf(one.stanza, one.state, auto.has(one.name), epochSeconds))}\n`;
    const control = new Map([...one.stanza].filter(([field]) => !OF_DPKG.has(field)));
    await writeFile(join(info, `${one.name}.control`), nameBytes(writeStanza(control)));
    await writeFile(join(info, `${one.name}.list`), nameBytes(listed));
    for (const [kind, from] of own) {
      if (kind === "list") continue;
      const to = join(info, `${one.name}.${kind}`);
      await writeFile(to, await readFile(from));
      await chmod(to, (await stat(from)).mode & 0o777);
    }
  }
  for (const name of before.keys()) await removeMembers(info, name);
  await writeFile(path, nameBytes(status));
  for (const name of GONE) {
    const folder = join(dpkg, name);
    for (const found of (await ifThere(readdir(folder))) ?? [])
      await rm(join(folder, found), { recursive: true, force: true });
  }
  for (const name of ["status", "available"]) await writeFile(join(dpkg, name), "");
}

function statusOf(stanza: Stanza, state: string, isAuto: boolean, epochSeconds: number): Map<string, string> {
  const fields = new Map<string, string>();
  for (const name of OF_STATUS) {
    const value = stanza.get(name);
    if (value !== undefined) fields.set(name, value);
  }
  fields.set("Status", `install ${isAuto ? "ok" : "user"} ${state}`);
  const conffiles = stanza.get("Conffiles");
  if (conffiles !== undefined) fields.set("Conffiles", conffiles);
  fields.set("Installed-Time", String(epochSeconds));
  return isAuto ? fields.set("Auto-Installed", "yes") : fields;
}

/** Paths by package as dpkg's `info/` calls it, then by kind. */
async function membersOf(folder: string): Promise<Map<string, Map<string, string>>> {
  const found = new Map<string, Map<string, string>>();
  for (const name of (await readdir(folder)).sort(byText)) {
    const dot = name.lastIndexOf(".");
    if (dot < 1) continue;
    const key = name.slice(0, dot);
    const members = found.get(key) ?? new Map<string, string>();
    found.set(key, members.set(name.slice(dot + 1), join(folder, name)));
  }
  return found;
}

/** Members of a package have no dot in what follows its name. */
async function removeMembers(info: string, name: string): Promise<void> {
  const all = await readdir(info);
  const own = all.filter((file) => file.startsWith(`${name}.`) && !file.slice(name.length + 1).includes("."));
  for (const file of own) await rm(join(info, file));
}
