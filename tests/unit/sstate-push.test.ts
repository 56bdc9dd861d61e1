/** Uploading beside a build: whatever the server does, it costs one warning and a bounded wait. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server as TcpServer } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { objectPath } from "@tsbake/sstate";
import { Pusher, type PushSummary } from "@tsbake/sstate/remote";
import { nameOf, seed } from "../contract/store.js";
import { serveFolder, type Fault } from "../support/mirror.js";
import { openServer } from "../support/sstate-server.js";
import { temporaryFolder } from "../support/temporary.js";

interface Rig {
  readonly folder: string;
  readonly list: string;
  readonly warnings: string[];
  readonly paths: string[];
  push(url: string, token?: string, waits?: { timeoutMs?: number; waitMs?: number }): Promise<PushSummary>;
}

/** A store with some objects in it. */
async function rigOf(count: number, bytes = "bytes of "): Promise<Rig> {
  const folder = temporaryFolder("push");
  const list = join(folder, "cache/to-push");
  mkdirSync(join(folder, "cache"));
  const warnings: string[] = [];
  const paths: string[] = [];
  for (let at = 0; at < count; at++) {
    const name = nameOf(`${(at + 16).toString(16)}ff${at}`);
    await seed(folder, name, `${bytes}${at}`);
    paths.push(objectPath(name));
  }
  return {
    folder,
    list,
    warnings,
    paths,
    push: async (url, token = "tsb_x", { timeoutMs = 20_000, waitMs = 60_000 } = {}) => {
      const options = { url, token, folder, list, timeoutMs, retryPauseMs: 1 };
      const pusher = await Pusher.open({ ...options, onWarning: (text) => warnings.push(text) });
      for (const path of paths) pusher.add(path);
      return pusher.finish(waitMs);
    },
  };
}

describe("pushing", () => {
  test("sends each object once, with its signature and description", async () => {
    await using server = await openServer();
    const rig = await rigOf(20);
    writeFileSync(join(rig.folder, `${rig.paths[0]!}.sig`), "signed");
    expect(await rig.push(server.url, server.token)).toMatchObject({ pushed: 20, known: 0, left: 0 });
    expect(await rig.push(server.url, server.token)).toMatchObject({ pushed: 0, known: 20, left: 0 });
    for (const [path, suffix] of [
      [rig.paths[0]!, ".sig"],
      [rig.paths[7]!, ".siginfo"],
      [rig.paths[7]!, ""],
    ] as const)
      expect(readFileSync(join(server.folder, path + suffix), "utf8")).toBe(
        readFileSync(join(rig.folder, path + suffix), "utf8"),
      );
    expect([rig.warnings, existsSync(rig.list)]).toEqual([[], false]);
  });

  test("of what others have made otherwise, and of what is damaged here, is neither a failure nor tried again", async () => {
    await using server = await openServer();
    const [one, other] = [await rigOf(3), await rigOf(3, "other bytes of ")];
    await one.push(server.url, server.token);
    expect(await other.push(server.url, server.token)).toMatchObject({ pushed: 0, conflicts: 3, left: 0 });
    const damaged = await rigOf(5);
    writeFileSync(join(damaged.folder, damaged.paths[4]!), "other");
    expect(await damaged.push(server.url, server.token)).toMatchObject({ pushed: 1, known: 3, left: 0 });
    expect(damaged.warnings).toEqual([expect.stringContaining("is not pushed")]);
  });

  test("goes on where an earlier build has ended", async () => {
    const rig = await rigOf(6);
    expect(await rig.push("http://127.0.0.1:1/sstate")).toMatchObject({ pushed: 0, left: 6 });
    expect(readFileSync(rig.list, "utf8").trim().split("\n").sort()).toEqual([...rig.paths].sort());
    writeFileSync(rig.list, `${readFileSync(rig.list, "utf8")}../../etc/passwd\nrubbish\n`);
    await using server = await openServer();
    const { folder, list } = rig;
    const options = { url: server.url, token: server.token, folder, list };
    const next = await Pusher.open({ ...options, onWarning: (text) => rig.warnings.push(text) });
    expect(await next.finish(5000)).toMatchObject({ pushed: 6, left: 0 });
    expect(rig.warnings).toHaveLength(1);
  });

  test.each<[what: string, fault: Fault]>([
    ["is broken", (_request, response) => response.writeHead(500).end("no") !== undefined],
    ["answers with a login page", (_request, response) => response.end("<html>") !== undefined],
    ["knows the token no more", (_request, response) => response.writeHead(401).end() !== undefined],
    ["has no room", (_request, response) => response.writeHead(507).end() !== undefined],
    [
      "redirects",
      (_request, response) => response.writeHead(307, { location: "/other" }).end() !== undefined,
    ],
    [
      "answers without end",
      (_request, response) => {
        const more = (): void => void response.write("x".repeat(1 << 14));
        response.on("drain", more).writeHead(201);
        more();
        return true;
      },
    ],
    ["is silent", () => true],
    ["breaks the line", (request) => request.socket.destroy() !== undefined],
  ])("to a server that %s is one warning", async (_what, fault) => {
    const rig = await rigOf(30);
    await using server = await serveFolder("/nonexistent", (request, response) => {
      request.resume();
      return fault(request, response);
    });
    const started = Date.now();
    const waits = { timeoutMs: 400, waitMs: 20_000 };
    expect(await rig.push(server.url, "tsb_x", waits)).toMatchObject({ pushed: 0, left: 30 });
    expect(Date.now() - started).toBeLessThan(15_000);
    expect(rig.warnings).toEqual([expect.stringContaining("the next build tries again")]);
    expect(rig.warnings[0]).not.toContain("tsb_x");
  });

  test("is not waited for longer than was said", async () => {
    const rig = await rigOf(3);
    const silent = await new Promise<TcpServer>((resolve) => {
      const server = createServer((socket) => socket.on("error", () => undefined));
      server.listen(0, "127.0.0.1", () => resolve(server));
    });
    const { port } = silent.address() as { port: number };
    const started = Date.now();
    expect(await rig.push(`http://127.0.0.1:${port}`, "tsb_x", { waitMs: 200 })).toMatchObject({ left: 3 });
    expect(Date.now() - started).toBeLessThan(5000);
    silent.close();
  });
});
