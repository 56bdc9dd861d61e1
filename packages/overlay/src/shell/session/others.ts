/** opkg and rpm in a shell, of bases that have them: packages of recipes, feeds, and a note of when they were at work. */
import { join } from "node:path";
import { isThere } from "@tsbake/base";
import { runsNoted } from "../../difference/dpkg-runs.js";
import { PACKAGES, type SessionParts } from "./parts.js";
import type { SessionRequest } from "./layer.js";

const MANAGERS = { ipk: ["opkg"], rpm: ["rpm", "dnf"] };

/** Those that the root of an overlay has, the base's and its own: names of programs. */
export async function managersIn(
  format: "ipk" | "rpm",
  { tree, places }: Pick<SessionRequest, "tree" | "places">,
): Promise<string[]> {
  const found: string[] = [];
  for (const name of MANAGERS[format]) {
    const paths = [places.upper, tree].map((root) => join(root, "usr/bin", name));
    if ((await isThere(paths[0]!)) || (await isThere(paths[1]!))) found.push(name);
  }
  return found;
}

/** @param index of the packages of recipes; undefined: there are none */
export async function otherSession(
  format: "ipk" | "rpm",
  request: SessionRequest,
  index: string | undefined,
): Promise<SessionParts> {
  const names = await managersIn(format, request);
  const programs = names.map((name): [string, string] => [`usr/local/bin/${name}`, runsNoted(`/usr/bin/${name}`)]);
  const files = new Map<string, string>();
  if (format === "ipk") files.set("etc/opkg/tsbake.conf", opkgSettings(request, index !== undefined));
  const feeds = request.indexedFeeds.filter((one) => one.startsWith("/"));
  return {
    files,
    programs: new Map(programs),
    copies: new Map(),
    links: new Map(),
    binds: feeds.map((folder) => ({ from: folder, to: folder, isReadOnly: true })),
  };
}

/** @see opkg's `opkg.conf`: `arch NAME PRIORITY`, `src NAME URL` for `Packages`, `src/gz` for `Packages.gz` */
function opkgSettings({ feed, indexedFeeds }: SessionRequest, hasRecipes: boolean): string {
  const lines = ["arch all 1", `arch ${feed.architecture} 10`];
  if (hasRecipes) lines.push(`src tsbake-recipes file://${PACKAGES}`);
  for (const [at, one] of indexedFeeds.entries())
    lines.push(`src/gz tsbake-feed-${at + 1} ${one.startsWith("/") ? `file://${one}` : one}`);
  return `${lines.join("\n")}\n`;
}
