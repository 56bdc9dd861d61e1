/**
 * The host's apt with a state of its own; nothing of the host is written. With the host's sources its settings count, too,
 * but for hooks. Sources of our own come with settings of our own: what the host's apt.conf and preferences say of trust,
 * dates and versions is meant for other archives; only how servers are reached is taken from there.
 *
 * Everything goes through one configuration file, because only a file can clear lists, and APT_CONFIG alone is read before
 * the host's own files.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { BuildError, hasCode, readTextIfThere, run, writeFileAtomic } from "@tsbake/base";
import type { ProcessOptions, RunResult } from "@tsbake/base";
import { noApt } from "../problems.js";
import { hostReach } from "./host.js";

export interface Apt {
  /** Absolute. */
  readonly folder: string;
  /** @throws BuildError `packaging/no-apt` when the program is not there; never for a non-zero exit */
  /** Whoever calls it looks at the exit code: apt also tells with it that there is no answer. */
  run(
    program: "apt-get" | "apt-cache",
    args: readonly string[],
    options?: ProcessOptions,
  ): Promise<RunResult>;
}

export interface AptOptions {
  readonly architecture: string;
  /** Sources instead of the host's; deb822 or one line each; empty: none. */
  readonly sources?: string;
  /** The dpkg status file to solve against; default: nothing is installed. */
  readonly status?: string;
  /** Keeps a binary cache of the lists: for those of a whole archive, where it halves the time of a solution. */
  readonly hasCache?: boolean;
}

/** Hooks of the host that apt would run as us. */
const HOOKS = [
  "APT::Update::Pre-Invoke",
  "APT::Update::Post-Invoke",
  "APT::Update::Post-Invoke-Success",
  "DPkg::Pre-Invoke",
  "DPkg::Post-Invoke",
  "DPkg::Pre-Install-Pkgs",
  "DPkg::Post-Install-Pkgs",
];

/** In place of the host's. */
const OWN: Readonly<Record<string, string>> = {
  "Dir::Etc::main": "/dev/null",
  "Dir::Etc::parts": "/dev/null",
  "Dir::Etc::preferences": "/dev/null",
  "Dir::Etc::preferencesparts": "/dev/null",
};

/** Makes the folders and the configuration file (only written when it changes). */
export async function openApt(folder: string, options: AptOptions): Promise<Apt> {
  for (const one of ["lists/partial", "cache/archives/partial", "log", "etc"]) {
    await mkdir(join(folder, one), { recursive: true });
  }
  const lines = [...HOOKS, "APT::Architectures", "DPkg::Options"].map((name) => `#clear ${name};`);
  const settings: Record<string, string> = {
    "APT::Architecture": options.architecture,
    "APT::Architectures": options.architecture,
    "APT::Install-Recommends": "false",
    "APT::Install-Suggests": "false",
    "APT::Get::Assume-Yes": "true",
    // apt counts itself as essential; an image need not have it.
    "pkgCacheGen::ForceEssential": ",",
    // The folders are ours already: nothing to protect, and an ordinary user cannot become _apt.
    "APT::Sandbox::User": "root",
    "Acquire::Languages": "none",
    "Acquire::GzipIndexes": "true",
    "Acquire::Retries": "2",
    "Dir::State": folder,
    "Dir::State::lists": join(folder, "lists"),
    "Dir::State::status": options.status ?? "/dev/null",
    "Dir::State::extended_states": join(folder, "extended_states"),
    "Dir::Cache": join(folder, "cache"),
    "Dir::Cache::archives": join(folder, "cache/archives"),
    "Dir::Cache::pkgcache": options.hasCache ? "pkgcache.bin" : "",
    "Dir::Cache::srcpkgcache": "",
    "Dir::Log": join(folder, "log"),
  };
  const isOwn = options.sources !== undefined;
  if (isOwn) Object.assign(settings, OWN, await writeSources(folder, options.sources));
  // Without sources nothing is fetched.
  if (options.sources) lines.push(...(await hostReach()));
  for (const [name, value] of Object.entries(settings)) lines.push(`${name} "${value}";`);
  const path = join(folder, "apt.conf");
  const text = `${lines.join("\n")}\n`;
  if ((await readTextIfThere(path)) !== text) await writeFileAtomic(path, text);
  // What -c names comes after the host's files and wins over them; what APT_CONFIG names comes before.
  return {
    folder,
    run: (program, args, rest) =>
      isOwn
        ? runApt(program, args, { ...rest, env: { APT_CONFIG: path } })
        : runApt(program, ["-c", path, ...args], rest),
  };
}

async function writeSources(folder: string, sources: string): Promise<Record<string, string>> {
  const isDeb822 = /^types:/im.test(sources);
  const parts = join(folder, "etc/sources.d");
  await mkdir(parts, { recursive: true });
  for (const [name, text] of [
    ["own.sources", isDeb822 ? sources : ""],
    ["own.list", isDeb822 ? "" : sources],
  ] as const) {
    const path = join(parts, name);
    if ((await readTextIfThere(path)) !== `${text}\n`) await writeFileAtomic(path, `${text}\n`);
  }
  return { "Dir::Etc::sourcelist": "/dev/null", "Dir::Etc::sourceparts": parts };
}

async function runApt(
  program: string,
  args: readonly string[],
  options: ProcessOptions = {},
): Promise<RunResult> {
  const env = { ...process.env, LC_ALL: "C.UTF-8", ...options.env } as Record<string, string>;
  // An outer fake root is of no use to a solver, and costs a message for each file it looks at.
  if (env["FAKEROOTKEY"] !== undefined) delete env["LD_PRELOAD"];
  try {
    return await run(program, args, { ...options, env, mayFail: true });
  } catch (error) {
    if (hasCode(error, "ENOENT")) throw new BuildError([noApt(program)]);
    throw error;
  }
}

/** The lines of what apt said that begin with `E:` or `W:`, without that. */
export function aptMessages(result: RunResult, kind: "E" | "W"): string[] {
  const said = `${result.stderr}\n${result.stdout}`.split("\n");
  return said.filter((line) => line.startsWith(`${kind}: `)).map((line) => line.slice(3));
}
