/** How files of a mirror are asked for, by the type of its URL: http(s), or a folder. */
import { stat } from "node:fs/promises";
import { copyPlain, HttpClient, ifThere, readPlain, splitUrl } from "@tsbake/base";
import { sidecarOf } from "../checksum.js";
import type { StoreOptions } from "../store.js";

/** In the answers of a server that can be asked for many objects at once (`remote/api.ts`, which is not loaded without one). */
const API_HEADER = "tsbake-sstate";
/** Questions to one mirror at a time. */
export const PARALLEL = 16;
export const LONGEST_SIDECAR = 4096;
const MOST_BYTES = 64 * 2 ** 30;
const LONGEST_MS = 3600_000;

/** What a mirror holds under a URL, or undefined; errors are those of reaching it. */
export interface Reader {
  has(url: string): Promise<boolean>;
  bytes(url: string, maxBytes: number): Promise<Buffer | undefined>;
  /** Into `path`, which may hold its start already. */
  download(url: string, path: string): Promise<boolean>;
  /**
   * `has` of many at once; undefined where that cannot be asked.
   *
   * @param base below which all of them are
   */
  hasMany?(base: string, places: readonly string[]): Promise<readonly boolean[] | undefined>;
}

/** The server can be reached, and answers neither yes nor no. */
export class MirrorRefusal extends Error {
  override readonly name = "MirrorRefusal";
  /** It will say the same of all others: it is broken, or does not know us. */
  readonly isFinal: boolean;

  constructor(url: string, status: number) {
    super(`the server answers ${status} for ${url}`);
    this.isFinal = status >= 500 || [401, 407, 429].includes(status);
  }
}

/** @param onRetry told of each further try of a request @param url of the mirror */
export function openReader(url: string, options: StoreOptions, onRetry: (text: string) => void): Reader {
  if (splitUrl(url)?.type === "file") return fileReader;
  const { timeoutMs, minRate, signal, retryPauseMs } = options;
  const { maxBytes = MOST_BYTES, maxMs = LONGEST_MS } = options;
  const client = new HttpClient({
    maxConnections: PARALLEL,
    maxBytes,
    ...(Number.isFinite(maxMs) && { maxMs }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(minRate !== undefined && { minRate }),
    ...(signal && { signal }),
    ...(retryPauseMs !== undefined && { retryPauseMs }),
    onRetry,
  });
  return httpReader(client);
}

function httpReader(client: HttpClient): Reader {
  const judge = (url: string, status: number): boolean => {
    if (status === 200) return true;
    if (status === 404 || status === 410) return false;
    throw new MirrorRefusal(url, status);
  };
  let offersMany = false;
  return {
    async hasMany(base, places) {
      if (!offersMany) return undefined;
      const { existAt } = await import("../remote/exists.js");
      return existAt(client, base, places);
    },
    async has(url) {
      const { status, headers } = await client.head(url);
      offersMany ||= headers[API_HEADER] !== undefined;
      // Some servers know no HEAD: the sidecar, which is small, says the same.
      if (status !== 403 && status !== 405 && status !== 501) return judge(url, status);
      const sidecar = await client.text(sidecarOf(url), LONGEST_SIDECAR);
      return judge(url, sidecar.status);
    },
    async bytes(url, maxBytes) {
      const { status, bytes } = await client.bytes(url, maxBytes);
      return judge(url, status) ? bytes : undefined;
    },
    async download(url, path) {
      return judge(url, (await client.download(url, path)).status);
    },
  };
}

const fileReader: Reader = {
  has: async (url) => (await plainSize(pathOf(url))) > 0,
  bytes: (url, maxBytes) => ifThere(readPlain(pathOf(url), maxBytes)),
  async download(url, path) {
    await copyPlain(pathOf(url), path);
    return true;
  },
};

function pathOf(url: string): string {
  return decodeURIComponent(url.slice("file://".length));
}

/** Bytes of a plain file; 0 for what is none, or is not there. */
export async function plainSize(path: string): Promise<number> {
  const found = await ifThere(stat(path));
  return found?.isFile() === true ? found.size : 0;
}
