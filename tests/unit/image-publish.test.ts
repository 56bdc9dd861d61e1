/** Images in a folder from which devices update: names, sums, index, retention, signature. */
import { afterAll, beforeEach, describe, expect, test } from "@jest/globals";
import { BuildError } from "@tsbake/base";
import { compareImageVersions, publish, readBuiltImage, type PublishRequest } from "@tsbake/image";
import { createHash } from "node:crypto";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { run } from "../support/command.js";
import { gpgMissing, Keyring } from "../support/gpg.js";
import { describeUnless, testUnless } from "../support/skip.js";
import { temporaryFolder } from "../support/temporary.js";
import { listening } from "../support/listening.js";

const work = temporaryFolder("image-publish");
afterAll(() => rmSync(work, { recursive: true, force: true }));
let deploy = "";
let folder = "";
let counter = 0;
beforeEach(() => {
  counter++;
  deploy = join(work, `deploy-${counter}`);
  folder = join(work, `published-${counter}`);
  mkdirSync(deploy);
});

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const OLD_BASE = "a".repeat(64);
const NEW_BASE = "b".repeat(64);

/** Puts into the deploy folder what a build would leave. */
function deployed(
  name: string,
  version: string,
  more: Readonly<Record<string, unknown>> = {},
  content = "x",
) {
  const text = `${name} ${version} ${content}`;
  const stem = join(deploy, `${name}-${version}`);
  writeFileSync(`${stem}.squashfs`, text);
  writeFileSync(`${stem}.cdx.json`, "{}");
  const manifest = {
    format: 1,
    image: name,
    version,
    backend: "deb",
    architecture: "amd64",
    distribution: { id: "debian", version: "12" },
    outputs: [{ type: "directory" }, { type: "squashfs", sizeBytes: text.length, sha256: sha256(text) }],
    packages: [{ name: "strace", version: "6.1", architecture: "amd64", installedSizeBytes: 2048 }],
    ...more,
  };
  writeFileSync(`${stem}.json`, JSON.stringify(manifest));
  return readBuiltImage(deploy, `${name}-${version}`);
}

function extension(
  name: string,
  version: string,
  more: Readonly<Record<string, unknown>> = {},
  content = "x",
) {
  const { release = {}, ...rest } = more as { release?: Record<string, string> };
  return deployed(
    `${name}-image`,
    version,
    {
      extension: {
        name,
        base: "os",
        baseDigest: OLD_BASE,
        policy: "version",
        release: {
          ID: "debian",
          VERSION_ID: "12",
          ARCHITECTURE: "x86-64",
          SYSEXT_VERSION_ID: version,
          ...release,
        },
        ...rest,
      },
    },
    content,
  );
}

const base = (version: string, databaseDigest: string) => deployed("os", version, { databaseDigest });

async function into(
  images: readonly ReturnType<typeof extension>[],
  more: Partial<PublishRequest> = {},
): ReturnType<typeof publish> {
  return publish({
    images: await Promise.all(images),
    folder,
    keep: undefined,
    url: undefined,
    signing: undefined,
    ...more,
  });
}

async function codeOf(action: Promise<unknown>): Promise<string> {
  try {
    await action;
  } catch (error) {
    if (error instanceof BuildError) return error.diagnostics.map(({ code }) => code).join(" ");
    throw error;
  }
  return "no error";
}

const read = (name: string): string => readFileSync(join(folder, name), "utf8");
const listed = (): string[] => readdirSync(folder).sort();
/** Every file with what shows that it was written. */
const state = (): string[] =>
  listed().map((name) => {
    const { ino, mtimeNs } = statSync(join(folder, name), { bigint: true });
    return `${name} ${ino} ${mtimeNs}`;
  });

interface Index {
  readonly signedBy?: string;
  readonly images: readonly {
    readonly name: string;
    readonly version: string;
    readonly fits?: readonly string[];
  }[];
}
const index = (): Index => JSON.parse(read("index.json")) as Index;

