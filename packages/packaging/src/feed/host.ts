/** What the host's apt is set up with: read as files, so that a feed knows without a process whether it still is the same. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { byText, ifThere, readTextIfThere, run } from "@tsbake/base";

const APT = "/etc/apt";
/** Folders of settings, and the names in them that apt reads; credentials are left alone. */
const FOLDERS: Readonly<Record<string, RegExp>> = {
  "": /^(?:sources\.list|preferences|apt\.conf)$/,
  "sources.list.d": /\.(?:list|sources)$/,
  "preferences.d": /^[\w-]+(?:\.pref)?$/,
  "apt.conf.d": /^[\w-]+(?:\.conf)?$/,
};

/** The text of the host's sources, preferences and settings, one file after the other. @throws system errors */
export async function hostSettings(folder = APT): Promise<string> {
  const texts: string[] = [];
  for (const [name, isRead] of Object.entries(FOLDERS)) {
    const names = (await ifThere(readdir(join(folder, name)))) ?? [];
    for (const one of names.filter((file) => isRead.test(file)).sort(byText)) {
      const text = await readTextIfThere(join(folder, name, one));
      if (text !== undefined) texts.push(`${name}/${one}\n${text}`);
    }
  }
  return texts.join("\n");
}

/** How this machine reaches servers: nothing of what it trusts, or how far. */
const REACH =
  /^Acquire::(?:[^:]+::)+(?:Proxy|Proxy-Auto-Detect|ProxyAutoDetect|CaInfo|CaPath|SslCert|SslKey|Timeout|User-Agent|Dl-Limit)$|^Acquire::http::Proxy::[^:]+$|^Acquire::Force(?:IPv4|IPv6)$|^Acquire::Retries$/i;

/** Of the host's apt.conf, the lines on proxies, certificates and timeouts. None without apt. */
export async function hostReach(): Promise<string[]> {
  const dumped = await ifThere(run("apt-config", ["dump"]));
  return (dumped?.stdout ?? "").split("\n").filter((line) => REACH.test(line.slice(0, line.indexOf(" "))));
}
