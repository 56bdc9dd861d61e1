/** Bytes out of a bucket, compared with their SHA-256 wherever it is known and all of them come. */
import { createHash } from "node:crypto";
import { sha256 } from "@tsbake/base";
import { SMALL_BYTES, SmallFiles } from "../small-files.js";
import { StorageFailure, wholeOf, type ByteRange, type ServedBytes, type ServedFile } from "../storage.js";
import { expectedOf } from "./answers.js";
import type { BucketAnswer, BucketClient } from "./client.js";
import type { BucketLookup } from "./lookup.js";

/** Reads objects of one bucket; those that are small are kept in memory. */
export class BucketDownload {
  readonly #client: BucketClient;
  readonly #lookup: BucketLookup;
  readonly #onTrouble: (reason: string) => void;
  readonly #small = new SmallFiles();

  /** @param onTrouble told why an object broke off half-way: whoever reads it sees only that it did */
  constructor(client: BucketClient, lookup: BucketLookup, onTrouble: (reason: string) => void) {
    this.#client = client;
    this.#lookup = lookup;
    this.#onTrouble = onTrouble;
  }

  /** @returns undefined when it is gone, or another one, meanwhile @throws StorageFailure */
  async read(path: string, found: ServedFile, range: ByteRange): Promise<ServedBytes | undefined> {
    if (found.sizeBytes > SMALL_BYTES) return this.#stream(path, found, range);
    const bytes = this.#small.get(path, found) ?? (await this.#readSmall(path, found));
    return bytes?.subarray(range.start, range.end + 1);
  }

  /** SHA-256 of what is there, by reading it. @returns undefined when it is gone meanwhile @throws StorageFailure */
  async digest(path: string, found: ServedFile): Promise<string | undefined> {
    const answer = await this.#get(path, found, wholeOf(found));
    if (!answer) return undefined;
    const hash = createHash("sha256");
    let length = 0;
    for await (const piece of this.#client.pieces(answer.body)) {
      length += piece.length;
      hash.update(piece);
    }
    if (length !== found.sizeBytes) throw tooShort();
    return hash.digest("hex");
  }

  async #readSmall(path: string, found: ServedFile): Promise<Buffer | undefined> {
    const answer = await this.#get(path, found, wholeOf(found));
    if (!answer) return undefined;
    const bytes = await this.#client.bytes(answer.body, found.sizeBytes);
    if (bytes.length !== found.sizeBytes) throw tooShort();
    const expected = expectedOf(found);
    if (expected !== undefined && sha256(bytes) !== expected) throw wrongBytes(path);
    this.#small.keep(path, found, bytes);
    return bytes;
  }

  /** The last piece of a whole object is held back until the digest of all is known: a wrong one breaks off. */
  async #stream(path: string, found: ServedFile, range: ByteRange): Promise<ServedBytes | undefined> {
    const answer = await this.#get(path, found, range);
    if (!answer) return undefined;
    const expected = isWhole(found, range) ? expectedOf(found) : undefined;
    return async (write) => {
      const hash = createHash("sha256");
      let left = range.end - range.start + 1;
      let last: Buffer | undefined;
      try {
        for await (const piece of this.#client.pieces(answer.body)) {
          if (last) await write(last);
          last = piece;
          if ((left -= piece.length) < 0) return false;
          if (expected !== undefined) hash.update(piece);
        }
        if (left !== 0 || !last) return false;
        if (expected !== undefined && hash.digest("hex") !== expected) throw wrongBytes(path);
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
  async #get(path: string, found: ServedFile, range: ByteRange): Promise<BucketAnswer | undefined> {
    const { start, end } = range;
    const wantsAll = isWhole(found, range);
    const answer = await this.#client.send("GET", path, {
      headers: { "if-match": found.changed, ...(!wantsAll && { range: `bytes=${start}-${end}` }) },
    });
    const { status, headers, body } = answer;
    if (status === 404 || status === 412) {
      body.resume();
      this.#lookup.forget(path);
      return undefined;
    }
    const length = Number(headers["content-length"] ?? end - start + 1);
    if (status === (wantsAll ? 200 : 206) && headers.etag === found.changed && length === end - start + 1)
      return answer;
    body.destroy();
    throw new StorageFailure(`the bucket answers ${status} with something else than the object`);
  }
}

function isWhole({ sizeBytes }: ServedFile, { start, end }: ByteRange): boolean {
  return start === 0 && end === sizeBytes - 1;
}

function tooShort(): StorageFailure {
  return new StorageFailure("the bucket has sent less than it has promised");
}

function wrongBytes(path: string): StorageFailure {
  return new StorageFailure(`the bucket has sent other bytes than the SHA-256 of ${path} says`);
}
