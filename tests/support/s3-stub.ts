/**
 * A bucket in memory that speaks as much of S3 as we use, with conditions, and can be told to fail: no other server fails as one
 * wants it to.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { sha256 } from "@tsbake/base";
import { listening } from "./listening.js";

export interface StubObject {
  readonly bytes: Buffer;
  readonly digest: string | undefined;
  modifiedMs: number;
}

export interface S3Stub extends AsyncDisposable {
  readonly endpoint: string;
  /** By key, without the bucket. */
  readonly objects: Map<string, StubObject>;
  /** Asked before each request; what it gives is done instead, or after it where it is `lost`. */
  fault: (method: string, key: string) => Fault | undefined;
  /** Requests so far. */
  count: number;
}

export type Fault =
  /** An answer of its own. */
  | { readonly status: number; readonly body?: string; readonly headers?: Record<string, string> }
  /** `silent`: never; `cut`: half of the body; `wrong`: other bytes; `lost`: done, and the line breaks; `ignore`: conditions do not count. */
  | "silent"
  | "cut"
  | "wrong"
  | "lost"
  | "ignore";

const PAGE = 3;

export async function openS3Stub(bucket = "bucket"): Promise<S3Stub> {
  const objects = new Map<string, StubObject>();
  const server = createServer((request, response) => void answer(request, response));
  const stub: S3Stub = {
    endpoint: "",
    objects,
    fault: () => undefined,
    count: 0,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    stub.count++;
    const url = new URL(request.url ?? "", "http://x");
    const key = decodeURIComponent(url.pathname).slice(bucket.length + 2);
    const method = request.method ?? "";
    const fault = stub.fault(method, key);
    if (fault === "silent") return;
    const pieces: Buffer[] = [];
    for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
    const body = Buffer.concat(pieces);
    if (typeof fault === "object") {
      response.writeHead(fault.status, fault.headers).end(method === "HEAD" ? undefined : (fault.body ?? ""));
      return;
    }
    if (key === "" && method === "GET") return list(url, response);
    if (method === "PUT") put(request, key, body, fault);
    if (fault === "lost") {
      request.socket.destroy();
      return;
    }
    if (method === "PUT") response.writeHead(statusOfPut, { etag: '"x"' }).end(copied);
    else if (method === "DELETE") response.writeHead(objects.delete(key) ? 204 : 204).end();
    else get(request, response, key, fault);
  }

  let statusOfPut = 200;
  let copied = "";
  function put({ headers }: IncomingMessage, key: string, body: Buffer, fault: Fault | undefined): void {
    statusOfPut = 200;
    copied = "";
    const source = headers["x-amz-copy-source"];
    const digest = headers["x-amz-meta-sha256"]?.toString();
    if (source !== undefined) {
      const from = objects.get(decodeURIComponent(String(source)).slice(bucket.length + 2));
      statusOfPut = from ? 200 : 404;
      copied = "<CopyObjectResult/>";
      if (from) objects.set(key, { bytes: from.bytes, digest, modifiedMs: Date.now() });
    } else if (headers["x-amz-content-sha256"] !== sha256(body)) statusOfPut = 400;
    else if (headers["if-none-match"] === "*" && objects.has(key) && fault !== "ignore") statusOfPut = 412;
    else objects.set(key, { bytes: body, digest, modifiedMs: Date.now() });
  }

  function get(
    request: IncomingMessage,
    response: ServerResponse,
    key: string,
    fault: Fault | undefined,
  ): void {
    const found = objects.get(key);
    if (!found) {
      response
        .writeHead(404)
        .end(request.method === "HEAD" ? undefined : "<Error><Code>NoSuchKey</Code></Error>");
      return;
    }
    const etag = `"${sha256(found.bytes).slice(0, 32)}"`;
    if (request.headers["if-match"] !== undefined && request.headers["if-match"] !== etag) {
      response.writeHead(412).end();
      return;
    }
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
    const bytes = range ? found.bytes.subarray(Number(range[1]), Number(range[2]) + 1) : found.bytes;
    response.writeHead(range ? 206 : 200, {
      etag,
      "content-length": bytes.length,
      "last-modified": new Date(found.modifiedMs).toUTCString(),
      ...(found.digest !== undefined && { "x-amz-meta-sha256": found.digest }),
    });
    if (request.method === "HEAD") response.end();
    else if (fault === "cut") response.write(bytes.subarray(0, bytes.length / 2), () => response.destroy());
    else response.end(fault === "wrong" ? Buffer.alloc(bytes.length, "x") : bytes);
  }

  function list(url: URL, response: ServerResponse): void {
    const prefix = url.searchParams.get("prefix") ?? "";
    const after = url.searchParams.get("continuation-token") ?? "";
    const keys = [...objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
    const page = keys.slice(0, PAGE);
    const entries = page.map((key) => {
      const { bytes, modifiedMs } = objects.get(key)!;
      const time = new Date(modifiedMs).toISOString();
      return `<Contents><Key>${key.replaceAll("&", "&amp;")}</Key><LastModified>${time}</LastModified><Size>${bytes.length}</Size></Contents>`;
    });
    const next = keys.length > PAGE ? `<NextContinuationToken>${page.at(-1)!}</NextContinuationToken>` : "";
    response.end(
      `<ListBucketResult xmlns="x"><IsTruncated>${next !== ""}</IsTruncated>${next}${entries.join("")}</ListBucketResult>`,
    );
  }

  return Object.assign(stub, { endpoint: (await listening(server)).url });
}
