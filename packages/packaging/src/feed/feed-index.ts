/**
 * The index of a feed that is no apt archive: `Packages` as opkg-make-index writes it, in a folder or on a server. A server is asked
 * once, and again when somebody wants it anew; what a build has solved with stays as it was, under the name of its SHA-256.
 */
import { lstat, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import {
  BuildError,
  hasCode,
  HttpClient,
  ifThere,
  lockPath,
  messageOf,
  readTextIfThere,
  sha256,
  writeFileAtomic,
} from "@tsbake/base";
import { digest, filled, list, readData } from "@tsbake/base/data";
import * as v from "valibot";
import { badFeed, feedNotSigned, feedSilent } from "../problems.js";
import { INDEX_SIGNATURES, signatureFault, type FeedKey, type IndexSignature } from "./index-signature.js";

/** Of an index, unpacked: that of all of Debian has 50 MiB. */
const LARGEST = 96 << 20;
const LARGEST_SIGNATURE = 64 << 10;
const NAMES = ["Packages.gz", "Packages"];

/** An index as it was when a build was signed. */
const FeedIndex = v.object({
  /** The feed: an absolute folder, or an address `http://…`, `https://…`, without a slash at the end. */
  feed: filled,
  /** Where the index is, unpacked. */
  path: filled,
  sha256: digest,
});
export type FeedIndex = Readonly<v.InferOutput<typeof FeedIndex>>;

const FeedIndexes = v.object({ "tsbake-feed-indexes": v.literal(1), indexes: list(FeedIndex) });

export interface FeedIndexOptions {
  /** `${DL_DIR}/feed`: indexes are kept in `index/` of it. */
  readonly folder: string;
  /** Whose signature the index must have; none: it needs no signature. */
  readonly keys: readonly FeedKey[];
  readonly onProgress?: (text: string) => void;
}

/** For a task: which indexes it was signed with. The same bytes for the same indexes. */
export function writeFeedIndexes(indexes: readonly FeedIndex[]): string {
  return `${JSON.stringify({ "tsbake-feed-indexes": 1, indexes }, undefined, 1)}\n`;
}

/** @throws BuildError `packaging/bad-feed` */
export async function readFeedIndexes(path: string): Promise<readonly FeedIndex[]> {
  const refuse = (reason: string) => badFeed(path, reason);
  const text = await readTextIfThere(path);
  if (text === undefined) throw new BuildError([refuse("it is not there")]);
  return readData(FeedIndexes, text, refuse).indexes;
}

/** The bytes that were signed. @throws BuildError `packaging/bad-feed` when they are others now */
export async function readFeedIndex({ feed, path, sha256: expected }: FeedIndex): Promise<Buffer> {
  const bytes = await ifThere(readFile(path));
  if (bytes === undefined || sha256(bytes) !== expected)
    throw new BuildError([badFeed(feed, `its index, kept as ${path}, is not what it was`)]);
  return bytes;
}

/**
 * The index of a feed: of a folder as it is now, of a server as it was fetched last; of a server that was never asked it is fetched.
 *
 * @param feed an absolute folder, `file:///…`, `http://…`, `https://…`
 * @throws BuildError `packaging/bad-feed`, `packaging/feed-silent`, `packaging/feed-not-signed`
 */
export async function openFeedIndex(feed: string, options: FeedIndexOptions): Promise<FeedIndex> {
  const kept = new KeptIndexes(feed, options);
  return isServed(feed) ? kept.current() : kept.keep(await ofFolder(folderOf(feed), options));
}

/**
 * Asks the server again; a folder is read each time anyway.
 *
 * @returns whether another index came, undefined where the server was never asked
 * @throws as {@link openFeedIndex}
 */
export async function updateFeedIndex(feed: string, options: FeedIndexOptions): Promise<boolean | undefined> {
  if (!isServed(feed)) return undefined;
  return new KeptIndexes(feed, options).update();
}

function isServed(feed: string): boolean {
  return /^https?:\/\//.test(feed);
}

function folderOf(feed: string): string {
  return feed.startsWith("file://") ? fileURLToPath(feed) : feed;
}

/** An index with what stands beside it as its signatures. */
interface Fetched {
  readonly index: Buffer;
  readonly signatures: readonly IndexSignature[];
}

/** What is kept of one feed: `current` has the SHA-256 of the last index, which is a folder of that name. */
class KeptIndexes {
  readonly #feed: string;
  readonly #folder: string;
  readonly #options: FeedIndexOptions;

  constructor(feed: string, options: FeedIndexOptions) {
    this.#feed = isServed(feed) ? feed.replace(/\/+$/, "") : folderOf(feed);
    this.#folder = join(options.folder, "index", sha256(this.#feed).slice(0, 16));
    this.#options = options;
  }

  async current(): Promise<FeedIndex> {
    await using _lock = await this.#lock();
    const identity = await this.#identity();
    const known = identity === undefined ? undefined : await this.#kept(identity);
    if (known === undefined) return await this.#fetch();
    // What was fetched before somebody wanted signatures has none beside it.
    if (this.#options.keys.length > 0 && known.signatures.length === 0) return await this.#fetch();
    await this.#verify(known);
    return this.#describe(identity!);
  }

  async update(): Promise<boolean | undefined> {
    await using _lock = await this.#lock();
    const before = await this.#identity();
    if (before === undefined) return undefined;
    return (await this.#fetch()).sha256 !== before;
  }

  /** Verifies it, and keeps it. */
  async keep(fetched: Fetched): Promise<FeedIndex> {
    await this.#verify(fetched);
    const identity = sha256(fetched.index);
    const { path } = this.#describe(identity);
    if ((await ifThere(lstat(path))) === undefined || sha256(await readFile(path)) !== identity) {
      await mkdir(join(this.#folder, identity), { recursive: true });
      await writeFileAtomic(path, fetched.index);
    }
    for (const { name, bytes } of fetched.signatures)
      await writeFileAtomic(join(this.#folder, identity, name), bytes);
    return this.#describe(identity);
  }

  /** Under the lock. */
  async #fetch(): Promise<FeedIndex> {
    this.#options.onProgress?.(`fetching the index of ${this.#feed}`);
    let fetched = await ofServer(this.#feed, this.#options);
    // Between index and signature the server may have got new ones.
    if ((await this.#fault(fetched)) !== undefined) fetched = await ofServer(this.#feed, this.#options);
    const kept = await this.keep(fetched);
    await writeFileAtomic(join(this.#folder, "current"), `${kept.sha256}\n`);
    return kept;
  }

  async #identity(): Promise<string | undefined> {
    const text = (await readTextIfThere(join(this.#folder, "current")))?.trim();
    return text !== undefined && /^[0-9a-f]{64}$/.test(text) ? text : undefined;
  }

  /** Undefined when it is not there, or damaged: it is fetched again then. */
  async #kept(identity: string): Promise<Fetched | undefined> {
    const index = await ifThere(readFile(this.#describe(identity).path));
    if (index === undefined || sha256(index) !== identity) return undefined;
    return { index, signatures: await signaturesIn(join(this.#folder, identity)) };
  }

  #describe(identity: string): FeedIndex {
    return { feed: this.#feed, path: join(this.#folder, identity, "Packages"), sha256: identity };
  }

  async #verify(fetched: Fetched): Promise<void> {
    const fault = await this.#fault(fetched);
    if (fault !== undefined) throw new BuildError([feedNotSigned(this.#feed, fault)]);
  }

  async #fault({ index, signatures }: Fetched): Promise<string | undefined> {
    const { keys } = this.#options;
    return keys.length === 0 ? undefined : signatureFault(index, signatures, keys);
  }

  async #lock() {
    await mkdir(this.#folder, { recursive: true });
    const { onProgress } = this.#options;
    return lockPath(this.#folder, {
      onWait: (holder) => onProgress?.(`waiting for ${holder}, which has the index of ${this.#feed}`),
    });
  }
}

async function ofServer(feed: string, { keys }: FeedIndexOptions): Promise<Fetched> {
  const client = new HttpClient({ timeoutMs: 30_000 });
  const silent = (reason: string): BuildError => new BuildError([feedSilent(feed, reason)]);
  const get = async (name: string, most: number): Promise<Buffer | undefined> => {
    try {
      const { status, bytes } = await client.bytes(`${feed}/${name}`, most);
      if (bytes !== undefined) return bytes;
      // Some servers refuse what they do not have.
      if (status === 404 || status === 403 || status === 410) return undefined;
      throw silent(`${name}: the server answers ${status}`);
    } catch (error) {
      if (error instanceof BuildError) throw error;
      if (hasCode(error, "HTTP_TOO_LONG")) throw new BuildError([tooLarge(feed, name, most)]);
      throw silent(messageOf(error));
    }
  };
  try {
    for (const name of NAMES) {
      const bytes = await get(name, LARGEST);
      if (bytes === undefined) continue;
      const signatures: IndexSignature[] = [];
      for (const one of keys.length > 0 ? INDEX_SIGNATURES : []) {
        const found = await get(one, LARGEST_SIGNATURE);
        if (found !== undefined) signatures.push({ name: one, bytes: found });
      }
      return { index: unpacked(feed, name, bytes), signatures };
    }
  } finally {
    client.close();
  }
  throw new BuildError([badFeed(feed, `it has neither ${NAMES.toReversed().join(" nor ")}`)]);
}

async function ofFolder(folder: string, { keys }: FeedIndexOptions): Promise<Fetched> {
  // What a folder has unpacked is what opkg-make-index wrote last.
  for (const name of NAMES.toReversed()) {
    const path = join(folder, name);
    const found = await ifThere(lstat(path));
    if (found === undefined) continue;
    if (!found.isFile()) throw new BuildError([badFeed(folder, `${name} is no file`)]);
    if (found.size > LARGEST) throw new BuildError([tooLarge(folder, name, LARGEST)]);
    const index = unpacked(folder, name, await readFile(path));
    return { index, signatures: keys.length > 0 ? await signaturesIn(folder) : [] };
  }
  throw new BuildError([badFeed(folder, `it has neither ${NAMES.toReversed().join(" nor ")}`)]);
}

async function signaturesIn(folder: string): Promise<IndexSignature[]> {
  const found: IndexSignature[] = [];
  for (const name of INDEX_SIGNATURES) {
    const path = join(folder, name);
    const there = await ifThere(lstat(path));
    if (there?.isFile() && there.size <= LARGEST_SIGNATURE) found.push({ name, bytes: await readFile(path) });
  }
  return found;
}

function unpacked(feed: string, name: string, bytes: Buffer): Buffer {
  if (!name.endsWith(".gz")) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: LARGEST });
  } catch (error) {
    if (hasCode(error, "ERR_BUFFER_TOO_LARGE")) throw new BuildError([tooLarge(feed, name, LARGEST)]);
    if (hasCode(error, "Z_DATA_ERROR", "Z_BUF_ERROR", "Z_NEED_DICT"))
      throw new BuildError([badFeed(feed, `${name} is damaged`)]);
    throw error;
  }
}

function tooLarge(feed: string, name: string, most: number) {
  return badFeed(
    feed,
    `${name} has more than ${most >= 1 << 20 ? `${most >> 20} MiB` : `${most >> 10} KiB`}`,
  );
}
