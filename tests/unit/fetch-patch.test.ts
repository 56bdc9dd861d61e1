/** Patches of SRC_URI: which apply, how they apply, and that the task can run again on the same sources. */
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "@jest/globals";
import { treeManifest } from "@tsbake/archive";
import { type BuildError } from "@tsbake/base";
import { applyPatches, type PatchOptions } from "@tsbake/fetch";
import fc from "fast-check";
import { run } from "../support/command.js";
import { programOf } from "../support/paths.js";
import { describeUnless } from "../support/skip.js";
import { temporaryFolder } from "../support/temporary.js";
import { toolsProblem } from "../support/tools.js";

const noPatch = await toolsProblem("patch");

type Tree = Readonly<Record<string, string>>;

class Place {
  readonly folder = temporaryFolder("patch");
  readonly sources = join(this.folder, "sources");
  readonly record = join(this.folder, "record");
  readonly notes: string[] = [];

  /** As do_unpack leaves it. */
  unpack(tree: Tree): void {
    for (const one of [this.sources, this.record]) {
      rmSync(one, { recursive: true, force: true });
      mkdirSync(one, { recursive: true });
    }
    for (const [path, text] of Object.entries(tree)) this.write(`sources/${path}`, text);
  }

  write(path: string, text: string | Buffer): void {
    mkdirSync(dirname(join(this.folder, path)), { recursive: true });
    writeFileSync(join(this.folder, path), text);
  }

  patch(uris: readonly string[], more: Partial<PatchOptions> = {}): Promise<void> {
    return applyPatches(uris, {
      filespath: [join(this.folder, "files")],
      dlDir: join(this.folder, "downloads"),
      sources: this.sources,
      record: this.record,
      sums: {},
      onNote: (text) => this.notes.push(text),
      ...more,
    });
  }

  read(path: string): string {
    return readFileSync(join(this.sources, path), "latin1");
  }

  /** Everything but times. */
  async state(): Promise<unknown> {
    return (await treeManifest(this.sources)).map((entry) => ({ ...entry, mtimeMs: 0, mtime: 0 }));
  }
}

/** One file of a patch that replaces all lines; undefined: no such file. */
function fileDiff(path: string, before: string | undefined, after: string | undefined): string {
  const lines = (text: string | undefined) => (text ? text.split("\n").slice(0, -1) : []);
  const [old, now] = [lines(before), lines(after)];
  const range = (count: number) => (count === 0 ? "0,0" : `1,${count}`);
  const names = `--- ${before === undefined ? "/dev/null" : `a/${path}`}\n+++ ${after === undefined ? "/dev/null" : `b/${path}`}\n`;
  const body = [...old.map((line) => `-${line}\n`), ...now.map((line) => `+${line}\n`)].join("");
  return `${names}@@ -${range(old.length)} +${range(now.length)} @@\n${body}`;
}

function treeDiff(before: Tree, after: Tree): string {
  const paths = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return paths
    .filter((path) => before[path] !== after[path])
    .map((path) => fileDiff(path, before[path], after[path]))
    .join("");
}

const codeOf = (one: Promise<void>): Promise<string> =>
  one.then(
    () => "applied",
    (error: BuildError) => `${error.diagnostics[0]!.code}: ${error.diagnostics[0]!.message}`,
  );

