/**
 * A sandbox for what handles packages: the host is not there. A package is a stranger, and tar and dpkg follow the links
 * of one package when they unpack the next; so they see a root of their own (`cage-tree.ts`) with the host's programs
 * read-only, the folders that a step names, and nothing else. A link that leaves the root leads nowhere.
 *
 * Commands are root without the powers that reach past files: they cannot mount, look into other processes, open files by
 * number, or use device nodes (every mount forbids those). So a maintainer script that leaves dpkg's chroot, as root can,
 * is still in the cage.
 */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { freemem } from "node:os";
import { join } from "node:path";
import { BuildError, demandSuccess, hasCode, sortedUnique } from "@tsbake/base";
import type { RunResult } from "@tsbake/base";
import { layOutCage, type CageContents } from "./cage-tree.js";
import { namespaceLimits } from "./namespace-limits.js";
import { POWERS } from "./powers.js";
import { noNamespaces } from "./problems.js";
import { ATTACH, CAGE_KEEPER, COVER, DETACH, TO_DISK } from "./sandbox-scripts.js";
import { FAKEROOT_INSIDE, openNamespaces, type SandboxOptions } from "./namespaces.js";
import { Namespaces, type Sandbox } from "./sandbox.js";

export interface CageOptions extends SandboxOptions, CageContents {}

export interface Cage extends Sandbox {
  /**
   * Readies a root for scripts that run inside it: /proc, a minimal /dev, a private /run and /tmp (mounted, gone with the
   * cage or with `detach`). Does nothing for a root that is attached.
   */
  attach(root: string): Promise<void>;
  /**
   * Ends every command that still runs in the cage, then takes off what `attach` and `cover` mounted.
   *
   * @returns the names of those commands, sorted
   */
  detach(root: string): Promise<readonly string[]>;
  /** Shows a program with this text in the place of a file of an attached root, if it is there, until the root is detached. */
  cover(root: string, file: string, text: string): Promise<void>;
  /**
   * Makes `folder` (which it creates below an existing `root`; "": the root itself) a file system in memory for the commands
   * inside, for as long as the cage lives. Where the kernel does not let us look into it, or memory is short, everything stays
   * on the disk.
   *
   * @param sizeBytes what will be in it, where that is much
   * @returns where this process finds `root` with that folder in it
   */
  keepInMemory(root: string, folder: string, sizeBytes?: number): Promise<string>;
  /** Puts what is in memory onto the disk; does nothing for a folder that is there. */
  putOnDisk(root: string, folder: string): Promise<void>;
}

const FEW_POWERS = [
  "/usr/bin/setpriv",
  "--inh-caps=-all",
  `--bounding-set=-all,${Object.keys(POWERS)
    .map((name) => `+${name}`)
    .join(",")}`,
];

/**
 * @param options what is to be in sight, beside the host's programs; it must be there
 * @throws BuildError `sandbox/no-cage`, `sandbox/no-namespaces`, `sandbox/no-fakeroot`
 */
export async function openCage(options: CageOptions): Promise<Cage> {
  return openCageNamespaces(options);
}

/**
 * Whether packages can be installed here at all, found out within a moment and not when they are. Of the fake root, which
 * a build makes for itself, nothing is asked.
 *
 * @throws BuildError `sandbox/no-cage`, `sandbox/no-namespaces`
 */
export async function demandCage(): Promise<void> {
  const cage = await openCageNamespaces({ readable: [], writable: [], isTrial: true });
  await cage.close();
}

async function openCageNamespaces(options: CageOptions & { readonly isTrial?: boolean }): Promise<Cage> {
  const parts = await openNamespaces(options, async (scratch, inSight) => {
    const [cage, table] = [join(scratch, "cage"), join(scratch, "table")];
    await mkdir(cage);
    const readable = [...options.readable, ...(inSight === undefined ? [] : [inSight])];
    const tree = await layOutCage(cage, { readable, writable: options.writable });
    await writeFile(table, tree.table);
    return { script: CAGE_KEEPER, args: [cage, table, String(tree.remounts.length), ...tree.remounts] };
  });
  return new CageNamespaces(parts);
}

/** Of the memory that is free, for one file system: others are at work, too. */
const LARGEST_SHARE = 1 / 4;

/** What is free in the machine, and what the control group allows. */
function spareMemoryBytes(): number {
  // 0: no limit.
  const allowed = process.constrainedMemory();
  return Math.min(freemem(), allowed > 0 ? allowed : Number.POSITIVE_INFINITY);
}

class CageNamespaces extends Namespaces implements Cage {
  /** Roots, each with its covered files. */
  readonly #attached = new Map<string, string[]>();
  readonly #inMemory = new Set<string>();

  protected override get front(): readonly string[] {
    return FEW_POWERS;
  }

  /** With every power that the cage has: for scripts of ours alone. */
  #setUp(script: string, ...args: readonly string[]): Promise<RunResult> {
    return this.enter([], "sh", ["-c", script, "cage", ...args]);
  }

  async attach(root: string): Promise<void> {
    if (this.#attached.has(root)) return;
    const library = this.parts.fake["LD_LIBRARY_PATH"]?.split(":")[0] ?? "";
    const done = await this.#setUp(ATTACH, root, library, root + FAKEROOT_INSIDE);
    if (done.code !== 0) throw new BuildError([noNamespaces(done.stderr.trim(), namespaceLimits())]);
    this.#attached.set(root, []);
  }

  async detach(root: string): Promise<readonly string[]> {
    const covered = this.#attached.get(root);
    if (covered === undefined) return [];
    this.#attached.delete(root);
    const { stdout } = demandSuccess("umount", await this.#setUp(DETACH, root, ...covered));
    return sortedUnique(stdout.split("\n").filter((name) => name !== ""));
  }

  async cover(root: string, file: string, text: string): Promise<void> {
    const path = join(root, file);
    const done = await this.#setUp(COVER, path, root, text);
    demandSuccess("mount", done);
    if (done.stdout !== "") this.#attached.get(root)?.push(path);
  }

  async keepInMemory(root: string, folder: string, sizeBytes = 0): Promise<string> {
    if (sizeBytes > spareMemoryBytes() * LARGEST_SHARE) return root;
    const [place, seen] = [join(root, folder), `/proc/${this.parts.pid}/root${root}`];
    await mkdir(place, { recursive: true });
    const mark = join(seen, folder, ".tsbake-memory");
    const done = await this.#setUp('mount -t tmpfs -o nosuid,nodev,mode=755 tmpfs "$1"', place);
    if (done.code !== 0) return root;
    try {
      await writeFile(mark, "");
      await rm(mark);
      this.#inMemory.add(place);
      return seen;
    } catch (error) {
      if (!hasCode(error, "EACCES", "ENOENT", "EPERM")) throw error;
      demandSuccess("umount", await this.#setUp('umount "$1"', place));
      return root;
    }
  }

  async putOnDisk(root: string, folder: string): Promise<void> {
    const place = join(root, folder);
    if (!this.#inMemory.delete(place)) return;
    const done = await this.#setUp(TO_DISK, place);
    demandSuccess("cp", done);
  }
}
