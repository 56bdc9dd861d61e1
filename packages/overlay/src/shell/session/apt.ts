/** apt and dpkg in a shell: the feed of the build, packages of recipes, and apt itself for bases that have none. */
import { join } from "node:path";
import { isThere } from "@tsbake/base";
import { feedInRoot } from "@tsbake/packaging/in-root";
import type { Bind } from "@tsbake/sandbox";
import { RUN_HOOKS } from "../../difference/dpkg-runs.js";
import { PACKAGES, type SessionParts, type SessionRequest, TOOLS } from "./parts.js";

const PROGRAMS = ["apt", "apt-get", "apt-cache", "apt-mark", "apt-config"];

/** @param index of the packages of recipes; undefined: there are none @throws BuildError `packaging/feed-unreachable` */
export async function aptSession(
  { tree, tools, feed: asked, isOffline }: SessionRequest,
  index: string | undefined,
): Promise<SessionParts> {
  const needsTools = tools !== undefined && !(await isThere(join(tree, "usr/bin/apt-get")));
  const feed = await feedInRoot({
    ...asked,
    isOffline,
    ...(needsTools && { tools: TOOLS }),
    ...(index !== undefined && { folders: [PACKAGES] }),
  });
  const files = new Map(feed.files);
  if (index !== undefined)
    files.set(`var/lib/apt/lists/${PACKAGES.slice(1).replaceAll("/", "_")}_._Packages`, index);
  files.set("etc/dpkg/dpkg.cfg.d/tsbake", RUN_HOOKS);
  const binds: Bind[] = feed.folders.map((folder) => ({ from: folder, to: folder, isReadOnly: true }));
  if (needsTools) binds.push({ from: tools, to: TOOLS, isReadOnly: true });
  const links = PROGRAMS.map((name): [string, string] => [
    `usr/local/bin/${name}`,
    `${TOOLS}/usr/bin/${name}`,
  ]);
  return { files, programs: new Map(), copies: feed.copies, links: new Map(needsTools ? links : []), binds };
}
