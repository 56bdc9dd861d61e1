/** The real rpm, from the native sysroot of the task that calls us. */
import { access, constants, realpath } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { BuildError, ifThere, run } from "@tsbake/base";
import type { Cage } from "@tsbake/sandbox";
import { installFailed, noRpm } from "../problems.js";
import { explainRpm } from "./rpm-output.js";

/** Below a root. */
export const RPM_FOLDER = "var/lib/rpm";

export interface RpmTool {
  /** Absolute. */
  readonly rpm: string;
  readonly rpmdb: string;
  /** What they and their libraries, macros and settings lie in. */
  readonly tree: string;
}

/** @param path folders to look in, as PATH has them @throws BuildError `packaging/no-rpm` */
export async function findRpm(path = process.env["PATH"] ?? ""): Promise<RpmTool> {
  for (const folder of path.split(delimiter)) {
    const program = join(folder, "rpm");
    if (folder === "" || (await isExecutable(program)) === undefined) continue;
    const real = await realpath(program);
    const bin = dirname(real);
    return { rpm: real, rpmdb: join(bin, "rpmdb"), tree: dirname(dirname(bin)) };
  }
  throw new BuildError([noRpm()]);
}

function isExecutable(path: string): Promise<true | undefined> {
  return ifThere(access(path, constants.X_OK).then(() => true as const));
}

/** Nothing of the host's or a person's settings; the database where we say; no plugins, no waiting for the disk. */
function settings({ tree }: RpmTool): string[] {
  const folder = join(tree, "usr/lib/rpm");
  return [
    `--rcfile=${folder}/rpmrc`,
    `--macros=${folder}/macros`,
    "--noplugins",
    "--define=_tmppath /var/tmp",
    "--define=_flush_io 0",
    "--define=_install_script_path /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  ];
}

/** Time and locale of what rpm notes and of what scripts see. */
function environment(epochSeconds: number): Record<string, string> {
  return {
    SOURCE_DATE_EPOCH: String(epochSeconds),
    PERL_HASH_SEED: "0",
    DEBIAN_PRIORITY: "critical",
    HOME: "/nonexistent",
    LC_ALL: "C.UTF-8",
  };
}

export interface RpmRun {
  readonly sandbox: Cage;
  readonly root: string;
  readonly epochSeconds: number;
}

/**
 * Runs rpm on a root in the cage. A scriptlet that fails after its package is unpacked, or an owner that is not there, is only a warning
 * to rpm; here it is an error.
 *
 * @throws BuildError `packaging/install-failed` with what it said
 */
export async function runRpm(
  tool: RpmTool,
  { sandbox, root, epochSeconds }: RpmRun,
  args: readonly string[],
): Promise<void> {
  const words = [...settings(tool), `--root=${root}`, `--dbpath=/${RPM_FOLDER}`, ...args];
  // Its database writes them where it is before it enters the root.
  const temporary = join(root, "var/tmp");
  const env = { ...environment(epochSeconds), SQLITE_TMPDIR: temporary };
  const done = await sandbox.run(tool.rpm, words, { mayFail: true, env });
  const failure = explainRpm(done.code, done.stdout, done.stderr);
  if (failure) throw new BuildError([installFailed(failure.cause, failure.said, "rpm")]);
}

/** Every header of a database, as rpmdb writes them one after the other. @param folder of the database, absolute */
export async function exportDatabase(tool: RpmTool, folder: string, to: string): Promise<void> {
  const script = 'out=$1; shift; exec "$@" >"$out"';
  const args = [tool.rpmdb, ...databaseSettings(tool), `--dbpath=${folder}`, "--exportdb"];
  await run("sh", ["-c", script, "sh", to, ...args], { env: { ...pathOnly(), ...environment(0) } });
}

/** Puts headers into a database that is made for it. @param from as {@link exportDatabase} writes it */
export async function importDatabase(tool: RpmTool, folder: string, from: string): Promise<void> {
  const script = 'in=$1; shift; exec "$@" <"$in"';
  const base = [tool.rpmdb, ...databaseSettings(tool), `--dbpath=${folder}`];
  const env = { ...pathOnly(), ...environment(0) };
  await run(base[0]!, [...base.slice(1), "--initdb"], { env });
  await run("sh", ["-c", script, "sh", from, ...base, "--importdb"], { env });
}

function databaseSettings({ tree }: RpmTool): string[] {
  const folder = join(tree, "usr/lib/rpm");
  return [`--rcfile=${folder}/rpmrc`, `--macros=${folder}/macros`];
}

function pathOnly(): Record<string, string> {
  return { PATH: process.env["PATH"] ?? "" };
}
