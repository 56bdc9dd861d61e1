import { createHash } from "node:crypto";
import {
  chmod,
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
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { tarOf, treeManifest, writeAr } from "@tsbake/archive";
import { sha256, type BuildError } from "@tsbake/base";
import {
  checksumFiles,
  fetchSource,
  parseSourceUri,
  removeSource,
  unpackSource,
  type FetchOptions,
} from "@tsbake/fetch";
import { programOf } from "../support/paths.js";
import { run } from "../support/command.js";
import { rawTar } from "../support/raw-tar.js";
import { serveFolder, type Fault } from "../support/mirror.js";
import { testUnless } from "../support/skip.js";
import { temporaryFolder } from "../support/temporary.js";
import { toolsProblem } from "../support/tools.js";

const noZip = await toolsProblem("unzip", "python3");

const temporary = (): string => temporaryFolder("fetch");

async function options(more: Partial<FetchOptions> = {}): Promise<FetchOptions> {
  return { filespath: [], dlDir: join(temporary(), "downloads"), sums: {}, ...more };
}

const paths = async (folder: string): Promise<string[]> =>
  (await treeManifest(folder)).map(({ path }) => path);

describe("an entry of SRC_URI", () => {
  test.each([
    [
      "file://a/b%20c.patch;striplevel=2",
      { type: "file", host: "", path: "a/b c.patch", parameters: { striplevel: "2" } },
    ],
    ["file:///abs", { type: "file", host: "", path: "/abs", parameters: {} }],
    ["file://me@home", { type: "file", host: "", path: "me@home", parameters: {} }],
    [
      "https://h:8080/x/y-1.tar.gz?a=b",
      { type: "https", host: "h:8080", path: "/x/y-1.tar.gz", parameters: {} },
    ],
    [
      "git://u:p@h/r.git;branch=main;name=x",
      {
        type: "git",
        host: "h",
        path: "/r.git",
        user: "u",
        password: "p",
        parameters: { branch: "main", name: "x" },
      },
    ],
    ["git:///srv/r;nobranch=1", { type: "git", host: "", path: "/srv/r", parameters: { nobranch: "1" } }],
  ])("%s", (uri, expected) => {
    expect(parseSourceUri(uri)).toEqual({ uri, ...expected });
  });

  test.each([
    "plain",
    "",
    "://x",
    "file://",
    "https://h/x;unpack",
    "git://-oProxyCommand=x/r",
    "https://h/a\nb",
    "https://h:port/x",
    "https://h/x;localpath=/y",
    "https://h/x;protocol=git",
    "https://h/x;name=a,b",
    "git://h/r;branch=b;proto=https",
    "git://h/r;branch=b;pswd=x",
  ])("%j is refused", (uri) => {
    expect(() => parseSourceUri(uri)).toThrow("fetch/bad-uri");
  });
});

describe("local files", () => {
  async function layer(): Promise<string[]> {
    const root = temporary();
    await mkdir(join(root, "one/sub"), { recursive: true });
    await mkdir(join(root, "two"));
    await writeFile(join(root, "one/sub/both"), "of one");
    await mkdir(join(root, "two/sub"));
    await writeFile(join(root, "two/sub/both"), "of two");
    await writeFile(join(root, "two/late"), "late");
    return [join(root, "one"), join(root, "two")];
  }

  test("the first folder wins, and every place that was looked at is in the checksum list", async () => {
    const filespath = await layer();
    const opts = await options({ filespath });
    expect(await fetchSource("file://sub/both", opts)).toBe(join(filespath[0]!, "sub/both"));
    expect(checksumFiles(["file://sub/both", "https://h/x", "file://late;name=x"], filespath)).toBe(
      `${filespath[0]}/sub/both:True ${filespath[0]}/late:False ${filespath[1]}/late:True`,
    );
    expect(checksumFiles([], filespath)).toBe("");
  });

  test("a missing one says where it was looked for", async () => {
    const filespath = await layer();
    const expected = `fetch/missing-file: file://none is in none of these places:\n    ${filespath[0]}/none\n    ${filespath[1]}/none`;
    await expect(fetchSource("file://none", await options({ filespath }))).rejects.toThrow(expected);
    expect(() => checksumFiles(["file://none"], filespath)).toThrow(expected);
    expect(() => checksumFiles(["file:///not/there"], [])).toThrow("fetch/missing-file");
    expect(() => checksumFiles(["file://*.patch"], filespath)).toThrow("fetch/bad-uri");
  });

  test("files keep the folders of their path, folders come whole, links are followed once", async () => {
    const filespath = await layer();
    await symlink("late", join(filespath[1]!, "alias"));
    await symlink("nowhere", join(filespath[1]!, "sub/dangling"));
    await chmod(join(filespath[1]!, "late"), 0o755);
    const into = join(temporary(), "work");
    const opts = await options({ filespath });
    await unpackSource("file://sub/both", into, opts);
    await unpackSource("file://alias;subdir=extra", into, opts);
    expect(await paths(into)).toEqual(["extra", "extra/alias", "sub", "sub/both"]);
    expect((await stat(join(into, "extra/alias"))).mode & 0o777).toBe(0o755);
    const second = await options({ filespath: [filespath[1]!] });
    await unpackSource("file://sub", into, second);
    expect(await readFile(join(into, "sub/both"), "utf8")).toBe("of two");
    expect(await paths(join(into, "sub"))).toEqual(["both", "dangling"]);
  });
});

describe("unpacking", () => {
  async function unpacked(name: string, bytes: string | Uint8Array, parameters = ""): Promise<string> {
    const folder = temporary();
    await writeFile(join(folder, name), bytes);
    const into = join(folder, "work");
    await unpackSource(`file://${name}${parameters}`, into, await options({ filespath: [folder] }));
    return into;
  }
  const tree = (): Promise<Buffer> =>
    tarOf([
      { path: "pkg-1", type: "directory" },
      { path: "pkg-1/a", type: "file", data: "a", uid: 4711 },
    ]);

  type Case = readonly [string, string, () => Promise<string | Uint8Array>, string, readonly string[]];
  const cases: readonly Case[] = [
    ["a tar", "x.tar", tree, "", ["pkg-1", "pkg-1/a"]],
    ["a tar.gz", "x.tar.gz", async () => gzipSync(await tree()), "", ["pkg-1", "pkg-1/a"]],
    ["a tgz without its first folder", "x.tgz", async () => gzipSync(await tree()), ";striplevel=1", ["a"]],
    [
      "a tar into a folder",
      "x.tar",
      tree,
      ";subdir=in/here",
      ["in", "in/here", "in/here/pkg-1", "in/here/pkg-1/a"],
    ],
    ["a tar that is to stay", "x.tar", tree, ";unpack=0", ["x.tar"]],
    ["a compressed file", "x.txt.gz", async () => gzipSync("text"), "", ["x.txt"]],
    ["a patch", "x.patch", async () => "--- a\n", "", ["x.patch"]],
  ];
  test.each(cases)("%s", async (_what, name, make, parameters, expected) => {
    expect(await paths(await unpacked(name, await make(), parameters))).toEqual(expected);
  });

  test("what is in a package", async () => {
    const folder = temporary();
    const members = [
      { name: "debian-binary", data: Buffer.from("2.0\n") },
      { name: "data.tar.gz", data: gzipSync(await tree()) },
    ];
    await writeAr(join(folder, "x.deb"), members);
    await unpackSource("file://x.deb", join(folder, "work"), await options({ filespath: [folder] }));
    expect(await paths(join(folder, "work"))).toEqual(["pkg-1", "pkg-1/a"]);
  });

  testUnless(noZip, "a zip, but not one that leads out", async () => {
    const makeZip = async (name: string): Promise<Buffer> => {
      const file = join(temporary(), "x.zip");
      const program = "import sys, zipfile\nzipfile.ZipFile(sys.argv[1], 'w').writestr(sys.argv[2], 'text')";
      expect((await run("python3", ["-c", program, file, name])).code).toBe(0);
      return readFile(file);
    };
    expect(await paths(await unpacked("x.zip", await makeZip("d/f")))).toEqual(["d", "d/f"]);
    await expect(unpacked("x.zip", await makeZip("../f"))).rejects.toThrow("fetch/not-unpackable");

    const [folder, outside] = [temporary(), temporary()];
    const into = join(folder, "work");
    await mkdir(into);
    await writeFile(join(outside, "victim"), "precious");
    await symlink(outside, join(into, "out"));
    await symlink(join(outside, "victim"), join(into, "link"));
    const from = await options({ filespath: [folder] });
    await writeFile(join(folder, "x.zip"), await makeZip("out/f"));
    await expect(unpackSource("file://x.zip", into, from)).rejects.toThrow("fetch/bad-uri");
    await writeFile(join(folder, "x.zip"), await makeZip("link"));
    await unpackSource("file://x.zip", into, from);
    expect(await readFile(join(into, "link"), "utf8")).toBe("text");
    expect(await readdir(outside)).toEqual(["victim"]);
    expect(await readFile(join(outside, "victim"), "utf8")).toBe("precious");
    expect((await readdir(into)).toSorted()).toEqual(["link", "out"]);
  });

  test.each([
    ["x.tar", ";subdir=../out", "fetch/bad-uri"],
    ["x.tar", ";subdir=/etc", "fetch/bad-uri"],
    ["x.tar", ";striplevel=one", "fetch/bad-uri"],
    ["x.tar", ";unpack=maybe", "fetch/bad-uri"],
    ["x.7z", "", "fetch/not-unpackable"],
    ["x.tar", "", "archive/hostile-entry"],
  ])("%s%s is refused", async (name, parameters, code) => {
    await expect(unpacked(name, rawTar([{ name: "../x" }]), parameters)).rejects.toThrow(code);
  });

  test("nothing is written through a link that another source has brought", async () => {
    const folder = temporary();
    const [outside, into] = [join(folder, "outside"), join(folder, "work")];
    await mkdir(outside);
    await mkdir(into);
    await mkdir(join(folder, "out"));
    await writeFile(join(outside, "victim"), "precious");
    await mkdir(join(folder, "d/sub"), { recursive: true });
    await mkdir(join(into, "d"));
    await symlink("../../outside", join(into, "d/sub"));
    for (const name of ["out/a", "victim", "t.tar", "d/sub/a"]) await writeFile(join(folder, name), "new");
    await writeFile(join(folder, "victim.gz"), gzipSync("new"));
    await symlink("../outside", join(into, "out"));
    const opts = await options({ filespath: [folder] });
    for (const uri of ["file://out/a", "file://victim;subdir=out", "file://victim;subdir=out/new/deep"]) {
      await expect(unpackSource(uri, into, opts)).rejects.toThrow("fetch/bad-uri");
    }
    await unpackSource("file://d", into, opts).catch(() => "refused");
    expect(await readdir(outside)).toEqual(["victim"]);
    for (const uri of ["file://victim", "file://victim.gz"]) {
      await rm(join(into, "victim"), { force: true });
      await symlink("../outside/victim", join(into, "victim"));
      await unpackSource(uri, into, opts);
      expect(await readFile(join(into, "victim"), "utf8")).toBe("new");
    }
    expect(await readFile(join(outside, "victim"), "utf8")).toBe("precious");
    expect(await readdir(outside)).toEqual(["victim"]);
  });
});

describe("downloads", () => {
  const bytes = "0123456789".repeat(10_000);
  const sums = { default: sha256(bytes) };

  async function rig(fault?: Fault, name = "x-1.bin") {
    const folder = temporary();
    await writeFile(join(folder, name), bytes);
    const server = await serveFolder(folder, fault);
    return {
      folder,
      server,
      uri: `${server.url}/${name}`,
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  }

  test("come once, verified, and are known the next time", async () => {
    await using one = await rig();
    const opts = await options({ sums });
    const path = await fetchSource(one.uri, opts);
    expect(path).toBe(join(opts.dlDir, "x-1.bin"));
    expect(await readFile(path, "utf8")).toBe(bytes);
    expect((await readdir(opts.dlDir)).sort()).toEqual(["x-1.bin", "x-1.bin.done"]);
    expect(await fetchSource(one.uri, { ...opts, network: false })).toBe(path);
    expect(one.server.requests).toHaveLength(1);
    const into = temporary();
    await unpackSource(one.uri, into, opts);
    expect(await readdir(into)).toEqual(["x-1.bin"]);
  });

  test("tell how far they are, and can be taken away again with all that stands beside them", async () => {
    await using one = await rig();
    const told: [string, number][] = [];
    const opts = await options({ sums, onProgress: (what, percent) => told.push([what, percent]) });
    await fetchSource(one.uri, opts);
    expect(told.at(-1)).toEqual(["x-1.bin", 100]);
    for (const name of ["x-1.bin.part", `x-1.bin_bad-checksum_${"0".repeat(64)}`, "x-1.bin.asc", "y"]) {
      await writeFile(join(opts.dlDir, name), "");
    }
    await removeSource(one.uri, opts);
    expect((await readdir(opts.dlDir)).sort()).toEqual(["x-1.bin.asc", "y"]);
    await removeSource(one.uri, { dlDir: join(opts.dlDir, "none") });
    expect(await fetchSource(one.uri, opts)).toBe(join(opts.dlDir, "x-1.bin"));
  });

  test.each([
    ["sha256sum=", ";sha256sum=", {}],
    ["a name", ";name=src", { src: sha256(bytes) }],
    ["upper case", "", { default: sha256(bytes).toUpperCase() }],
  ])("the checksum may come by %s", async (_what, parameter, sums) => {
    await using one = await rig();
    const uri = `${one.uri}${parameter === ";sha256sum=" ? parameter + sha256(bytes) : parameter}`;
    expect(await readFile(await fetchSource(uri, await options({ sums })), "utf8")).toBe(bytes);
  });

  test.each([
    ["", "sha256sum"],
    [";name=src", "src.sha256sum"],
  ])("without a checksum the line to write is shown (%j)", async (parameter, flag) => {
    await using one = await rig();
    const problem = (await fetchSource(one.uri + parameter, await options()).catch(
      (error: unknown) => error,
    )) as BuildError;
    expect(problem.diagnostics[0]).toMatchObject({
      code: "fetch/missing-checksum",
      help: expect.stringContaining(`SRC_URI[${flag}] = "${sha256(bytes)}"`),
    });
  });

  test("a wrong checksum shows both, and nothing is kept", async () => {
    await using one = await rig();
    const opts = await options({ sums: { default: "0".repeat(64) } });
    const problem = (await fetchSource(one.uri, opts).catch((error: unknown) => error)) as BuildError;
    expect(problem.diagnostics[0]).toMatchObject({
      code: "fetch/checksum-mismatch",
      message: expect.stringMatching(`${sha256(bytes)}, and 0{64} was expected`),
      help: expect.stringContaining(`SRC_URI[sha256sum] = "${sha256(bytes)}"`),
    });
    expect(await readdir(opts.dlDir)).toEqual([]);
  });

  test("a file that was changed in DL_DIR is moved aside and fetched again", async () => {
    await using one = await rig();
    const opts = await options({ sums });
    const path = await fetchSource(one.uri, opts);
    await writeFile(path, "changed");
    expect(await readFile(await fetchSource(one.uri, opts), "utf8")).toBe(bytes);
    expect(await readdir(opts.dlDir)).toContain(`x-1.bin_bad-checksum_${sha256("changed")}`);
  });

  test("what breaks off is gone on with", async () => {
    let cuts = 0;
    await using one = await rig((request, response) => {
      if (cuts++ > 1) return false;
      const start = Number(/\d+/.exec(request.headers.range ?? "0")![0]);
      response.writeHead(start > 0 ? 206 : 200, {
        "content-length": bytes.length - start,
        "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}`,
      });
      response.write(bytes.slice(start, start + 30_000), () => response.destroy());
      return true;
    });
    expect(await readFile(await fetchSource(one.uri, await options({ sums })), "utf8")).toBe(bytes);
    expect(one.server.requests).toHaveLength(3);
  });

  test("what an earlier try left of another file does no harm", async () => {
    await using one = await rig();
    const opts = await options({ sums });
    await mkdir(opts.dlDir);
    await writeFile(join(opts.dlDir, "x-1.bin.part"), "another file");
    expect(await readFile(await fetchSource(one.uri, opts), "utf8")).toBe(bytes);
  });

  test("mirrors come before and after, a wrong one is passed over with a warning", async () => {
    await using good = await rig();
    await using bad = await rig((_request, response) => (response.end("other bytes"), true));
    await using none = await rig((_request, response) => (response.writeHead(404).end(), true));
    const warnings: string[] = [];
    const opts = await options({
      sums,
      premirrors: `http://.*/.* ${bad.server.url}/pre/ \\n http://.*/.* file:///not/there/`,
      mirrors: `http://.*/.* ${good.server.url}/`,
      onWarning: (one) => warnings.push(one),
    });
    expect(await readFile(await fetchSource(none.uri, opts), "utf8")).toBe(bytes);
    expect(warnings).toHaveLength(1);
    expect([bad, none, good].map((one) => one.server.requests)).toEqual([
      ["GET /pre/x-1.bin"],
      ["GET /x-1.bin"],
      ["GET /x-1.bin"],
    ]);
  });

  test("without the network a file mirror still serves; else it says so", async () => {
    await using one = await rig();
    const opts = await options({ sums, network: false });
    await expect(fetchSource(one.uri, opts)).rejects.toThrow("fetch/no-network");
    const premirrors = `http://.*/.* file://${one.folder}/`;
    expect(await readFile(await fetchSource(one.uri, { ...opts, premirrors }), "utf8")).toBe(bytes);
    expect(one.server.requests).toEqual([]);
  });

  test("nowhere to be had: one problem, with what each place said", async () => {
    await using one = await rig((_request, response) => (response.writeHead(503).end(), true));
    const opts = await options({ sums, mirrors: "http://.*/.* file:///not/there/" });
    await expect(fetchSource(one.uri, opts)).rejects.toThrow(/download-failed: .*\n.*answers 503\n.*ENOENT/);
  });

  test.each([
    [{ sums: { default: "abc" } }, "", "fetch/bad-uri"],
    [{ sums }, ";downloadfilename=../x", "fetch/bad-uri"],
    [{ sums, premirrors: "http://.*" }, "", "fetch/bad-mirrors"],
  ])("%j%s is refused", async (more, parameter, code) => {
    await expect(fetchSource(`http://127.0.0.1:9/x${parameter}`, await options(more))).rejects.toThrow(code);
  });

  test("a proxy is asked when the environment names one, unless the host is excepted", async () => {
    const asked: string[] = [];
    await using proxy = await rig((request, response) => {
      asked.push(`${request.url} ${request.headers["proxy-authorization"]}`);
      response.end(bytes);
      return true;
    });
    const before = { http_proxy: process.env["http_proxy"], no_proxy: process.env["no_proxy"] };
    const uri = "http://127.0.0.1:9/x-2.bin";
    try {
      process.env["http_proxy"] = proxy.server.url.replace("//", "//me:secret@");
      process.env["no_proxy"] = "localhost";
      expect(await readFile(await fetchSource(uri, await options({ sums })), "utf8")).toBe(bytes);
      expect(asked).toEqual([`${uri} Basic ${Buffer.from("me:secret").toString("base64")}`]);
      process.env["no_proxy"] = "localhost, 127.0.0.1";
      await expect(fetchSource(uri, await options({ sums }))).rejects.toThrow("fetch/download-failed");
      expect(asked).toHaveLength(1);
    } finally {
      for (const [name, value] of Object.entries(before)) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    }
  });

  test("a DL_DIR that is no folder is one problem", async () => {
    const file = join(temporary(), "file");
    await writeFile(file, "");
    await expect(fetchSource("http://127.0.0.1:9/x", await options({ sums, dlDir: file }))).rejects.toThrow(
      "fetch/unusable-folder",
    );
    const pinned = await options({ dlDir: file, revisions: { default: "0".repeat(40) } });
    await expect(fetchSource("git:///none;branch=b", pinned)).rejects.toThrow("fetch/unusable-folder");
  });

  test.each([
    ["md5sum", createHash("md5").update(bytes).digest("hex")],
    ["sha1sum", createHash("sha1").update(bytes).digest("hex")],
    ["sha384sum", createHash("sha384").update(bytes).digest("hex")],
    ["sha512sum", createHash("sha512").update(bytes).digest("hex")],
  ])("a %s is as good, and one that is wrong beside a good one is not passed over", async (flag, sum) => {
    await using one = await rig();
    const opts = await options({ sums: { [flag]: sum } });
    expect(await readFile(await fetchSource(one.uri, opts), "utf8")).toBe(bytes);
    const wrong = await options({ sums: { ...sums, [flag]: sum.replace(/./g, "0") } });
    await expect(fetchSource(one.uri, wrong)).rejects.toThrow("fetch/checksum-mismatch");
    await expect(unpackSource(one.uri, temporary(), { ...opts, sums: wrong.sums })).rejects.toThrow(
      "download-failed",
    );
    const short = await options({ sums: { [flag]: "abc" } });
    await expect(fetchSource(one.uri, short)).rejects.toThrow("fetch/bad-uri");
  });

  test("without a checksum it is as the configuration says", async () => {
    await using one = await rig();
    const warnings: string[] = [];
    const onWarning = (text: string): number => warnings.push(text);
    const plain = await options({ withoutChecksum: "warning", onWarning });
    expect(await readFile(await fetchSource(one.uri, plain), "utf8")).toBe(bytes);
    expect(warnings.join()).toContain(`SRC_URI[sha256sum] = "${sha256(bytes)}"`);
    warnings.length = 0;
    await fetchSource(one.uri, await options({ withoutChecksum: "fine", onWarning }));
    expect(warnings).toEqual([]);
  });

  test("two of one name, each with its checksum, are both there, and each recipe unpacks its own", async () => {
    await using alice = await rig(undefined, "v1.0.txt");
    await using bob = await rig(undefined, "v1.0.txt");
    await writeFile(join(bob.folder, "v1.0.txt"), "bob's");
    const opts = await options();
    const of = (text: string): FetchOptions => ({ ...opts, sums: { sha256sum: sha256(text) } });
    await fetchSource(alice.uri, of(bytes));
    await fetchSource(bob.uri, of("bob's"));
    await fetchSource(alice.uri, of(bytes));
    expect(alice.server.requests).toHaveLength(1);
    for (const [uri, text] of [
      [alice.uri, bytes],
      [bob.uri, "bob's"],
    ] as const) {
      const into = temporary();
      await unpackSource(uri, into, of(text));
      expect(await readFile(join(into, "v1.0.txt"), "utf8")).toBe(text);
    }
    await removeSource(bob.uri, opts);
    expect(await readdir(opts.dlDir)).toEqual([]);
  });

  test("what was changed after it was fetched is not unpacked, even with its size and time kept", async () => {
    await using one = await rig();
    const opts = await options({ sums });
    const path = await fetchSource(one.uri, opts);
    const { atime, mtime } = await stat(path);
    await writeFile(path, bytes.replace("0", "1"));
    await utimes(path, atime, mtime);
    await expect(unpackSource(one.uri, temporary(), opts)).rejects.toThrow("fetch/download-failed");
    expect(await readFile(await fetchSource(one.uri, opts), "utf8")).toBe(bytes);
  });

  test("links that somebody has put into DL_DIR lead nowhere", async () => {
    await using one = await rig();
    const opts = await options({ sums });
    const victim = join(temporary(), "victim");
    await writeFile(victim, "precious");
    await mkdir(opts.dlDir, { recursive: true });
    await symlink(victim, join(opts.dlDir, "x-1.bin.part"));
    await symlink("/nonexistent/x", join(opts.dlDir, "x-1.bin"));
    expect(await readFile(await fetchSource(one.uri, opts), "utf8")).toBe(bytes);
    await removeSource(one.uri, opts);
    await link(victim, join(opts.dlDir, "x-1.bin.part"));
    await fetchSource(one.uri, opts);
    expect(await readFile(victim, "utf8")).toBe("precious");
  });

  test("hosts that are not allowed are not asked, nor are mirrors there", async () => {
    await using one = await rig();
    const opts = await options({ sums, allowedNetworks: ["*.example", "other"] });
    const mirrors = `http://.*/.* ${one.server.url}/`;
    await expect(fetchSource("http://h.invalid/x-1.bin", { ...opts, mirrors })).rejects.toThrow(
      "fetch/untrusted-host",
    );
    expect(one.server.requests).toEqual([]);
    await fetchSource(one.uri, { ...opts, allowedNetworks: ["127.0.0.1"] });
  });

  test("only premirrors, where the configuration says so", async () => {
    await using one = await rig();
    const opts = await options({ sums, premirrorOnly: true });
    await expect(fetchSource(one.uri, opts)).rejects.toThrow("fetch/no-network");
    await fetchSource("http://h.invalid/x-1.bin", { ...opts, premirrors: `http://.*/.* ${one.server.url}` });
    expect(one.server.requests).toEqual(["GET /x-1.bin"]);
  });

  test("a mirror's place goes through the other rules, and the query is no part of the name", async () => {
    await using one = await rig();
    const opts = await options({ sums });
    const premirrors = `https://h.invalid/.* http://m.invalid/ http://m.invalid/.* ${one.server.url}`;
    expect(await fetchSource("https://h.invalid/x-1.bin?raw=1", { ...opts, premirrors })).toBe(
      join(opts.dlDir, "x-1.bin"),
    );
    expect(one.server.requests).toEqual(["GET /x-1.bin"]);
  });

  test("several at once share one download", async () => {
    await using one = await rig();
    const opts = await options({ sums });
    await Promise.all([1, 2, 3].map(() => fetchSource(one.uri, opts)));
    expect(one.server.requests).toHaveLength(1);
  });
});

describe("the program", () => {
  const main = programOf("fetch");

  test("fetches and unpacks for a task body", async () => {
    const folder = temporary();
    await writeFile(join(folder, "a.c"), "int x;");
    const common = ["--filespath", `${folder}/none:${folder}`, "--dl-dir", join(folder, "dl")];
    const fetched = await run("node", [main, "fetch", "--uri", " file://a.c ", ...common]);
    expect(fetched).toMatchObject({ code: 0, stdout: `file://a.c is ${folder}/a.c\n`, stderr: "" });
    const args = ["unpack", "--uri", "file://a.c", ...common, "--into", join(folder, "work")];
    expect(await run("node", [main, ...args])).toMatchObject({ code: 0, stdout: "", stderr: "" });
    expect(await readFile(join(folder, "work/a.c"), "utf8")).toBe("int x;");
  });

  test.each([
    [[], "a subcommand is needed"],
    [["fetch"], "fetch needs --dl-dir"],
    [["mend"], "there is no subcommand `mend`"],
    [["fetch", "--dl-dir", "/tmp", "--rubbish"], "fetch/bad-argument"],
    [["unpack", "--dl-dir", "/tmp"], "unpack needs --into"],
    [["fetch", "--dl-dir", "/tmp", "--sums", "x"], "is not NAME=VALUE"],
    [["fetch", "--dl-dir", "/tmp", "--uri", "file://none"], "error[fetch/missing-file]"],
    [["fetch", "--dl-dir", "/tmp", "--uri", "svn://h/x"], "error[fetch/unsupported-type]"],
    [["fetch", "--dl-dir", "/tmp", "--uri", "gitsm://h/x;branch=b"], "`gitsm://`, which BitBake has"],
    [["fetch", "--dl-dir", "/tmp", "--set", "FETCHCMD_wget=curl"], "error[fetch/unsupported-setting]"],
    [["fetch", "--dl-dir", "/tmp", "--set", "BB_STRICT_CHECKSUM=yes"], "error[fetch/bad-setting]"],
    [["fetch", "--dl-dir", "/tmp", "--set", "BB_GIT_SHALLOW_DEPTH_x=-1"], "error[fetch/bad-setting]"],
    [["fetch", "--dl-dir", "/tmp", "--set", "BB_RUBBISH=1"], "error[fetch/bad-setting]"],
  ])("%j ends with 1 and one diagnostic", async (args, text) => {
    const { code, stdout, stderr } = await run("node", [main, ...args]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain(text);
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});