describe("a publication", () => {
  test("has versioned names, sums that sha256sum accepts, and mkosi's manifest", async () => {
    expect(await into([extension("tools", "1.0"), base("12.1", OLD_BASE)])).toEqual({
      added: ["tools 1.0 x86-64", "os 12.1 x86-64"],
      unchanged: [],
      removed: [],
      count: 2,
    });
    expect(listed()).toEqual([
      "SHA256SUMS",
      "index.json",
      "os_12.1_x86-64.cdx.json",
      "os_12.1_x86-64.manifest",
      "os_12.1_x86-64.squashfs",
      "tools_1.0_x86-64.cdx.json",
      "tools_1.0_x86-64.manifest",
      "tools_1.0_x86-64.raw",
    ]);
    expect(read("SHA256SUMS").split("\n")[5]).toBe(`${sha256("tools-image 1.0 x")}  tools_1.0_x86-64.raw`);
    const { code, stdout } = await run("sha256sum", ["--check", "--strict", "SHA256SUMS"], { cwd: folder });
    expect([code, stdout.split("\n").filter((line) => line.endsWith(": OK"))]).toEqual([
      0,
      expect.any(Array),
    ]);
    expect(JSON.parse(read("tools_1.0_x86-64.manifest"))).toEqual({
      manifest_version: 1,
      config: {
        name: "tools",
        distribution: "debian",
        architecture: "x86-64",
        output_format: "sysext",
        version: "1.0",
        release: "12",
      },
      packages: [{ type: "deb", name: "strace", version: "6.1", architecture: "amd64", size: 2048 }],
      extension: { ID: "debian", VERSION_ID: "12", ARCHITECTURE: "x86-64", SYSEXT_VERSION_ID: "1.0" },
    });
  });

  test("of the same bytes changes nothing", async () => {
    const all = () => [extension("tools", "1.0"), base("12.1", OLD_BASE)];
    await into(all(), { url: "https://example.org/ext" });
    const before = state();
    const again = await into(all(), { url: "https://example.org/ext" });
    expect([again.added, again.unchanged]).toEqual([[], ["tools 1.0 x86-64", "os 12.1 x86-64"]]);
    expect(state()).toEqual(before);
  });

  test("of other bytes with a version that is there is refused, and changes nothing", async () => {
    await into([extension("tools", "1.0")]);
    const before = state();
    const other = extension("tools", "1.0", {}, "y");
    expect(await codeOf(into([extension("more", "1.0"), other]))).toBe("image/published-differs");
    expect(state()).toEqual(before);
  });

  test("without an architecture of its own is called any", async () => {
    await into([extension("tools", "1.0", { release: { ARCHITECTURE: "_any" } })]);
    expect(listed()).toContain("tools_1.0_any.raw");
  });

  test("of two images by one name is refused", async () => {
    const other = deployed("tools", "1.0", { databaseDigest: OLD_BASE });
    expect(await codeOf(into([extension("tools", "1.0"), other]))).toBe("image/published-differs");
    expect(existsSync(folder)).toBe(false);
    await into([extension("tools", "1.0"), extension("tools", "1.0")]);
    expect(index().images).toHaveLength(1);
  });

  test("writes through no link", async () => {
    mkdirSync(folder);
    const outside = join(work, `outside-${counter}`);
    writeFileSync(outside, "tools-image 1.0 x");
    for (const name of ["tools_1.0_x86-64.raw", "tools_1.0_x86-64.manifest"])
      symlinkSync(outside, join(folder, name));
    await into([extension("tools", "1.0")]);
    expect(readFileSync(outside, "utf8")).toBe("tools-image 1.0 x");
    expect(listed().filter((name) => lstatSync(join(folder, name)).isSymbolicLink())).toEqual([]);
  });

  test("puts back what somebody has removed or damaged", async () => {
    await into([extension("tools", "1.0")]);
    writeFileSync(join(folder, "tools_1.0_x86-64.raw"), "damaged");
    rmSync(join(folder, "SHA256SUMS"));
    await into([extension("tools", "1.0")]);
    expect(read("tools_1.0_x86-64.raw")).toBe("tools-image 1.0 x");
    expect(read("SHA256SUMS")).toContain("tools_1.0_x86-64.raw");
  });
});

