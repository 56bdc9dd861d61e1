/**
 * Files that come into being in DL_DIR, which others may write to: what is opened is a plain file of this user's, never a
 * link that somebody has put there.
 */
import { constants } from "node:fs";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import {
  BuildError,
  copyPlain,
  hasCode,
  redact,
  HttpClient,
  joinUrl,
  messageOf,
  splitUrl,
  unquoted,
} from "@tsbake/base";
import type { FetchOptions } from "../settings/options.js";
import { unusableFolder } from "../problems.js";

const OWN =
  constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Makes sure that `path` is a file that this process may write to. @throws BuildError `fetch/unusable-folder` */
export async function prepareFile(path: string, folder: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    if (await isOwnFile(path, OWN)) return;
    // A link, a pipe, or a file with another name elsewhere, which is not ours to write to.
    await rm(path, { force: true });
    if (await isOwnFile(path, OWN | constants.O_EXCL)) return;
    throw new Error(`${path} is not a plain file of this user`);
  } catch (error) {
    throw new BuildError([unusableFolder(folder, messageOf(error))], { cause: error });
  }
}

async function isOwnFile(path: string, flags: number): Promise<boolean> {
  try {
    const file = await open(path, flags, 0o644);
    try {
      const found = await file.stat();
      return found.isFile() && found.nlink === 1 && found.uid === process.geteuid?.();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (hasCode(error, "ELOOP", "ENXIO", "EISDIR")) return false;
    throw error;
  }
}

/** A client for one source, and one of its places into the file `part`. */
export function openClient(options: FetchOptions): HttpClient {
  return new HttpClient({
    timeoutMs: options.timeoutMs ?? 60_000,
    ...(options.minRate !== undefined && { minRate: options.minRate }),
    ...(options.maxBytes !== undefined && { maxBytes: options.maxBytes }),
    ...(options.maxMs !== undefined && { maxMs: options.maxMs }),
    ...(options.onWarning && { onRetry: options.onWarning }),
  });
}

export interface Bringing {
  readonly client: HttpClient;
  readonly part: string;
  readonly onBytes?: (done: number, total: number | undefined) => void;
}

/** @returns why it could not be had there, or undefined @throws system errors, HttpError */
export async function bring(url: string, { client, part, onBytes }: Bringing): Promise<string | undefined> {
  const bare = joinUrl({ ...splitUrl(url)!, parameters: {} });
  if (bare.startsWith("file://")) {
    await copyPlain(unquoted(bare.slice("file://".length)), part);
    return undefined;
  }
  const { status } = await client.download(bare, part, onBytes);
  return status === 200 ? undefined : `the server answers ${status}`;
}

/** Gives the file its name, its bytes on the disk first. */
export async function settle(part: string, path: string): Promise<void> {
  const file = await open(part, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await rename(part, path);
  } catch (error) {
    if (!hasCode(error, "EISDIR")) throw error;
    throw new BuildError([unusableFolder(path, "a folder has the name that the file is to get")], {
      cause: error,
    });
  }
}

/** How far a download is, for people. */
export function progressOf(what: string, options: FetchOptions): NonNullable<Bringing["onBytes"]> {
  return (done, total) => {
    if (total) options.onProgress?.(redact(what), (done * 100) / total);
  };
}
