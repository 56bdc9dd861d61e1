/** A tree of files ⇄ the tar in which one task hands it to the next, with owners that only (fake) root can see. */
import { type FileEntry, TarFile, type TarMember } from "@tsbake/archive";
import { mkdir, open, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { BuildError, ifThere, nameBytes } from "@tsbake/base";
import type { PackageDatabase } from "@tsbake/packaging";
import type { Sandbox } from "@tsbake/sandbox";
import { CAPABILITY_ATTRIBUTE, capabilityText } from "./capabilities.js";
import { FileIndex, formatFileManifest } from "../facts/file-manifest.js";
import * as problems from "../problems.js";
import { type KeyCheck, checkPrivateKeys } from "../check/private-keys.js";
import { digHoles, hasHoles, tarWithHoles } from "./holes.js";

/** Never part of an image: what the kernel and the sandbox mount, and what tasks leave behind. */
const LEFT_OUT = ["./proc/*", "./sys/*", "./dev/*", "./run/*", "./tmp/*"];

/**
 * Attributes that tell of the machine and not of the tree: labels of the host, history of an overlay. And ACLs, which
 * an ordinary user cannot set on a fake owner's file: systemd-tmpfiles sets them again at each boot.
 */
const FOREIGN_ATTRIBUTES = [
  "security.evm",
  "security.ima",
  "security.selinux",
  "system.*",
  "trusted.overlay.*",
  "user.overlay.*",
];

export interface PackRequest {
  /** Absolute. */
  readonly root: string;
  readonly sandbox: Sandbox;
  /** The tar to write. */
  readonly output: string;
  /** The file manifest to write. */
  readonly files: string;
  /** Seconds; nothing in the archive is younger. */
  readonly epochSeconds: number;
  /** Whose each path is, given what is in the tree. */
  readonly owners: (entries: readonly FileEntry[]) => ReadonlyMap<string, string>;
  /** Further paths to leave out, `./var/lib/dpkg`. */
  readonly leaveOut?: readonly string[];
  /** Only these paths of the tree, in this order; default: all. What is left out is left out of them too. */
  readonly only?: readonly string[];
  /** What is not to be packed though it is there. */
  readonly keys: KeyCheck;
  /** Modes that entries get instead of their own, by path. */
  readonly modes?: (entries: readonly FileEntry[]) => ReadonlyMap<string, number>;
}

/**
 * Packs `root` and writes its file manifest. Times: a file or symlink of a package keeps its own unless it is younger
 * than the epoch; everything else was made by the build at some moment and gets the epoch.
 *
 * @throws BuildError `image/format-failed` when tar fails, `image/private-key`
 */
export async function packImageTree(request: PackRequest): Promise<FileEntry[]> {
  await rm(request.output, { force: true });
  await mkdir(dirname(request.output), { recursive: true });
  const excluded = [...LEFT_OUT, ...(request.leaveOut ?? [])].map((one) => `--exclude=${one}`);
  const output = await open(request.output, "w");
  const args = [
    "--create",
    "--file=-",
    `--directory=${resolve(request.root)}`,
    "--format=pax",
    "--pax-option=exthdr.name=./PaxHeaders/entry,delete=atime,delete=ctime,delete=mtime",
    "--sort=name",
    "--numeric-owner",
    "--xattrs",
    "--xattrs-include=*",
    ...FOREIGN_ATTRIBUTES.map((one) => `--xattrs-exclude=${one}`),
    "--anchored",
    "--wildcards",
    ...excluded,
    ...(request.only ? ["--no-recursion", "--null", "--files-from=-"] : ["."]),
  ];
  const input = request.only && nameBytes(request.only.map((path) => `.${path}\0`).join(""));
  // Through us: what packs a tree of packages has only the tree in sight.
  let result;
  try {
    result = (await digHoles(resolve(request.root), request.sandbox))
      ? await tarWithHoles(request.sandbox, args, { stdoutFd: output.fd, ...(input && { input }) })
      : await request.sandbox.run("tar", args, {
          stdoutFd: output.fd,
          mayFail: true,
          ...(input && { input }),
        });
  } finally {
    await output.close();
  }
  // 1: a socket was left out or a file changed; both are said on stderr, and neither can happen to a closed tree.
  if (result.code !== 0) throw new BuildError([problems.formatFailed("tar", result.code, result.stderr)]);
  using tar = new TarFile(request.output, "r+");
  const members = tar.members();
  const owners = request.owners(members.map(({ entry }) => entry));
  const owned = members.map((member) => {
    const owner = owners.get(member.entry.path);
    return owner === undefined ? member : { ...member, entry: { ...member.entry, package: owner } };
  });
  await checkPrivateKeys(tar, owned, request.keys);
  tar.setRootTime(request.epochSeconds);
  const modes = request.modes?.(owned.map(({ entry }) => entry)) ?? new Map<string, number>();
  const entries = owned.map((member) => settle(tar, member, request.epochSeconds, modes));
  await writeFile(request.files, formatFileManifest(entries));
  return entries;
}

/** Puts time and mode in the archive right. @returns the entry as it is then */
function settle(
  tar: TarFile,
  member: TarMember,
  epochSeconds: number,
  modes: ReadonlyMap<string, number>,
): FileEntry {
  const { entry } = member;
  const isAsShipped = entry.package !== undefined && (entry.kind === "file" || entry.kind === "symlink");
  const time = isAsShipped ? Math.min(member.mtimeSeconds, epochSeconds) : epochSeconds;
  if (time !== member.mtimeSeconds) tar.setTime(member, time);
  const mode = modes.get(entry.path) ?? entry.mode;
  if (mode === entry.mode) return entry;
  tar.setMode(member, mode);
  return { ...entry, mode };
}

/**
 * Which package each path comes from, as the tree has it: the lists of the database with folders followed that are
 * symlinks in the tree. A folder that several packages list has no single owner and is left out.
 *
 * @param entries the tree, for its symlinks
 * @param only restricts to these packages
 */
export function ownersOf(
  database: PackageDatabase,
  entries: readonly FileEntry[],
  only?: ReadonlySet<string>,
): Map<string, string> {
  const index = new FileIndex(entries.filter((entry) => entry.kind === "symlink"));
  const settled = (path: string): string => index.followFolders(path) ?? path;
  const owners = new Map<string, string>();
  const shared = new Set<string>();
  for (const one of database.packages) {
    if (only && !only.has(one.name)) continue;
    for (const path of one.files.map(settled)) {
      const before = owners.get(path);
      if (before !== undefined && before !== one.name) shared.add(path);
      owners.set(path, one.name);
    }
  }
  for (const path of shared) owners.delete(path);
  for (const { from, to, by } of database.diversions) {
    if (by === ":" || (only && !only.has(by))) continue;
    // Diverted away: what lies at `from` is the diverter's, and the other package's file is at `to`.
    const loser = owners.get(settled(from));
    if (loser !== undefined && loser !== by) owners.set(settled(to), loser);
    if (owners.has(settled(from))) owners.set(settled(from), by);
  }
  return owners;
}

/**
 * Unpacks a tar that {@link packImageTree} or the extension step wrote.
 *
 * @throws BuildError `image/format-failed`, `image/no-tool`
 */
export async function unpackTree(tar: string, root: string, sandbox: Sandbox): Promise<void> {
  await mkdir(root, { recursive: true });
  const args = [
    "--extract",
    "--blocking-factor=512",
    `--file=${resolve(tar)}`,
    `--directory=${resolve(root)}`,
    "--numeric-owner",
    "--same-owner",
    "--preserve-permissions",
  ];
  if (!sandbox.isFake) args.push("--xattrs", "--xattrs-include=*");
  const result = await sandbox.run("tar", args, { mayFail: true });
  if (result.code !== 0) throw new BuildError([problems.formatFailed("tar", result.code, result.stderr)]);
  if (await hasHoles(tar)) await digHoles(resolve(root), sandbox);
  if (sandbox.isFake) await setCapabilities(tar, root, sandbox);
}

/**
 * Puts file capabilities on a tree in a fake root. tar cannot: it makes a file with attributes by mknod, without the
 * bits that say "regular file", and fakeroot then remembers a file of no type at all.
 */
async function setCapabilities(path: string, root: string, sandbox: Sandbox): Promise<void> {
  using tar = new TarFile(path);
  const args = tar.members(false).flatMap(({ entry }) => {
    const attribute = entry.xattrs?.find((one) => one.startsWith(`${CAPABILITY_ATTRIBUTE}=`));
    const text = attribute && capabilityText(attribute.slice(CAPABILITY_ATTRIBUTE.length + 1));
    return text === undefined || text === "" || entry.hardlink ? [] : [text, join(resolve(root), entry.path)];
  });
  if (args.length === 0) return;
  // It comes with fakeroot where that is a native sysroot's, which is on no PATH in there; else the machine may have it.
  const own = sandbox.sysroot && join(sandbox.sysroot, "usr/sbin/setcap");
  const tool = own && (await ifThere(stat(own))) ? own : "setcap";
  const result = await sandbox.run(tool, args, { mayFail: true });
  if (result.code === 0) return;
  const isMissing = result.code === 127 || /not found|No such file/.test(result.stderr);
  throw new BuildError([
    isMissing
      ? problems.noTool("setcap", "fakeroot-native (or install libcap2-bin)")
      : problems.formatFailed("setcap", result.code, result.stderr),
  ]);
}
