/** dpkg's packages, and what apt keeps beside them. */
import { parseStanzas, type Stanza, writeStanza } from "@tsbake/packaging";
import { type DatabasePackage, packageKey } from "../state.js";
import { infoMembers, packageOf, type Storage } from "./storage.js";

const DPKG = "var/lib/dpkg";
const STATES = "var/lib/apt/extended_states";

export const DPKG_STORAGE: Storage = {
  places: [DPKG, STATES],
  folders: ["alternatives", "info", "parts", "triggers", "updates"].map((name) => `${DPKG}/${name}`),

  async read(layers) {
    const info = await infoMembers(layers, `${DPKG}/info`);
    const packages = new Map<string, DatabasePackage>();
    for (const stanza of stanzasOf(await layers.text(`${DPKG}/status`))) {
      if (stanza.get("Status")?.endsWith(" not-installed")) continue;
      const name = stanza.get("Package") ?? "";
      const members =
        info.get(`${name}:${stanza.get("Architecture")}`) ?? info.get(name) ?? new Map<string, string>();
      packages.set(packageKey(stanza), packageOf(stanza, members));
    }
    const triggers = new Map<string, string[]>();
    for (const [name, text] of await layers.texts(`${DPKG}/triggers`))
      if (name !== "Lock")
        triggers.set(
          name,
          text.split("\n").filter((line) => line !== ""),
        );
    const states = stanzasOf(await layers.text(STATES));
    const automatic = states.map((one): [string, Stanza] => [
      `${one.get("Package")}:${one.get("Architecture")}`,
      one,
    ]);
    return { packages, triggers, automatic: new Map(automatic) };
  },

  async write(state) {
    const files = new Map<string, string>();
    const status: string[] = [];
    for (const { stanza, info } of state.packages.values()) {
      status.push(`${writeStanza(stanza)}\n`);
      const name = stanza.get("Package") ?? "";
      // dpkg names those of packages that may be there in several architectures after both.
      const isMany = stanza.get("Multi-Arch") === "same";
      const stem = isMany ? `${name}:${stanza.get("Architecture")}` : name;
      for (const [kind, text] of info) files.set(`${DPKG}/info/${stem}.${kind}`, text);
    }
    files.set(`${DPKG}/info/format`, "1\n");
    files.set(`${DPKG}/status`, status.join(""));
    files.set(`${DPKG}/available`, "");
    for (const [name, lines] of state.triggers)
      files.set(`${DPKG}/triggers/${name}`, lines.map((line) => `${line}\n`).join(""));
    if (!files.has(`${DPKG}/triggers/Unincorp`)) files.set(`${DPKG}/triggers/Unincorp`, "");
    const automatic = [...state.automatic.values()].map((stanza) => `${writeStanza(stanza)}\n`);
    files.set(STATES, automatic.join(""));
    return files;
  },
};

function stanzasOf(text: string | undefined): readonly Stanza[] {
  return parseStanzas(text ?? "").stanzas;
}
