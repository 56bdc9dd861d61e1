/**
 * Objects in a bucket of an S3-compatible server, named as in a folder; several servers may use one.
 *
 * The SHA-256 of an object is kept in its metadata, so that it appears with the object and cannot be another's. The checksum file
 * beside it, for those who read the bucket without us, comes after it, and is told from the metadata until then.
 *
 * Here is the seam; the work is done by `lookup.ts`, `download.ts`, `upload.ts` and `use.ts`.
 */
import { eachLimited, messageOf } from "@tsbake/base";
import { BESIDE, groupFiles, storedFile } from "@tsbake/sstate";
import type { ListedFile, StoredObject } from "@tsbake/sstate";
import { Spool } from "../spool.js";
import { StorageFailure } from "../storage.js";
import type { ByteRange, Incoming, ObjectStorage, ServedBytes, ServedFile, StoragePath } from "../storage.js";
import { isGood, reasonIn } from "./answers.js";
import { BucketClient, type BucketOptions } from "./client.js";
import { BucketDownload } from "./download.js";
import { readListingPage } from "./listing.js";
import { BucketLookup } from "./lookup.js";
import { bucketFault, keepsConditions } from "./probe.js";
import { BucketUpload } from "./upload.js";
import { BucketUse } from "./use.js";

/** A page of a listing is a request, and has a thousand names. */
const COUNT_EVERY_MS = 3_600_000;
const ASKED_AT_ONCE = 32;

/** Which bucket, and what stands on this machine. */
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
  readonly #spool: Spool;
  readonly #lookup: BucketLookup;
  readonly #download: BucketDownload;
  readonly #upload: BucketUpload;
  readonly #use: BucketUse;

  constructor(client: BucketClient, { prefix, spool, onTrouble }: S3StorageOptions, hasConditions: boolean) {
    this.#client = client;
    this.#prefix = prefix;
    this.#spool = new Spool(spool);
    const lookup = new BucketLookup(client);
    const download = new BucketDownload(client, lookup, onTrouble);
    this.#lookup = lookup;
    this.#download = download;
    this.#upload = new BucketUpload({ client, lookup, download, hasConditions });
    this.#use = new BucketUse(client, lookup, onTrouble);
  }

  async find(path: string): Promise<ServedFile | undefined> {
    const stored = storedFile(path);
    const told = stored?.kind === "sha256" ? await this.#lookup.sidecar(stored.object) : undefined;
    return told?.found ?? this.#lookup.find(path);
  }

  exist(paths: readonly string[]): Promise<readonly boolean[]> {
    return eachLimited(paths, ASKED_AT_ONCE, async (path) => (await this.find(path)) !== undefined);
  }

  async read(path: string, found: ServedFile, range: ByteRange): Promise<ServedBytes | undefined> {
    const stored = storedFile(path);
    const told = stored?.kind === "sha256" ? await this.#lookup.sidecar(stored.object) : undefined;
    if (told) return told.bytes.subarray(range.start, range.end + 1);
    if (stored?.kind === "object") this.#use.note(path, found);
    return this.#download.read(path, found, range);
  }

  digest(path: StoragePath): Promise<string | undefined> {
    return this.#upload.digest(path);
  }

  async receive(): Promise<Incoming> {
    const file = await this.#spool.open();
    return {
      write: (piece) => file.write(piece),
      publish: (path, about) => this.#upload.publish(file, path, about),
      discard: () => file.discard(),
    };
  }

  async remove({ object }: StoragePath): Promise<boolean> {
    const isThere = (await this.#lookup.head(object)) !== undefined;
    if (isThere) await this.#delete(object);
    return isThere;
  }

  /** The object first: a reader never sees it without its checksum. */
  async #delete(object: string): Promise<void> {
    for (const suffix of BESIDE) {
      const { status, text } = await this.#client.text("DELETE", `${object}${suffix}`);
      if (!isGood(status) && status !== 404)
        throw new StorageFailure(`the bucket answers ${status} to a deletion${reasonIn(text)}`);
      if (suffix === "") this.#lookup.forget(object);
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
    const found = await this.#lookup.head(path);
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
