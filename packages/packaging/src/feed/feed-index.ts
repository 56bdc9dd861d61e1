/**
 * The index of a feed that is no apt archive, in a folder or on a server: `Packages` as opkg-make-index writes it, or repodata, which is
 * kept as such. A server is asked once, and again when somebody wants it anew; what a build has solved with stays as it was,
 * under the name of its SHA-256.
 */
import { lstat, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
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
import { type FoundIndex, type GetFile, INDEX_LAYOUTS, type IndexFormat, tooLarge } from "./index-layout.js";
import { signatureFault, type FeedKey, type IndexSignature } from "./index-signature.js";

const LARGEST_SIGNATURE = 64 << 10;

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
  /** Of the packages of the feed. */
  readonly format: IndexFormat;
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
interface Fetched extends FoundIndex {
  readonly signatures: readonly IndexSignature[];
}

/** What is kept of one feed: `current` has the SHA-256 of the last index, which is a folder of that name. */
class KeptIndexes {
  readonly #feed: string;
  readonly #folder: string;
  readonly #options: FeedIndexOptions;

  constructor(feed: string, options: FeedIndexOptions) {
    this.#feed = isServed(feed) ? feed.replace(/\/+$/, "") : folderOf(feed);
    // One place may be a feed of two formats.
    const key = options.format === "ipk" ? this.#feed : `${options.format} ${this.#feed}`;
    this.#folder = join(options.folder, "index", sha256(key).slice(0, 16));
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
    const identity = sha256(fetched.packages);
    const { path } = this.#describe(identity);
    if ((await ifThere(lstat(path))) === undefined || sha256(await readFile(path)) !== identity) {
      await mkdir(join(this.#folder, identity), { recursive: true });
      await writeFileAtomic(path, fetched.packages);
    }
    const { signedName } = this.#layout;
    const signed = signedName === "Packages" ? [] : [{ name: signedName, bytes: fetched.signed }];
    for (const { name, bytes } of [...signed, ...fetched.signatures])
      await writeFileAtomic(join(this.#folder, identity, name), bytes);
    return this.#describe(identity);
  }

  /** Under the lock. */
  async #fetch(): Promise<FeedIndex> {
    this.#options.onProgress?.(`fetching the index of ${this.#feed}`);
    // Between one file and another the server may have got new ones.
    const first = await ofServer(this.#feed, this.#options).catch((error: unknown) => {
      if (error instanceof BuildError && error.diagnostics[0]?.code === "packaging/bad-feed")
        return undefined;
      throw error;
    });
    const isGood = first !== undefined && (await this.#fault(first)) === undefined;
    const fetched = isGood ? first : await ofServer(this.#feed, this.#options);
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
    const packages = await ifThere(readFile(this.#describe(identity).path));
    if (packages === undefined || sha256(packages) !== identity) return undefined;
    const { signedName, signatures } = this.#layout;
    const folder = join(this.#folder, identity);
    const signed = signedName === "Packages" ? packages : await ifThere(readFile(join(folder, signedName)));
    return signed && { packages, signed, signatures: await signaturesIn(folder, signatures) };
  }

  get #layout() {
    return INDEX_LAYOUTS[this.#options.format];
  }

  #describe(identity: string): FeedIndex {
    return { feed: this.#feed, path: join(this.#folder, identity, "Packages"), sha256: identity };
  }

  async #verify(fetched: Fetched): Promise<void> {
    const fault = await this.#fault(fetched);
    if (fault !== undefined) throw new BuildError([feedNotSigned(this.#feed, fault)]);
  }

  async #fault({ signed, signatures }: Fetched): Promise<string | undefined> {
    const { keys } = this.#options;
    if (keys.length === 0) return undefined;
    if (signatures.length === 0) return `it has no signature (${this.#layout.signatures.join(", ")})`;
    return signatureFault(signed, signatures, keys);
  }

  async #lock() {
    await mkdir(this.#folder, { recursive: true });
    const { onProgress } = this.#options;
    return lockPath(this.#folder, {
      onWait: (holder) => onProgress?.(`waiting for ${holder}, which has the index of ${this.#feed}`),
    });
  }
}

async function ofServer(feed: string, options: FeedIndexOptions): Promise<Fetched> {
  const client = new HttpClient({ timeoutMs: 30_000 });
  const silent = (reason: string): BuildError => new BuildError([feedSilent(feed, reason)]);
  const get: GetFile = async (name, most) => {
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
    return await fetched(feed, get, false, options);
  } finally {
    client.close();
  }
}

async function ofFolder(folder: string, options: FeedIndexOptions): Promise<Fetched> {
  const get: GetFile = async (name, most) => {
    const path = join(folder, name);
    const found = await ifThere(lstat(path));
    if (found === undefined) return undefined;
    if (!found.isFile()) throw new BuildError([badFeed(folder, `${name} is no file`)]);
    if (found.size > most) throw new BuildError([tooLarge(folder, name, most)]);
    return readFile(path);
  };
  return fetched(folder, get, true, options);
}

async function fetched(
  feed: string,
  get: GetFile,
  isFolder: boolean,
  { format, keys }: FeedIndexOptions,
): Promise<Fetched> {
  const layout = INDEX_LAYOUTS[format];
  const found = await layout.read(feed, get, isFolder);
  const signatures: IndexSignature[] = [];
  for (const name of keys.length > 0 ? layout.signatures : []) {
    const bytes = await get(`${layout.folder}${name}`, LARGEST_SIGNATURE);
    if (bytes !== undefined) signatures.push({ name, bytes });
  }
  return { ...found, signatures };
}

/** Of an index that is kept. */
async function signaturesIn(folder: string, names: readonly string[]): Promise<IndexSignature[]> {
  const found: IndexSignature[] = [];
  for (const name of names) {
    const path = join(folder, name);
    const there = await ifThere(lstat(path));
    if (there?.isFile() && there.size <= LARGEST_SIGNATURE) found.push({ name, bytes: await readFile(path) });
  }
  return found;
}
