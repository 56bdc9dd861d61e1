/**
 * A tar → a tree. Each piece is judged by `scan.ts` before the system's tar gets it, so that nothing hostile is even
 * tried, in one pass over the archive. Which program reads and writes trees, and why: `pack.ts`.
 */
import { mkdir, readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Readable, Writable } from "node:stream";
import { BuildError, removeTree } from "@tsbake/base";
import { decompress } from "./compression.js";
import { FOREIGN_ATTRIBUTES, openTar, tarError } from "./system-tar.js";
import { unpackFailed } from "./problems.js";
import { Scan, type ScanResult } from "./scan.js";

/** Defaults that no honest archive of ours comes near. */
const MOST_BYTES = 256 * 2 ** 30;
const MOST_ENTRIES = 10_000_000;

export interface CheckOptions {
  /** What to call the archive in errors; default: its path. */
  readonly label?: string | undefined;
  /** Device nodes and FIFOs are welcome; default: refused. */
  readonly allowDevices?: boolean | undefined;
  /** Links that point out of the folder; default: kept as they are (nothing is written through them). */
  readonly linksOut?: "allow" | "refuse" | undefined;
  /** Drop so many leading components of each name; what has no more is left out. Default: 0. */
  readonly strip?: number | undefined;
  readonly maxBytes?: number | undefined;
  readonly maxEntries?: number | undefined;
}

export interface UnpackOptions extends CheckOptions {
  /** `keep`: owners by number, as far as this user may (root); `self`: all belongs to this user. Default: keep. */
  readonly owner?: "keep" | "self" | undefined;
  /** `keep`: modes as they were packed; `umask`: what this process may not give is taken away. Default: keep. */
  readonly modes?: "keep" | "umask" | undefined;
}

/**
 * Reads a whole archive and unpacks nothing.
 *
 * @throws BuildError `archive/…` for the first thing that `unpackTar` would refuse
 */
export async function checkTar(archive: string | Readable, options: CheckOptions = {}): Promise<ScanResult> {
  return scanned(archive, options, undefined, () => Promise.resolve());
}

/**
 * Unpacks below `root`, which is made if need be. Into an empty folder: when it fails, the folder is empty again.
 * Into one that has something already, an archive from a file is read twice: first judged to its end, then unpacked.
 *
 * @throws BuildError `archive/hostile-entry`, `archive/damaged`, `archive/truncated`, `archive/unpack-failed`, …
 */
export async function unpackTar(
  archive: string | Readable,
  root: string,
  options: UnpackOptions = {},
): Promise<ScanResult> {
  await mkdir(root, { recursive: true });
  const existing = (await readdir(root)).length > 0 ? resolve(root) : undefined;
  if (existing !== undefined && typeof archive === "string") {
    await scanned(archive, options, existing, () => Promise.resolve());
  }
  const label = labelOf(archive, options);
  try {
    await using tar = openTar(argumentsFor(root, options), { stdin: "pipe" });
    const result = await scanned(archive, options, existing, (piece) => hand(tar.stdin, piece));
    tar.stdin.end();
    const said = await tarError(tar);
    if (said !== undefined) throw new BuildError([unpackFailed(label, root, said)]);
    return result;
  } catch (error) {
    if (existing === undefined) await empty(root);
    throw error;
  }
}

async function scanned(
  archive: string | Readable,
  options: CheckOptions,
  existing: string | undefined,
  hand: (piece: Buffer) => Promise<void>,
): Promise<ScanResult> {
  const label = labelOf(archive, options);
  const scan = new Scan(label, {
    existing,
    allowDevices: options.allowDevices ?? false,
    linksOut: options.linksOut ?? "allow",
    strip: options.strip ?? 0,
    maxBytes: options.maxBytes ?? MOST_BYTES,
    maxEntries: options.maxEntries ?? MOST_ENTRIES,
  });
  try {
    for await (const piece of decompress(archive, label)) {
      await scan.write(piece);
      await hand(piece);
    }
    return await scan.end();
  } finally {
    scan.destroy();
  }
}

/** When tar gives up it closes its input; its exit code and words tell why. */
async function hand(input: Writable, piece: Buffer): Promise<void> {
  if (input.destroyed || input.write(piece)) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      input.off("drain", done);
      input.off("close", done);
      resolve();
    };
    input.on("drain", done);
    input.on("close", done);
  });
}

function argumentsFor(root: string, options: UnpackOptions): string[] {
  const args = ["-x", "-f", "-", "-C", resolve(root), "--numeric-owner", "--delay-directory-restore"];
  args.push(options.modes === "umask" ? "--no-same-permissions" : "-p");
  args.push(
    "--xattrs",
    "--xattrs-include=*",
    ...FOREIGN_ATTRIBUTES.map((name) => `--xattrs-exclude=${name}`),
  );
  if (options.strip !== undefined && options.strip > 0) args.push(`--strip-components=${options.strip}`);
  args.push(
    options.owner === "self"
      ? "--no-same-owner"
      : process.getuid?.() === 0
        ? "--same-owner"
        : "--no-same-owner",
  );
  // A time stamp in the future is none of the user's business.
  args.push("--warning=no-timestamp");
  return args;
}

async function empty(folder: string): Promise<void> {
  for (const name of await readdir(folder)) await removeTree(join(folder, name));
}

function labelOf(archive: string | Readable, options: CheckOptions): string {
  return options.label ?? (typeof archive === "string" ? archive : "the stream");
}
