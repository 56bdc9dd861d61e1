import {
  chmod,
  chown,
  copyFile,
  link,
  mkdir,
  readFile,
  readdir,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { packTree, tarOf, treeManifest } from "@tsbake/archive";
import { sha256 } from "@tsbake/base";
import {
  chainStores,
  folderCatalog,
  checkLabel,
  labelArtifact,
  listStore,
  objectPath,
  openFolderStore,
  openMirrors,
  packArtifact,
  pruneStore,
  storeStatistics,
  unpackArtifact,
  verifyStore,
} from "@tsbake/sstate";
import { programOf } from "../support/paths.js";
import { run } from "../support/command.js";
import { nameOf, seed, storeContract } from "../contract/store.js";
import { serveFolder } from "../support/mirror.js";
import { describeUnless, notRoot, testUnless } from "../support/skip.js";
import { temporaryFolder } from "../support/temporary.js";
import { toolsProblem } from "../support/tools.js";

/** A host without it takes only what is packed with gzip from a mirror. */
const noZstd = await toolsProblem("zstd");

const temporary = (): string => temporaryFolder("sstate");
const nothing = { [Symbol.asyncDispose]: () => Promise.resolve() };

storeContract("a folder", async () => {
  const folder = temporary();
  const warnings: string[] = [];
  return {
    store: openFolderStore(folder, { onWarning: (one) => warnings.push(one) }),
    folder,
    warnings,
    ...nothing,
  };
});

describeUnless(noZstd, "through mirrors,", () => {
  storeContract("a file mirror", async () => {
    const folder = temporary();
    const warnings: string[] = [];
    const [store] = openMirrors(`file://.* file://${folder}/PATH`, {
      onWarning: (one) => warnings.push(one),
    });
    return { store: store!, folder, warnings, ...nothing };
  });

  storeContract("an http mirror", async () => {
    const folder = temporary();
    const warnings: string[] = [];
    const server = await serveFolder(folder);
    const [store] = openMirrors(`file://.* ${server.url}/PATH;downloadfilename=PATH`, {
      onWarning: (one) => warnings.push(one),
    });
    return { store: store!, folder, warnings, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
  });

  storeContract("a chain of an empty folder and an http mirror", async () => {
    const folder = temporary();
    const warnings: string[] = [];
    const onWarning = (one: string): void => void warnings.push(one);
    const server = await serveFolder(folder);
    const store = chainStores(
      openFolderStore(temporary(), { onWarning }),
      openMirrors(`file://.* ${server.url}/PATH`, { onWarning }),
    );
    return { store, folder, warnings, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
  });
});

describe("object names", () => {
  const spec = "sstate:zlib:x86_64-poky-linux:1.3:r0:x86_64:14:";
  test.each([
    [{ spec, unihash: "abcdef12", task: "do_install" }, `ab/cd/${spec}abcdef12_install.tar.zst`],
    [
      { spec, unihash: "abcdef12", task: "package_write_deb" },
      `ab/cd/${spec}abcdef12_package_write_deb.tar.zst`,
    ],
    [
      { spec, unihash: "abcd", task: "fetch", distro: "debian-12" },
      `debian-12/ab/cd/${spec}abcd_fetch.tar.zst`,
    ],
    [{ spec, unihash: "", task: "fetch" }, `IN/VA/${spec}INVALID_fetch.tar.zst`],
  ])("%j", (name, path) => {
    expect(objectPath(name)).toBe(path);
  });

  test("a long one loses only what informs, the three fields alike", () => {
    const long = `sstate:zlib:${"a".repeat(90)}:${"v".repeat(90)}:${"r".repeat(90)}:x86_64:14:`;
    const path = objectPath({ spec: long, unihash: "f".repeat(64), task: "install" });
    const file = path.split("/")[2]!;
    expect(file.length).toBeLessThanOrEqual(246);
    expect(file.length).toBeGreaterThan(243);
    const fields = file.split(":");
    expect(fields.slice(0, 2)).toEqual(["sstate", "zlib"]);
    expect(new Set(fields.slice(2, 5).map((field) => field.length)).size).toBe(1);
    expect(fields.slice(5)).toEqual(["x86_64", "14", `${"f".repeat(64)}_install.tar.zst`]);
  });

  test("one that cannot be made short enough is an error", () => {
    const long = `sstate:${"n".repeat(250)}:a:v:r:x86_64:14:`;
    expect(() => objectPath({ spec: long, unihash: "f".repeat(64), task: "install" })).toThrow(
      "sstate/long-name",
    );
  });
});

describe("a folder store", () => {
  async function open(): Promise<{
    folder: string;
    warnings: string[];
    store: ReturnType<typeof openFolderStore>;
  }> {
    const folder = temporary();
    const warnings: string[] = [];
    return { folder, warnings, store: openFolderStore(folder, { onWarning: (one) => warnings.push(one) }) };
  }

  test("keeps what it is given, with checksum and description, and nothing else", async () => {
    const { folder, store } = await open();
    const source = join(temporary(), "made");
    await writeFile(source, "bytes");
    await store.put(nameOf("abcd"), source, "why");
    const object = join(folder, objectPath(nameOf("abcd")));
    expect(await readFile(`${object}.sha256`, "utf8")).toBe(
      `${sha256("bytes")}  ${object.split("/").at(-1)}\n`,
    );
    expect(await readFile(`${object}.siginfo`, "utf8")).toBe("why");
    expect(await readdir(dirname(object))).toHaveLength(3);
    expect(await readdir(dirname(source))).toEqual([]);
    expect(await store.get(nameOf("abcd"))).toBe(object);
    expect((await run("sha256sum", ["-c", `${object}.sha256`], { cwd: dirname(object) })).code).toBe(0);
  });

  test("names gzip's bytes truthfully", async () => {
    const { store } = await open();
    const source = join(temporary(), "made");
    await writeFile(source, gzipSync("x"));
    await store.put(nameOf("abcd"), source, "");
    expect(await store.get(nameOf("abcd"))).toMatch(/\.tar\.gz$/);
  });

  test("never replaces an object by other bytes", async () => {
    const { store } = await open();
    const folder = temporary();
    for (const bytes of ["first", "second"]) {
      await writeFile(join(folder, "made"), bytes);
      await store.put(nameOf("abcd"), join(folder, "made"), bytes);
    }
    const object = (await store.get(nameOf("abcd")))!;
    expect(await readFile(object, "utf8")).toBe("first");
    expect(await readFile(`${object}.siginfo`, "utf8")).toBe("first");
    expect(await readdir(folder)).toEqual([]);
  });

  test("moves a damaged object aside, and takes a good one in its place", async () => {
    const { folder, store, warnings } = await open();
    const object = await seed(folder, nameOf("abcd"), "bytes");
    await writeFile(object, "bites");
    expect(await store.get(nameOf("abcd"))).toBeUndefined();
    expect(await store.find([nameOf("abcd")])).toEqual(new Set());
    expect(await readFile(`${object}.bad`, "utf8")).toBe("bites");
    const source = join(temporary(), "made");
    await writeFile(source, "bytes");
    await store.put(nameOf("abcd"), source, "");
    expect(await readFile((await store.get(nameOf("abcd")))!, "utf8")).toBe("bytes");
    expect(warnings).toHaveLength(1);
  });

  test("one that cannot be written to is one problem, and the artifact stays with its maker", async () => {
    const file = join(temporary(), "a-file");
    await writeFile(file, "");
    const source = join(temporary(), "made");
    await writeFile(source, "bytes");
    const store = openFolderStore(file, { onWarning: () => {} });
    await expect(store.put(nameOf("abcd"), source, "")).rejects.toThrow("sstate/unusable-store");
    expect(await readFile(source, "utf8")).toBe("bytes");
  });

  test("two processes that put the same objects, with other bytes, leave whole and verified ones", async () => {
    const { folder, store, warnings } = await open();
    const script = join(temporary(), "put.mjs");
    const room = new URL("../../../packages/sstate/dist/index.js", import.meta.url);
    await writeFile(
      script,
      `import { openFolderStore } from ${JSON.stringify(fileURLToPath(room))};
       import { mkdtempSync, writeFileSync } from "node:fs";
       const [, , folder, bytes] = process.argv;
       const own = mkdtempSync(${JSON.stringify(join(tmpdir(), "tsbake-put-"))});
       const store = openFolderStore(folder, { onWarning: (text) => console.log(text) });
       await Promise.all(Array.from({ length: 30 }, async (_one, at) => {
         writeFileSync(own + "/" + at, bytes.repeat(10000) + at);
         await store.put({ spec: "sstate:x::1:r0::14:", unihash: "abcd" + at, task: "t" }, own + "/" + at, bytes);
       }));`,
    );
    const results = await Promise.all(
      ["one", "two", "six"].map((bytes) => run("node", [script, folder, bytes])),
    );
    expect(results.map(({ code, stdout, stderr }) => [code, stdout, stderr])).toEqual(
      Array(3).fill([0, "", ""]),
    );
    expect(await verifyStore(folder)).toEqual({ checked: 30, faults: [], setAside: 0, removed: 0 });
    for (let at = 0; at < 30; at++) {
      const object = await store.get({ spec: "sstate:x::1:r0::14:", unihash: `abcd${at}`, task: "t" });
      const text = await readFile(object!, "utf8");
      expect(["one", "two", "six"].map((word) => word.repeat(10000) + at)).toContain(text);
    }
    expect(await readdir(join(folder, "ab/cd"))).toHaveLength(90);
    expect(warnings).toEqual([]);
  }, 120_000);
});

describeUnless(noZstd, "mirrors", () => {
  const text = "0123456789".repeat(20_000);

  async function rig(fault: Parameters<typeof serveFolder>[1], options: object = {}) {
    const folder = temporary();
    await seed(folder, nameOf("abcd"), text);
    const server = await serveFolder(folder, fault);
    const warnings: string[] = [];
    const [store] = openMirrors(`file://.* ${server.url}/PATH`, {
      onWarning: (one) => warnings.push(one),
      ...options,
    });
    return {
      folder,
      server,
      warnings,
      store: store!,
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  }

  test("a body that is cut off is gone on with where it broke", async () => {
    let cuts = 0;
    await using one = await rig((request, response) => {
      if (request.method !== "GET" || !request.url!.endsWith(".zst") || cuts++ > 0) return false;
      response.writeHead(200, { "content-length": text.length });
      response.write(text.slice(0, 150_000), () => response.destroy());
      return true;
    });
    expect(await readFile((await one.store.get(nameOf("abcd")))!, "utf8")).toBe(text);
    expect(one.server.requests.filter((line) => line.includes("bytes="))).toHaveLength(1);
    expect(one.warnings).toEqual([]);
  });

  test("what another run has left is gone on with; what is wrong in it is thrown away", async () => {
    for (const [left, ranges] of [
      [text.slice(0, 1000), 1],
      ["wrong", 1],
      [text, 1],
      [`${text}and more`, 1],
    ] as const) {
      const downloads = temporary();
      await using one = await rig(() => false, { downloads });
      const place = `${basename(objectPath(nameOf("abcd")))} ${sha256(text)}`;
      await writeFile(join(downloads, `${sha256(place).slice(0, 32)}.part`), left);
      expect(await readFile((await one.store.get(nameOf("abcd")))!, "utf8")).toBe(text);
      expect(one.server.requests.filter((line) => line.includes("bytes="))).toHaveLength(ranges);
      expect(one.warnings).toEqual([]);
    }
  });

  test("where what comes cannot be kept for the next run, it is kept elsewhere", async () => {
    const file = join(temporary(), "file");
    await writeFile(file, "");
    for (const downloads of [file, join(file, "below")]) {
      await using one = await rig(() => false, { downloads });
      expect(await readFile((await one.store.get(nameOf("abcd")))!, "utf8")).toBe(text);
      expect(one.warnings).toEqual([]);
    }
    expect(await readFile(file, "utf8")).toBe("");
  });

  test("a server that is not there is one warning, and is not asked again", async () => {
    const dead = await rig(() => false);
    await dead[Symbol.asyncDispose]();
    const names = Array.from({ length: 100 }, (_one, at) => nameOf(`aaaa${at}`));
    expect(await dead.store.find(names)).toEqual(new Set());
    expect(await dead.store.get(nameOf("abcd"))).toBeUndefined();
    expect(dead.warnings).toHaveLength(1);
    expect(dead.warnings[0]).toMatch(/ECONNREFUSED.*goes on without this mirror/);
  });

  test.each([
    [
      "rubbish instead of HTTP",
      (response: { socket: { end(text: string): void } | null }) => response.socket!.end("SSH-2.0-x\r\n"),
    ],
    ["silence", () => {}],
    ["a dead line", (response: { socket: { destroy(): void } | null }) => response.socket!.destroy()],
  ])("%s is one warning", async (_what, answer) => {
    await using one = await rig((_request, response) => (answer(response as never), true), {
      timeoutMs: 200,
    });
    expect(await one.store.find([nameOf("abcd"), nameOf("ef01")])).toEqual(new Set());
    expect(one.warnings).toHaveLength(1);
  });

  test("many are asked for at once, but not more than a server can take", async () => {
    let open = 0;
    let most = 0;
    await using one = await rig((_request, response) => {
      most = Math.max(most, ++open);
      setTimeout(() => {
        open--;
        response.writeHead(404).end();
      }, 20);
      return true;
    });
    const names = Array.from({ length: 100 }, (_one, at) => nameOf(`aaaa${at}`));
    expect(await one.store.find(names)).toEqual(new Set());
    expect(most).toBeGreaterThan(4);
    expect(most).toBeLessThanOrEqual(16);
    expect(one.server.requests.every((line) => line.startsWith("HEAD "))).toBe(true);
  });

  test("one that is busy for a moment is asked again, and whoever waits is told", async () => {
    let busy = 1;
    const notes: string[] = [];
    await using one = await rig((_request, response) => busy-- > 0 && (response.writeHead(503).end(), true), {
      retryPauseMs: 10,
      onNote: (text: string) => notes.push(text),
    });
    expect(await one.store.find([nameOf("abcd")])).toEqual(new Set([nameOf("abcd")]));
    expect(notes).toEqual([
      expect.stringMatching(/^shared-state mirror 127.*: answers 503; asked again in 0.01 s$/),
    ]);
    expect(one.warnings).toEqual([]);
  });

  test("a server that says yes to everything is left alone before anything is planned with it", async () => {
    await using one = await rig((_request, response) => (response.writeHead(200).end("<html>"), true));
    const names = Array.from({ length: 20 }, (_one, at) => nameOf(`aaaa${at}`));
    expect(await one.store.find(names)).toEqual(new Set());
    expect(one.warnings).toEqual([expect.stringContaining("is no checksum but some other page")]);
    const asked = one.server.requests.length;
    expect(await one.store.get(names[0]!)).toBeUndefined();
    expect(one.server.requests).toHaveLength(asked);
  });

  test("one with many wrong artifacts is one warning, and no password is in it", async () => {
    const folder = temporary();
    const hashes = ["aaaa", "bbbb", "cccc"];
    for (const hash of hashes) await seed(folder, nameOf(hash), "bytes", `${"0".repeat(64)}\n`);
    await using server = await serveFolder(folder);
    const warnings: string[] = [];
    const place = server.url.replace("//", "//me:secret@");
    const [store] = openMirrors(`file://.* ${place}/PATH`, { onWarning: (one) => warnings.push(one) });
    for (const hash of hashes) expect(await store!.get(nameOf(hash))).toBeUndefined();
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain("//me:***@");
    expect(warnings[0]).not.toContain("secret");
  });

  // It will say the same of all others, or only of this one.
  test.each([
    [400, "asked again"],
    [402, "asked again"],
    [418, "asked again"],
    [401, "left alone"],
    [407, "left alone"],
    [429, "left alone"],
    [500, "left alone"],
    [503, "left alone"],
    [599, "left alone"],
  ])("a server that answers %d is one warning, no answer, and %s", async (status, expected) => {
    await using one = await rig((_request, response) => (response.writeHead(status).end(), true), {
      retryPauseMs: 1,
    });
    const isLeft = expected === "left alone";
    expect(await one.store.find([nameOf("abcd")])).toEqual(new Set());
    const asked = one.server.requests.length;
    expect(await one.store.get(nameOf("ef01"))).toBeUndefined();
    expect(one.server.requests.length > asked).toBe(!isLeft);
    expect(one.warnings).toEqual([expect.stringContaining(`answers ${status}`)]);
    expect(one.warnings[0]!.includes("goes on without this mirror")).toBe(isLeft);
  });

  test.each([404, 410])("a server that answers %d has nothing, of which nothing is said", async (status) => {
    await using one = await rig((_request, response) => (response.writeHead(status).end(), true));
    expect(await one.store.find([nameOf("abcd")])).toEqual(new Set());
    expect(await one.store.get(nameOf("abcd"))).toBeUndefined();
    expect(one.warnings).toEqual([]);
  });

  test("a page instead of the object (a captive portal) is not used", async () => {
    await using one = await rig(
      (_request, response) => (response.writeHead(200).end("<html>log in</html>"), true),
    );
    expect(await one.store.get(nameOf("abcd"))).toBeUndefined();
    expect(one.warnings).toHaveLength(1);
  });

  test.each([403, 405])("a server that answers %d to HEAD is asked by GET", async (status) => {
    await using one = await rig((request, response) => {
      if (request.method !== "HEAD") return false;
      response.writeHead(status).end();
      return true;
    });
    expect(await one.store.find([nameOf("abcd"), nameOf("ef01")])).toEqual(new Set([nameOf("abcd")]));
    expect(one.warnings).toEqual([]);
  });

  test("redirects are followed, but not in circles", async () => {
    await using target = await rig(() => false);
    await using one = await rig((request, response) => {
      response.writeHead(302, { location: `${target.server.url}${request.url}` }).end();
      return true;
    });
    expect(await readFile((await one.store.get(nameOf("abcd")))!, "utf8")).toBe(text);
    await using circle = await rig(
      (request, response) => (response.writeHead(302, { location: request.url! }).end(), true),
    );
    expect(await circle.store.get(nameOf("abcd"))).toBeUndefined();
    expect(circle.warnings).toHaveLength(1);
  });

  test("a chain copies into its folder, and asks the mirror only once", async () => {
    await using one = await rig(() => false);
    const folder = temporary();
    const store = chainStores(openFolderStore(folder, { onWarning: () => {} }), [one.store]);
    const object = await store.get(nameOf("abcd"));
    expect(object).toBe(join(folder, objectPath(nameOf("abcd"))));
    expect(await readFile(`${object}.siginfo`, "utf8")).toBe("about abcd");
    const asked = one.server.requests.length;
    expect(await store.get(nameOf("abcd"))).toBe(object);
    expect(one.server.requests).toHaveLength(asked);
    expect(await verifyStore(folder)).toEqual({ checked: 1, faults: [], setAside: 0, removed: 0 });
  });

  test("a folder that cannot be looked at is one warning; one that is not there is empty", async () => {
    const folder = temporary();
    // As a folder that this user may not enter, but for root too.
    await symlink("round", join(folder, "round"));
    const warnings: string[] = [];
    for (const name of ["round", "none"]) {
      const place = `file://${join(folder, name)}`;
      const [store] = openMirrors(`file://.* ${place}/PATH`, { onWarning: (one) => warnings.push(one) });
      expect(await store!.find([nameOf("abcd"), nameOf("ef01")])).toEqual(new Set());
    }
    expect(warnings).toEqual([
      expect.stringMatching(/round.*ELOOP.*; the build goes on without this mirror/),
    ]);
  });

  test("a mirror's own folder stays as it is", async () => {
    const folder = temporary();
    await seed(folder, nameOf("abcd"), text);
    const before = await treeManifest(folder);
    const mirrors = openMirrors(`file://.* file://${folder}/PATH`, { onWarning: () => {} });
    await chainStores(openFolderStore(temporary(), { onWarning: () => {} }), mirrors).get(nameOf("abcd"));
    expect(await treeManifest(folder)).toEqual(before);
  });

  test.each([
    ["file://.*", "has no replacement"],
    ["file://( http://host/PATH", "no regular expression"],
    ["file://.* ftp://host/PATH", "ftp:// is not supported"],
    ["nonsense http://host/PATH", "has no type://"],
  ])("%s is refused", (text, why) => {
    expect(() => openMirrors(text, { onWarning: () => {} })).toThrow(`sstate/bad-mirrors: SSTATE_MIRRORS: `);
    expect(() => openMirrors(text, { onWarning: () => {} })).toThrow(why);
  });

  test("pairs are separated by blanks or by \\n", () => {
    expect(
      openMirrors("file://.* http://a/PATH \\n file://.* file:///b/PATH\\n", { onWarning: () => {} }),
    ).toHaveLength(2);
  });
});

describe("artifacts", () => {
  test("bring several folders back as they were, hard links between them included", async () => {
    const work = temporary();
    await mkdir(join(work, "image/usr/bin"), { recursive: true });
    await writeFile(join(work, "image/usr/bin/tool"), "#!/bin/sh\n");
    await chmod(join(work, "image/usr/bin/tool"), 0o4755);
    await symlink("/etc/alternatives/x", join(work, "image/usr/bin/x"));
    await mkdir(join(work, "sysroot"));
    await link(join(work, "image/usr/bin/tool"), join(work, "sysroot/tool"));
    const folders = ["image", "sysroot", "empty"].map((name) => ({ name, path: join(work, name) }));
    await packArtifact(folders, join(work, "a.tar"), 1_700_000_000);
    const before = await Promise.all(folders.map(({ path }) => treeManifest(path)));
    await writeFile(join(work, "image/stale"), "from another build");
    await unpackArtifact(join(work, "a.tar"), folders);
    expect(await Promise.all(folders.map(({ path }) => treeManifest(path)))).toEqual(before);
    expect((await stat(join(work, "sysroot/tool"))).ino).toBe(
      (await stat(join(work, "image/usr/bin/tool"))).ino,
    );
    expect((await readdir(work)).sort()).toEqual(["a.tar", "empty", "image", "sysroot"]);
    await packArtifact(folders, join(work, "b.tar"), 1_700_000_000);
    expect(await readFile(join(work, "b.tar"))).toEqual(await readFile(join(work, "a.tar")));
  });

  describe.each(["zstd", "gzip"] as const)("packed by %s", (compression) => {
    testUnless(
      compression === "zstd" ? noZstd : undefined,
      "say which object they are: copied to another name they are refused",
      async () => {
        const work = temporary();
        await mkdir(join(work, "out"));
        await writeFile(join(work, "out/x"), "x".repeat(100_000));
        const [archive, plain] = [join(work, "a"), join(work, "plain")];
        await packTree(join(work, "out"), archive, { prefix: "out", epochSeconds: 1, compression });
        await copyFile(archive, plain);
        const [name, other] = [nameOf("abcd"), nameOf("abce")];
        await expect(checkLabel(archive, name)).rejects.toThrow("does not say which artifact it is");
        await labelArtifact(archive, name);
        await checkLabel(archive, name);
        for (const wrong of [
          other,
          nameOf("abcd", "do_package"),
          { ...name, spec: name.spec.replace("1.0", "1.1") },
        ])
          await expect(checkLabel(archive, wrong)).rejects.toThrow(/is another artifact, .*abcd_install/);
        await unpackArtifact(archive, [{ name: "out", path: join(work, "again") }]);
        expect(await readFile(join(work, "again/x"), "utf8")).toBe("x".repeat(100_000));
        // The system's own programs read over it, as BitBake's does.
        const { stdout } = await run("tar", ["-tf", archive, compression === "zstd" ? "--zstd" : "--gzip"]);
        expect(stdout).toBe("out/\nout/x\n");
        // What has a label gets no second one that counts for the first.
        await labelArtifact(archive, other);
        await expect(checkLabel(archive, name)).rejects.toThrow("sstate/other-artifact");
      },
    );
  });

  test.each([[["a/b"]], [[".."]], [["."]], [[""]], [["a", "a"]]])(
    "have no folders called %j",
    async (names) => {
      const work = temporary();
      const folders = names.map((name, at) => ({ name, path: join(work, `${at}`) }));
      for (const make of [
        packArtifact(folders, join(work, "a.tar"), 1),
        unpackArtifact(join(work, "a.tar"), folders),
      ])
        await expect(make).rejects.toThrow("internal: bad folder names for an artifact");
      expect(await readdir(work)).toEqual([]);
    },
  );

  test("hold who owns what as root has made it, and root where an ordinary user has", async () => {
    const ownersIn = async (archive: string): Promise<string[]> => {
      const { stdout } = await run("tar", ["--list", "--verbose", "--numeric-owner", "--file", archive]);
      return [...stdout.matchAll(/^\S+ (\S+) .* out\/(\w+)$/gm)].map(([, owner, file]) => `${file} ${owner}`);
    };
    const isRoot = process.getuid?.() === 0;
    const work = temporary();
    await mkdir(join(work, "out"));
    for (const file of ["mine", "other"]) await writeFile(join(work, "out", file), "");
    if (isRoot) await chown(join(work, "out/other"), 5, 6);
    await packArtifact([{ name: "out", path: join(work, "out") }], join(work, "a.tar"), 1);
    expect(await ownersIn(join(work, "a.tar"))).toEqual(["mine 0/0", isRoot ? "other 5/6" : "other 0/0"]);
  });

  testUnless(notRoot, "of an ordinary user are root's", async () => {
    const work = temporary();
    await mkdir(join(work, "out"));
    await writeFile(join(work, "out/mine"), "");
    for (const path of [work, join(work, "out"), join(work, "out/mine")]) await chown(path, 65534, 65534);
    const room = new URL("../../../packages/sstate/dist/index.js", import.meta.url);
    const script = `const { packArtifact } = await import(${JSON.stringify(fileURLToPath(room))});
      process.setgid(65534); process.setuid(65534);
      await packArtifact([{ name: "out", path: "out" }], "a.tar", 1);`;
    const made = await run("node", ["--input-type=module", "--eval", script], { cwd: work });
    expect([made.code, made.stderr]).toEqual([0, ""]);
    const listed = await run("tar", [
      "--list",
      "--verbose",
      "--numeric-owner",
      "--file",
      join(work, "a.tar"),
    ]);
    expect(listed.stdout.split("\n").filter((line) => line !== "" && !line.includes(" 0/0 "))).toEqual([]);
    expect(listed.stdout).toContain("out/mine");
  });

  test.each([
    ["that is damaged", async () => Buffer.from("rubbish"), "archive/"],
    [
      "that wants out",
      () => tarOf([{ path: "out/../../x", type: "file", data: "x" }]),
      "archive/hostile-entry",
    ],
    ["of another task", () => tarOf([{ path: "other/x", type: "file" }]), "sstate/foreign-content"],
    [
      "whose declared folder is a link",
      () => tarOf([{ path: "out", type: "symlink", target: "/etc" }]),
      "sstate/foreign-content",
    ],
    [
      "whose declared folder is a file",
      () => tarOf([{ path: "out", type: "file" }]),
      "sstate/foreign-content",
    ],
    [
      "whose declared folder is a FIFO",
      () => tarOf([{ path: "out", type: "fifo" }]),
      "sstate/foreign-content",
    ],
    [
      "with a link beside the folder",
      () =>
        tarOf([
          { path: "out/x", type: "file" },
          { path: "more", type: "symlink", target: "out" },
        ]),
      "sstate/foreign-content",
    ],
  ])("one %s changes nothing", async (_what, make, code) => {
    const work = temporary();
    await mkdir(join(work, "out"));
    await writeFile(join(work, "out/old"), "");
    await writeFile(join(work, "a.tar"), await make());
    await expect(
      unpackArtifact(join(work, "a.tar"), [{ name: "out", path: join(work, "out") }]),
    ).rejects.toThrow(code);
    expect((await readdir(work)).sort()).toEqual(["a.tar", "out"]);
    expect(await readdir(join(work, "out"))).toEqual(["old"]);
  });
});

describe("care", () => {
  const day = 24 * 3_600_000;
  const now = Date.UTC(2030, 0, 1);

  async function filled(): Promise<{ folder: string; paths: string[] }> {
    const folder = temporary();
    const paths = [];
    for (const [at, hash] of ["aaaa", "bbbb", "cccc"].entries()) {
      const name = nameOf(hash, at === 2 ? "do_package_write_deb" : "do_install");
      const object = await seed(folder, name, "x".repeat(1000 * (at + 1)));
      const used = new Date(now - (3 - at) * 10 * day);
      for (const suffix of ["", ".sha256", ".siginfo"]) await utimes(object + suffix, used, used);
      paths.push(objectPath(name));
    }
    return { folder, paths };
  }

  // By the suffixes of what stands there: each is listed in the order of names, and what belongs together is one.
  test.each<[readonly string[], Readonly<Record<string, string>>]>([
    [[""], { "": "object" }],
    [["", ".sha256", ".sig", ".siginfo"], { "": "object" }],
    [[".siginfo"], { "": "description" }],
    [[".sha256"], { "": "rest" }],
    [[".sig", ".siginfo"], { "": "rest" }],
    [[".sha256", ".siginfo"], { "": "rest" }],
    [[".bad"], { ".bad": "damaged" }],
    [[".bad", ".siginfo"], { "": "description", ".bad": "damaged" }],
    [["", ".bad", ".siginfo"], { "": "object", ".bad": "damaged" }],
  ])("%j is listed as %j", async (suffixes, kinds) => {
    for (const order of [suffixes, suffixes.toReversed()]) {
      const folder = temporary();
      const object = join(folder, objectPath(nameOf("abcd")));
      await mkdir(dirname(object), { recursive: true });
      for (const [at, suffix] of order.entries()) {
        await writeFile(object + suffix, "12345");
        await utimes(object + suffix, new Date(0), new Date(1000 * (at + 1)));
      }
      const found = await listStore(folder);
      expect(
        Object.fromEntries(
          found.map(({ path, kind }) => [path.slice(objectPath(nameOf("abcd")).length), kind]),
        ),
      ).toEqual(kinds);
      expect(found.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)).toBe(5 * suffixes.length);
      expect(Math.max(...found.map(({ usedMs }) => usedMs))).toBe(1000 * suffixes.length);
    }
  });

  test("statistics say what is there, by task", async () => {
    const { folder } = await filled();
    const { sizeBytes, ...rest } = await storeStatistics(folderCatalog(folder));
    expect(sizeBytes).toBeGreaterThan(6000);
    expect(rest).toMatchObject({ objects: 3, damaged: 0, oldestUseMs: now - 30 * day });
    expect(rest.tasks.map(({ task, objects }) => [task, objects])).toEqual([
      ["install", 2],
      ["package_write_deb", 1],
    ]);
    expect(await storeStatistics(folderCatalog(join(folder, "none")))).toMatchObject({
      objects: 0,
      oldestUseMs: undefined,
    });
  });

  test.each([
    ["age", { maxAgeMs: 15 * day }, [0, 1], "age"],
    ["age, of which what is just so old stays", { maxAgeMs: 20 * day }, [0], "age"],
    [
      "age, in the order of paths, those that somebody wants too",
      { maxAgeMs: 5 * day, isWanted: () => true },
      [0, 1, 2],
      "age",
    ],
    ["size, the least recently used first", { maxBytes: 4000 }, [0, 1], "size"],
    ["what nobody wants", { isWanted: (path: string) => path.includes("install") }, [2], "unwanted"],
    ["nothing", {}, [], ""],
  ] as const)("pruning by %s", async (_what, options, gone, why) => {
    const { folder, paths } = await filled();
    const dry = await pruneStore(folderCatalog(folder), { ...options, nowMs: now, dryRun: true });
    expect(await listStore(folder)).toHaveLength(3);
    expect(await pruneStore(folderCatalog(folder), { ...options, nowMs: now })).toEqual(dry);
    expect(dry.removed.map(({ path }) => path)).toEqual(gone.map((at) => paths[at]));
    expect(dry.removed.every((one) => one.why === why)).toBe(true);
    expect((await listStore(folder)).map(({ path }) => path)).toEqual(
      paths.filter((_path, at) => !(gone as readonly number[]).includes(at)),
    );
    expect(await verifyStore(folder)).toEqual({
      checked: 3 - gone.length,
      faults: [],
      setAside: 0,
      removed: 0,
    });
  });

  test("damaged objects and old rests go, young ones may be under way", async () => {
    const { folder, paths } = await filled();
    await writeFile(join(folder, paths[0]!), "other");
    const store = openFolderStore(folder, { onWarning: () => {} });
    expect(await store.get(nameOf("aaaa", "do_install"))).toBeUndefined();
    await writeFile(join(folder, "aa/aa/.0123012301230123.tmp"), "");
    await writeFile(join(folder, "aa/aa/.4567456745674567.tmp"), "");
    await utimes(join(folder, "aa/aa/.0123012301230123.tmp"), new Date(0), new Date(0));
    await utimes(join(folder, "aa/aa/.4567456745674567.tmp"), new Date(now), new Date(now));
    const { removed } = await pruneStore(folderCatalog(folder), { nowMs: now });
    expect(removed.map(({ why }) => why).sort()).toEqual(["damaged", "rest"]);
    // What went into its signature is as true as before.
    expect((await readdir(join(folder, "aa/aa"))).sort()).toEqual([
      ".4567456745674567.tmp",
      basename(`${paths[0]!}.siginfo`),
    ]);
  });

  test("a description alone is kept for comparisons, is no object, and goes with age", async () => {
    const folder = temporary();
    const store = openFolderStore(folder, { onWarning: () => {} });
    const name = nameOf("dddd", "do_compile");
    await store.describe(name, "first");
    await store.describe(name, "second");
    expect(await readFile(join(folder, `${objectPath(name)}.siginfo`), "utf8")).toBe("first");
    expect(await store.find([name])).toEqual(new Set());
    expect(await listStore(folder)).toMatchObject([{ kind: "description", task: "compile" }]);
    expect(await storeStatistics(folderCatalog(folder))).toMatchObject({
      objects: 0,
      tasks: [],
      oldestUseMs: undefined,
    });
    expect(await verifyStore(folder)).toMatchObject({ checked: 0, faults: [] });
    const kept = await pruneStore(folderCatalog(folder), {
      maxAgeMs: day,
      isWanted: (path) => path === objectPath(name),
    });
    expect(kept).toMatchObject({ removed: [], keptObjects: 0 });
    const { removed } = await pruneStore(folderCatalog(folder), {
      maxAgeMs: day,
      nowMs: Date.now() + 2 * day,
    });
    expect(removed).toMatchObject([{ why: "age" }]);
    expect(await readdir(join(folder, "dd/dd"))).toEqual([]);
  });

  test("verification only names what is damaged; told to, it deletes that and what was set aside", async () => {
    const { folder, paths } = await filled();
    await writeFile(join(folder, paths[0]!), "other");
    await rm(join(folder, `${paths[2]!}.sha256`));
    const before = await listStore(folder);
    const found = await verifyStore(folder);
    expect(found).toMatchObject({ checked: 3, setAside: 0, removed: 0 });
    expect(found.faults.map(({ path }) => path)).toEqual([paths[0], paths[2]]);
    expect(await listStore(folder)).toEqual(before);
    await openFolderStore(folder, { onWarning: () => {} }).get(nameOf("aaaa", "do_install"));
    expect(await verifyStore(folder, { remove: true })).toMatchObject({ setAside: 1, removed: 2 });
    const left = (await listStore(folder)).filter(({ kind }) => kind === "object");
    expect(left.map(({ path }) => path)).toEqual([paths[1]]);
    expect(await verifyStore(folder)).toEqual({ checked: 1, faults: [], setAside: 0, removed: 0 });
  });

  test("the artifacts of a recipe are removed, of all tasks and signatures, and of no other", async () => {
    const folder = temporary();
    const spec = (pn: string, version = "1.0") => `sstate:${pn}:x86_64:${version}:r0:x86_64:14:`;
    const long = spec("demo", "v".repeat(300));
    const at = (text: string, unihash: string, task: string, distro?: string): string =>
      objectPath({ spec: text, unihash, task, ...(distro !== undefined && { distro }) });
    const gone = [
      at(spec("demo"), "abcd", "install"),
      at(spec("demo"), "ef0123", "package_write_deb"),
      at(spec("demo"), "abcd", "install", "debian-12"),
      at(spec("demo"), "abce", "fetch").replace(/zst$/, "gz"),
    ];
    const kept = [
      at(spec("demo2"), "abcd", "install"),
      at(spec("demo", "1.0.1"), "abcd", "install"),
      at(long, "abcd", "install"),
      "README",
    ];
    for (const path of [...gone, ...kept]) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      for (const suffix of ["", ".sha256", ".sig", ".siginfo", ".bad"])
        await writeFile(join(folder, path + suffix), "");
    }
    const files = async () =>
      (await readdir(folder, { recursive: true, withFileTypes: true }))
        .filter((one) => one.isFile())
        .map((one) =>
          relative(folder, join(one.parentPath, one.name)).replace(/\.(?:sha256|sig|siginfo|bad)$/, ""),
        );
    const program = programOf("sstate");
    const remove = (text: string, dir = folder) =>
      run("node", [program, "remove", "--dir", dir, "--spec", text]);
    expect((await remove(spec("demo"))).stdout).toBe(`${2 * gone.length} of the shared state deleted\n`);
    expect(new Set(await files())).toEqual(new Set(kept));
    expect((await remove(long)).stdout).toBe("2 of the shared state deleted\n");
    expect((await remove(long, join(folder, "none"))).stdout).toBe("0 of the shared state deleted\n");
    expect(new Set(await files())).toEqual(new Set(kept.filter((path) => path !== kept[2])));
  });

  test("use is noted, so that what is used stays", async () => {
    const { folder, paths } = await filled();
    const old = new Date(Date.now() - 90 * day);
    for (const path of paths)
      for (const suffix of ["", ".sha256", ".siginfo"]) await utimes(join(folder, path + suffix), old, old);
    await openFolderStore(folder, { onWarning: () => {} }).get(nameOf("bbbb"));
    const { removed } = await pruneStore(folderCatalog(folder), { maxAgeMs: 30 * day });
    expect(removed.map(({ path }) => path)).toEqual([paths[0], paths[2]]);
  });
});
