/** What holds the server's objects: a folder, a bucket of a server that others have written, and a bucket that fails as we want it to. */
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { basename, dirname, join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import S3rver from "s3rver";
import { sha256 } from "@tsbake/base";
import { objectPath } from "@tsbake/sstate";
import { openFolderStorage, openS3Storage, StorageFailure } from "@tsbake/server";
import { nameOf } from "../contract/store.js";
import { download, isSame, storageContract, upload, type StorageRig } from "../contract/storage.js";
import { openS3Stub, type Fault, type S3Stub } from "../support/s3-stub.js";
import { openServer } from "../support/sstate-server.js";
import { temporaryFolder } from "../support/temporary.js";
import { listening } from "../support/listening.js";

const CREDENTIALS = { accessKeyId: "S3RVER", secretAccessKey: "S3RVER" };

storageContract("a folder", async () => {
  const folder = temporaryFolder("storage");
  const storage = await openFolderStorage(folder);
  return {
    storage,
    lay: (path, bytes, ageMs) => {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), bytes);
      const time = new Date(Date.now() - ageMs);
      utimesSync(join(folder, path), time, time);
      return Promise.resolve();
    },
    [Symbol.asyncDispose]: () => storage.close(),
  };
});

const openBucket = (endpoint: string, troubles: string[] = [], prefix = "pre/fix/") =>
  openS3Storage({
    bucket: "bucket",
    prefix,
    endpoint,
    region: "us-east-1",
    credentials: CREDENTIALS,
    timeoutMs: 300,
    retryPauseMs: 1,
    spool: temporaryFolder("spool"),
    onTrouble: (reason) => troubles.push(reason),
  });

/** s3rver checks signatures and knows no conditions on writes. */
async function openS3rver() {
  const directory = temporaryFolder("s3rver");
  const rver = new S3rver({ directory, silent: true, configureBuckets: [{ name: "bucket" }] });
  await rver.configureBuckets();
  const server = await listening(createServer(rver.callback()));
  return { directory, endpoint: server.url, end: () => server[Symbol.asyncDispose]() };
}

storageContract("a bucket of s3rver", async () => {
  const { directory, endpoint, end } = await openS3rver();
  const storage = await openBucket(endpoint);
  return {
    storage,
    // It leaves the time as it is when an object is copied onto itself.
    notesUse: false,
    lay: async (path, bytes, ageMs) => {
      // Who does not sign at all is let in.
      const { status } = await fetch(`${endpoint}/bucket/pre/fix/${encodeURI(path)}`, {
        method: "PUT",
        body: bytes,
      });
      if (status !== 200) throw new Error(`s3rver answers ${status}`);
      const time = new Date(Date.now() - ageMs);
      for (const one of readdirSync(join(directory, "bucket"), { recursive: true, encoding: "utf8" }))
        if (one.includes(basename(path))) utimesSync(join(directory, "bucket", one), time, time);
    },
    [Symbol.asyncDispose]: async () => {
      await storage.close();
      await end();
    },
  };
});

async function openStubRig(): Promise<StorageRig & { stub: S3Stub; troubles: string[] }> {
  const stub = await openS3Stub();
  const troubles: string[] = [];
  const storage = await openBucket(stub.endpoint, troubles);
  return {
    stub,
    storage,
    troubles,
    lay: (path, bytes, ageMs) => {
      stub.objects.set(`pre/fix/${path}`, { bytes, digest: undefined, modifiedMs: Date.now() - ageMs });
      return Promise.resolve();
    },
    [Symbol.asyncDispose]: async () => {
      await storage.close();
      await stub[Symbol.asyncDispose]();
    },
  };
}

storageContract("a bucket", openStubRig);

test("a bucket that keeps no conditions is one for a single server, and that is said", async () => {
  const { endpoint, end } = await openS3rver();
  const troubles: string[] = [];
  await (await openBucket(endpoint, troubles)).close();
  expect(troubles).toEqual([expect.stringContaining("only one server")]);
  await end();
  await using stub = await openS3Stub();
  await (await openBucket(stub.endpoint, troubles)).close();
  expect(troubles).toHaveLength(1);
});

