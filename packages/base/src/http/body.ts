/** What is done with the body of an answer: passed over, written to a file, ended where it is without measure. */
import { closeSync, openSync, writeSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { dirname } from "node:path";
import { needSpace } from "../files/disk.js";
import { HttpError } from "./error.js";
import { Pace, type PaceLimit } from "./pace.js";

/** What a server says beside an error is not read to its end, so that it may be without one. */
const MOST_IGNORED_BYTES = 64 << 10;
const LONGEST_IGNORED_MS = 5000;
/** How often a download looks whether the disk still has room. */
const LOOK_EVERY_BYTES = 32 << 20;
/** As much of the disk is left to others. */
const LEFT_FREE_BYTES = 64 << 20;
/** The longest that setTimeout takes. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export interface FileLimits {
  /** Default: none is too long. */
  readonly maxBytes?: number;
  /** From the headers to the last byte. Default: as long as it likes. */
  readonly maxMs?: number;
}

/** For an answer of which the status is enough. Its connection can be used again when there is little of it. */
export function ignoreBody(answer: IncomingMessage): void {
  let left = MOST_IGNORED_BYTES;
  const timer = setTimeout(() => answer.destroy(), LONGEST_IGNORED_MS);
  // Nobody asks for it any more, so nobody is to hear that it broke off.
  answer.on("error", () => undefined);
  answer.on("close", () => clearTimeout(timer));
  answer.on("data", (piece: Buffer) => {
    if ((left -= piece.length) < 0) answer.destroy();
  });
}

/** Ends a body that comes more slowly than that (HttpError `HTTP_SLOW`); the caller counts what comes. */
export function watchPace(
  answer: IncomingMessage,
  url: string,
  { windowMs, bytesPerSecond }: PaceLimit,
): Pace {
  return new Pace({ windowMs, bytesPerSecond }, () => {
    const text = `${new URL(url).host} sends fewer than ${bytesPerSecond} bytes a second (over ${windowMs / 1000} s)`;
    answer.destroy(new HttpError("HTTP_SLOW", text));
  });
}

/**
 * A body may be without end: ends it where it is too long, takes too long, or fills the disk.
 *
 * @param had bytes of the file that are there already
 * @throws HttpError `HTTP_TOO_LONG`, BuildError `base/disk-full` when the headers tell so much
 */
export function limitFile(
  answer: IncomingMessage,
  { url, path, had }: { readonly url: string; readonly path: string; readonly had: number },
  { maxBytes = Infinity, maxMs }: FileLimits,
): Disposable {
  const { host } = new URL(url);
  let done = had;
  let nextLook = 0;
  const look = (expected: number): void => {
    if (done + expected > maxBytes)
      throw new HttpError("HTTP_TOO_LONG", `${url} is longer than ${maxBytes} bytes`);
    if (done < nextLook) return;
    nextLook = done + LOOK_EVERY_BYTES;
    needSpace(dirname(path), expected + LEFT_FREE_BYTES, `a download from ${host}`);
  };
  try {
    look(Number(answer.headers["content-length"] ?? 0));
  } catch (error) {
    answer.destroy();
    throw error;
  }
  answer.on("data", (piece: Buffer) => {
    done += piece.length;
    try {
      look(0);
    } catch (error) {
      answer.destroy(error as Error);
    }
  });
  const late = (): void => {
    const text = `${host} has not sent all of ${new URL(url).pathname} in ${maxMs! / 1000} s`;
    answer.destroy(new HttpError("HTTP_SLOW", text));
  };
  const timer = maxMs === undefined ? undefined : setTimeout(late, Math.min(maxMs, LONGEST_TIMER_MS));
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}

/** Tells of the bytes as they come: how many of the file are there, and of how many when the server says so. */
export function watchBytes(
  answer: IncomingMessage,
  had: number,
  onBytes: (done: number, total: number | undefined) => void,
): void {
  const length = Number(answer.headers["content-length"] ?? "NaN");
  const total = Number.isNaN(length) ? undefined : had + length;
  let done = had;
  answer.on("data", (piece: Buffer) => onBytes((done += piece.length), total));
}

/**
 * Whatever arrives is in the file before the next piece is looked at: when the line breaks, nothing of it is lost.
 *
 * @throws what the line, or the disk, broke with
 */
export async function saveBody(answer: IncomingMessage, path: string, flags: "a" | "w"): Promise<void> {
  const fd = openSync(path, flags);
  try {
    await new Promise<void>((resolve, reject) => {
      answer.on("data", (piece: Buffer) => {
        try {
          for (let at = 0; at < piece.length;) at += writeSync(fd, piece, at);
        } catch (error) {
          reject(error);
          answer.destroy();
        }
      });
      answer.on("end", resolve);
      answer.on("error", reject);
    });
  } finally {
    closeSync(fd);
  }
}
