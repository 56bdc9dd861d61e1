/** Commands that ask about images that were built. */
import { afterAll, describe, expect, test } from "@jest/globals";
import { parseCommand, runSession } from "@tsbake/cli";
import type { LockedBuild } from "@tsbake/engine";
import { formatFacts, type LayerFacts, type PackageFact } from "@tsbake/image";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../support/temporary.js";

const folder = temporaryFolder("cli-images");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A command in a project whose recipes have these variables. */
async function tsbake(
  words: readonly string[],
  recipes: Readonly<Record<string, Record<string, string>>> = {},
) {
  const [out, err]: [string[], string[]] = [[], []];
  const command = parseCommand(words);
  if (command.kind !== "request") throw new Error("not a request");
  const build: Partial<LockedBuild> = {
    variablesOf: (target) => Promise.resolve(new Map(Object.entries(recipes[target] ?? {}))),
    close: () => Promise.resolve(),
  };
  const open = () => Promise.resolve(build as LockedBuild);
  const code = await runSession(command.request, {
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text) },
    environment: {},
    directory: folder,
    version: "1.0",
    words,
    elapsedMs: () => 300,
    stop: new AbortController().signal,
    kill: new AbortController().signal,
    onTasks: () => {},
    openBuild: open,
    lockBuild: open,
  });
  return { code, out: out.join(""), err: err.join("") };
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
  return {
    format: 2,
    backend: "deb",
    architecture: "amd64",
    inBase: [],
    distribution: {},
    requested: [],
    packages,
    closure: { count: 0, installedSizeBytes: 0 },
    skippedScripts: [],
    narrowedModes: [],
    changedInBase: [],
    warnings: [],
    ...more,
  };
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
  const image = {
    DEPLOY_DIR_IMAGE: join(folder, "deploy"),
    IMAGE_LINK_NAME: "tools.rootfs",
    IMAGE_FSTYPES: "squashfs",
  };
  const base = factsOf(
    [
      packageFact("dpkg", ["tar"], { isEssential: true }),
      packageFact("tar", ["libc6"]),
      packageFact("libc6", []),
    ],
    { requested: ["tar"] },
  );
  mkdirSync(image.DEPLOY_DIR_IMAGE);
  writeFileSync(join(image.DEPLOY_DIR_IMAGE, "tools.rootfs.packages.json"), formatFacts(tools));
  writeFileSync(join(folder, "base.packages.json"), formatFacts(base));
  writeFileSync(join(folder, "broken.packages.json"), "{}");
  const recipes = {
    tools: image,
    unbuilt: { ...image, IMAGE_LINK_NAME: "unbuilt.rootfs" },
    hello: { DEPLOY_DIR_IMAGE: image.DEPLOY_DIR_IMAGE },
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
    ["strace", "hello", /cli\/no-image/],
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
