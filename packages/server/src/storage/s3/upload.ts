/** Objects into a bucket, each with its SHA-256 in its metadata and beside it; what is there is never replaced. */
import { sha256 } from "@tsbake/base";
import { digestIn, sidecarOf, sidecarText } from "@tsbake/sstate";
import type { SpoolFile } from "../spool.js";
import { StorageFailure, type IncomingFacts, type KeptFile, type StoragePath } from "../storage.js";
import { DIGEST, isGood, reasonIn } from "./answers.js";
import type { BucketClient } from "./client.js";
import type { BucketDownload } from "./download.js";
import type { BucketLookup } from "./lookup.js";
import { Turns } from "./turns.js";

const LONGEST_SIDECAR = 4096;

/** What an upload asks: the bucket, and by which means it looks at what is there. */
export interface BucketUploadParts {
  readonly client: BucketClient;
  readonly lookup: BucketLookup;
  readonly download: BucketDownload;
  /** Whether the bucket itself sees to it that nothing is replaced. */
  readonly hasConditions: boolean;
}

/** Publishes files of the spool. Each call throws StorageFailure where the bucket refuses. */
export class BucketUpload {
  readonly #client: BucketClient;
  readonly #lookup: BucketLookup;
  readonly #download: BucketDownload;
  /** Undefined: the bucket itself sees to it that nothing is replaced. */
  readonly #turns: Turns | undefined;

  constructor({ client, lookup, download, hasConditions }: BucketUploadParts) {
    this.#client = client;
    this.#lookup = lookup;
    this.#download = download;
    this.#turns = hasConditions ? undefined : new Turns();
  }

  /** Under its name, with what stands beside it; or what has the name already. */
  publish(file: SpoolFile, path: StoragePath, about: IncomingFacts): Promise<KeptFile> {
    const work = () => this.#publishNow(file, path, about);
    return this.#turns ? this.#turns.take(path.path, work) : work();
  }

  /** SHA-256 of what is there. Where nobody has noted it, it is read, and an object gets its checksum. */
  async digest({ path, kind }: StoragePath): Promise<string | undefined> {
    const found = await this.#lookup.head(path);
    if (!found || found.digest !== undefined) return found?.digest;
    const known = kind === "object" ? await this.#sidecarDigest(path) : undefined;
    if (known !== undefined) return known;
    // Of a tool that makes none.
    const digest = await this.#download.digest(path, found);
    if (kind === "object" && digest !== undefined) await this.#putSidecar(path, digest, "keep");
    return digest;
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
      // What an object that is gone has left is replaced; what an earlier try could not bring to its end is made good.
      const before = isFirst ? "replace" : "keep";
      await this.#putSidecar(path, digest, before);
      if (signature) await this.#putBeside(`${path}.sig`, signature, before);
    }
    return { digest: standing, wasThere: !isFirst };
  }

  /** @returns false when something has the name already */
  async #put(file: SpoolFile, path: string, digest: string): Promise<boolean> {
    if (this.#turns && (await this.#lookup.head(path))) return false;
    const { status, text } = await this.#client.text("PUT", path, {
      headers: { "if-none-match": "*", [DIGEST]: digest },
      body: { path: file.path, sizeBytes: file.bytes, digest },
    });
    if (status === 412) return false;
    if (!isGood(status)) throw refused(status, text);
    // Read back: what was acknowledged is there, and what it should be.
    const found = await this.#lookup.head(path);
    if (found?.digest !== digest || found.sizeBytes !== file.bytes)
      throw new StorageFailure("the bucket has taken an upload, and has not what was sent");
    return true;
  }

  #putSidecar(path: string, digest: string, before: "keep" | "replace"): Promise<void> {
    return this.#putBeside(sidecarOf(path), Buffer.from(sidecarText(path, digest)), before);
  }

  /** @param before what becomes of a file that has the name */
  async #putBeside(path: string, bytes: Buffer, before: "keep" | "replace"): Promise<void> {
    if (before === "keep" && (await this.#lookup.head(path))) return;
    const digest = sha256(bytes);
    const { status, text } = await this.#client.text("PUT", path, {
      headers: { [DIGEST]: digest, ...(before === "keep" && { "if-none-match": "*" }) },
      body: { bytes, digest },
    });
    if (!isGood(status) && status !== 412) throw refused(status, text);
  }

  async #sidecarDigest(path: string): Promise<string | undefined> {
    const { status, body } = await this.#client.send("GET", sidecarOf(path));
    if (status === 200) return digestIn((await this.#client.bytes(body, LONGEST_SIDECAR)).toString());
    body.resume();
    if (status === 404) return undefined;
    throw new StorageFailure(`the bucket answers ${status} for a checksum`);
  }
}

function refused(status: number, text: string): StorageFailure {
  return new StorageFailure(`the bucket answers ${status} to an upload${reasonIn(text)}`);
}
