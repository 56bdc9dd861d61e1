/** Servers that a test makes itself, on a free port of the loopback. */
import type { Server as HttpServer } from "node:http";
import type { AddressInfo, Server } from "node:net";

export interface Listening extends AsyncDisposable {
  readonly port: number;
  /** `http://127.0.0.1:PORT`, without a slash at its end. */
  readonly url: string;
}

/** Starts it. Disposing ends it with all its connections. */
export async function listening(server: Server | HttpServer): Promise<Listening> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        if ("closeAllConnections" in server) server.closeAllConnections();
      }),
  };
}
