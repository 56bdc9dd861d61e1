/** Objects over HTTP: what is served, what is taken, and what is refused with which status. */
import { randomBytes } from "node:crypto";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { sha256 } from "@tsbake/base";
import { objectPath, openMirrors } from "@tsbake/sstate";
import { digestHeader } from "@tsbake/sstate/remote";
import { main } from "@tsbake/server";
import { nameOf, seed, storeContract } from "../contract/store.js";
import { openServer, type TestServer } from "../support/sstate-server.js";
import { describeUnless } from "../support/skip.js";
import { temporaryFolder } from "../support/temporary.js";
import { toolsProblem } from "../support/tools.js";

let server: TestServer;
beforeAll(async () => {
  server = await openServer({ idleMs: 400 });
});
afterAll(() => server.close());

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface Question {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
}

/** As it stands: no client is in between that makes a path better. */
function ask({ method = "GET", path, headers = {}, body }: Question, from = server): Promise<Answer> {
  const { hostname, port } = new URL(from.url);
  return new Promise((resolve, reject) => {
    const request = httpRequest({ hostname, port, method, path, headers, agent: false });
    request.on("error", reject);
    request.on("response", (response) => {
      const pieces: Buffer[] = [];
      response.on("data", (piece: Buffer) => pieces.push(piece));
      response.on("error", reject);
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(pieces),
        }),
      );
    });
    request.end(body);
  });
}

const bearer = (token = server.token) => ({ authorization: `Bearer ${token}` });
const place = (path: string) => `/sstate/${encodeURI(path)}`;
const pathOf = (hash: string) => objectPath(nameOf(hash));

function put(hash: string, body: string | Buffer, headers: Record<string, string> = {}, from = server) {
  return ask(
    { method: "PUT", path: place(pathOf(hash)), headers: { ...bearer(from.token), ...headers }, body },
    from,
  );
}

/** Every path below the folder but the server's own. */
function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile() && !one.parentPath.includes(".server"))
    .map((one) => join(one.parentPath, one.name).slice(folder.length + 1))
    .sort();
}

// A client without zstd looks for other names.
describeUnless(await toolsProblem("zstd"), "through HTTP,", () => {
  storeContract("a mirror that is our server", async () => {
    const own = await openServer();
    const warnings: string[] = [];
    const [store] = openMirrors(`file://.* ${own.url}/PATH;downloadfilename=PATH`, {
      onWarning: (one) => warnings.push(one),
      retryPauseMs: 1,
    });
    return {
      store: store!,
      folder: own.folder,
      warnings,
      [Symbol.asyncDispose]: () => own[Symbol.asyncDispose](),
    };
  });
});