test("the index says which extension fits which base", async () => {
  await into([
    base("12.1", OLD_BASE),
    base("12.2", NEW_BASE),
    extension("byversion", "1"),
    extension("pinned", "1", { policy: "pkgdb" }),
    extension("foreign", "1", { release: { ID: "fedora" } }),
    extension("newer", "1", { release: { VERSION_ID: "13" } }),
    extension("anywhere", "1", { release: { ID: "_any", ARCHITECTURE: "_any" } }),
    extension("other", "1", { release: { ARCHITECTURE: "arm64" } }),
  ]);
  const both = ["os 12.2 x86-64", "os 12.1 x86-64"];
  expect(Object.fromEntries(index().images.map(({ name, fits }) => [name, fits]))).toEqual({
    os: undefined,
    byversion: both,
    pinned: ["os 12.1 x86-64"],
    foreign: [],
    newer: [],
    anywhere: both,
    other: [],
  });
});

describe("retention", () => {
  const versions = (): string[] => index().images.map(({ name, version }) => `${name} ${version}`);

  test("keeps the newest of each name by systemd's order, and their files", async () => {
    for (const version of ["1.9", "1.10~rc1", "1.10", "1.2"]) await into([extension("tools", version)]);
    await into([extension("more", "0.1")]);
    const { removed } = await into([extension("tools", "1.10")], { keep: 2 });
    expect(removed).toEqual(["tools 1.9 x86-64", "tools 1.2 x86-64"]);
    expect(versions()).toEqual(["more 0.1", "tools 1.10", "tools 1.10~rc1"]);
    expect(listed().filter((name) => name.endsWith(".raw"))).toEqual([
      "more_0.1_x86-64.raw",
      "tools_1.10_x86-64.raw",
      "tools_1.10~rc1_x86-64.raw",
    ]);
  });

  test("what is older than all that stays is not published", async () => {
    await into([extension("tools", "2")]);
    const { added, removed } = await into([extension("tools", "1")], { keep: 1 });
    expect([added, removed, versions()]).toEqual([[], ["tools 1 x86-64"], ["tools 2"]]);
    expect(listed().filter((name) => name.startsWith("tools_1"))).toEqual([]);
  });

  test("a base stays as long as an extension that was built on it", async () => {
    await into([
      base("1", OLD_BASE),
      base("2", "c".repeat(64)),
      base("3", NEW_BASE),
      extension("tools", "1"),
    ]);
    await into([base("3", NEW_BASE)], { keep: 1 });
    expect(versions()).toEqual(["os 3", "os 1", "tools 1"]);
    await into([extension("tools", "2", { baseDigest: NEW_BASE })], { keep: 1 });
    expect(versions()).toEqual(["os 3", "tools 2"]);
  });
});

