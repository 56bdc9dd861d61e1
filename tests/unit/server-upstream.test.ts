/** A server with another one behind it: what it fetches, what it keeps, and what it does when that one fails. */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "@jest/globals";
import { sha256 } from "@tsbake/base";
import { objectPath } from "@tsbake/sstate";
import { HashClient, readHashServer } from "@tsbake/sstate/remote";
import { readOptions } from "@tsbake/server";
import { nameOf, seed } from "../contract/store.js";
import { openServer, type TestServer } from "../support/sstate-server.js";
import { listening } from "../support/listening.js";

const pathOf = (hash: string) => objectPath(nameOf(hash));
const PAUSE_MS = 300;

const tierOf = (url: string, more: object = {}) =>
  openServer({ upstream: { url, pauseMs: PAUSE_MS, ...more }, argv: ["--anonymous", "@read @report"] });

/** `broken`: the connection ended before the object did. */
async function get(server: TestServer, path: string): Promise<{ status: number; body: Buffer | "broken" }> {
  let status = 0;
  try {
    const answer = await fetch(`${server.url}/${encodeURI(path)}`);
    status = answer.status;
    return { status, body: Buffer.from(await answer.arrayBuffer()) };
  } catch {
    return { status, body: "broken" };
  }
}

async function exist(server: TestServer, names: readonly string[]): Promise<readonly boolean[]> {
  const answer = await fetch(`${server.url}/.exists`, { method: "POST", body: JSON.stringify({ names }) });
  return ((await answer.json()) as { there: boolean[] }).there;
}

interface Fake extends AsyncDisposable {
  readonly url: string;
  readonly asked: string[];
}

/** @param answer undefined: 404 */
async function openFake(
  answer: (path: string, response: ServerResponse, request: IncomingMessage) => boolean | Promise<boolean>,
): Promise<Fake> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? "").slice(1);
    asked.push(`${request.method} ${path}`);
    void Promise.resolve(answer(path, response, request)).then((isDone) => {
      if (!isDone) response.writeHead(404).end();
    });
  });
  return { ...(await listening(server)), asked };
}

