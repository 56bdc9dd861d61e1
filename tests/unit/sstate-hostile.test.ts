/** What stands in a mirror or in SSTATE_DIR and is not what a build has put there. */
import { execFileSync } from "node:child_process";
import { chmod, mkdir, readFile, readdir, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { sha256 } from "@tsbake/base";
import {
  chainStores,
  folderCatalog,
  labelArtifact,
  listStore,
  noStore,
  objectPath,
  openFolderStore,
  openMirrors,
  pruneStore,
  readThrough,
  verifyStore,
  type StoreOptions,
} from "@tsbake/sstate";
import { nameOf, seed } from "../contract/store.js";
import { serveFolder } from "../support/mirror.js";
import { describeUnless, testUnless } from "../support/skip.js";
import { openServer } from "../support/sstate-server.js";
import { temporaryFolder } from "../support/temporary.js";
import { toolsProblem } from "../support/tools.js";

// A host without it takes only what is packed with gzip from a mirror.
const noZstd = await toolsProblem("zstd");
const noOpenssl = await toolsProblem("openssl");

const temporary = (): string => temporaryFolder("sstate-hostile");
const name = nameOf("abcd");

/** What can stand in the place of a file and is none. */
const unfit: readonly (readonly [string, (path: string) => void | Promise<void>])[] = [
  ["a FIFO", (path) => void execFileSync("mkfifo", [path])],
  ["a link to /dev/zero", (path) => symlink("/dev/zero", path)],
  ["a folder", (path) => mkdir(path)],
  ["a link to nowhere", (path) => symlink("nowhere", path)],
];

interface Chain {
  readonly store: ReturnType<typeof chainStores>;
  readonly own: string;
  readonly warnings: string[];
}

/** A chain of an empty folder and a mirror. @param mirror URL below which it has its objects */
function chainOf(mirror: string, more: Partial<StoreOptions> = {}): Chain {
  const warnings: string[] = [];
  const own = temporary();
  const options = {
    retryPauseMs: 1,
    ...more,
    onWarning: (one: string): void => void warnings.push(one),
    downloads: join(own, ".incoming"),
  };
  const store = chainStores(openFolderStore(own, options), openMirrors(`file://.* ${mirror}/PATH`, options));
  return { store, own, warnings };
}

describe.each(unfit)("%s", (_what, make) => {
  test.each(["", ".sha256"])(
    "as the file with the suffix `%s` of a mirror is no artifact and hangs nothing",
    async (suffix) => {
      const folder = temporary();
      const object = await seed(folder, name, "bytes");
      await rm(object + suffix);
      await make(object + suffix);
      const { store, warnings } = chainOf(`file://${folder}`);
      const found = await store.find([name]);
      expect(await store.get(name)).toBeUndefined();
      // Either it is not found at all, or it is said why it is not used.
      expect(found.size === 0 || warnings.length === 1).toBe(true);
    },
  );

  testUnless(noZstd, "as the description of a mirror's artifact leaves the artifact usable", async () => {
    const folder = temporary();
    const object = await seed(folder, name, "bytes");
    await rm(`${object}.siginfo`, { force: true });
    await make(`${object}.siginfo`);
    expect(await readFile((await chainOf(`file://${folder}`).store.get(name))!, "utf8")).toBe("bytes");
  });

  test.each(["", ".sha256", ".siginfo"])(
    "as the file with the suffix `%s` of SSTATE_DIR hangs nothing and heals",
    async (suffix) => {
      const folder = temporary();
      const object = await seed(folder, name, "bytes");
      await rm(object + suffix, { force: true });
      await make(object + suffix);
      const store = openFolderStore(folder, { onWarning: () => {} });
      await store.find([name]);
      const got = await store.get(name);
      expect(got === undefined).toBe(suffix !== ".siginfo");
      await verifyStore(folder);
      const made = join(temporary(), "made");
      await writeFile(made, "bytes");
      if (suffix === "" && (await store.find([name])).size === 0)
        await rm(object, { recursive: true, force: true });
      await store.put(name, made, "about");
      expect(await readFile((await store.get(name))!, "utf8")).toBe("bytes");
    },
  );
});

describeUnless(noZstd, "a mirror", () => {
  test.each([403, 500])("that answers %i for a description gives the artifact", async (status) => {
    const folder = temporary();
    await seed(folder, name, "bytes");
    await using server = await serveFolder(folder, (request, response) => {
      if (!request.url!.endsWith(".siginfo")) return false;
      response.writeHead(status).end();
      return true;
    });
    const { store } = chainOf(server.url);
    expect(await readFile((await store.get(name))!, "utf8")).toBe("bytes");
  });

  test.each([
    ["too long", { maxBytes: 1_000_000 }, "is longer than 1000000 bytes", false],
    ["too slow", { maxMs: 200 }, "has not sent all of", true],
  ] as const)("whose artifact has no end is done without: it is %s", async (_what, limit, said, isKept) => {
    const folder = temporary();
    await seed(folder, name, "bytes");
    await using server = await serveFolder(folder, (request, response) => {
      if (request.method !== "GET" || !request.url!.endsWith(".tar.zst")) return false;
      const more = (): void => void response.write("x".repeat(1 << 14));
      response.on("drain", more).writeHead(200);
      more();
      return true;
    });
    const { store, own, warnings } = chainOf(server.url, limit);
    expect(await store.get(name)).toBeUndefined();
    expect(warnings).toEqual([expect.stringContaining(said)]);
    // What came slowly is gone on with the next time; what has no end never is.
    const parts = (await readdir(join(own, ".incoming"))).filter((one) => one.endsWith(".part"));
    expect(parts.length > 0).toBe(isKept);
  });

  test("gives equal artifacts of many tasks at once, to several who share a folder for what comes", async () => {
    const folder = temporary();
    const names = Array.from({ length: 30 }, (_one, at) => nameOf(`ab${String(at).padStart(2, "0")}`));
    for (const one of names) await seed(folder, one, "the same".repeat(10_000));
    await using server = await serveFolder(folder);
    const warnings: string[] = [];
    const own = temporary();
    const options = {
      onWarning: (one: string): void => void warnings.push(one),
      downloads: join(own, ".incoming"),
    };
    const stores = ["file", "http"].map((kind) =>
      chainStores(
        openFolderStore(join(own, kind), options),
        openMirrors(`file://.* ${kind === "file" ? `file://${folder}` : server.url}/PATH`, options),
      ),
    );
    const got = await Promise.all(stores.flatMap((store) => names.map((one) => store.get(one))));
    expect(got.filter((one) => one === undefined)).toEqual([]);
    expect(warnings).toEqual([]);
    expect((await readdir(join(own, ".incoming"))).filter((one) => one.endsWith(".part"))).toEqual([]);
  });

  test("is not asked again for what was rejected, and what the task makes takes its place", async () => {
    const folder = temporary();
    await seed(folder, name, "not what the task makes");
    const { store, own } = chainOf(`file://${folder}`);
    expect(await store.get(name)).toBeDefined();
    await store.reject(name);
    expect(await store.get(name)).toBeUndefined();
    expect((await readdir(join(own, "ab/cd"))).filter((one) => one.endsWith(".bad"))).toHaveLength(1);
    const made = join(temporary(), "made");
    await writeFile(made, "what it makes");
    await store.put(name, made, "");
    expect(await readFile((await store.get(name))!, "utf8")).toBe("what it makes");
  });

  test.each([
    ["with SSTATE_DIR", false],
    ["with one that cannot be written to", true],
    ["without", undefined],
  ] as const)(
    "that has another artifact is left out, and the next one is asked: %s",
    async (_how, isReadOnly) => {
      const [first, second, own] = [temporary(), temporary(), temporary()];
      await seed(first, name, "of another task");
      await seed(second, name, "right");
      const mirrors = openMirrors(`file://.* file://${first}/PATH file://.* file://${second}/PATH`, {
        onWarning: () => {},
      });
      if (isReadOnly) {
        await seed(own, name, "wrong, too");
        await chmod(join(own, "ab/cd"), 0o555);
      }
      const store =
        isReadOnly === undefined
          ? readThrough(mirrors)
          : chainStores(openFolderStore(own, { onWarning: () => {} }), mirrors);
      const seen: string[] = [];
      for (let file = await store.get(name); file !== undefined; file = await store.get(name)) {
        seen.push(await readFile(file, "utf8"));
        await store.reject(name);
      }
      expect(seen).toEqual([...(isReadOnly ? ["wrong, too"] : []), "of another task", "right"]);
      await chmod(join(own, "ab/cd"), 0o755).catch(() => undefined);
    },
  );

  test("is read without SSTATE_DIR, and nothing is kept", async () => {
    const folder = temporary();
    await seed(folder, name, "bytes");
    const store = readThrough(openMirrors(`file://.* file://${folder}/PATH`, { onWarning: () => {} }));
    expect(await readFile((await store.get(name))!, "utf8")).toBe("bytes");
    const made = join(temporary(), "made");
    await writeFile(made, "");
    await store.put(nameOf("ef01"), made, "");
    expect([await store.get(nameOf("ef01")), await noStore().find([name])]).toEqual([undefined, new Set()]);
    expect(() => openFolderStore("", { onWarning: () => {} })).toThrow("without a folder");
  });
});

testUnless(
  noOpenssl,
  "a mirror whose certificate nobody vouches for is one warning, and nothing of it is used",
  async () => {
    const [own, objects] = [temporary(), temporary()];
    await seed(objects, name, "bytes");
    const [key, certificate] = [join(own, "key.pem"), join(own, "certificate.pem")];
    const request = "req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -days 2".split(" ");
    execFileSync("openssl", [...request, "-keyout", key, "-out", certificate], {
      stdio: "ignore",
      env: process.env,
    });
    await using server = await openServer({
      folder: objects,
      argv: ["--tls-cert", certificate, "--tls-key", key],
    });
    const warnings: string[] = [];
    const mirrors = openMirrors(`file://.* ${server.url}/PATH`, {
      onWarning: (one) => void warnings.push(one),
      retryPauseMs: 1,
    });
    const store = readThrough(mirrors);
    expect(await store.find([name, nameOf("ef01")])).toEqual(new Set());
    expect(await store.get(name)).toBeUndefined();
    expect(warnings).toEqual([expect.stringMatching(/certificate.*goes on without this mirror/)]);
  },
);

describe("what is not the store's", () => {
  /** Names as people give them, some close to ours. */
  const others = [
    "README",
    "thesis.tar.gz",
    "hash-equivalences.jsonl",
    "nightly.sh",
    "ab/cd/notes.txt",
    "ab/cd/backup.tar.zst",
    "ab/cd/abcd_backup.tar.gz",
    "ab/cd/.hidden.tmp",
    "ab/ce/sstate:demo:x:1.0:r0:x:14:abcd_install.tar.zst",
    "a/b/c/sstate:demo:x:1.0:r0:x:14:abcd_install.tar.zst",
    "ab/cd/sstate:demo:x:1.0:r0:x:14:abcd_install.tar.zst.orig",
    ".incoming/photo.jpg",
  ];

  test("is neither listed, counted, verified nor deleted", async () => {
    const folder = temporary();
    const object = await seed(folder, name, "bytes");
    const rests = [
      "ab/cd/.0123456789abcdef.tmp",
      "ab/cd/.0123abcd-4026531836-12-345.0123456789ab.tmp",
      "ab/cd/.0123abcd-4026531836-12-345.0123456789ab.tmp.sig",
      `.incoming/${"0".repeat(32)}.part`,
      ".incoming/run-abCD12/x",
      ".incoming/run-0123abcd-4026531836-12-345-abCD12/x",
    ];
    for (const path of [...others, ...rests]) {
      await mkdir(join(folder, path, ".."), { recursive: true });
      await writeFile(join(folder, path), "mine");
      await utimes(join(folder, path), new Date(0), new Date(0));
    }
    const store = await listStore(folder);
    expect(store.map(({ path }) => path).sort()).toEqual([...rests, objectPath(name)].sort());
    await verifyStore(folder, { remove: true });
    const { removed } = await pruneStore(folderCatalog(folder), {
      maxAgeMs: 1,
      nowMs: Date.now() + 1e9,
      isWanted: () => false,
    });
    expect(removed).toHaveLength(1 + rests.length);
    for (const path of others)
      expect([path, sha256(await readFile(join(folder, path)))]).toEqual([path, sha256("mine")]);
    await expect(readFile(object)).rejects.toThrow("ENOENT");
  });

  test("what says that it is another artifact is found by verify, and goes; what says nothing stays", async () => {
    const [folder, work] = [temporary(), temporary()];
    const labelled = join(work, "labelled");
    await writeFile(labelled, "bytes");
    await labelArtifact(labelled, name);
    const bytes = await readFile(labelled);
    const wrong = await seed(folder, nameOf("abce"), bytes);
    for (const [one, content] of [
      [name, bytes],
      [nameOf("abcf"), "no word of it"],
    ] as const)
      await seed(folder, one, content);
    const { faults } = await verifyStore(folder);
    expect(faults).toMatchObject([{ path: objectPath(nameOf("abce")), kind: "damaged" }]);
    expect(faults[0]!.why).toMatch(/^it is another artifact, .*abcd_install$/);
    expect(await verifyStore(folder, { remove: true })).toMatchObject({ checked: 3, removed: 1 });
    await expect(readFile(wrong)).rejects.toThrow("ENOENT");
    expect(await verifyStore(folder)).toMatchObject({ checked: 2, faults: [] });
  });

  test("what is published again while a prune looks stays, with its checksum", async () => {
    const folder = temporary();
    const names = Array.from({ length: 12 }, (_one, at) => nameOf(`ab${String(at).padStart(2, "0")}`));
    const store = openFolderStore(folder, { onWarning: () => {} });
    const publish = async (): Promise<void> => {
      for (const one of names) {
        if ((await store.find([one])).size > 0) continue;
        const made = join(temporary(), "made");
        await writeFile(made, "bytes");
        await store.put(one, made, "");
      }
    };
    await publish();
    for (let round = 0; round < 10; round++) {
      await Promise.all([pruneStore(folderCatalog(folder), { isWanted: () => false }), publish()]);
      const { faults } = await verifyStore(folder);
      expect(faults).toEqual([]);
    }
  }, 60_000);
});
