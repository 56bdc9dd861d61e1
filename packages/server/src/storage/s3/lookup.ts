/** What a bucket has under a name, and what it has said of it a moment ago. */
import { storedFile } from "@tsbake/sstate";
import { Recent } from "../recent.js";
import { toldSidecar, type ToldFile } from "../sidecar.js";
import { StorageFailure } from "../storage.js";
import { digestOf, type BucketFile } from "./answers.js";
import type { BucketClient } from "./client.js";

/** An object that another server has deleted is believed to be there so long, in ms; reading it says that it is gone. */
const BELIEVED = { ms: 60_000, most: 100_000 };

/** Questions of the form "is it there, and which one is it?". Each throws StorageFailure where the bucket does not say. */
export class BucketLookup {
  readonly #client: BucketClient;
  readonly #recent = new Recent<BucketFile>(BELIEVED);

  constructor(client: BucketClient) {
    this.#client = client;
  }

  /** By what is known, else by asking. */
  async find(path: string): Promise<BucketFile | undefined> {
    const known = this.#recent.get(path);
    if (known) return known;
    const found = await this.head(path);
    if (found && storedFile(path)?.kind === "object") this.#recent.keep(path, found);
    return found;
  }

  /** The checksum beside an object of which the metadata has it; undefined where it has none. */
  async sidecar(object: string): Promise<ToldFile | undefined> {
    const found = this.#recent.get(object) ?? (await this.head(object));
    if (found?.digest === undefined) return undefined;
    this.#recent.keep(object, found);
    return toldSidecar(object, found.digest, found.modifiedMs);
  }

  /** Asks the bucket, whatever is known. */
  async head(path: string): Promise<BucketFile | undefined> {
    const { status, headers, body } = await this.#client.send("HEAD", path);
    body.resume();
    if (status === 404) return undefined;
    const sizeBytes = Number(headers["content-length"]);
    const modifiedMs = Date.parse(headers["last-modified"] ?? "");
    const changed = headers.etag;
    const isObject = status === 200 && Number.isSafeInteger(sizeBytes) && !Number.isNaN(modifiedMs);
    // A page for people has neither, and is no object.
    if (!isObject || changed === undefined)
      throw new StorageFailure(`the bucket answers ${status} for an object, and does not say what it is`);
    const digest = digestOf(headers);
    return { sizeBytes, etag: digest === undefined ? changed : `"${digest}"`, modifiedMs, changed, digest };
  }

  /** It is gone, or another one. */
  forget(path: string): void {
    this.#recent.forget(path);
  }
}
