/** Commands that ask about images that were built. */
import { afterAll, describe, expect, test } from "@jest/globals";
import type { LockedBuild } from "@tsbake/engine";
import { formatFacts, type LayerFacts, type PackageFact } from "@tsbake/image";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "../support/session.js";
import { temporaryFolder } from "../support/temporary.js";
import { NO_PACKAGES } from "../support/layer-facts.js";

const folder = temporaryFolder("cli-images");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A command in a project with these images and variables of recipes. */
function tsbake(words: readonly string[], recipes: Readonly<Record<string, Recipe>> = {}) {
  const build: Partial<LockedBuild> = {
    imageFiles: (target) => recipes[target]!.files,
    variablesOf: (target) => Promise.resolve(new Map(Object.entries(recipes[target]?.variables ?? {}))),
    close: () => Promise.resolve(),
  };
  return runCommand(words, build, { directory: folder });
}

interface Recipe {
  readonly files: ReturnType<LockedBuild["imageFiles"]>;
  readonly variables?: Readonly<Record<string, string>>;
}

function packageFact(name: string, depends: readonly string[], more: Partial<PackageFact> = {}): PackageFact {
  return {
    name,
    version: "1",
    architecture: "amd64",
    origin: "archive",
    installedSizeBytes: 0,
    depends,
    ...more,
  };
}

function factsOf(packages: readonly PackageFact[], more: Partial<LayerFacts> = {}): LayerFacts {
  return { ...NO_PACKAGES, packages, ...more };
}

describe("tsbake why", () => {
  const tools = factsOf(
    [
      packageFact("gdb", ["libc6", "libpython3"]),
      packageFact("libinner", []),
      packageFact("liblzma5", ["libc6"]),
      packageFact("libpython3", ["liblzma5", "libone", "libtwo"]),
      // Two ways of one length, and a circle.
      packageFact("libone", ["libinner", "gdb"]),
      packageFact("libtwo", ["libinner"]),
      packageFact("libunwind8", ["liblzma5"]),
      packageFact("orphan", []),
      packageFact("strace", ["libc6", "libunwind8"]),
    ],
    {
      requested: ["bash", "gdb", "strace"],
      inBase: ["bash", "libc6"].map((name) => ({ name, version: "5", architecture: "amd64" })),
    },
  );
  const deploy = join(folder, "deploy");
  const base = factsOf(
    [
      packageFact("dpkg", ["tar"], { isEssential: true }),
      packageFact("tar", ["libc6"]),
      packageFact("libc6", []),
    ],
    { requested: ["tar"] },
  );
  mkdirSync(deploy);
  writeFileSync(join(deploy, "tools.rootfs.packages.json"), formatFacts(tools));
  writeFileSync(join(folder, "base.packages.json"), formatFacts(base));
  writeFileSync(join(folder, "broken.packages.json"), "{}");
  const recipes = {
    tools: { files: { folder: deploy, name: "tools.rootfs" } },
    unbuilt: { files: { folder: deploy, name: "unbuilt.rootfs" } },
  };

  test.each([
    ["strace", "tools", "requested: strace\n"],
    [
      "liblzma5",
      "tools",
      "requested: gdb → libpython3 → liblzma5\nrequested: strace → libunwind8 → liblzma5\n",
    ],
    [
      "libinner",
      "tools",
      "requested: gdb → libpython3 → libone → libinner\nrequested: gdb → libpython3 → libtwo → libinner\n",
    ],
    ["orphan", "tools", "orphan is in the image, and nothing that was asked for needs it\n"],
    ["libc6", "tools", "libc6 5 is in the base\n"],
    ["bash", "tools", "bash 5 is in the base, and was asked for\n"],
    ["libc6", "base.packages.json", "requested: tar → libc6\nessential: dpkg → tar → libc6\n"],
  ])("%s in %s", async (name, where, expected) => {
    expect(await tsbake(["why", name, "--in", where], recipes)).toEqual({ code: 0, out: expected, err: "" });
  });

  test.each([
    ["liblzma", "tools", /cli\/not-in-image.*\n.*did you mean liblzma5/],
    ["xyzzy", "tools", /cli\/not-in-image.*\n.*\.manifest/],
    [
      "strace",
      "unbuilt",
      /cli\/image-not-built.*unbuilt\.rootfs\.packages\.json is not there\n.*`tsbake unbuilt`/,
    ],
    ["strace", "nowhere.packages.json", /cli\/image-not-built/],
    ["strace", "broken.packages.json", /image\/bad-layer-facts/],
  ])("no %s in %s", async (name, where, expected) => {
    const { code, out, err } = await tsbake(["why", name, "--in", where], recipes);
    expect([code, out]).toEqual([1, ""]);
    expect(err).toMatch(expected);
  });

  test("for programs", async () => {
    const { out } = await tsbake(["--ui", "json", "why", "libunwind8", "--in", "tools"], recipes);
    expect(JSON.parse(out.split("\n")[1]!)).toMatchObject({
      type: "answer",
      data: {
        package: "libunwind8",
        image: "tools",
        kind: "in-image",
        chains: [{ root: "requested", packages: ["strace", "libunwind8"] }],
      },
    });
  });

  test("as many ways as there are sets of packages are cut", async () => {
    const rows = Array.from({ length: 40 }, (_, row) => row);
    const names = (row: number): string[] => (row < 40 ? [`a${row}`, `b${row}`] : ["end"]);
    const packages = rows.flatMap((row) => names(row).map((name) => packageFact(name, names(row + 1))));
    const facts = factsOf([...packages, packageFact("end", [])], { requested: ["a0"] });
    writeFileSync(join(folder, "many.packages.json"), formatFacts(facts));
    const { out } = await tsbake(["why", "end", "--in", "many.packages.json"]);
    expect(out.split("\n")).toHaveLength(52);
    expect(out).toMatch(/… and more of the same length\n$/);
  });
});

