/**
 * Objects in a bucket of an S3-compatible server, named as in a folder; several servers may use one.
 *
 * The SHA-256 of an object is kept in its metadata, so that it appears with the object and cannot be another's. The checksum file
 * beside it, for those who read the bucket without us, comes after it, and is told from the metadata until then.
 */
import { createHash } from "node:crypto";
import { eachLimited, messageOf, sha256 } from "@tsbake/base";
import { BESIDE, digestIn, groupFiles, sidecarOf, sidecarText, storedFile } from "@tsbake/sstate";
import type { ListedFile, StoredObject } from "@tsbake/sstate";
import { Recent } from "../recent.js";
import { SMALL_BYTES, SmallFiles } from "../small-files.js";
import { toldSidecar, type ToldFile } from "../sidecar.js";
import { Spool, type SpoolFile } from "../spool.js";
import { StorageFailure } from "../storage.js";
import type {
  ByteRange,
  Incoming,
  IncomingFacts,
  KeptFile,
  ObjectStorage,
  ServedBytes,
  ServedFile,
  StoragePath,
} from "../storage.js";
import { DIGEST, digestOf, expectedOf, isGood, reasonIn, type BucketFile } from "./answers.js";
import { BucketClient, type BucketAnswer, type BucketOptions } from "./client.js";
import { readListingPage } from "./listing.js";
import { bucketFault, keepsConditions } from "./probe.js";
import { Turns } from "./turns.js";

/** A use is noted by copying the object onto itself, which costs a request; not more often than this. */
const USE_IS_NOTED_MS = 24 * 3_600_000;
/** A page of a listing is a request, and has a thousand names. */
const COUNT_EVERY_MS = 3_600_000;
const ASKED_AT_ONCE = 32;
/** An object that another server has deleted is believed to be there so long, in ms; reading it says that it is gone. */
const FOUND = { ms: 60_000, most: 100_000 };
const LONGEST_SIDECAR = 4096;

export interface S3StorageOptions extends BucketOptions {
  /** Uploads stand here until they are whole. */
  readonly spool: string;
  readonly onTrouble: (reason: string) => void;
}

/** @throws StorageFailure where the bucket cannot be used */
export async function openS3Storage(options: S3StorageOptions): Promise<ObjectStorage> {
  const client = new BucketClient(options);
  try {
    return new S3Storage(client, options, await keepsConditions(client, options.onTrouble));
  } catch (error) {
    client.close();
    throw error;
  }
}

class S3Storage implements ObjectStorage {
  readonly countEveryMs = COUNT_EVERY_MS;
  readonly #client: BucketClient;
  readonly #prefix: string;
  readonly #onTrouble: (reason: string) => void;
  readonly #small = new SmallFiles();
  readonly #spool: Spool;
  readonly #found = new Recent<BucketFile>(FOUND);
  /** Undefined: the bucket itself sees to it that nothing is replaced. */
  readonly #turns: Turns | undefined;
  readonly #noting = new Set<string>();

  constructor(client: BucketClient, { prefix, spool, onTrouble }: S3StorageOptions, hasConditions: boolean) {
    this.#client = client;
    this.#prefix = prefix;
    this.#onTrouble = onTrouble;
    this.#spool = new Spool(spool);
    this.#turns = hasConditions ? undefined : new Turns();
  }

  async find(path: string): Promise<ServedFile | undefined> {
    const stored = storedFile(path);
    if (stored?.kind === "sha256") {
      const told = await this.#toldSidecar(stored.object);
      if (told) return told.found;
    }
    const known = this.#found.get(path);
    if (known) return known;
    const found = await this.#head(path);
    if (found && stored?.kind === "object") this.#found.keep(path, found);
    return found;
  }

  exist(paths: readonly string[]): Promise<readonly boolean[]> {
    return eachLimited(paths, ASKED_AT_ONCE, async (path) => (await this.find(path)) !== undefined);
  }

