/** opkg and rpm in a shell: packages of recipes, feeds, rpm itself for bases that have none, and a note of when they were at work. */
import { join } from "node:path";
import { isThere } from "@tsbake/base";
import type { Bind } from "@tsbake/sandbox";
import { runsNoted } from "../../difference/dpkg-runs.js";
import { PACKAGES, type SessionParts, type SessionRequest, TOOLS } from "./parts.js";

const MANAGERS = { ipk: ["opkg"], rpm: ["rpm", "dnf"] };
/** Those that the build has a program of. */
const FROM_BUILD = ["rpm"];

/** Debian's rpm has its database in the home folder of its caller, unless it is told where. */
const RPM_SETTINGS = "%_dbpath /var/lib/rpm\n";

/** @param index of the packages of recipes; undefined: there are none */
export async function otherSession(
  format: "ipk" | "rpm",
  request: SessionRequest,
  index: string | undefined,
): Promise<SessionParts> {
  const { tools, indexedFeeds } = request;
  const programs = new Map<string, string>();
  let needsTools = false;
  for (const name of MANAGERS[format]) {
    const isOurs = tools !== undefined && FROM_BUILD.includes(name);
    const place = (await hasProgram(request, name)) ? "/usr/bin" : isOurs ? `${TOOLS}/usr/bin` : undefined;
    if (place === undefined) continue;
    needsTools ||= place !== "/usr/bin";
    programs.set(`usr/local/bin/${name}`, runsNoted(`${place}/${name}`));
  }
  const files = new Map<string, string>();
  if (format === "ipk") files.set("etc/opkg/tsbake.conf", opkgSettings(request, index !== undefined));
  if (format === "rpm") files.set("etc/rpm/macros.tsbake", RPM_SETTINGS);
  const folders = indexedFeeds.filter((one) => one.startsWith("/"));
  const binds: Bind[] = folders.map((folder) => ({ from: folder, to: folder, isReadOnly: true }));
  if (needsTools) binds.push({ from: tools!, to: TOOLS, isReadOnly: true });
  return { files, programs, copies: new Map(), links: new Map(), binds };
}

/** Whether the base brings it, or the shell has got it. */
async function hasProgram({ tree, places }: SessionRequest, name: string): Promise<boolean> {
  for (const root of [places.upper, tree]) if (await isThere(join(root, "usr/bin", name))) return true;
  return false;
}

/** @see opkg's `opkg.conf`: `arch NAME PRIORITY`, `src NAME URL` for `Packages`, `src/gz` for `Packages.gz` */
function opkgSettings({ feed, indexedFeeds }: SessionRequest, hasRecipes: boolean): string {
  const lines = ["arch all 1", `arch ${feed.architecture} 10`];
  if (hasRecipes) lines.push(`src tsbake-recipes file://${PACKAGES}`);
  for (const [at, one] of indexedFeeds.entries())
    lines.push(`src/gz tsbake-feed-${at + 1} ${one.startsWith("/") ? `file://${one}` : one}`);
  return `${lines.join("\n")}\n`;
}
