/** Brings the packages of a closure into a pool folder, by apt's own fetcher: its proxies, credentials and mirrors count. */
import { mkdir, mkdtemp, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { BuildError, hasCode, run, sha256File } from "@tsbake/base";
import type { Closure, ClosurePackage } from "./closure.js";
import { downloadFailed, noApt, superseded } from "../problems.js";

export interface DownloadOptions {
  readonly onProgress?: (text: string) => void;
  readonly signal?: AbortSignal;
}

const HELPER = "/usr/lib/apt/apt-helper";
/** Keeps a command line well below the kernel's limit. */
const BATCH = 200;

/**
 * Brings every missing package of the closure into `pool`; each is verified by SHA-256 and appears whole or not at all.
 * Safe for two processes on one pool. What is there is trusted by its size here, and verified again by who installs it.
 * @throws BuildError `packaging/superseded`, `packaging/download-failed`
 */
export async function downloadClosure(
  closure: Closure,
  pool: string,
  options: DownloadOptions = {},
): Promise<void> {
  await mkdir(pool, { recursive: true });
  const wanted: ClosurePackage[] = [];
  for (const one of closure.packages) {
    const there = await stat(join(pool, one.file)).catch(() => undefined);
    if (there?.size !== one.sizeBytes) wanted.push(one);
  }
  if (wanted.length === 0) return;
  const scratch = await mkdtemp(join(pool, ".incoming-"));
  try {
    for (let at = 0; at < wanted.length; at += BATCH) {
      await fetchBatch(wanted.slice(at, at + BATCH), pool, scratch, {
        ...options,
        done: at,
        all: wanted.length,
      });
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

interface Batch extends DownloadOptions {
  readonly done: number;
  readonly all: number;
}

async function fetchBatch(
  wanted: readonly ClosurePackage[],
  pool: string,
  scratch: string,
  batch: Batch,
): Promise<void> {
  const args = ["-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=3", "download-file"];
  for (const one of wanted) args.push(one.uri, join(scratch, one.file), `SHA256:${one.sha256}`);
  let got = batch.done;
  const said = await run(HELPER, args, {
    onOutput: (text) => {
      got += text.split("\n").filter((line) => line.startsWith("Get:")).length;
      batch.onProgress?.(`${Math.min(got, batch.all)} of ${batch.all} packages`);
    },
    ...(batch.signal ? { signal: batch.signal } : {}),
  }).catch((error: unknown) => {
    if (hasCode(error, "ENOENT")) throw new BuildError([noApt(HELPER)]);
    throw error;
  });
  const problems = [];
  for (const one of wanted) {
    const path = join(scratch, one.file);
    const digest = await sha256File(path).catch(() => undefined);
    if (digest === one.sha256) await rename(path, join(pool, one.file));
    else if (isGone(said.stderr + said.stdout, one)) problems.push(superseded(one.name, one.version));
    else
      problems.push(
        downloadFailed(
          one.name,
          digest === undefined ? said.stderr : "its SHA-256 is not what the index says",
        ),
      );
  }
  if (problems.length > 0) throw new BuildError(problems);
}

/** Whether the server said that it does not have this file (any more). */
function isGone(said: string, one: ClosurePackage): boolean {
  return said
    .split("\n")
    .some((line) => /\b404\b|File not found/.test(line) && line.includes(one.file.split("_")[0] ?? ""));
}