describe("an upload", () => {
  test("appears with its checksum, and is served with validators, ranges and conditions", async () => {
    const bytes = randomBytes(300_000);
    const made = await put("aa01", bytes, { "content-digest": digestHeader(sha256(bytes)) });
    expect([made.status, made.headers["tsbake-sstate"]]).toEqual([201, "1"]);
    const path = pathOf("aa01");
    expect(readFileSync(join(server.folder, path)).equals(bytes)).toBe(true);
    const sidecar = await ask({ path: place(`${path}.sha256`) });
    expect(sidecar.body.toString()).toMatch(new RegExp(`^${sha256(bytes)} `));

    const whole = await ask({ path: place(path) });
    expect([whole.status, whole.body.equals(bytes)]).toEqual([200, true]);
    const etag = whole.headers.etag!;
    expect(etag).toBe(`"${sha256(bytes)}"`);
    const cases: [headers: Record<string, string>, status: number, body: Buffer][] = [
      [{ range: "bytes=10-19" }, 206, bytes.subarray(10, 20)],
      [{ range: "bytes=299990-" }, 206, bytes.subarray(299_990)],
      [{ range: "bytes=-5" }, 206, bytes.subarray(-5)],
      [{ range: "bytes=0-999999" }, 206, bytes],
      [{ range: "bytes=5-4" }, 200, bytes],
      [{ range: "bytes=0-1,3-4" }, 200, bytes],
      [{ range: "lines=1-2" }, 200, bytes],
      [{ range: "bytes=10-19", "if-range": etag }, 206, bytes.subarray(10, 20)],
      [{ range: "bytes=10-19", "if-range": '"another"' }, 200, bytes],
      [{ "if-none-match": etag }, 304, Buffer.alloc(0)],
      [{ "if-none-match": `"x", W/${etag}` }, 304, Buffer.alloc(0)],
      [{ "if-none-match": '"x"' }, 200, bytes],
    ];
    for (const [headers, status, body] of cases) {
      const answer = await ask({ path: place(path), headers });
      const length = status === 304 ? "0" : answer.headers["content-length"];
      expect([headers, answer.status, answer.body.equals(body), length]).toEqual([
        headers,
        status,
        true,
        String(body.length),
      ]);
    }
    const beyond = await ask({ path: place(path), headers: { range: "bytes=300000-" } });
    expect([beyond.status, beyond.headers["content-range"]]).toEqual([416, "bytes */300000"]);
    const head = await ask({ method: "HEAD", path: place(path) });
    expect([head.status, head.headers["content-length"], head.headers.etag]).toEqual([200, "300000", etag]);
    // What the use of an object changes of it is no other version.
    utimesSync(join(server.folder, path), new Date(0), new Date(0));
    expect((await ask({ method: "HEAD", path: place(path) })).headers.etag).toBe(etag);
  });

  test("of the same bytes is nothing new; of others it is a conflict, with both digests in the log", async () => {
    expect((await put("aa02", "first")).status).toBe(201);
    expect((await put("aa02", "first")).status).toBe(204);
    const announced = { "content-digest": digestHeader(sha256("first")) };
    expect((await put("aa02", "first", announced)).status).toBe(204);
    for (const headers of [{}, { "content-digest": digestHeader(sha256("other")) }]) {
      const refused = await put("aa02", "other", headers);
      expect([refused.status, refused.body.toString()]).toEqual([
        409,
        expect.stringContaining(sha256("first")),
      ]);
      const told = server.log.filter((line) => line.includes("upload-conflict")).at(-1)!;
      expect(told).toContain(sha256("first"));
      expect(told).toContain(sha256("other"));
    }
    expect(readFileSync(join(server.folder, pathOf("aa02")), "utf8")).toBe("first");
  });

  test("of one name by many at once makes one of them the object, whole", async () => {
    const bodies = Array.from({ length: 12 }, (_one, at) => Buffer.alloc(100_000 + at, at));
    const statuses: number[] = [];
    await Promise.all(bodies.map(async (body) => void statuses.push((await put("aa03", body)).status)));
    expect(statuses.sort((left, right) => left - right)).toEqual([
      201,
      ...Array.from({ length: 11 }, () => 409),
    ]);
    const kept = readFileSync(join(server.folder, pathOf("aa03")));
    expect(bodies.some((body) => body.equals(kept))).toBe(true);
    expect((await ask({ path: place(`${pathOf("aa03")}.sha256`) })).body.toString()).toContain(sha256(kept));
  });

  test("has its signature with it, and may have its description before or after", async () => {
    const path = pathOf("aa04");
    const signature = randomBytes(500);
    const describe = (text: string) =>
      ask({ method: "PUT", path: place(`${path}.siginfo`), headers: bearer(), body: text });
    expect((await describe("about")).status).toBe(201);
    expect((await put("aa04", "bytes", { "tsbake-signature": signature.toString("base64") })).status).toBe(
      201,
    );
    expect(readFileSync(join(server.folder, `${path}.sig`)).equals(signature)).toBe(true);
    expect([(await describe("about")).status, (await describe("else")).status]).toEqual([204, 409]);
  });

  test("of an object that another tool has laid there is compared with its bytes", async () => {
    await seed(server.folder, nameOf("aa05"), "laid", null);
    expect((await put("aa05", "other")).status).toBe(409);
    expect((await put("aa05", "laid")).status).toBe(204);
    expect(readFileSync(join(server.folder, pathOf("aa05")), "utf8")).toBe("laid");
  });
});

