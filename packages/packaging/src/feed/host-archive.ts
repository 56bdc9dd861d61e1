/** `host:` in a feed's own sources: the archive that the host's release comes from, under the address that it has here. */
import { BuildError, readTextIfThere, words } from "@tsbake/base";
import { noHostArchive } from "../problems.js";
import { hostSettings } from "./host.js";

const PLACE = /(?<=\s)host:(?=\s|$)/g;

interface Host {
  readonly settings: () => Promise<string>;
  /** Text of os-release. */
  readonly release: () => Promise<string | undefined>;
}

const HOST: Host = { settings: hostSettings, release: () => readTextIfThere("/etc/os-release") };

/** @throws BuildError `packaging/no-host-archive` */
export async function withHostArchive(sources: string, host = HOST): Promise<string> {
  if (!sources.match(PLACE)) return sources;
  const [, codename = ""] = /^VERSION_CODENAME="?([\w.-]+)/m.exec((await host.release()) ?? "") ?? [];
  const found = archivesOf(await host.settings()).find(({ suites }) => suites.includes(codename));
  if (!found) throw new BuildError([noHostArchive(codename)]);
  return sources.replace(PLACE, () => found.address);
}

interface Archive {
  readonly address: string;
  readonly suites: readonly string[];
}

/** Of sources.list(5) in both of its forms, one file after the other. */
function archivesOf(settings: string): Archive[] {
  const found: Archive[] = [];
  let stanza = new Map<string, string>();
  for (const line of [...settings.split("\n"), ""]) {
    const [, address, suite] = /^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)/.exec(line) ?? [];
    if (address !== undefined && suite !== undefined) found.push({ address, suites: [suite] });
    const [, field, value] = /^(URIs|Suites):\s*(.*)$/i.exec(line) ?? [];
    if (field !== undefined && value !== undefined) stanza.set(field.toLowerCase(), value);
    if (line.trim() !== "") continue;
    const suites = words(stanza.get("suites"));
    for (const one of words(stanza.get("uris"))) found.push({ address: one, suites });
    stanza = new Map();
  }
  return found;
}