describe("objects", () => {
  test("are fetched once, verified, kept with all that stands beside them, and served without the other server", async () => {
    const bytes = randomBytes(600_000);
    const far = await openServer();
    await using tier = await tierOf(far.url);
    const headers = {
      authorization: `Bearer ${far.token}`,
      "tsbake-signature": Buffer.from("signed").toString("base64"),
    };
    const path = pathOf("aa01");
    const put = (name: string, body: Buffer | string) =>
      fetch(`${far.url}/${encodeURI(name)}`, { method: "PUT", headers, body });
    expect((await put(path, bytes)).status).toBe(201);
    expect((await put(`${path}.siginfo`, "about")).status).toBe(201);

    const head = await fetch(`${tier.url}/${encodeURI(path)}`, { method: "HEAD" });
    expect([head.status, head.headers.get("content-length"), head.headers.get("etag")]).toEqual([
      200,
      "600000",
      `"${sha256(bytes)}"`,
    ]);
    expect(existsSync(join(tier.folder, path))).toBe(false);
    const got = await Promise.all([get(tier, path), get(tier, path), get(tier, path)]);
    for (const { status, body } of got) expect([status, sha256(body)]).toEqual([200, sha256(bytes)]);
    expect(String((await get(tier, `${path}.siginfo`)).body)).toBe("about");
    for (let tries = 0; tries < 100 && !tier.events.includes("pulled"); tries++) await sleep(10);
    expect(tier.events.filter((one) => one === "pulled")).toHaveLength(1);
    await far.close();
    for (const [name, content] of [
      [path, sha256(bytes)],
      [`${path}.sig`, sha256("signed")],
      [`${path}.siginfo`, sha256("about")],
    ] as const) {
      const { status, body } = await get(tier, name);
      expect([name, status, sha256(body)]).toEqual([name, 200, content]);
    }
    expect(String((await get(tier, `${path}.sha256`)).body)).toContain(sha256(bytes));
  });

  test("are asked for together, and what is not there is not asked for again at once", async () => {
    await using far = await openServer();
    await using tier = await tierOf(far.url);
    const names = Array.from({ length: 30 }, (_one, at) => pathOf(`bb${at + 10}`));
    await seed(far.folder, nameOf("bb10"), "far");
    await seed(tier.folder, nameOf("bb11"), "near");
    const requests = async () =>
      Number(
        /requests_total\{method="POST",status="200"\} (\d+)/.exec(
          await (await fetch(new URL("/metrics", far.url))).text(),
        )?.[1] ?? 0,
      );
    for (let times = 0; times < 3; times++)
      expect((await exist(tier, names)).map(Number).join("")).toBe(`11${"0".repeat(28)}`);
    expect(await requests()).toBe(1);
  });

  test("come through while they come, before the end has been verified", async () => {
    const bytes = randomBytes(1_000_000);
    let goOn: () => void = () => undefined;
    const waits = new Promise<void>((resolve) => (goOn = resolve));
    await using far = await openFake(async (path, response, request) => {
      if (path === `${pathOf("cc01")}.sha256`) response.end(`${sha256(bytes)}  x\n`);
      else if (path !== pathOf("cc01")) return false;
      else {
        response.writeHead(200, { "content-length": bytes.length });
        if (request.method === "HEAD") response.end();
        else {
          response.write(bytes.subarray(0, 500_000));
          await waits;
          response.end(bytes.subarray(500_000));
        }
      }
      return true;
    });
    await using tier = await tierOf(far.url);
    const answer = await fetch(`${tier.url}/${encodeURI(pathOf("cc01"))}`);
    const reader = answer.body!.getReader();
    const pieces: Uint8Array[] = [];
    for (let length = 0; length < 400_000;) {
      const { value } = await reader.read();
      pieces.push(value!);
      length += value!.length;
    }
    goOn();
    for (let read = await reader.read(); !read.done; read = await reader.read()) pieces.push(read.value);
    expect(sha256(Buffer.concat(pieces))).toBe(sha256(bytes));
    expect(far.asked.filter((one) => one === `GET ${pathOf("cc01")}`)).toHaveLength(1);
  });

  const object = Buffer.alloc(200_000, "right");
  /** An object with its checksum, of which the body is somebody's affair. */
  const serving =
    (body: (response: ServerResponse) => void) =>
    (path: string, response: ServerResponse, request: IncomingMessage): boolean => {
      if (path.endsWith(".sha256")) response.end(`${sha256(object)}  x\n`);
      else if (/\.sig(info)?$/.test(path)) return false;
      else if (request.method === "HEAD") response.writeHead(200, { "content-length": object.length }).end();
      else body(response);
      return true;
    };

  test.each<[what: string, body: (response: ServerResponse) => void]>([
    ["other bytes", (response) => response.end(Buffer.alloc(object.length, "wrong"))],
    ["fewer bytes", (response) => response.end(object.subarray(0, 150_000))],
    ["more bytes", (response) => response.end(Buffer.concat([object, object]))],
    [
      "a page",
      (response) => response.writeHead(200, { "content-type": "text/html" }).end("<html>log in</html>"),
    ],
    [
      "half, and then nothing",
      (response) => {
        response.writeHead(200, { "content-length": object.length });
        response.write(object.subarray(0, 100_000), () => response.destroy());
      },
    ],
    ["a refusal", (response) => response.writeHead(403).end()],
  ])("of which %s come are no objects, and none is kept", async (_what, body) => {
    await using far = await openFake(serving(body));
    await using tier = await tierOf(far.url);
    const got = await get(tier, pathOf("dd01"));
    expect(got.body === "broken" || got.status !== 200).toBe(true);
    for (let tries = 0; tries < 100 && !tier.events.includes("pull-failed"); tries++) await sleep(10);
    expect(tier.events).toContain("pull-failed");
    expect(existsSync(join(tier.folder, pathOf("dd01")))).toBe(false);
  });

  test.each<[what: string, answer: Parameters<typeof openFake>[0]]>([
    [
      "has no checksum for it",
      (path, response) => {
        if (path.endsWith(".sha256")) return false;
        response.end("x");
        return true;
      },
    ],
    [
      "answers a page to everything",
      (_path, response) => {
        response.end("<html>log in</html>");
        return true;
      },
    ],
  ])("of a server that %s are not there", async (_what, answer) => {
    await using far = await openFake(answer);
    await using tier = await tierOf(far.url);
    expect((await get(tier, pathOf("ee01"))).status).toBe(404);
    const asked = far.asked.length;
    expect((await get(tier, pathOf("ee01"))).status).toBe(404);
    expect(far.asked.length).toBe(asked);
  });

  test("of a server that fails are not there for a while; one warning, and what is here is served", async () => {
    let fails = true;
    await using far = await openFake((path, response) => {
      if (fails) response.writeHead(500).end();
      else if (path.endsWith(".sha256")) response.end(`${sha256("x")}  x\n`);
      else if (/\.sig(info)?$/.test(path)) return false;
      else response.writeHead(200, { "content-length": 1 }).end("x");
      return true;
    });
    await using tier = await tierOf(far.url);
    await seed(tier.folder, nameOf("ff02"), "near");
    expect((await get(tier, pathOf("ff01"))).status).toBe(404);
    const asked = far.asked.length;
    expect((await exist(tier, [pathOf("ff01"), pathOf("ff02"), pathOf("ff03")])).map(Number)).toEqual([
      0, 1, 0,
    ]);
    expect(String((await get(tier, pathOf("ff02"))).body)).toBe("near");
    expect(far.asked.length).toBe(asked);
    fails = false;
    await sleep(PAUSE_MS);
    expect(String((await get(tier, pathOf("ff01"))).body)).toBe("x");
    expect(tier.events.filter((one) => one.startsWith("upstream"))).toEqual(["upstream-down", "upstream-up"]);
  });

  test("of a server that is private come by the token of the environment, which is not shown", async () => {
    await using far = await openServer({ argv: ["--private"] });
    await seed(far.folder, nameOf("aa09"), "secret");
    const words = ["--dir", "x", "--upstream", far.url];
    const { upstream } = readOptions(words, { TSBAKE_SSTATE_UPSTREAM_TOKEN: far.token });
    await using tier = await openServer({ upstream });
    expect(String((await get(tier, pathOf("aa09"))).body)).toBe("secret");
    await using other = await tierOf(far.url);
    expect((await get(other, pathOf("aa09"))).status).toBe(404);
    expect([...tier.log, ...other.log].join("\n")).not.toContain(far.token);
    expect(other.log.join("\n")).toContain("the upstream server answers 401");
  });
});