describe("what is refused", () => {
  const path = place(pathOf("bb01"));
  test.each<[what: string, status: number, question: () => Question]>([
    ["an upload without a token", 401, () => ({ method: "PUT", path, body: "x" })],
    ["one with a wrong token", 401, () => ({ method: "PUT", path, headers: bearer("tsb_x"), body: "x" })],
    [
      "one with a strange scheme",
      401,
      () => ({ method: "PUT", path, headers: { authorization: "Digest x" } }),
    ],
    ["one without a byte", 400, () => ({ method: "PUT", path, headers: bearer() })],
    [
      "one without a length",
      411,
      () => ({ method: "PUT", path, headers: { ...bearer(), "transfer-encoding": "chunked" }, body: "x" }),
    ],
    [
      "one that is too long",
      413,
      () => ({ method: "PUT", path, headers: { ...bearer(), "content-length": String(2 ** 40) } }),
    ],
    [
      "one of other bytes than it says",
      400,
      () => ({
        method: "PUT",
        path,
        headers: { ...bearer(), "content-digest": digestHeader("0".repeat(64)) },
        body: "x",
      }),
    ],
    [
      "one with a digest that is none",
      400,
      () => ({ method: "PUT", path, headers: { ...bearer(), "content-digest": "md5=:AAAA:" }, body: "x" }),
    ],
    ["a checksum", 403, () => ({ method: "PUT", path: `${path}.sha256`, headers: bearer(), body: "x" })],
    ["another method", 405, () => ({ method: "PATCH", path, headers: bearer(), body: "x" })],
    ["deleting without a token", 401, () => ({ method: "DELETE", path })],
    ["deleting what is not there", 404, () => ({ method: "DELETE", path, headers: bearer() })],
    [
      "a question for many that is none",
      400,
      () => ({ method: "POST", path: "/sstate/.exists", body: "[1]" }),
    ],
    ["another path", 404, () => ({ path: "/etc/passwd" })],
    [
      "a page that is written to",
      405,
      () => ({ method: "PUT", path: "/metrics", headers: bearer(), body: "x" }),
    ],
  ])("%s: %i", async (_what, status, question) => {
    expect((await ask(question())).status).toBe(status);
    expect(filesOf(server.folder)).not.toContain(pathOf("bb01"));
  });

  const object = encodeURI(pathOf("bb02").split("/").at(-1)!);
  test.each([
    "../../etc/passwd",
    "..%2f..%2fetc/passwd",
    `../bb/02/${object}`,
    `bb/../bb/02/${object}`,
    `bb//02/${object}`,
    `/bb/02/${object}`,
    `%2e%2e/bb/02/${object}`,
    `.server/bb/02/${object}`,
    ".server/tokens.json",
    ".incoming/x",
    `bb/03/${object}`,
    `bb/02/${object}%00`,
    `bb/02/${object}%0a`,
    `bb/02/%c0%ae${object}`,
    `bb/02/${"x".repeat(300)}:bb02_install.tar.zst`,
    `bb/02/${object}.bad`,
    `bb\\02\\${object}`,
    `%zz/bb/02/${object}`,
    "",
  ])("the name %j", async (name) => {
    const before = filesOf(server.folder);
    const beside = readdirSync(dirname(server.folder));
    const target = `/sstate/${name}`;
    expect((await ask({ path: target })).status).toBe(404);
    const upload = await ask({ method: "PUT", path: target, headers: bearer(), body: "x" });
    expect(upload.status).toBe(400);
    expect(upload.body.toString()).not.toContain(server.folder);
    expect([filesOf(server.folder), readdirSync(dirname(server.folder))]).toEqual([before, beside]);
  });

  test("what stands in the place of an object and is no plain file is not there", async () => {
    const link = join(server.folder, pathOf("bb04"));
    mkdirSync(dirname(link), { recursive: true });
    writeFileSync(join(server.folder, "secret"), "secret");
    symlinkSync(join(server.folder, "secret"), link);
    expect((await ask({ path: place(pathOf("bb04")) })).status).toBe(404);
    mkdirSync(join(server.folder, pathOf("bb05")), { recursive: true });
    expect((await ask({ path: place(pathOf("bb05")) })).status).toBe(404);
  });

  test("an upload that is cut off, and one that comes too slowly, leave nothing", async () => {
    const { hostname, port } = new URL(server.url);
    const head = `PUT ${place(pathOf("bb06"))} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${server.token}\r\ncontent-length: 1000\r\n\r\n`;
    const cut = connect({ host: hostname, port: Number(port) });
    cut.write(`${head}half`);
    await new Promise((resolve) => setTimeout(resolve, 100));
    cut.destroy();
    const slow = connect({ host: hostname, port: Number(port) });
    const dripping = setInterval(() => slow.write("x"), 50);
    slow.on("error", () => undefined);
    slow.write(head);
    await new Promise<void>((resolve) => slow.on("close", () => resolve()));
    clearInterval(dripping);
    const left = () => filesOf(server.folder).filter((one) => /^\.incoming\/|bb06/.test(one));
    for (let tries = 0; tries < 50 && left().length > 0; tries++)
      await new Promise((resolve) => setTimeout(resolve, 20));
    expect(left()).toEqual([]);
    expect(server.events.filter((one) => one === "upload-broken").length).toBeGreaterThanOrEqual(2);
  });
});