test("publishers at the same time lose nothing, and a reader always finds what the sums name", async () => {
  await into([extension("first", "1")]);
  let isDone = false;
  const faults: string[] = [];
  const reader = (async () => {
    while (!isDone) {
      for (const line of read("SHA256SUMS").trimEnd().split("\n")) {
        const [digest, name = ""] = line.split("  ");
        if (!existsSync(join(folder, name)) || sha256(read(name)) !== digest) faults.push(line);
      }
      JSON.parse(read("index.json"));
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  const names = Array.from({ length: 8 }, (_, number) => `tool${number}`);
  await Promise.all(names.map((name) => into([extension(name, "1")])));
  isDone = true;
  await reader;
  expect(faults).toEqual([]);
  expect(index().images.map(({ name }) => name)).toEqual(["first", ...names]);
  expect(read("SHA256SUMS").trimEnd().split("\n")).toHaveLength(27);
});

describe("what cannot be published", () => {
  test.each([
    ["a name with the separator", () => extension("my_tools", "1"), "image/bad-published-name"],
    ["a path for a name", () => extension("../tools", "1"), "image/bad-published-name"],
    ["a version with the separator", () => extension("tools", "1_2"), "image/bad-published-name"],
    ["a version with a path", () => extension("tools", "1/../../2"), "image/bad-published-name"],
    ["a pattern for a version", () => extension("tools", "1@v"), "image/bad-published-name"],
    [
      "an architecture that is none",
      () => extension("tools", "1", { release: { ARCHITECTURE: "x86_64/.." } }),
      "image/bad-published-name",
    ],
    [
      "no version",
      () => extension("tools", "1", { release: { SYSEXT_VERSION_ID: "" } }),
      "image/bad-published-name",
    ],
    [
      "an image that is a folder",
      () => deployed("os", "1", { outputs: [{ type: "directory" }] }),
      "image/nothing-to-publish",
    ],
    [
      "an extension as tar only",
      () =>
        deployed("x", "1", {
          extension: { name: "x", base: "os", baseDigest: OLD_BASE, policy: "version", release: {} },
          outputs: [{ type: "tar.gz", sizeBytes: 1, sha256: OLD_BASE }],
        }),
      "image/nothing-to-publish",
    ],
    ["a manifest that is none", () => deployed("os", "1", { outputs: "all" }), "image/bad-layer-facts"],
  ])("%s", async (_what, image, code) => {
    const attempt = async (): Promise<string> => {
      try {
        return await codeOf(into([image()]));
      } catch (error) {
        return (error as { code?: string }).code ?? String(error);
      }
    };
    expect(await attempt()).toBe(code);
    expect(existsSync(folder)).toBe(false);
  });

  test("a deployed file that is not the one that was built", async () => {
    const image = await extension("tools", "1");
    writeFileSync(join(deploy, "tools-image-1.squashfs"), "another");
    expect(await codeOf(into([Promise.resolve(image)]))).toBe("image/deployed-changed");
    expect(listed()).toEqual([]);
  });

  test("into a folder with sums of somebody else", async () => {
    mkdirSync(folder);
    writeFileSync(join(folder, "SHA256SUMS"), "theirs");
    expect(await codeOf(into([extension("tools", "1")]))).toBe("image/foreign-folder");
    expect(read("SHA256SUMS")).toBe("theirs");
  });

  test.each([
    ["a cut index", "{"],
    ["an index of another format", '{"format":2,"images":[]}'],
    [
      "an index that would have a file outside deleted",
      JSON.stringify({
        format: 1,
        images: ["1", "2"].map((version) => ({
          kind: "extension",
          name: "tools",
          version,
          architecture: "x86-64",
          files: [{ name: "../victim", sizeBytes: 0, sha256: OLD_BASE }],
        })),
      }),
    ],
  ])("with %s", async (_what, text) => {
    mkdirSync(folder);
    writeFileSync(join(folder, "index.json"), text);
    writeFileSync(join(work, "victim"), "");
    expect(await codeOf(into([extension("tools", "3")], { keep: 1 }))).toBe("image/bad-index");
    expect(existsSync(join(work, "victim"))).toBe(true);
    expect([listed(), read("index.json")]).toEqual([["index.json"], text]);
  });
});

describe("the order of versions", () => {
  // Oldest first.
  const ordered = ["~", "", "-1", "^1", ".1", "a", "b", "0", "1", "9", "10", "99999999999999999999"];
  const dotted = ["1~rc1", "1", "1-1", "1^git", "1.0", "1.0a", "1.00b", "1.1", "1.10", "2"];
  const pairs = [ordered, dotted].flatMap((list) =>
    list.flatMap((left, at) => list.map((right, other) => [left, right, Math.sign(at - other)] as const)),
  );
  const noJudge = existsSync("/usr/bin/systemd-analyze") ? undefined : "no systemd-analyze";

  test("is the one of the specification", () => {
    for (const [left, right, order] of pairs)
      expect([left, right, Math.sign(compareImageVersions(left, right))]).toEqual([left, right, order]);
    expect(compareImageVersions("1.01", "1.1")).toBe(0);
  });

  testUnless(
    noJudge,
    "is the one of systemd",
    async () => {
      for (const [left, right, order] of pairs.filter(([, , sign]) => sign < 0)) {
        // Exit code 12: the left one is older.
        const { code } = await run("systemd-analyze", ["compare-versions", "--", left, right]);
        expect([left, right, code]).toEqual([left, right, order < 0 ? 12 : 0]);
      }
    },
    60_000,
  );
});

describe("definitions for systemd-sysupdate", () => {
  test("name the address, the pattern and the link", async () => {
    await into([extension("tools", "1"), base("1", OLD_BASE)], { url: "https://example.org/100%/" });
    expect(listed().filter((name) => name.startsWith("sysupdate"))).toEqual([
      "sysupdate.tools.component",
      "sysupdate.tools.d",
    ]);
    const text = read("sysupdate.tools.d/tools.transfer");
    expect(text).toContain(
      "Path=https://example.org/100%%/\nMatchPattern=tools_@v_%a.raw tools_@v_any.raw\n",
    );
    expect(text).toContain("CurrentSymlink=/var/lib/extensions/tools.raw\n");
    expect(text).toContain("Verify=no\n");
  });

  test("one component has the confext that comes with an extension, too", async () => {
    const text = "confext";
    const built = await extension("tools", "1", {});
    const stem = join(deploy, "tools-image-1");
    writeFileSync(`${stem}.confext.squashfs`, text);
    const manifest = JSON.parse(readFileSync(`${stem}.json`, "utf8")) as { outputs: object[] };
    manifest.outputs.push({ type: "confext.squashfs", sizeBytes: text.length, sha256: sha256(text) });
    writeFileSync(`${stem}.json`, JSON.stringify(manifest));
    expect(built.files).toHaveLength(1);
    await into([readBuiltImage(deploy, "tools-image-1")], { url: "https://example.org/" });
    expect(read("tools_1_x86-64.confext.raw")).toBe(text);
    expect(readdirSync(join(folder, "sysupdate.tools.d")).sort()).toEqual([
      "tools.confext.transfer",
      "tools.transfer",
    ]);
    const transfer = read("sysupdate.tools.d/tools.confext.transfer");
    expect(transfer).toContain("MatchPattern=tools_@v_%a.confext.raw tools_@v_any.confext.raw\n");
    expect(transfer).toContain("CurrentSymlink=/var/lib/confexts/tools.raw\n");
  });

  const sysupdate = "/usr/lib/systemd/systemd-sysupdate";
  testUnless(
    existsSync(sysupdate) ? undefined : "no systemd-sysupdate",
    "are understood by systemd-sysupdate, which finds all versions",
    async () => {
      const server = createServer((request, response) => {
        const path = join(folder, request.url ?? "");
        if (existsSync(path)) response.end(readFileSync(path));
        else response.writeHead(404).end();
      });
      try {
        const { url } = await listening(server);
        await into([extension("tools", "1.9"), extension("tools", "1.10"), extension("tools-more", "3")], {
          url,
        });
        const definitions = join(folder, "sysupdate.tools.d");
        const { code, stdout, stderr } = await run(sysupdate, [
          `--definitions=${definitions}`,
          "--json=short",
          "list",
        ]);
        expect([code, stderr]).toEqual([0, expect.any(String)]);
        expect(JSON.parse(stdout)).toMatchObject({ all: ["1.10", "1.9"] });
      } finally {
        server.close();
      }
    },
    60_000,
  );
});

describeUnless(gpgMissing, "a signed publication", () => {
  test("has a signature that gpg accepts, anew only when something changed", async () => {
    await using keyring = new Keyring();
    const key = await keyring.key("publisher");
    const signing = { key, program: "gpg", home: keyring.home };
    const verify = () =>
      keyring.gpg(["--verify", join(folder, "SHA256SUMS.gpg"), join(folder, "SHA256SUMS")]);
    await into([extension("tools", "1")], { signing, url: "https://example.org" });
    await verify();
    expect(index().signedBy).toBe(key);
    expect(read("sysupdate.tools.d/tools.transfer")).toContain("Verify=yes\n");
    const before = state();
    await into([extension("tools", "1")], { signing, url: "https://example.org" });
    expect(state()).toEqual(before);
    await into([extension("tools", "2")], { signing });
    await verify();
    // Broken off between signature and sums.
    renameSync(join(folder, "SHA256SUMS.gpg"), join(work, "aside"));
    await into([extension("tools", "2")], { signing });
    await verify();
    // An old signature would say of new sums that they are wrong.
    await into([extension("tools", "3")]);
    expect([listed().includes("SHA256SUMS.gpg"), index().signedBy]).toEqual([false, undefined]);
  }, 60_000);

  test.each([
    ["a key that is not there", { key: "nobody@example.org", program: "gpg" }],
    ["no gpg", { key: "x", program: "/nowhere/gpg" }],
  ])(
    "%s is told before anything is written",
    async (_what, { key, program }) => {
      await using keyring = new Keyring();
      const signing = { key, program, home: keyring.home };
      expect(await codeOf(into([extension("tools", "1")], { signing }))).toBe("image/cannot-sign");
      expect(existsSync(folder)).toBe(false);
    },
    60_000,
  );
});
