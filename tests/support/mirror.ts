/** A real HTTP server on the loopback that serves a folder: ranges, HEAD, and faults on request. */
import { createReadStream, statSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { listening, type Listening } from "./listening.js";

export interface Mirror extends Listening {
  /** `METHOD path [range]` of every request so far. */
  readonly requests: string[];
}

/** Answers a request in its own way; false: the usual one is to be given. */
export type Fault = (request: IncomingMessage, response: ServerResponse) => boolean;

export async function serveFolder(folder: string, fault: Fault = () => false): Promise<Mirror> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? "/");
    const range = request.headers.range;
    requests.push(`${request.method} ${path}${range === undefined ? "" : ` ${range}`}`);
    if (fault(request, response)) return;
    const file = join(folder, path);
    const found = statSync(file, { throwIfNoEntry: false });
    if (!found?.isFile()) {
      response.writeHead(404).end("no such file");
      return;
    }
    const start = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0);
    if (start > 0 && start >= found.size) {
      response.writeHead(416, { "content-range": `bytes */${found.size}` }).end();
      return;
    }
    const headers = { "content-length": found.size - start };
    if (range === undefined) response.writeHead(200, headers);
    else
      response.writeHead(206, {
        ...headers,
        "content-range": `bytes ${start}-${found.size - 1}/${found.size}`,
      });
    if (request.method === "HEAD") response.end();
    else createReadStream(file, { start }).pipe(response);
  });
  return { ...(await listening(server)), requests };
}