describeUnless(noPatch, "patches of SRC_URI", () => {
  test("apply in the order of SRC_URI, each at its place and level, compressed or not", async () => {
    const place = new Place();
    place.unpack({ s: "one\n", "sub/x": "p0\n", "deep/er/y": "q0\n" });
    place.write("files/z.patch", fileDiff("s", "one\n", "two\n"));
    place.write("files/inner/a.diff", fileDiff("s", "two\n", "three\n"));
    place.write("files/m.patch.gz", gzipSync(fileDiff("s", "three\n", "four\n")));
    place.write("files/plain.txt", fileDiff("s", "four\n", "five\n"));
    place.write("files/never.patch", fileDiff("s", "five\n", "never\n"));
    place.write("files/level.patch", "--- x\n+++ x\n@@ -1 +1 @@\n-p0\n+p1\n");
    place.write("files/old.patch", "--- u/v/w/y\n+++ u/v/w/y\n@@ -1 +1 @@\n-q0\n+q1\n");
    place.write("files/folder/x.patch", "in a folder that is named as a whole");
    await place.patch([
      "file://z.patch",
      "file://inner/a.diff",
      "file://m.patch.gz;pname=middle",
      "file://plain.txt;apply=yes",
      "file://never.patch;apply=no",
      "file://level.patch;striplevel=0;patchdir=sub",
      `file://old.patch;pnum=3;patchdir=${place.sources}/deep/er`,
      "file://folder",
    ]);
    expect([place.read("s"), place.read("sub/x"), place.read("deep/er/y")]).toEqual([
      "five\n",
      "p1\n",
      "q1\n",
    ]);
    expect(place.notes.filter((note) => note.startsWith("applying"))).toEqual(
      ["z.patch", "a.diff", "middle", "plain.txt", "level.patch", "old.patch"].map(
        (one) => `applying ${one}`,
      ),
    );
  });

  test.each([
    ["maxdate=20200101", { date: "20200102" }, false],
    ["maxdate=20200101", { date: "20200101" }, true],
    ["mindate=20200103", { date: "20200102" }, false],
    ["mindate=20200101", {}, "fetch/bad-uri"],
    ["mindate=20200101", { date: "now" }, "fetch/bad-uri"],
    ["minrev=5", { revision: "4" }, false],
    ["maxrev=5", { revision: "6" }, false],
    ["minrev=5", {}, true],
    ["rev=abc", { revision: "0abc0" }, true],
    ["rev=abc", { revision: "0" }, false],
    ["notrev=abc", { revision: "0abc0" }, false],
    ["maxver=1.9", { version: "1.10" }, false],
    ["minver=1.9", { version: "1.10" }, true],
    ["minver=1.11", { version: "1.10" }, false],
    ["minver=1.11", {}, "fetch/bad-uri"],
    ["striplevel=x", {}, "fetch/bad-uri"],
    ["pnum=-1", {}, "fetch/bad-uri"],
    ["apply=perhaps", {}, "fetch/bad-uri"],
    ["patchdir=nowhere", {}, "fetch/patch-failed"],
  ])("%s with %j", async (parameter, facts, expected) => {
    const place = new Place();
    place.unpack({ s: "one\n" });
    place.write("files/a.patch", fileDiff("s", "one\n", "two\n"));
    const said = await codeOf(place.patch([`file://a.patch;${parameter}`], facts));
    const isLeft = place.notes.join().includes("a.patch is not applied: it is");
    const [code] = said.split(":");
    expect([code, isLeft, place.read("s")]).toEqual([
      typeof expected === "string" ? expected : "applied",
      expected === false,
      expected === true ? "two\n" : "one\n",
    ]);
  });

  test("one that fails says what was rejected, and leaves what the ones before it made", async () => {
    const place = new Place();
    place.unpack({ s: "one\n", t: "one\n" });
    place.write("files/a.patch", fileDiff("s", "one\n", "two\n"));
    place.write("files/b.patch", fileDiff("t", "one\n", "two\n") + fileDiff("s", "other\n", "three\n"));
    const said = await codeOf(place.patch(["file://a.patch", "file://b.patch"]));
    expect(said).toMatch(/fetch\/patch-failed: the patch b\.patch[^]*-other\n\+three/);
    expect(await place.state()).toEqual(await fresh({ s: "two\n", t: "one\n" }));
    // What has been applied already is no reason to do it backwards, nor to add to a file that is there.
    place.write("files/c.patch", fileDiff("t", undefined, "one\n"));
    expect(await codeOf(place.patch(["file://a.patch", "file://a.patch"]))).toContain("patch-failed");
    expect(await codeOf(place.patch(["file://c.patch"]))).toContain("patch-failed");
    await place.patch([]);
    expect(await place.state()).toEqual(await fresh({ s: "one\n", t: "one\n" }));
  });

  test("names, links and modes as git writes them", async () => {
    const before = (place: Place): void => {
      place.unpack({
        "with blank": "1\n",
        gone: "1\n",
        "far/away/f": "1\n2\n3\n4\n",
        tool: "1\n",
        "d/e": "1\n",
      });
      symlinkSync("d", join(place.sources, "l"));
    };
    const [place, other] = [new Place(), new Place()];
    before(place);
    await run("git", ["init", "-q"], { cwd: place.sources });
    const git = (...args: string[]) =>
      run("git", ["-c", "user.name=x", "-c", "user.email=x@y", ...args], { cwd: place.sources });
    await git("add", "-A");
    await git("commit", "-qm", "x");
    place.write("sources/with blank", "2\n");
    rmSync(join(place.sources, "gone"));
    rmSync(join(place.sources, "far"), { recursive: true });
    place.write("sources/near/g", "1\n2\n3\n5\n");
    chmodSync(join(place.sources, "tool"), 0o755);
    place.write("sources/new/tööl", "1\n");
    chmodSync(join(place.sources, "new/tööl"), 0o755);
    place.write("sources/l/e", "2\n");
    rmSync(join(place.sources, "l"));
    symlinkSync("near", join(place.sources, "l"));
    await git("add", "-A");
    const { stdout } = await git("diff", "--cached", "-M");
    expect(stdout).toContain("rename to near/g");
    rmSync(join(place.sources, ".git"), { recursive: true });
    before(other);
    const unpacked = await other.state();
    other.write("files/git.patch", stdout);
    await other.patch(["file://git.patch"]);
    expect(await other.state()).toEqual(await place.state());
    await other.patch([]);
    expect(await other.state()).toEqual(unpacked);
  });
});

