/** One object on its way to a shared-state server. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { hasCode, HttpClient, ifThere, quoted, readPlain, sha256File, type HttpOptions } from "@tsbake/base";
import { digestIn } from "../checksum.js";
import { signatureOf } from "../gpg.js";
import { sidecarTextOf } from "../trust.js";
import {
  API_HEADER,
  DIGEST_HEADER,
  digestHeader,
  LONGEST_SIGNATURE_HEADER,
  SIGNATURE_HEADER,
} from "./api.js";

/** Who may upload where. */
export interface UploadTarget {
  /** Under which the objects are: `http://host:port/sstate`. */
  readonly url: string;
  /** Of the scope `push`. */
  readonly token: string;
}

export type UploadResult =
  /** It is there now: `pushed` by us, or it was before. */
  | { readonly kind: "pushed" | "known"; readonly bytes: number }
  /** Another object has its name there. */
  | { readonly kind: "conflict"; readonly reason: string }
  /** It is gone here, or will never be taken: too long, damaged. */
  | { readonly kind: "skipped"; readonly reason: string }
  /** The server takes nothing of us, or nothing now. */
  | { readonly kind: "refused"; readonly reason: string };

const LONGEST_ANSWER = 64 << 10;
/** Statuses that are about this object, not about the server or us. */
const OF_THE_OBJECT: readonly number[] = [400, 411, 413, 431];

export class Uploader {
  readonly #target: UploadTarget;
  readonly #client: HttpClient;

  constructor(target: UploadTarget, options: HttpOptions) {
    this.#target = { ...target, url: target.url.replace(/\/+$/, "") };
    this.#client = new HttpClient(options);
  }

  /**
   * @param folder the store @param path of the object in it
   * @throws errors of reaching the server; system errors of reading
   */
  async upload(folder: string, path: string): Promise<UploadResult> {
    const file = join(folder, path);
    const found = await ifThere(stat(file));
    if (!found) return { kind: "skipped", reason: "it is gone" };
    const digest = digestIn((await sidecarTextOf(file)) ?? "") ?? (await sha256File(file));
    const signature = (await smallFile(signatureOf(file)))?.toString("base64") ?? "";
    const hasSignature = signature !== "" && signature.length <= LONGEST_SIGNATURE_HEADER;
    const { status, text, headers } = await this.#put(path, file, found.size, {
      [DIGEST_HEADER]: digestHeader(digest),
      ...(hasSignature && { [SIGNATURE_HEADER]: signature }),
    });
    // A login page is answered with 200 as well.
    if (status < 300 && headers[API_HEADER] === undefined)
      return { kind: "refused", reason: "what answers there is no shared-state server" };
    if (status === 204) return { kind: "known", bytes: found.size };
    if (status === 201) {
      await this.#describe(path, file);
      return { kind: "pushed", bytes: found.size };
    }
    const reason = `the server answers ${status}${text.trim() === "" ? "" : ` (${text.trim().slice(0, 200)})`}`;
    if (status === 409) return { kind: "conflict", reason };
    return { kind: OF_THE_OBJECT.includes(status) ? "skipped" : "refused", reason };
  }

  /** For people: whatever becomes of it, the object is as good without. */
  async #describe(path: string, file: string): Promise<void> {
    const description = `${file}.siginfo`;
    const found = await ifThere(stat(description));
    if (found && found.size > 0) await this.#put(`${path}.siginfo`, description, found.size, {});
  }

  #put(path: string, file: string, bytes: number, headers: Readonly<Record<string, string>>) {
    return this.#client.send("PUT", `${this.#target.url}/${quoted(path)}`, {
      headers: {
        ...headers,
        authorization: `Bearer ${this.#target.token}`,
        "content-type": "application/octet-stream",
      },
      body: { bytes, open: () => createReadStream(file, { end: bytes - 1, highWaterMark: 256 << 10 }) },
      maxBytes: LONGEST_ANSWER,
    });
  }

  close(): void {
    this.#client.close();
  }
}

async function smallFile(path: string): Promise<Buffer | undefined> {
  try {
    return await readPlain(path, LONGEST_SIGNATURE_HEADER);
  } catch (error) {
    if (hasCode(error, "ENOENT", "TOO_LONG", "NOT_PLAIN", "EISDIR")) return undefined;
    throw error;
  }
}
