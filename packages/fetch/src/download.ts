/**
 * `http://` and `https://`: a file in DL_DIR, with the bytes that the recipe asks for.
 *
 *     DL_DIR/x.tar.gz         the file; it appears whole and verified
 *     DL_DIR/x.tar.gz.done    its SHA-256, size and time, so that it need not be read again
 *     DL_DIR/x.tar.gz.part    what has come so far
 */
import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import {
  BuildError,
  hasCode,
  hidePasswords,
  HttpClient,
  joinUrl,
  lockPath,
  messageOf,
  copyPlain,
  readTextIfThere,
  sha256File,
  splitUrl,
  writeFileAtomic,
} from "@tsbake/base";
import { placesOf, type Place } from "./mirrors.js";
import type { FetchOptions } from "./options.js";
import { checksumMismatch, downloadFailed, missingChecksum, noNetwork, unusableFolder } from "./problems.js";
import { downloadName, fail, nameOf, type SourceUri } from "./source-uri.js";

const MOST_TRIES = 3;

/** Where the file of an entry is, or will be. @throws BuildError `fetch/bad-uri` */
export function downloadPath(source: SourceUri, options: FetchOptions): string {
  return join(options.dlDir, downloadName(source));
}

/**
 * Makes sure that the file is in DL_DIR and has the right checksum.
 *
 * @returns its path
 * @throws BuildError `fetch/checksum-mismatch`, `fetch/missing-checksum`, `fetch/download-failed`, `fetch/no-network`
 */
export async function download(source: SourceUri, options: FetchOptions): Promise<string> {
  const path = downloadPath(source, options);
  const expected = expectedSum(source, options);
  // A folder of downloads that cannot be written to serves all the same, as far as it goes.
  if (await isVerified(path, expected, source)) return path;
  const part = `${path}.part`;
  await prepare(part, options);
  await using _lock = await lockPath(part, { holder: `the download of ${source.uri} (pid ${process.pid})` });
  if (await isVerified(path, expected, source)) {
    await rm(part, { force: true });
    return path;
  }
  await fetchFrom(source, path, expected, options);
  return path;
}

/** Deletes the file with all that stands beside it: its note, a part that has come, wrong files that were moved aside. */
export async function removeDownload(source: SourceUri, options: Pick<FetchOptions, "dlDir">): Promise<void> {
  const path = join(options.dlDir, downloadName(source));
  const name = basename(path);
  const names = await readdir(dirname(path)).catch((error: unknown): string[] => {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  });
  for (const one of names) {
    const rest = one.startsWith(name) ? one.slice(name.length) : undefined;
    if (rest === undefined || !/^(\.done|\.part|_bad-checksum_[0-9a-f]+)?$/.test(rest)) continue;
    await rm(join(dirname(path), one), { force: true });
  }
}

/** The name of the flag of SRC_URI that holds the checksum. */
function flagName(source: SourceUri): string {
  return nameOf(source) === "default" ? "sha256sum" : `${nameOf(source)}.sha256sum`;
}

function expectedSum(source: SourceUri, options: FetchOptions): string | undefined {
  const sum =
    source.parameters[flagName(source)] ?? source.parameters["sha256sum"] ?? options.sums[nameOf(source)];
  if (sum === undefined || sum === "") return undefined;
  if (!/^[0-9a-fA-F]{64}$/.test(sum)) fail(source.uri, `\`${sum}\` is no SHA-256 (64 hexadecimal digits)`);
  return sum.toLowerCase();
}

/** Whether the file is there and right; a wrong one is moved aside, one without a checksum to go by is an error. */
async function isVerified(path: string, expected: string | undefined, source: SourceUri): Promise<boolean> {
  const note = await noteOf(path);
  if (note === undefined) return false;
  const done = await readTextIfThere(`${path}.done`);
  if (expected !== undefined && done === `${expected} ${note}\n`) return true;
  const actual = await sha256File(path);
  if (expected === undefined) throw new BuildError([missingChecksum(source.uri, flagName(source), actual)]);
  if (actual !== expected) {
    try {
      await rename(path, `${path}_bad-checksum_${actual}`);
    } catch (error) {
      // Another process was faster, or nothing can be changed here: then the download says so.
      if (!hasCode(error, "ENOENT") && !isForbidden(error)) throw error;
    }
    return false;
  }
  await writeFileAtomic(`${path}.done`, `${expected} ${note}\n`).catch((error: unknown) => {
    if (!isForbidden(error)) throw error;
  });
  return true;
}

async function prepare(part: string, options: FetchOptions): Promise<void> {
  try {
    await mkdir(dirname(part), { recursive: true });
    await (await open(part, "a")).close();
  } catch (error) {
    throw new BuildError([unusableFolder(options.dlDir, messageOf(error))], { cause: error });
  }
}

