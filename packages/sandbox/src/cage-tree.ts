/**
 * What is in a cage: a tree of empty mount points, and the table from which mount(8) fills it (fstab(5)). Each thing is
 * at the path that it has outside, so that a command's words mean the same inside.
 */
import { lstat, mkdir, readFile, readlink, realpath, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { hasCode, isThere } from "@tsbake/base";

export interface CageContents {
  /** Absolute; a link in a package leads here at worst. */
  readonly writable: readonly string[];
  /** Absolute folders and files that commands may only read. */
  readonly readable: readonly string[];
}

export interface CageTree {
  /** The table's text. */
  readonly table: string;
  /** Pairs of mount options and mount point: file systems below what is bound, which keep their own options. */
  readonly remounts: readonly string[];
}

/** Of the host: the programs and what they need to run. No settings, no data, no other program's state. */
const PROGRAMS = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"];
const PROGRAM_FOLDERS = [
  ...PROGRAMS.map((name) => `/${name}`),
  ...[...PROGRAMS, "libexec", "share/dpkg"].map((name) => `/usr/${name}`),
  // Only links.
  "/etc/alternatives",
];
const DEVICES = ["null", "zero", "full", "random", "urandom", "tty"];
/** Made for the attached roots to copy. */
const DEVICE_LINKS = {
  fd: "/proc/self/fd",
  stdin: "/proc/self/fd/0",
  stdout: "/proc/self/fd/1",
  stderr: "/proc/self/fd/2",
  ptmx: "pts/ptmx",
};
/** Parts of /proc with which root changes the machine. */
const SETTINGS = ["sys", "sysrq-trigger", "irq", "bus", "fs"];

/** @param cage an empty folder, absolute @throws system errors for what is not there */
export async function layOutCage(cage: string, { writable, readable }: CageContents): Promise<CageTree> {
  const mounts = await readMounts();
  const lines: string[] = [];
  const remounts: string[] = [];
  const bind = async (path: string, options: readonly string[]): Promise<void> => {
    const real = await realpath(path);
    const at = join(cage, path);
    await makeMountPoint(at, (await stat(real)).isDirectory());
    lines.push(line(real, at, ["rbind", ...options, ...keptOptions(mounts, real)]));
    for (const below of mounts.filter(({ point }) => point.startsWith(`${real}/`))) {
      const all = [...options, ...keptOptions(mounts, below.point)].join(",");
      remounts.push(all, join(at, below.point.slice(real.length)));
    }
  };
  for (const name of ["proc", "root", "run"]) await mkdir(join(cage, name));
  if (![...readable, ...writable].some((path) => path.startsWith("/run/")))
    lines.push(`tmpfs ${escape(join(cage, "run"))} tmpfs nosuid,nodev,noexec,mode=755 0 0\n`);
  for (const path of PROGRAM_FOLDERS) {
    const kind = await lstat(path).catch((error: unknown) => {
      if (!hasCode(error, "ENOENT")) throw error;
    });
    if (kind?.isSymbolicLink()) {
      await mkdir(dirname(join(cage, path)), { recursive: true });
      await symlink(await readlink(path), join(cage, path));
    } else if (kind) await bind(path, ["ro", "nosuid", "nodev"]);
  }
  for (const name of SETTINGS) {
    const path = join(cage, "proc", name);
    if (await isThere(join("/proc", name))) lines.push(line(path, path, ["bind", "ro"]));
  }
  for (const name of DEVICES) {
    const [from, to] = [join("/dev", name), join(cage, "dev", name)];
    await makeMountPoint(to, false);
    lines.push(line(from, to, ["bind"]));
  }
  for (const [name, target] of Object.entries(DEVICE_LINKS)) await symlink(target, join(cage, "dev", name));
  for (const path of readable) await bind(path, ["ro", "nosuid", "nodev"]);
  for (const path of writable) await bind(path, ["nodev"]);
  return { table: lines.join(""), remounts };
}

/** In a folder that is bound already, the path is there. */
async function makeMountPoint(path: string, isFolder: boolean): Promise<void> {
  await mkdir(isFolder ? path : dirname(path), { recursive: true });
  if (!isFolder) await writeFile(path, "", { flag: "a" });
}

function line(from: string, to: string, options: readonly string[]): string {
  return `${escape(from)} ${escape(to)} none ${[...new Set(options)].join(",")} 0 0\n`;
}

/** As fstab(5) and the kernel's own lists write them. */
function escape(path: string): string {
  return path.replace(/[\s\\#]/g, (one) => `\\${one.charCodeAt(0).toString(8).padStart(3, "0")}`);
}

interface Mount {
  readonly point: string;
  readonly options: readonly string[];
}

/** @see proc_pid_mountinfo(5) */
async function readMounts(): Promise<Mount[]> {
  const text = await readFile("/proc/self/mountinfo", "utf8");
  return text.split("\n").flatMap((row) => {
    const [, , , , point, options] = row.split(" ");
    if (point === undefined || options === undefined) return [];
    const plain = point.replace(/\\([0-7]{3})/g, (_, code: string) =>
      String.fromCharCode(Number.parseInt(code, 8)),
    );
    return [{ point: plain, options: options.split(",") }];
  });
}

/** A user namespace may not take off what was forbidden on a mount outside, and has to name it again. */
const KEPT = ["ro", "nosuid", "nodev", "noexec"];

function keptOptions(mounts: readonly Mount[], path: string): string[] {
  const above = ({ point }: Mount): boolean =>
    point === "/" || path === point || path.startsWith(`${point}/`);
  // Of several mounts on one point, the last is the one that is seen.
  const holder = mounts
    .filter(above)
    .reduce<Mount | undefined>(
      (best, one) => (one.point.length >= (best?.point.length ?? 0) ? one : best),
      undefined,
    );
  return holder?.options.filter((option) => KEPT.includes(option)) ?? [];
}