describe("hash equivalences", () => {
  const client = (server: TestServer) =>
    new HashClient({ server: readHashServer(server.hashAddresses[0]!)!, timeoutMs: 3000 });
  const report = (task: string, out: string) => ({
    method: "m",
    taskhash: sha256(task),
    outhash: sha256(out),
    unihash: sha256(task),
    task: "x",
  });

  test("are asked for behind, kept, and counted when an output is reported; alone it goes on", async () => {
    const far = await openServer({ argv: ["--anonymous", "@read @report"] });
    await using tier = await openServer({
      argv: ["--anonymous", "@read @report"],
      upstream: { hashServer: readHashServer(far.hashAddresses[0]!)!, pauseMs: PAUSE_MS },
    });
    const [there, here] = [client(far), client(tier)];
    await there.report(report("a", "x"));
    await there.report(report("b", "x"));
    expect(await here.unihashes([report("none", "x"), report("b", "x")])).toEqual([undefined, sha256("a")]);
    expect(await here.hasUnihashes([sha256("a"), sha256("b")])).toEqual([true, false]);
    // Nobody here has had this output; there somebody has.
    expect(await here.report(report("c", "x"))).toBe(sha256("a"));
    expect(await here.outputOfTask(report("a", "x"))).toMatchObject({ unihash: sha256("a"), task: "x" });
    expect(await here.outputOfHash("m", sha256("x"), sha256("q"))).toMatchObject({ unihash: sha256("a") });
    // Reports stay here.
    expect(await there.unihashes([report("c", "x")])).toEqual([undefined]);
    there.close();
    await far.close();
    expect(await here.unihashes([report("b", "x"), report("new", "x")])).toEqual([sha256("a"), undefined]);
    expect(await here.report(report("d", "y"))).toBe(sha256("d"));
    expect(await here.hasUnihashes([sha256("q")])).toEqual([false]);
    expect(tier.events.filter((one) => one.startsWith("hash-upstream"))).toEqual(["hash-upstream-down"]);
    here.close();
  });
});
