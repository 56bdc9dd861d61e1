/** When an object was last used, as the bucket's time of the object: pruning by age goes by it. */
import { messageOf } from "@tsbake/base";
import type { ServedFile } from "../storage.js";
import { DIGEST, digestOf, isGood, reasonIn } from "./answers.js";
import type { BucketClient } from "./client.js";
import type { BucketLookup } from "./lookup.js";

/** A use is noted by copying the object onto itself, which costs a request; not more often than this. */
const USE_IS_NOTED_MS = 24 * 3_600_000;

/** Notes uses beside the reading that they belong to. */
export class BucketUse {
  readonly #client: BucketClient;
  readonly #lookup: BucketLookup;
  readonly #onTrouble: (reason: string) => void;
  readonly #underWay = new Set<string>();

  /** @param onTrouble told why a use could not be noted */
  constructor(client: BucketClient, lookup: BucketLookup, onTrouble: (reason: string) => void) {
    this.#client = client;
    this.#lookup = lookup;
    this.#onTrouble = onTrouble;
  }

  /** Nobody waits for it, and nothing fails by it. */
  note(path: string, found: ServedFile): void {
    if (Date.now() - found.modifiedMs <= USE_IS_NOTED_MS || this.#underWay.has(path)) return;
    this.#underWay.add(path);
    void this.#noteNow(path, found).finally(() => this.#underWay.delete(path));
  }

  /** A copy onto itself has a new time, and the same bytes. */
  async #noteNow(path: string, { changed }: ServedFile): Promise<void> {
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
      this.#lookup.forget(path);
    } catch (error) {
      this.#onTrouble(`the use of an object cannot be noted: ${messageOf(error)}`);
    }
  }
}