/** The state of a tree that was unpacked just now. */
async function fresh(tree: Tree, uris: readonly string[] = [], files = ""): Promise<unknown> {
  const place = new Place();
  place.unpack(tree);
  await place.patch(uris, { filespath: [files] });
  return place.state();
}

describeUnless(noPatch, "do_patch once more on the same sources", () => {
  const names = fc.constantFrom("a", "b", "c/d", "c/e", "c/f/g");
  const trees = fc.dictionary(names, fc.constantFrom("1\n", "2\n", "1\n2\n"));
  const numbers = fc.integer({ min: 0, max: 4 });
  /** What a run does: how many patches it has, which is broken, and after how many ms it is killed. */
  const runs = fc.record({ count: numbers, broken: numbers, killedMs: fc.option(fc.nat(250)) });

  test("is as if they had been unpacked anew, whatever the runs before had, and wherever they ended", async () => {
    const property = fc.asyncProperty(
      fc.array(trees, { minLength: 5, maxLength: 5 }),
      fc.array(runs),
      numbers,
      check,
    );
    await fc.assert(property, { numRuns: Number(process.env["TSBAKE_PATCH_RUNS"] ?? 12) });
  }, 300_000);

  async function check(
    states: readonly Tree[],
    earlier: readonly { count: number; broken: number; killedMs: number | null }[],
    last: number,
  ): Promise<void> {
    const place = new Place();
    place.unpack(states[0]!);
    const writePatches = (broken?: number): void => {
      for (const [index, state] of states.slice(1).entries()) {
        const text =
          treeDiff(states[index]!, state) + (index === broken ? fileDiff("a", "no\n", "yes\n") : "");
        place.write(`files/${index}.patch`, text);
      }
    };
    const uris = (count: number): string[] =>
      Array.from({ length: count }, (_, index) => `file://${index}.patch`).filter((_, index) => {
        const text = readFileSync(join(place.folder, "files", `${index}.patch`), "utf8");
        return text !== "";
      });
    for (const { count, broken, killedMs } of earlier) {
      writePatches(broken);
      if (killedMs === null) await codeOf(place.patch(uris(count)));
      else await patchAndKill(place, uris(count), killedMs);
    }
    writePatches();
    await place.patch(uris(last));
    const wanted = await fresh(states[0]!, uris(last), join(place.folder, "files"));
    expect(await place.state()).toEqual(wanted);
  }

  /** The program itself, with its children. */
  async function patchAndKill(place: Place, uris: readonly string[], ms: number): Promise<void> {
    const program = programOf("fetch");
    const child = spawn(
      process.execPath,
      [
        program,
        "patch",
        `--uri=${uris.join(" ")}`,
        `--filespath=${join(place.folder, "files")}`,
        `--dl-dir=${place.folder}`,
        `--sources=${place.sources}`,
        `--record=${place.record}`,
      ],
      { detached: true, stdio: "ignore" },
    );
    const ended = new Promise((resolve) => child.on("close", resolve));
    const timer = setTimeout(() => process.kill(-child.pid!, "SIGKILL"), ms);
    await ended;
    clearTimeout(timer);
  }

  test("what do_unpack has brought anew is not taken back, and edits of patched files are", async () => {
    const place = new Place();
    const files = join(place.folder, "files");
    place.unpack({ s: "one\n" });
    place.write("files/a.patch", fileDiff("s", "one\n", "two\n"));
    await place.patch(["file://a.patch"]);
    place.write("sources/s", "edited\n");
    await place.patch(["file://a.patch"]);
    expect(place.read("s")).toBe("two\n");
    place.unpack({ s: "three\n" });
    place.write("files/a.patch", fileDiff("s", "three\n", "four\n"));
    await place.patch(["file://a.patch"]);
    expect(await place.state()).toEqual(await fresh({ s: "three\n" }, ["file://a.patch"], files));
  });
});