function isForbidden(error: unknown): boolean {
  return hasCode(error, "EACCES", "EPERM", "EROFS");
}

/** Size and time of a file: what tells that it is the one that was verified. */
async function noteOf(path: string): Promise<string | undefined> {
  try {
    const found = await stat(path);
    return `${found.size} ${found.mtimeMs}`;
  } catch {
    return undefined;
  }
}

async function fetchFrom(
  source: SourceUri,
  path: string,
  expected: string | undefined,
  options: FetchOptions,
): Promise<void> {
  const part = `${path}.part`;
  const reasons: string[] = [];
  let mismatch: string | undefined;
  let isCutShort = false;
  const client = new HttpClient({
    timeoutMs: options.timeoutMs ?? 60_000,
    ...(options.onWarning && { onRetry: options.onWarning }),
  });
  try {
    for (const place of placesOf(upstream(source), basename(path), options)) {
      if (options.network === false && !place.url.startsWith("file://")) {
        isCutShort = true;
        continue;
      }
      const onBytes = (done: number, total: number | undefined): void => {
        if (total) options.onProgress?.(basename(path), (done * 100) / total);
      };
      const outcome = await attempt(client, place, { part, expected, onBytes });
      if ("reason" in outcome) {
        reasons.push(`${place.url}: ${outcome.reason}`);
        continue;
      }
      if (expected === undefined)
        throw new BuildError([missingChecksum(source.uri, flagName(source), outcome.actual)]);
      if (outcome.actual === expected) {
        await keep(part, path, expected);
        return;
      }
      await rm(part, { force: true });
      if (place.isUpstream) mismatch = outcome.actual;
      else
        options.onWarning?.(
          `${hidePasswords(place.url)} has other bytes than ${source.uri} should have; it is not used`,
        );
      reasons.push(`${place.url}: its SHA-256 is ${outcome.actual}`);
    }
  } finally {
    client.close();
    if (((await stat(part).catch(() => undefined))?.size ?? 0) === 0) await rm(part, { force: true });
  }
  if (mismatch !== undefined) {
    throw new BuildError([checksumMismatch(source.uri, flagName(source), expected ?? "", mismatch)]);
  }
  if (isCutShort) throw new BuildError([noNetwork(source.uri, options.dlDir)]);
  throw new BuildError([downloadFailed(hidePasswords(source.uri), reasons.map(hidePasswords))]);
}

/** The entry without its parameters, which are for us and not for the server. */
function upstream(source: SourceUri): string {
  const parts = splitUrl(source.uri)!;
  return joinUrl({ ...parts, parameters: {} });
}

interface Attempt {
  readonly part: string;
  readonly expected: string | undefined;
  readonly onBytes: (done: number, total: number | undefined) => void;
}

/** One place, taken up again when the line breaks. */
async function attempt(
  client: HttpClient,
  place: Place,
  { part, expected, onBytes }: Attempt,
): Promise<{ actual: string } | { reason: string }> {
  const url = withoutParameters(place.url);
  for (let tries = 1; ; tries++) {
    const hadBefore = (await stat(part).catch(() => undefined))?.size ?? 0;
    try {
      const missing = url.startsWith("file://")
        ? await copy(url, part)
        : await get(client, url, part, onBytes);
      if (missing !== undefined) return { reason: missing };
    } catch (error) {
      const isCutOff = hasCode(error, "ECONNRESET", "EPIPE", "ERR_STREAM_PREMATURE_CLOSE", "HTTP_TIMEOUT");
      // When nothing came at all the client has tried again on its own.
      const hasMore = ((await stat(part).catch(() => undefined))?.size ?? 0) > hadBefore;
      if (tries === MOST_TRIES || !isCutOff || !hasMore) return { reason: messageOf(error) };
      continue;
    }
    const actual = await sha256File(part);
    // The start came from an earlier try, perhaps of another file: once more from the beginning.
    if (actual === expected || hadBefore === 0 || tries === MOST_TRIES) return { actual };
    await rm(part, { force: true });
  }
}

async function get(
  client: HttpClient,
  url: string,
  part: string,
  onBytes: Attempt["onBytes"],
): Promise<string | undefined> {
  const { status } = await client.download(url, part, onBytes);
  return status === 200 ? undefined : `the server answers ${status}`;
}

async function copy(url: string, part: string): Promise<string | undefined> {
  await copyPlain(decodeURIComponent(url.slice("file://".length)), part);
  return undefined;
}

function withoutParameters(url: string): string {
  return joinUrl({ ...splitUrl(url)!, parameters: {} });
}

async function keep(part: string, path: string, expected: string): Promise<void> {
  const file = await open(part, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(part, path);
  await writeFileAtomic(`${path}.done`, `${expected} ${await noteOf(path)}\n`);
}