describe("tokens", () => {
  test("have scopes, are kept as hashes in a file of their owner, and change without a restart", async () => {
    await using own = await openServer();
    const file = join(own.folder, ".server/tokens.json");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(file)).mode & 0o777).toBe(0o700);
    const said: string[] = [];
    expect(
      await main(["token", "add", "ci", "--scopes", "read", "--dir", own.folder], (line) => said.push(line)),
    ).toBe(0);
    const reader = said[0]!;
    expect(readFileSync(file, "utf8")).not.toContain(reader);
    expect(readFileSync(file, "utf8")).not.toContain(own.token);
    const upload = (token: string) =>
      ask({ method: "PUT", path: place(pathOf("cc01")), headers: bearer(token), body: "x" }, own);
    expect((await upload(reader)).status).toBe(403);
    expect((await upload(own.token)).status).toBe(201);
    await main(["token", "remove", "first", "--dir", own.folder], () => {});
    await new Promise((resolve) => setTimeout(resolve, 1100));
    expect((await upload(own.token)).status).toBe(401);
  });

  test("guess no more than ten times a minute", async () => {
    await using own = await openServer();
    const statuses = new Set<number>();
    let last: Answer | undefined;
    for (let at = 0; at < 11; at++) {
      last = await ask(
        { method: "PUT", path: place(pathOf("cc02")), headers: bearer("tsb_no"), body: "x" },
        own,
      );
      statuses.add(last.status);
    }
    expect([...statuses]).toEqual([401, 429]);
    expect(Number(last!.headers["retry-after"])).toBeGreaterThan(0);
    expect((await ask({ path: place(pathOf("cc02")) }, own)).status).toBe(404);
  });

  test("are needed for reading too with --private, as Bearer or as the password of a netrc", async () => {
    await using own = await openServer({ isPrivate: true });
    await put("cc03", "bytes", {}, own);
    const read = (headers: Record<string, string>) => ask({ path: place(pathOf("cc03")), headers }, own);
    const basic = Buffer.from(`anybody:${own.token}`).toString("base64");
    expect((await read({})).status).toBe(401);
    expect((await read(bearer(own.token))).status).toBe(200);
    expect((await read({ authorization: `Basic ${basic}` })).status).toBe(200);
  });
});

