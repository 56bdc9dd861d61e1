/** Packages of the feed as one tree: tools that run from anywhere (`native`), or what programs are compiled against (`target`). */
import { mkdir, readdir, rm, rmdir, symlink, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { BuildError, type Diagnostic, commandFailed, run } from "@tsbake/base";
import type { Closure } from "./closure.js";
import { readControl } from "../deb/file.js";
import { mergedFolders, verify } from "../deb/install.js";
import { inPool } from "./download.js";
import { HELD_LINK, relativeLinks, wrapPrograms } from "./native-tree.js";
import { deviceNode } from "../problems.js";
import { countLines } from "../progress.js";
import { SHLIBS_FOLDER } from "../split/shlibs.js";

export interface FeedUnpackRequest {
  readonly closure: Closure;
  readonly pool: string;
  /** Absolute; the folder is made. */
  readonly into: string;
  readonly kind: "native" | "target";
  /** Links to make, `path → target`: what maintainer scripts would have made through update-alternatives. */
  readonly links: ReadonlyMap<string, string>;
  /** Patterns of paths to leave out, as tar matches them, e.g. `usr/bin/*-dump`. */
  readonly exclude: readonly string[];
  readonly architecture: string;
  readonly onProgress?: (text: string) => void;
}

/** What no build looks at. */
const LEFT_OUT = ["doc", "man", "info", "locale", "lintian", "bug", "doc-base", "bash-completion"];

/** Below the tree while it is unpacked: what tar leaves out, one pattern a line. */
const EXCLUDES = ".tsbake-excludes";

/**
 * $0: where to; $1: package file. 255 makes xargs stop. A link that could lead out of the tree points nowhere until all is
 * unpacked: a package must not write through a link that another one brought (tar looks after its own archive only). There
 * is no cage around it, so root unpacks without the power to make device nodes: the node of a disk would open the disk to
 * whoever its mode lets. Set-id bits go with --no-same-permissions.
 */
const EXTRACT = `
limits=
[ "$(/usr/bin/id -u)" != 0 ] || limits="/usr/bin/setpriv --inh-caps=-mknod --bounding-set=-mknod"
{ dpkg-deb --fsys-tarfile "$1" || exit 255; } |
    $limits tar -C "$0" -x --no-same-owner --no-same-permissions --keep-directory-symlink --exclude-from="$0/${EXCLUDES}" \\
        --transform='flags=s;s,^.*\\.\\..*$,${HELD_LINK}&,;s,^/.*$,${HELD_LINK}&,' -f - || exit 255
echo "\${1##*/}"
`;

/** @returns how many programs were wrapped (native). @throws BuildError `packaging/bad-deb`, `packaging/device-node`, `base/command-failed` */
export async function unpackFeed(request: FeedUnpackRequest): Promise<number> {
  const { closure, pool, into, kind, links, architecture } = request;
  const packages = inPool(closure.packages).map((one) => ({ ...one, path: join(pool, one.file) }));
  await verify(packages);
  const merged = mergedFolders(architecture);
  for (const name of merged) {
    await mkdir(join(into, "usr", name), { recursive: true });
    await symlink(`usr/${name}`, join(into, name));
  }
  const excludes = [...LEFT_OUT.map((one) => `usr/share/${one}`), ...request.exclude].map(
    (one) => `./${one}\n`,
  );
  await writeFile(join(into, EXCLUDES), excludes.join(""));
  const args = ["-0", "-n", "1", "-P", String(availableParallelism()), "sh", "-c", EXTRACT, into];
  const done = await run("xargs", args, {
    input: packages.map(({ path }) => `${path}\0`).join(""),
    onOutput: countLines(packages.length, "unpacked", request.onProgress),
    mayFail: true,
  });
  if (done.code !== 0) {
    const device = await firstDevice(packages);
    throw new BuildError([device ?? commandFailed("dpkg-deb | tar", done)]);
  }
  await rm(join(into, EXCLUDES));
  for (const name of merged) {
    if ((await readdir(join(into, "usr", name))).length > 0) continue;
    await rm(join(into, name));
    await rmdir(join(into, "usr", name));
  }
  for (const [path, target] of links) {
    await mkdir(dirname(join(into, path)), { recursive: true });
    await rm(join(into, path), { force: true });
    await symlink(target, join(into, path));
  }
  if (kind === "target") await keepShlibs(packages, into);
  await relativeLinks(into);
  return kind === "native" ? wrapPrograms(into) : 0;
}

/** Why tar gave up, perhaps. */
async function firstDevice(
  packages: readonly { name: string; path: string }[],
): Promise<Diagnostic | undefined> {
  for (const { name, path } of packages) {
    const { stdout } = await run("dpkg-deb", ["--contents", path], { mayFail: true });
    const line = stdout.split("\n").find((one) => /^[bc]/.test(one));
    // Mode, owner, numbers, day, hour, name.
    if (line !== undefined) return deviceNode(name, line.split(/\s+/).slice(5).join(" ").replace(/^\./, ""));
  }
  return undefined;
}

/** The packages' own word on which of them a library comes from (deb-shlibs(5)), for those who link it. */
async function keepShlibs(packages: readonly { name: string; path: string }[], into: string): Promise<void> {
  const folder = join(into, SHLIBS_FOLDER);
  await mkdir(folder, { recursive: true });
  for (const { name, path } of packages) {
    const text = (await readControl(path)).get("shlibs");
    if (text) await writeFile(join(folder, name), text);
  }
}
