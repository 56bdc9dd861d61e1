/**
 * Requests to one bucket of an S3-compatible server: signed, over kept connections, tried again where that may help.
 *
 * A library of its own would do no better here: what is uploaded is signed with its SHA-256, so that the server refuses other
 * bytes, and written only where nothing is (`If-None-Match`); bodies are watched for silence and for their pace.
 */
import { createReadStream } from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf, Pace } from "@tsbake/base";
import { StorageFailure } from "../storage.js";
import { EMPTY_DIGEST, encodeKey, queryText, signedHeaders, type Credentials } from "./sign.js";

export interface BucketOptions {
  readonly bucket: string;
  /** Put in front of all names; empty, or ends in a slash. */
  readonly prefix: string;
  /** `http(s)://host[:port]`; undefined: Amazon's of the region. */
  readonly endpoint?: string;
  readonly region: string;
  readonly credentials: Credentials;
  /** Silence after which a server counts as dead. Default: 15,000. */
  readonly timeoutMs?: number;
  /** Pause before a request is tried again; then four times as long. Default: 200. */
  readonly retryPauseMs?: number;
}

export interface BucketRequest {
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: BucketBody;
}

export type BucketBody =
  | { readonly bytes: Buffer; readonly digest: string }
  | { readonly path: string; readonly sizeBytes: number; readonly digest: string };

export interface BucketAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** To be read to its end, or destroyed. */
  readonly body: http.IncomingMessage;
}

const TIMEOUT_MS = 15_000;
const RETRY_PAUSE_MS = 200;
const TRIES = 3;
const MOST_CONNECTIONS = 128;
/** Least bytes a second of an answer's body. */
const MIN_RATE = 1000;
/** No page of a listing, and no explanation of an error, is longer. */
const LONGEST_TEXT = 16 << 20;
/** The server is busy, or has other writers of this name: it says so itself, and later is another time. */
const PASSING = [409, 429, 500, 502, 503, 504];

export class BucketClient {
  readonly #options: BucketOptions;
  readonly #endpoint: URL;
  readonly #base: string;
  readonly #agent: http.Agent;

  constructor(options: BucketOptions) {
    this.#options = options;
    const { endpoint, bucket, region } = options;
    // Servers of one's own seldom have a host name for each bucket.
    this.#endpoint = new URL(endpoint ?? `https://${bucket}.s3.${region}.amazonaws.com`);
    this.#base = endpoint === undefined ? "/" : `/${encodeKey(bucket)}/`;
    const kept = { keepAlive: true, maxSockets: MOST_CONNECTIONS };
    this.#agent = this.#endpoint.protocol === "https:" ? new https.Agent(kept) : new http.Agent(kept);
  }

  /**
   * Asks for an object, or with an empty key for the bucket. What the server says stands in the answer: errors of it that do not
   * pass are not thrown.
   *
   * @throws StorageFailure where there is no answer
   */
  async send(method: string, key: string, request: BucketRequest = {}): Promise<BucketAnswer> {
    for (let tries = 1, pauseMs = this.#options.retryPauseMs ?? RETRY_PAUSE_MS; ; tries++, pauseMs *= 4) {
      try {
        const answer = await this.#once(method, key, request);
        if (tries === TRIES || !PASSING.includes(answer.status)) return answer;
        answer.body.destroy();
      } catch (error) {
        if (tries === TRIES) throw new StorageFailure(`the bucket cannot be reached: ${messageOf(error)}`);
      }
      await sleep(pauseMs);
    }
  }

  /** The same with a whole text for an answer. */
  async text(
    method: string,
    key: string,
    request: BucketRequest = {},
  ): Promise<{ status: number; text: string }> {
    for (let tries = 1; ; tries++) {
      const { status, body } = await this.send(method, key, request);
      try {
        return { status, text: (await this.bytes(body, LONGEST_TEXT)).toString() };
      } catch (error) {
        if (tries === TRIES) throw error;
      }
    }
  }

  /** All of a body. @throws StorageFailure when it breaks off, comes too slowly or is longer than that */
  async bytes(body: http.IncomingMessage, most: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    let length = 0;
    for await (const piece of this.pieces(body)) {
      if ((length += piece.length) > most) throw new StorageFailure("an answer of the bucket is too long");
      pieces.push(piece);
    }
    return Buffer.concat(pieces);
  }

  /** A body, watched. @throws StorageFailure when it breaks off or comes too slowly */
  async *pieces(body: http.IncomingMessage): AsyncGenerator<Buffer> {
    const windowMs = this.#options.timeoutMs ?? TIMEOUT_MS;
    using pace = new Pace({ windowMs, bytesPerSecond: MIN_RATE }, () =>
      body.destroy(new Error("it sends too slowly")),
    );
    try {
      for await (const piece of body as AsyncIterable<Buffer>) {
        pace.count(piece.length);
        yield piece;
      }
    } catch (error) {
      throw new StorageFailure(`an answer of the bucket broke off: ${messageOf(error)}`);
    }
  }

  /** The object as the source of a copy. */
  sourceOf(key: string): string {
    const { bucket, prefix } = this.#options;
    return `/${encodeKey(bucket)}/${encodeKey(prefix + key)}`;
  }

  close(): void {
    this.#agent.destroy();
  }

  #once(
    method: string,
    key: string,
    { query = {}, headers = {}, body }: BucketRequest,
  ): Promise<BucketAnswer> {
    const { region, credentials, prefix, timeoutMs = TIMEOUT_MS } = this.#options;
    const path = `${this.#base}${key === "" ? "" : encodeKey(prefix + key)}`;
    const sizeBytes = body === undefined ? 0 : "bytes" in body ? body.bytes.length : body.sizeBytes;
    const signed = signedHeaders(
      {
        method,
        host: this.#endpoint.host,
        path,
        query,
        headers: { ...headers, ...((body || method === "PUT") && { "content-length": String(sizeBytes) }) },
        bodyDigest: body?.digest ?? EMPTY_DIGEST,
      },
      credentials,
      region,
      new Date(),
    );
    const search = queryText(query);
    return new Promise((resolve, reject) => {
      const { request } = this.#endpoint.protocol === "https:" ? https : http;
      const one = request({
        hostname: this.#endpoint.hostname.replaceAll(/[[\]]/g, ""),
        port: this.#endpoint.port,
        method,
        path: search === "" ? path : `${path}?${search}`,
        headers: signed,
        agent: this.#agent,
        timeout: timeoutMs,
      });
      one.on("timeout", () => one.destroy(new Error("it is silent")));
      one.on("error", reject);
      one.on("response", (response) =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: response }),
      );
      if (body === undefined || "bytes" in body) {
        one.end(body?.bytes);
        return;
      }
      const file = createReadStream(body.path, { highWaterMark: 512 << 10 });
      file.on("error", (error) => one.destroy(error));
      one.on("close", () => file.destroy());
      file.pipe(one);
    });
  }
}
