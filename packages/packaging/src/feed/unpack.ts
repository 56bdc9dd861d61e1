/** Packages of the feed as one tree: tools that run from anywhere (`native`), or what programs are compiled against (`target`). */
import { mkdir, readdir, rm, rmdir, symlink, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { BuildError, commandFailed, ifThere, run, scratchFolder } from "@tsbake/base";
import type { Closure } from "./closure.js";
import { readControl } from "../contents/index.js";
import { mergedFolders, verify } from "../deb/whole-root.js";
import { broughtBy, readListing } from "../layout/index.js";
import { inPool } from "./download.js";
import { HELD_LINK, relativeLinks, wrapPrograms } from "./native/index.js";
import { deviceNode } from "../problems.js";
import { countLines } from "../progress.js";
import { folderClash, settleShared } from "./shared-paths.js";
import type { Unpacked } from "./shared-paths.js";
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

/**
 * $1: where to; $2: file of patterns of what tar leaves out; $3: package file; $4: gets the list of what it brought. 255
 * makes xargs stop. A link that could lead out of the tree points nowhere until all is unpacked: a package must not write
 * through a link that another one brought (tar looks after its own archive only). There is no cage around it, so root
 * unpacks without the power to make device nodes: the node of a disk would open the disk to whoever its mode lets. Set-id
 * bits go with --no-same-permissions. Links into /usr are there: tar would take them away for a moment.
 */
const EXTRACT = `
{ dpkg-deb --fsys-tarfile "$3" || exit 255; } |
    tar -C "$1" -xvv --quoting-style=literal --numeric-owner --no-same-owner --no-same-permissions \\
        --keep-directory-symlink --no-recursion MERGED --recursion --exclude-from="$2" \\
        --transform='flags=s;s,^.*\\.\\..*$,${HELD_LINK}&,;s,^/.*$,${HELD_LINK}&,' -f - >"$4" || exit 255
echo "\${3##*/}"
`;

/** Words in front of what unpacks. */
function withoutDevices(): readonly string[] {
  return process.getuid?.() === 0 ? ["/usr/bin/setpriv", "--inh-caps=-mknod", "--bounding-set=-mknod"] : [];
}

/** @returns how many programs were wrapped (native). @throws BuildError `packaging/bad-deb`, `packaging/device-node`, `packaging/feed-clash`, `base/command-failed` */
export async function unpackFeed(request: FeedUnpackRequest): Promise<number> {
  const { closure, pool, into, kind, links, architecture } = request;
  const packages = inPool(closure.packages).map((one) => ({ ...one, path: join(pool, one.file) }));
  await verify(packages);
  const merged = mergedFolders(architecture);
  for (const name of merged) {
    await mkdir(join(into, "usr", name), { recursive: true });
    await symlink(`usr/${name}`, join(into, name));
  }
  const scratch = await scratchFolder(`${into}.unpack-`);
  try {
    await extractAll(request, packages, merged, scratch);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
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

interface PackageFile {
  readonly name: string;
  readonly version: string;
  /** In the pool. */
  readonly path: string;
}

async function extractAll(
  { into, exclude, onProgress }: FeedUnpackRequest,
  packages: readonly PackageFile[],
  merged: readonly string[],
  scratch: string,
): Promise<void> {
  const excludes = join(scratch, "excludes");
  const patterns = [...LEFT_OUT.map((one) => `usr/share/${one}`), ...exclude];
  await writeFile(excludes, patterns.map((one) => `./${one}\n`).join(""));
  const script = EXTRACT.replace("MERGED", merged.map((name) => `--exclude=./${name}`).join(" "));
  const command = (folder: string) => ["-c", script, "sh", folder, excludes];
  const listOf = (at: number) => join(scratch, String(at));
  const unpack = (atOnce: number) => {
    const args = ["-0", "-n", "2", "-P", String(atOnce), "sh", ...command(into)];
    const [program = "", ...words] = [...withoutDevices(), "xargs", ...args];
    return run(program, words, {
      input: packages.map(({ path }, at) => `${path}\0${listOf(at)}\0`).join(""),
      onOutput: countLines(packages.length, "unpacked", onProgress),
      mayFail: true,
    });
  };
  const listings = async (): Promise<Unpacked[]> => {
    const unpacked: Unpacked[] = [];
    for (const [at, one] of packages.entries()) {
      // Where tar gave up, some have none.
      const listed = await ifThere(readListing(listOf(at), one.path));
      if (listed) unpacked.push({ ...one, ...broughtBy(listed) });
    }
    return unpacked;
  };
  const first = await unpack(availableParallelism());
  if (first.code !== 0) {
    const reason = folderClash(await listings(), merged) ?? (await firstDevice(packages));
    if (reason) throw reason;
    // A path that two packages bring is away for a moment while one puts its own in its place, and the other's hard link to it
    // fails. One after the other they cannot meet; which of them stays is settled below.
    const again = await unpack(1);
    if (again.code !== 0) throw new BuildError([commandFailed("dpkg-deb | tar", again)]);
  }
  const unpacked = await listings();
  const extract = async ({ path }: Unpacked, folder: string): Promise<void> => {
    const words = [...withoutDevices(), "sh", ...command(folder), path, join(scratch, "again")];
    await run(words[0]!, words.slice(1));
  };
  await settleShared(unpacked, { into, merged, scratch, extract });
}

/** Why tar gave up, perhaps. */
async function firstDevice(packages: readonly PackageFile[]): Promise<BuildError | undefined> {
  for (const { name, path } of packages) {
    const { stdout } = await run("dpkg-deb", ["--contents", path], { mayFail: true });
    const line = stdout.split("\n").find((one) => /^[bc]/.test(one));
    // Mode, owner, numbers, day, hour, name.
    const device = line?.split(/\s+/).slice(5).join(" ").replace(/^\./, "");
    if (device !== undefined) return new BuildError([deviceNode(name, device)]);
  }
  return undefined;
}

/** The packages' own word on which of them a library comes from (deb-shlibs(5)), for those who link it. */
async function keepShlibs(packages: readonly PackageFile[], into: string): Promise<void> {
  const folder = join(into, SHLIBS_FOLDER);
  await mkdir(folder, { recursive: true });
  for (const { name, path } of packages) {
    const text = (await readControl(path)).get("shlibs");
    if (text) await writeFile(join(folder, name), text);
  }
}