describe("tsbake publish", () => {
  const deploy = join(folder, "images");
  mkdirSync(deploy);
  const content = "an image";
  writeFileSync(join(deploy, "tools.rootfs.squashfs"), content);
  const release = { ID: "debian", ARCHITECTURE: "x86-64", SYSEXT_VERSION_ID: "2.0" };
  const digest = "a".repeat(64);
  writeFileSync(
    join(deploy, "tools.rootfs.json"),
    JSON.stringify({
      format: 1,
      image: "tools-image",
      version: "2.0",
      backend: "deb",
      architecture: "amd64",
      distribution: {},
      extension: { name: "tools", base: "os", baseDigest: digest, policy: "version", release },
      outputs: [
        {
          type: "squashfs",
          sizeBytes: content.length,
          sha256: createHash("sha256").update(content).digest("hex"),
        },
      ],
      packages: [],
    }),
  );
  const files = { folder: deploy, name: "tools.rootfs" };
  const recipes = {
    tools: { files },
    linked: { files, variables: { PUBLISH_URL: "https://example.org" } },
    signed: { files, variables: { PUBLISH_GPG_KEY: "nobody@example.org", GPG_BIN: "/nowhere/gpg" } },
    unbuilt: { files: { folder: deploy, name: "unbuilt.rootfs" } },
  };

  test("tells what became of the images, relative to the folder of the caller", async () => {
    const out = `${join(folder, "out")}: 1 image, not signed (PUBLISH_GPG_KEY is empty)\n`;
    const first = await tsbake(["publish", "tools", "--to", "out"], recipes);
    expect(first).toEqual({
      code: 0,
      out: `new: tools 2.0 x86-64\n${out}no definitions for systemd-sysupdate: PUBLISH_URL is empty\n`,
      err: "",
    });
    const second = await tsbake(["publish", "linked", "--to", "out", "--keep", "1"], recipes);
    expect(second.out).toBe(`as it was: tools 2.0 x86-64\n${out}`);
    expect(readdirSync(join(folder, "out"))).toContain("sysupdate.tools.d");
    expect(readFileSync(join(folder, "out/tools_2.0_x86-64.raw"), "utf8")).toBe(content);
  });

  test("for programs", async () => {
    const { out } = await tsbake(["--ui", "json", "publish", "tools", "--to", "json"], recipes);
    expect(JSON.parse(out.split("\n")[1]!)).toMatchObject({
      type: "answer",
      data: { folder: join(folder, "json"), signed: false, added: ["tools 2.0 x86-64"], count: 1 },
    });
  });

  test.each([
    ["unbuilt", /cli\/image-not-built.*unbuilt\.rootfs\.json is not there/],
    ["signed", /image\/cannot-sign.*nobody@example\.org.*\/nowhere\/gpg/],
  ])("%s: an error, and nothing is written", async (target, expected) => {
    const { code, out, err } = await tsbake(["publish", target, "--to", "nothing"], recipes);
    expect([code, out]).toEqual([1, ""]);
    expect(err).toMatch(expected);
    expect(existsSync(join(folder, "nothing"))).toBe(false);
  });
});
