/** A database as files below a root: dpkg's own, and what apt keeps beside it. */
import { writeStanza } from "@tsbake/packaging";
import { STATES } from "./read.js";
import type { DpkgState } from "./state.js";

const DPKG = "var/lib/dpkg";
/** Folders that dpkg wants. */
export const DPKG_FOLDERS = ["alternatives", "info", "parts", "triggers", "updates"].map(
  (name) => `${DPKG}/${name}`,
);

/** Path in the root → content, one byte a character. */
export function databaseFiles(state: DpkgState): Map<string, string> {
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
  const diversions = [...state.diversions].map(([path, { to, by }]) => `${path}\n${to}\n${by}\n`);
  files.set(`${DPKG}/diversions`, diversions.join(""));
  const overrides = [...state.overrides].map(([path, words]) => `${words} ${path}\n`);
  files.set(`${DPKG}/statoverride`, overrides.join(""));
  for (const [name, text] of state.alternatives) files.set(`${DPKG}/alternatives/${name}`, text);
  for (const [name, lines] of state.triggers)
    files.set(`${DPKG}/triggers/${name}`, lines.map((line) => `${line}\n`).join(""));
  if (!files.has(`${DPKG}/triggers/Unincorp`)) files.set(`${DPKG}/triggers/Unincorp`, "");
  const automatic = [...state.automatic.values()].map((stanza) => `${writeStanza(stanza)}\n`);
  files.set(STATES, automatic.join(""));
  return files;
}