  async #head(path: string): Promise<BucketFile | undefined> {
    const { status, headers, body } = await this.#client.send("HEAD", path);
    body.resume();
    if (status === 404) return undefined;
    const [sizeBytes, modifiedMs] = [
      Number(headers["content-length"]),
      Date.parse(headers["last-modified"] ?? ""),
    ];
    const changed = headers.etag;
    // A page for people has neither, and is no object.
    if (
      status !== 200 ||
      changed === undefined ||
      !Number.isSafeInteger(sizeBytes) ||
      Number.isNaN(modifiedMs)
    )
      throw new StorageFailure(`the bucket answers ${status} for an object, and does not say what it is`);
    const digest = digestOf(headers);
    return { sizeBytes, etag: digest === undefined ? changed : `"${digest}"`, modifiedMs, changed, digest };
  }

  /** The checksum beside an object of which the metadata has it. */
  async #toldSidecar(object: string): Promise<ToldFile | undefined> {
    const found = this.#found.get(object) ?? (await this.#head(object));
    if (found?.digest === undefined) return undefined;
    this.#found.keep(object, found);
    return toldSidecar(object, found.digest, found.modifiedMs);
  }

  async read(
    path: string,
    found: ServedFile,
    range: ByteRange = { start: 0, end: found.sizeBytes - 1 },
  ): Promise<ServedBytes | undefined> {
    const stored = storedFile(path);
    if (stored?.kind === "sha256") {
      const told = await this.#toldSidecar(stored.object);
      if (told) return told.bytes.subarray(range.start, range.end + 1);
    }
    if (stored?.kind === "object" && Date.now() - found.modifiedMs > USE_IS_NOTED_MS)
      void this.#noteUse(path, found);
    const known = this.#small.get(path, found);
    if (known) return known.subarray(range.start, range.end + 1);
    if (found.sizeBytes > SMALL_BYTES) return this.#stream(path, found, range);
    const answer = await this.#get(path, found, { start: 0, end: found.sizeBytes - 1 });
    if (!answer) return undefined;
    const bytes = await this.#client.bytes(answer.body, found.sizeBytes);
    if (bytes.length !== found.sizeBytes)
      throw new StorageFailure("the bucket has sent less than it has promised");
    const expected = expectedOf(found);
    if (expected !== undefined && sha256(bytes) !== expected) throw this.#wrong(path);
    this.#small.keep(path, found, bytes);
    return bytes.subarray(range.start, range.end + 1);
  }

  /** The last piece of a whole object is held back until the digest of all is known: a wrong one breaks off. */
  async #stream(
    path: string,
    found: ServedFile,
    { start, end }: ByteRange,
  ): Promise<ServedBytes | undefined> {
    const answer = await this.#get(path, found, { start, end });
    if (!answer) return undefined;
    const isWhole = start === 0 && end === found.sizeBytes - 1;
    const expected = isWhole ? expectedOf(found) : undefined;
    return async (write) => {
      const hash = createHash("sha256");
      let left = end - start + 1;
      let last: Buffer | undefined;
      try {
        for await (const piece of this.#client.pieces(answer.body)) {
          if (last) await write(last);
          last = piece;
          if ((left -= piece.length) < 0) return false;
          if (expected !== undefined) hash.update(piece);
        }
        if (left !== 0 || !last) return false;
        if (expected !== undefined && hash.digest("hex") !== expected) throw this.#wrong(path);
        await write(last);
        return true;
      } catch (error) {
        if (!(error instanceof StorageFailure)) throw error;
        this.#onTrouble(error.message);
        return false;
      } finally {
        answer.body.destroy();
      }
    };
  }

  /** @returns undefined when it is gone, or another one, meanwhile */
  async #get(path: string, found: ServedFile, { start, end }: ByteRange): Promise<BucketAnswer | undefined> {
    const isWhole = start === 0 && end === found.sizeBytes - 1;
    const answer = await this.#client.send("GET", path, {
      headers: { "if-match": found.changed, ...(!isWhole && { range: `bytes=${start}-${end}` }) },
    });
    const { status, headers, body } = answer;
    if (status === 404 || status === 412) {
      body.resume();
      this.#found.forget(path);
      return undefined;
    }
    const length = Number(headers["content-length"] ?? end - start + 1);
    if (status === (isWhole ? 200 : 206) && headers.etag === found.changed && length === end - start + 1)
      return answer;
    body.destroy();
    throw new StorageFailure(`the bucket answers ${status} with something else than the object`);
  }

  #wrong(path: string): StorageFailure {
    return new StorageFailure(`the bucket has sent other bytes than the SHA-256 of ${path} says`);
  }

  async digest({ path, kind }: StoragePath): Promise<string | undefined> {
    const found = await this.#head(path);
    if (!found || found.digest !== undefined) return found?.digest;
    if (kind === "object") {
      const known = await this.#sidecarDigest(path);
      if (known !== undefined) return known;
    }
    // Of a tool that makes none.
    const answer = await this.#get(path, found, { start: 0, end: found.sizeBytes - 1 });
    if (!answer) return undefined;
    const hash = createHash("sha256");
    let length = 0;
    for await (const piece of this.#client.pieces(answer.body)) {
      length += piece.length;
      hash.update(piece);
    }
    if (length !== found.sizeBytes) throw new StorageFailure("the bucket has sent less than it has promised");
    const digest = hash.digest("hex");
    if (kind === "object") await this.#lay(sidecarOf(path), Buffer.from(sidecarText(path, digest)), false);
    return digest;
  }

  async #sidecarDigest(path: string): Promise<string | undefined> {
    const { status, body } = await this.#client.send("GET", sidecarOf(path));
    if (status === 200) return digestIn((await this.#client.bytes(body, LONGEST_SIDECAR)).toString());
    body.resume();
    if (status === 404) return undefined;
    throw new StorageFailure(`the bucket answers ${status} for a checksum`);
  }

  async receive(): Promise<Incoming> {
    const file = await this.#spool.open();
    return {
      write: (piece) => file.write(piece),
      publish: (path, about) => this.#publish(file, path, about),
      discard: () => file.discard(),
    };
  }

  #publish(file: SpoolFile, path: StoragePath, about: IncomingFacts): Promise<KeptFile> {
    const work = () => this.#publishNow(file, path, about);
    return this.#turns ? this.#turns.take(path.path, work) : work();
  }

  async #publishNow(
    file: SpoolFile,
    name: StoragePath,
    { digest, signature }: IncomingFacts,
  ): Promise<KeptFile> {
    const { path, kind } = name;
    const isFirst = await this.#put(file, path, digest);
    const standing = isFirst ? digest : await this.digest(name);
    if (standing === undefined)
      throw new StorageFailure("an object of this name was deleted at the same time");
    if (kind === "object" && standing === digest) {
      // What an earlier try could not bring to its end is made good by the next one.
      await this.#lay(sidecarOf(path), Buffer.from(sidecarText(path, digest)), isFirst);
      if (signature) await this.#lay(`${path}.sig`, signature, isFirst);
    }
    return { digest: standing, wasThere: !isFirst };
  }

  /** @returns false when something has the name already */
  async #put(file: SpoolFile, path: string, digest: string): Promise<boolean> {
    if (this.#turns && (await this.#head(path))) return false;
    const { status, text } = await this.#client.text("PUT", path, {
      headers: { "if-none-match": "*", [DIGEST]: digest },
      body: { path: file.path, sizeBytes: file.bytes, digest },
    });
    if (status === 412) return false;
    if (!isGood(status))
      throw new StorageFailure(`the bucket answers ${status} to an upload${reasonIn(text)}`);
    // Read back: what was acknowledged is there, and what it should be.
    const found = await this.#head(path);
    if (found?.digest !== digest || found.sizeBytes !== file.bytes)
      throw new StorageFailure("the bucket has taken an upload, and has not what was sent");
    return true;
  }

  /** What stands beside an object. @param replaces what an object that is gone has left */
  async #lay(path: string, bytes: Buffer, replaces: boolean): Promise<void> {
    if (!replaces && (await this.#head(path))) return;
    const digest = sha256(bytes);
    const { status, text } = await this.#client.text("PUT", path, {
      headers: { [DIGEST]: digest, ...(!replaces && { "if-none-match": "*" }) },
      body: { bytes, digest },
    });
    if (!isGood(status) && status !== 412)
      throw new StorageFailure(`the bucket answers ${status} to an upload${reasonIn(text)}`);
  }

  /** A copy onto itself has a new time, and the same bytes. */
  async #noteUse(path: string, { changed }: ServedFile): Promise<void> {
    if (this.#noting.has(path)) return;
    this.#noting.add(path);
    try {
      const { headers, body } = await this.#client.send("HEAD", path);
      body.resume();
      const digest = digestOf(headers);
      const { status, text } = await this.#client.text("PUT", path, {
        headers: {
          "x-amz-copy-source": this.#client.sourceOf(path),
          "x-amz-copy-source-if-match": changed,
          "x-amz-metadata-directive": "REPLACE",
          ...(digest !== undefined && { [DIGEST]: digest }),
        },
      });
      if (!isGood(status) && status !== 404 && status !== 412)
        this.#onTrouble(
          `the use of an object cannot be noted: the bucket answers ${status}${reasonIn(text)}`,
        );
      this.#found.forget(path);
    } catch (error) {
      this.#onTrouble(`the use of an object cannot be noted: ${messageOf(error)}`);
    } finally {
      this.#noting.delete(path);
    }
  }

  async remove({ object }: StoragePath): Promise<boolean> {
    const isThere = (await this.#head(object)) !== undefined;
    if (isThere) await this.#delete(object);
    return isThere;
  }

  /** The object first: a reader never sees it without its checksum. */
  async #delete(object: string): Promise<void> {
    for (const suffix of BESIDE) {
      const { status, text } = await this.#client.text("DELETE", `${object}${suffix}`);
      if (!isGood(status) && status !== 404)
        throw new StorageFailure(`the bucket answers ${status} to a deletion${reasonIn(text)}`);
      if (suffix === "") this.#found.forget(object);
    }
  }

  list(onProgress?: (files: number) => void): Promise<StoredObject[]> {
    return groupFiles(this.#files(), onProgress);
  }

  async *#files(): AsyncGenerator<ListedFile> {
    for (let next: string | undefined = ""; next !== undefined;) {
      const { status, text } = await this.#client.text("GET", "", {
        query: {
          "list-type": "2",
          ...(this.#prefix !== "" && { prefix: this.#prefix }),
          ...(next !== "" && { "continuation-token": next }),
        },
      });
      if (status !== 200)
        throw new StorageFailure(`the bucket answers ${status} to a listing${reasonIn(text)}`);
      const page = readListingPage(text);
      for (const one of page.files)
        if (one.path.startsWith(this.#prefix)) yield { ...one, path: one.path.slice(this.#prefix.length) };
      next = page.next;
    }
  }

  async removeUnused({ path, usedMs }: Pick<StoredObject, "path" | "usedMs">): Promise<boolean> {
    const found = await this.#head(path);
    // Times of a single object are whole seconds.
    if (found && found.modifiedMs > usedMs) return false;
    await this.#delete(path);
    return true;
  }

  async fault(): Promise<string | undefined> {
    try {
      return await bucketFault(this.#client);
    } catch (error) {
      return messageOf(error);
    }
  }

  async close(): Promise<void> {
    this.#client.close();
    await this.#spool.close();
  }
}