describe("a bucket that fails", () => {
  const path = objectPath(nameOf("abcd"));
  const [small, large] = [Buffer.from("small"), Buffer.alloc(400_000, "large")];
  const html: Fault = { status: 200, body: "<html>log in</html>", headers: { "content-type": "text/html" } };

  /** @param times how often a method fails; then all is well */
  const failing = (stub: S3Stub, method: string, fault: Fault, times = Infinity) => {
    let left = times;
    stub.fault = (asked) => (asked === method && left-- > 0 ? fault : undefined);
  };

  test.each<[what: string, method: string, fault: Fault]>([
    ["is busy", "GET", { status: 503 }],
    ["is busy for a HEAD", "HEAD", { status: 500 }],
    ["is silent", "HEAD", "silent"],
    ["breaks the line", "GET", "lost"],
  ])("and %s for a moment is asked again", async (_what, method, fault) => {
    await using rig = await openStubRig();
    await upload(rig.storage, path, large);
    failing(rig.stub, method, fault, 2);
    expect(isSame(await download(rig.storage, path), large)).toBe(true);
  });

  test.each<[what: string, method: string, fault: Fault]>([
    ["is busy for good", "HEAD", { status: 503 }],
    ["does not know us", "HEAD", { status: 403 }],
    ["answers a page", "HEAD", html],
    ["answers a page for the object", "GET", html],
    [
      "answers another version",
      "GET",
      { status: 200, headers: { etag: '"else"', "content-length": "5" }, body: "small" },
    ],
    [
      "answers more than was asked for",
      "GET",
      { status: 200, headers: { etag: '"x"' }, body: "x".repeat(100) },
    ],
    ["is silent for good", "GET", "silent"],
    ["sends half of it", "GET", "cut"],
    ["sends other bytes", "GET", "wrong"],
  ])("and %s gives no object", async (_what, method, fault) => {
    for (const bytes of [small, large]) {
      await using own = await openStubRig();
      await upload(own.storage, path, bytes);
      failing(own.stub, method, fault);
      // What was seen a moment ago is believed to be there: the other storage has seen nothing.
      const storage = await freshOn(own.stub);
      const got = await download(storage, path).catch((error: unknown) => error);
      expect(got === "broken" || got instanceof StorageFailure).toBe(true);
      await storage.close();
    }
  });

  const freshOn = async (stub: S3Stub) => {
    const before = stub.fault;
    stub.fault = () => undefined;
    const storage = await openBucket(stub.endpoint);
    stub.fault = before;
    return storage;
  };

  test.each<[what: string, fault: Fault]>([
    ["is busy", { status: 503 }],
    ["is full", { status: 507, body: "<Error><Code>Full</Code></Error>" }],
    ["says yes and keeps nothing", html],
    ["is silent", "silent"],
  ])("and %s takes no upload", async (_what, fault) => {
    await using rig = await openStubRig();
    failing(rig.stub, "PUT", fault);
    await expect(upload(rig.storage, path, small)).rejects.toThrow(StorageFailure);
    rig.stub.fault = () => undefined;
    expect(await rig.storage.find(path)).toBeUndefined();
    expect(await upload(rig.storage, path, small)).toMatchObject({ wasThere: false });
  });

  test("and loses its answer has the upload all the same, with all that stands beside it", async () => {
    await using rig = await openStubRig();
    failing(rig.stub, "PUT", "lost", 1);
    expect(await upload(rig.storage, path, small, Buffer.from("signed"))).toEqual({
      digest: sha256(small),
      wasThere: true,
    });
    for (const suffix of ["", ".sha256", ".sig"])
      expect(rig.stub.objects.has(`pre/fix/${path}${suffix}`)).toBe(true);
  });

  test("and loses what stands beside an object has it when the client sends it again", async () => {
    await using rig = await openStubRig();
    rig.stub.fault = (method, key) =>
      method === "PUT" && key.endsWith(".sha256") ? { status: 500 } : undefined;
    await expect(upload(rig.storage, path, small)).rejects.toThrow(StorageFailure);
    // The object says itself what its bytes are.
    expect(String(await download(rig.storage, `${path}.sha256`))).toContain(sha256(small));
    rig.stub.fault = () => undefined;
    expect(await upload(rig.storage, path, small)).toMatchObject({ wasThere: true, digest: sha256(small) });
    expect(rig.stub.objects.has(`pre/fix/${path}.sha256`)).toBe(true);
  });

  test.each<[what: string, fault: Fault]>([
    ["a page", html],
    [
      "half a listing",
      { status: 200, body: "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>" },
    ],
    ["a refusal", { status: 403, body: "<Error><Code>AccessDenied</Code><Message>no</Message></Error>" }],
  ])(
    "and answers %s to a listing is not taken for an empty one, and nothing starts on it",
    async (_what, fault) => {
      await using rig = await openStubRig();
      rig.stub.fault = (_method, key) => (key === "" ? fault : undefined);
      await expect(rig.storage.list()).rejects.toThrow(StorageFailure);
      expect(await rig.storage.fault()).toBeDefined();
      await expect(openBucket(rig.stub.endpoint)).rejects.toThrow(StorageFailure);
    },
  );

  test("is 503 to clients, and nothing is acknowledged", async () => {
    await using rig = await openStubRig();
    await using server = await openServer({
      objects: {
        bucket: "bucket",
        prefix: "",
        endpoint: rig.stub.endpoint,
        region: "x",
        credentials: CREDENTIALS,
        retryPauseMs: 1,
      },
    });
    const url = `${server.url}/${encodeURI(path)}`;
    const put = () =>
      fetch(url, { method: "PUT", body: small, headers: { authorization: `Bearer ${server.token}` } });
    rig.stub.fault = () => ({ status: 500 });
    const answers = [
      await fetch(url),
      await fetch(url, { method: "HEAD" }),
      await put(),
      await fetch(new URL("/healthz", url)),
    ];
    expect(answers.map(({ status }) => status)).toEqual([503, 503, 503, 503]);
    rig.stub.fault = () => undefined;
    expect((await put()).status).toBe(201);
    const got = await fetch(url);
    expect([got.status, await got.text(), got.headers.get("etag")]).toEqual([
      200,
      "small",
      `"${sha256(small)}"`,
    ]);
    expect((await fetch(`${url}.sha256`)).status).toBe(200);
  });
});
