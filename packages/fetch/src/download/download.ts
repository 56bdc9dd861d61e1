/**
 * `http://` and `https://`: a file in DL_DIR, with the bytes that the recipe asks for.
 *
 *     DL_DIR/x.tar.gz                    the file; it appears whole and verified
 *     DL_DIR/x.tar.gz.done               its digests, and what tells that it is still the file that has them
 *     DL_DIR/x.tar.gz.part               what has come so far
 *     DL_DIR/x.tar.gz.sha256-<digest>    the file of another recipe that has the same name and other bytes
 *
 * A good file is never replaced: who has a name first keeps it.
 */
import { open, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import {
  BuildError,
  diskProblem,
  hasCode,
  joinUrl,
  lockFile,
  messageOf,
  redact,
  sizeIfThere,
  splitUrl,
} from "@tsbake/base";
import { digestsOf, expectedSums, flagName, mismatchOf, type Digests, type Expected } from "./checksums.js";
import { isForbidden, readNote, writeNote } from "./done-note.js";
import { forbiddenProblem, placesOf, type MirrorPlace } from "./mirrors.js";
import type { FetchOptions } from "../settings/options.js";
import { bring, type Bringing, openClient, prepareFile, progressOf, settle } from "./part-file.js";
import { checksumMismatch, downloadFailed, missingChecksum } from "../problems.js";
import type { SourceKind } from "../source/source-kind.js";
import { downloadName, type SourceUri } from "../source/source-uri.js";
import { unpackFile } from "../source/unpack.js";

const MOST_TRIES = 3;

export const httpFile: SourceKind = {
  fetch: download,
  /** What is unpacked is the open file that was verified, whatever gets its name meanwhile. */
  async unpack(source, into, options) {
    const name = basename(downloadName(source));
    const file = await open(await downloaded(source, options), "r");
    try {
      await unpackFile(source, { path: `/proc/${process.pid}/fd/${file.fd}`, name }, into);
    } finally {
      await file.close();
    }
  },
  remove: removeDownload,
};

/**
 * Makes sure that the file is in DL_DIR and has the right checksums.
 *
 * @returns its path
 * @throws BuildError `fetch/checksum-mismatch`, `fetch/missing-checksum`, `fetch/download-failed`, `fetch/no-network`, …
 */
async function download(source: SourceUri, options: FetchOptions): Promise<string> {
  const path = join(options.dlDir, downloadName(source));
  const expected = expectedSums(source, options);
  // A folder of downloads that cannot be written to serves all the same, as far as it goes.
  const found = await locate(path, expected, source, options);
  if (found.good !== undefined) return found.good;
  const part = `${path}.part`;
  await prepareFile(part, options.dlDir);
  await using _lock = await lockFile(`${path}.lock`, {
    holder: `tsbake-fetch (process ${process.pid})`,
    mode: 0o664,
    isTemporary: true,
  });
  const { good, target } = await locate(path, expected, source, options);
  if (good !== undefined) {
    await rm(part, { force: true });
    return good;
  }
  await fetchFrom(source, { target, part, expected }, options);
  return target;
}

/**
 * The verified file of an entry, for unpacking.
 *
 * @throws BuildError `fetch/download-failed` when there is none
 */
export async function downloaded(source: SourceUri, options: FetchOptions): Promise<string> {
  const path = join(options.dlDir, downloadName(source));
  const { good } = await locate(path, expectedSums(source, options), source, options);
  if (good !== undefined) return good;
  const reason = `${path} is not there or has other bytes: do_fetch has to run (again)`;
  throw new BuildError([downloadFailed(redact(source.uri), [reason])]);
}

/** Deletes the file with all that stands beside it: its note, a part that has come, wrong files that were moved aside. */
async function removeDownload(source: SourceUri, options: Pick<FetchOptions, "dlDir">): Promise<void> {
  const path = join(options.dlDir, downloadName(source));
  const name = basename(path);
  const names = await readdir(dirname(path)).catch((error: unknown): string[] => {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  });
  for (const one of names) {
    const rest = one.startsWith(name) ? one.slice(name.length) : undefined;
    const isBeside = /^(\.(sha|md)\d+-[0-9a-f]+)?(\.done|\.part|_bad-checksum_[0-9a-f]+)?$/;
    if (rest === undefined || !isBeside.test(rest)) continue;
    await rm(join(dirname(path), one), { force: true });
  }
}

interface Located {
  readonly good?: string;
  /** Where a download is to be put. */
  readonly target: string;
}

/** Under its name, or, where another recipe's file has that, beside it. */
async function locate(
  path: string,
  expected: readonly Expected[],
  source: SourceUri,
  options: FetchOptions,
): Promise<Located> {
  const state = await stateOf(path, expected, source, options);
  const [first] = expected;
  if (state === "good") return { good: path, target: path };
  if (state === "absent" || !first) return { target: path };
  const beside = `${path}.${first.algorithm}-${first.sum}`;
  return (await stateOf(beside, expected, source, options)) === "good"
    ? { good: beside, target: beside }
    : { target: beside };
}

/** Whether the file is there and right; a damaged one is moved aside, one without a checksum to go by may be an error. */
async function stateOf(
  path: string,
  expected: readonly Expected[],
  source: SourceUri,
  options: FetchOptions,
): Promise<"absent" | "good" | "other"> {
  const note = await readNote(path);
  if (note.identity === undefined) return "absent";
  const isKnown = expected.every(({ algorithm }) => note.digests[algorithm] !== undefined);
  const digests = note.isCurrent && isKnown ? note.digests : await digestsOf(path, expected);
  if (expected.length === 0) demandChecksum(source, digests, options);
  if (!mismatchOf(digests, expected)) {
    if (digests !== note.digests) await writeNote(path, { ...(note.isCurrent && note.digests), ...digests });
    return "good";
  }
  // Verified for somebody, and still what it was.
  if (note.isCurrent) return "other";
  try {
    await rename(path, `${path}_bad-checksum_${digests.sha256}`);
  } catch (error) {
    // Another process was faster, or nothing can be changed here: then the download says so.
    if (!hasCode(error, "ENOENT") && !isForbidden(error)) throw error;
  }
  return "absent";
}

function demandChecksum(source: SourceUri, digests: Digests, options: FetchOptions): void {
  const problem = missingChecksum(redact(source.uri), flagName(source), digests.sha256);
  const strict = options.withoutChecksum ?? "error";
  if (strict === "error") throw new BuildError([problem]);
  if (strict === "warning") options.onWarning?.(`${problem.message}; ${problem.help}`);
}

interface Wanted {
  readonly target: string;
  readonly part: string;
  readonly expected: readonly Expected[];
}

async function fetchFrom(source: SourceUri, wanted: Wanted, options: FetchOptions): Promise<void> {
  const { target, part, expected } = wanted;
  const reasons: string[] = [];
  let wrong: { sum: Expected; actual: string } | undefined;
  const places = placesOf({ url: upstream(source) }, options);
  const client = openClient(options);
  try {
    for (const place of places) {
      if (place.forbidden) continue;
      const onBytes = progressOf(downloadName(source), options);
      const outcome = await attempt(place, { client, part, onBytes }, expected);
      if ("reason" in outcome) {
        reasons.push(`${place.url}: ${outcome.reason}`);
        continue;
      }
      if (expected.length === 0) demandChecksum(source, outcome.digests, options);
      const mismatch = mismatchOf(outcome.digests, expected);
      if (!mismatch) {
        await settle(part, target);
        await writeNote(target, outcome.digests);
        return;
      }
      await rm(part, { force: true });
      const actual = outcome.digests[mismatch.algorithm] ?? "";
      if (place.isUpstream) wrong = { sum: mismatch, actual };
      else options.onWarning?.(otherBytes(place, source));
      reasons.push(`${place.url}: its ${mismatch.algorithm} is ${actual}`);
    }
  } finally {
    client.close();
    if ((await sizeIfThere(part)) === 0) await rm(part, { force: true });
  }
  const uri = redact(source.uri);
  if (wrong !== undefined) {
    const { algorithm, flag, sum } = wrong.sum;
    throw new BuildError([checksumMismatch(uri, { algorithm, flag, expected: sum, actual: wrong.actual })]);
  }
  throw new BuildError([
    forbiddenProblem(uri, places, options.dlDir, options) ??
      downloadFailed(
        uri,
        reasons.map((one) => redact(one)),
      ),
  ]);
}

function otherBytes(place: MirrorPlace, source: SourceUri): string {
  return `${redact(place.url)} has other bytes than ${redact(source.uri)} should have; it is not used`;
}

/** The entry as it is written, with its login. */
function upstream(source: SourceUri): string {
  const parts = splitUrl(source.uri)!;
  const { user, pswd } = source.parameters;
  return joinUrl({
    ...parts,
    type: source.type,
    user: parts.user || encodeURIComponent(user ?? ""),
    password: parts.password || encodeURIComponent(pswd ?? ""),
  });
}

/** One place, taken up again when the line breaks. */
async function attempt(
  place: MirrorPlace,
  bringing: Bringing,
  expected: readonly Expected[],
): Promise<{ digests: Digests } | { reason: string }> {
  const { part } = bringing;
  for (let tries = 1; ; tries++) {
    const hadBefore = await sizeIfThere(part);
    try {
      const missing = await bring(place.url, bringing);
      if (missing !== undefined) return { reason: missing };
    } catch (error) {
      // It may be without end, or leaves nobody any room.
      const isFull = diskProblem(error, [dirname(part)]) !== undefined;
      if (isFull || hasCode(error, "HTTP_TOO_LONG")) await rm(part, { force: true });
      if (isFull) throw error;
      const isCutOff = hasCode(error, "ECONNRESET", "EPIPE", "ERR_STREAM_PREMATURE_CLOSE", "HTTP_TIMEOUT");
      // When nothing came at all the client has tried again on its own.
      const hasMore = (await sizeIfThere(part)) > hadBefore;
      if (tries === MOST_TRIES || !isCutOff || !hasMore) return { reason: messageOf(error) };
      continue;
    }
    if ((await sizeIfThere(part)) === 0) return { reason: "the file is empty" };
    const digests = await digestsOf(part, expected);
    // The start came from an earlier try, perhaps of another file: once more from the beginning.
    const isRight = expected.length > 0 && !mismatchOf(digests, expected);
    if (isRight || hadBefore === 0 || tries === MOST_TRIES) return { digests };
    await rm(part, { force: true });
  }
}