test("the page for people shows what is there, and a name is text and nothing more", async () => {
  const folder = temporaryFolder("server");
  await seed(folder, { spec: "sstate:<script>x:a:1:r0:a:14:", unihash: "fe01", task: "do_install" }, "bytes");
  await using own = await openServer({ folder });
  let page = await ask({ path: "/" }, own);
  for (let tries = 0; tries < 50 && page.body.includes("not yet"); tries++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    page = await ask({ path: "/" }, own);
  }
  expect(page.headers["content-type"]).toBe("text/html; charset=utf-8");
  expect(page.headers["content-security-policy"]).toContain("default-src 'none'");
  expect(page.body.toString()).toContain("sstate:&#60;script&#62;x:");
  expect(page.body.toString()).not.toMatch(/<script|src=|href=/);
});

test("a read-only server takes nothing", async () => {
  await using own = await openServer({ readOnly: true });
  expect((await put("dd01", "x", {}, own)).status).toBe(403);
});

test("health, metrics, many at once, deleting", async () => {
  await put("ee01", "bytes");
  expect((await ask({ path: "/healthz" })).body.toString()).toBe("ok\n");
  const body = JSON.stringify({ names: [pathOf("ee01"), pathOf("ee02"), "../x"] });
  const many = await ask({ method: "POST", path: "/sstate/.exists", body });
  expect(JSON.parse(many.body.toString())).toEqual({ there: [true, false, false] });
  expect((await ask({ method: "DELETE", path: place(pathOf("ee01")), headers: bearer() })).status).toBe(204);
  expect(filesOf(server.folder).filter((one) => one.includes("ee01"))).toEqual([]);
  const text = (await ask({ path: "/metrics" })).body.toString();
  for (const line of text.trim().split("\n"))
    expect(line).toMatch(/^(# (HELP|TYPE) tsbake_sstate_\w+ .+|tsbake_sstate_\w+(\{[^}]*\})? [\d.e+]+)$/);
  expect(text).toMatch(/^tsbake_sstate_uploads_total\{outcome="new"\} [1-9]/m);
});

test("a token of the scope `prune` prunes by age and size, or says what would go", async () => {
  await using own = await openServer();
  for (const hash of ["ab01", "ab02", "ab03"]) await put(hash, "x".repeat(1000), {}, own);
  const old = join(own.folder, pathOf("ab01"));
  for (const file of [old, `${old}.sha256`]) utimesSync(file, new Date(0), new Date(0));
  const prune = (body: object, headers: Record<string, string> = bearer(own.token)) =>
    ask({ method: "POST", path: "/sstate/.prune", headers, body: JSON.stringify(body) }, own);
  expect((await prune({ max_bytes: 0 }, {})).status).toBe(401);
  for (const wrong of [{}, { max_bytes: -1 }, { max_age_seconds: "x" }])
    expect((await prune(wrong)).status).toBe(400);
  const counts = async (body: object) => JSON.parse((await prune(body)).body.toString()) as object;
  expect(await counts({ max_age_seconds: 3600, dry_run: true })).toMatchObject({ removed: 1, kept: 2 });
  expect((await ask({ path: place(pathOf("ab01")) }, own)).status).toBe(200);
  for (const file of [old, `${old}.sha256`]) utimesSync(file, new Date(0), new Date(0));
  expect(await counts({ max_age_seconds: 3600 })).toMatchObject({ removed: 1, kept: 2 });
  expect((await ask({ path: place(pathOf("ab01")) }, own)).status).toBe(404);
  expect(await counts({ max_bytes: 0 })).toMatchObject({ removed: 2, kept: 0, kept_bytes: 0 });
});
