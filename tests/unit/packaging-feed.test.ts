/** The feed on archives that are folders of this machine: apt is the real one, and no network is needed. */
import { lstatSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { BuildError, sha256File } from "@tsbake/base";
import { downloadClosure, mergeClosures, openFeed, poolName, withHostArchive } from "@tsbake/packaging";
import type { Closure } from "@tsbake/packaging";
import { run } from "../support/command.js";
import { flatArchive } from "../support/flat-archive.js";
import { temporaryFolder } from "../support/temporary.js";
import { describeUnless } from "../support/skip.js";

const hasApt = await run("apt-get", ["--version"]).then(
  ({ code }) => code === 0,
  () => false,
);
const noApt = hasApt ? undefined : "there is no apt on this machine";

let folder: string;
beforeEach(() => {
  folder = temporaryFolder("feed");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at = (...names: string[]) => join(folder, ...names);

const archive = (name: string, ...packages: string[]) => flatArchive(at(name), ...packages);

const open = (sources: string) => openFeed({ folder: at("feed"), sources, architecture: "amd64" });

async function closureOf(sources: string, ...roots: string[]): Promise<Closure> {
  const [closure] = await (await open(sources)).closures([{ roots }]);
  return closure!;
}

const versions = (closure: Closure) => closure.packages.map((one) => `${one.name} ${one.version}`);
const pool = () => at("pool");
const problemOf = async (work: Promise<unknown>) => {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return error instanceof BuildError ? error.diagnostics[0] : error;
};

describeUnless(noApt, "an archive that is a folder", () => {
  test.each([
    [
      "apt-get",
      "echo 'apt-get: symbol lookup error' >&2; exit 127",
      "`apt-get` failed with exit code 127",
      "symbol lookup",
    ],
    ["apt-cache", "kill -SEGV $$", "`apt-cache` was ended by SIGSEGV", "it said nothing"],
  ])("a broken %s is told as that: %s", async (program, script, message, help) => {
    const sources = await archive("one", "hello 1 a");
    await closureOf(sources, "hello");
    // Another question, with the lists there.
    mkdirSync(at("bin"));
    writeFileSync(at("bin", program), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    rmSync(at("feed"), { recursive: true });
    await open(sources).then((feed) => feed.update());
    const before = process.env["PATH"];
    process.env["PATH"] = `${at("bin")}:${before}`;
    try {
      const problem = await problemOf(closureOf(sources, "hello"));
      expect(problem).toMatchObject({
        code: "base/command-failed",
        message,
        help: expect.stringContaining(help),
      });
    } finally {
      process.env["PATH"] = before;
    }
  });

  test("is copied: what was fetched is there when the archive has moved on", async () => {
    const closure = await closureOf(await archive("a", "one 1.0 x", "two 2 y"), "one", "two");
    await downloadClosure(closure, pool());
    rmSync(at("a"), { recursive: true });
    await downloadClosure(closure, pool());
    for (const one of closure.packages) {
      expect(lstatSync(join(pool(), poolName(one))).isFile()).toBe(true);
      expect(await sha256File(join(pool(), poolName(one)))).toBe(one.sha256);
    }
  });

  test("with other bytes under one version: refused with both digests, taken by an update, side by side in the pool", async () => {
    const sources = await archive("a", "one 1.0 old");
    const before = await closureOf(sources, "one");
    await downloadClosure(before, pool());
    await archive("a", "one 1.0 new", "two 1 x");
    const now = await sha256File(at("a/one_1.0_all.deb"));
    const [asked] = (await closureOf(sources, "one")).packages;
    expect(asked?.sha256).toBe(before.packages[0]?.sha256);
    expect(await problemOf(closureOf(sources, "one", "two"))).toMatchObject({
      code: "packaging/not-in-feed",
    });
    const refused = await problemOf(downloadClosure(before, at("other-pool")));
    expect(refused).toMatchObject({ code: "packaging/other-content" });
    expect((refused as { message: string }).message).toContain(`${asked?.sha256} and ${now}`);
    const feed = await open(sources);
    await feed.update();
    const after = await closureOf(sources, "one");
    expect(after.packages[0]?.sha256).toBe(now);
    await downloadClosure(after, pool());
    expect(readdirSync(pool())).toHaveLength(2);
    expect(() => mergeClosures([before, after])).toThrow("packaging/other-content");
    rmSync(at("a/one_1.0_all.deb"));
    expect(await problemOf(downloadClosure(after, at("third-pool")))).toMatchObject({
      code: "packaging/superseded",
    });
  });

  test("a pool entry with other bytes, or a link, is fetched once more", async () => {
    const closure = await closureOf(await archive("a", "one 1.0 x"), "one");
    await downloadClosure(closure, pool());
    const [one] = closure.packages;
    const path = join(pool(), poolName(one!));
    writeFileSync(path, Buffer.alloc(one!.sizeBytes));
    await downloadClosure(closure, pool());
    expect(await sha256File(path)).toBe(one!.sha256);
    rmSync(path);
    symlinkSync(at("a/one_1.0_all.deb"), path);
    await downloadClosure(closure, pool());
    expect(lstatSync(path).isFile()).toBe(true);
    expect(readdirSync(pool())).toEqual([poolName(one!)]);
  });

  test("a name that ends another one's is not taken for it", async () => {
    const closure = await closureOf(await archive("a", "liba 1 x", "xa 1 y", "a0 1 z"), "liba", "xa", "a0");
    expect(versions(closure)).toEqual(["a0 1", "liba 1", "xa 1"]);
  });

  test("two with one version and two contents: what is taken is what the list says of that very file", async () => {
    const sources = [await archive("a", "one 1.0 x"), await archive("b", "one 1.0 y")].join("\n");
    const closure = await closureOf(sources, "one");
    const [one] = closure.packages;
    expect(await sha256File(decodeURIComponent(one!.uri.replace("file:", "")))).toBe(one!.sha256);
    await downloadClosure(closure, pool());
    expect(readdirSync(pool())).toEqual([poolName(one!)]);
  });

  test("two builds with other sources on one folder share no lists and no answer", async () => {
    const [first, second] = [await archive("a", "one 1.0 x"), await archive("b", "one 2.0 y")];
    const [one, other] = [await open(first), await open(second)];
    await one.update();
    await other.update();
    const asked = [{ roots: ["one"] }];
    const [[mine], [theirs]] = await Promise.all([one.closures(asked), other.closures(asked)]);
    expect([versions(mine!), versions(theirs!)]).toEqual([["one 1.0"], ["one 2.0"]]);
    expect(versions(await closureOf(first, "one"))).toEqual(["one 1.0"]);
  });

  test("lists that a killed update left are not taken for those before", async () => {
    const sources = await archive("a", "one 1.0 x");
    expect(versions(await closureOf(sources, "one"))).toEqual(["one 1.0"]);
    const [name] = readdirSync(at("feed"));
    const id = readFileSync(at("feed", name!, "lists.id"), "utf8");
    await archive("a", "one 1.1 x", "two 1 x");
    await (await open(sources)).update();
    writeFileSync(at("feed", name!, "lists.id"), id);
    expect(versions(await closureOf(sources, "one", "two"))).toEqual(["one 1.1", "two 1"]);
    expect(versions(await closureOf(sources, "one"))).toEqual(["one 1.1"]);
  });

  test("comes with settings of its own, not with the host's", async () => {
    await closureOf(await archive("a", "one 1.0 x"), "one");
    const [name] = readdirSync(at("feed"));
    const env = { ...process.env, APT_CONFIG: at("feed", name!, "apt.conf") } as Record<string, string>;
    const { stdout } = await run("apt-config", ["dump"], { env });
    for (const file of ["main", "parts", "preferences", "preferencesparts", "sourcelist"]) {
      expect(stdout).toContain(`Dir::Etc::${file} "/dev/null";`);
    }
    expect(stdout).not.toMatch(/^(APT::NeverAutoRemove|DPkg::Pre-Install-Pkgs)/m);
  });
});

describe("`host:` in the sources of a feed", () => {
  const others =
    "sources.list/\ndeb [arch=amd64] https://tools.example tools-bookworm main\n# deb http://old.example bookworm main\n";
  const stanza = (uris: string, suites: string) =>
    `sources.list.d/debian.sources\nTypes: deb\nURIs: ${uris}\nSuites: ${suites}\nComponents: main\n`;
  const resolved = (settings: string, sources = "deb [signed-by=/a.gpg] host: trixie main") =>
    withHostArchive(sources, {
      settings: async () => settings,
      release: async () => "ID=debian\nVERSION_CODENAME=bookworm\n",
    });

  test.each([
    ["a line", `${others}deb http://mirror.example/debian bookworm main\n`],
    ["a line with options", `${others}deb [signed-by=/b.gpg] http://mirror.example/debian bookworm main\n`],
    ["a stanza", `${others}\n${stanza("http://mirror.example/debian", "bookworm bookworm-updates")}`],
    [
      "the first that has the release itself",
      `${stanza("http://security.example", "bookworm-security")}\n${stanza("http://mirror.example/debian", "bookworm")}`,
    ],
  ])("is the archive of the host's release: %s", async (_what, settings) => {
    expect(await resolved(settings)).toBe("deb [signed-by=/a.gpg] http://mirror.example/debian trixie main");
  });

  test("is looked for only where it stands as an address", async () => {
    expect(await resolved("", "deb http://host:80/ trixie main")).toBe("deb http://host:80/ trixie main");
  });

  test("is an error where the host has no source of its release", async () => {
    expect(await problemOf(resolved(others))).toMatchObject({
      code: "packaging/no-host-archive",
      message: expect.stringContaining("`bookworm`"),
    });
  });
});
