/** Feeds that are no apt archive: their index on a server or in a folder, and who has signed it. */
import { afterAll, afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { downloadClosure, readFeedIndex, readFeedIndexes } from "@tsbake/packaging";
import {
  openFeedIndex,
  readFeedKey,
  shareOfArchive,
  updateFeedIndex,
  writeFeedIndexes,
} from "@tsbake/packaging/feed";
import { sha256File } from "@tsbake/base";
import { gpgMissing, Keyring } from "../support/gpg.js";
import { testUnless } from "../support/skip.js";
import { temporaryFolder } from "../support/temporary.js";
import { listening } from "../support/listening.js";

const work = temporaryFolder("feed-index");
afterAll(() => rmSync(work, { recursive: true, force: true }));
let folders = 0;
const fresh = (): string => {
  const folder = join(work, String(++folders));
  mkdirSync(folder);
  return folder;
};

/** What the server has, by path; anything else is 404. A number is a status. */
let files: Record<string, Buffer | string | number>;
let asked: string[];
let server: Server;
let address: string;

beforeEach(async () => {
  files = {};
  asked = [];
  server = createServer((request, answer) => {
    asked.push(request.url!);
    const found = files[request.url!] ?? 404;
    if (typeof found === "number") answer.writeHead(found).end("no");
    else answer.end(found);
  });
  address = `${(await listening(server)).url}/feed`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const INDEX = Buffer.from("Package: aa\nVersion: 1\nArchitecture: all\n\n");
const refusedWith = (code: string, why: RegExp) => ({
  diagnostics: [{ code: `packaging/${code}`, message: expect.stringMatching(why) }],
});

/** A pair of keys as usign writes them. */
function usignKeys(id = randomBytes(8)) {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const raw = publicKey.export({ type: "spki", format: "der" }).subarray(-32);
  const file = (data: Buffer, comment: string): Buffer =>
    Buffer.from(
      `untrusted comment: ${comment}\n${Buffer.concat([Buffer.from("Ed"), id, data]).toString("base64")}\n`,
    );
  const path = join(fresh(), "key.pub");
  writeFileSync(path, file(raw, "public key"));
  return { path, sign: (bytes: Uint8Array) => file(sign(undefined, bytes, privateKey), "signed") };
}

describe("an index on a server", () => {
  test.each([
    ["packed", { "/feed/Packages.gz": gzipSync(INDEX) }, ["/feed/Packages.gz"]],
    ["unpacked only", { "/feed/Packages": INDEX }, ["/feed/Packages.gz", "/feed/Packages"]],
  ])("%s: it is fetched once, and then the server may go", async (_, has, requests) => {
    files = has;
    const options = { folder: fresh(), keys: [], format: "ipk" as const };
    const index = await openFeedIndex(`${address}/`, options);
    expect(index.feed).toBe(address);
    expect(await readFeedIndex(index)).toEqual(INDEX);
    expect(asked).toEqual(requests);
    files = {};
    expect(await openFeedIndex(address, options)).toEqual(index);
    expect(asked).toEqual(requests);
  });

  test("another one comes when it is asked for, and the old one stays for who was signed with it", async () => {
    const options = { folder: fresh(), keys: [], format: "ipk" as const };
    expect(await updateFeedIndex(address, options)).toBeUndefined();
    expect(asked).toEqual([]);
    files = { "/feed/Packages": INDEX };
    const before = await openFeedIndex(address, options);
    expect(await updateFeedIndex(address, options)).toBe(false);
    files = { "/feed/Packages": "Package: bb\n" };
    expect(await openFeedIndex(address, options)).toEqual(before);
    expect(await updateFeedIndex(address, options)).toBe(true);
    const after = await openFeedIndex(address, options);
    expect((await readFeedIndex(after)).toString()).toBe("Package: bb\n");
    expect(await readFeedIndex(before)).toEqual(INDEX);
    // Where the server has gone, what was there stays.
    files = { "/feed/Packages.gz": 500 };
    await expect(updateFeedIndex(address, options)).rejects.toMatchObject(
      refusedWith("feed-silent", /answers 500/),
    );
    expect(await openFeedIndex(address, options)).toEqual(after);
  });

  test("one that is damaged on the disk is fetched again, and never handed to a task", async () => {
    files = { "/feed/Packages": INDEX };
    const options = { folder: fresh(), keys: [], format: "ipk" as const };
    const index = await openFeedIndex(address, options);
    writeFileSync(index.path, "Package: other\n");
    await expect(readFeedIndex(index)).rejects.toMatchObject(refusedWith("bad-feed", /is not what it was/));
    expect(await openFeedIndex(address, options)).toEqual(index);
    expect(await readFeedIndex(index)).toEqual(INDEX);
  });

  test.each<[string, Record<string, Buffer | string | number>, ReturnType<typeof refusedWith>]>([
    ["nothing", {}, refusedWith("bad-feed", /neither Packages nor Packages\.gz/)],
    ["a page of HTML", { "/feed/Packages.gz": "<html>" }, refusedWith("bad-feed", /Packages\.gz is damaged/)],
    ["an error", { "/feed/Packages.gz": 503 }, refusedWith("feed-silent", /answers 503/)],
    [
      "an index that unpacks without end",
      { "/feed/Packages.gz": gzipSync(Buffer.alloc(100 << 20), { level: 1 }) },
      refusedWith("bad-feed", /more than 96 MiB/),
    ],
  ])("%s is refused", async (_, has, refusal) => {
    files = has;
    await expect(
      openFeedIndex(address, { folder: fresh(), keys: [], format: "ipk" as const }),
    ).rejects.toMatchObject(refusal);
  });

  test("a server that is not there is refused by name", async () => {
    server.close();
    server.closeAllConnections();
    await expect(
      openFeedIndex(address, { folder: fresh(), keys: [], format: "ipk" as const }),
    ).rejects.toMatchObject(refusedWith("feed-silent", new RegExp(`${address}.*ECONNREFUSED`)));
  });

  test("packages come from it, each compared with the index", async () => {
    const bytes = Buffer.from("package");
    const source = join(fresh(), "x");
    writeFileSync(source, bytes);
    const one = {
      name: "aa",
      version: "1",
      architecture: "all",
      sha256: await sha256File(source),
      sizeBytes: bytes.length,
      stanza: "Package: aa\n",
      file: "aa_1.ipk",
      uri: `${address}/sub/aa_1.ipk`,
    };
    const pool = fresh();
    const get = () => downloadClosure({ roots: [], packages: [one] }, pool, { server: true });
    await expect(get()).rejects.toMatchObject({ diagnostics: [{ code: "packaging/superseded" }] });
    files = { "/feed/sub/aa_1.ipk": "Package" };
    await expect(get()).rejects.toMatchObject({ diagnostics: [{ code: "packaging/other-content" }] });
    files = { "/feed/sub/aa_1.ipk": 500 };
    await expect(get()).rejects.toMatchObject({ diagnostics: [{ code: "packaging/download-failed" }] });
    files = { "/feed/sub/aa_1.ipk": bytes };
    await get();
    expect(readFileSync(join(pool, `aa_1.${one.sha256.slice(0, 16)}.ipk`))).toEqual(bytes);
    asked = [];
    await get();
    expect(asked).toEqual([]);
  });
});

describe("a signed index", () => {
  test("of usign: by this key, of these bytes, and of no others", async () => {
    const keys = usignKeys();
    const key = await readFeedKey(keys.path);
    const signature = keys.sign(INDEX);
    await fc.assert(
      fc.asyncProperty(fc.nat(INDEX.length + 73), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        // A byte of the index, or one of what the signature says.
        const [index, data] = [
          Buffer.from(INDEX),
          Buffer.from(signature.toString().split("\n")[1]!, "base64"),
        ];
        if (at < index.length) index[at]! ^= flip;
        else data[at - index.length]! ^= flip;
        files = {
          "/feed/Packages": index,
          "/feed/Packages.sig": `untrusted comment: x\n${data.toString("base64")}\n`,
        };
        const opened = openFeedIndex(address, { folder: fresh(), keys: [key], format: "ipk" });
        await expect(opened).rejects.toMatchObject(refusedWith("feed-not-signed", /Packages\.sig: it is/));
      }),
      { numRuns: 40 },
    );
    files = { "/feed/Packages.gz": gzipSync(INDEX), "/feed/Packages.sig": signature };
    expect(
      await readFeedIndex(await openFeedIndex(address, { folder: fresh(), keys: [key], format: "ipk" })),
    ).toEqual(INDEX);
  });

  test("of two states, the index of one and the signature of the other, is asked for again", async () => {
    const keys = usignKeys();
    const key = await readFeedKey(keys.path);
    files = { "/feed/Packages": "Package: old\n", "/feed/Packages.sig": keys.sign(INDEX) };
    server.on("request", ({ url }) => {
      if (url === "/feed/Packages.asc") files["/feed/Packages"] = INDEX;
    });
    expect(
      await readFeedIndex(await openFeedIndex(address, { folder: fresh(), keys: [key], format: "ipk" })),
    ).toEqual(INDEX);
  });

  test("one that was believed without a key is looked at again when there is one", async () => {
    const [mine, other] = [usignKeys(), usignKeys()];
    const folder = fresh();
    files = { "/feed/Packages": INDEX };
    await openFeedIndex(address, { folder, keys: [], format: "ipk" as const });
    const keys = [await readFeedKey(mine.path)];
    await expect(openFeedIndex(address, { folder, keys, format: "ipk" })).rejects.toMatchObject(
      refusedWith("feed-not-signed", /it has no signature/),
    );
    files["/feed/Packages.sig"] = mine.sign(INDEX);
    await openFeedIndex(address, { folder, keys, format: "ipk" });
    // From the disk, by whom it is believed then.
    files = {};
    await openFeedIndex(address, { folder, keys, format: "ipk" });
    await expect(
      openFeedIndex(address, { folder, keys: [await readFeedKey(other.path)], format: "ipk" }),
    ).rejects.toMatchObject(refusedWith("feed-not-signed", /none of the keys/));
  });

  test("of a folder is looked at, too", async () => {
    const keys = usignKeys();
    const folder = fresh();
    writeFileSync(join(folder, "Packages"), INDEX);
    const options = { folder: fresh(), keys: [await readFeedKey(keys.path)], format: "ipk" as const };
    await expect(openFeedIndex(folder, options)).rejects.toMatchObject(
      refusedWith("feed-not-signed", /no signature/),
    );
    writeFileSync(join(folder, "Packages.sig"), keys.sign(INDEX));
    const index = await openFeedIndex(`file://${folder}`, options);
    expect(index.feed).toBe(folder);
    expect(await readFeedIndex(index)).toEqual(INDEX);
  });

  testUnless(
    gpgMissing,
    "of OpenPGP: armoured and binary, by this key only",
    async () => {
      await using ring = new Keyring();
      const [mine, other] = [await ring.key("mine"), await ring.key("other")];
      const folder = fresh();
      const at = (name: string): string => join(folder, name);
      writeFileSync(at("index"), INDEX);
      await ring.gpg(["--armor", "-u", mine, "-o", at("asc"), "--detach-sign", at("index")]);
      await ring.gpg(["-u", mine, "-o", at("sig"), "--detach-sign", at("index")]);
      await ring.gpg(["--armor", "-o", at("mine.asc"), "--export", mine]);
      await ring.gpg(["-o", at("mine.gpg"), "--export", mine]);
      await ring.gpg(["-o", at("other.gpg"), "--export", other]);
      await ring.gpg([
        "--pinentry-mode",
        "loopback",
        "--passphrase",
        "",
        "--armor",
        "-o",
        at("secret"),
        "--export-secret-keys",
        mine,
      ]);
      const open = async (key: string) =>
        openFeedIndex(address, { folder: fresh(), keys: [await readFeedKey(at(key))], format: "ipk" });
      for (const [name, from] of [
        ["Packages.asc", "asc"],
        ["Packages.sig", "sig"],
      ] as const) {
        files = { "/feed/Packages": INDEX, [`/feed/${name}`]: readFileSync(at(from)) };
        for (const key of ["mine.asc", "mine.gpg"])
          expect(await readFeedIndex(await open(key))).toEqual(INDEX);
        await expect(open("other.gpg")).rejects.toMatchObject(
          refusedWith("feed-not-signed", /none of the keys/),
        );
        files["/feed/Packages"] = "Package: other\n";
        await expect(open("mine.gpg")).rejects.toMatchObject(
          refusedWith("feed-not-signed", /not of these bytes/),
        );
      }
      files = { "/feed/Packages": INDEX, "/feed/Packages.sig": "<html>" };
      await expect(open("mine.gpg")).rejects.toMatchObject(
        refusedWith("feed-not-signed", /it is no signature/),
      );
      await expect(open("secret")).rejects.toMatchObject(refusedWith("bad-feed-key", /it is a secret key/));
    },
    60_000,
  );

  test.each([
    ["that is not there", undefined, /it is not there/],
    ["of usign that is cut off", "untrusted comment: x\nRWQ\n", /no public key of usign/],
    ["that is none", "ssh-ed25519 AAAA\n", /neither a key of usign nor one of OpenPGP/],
  ])("a key %s is refused", async (_, text, why) => {
    const path = join(fresh(), "key");
    if (text !== undefined) writeFileSync(path, text);
    await expect(readFeedKey(path)).rejects.toMatchObject(refusedWith("bad-feed-key", why));
  });
});

test("which indexes a task was signed with comes back from its file, and nothing else does", async () => {
  const path = join(fresh(), "indexes");
  const one = { feed: "/x", path: "/y", sha256: "0".repeat(64) };
  writeFileSync(path, writeFeedIndexes([one]));
  expect(await readFeedIndexes(path)).toEqual([one]);
  writeFileSync(path, "{}");
  await expect(readFeedIndexes(path)).rejects.toMatchObject(refusedWith("bad-feed", /missing/));
});

describe("what the archive has to give beside feeds", () => {
  const stanza = (name: string, fields = ""): string =>
    `Package: ${name}\nVersion: 1\nArchitecture: all\n${fields}\n`;

  test.each<
    [string, readonly string[], readonly string[], readonly string[], readonly (readonly string[])[]]
  >([
    ["no feed", ["a", "b=1"], [], ["a", "b=1"], []],
    [
      "a root of a feed, by name, version or release",
      ["a", "b=1", "c/now", "d"],
      ["a", "b", "c"].map((one) => stanza(one)),
      ["d"],
      [],
    ],
    ["a root that a feed provides", ["mail"], [stanza("a", "Provides: mail, post (= 2)\n")], [], []],
    [
      "what a package of a feed needs and no feed has",
      ["a"],
      [
        stanza("a", "Pre-Depends: libc6:any (>= 2)\nDepends: b, x | y, z | b\n"),
        stanza("b", "Depends: a, libq\n"),
      ],
      [],
      [["libc6"], ["libq"], ["x", "y"]],
    ],
    ["nothing of what nobody asks for", ["a"], [stanza("a"), stanza("b", "Depends: c\n")], [], []],
    [
      "of each version of a package",
      ["a"],
      [stanza("a", "Depends: old\n"), stanza("a", "Depends: new\n")],
      [],
      [["new"], ["old"]],
    ],
  ])("%s", (_, roots, index, fromArchive, wanted) => {
    expect(shareOfArchive(roots, [index.join("")])).toEqual({ roots: fromArchive, wanted });
    // In how many feeds they are makes no difference.
    expect(shareOfArchive(roots, index)).toEqual({ roots: fromArchive, wanted });
  });
});
