/** opkg's packages: `status` has a stanza a package, `info/` what each says of itself. Its lists of feeds are no part of it. */
import { parseStanzas, type Stanza, writeStanza } from "@tsbake/packaging";
import { type DatabasePackage, packageKey } from "../state.js";
import { HELPER_PLACES } from "./helpers.js";
import { infoMembers, packageOf, type Storage } from "./storage.js";

const OPKG = "var/lib/opkg";

export const OPKG_STORAGE: Storage = {
  places: [`${OPKG}/status`, `${OPKG}/info`, ...HELPER_PLACES],
  folders: [`${OPKG}/info`],

  async read(layers) {
    const info = await infoMembers(layers, `${OPKG}/info`);
    const packages = new Map<string, DatabasePackage>();
    const automatic = new Map<string, Stanza>();
    for (const stanza of parseStanzas((await layers.text(`${OPKG}/status`)) ?? "").stanzas) {
      if (stanza.get("Status")?.endsWith(" not-installed")) continue;
      const name = stanza.get("Package") ?? "";
      packages.set(packageKey(stanza), packageOf(stanza, info.get(name) ?? new Map<string, string>()));
      if (stanza.get("Auto-Installed") === "yes")
        automatic.set(name, new Map([...stanza, ["Auto-Installed", "1"]]));
    }
    return { packages, triggers: new Map(), automatic };
  },

  async write(state) {
    const files = new Map<string, string>();
    const status: string[] = [];
    for (const { stanza, info } of state.packages.values()) {
      status.push(`${writeStanza(stanza)}\n`);
      for (const [kind, text] of info) files.set(`${OPKG}/info/${stanza.get("Package")}.${kind}`, text);
    }
    files.set(`${OPKG}/status`, status.join(""));
    return files;
  },
};
