/** TRACE_WORKDIR: what tasks changed below WORKDIR is kept, is what they changed, and changes nothing of what is built. */
import { chmodSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Datastore } from "@tsbake/datastore";
import { tracedTasks, traceFolder, WorkTrace } from "@tsbake/engine";
import { run } from "../support/command.js";
import { temporaryFolder } from "../support/temporary.js";
import { Toy } from "../support/toy.js";

const RECIPE = `
SRC_URI = "file://text file://script"
do_compile() {
    mkdir -p nested/.git
    echo inside >nested/.git/config
    echo '*.o' >.gitignore
    echo object >x.o
    head -c 5000000 /dev/zero >large
    ln -sfn x.o link
}
do_install() {
    install -D -m 4755 ../sources/script \${D}/usr/bin/script
    rm x.o
    chmod 600 large
}
`;

describe("the trace of a build", () => {
  let toy: Toy;
  beforeAll(() => {
    toy = new Toy();
  });
  afterEach(() => {
    toy.restore();
    rmSync(toy.rig.path("build/tmp"), { recursive: true, force: true });
    rmSync(toy.rig.path("build/sstate-cache"), { recursive: true, force: true });
  });
  afterAll(() => toy[Symbol.dispose]());

  const traced = (): void => {
    // One after the other, or one may have what another one made.
    toy.configure('TRACE_WORKDIR = "1"\nBB_NUMBER_THREADS = "1"\n');
    toy.change("meta-toy/recipes/extra/files/text", "one\n");
    toy.change("meta-toy/recipes/extra/files/script", "#!/bin/sh\n");
    toy.recipe("traced", RECIPE);
  };

  test("each task has what it added, changed and deleted, and the patch of it", async () => {
    traced();
    await toy.built(["traced"]);
    const { output } = await toy.answered(["trace", "traced"]);
    expect(output).toContain(
      "do_unpack: 3 added\n  + 0755        0 patch-record/\n  + 0644       10 sources/script\n  + 0644        4 sources/text\n",
    );
    expect(output).toContain(
      "do_compile: 5 added\n  + 0644        4 build/.gitignore\n  + 0644  5000000 build/large\n" +
        "  + 0777        3 build/link@\n  + 0755        0 build/nested/\n  + 0644        7 build/x.o\n",
    );
    expect(output).toContain(
      "do_install: 1 added, 1 changed, 1 deleted\n  ~ 0644→0600  5000000 build/large\n  - 0644        7 build/x.o\n" +
        "  + 4755       10 image/usr/bin/script\n",
    );
    const patch = await toy.answered(["trace", "traced", "install"]);
    expect(patch.output).toContain("diff --git a/build/x.o b/build/x.o\ndeleted file mode 100644\n");
    expect(patch.output).not.toContain("do_compile");
    const large = await toy.answered(["trace", "traced", "do_compile"]);
    expect(large.output).toMatch(/^\+5000000 bytes, SHA-256 [0-9a-f]{64}$/m);
    expect(large.output).not.toContain("inside");

    toy.change("meta-toy/recipes/extra/files/text", "one\ntwo\n");
    await toy.built(["traced"]);
    const again = await toy.answered(["trace", "traced", "do_unpack"]);
    expect(again.output).toMatch(/^do_unpack: 1 changed\n {2}~ 0644 {6}4→8 sources\/text\n/);
    expect(again.output).toContain(" one\n+two\n");
  });

  test("signatures and artifacts are the same with it and without", async () => {
    traced();
    const state = () => {
      const names = readdirSync(toy.rig.path("build/sstate-cache"), { recursive: true, encoding: "utf8" });
      return names.filter((name) => name.includes("traced")).toSorted();
    };
    await toy.built(["traced"]);
    const [names, deployed] = [state(), await toy.rig.digests("build/tmp/deploy")];
    expect(names.length).toBeGreaterThan(1);
    for (const name of ["tmp", "sstate-cache"]) rmSync(toy.rig.path("build", name), { recursive: true });
    toy.configure('BB_NUMBER_THREADS = "1"\n');
    await toy.built(["traced"]);
    expect([state(), await toy.rig.digests("build/tmp/deploy")]).toEqual([names, deployed]);
    const none = await toy.answered(["trace", "traced"]);
    expect([none.code, none.output.includes("cli/not-traced")]).toEqual([1, true]);
  });

  test("a task that fails has a commit that says so, and what was before it is there", async () => {
    traced();
    toy.recipe("traced", `${RECIPE}\ndo_install:append() {\n    touch last\n    exit 3\n}\n`);
    expect((await toy.answered(["traced"])).code).toBe(1);
    const { output } = await toy.answered(["trace", "traced"]);
    expect(output).toMatch(/^do_install \(failed\): 2 added, 1 changed, 1 deleted\n/m);
    expect(output).toContain("  + 0644        0 build/last\n");
  });

  test("where it cannot be kept the build goes on with one warning", async () => {
    traced();
    mkdirSync(toy.rig.path("build/tmp"), { recursive: true });
    writeFileSync(toy.rig.path("build/tmp/trace"), "");
    const done = await toy.answered(["traced"]);
    expect(done.code).toBe(0);
    expect(done.output.match(/engine\/trace-failed/g)).toHaveLength(1);
    expect(done.output.match(/TRACE_WORKDIR: /g)).toHaveLength(1);
  });

  describe("of any tree", () => {
    const name = fc.constantFrom(
      "a",
      "b",
      'q"uo\\te',
      "new\nline",
      ".gitignore",
      ".gitattributes",
      "ü",
      "\udcff",
    );
    const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
    const entry = fc.oneof(
      fc.constantFrom("", "x\n", "*\n", "* text=auto filter=x\n", "a\r\nb\r\n").map((text) => ({ text })),
      fc.constantFrom("a", "../out").map((target) => ({ target })),
    );
    const tree = fc.dictionary(path, entry, { maxKeys: 8 });

    /** What git has at the tag of a task: path → mode and content. */
    async function stored(folder: string): Promise<string[]> {
      const listed = await run("git", ["--git-dir", folder, "ls-tree", "-r", "-z", "do_x"]);
      const rows = listed.stdout.split("\0").filter((row) => row !== "");
      return Promise.all(
        rows.map(async (row) => {
          const [, kind, object, at] = /^(\d+) blob (\w+)\t([^]*)$/.exec(row)!;
          const { stdout } = await run("git", ["--git-dir", folder, "cat-file", "blob", object!]);
          return JSON.stringify([at, kind, stdout]);
        }),
      );
    }

    test("what git has is what is there, whatever was there before", async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(tree, { minLength: 1, maxLength: 3 }), async (trees) => {
          const tmpdir = temporaryFolder("trace");
          const workdir = join(tmpdir, "work");
          const d = new Datastore();
          for (const [variable, value] of [
            ["TRACE_WORKDIR", "1"],
            ["TMPDIR", tmpdir],
            ["WORKDIR", workdir],
            ["T", `${workdir}/temp`],
          ] as const)
            d.setVar(variable, value);
          const warnings: string[] = [];
          const trace = new WorkTrace(({ message }) => warnings.push(message));
          const folder = traceFolder(tmpdir, workdir);
          for (const one of trees) {
            rmSync(workdir, { recursive: true, force: true });
            const made = write(workdir, one);
            await trace.ended("do_x", d, false);
            expect(warnings).toEqual([]);
            expect((await stored(folder)).toSorted()).toEqual(made.toSorted());
            // As a person may, and as a power cut can: what was there is in git alone.
            await run("git", ["--git-dir", folder, "pack-refs", "--all"]);
            if (Object.keys(one).length % 2 === 1) rmSync(join(folder, "tsbake-seen.json"));
          }
          expect(await tracedTasks(folder)).toHaveLength(1);
          rmSync(tmpdir, { recursive: true });
        }),
        { numRuns: 12 },
      );
    });
  });
});

type Node = { readonly text: string } | { readonly target: string };

/** Writes those that have room. @returns rows as git has them */
function write(folder: string, tree: Readonly<Record<string, Node>>): string[] {
  const rows: string[] = [];
  const taken = new Set<string>();
  for (const [path, node] of Object.entries(tree)) {
    const above = path.split("/").map((_part, at, parts) => parts.slice(0, at).join("/"));
    if (above.some((one) => taken.has(one)) || [...taken].some((one) => one.startsWith(`${path}/`))) continue;
    const bytes = Buffer.concat([Buffer.from(`${folder}/`), bytesOf(path)]);
    mkdirSync(bytes.subarray(0, bytes.lastIndexOf("/")), { recursive: true });
    taken.add(path);
    if ("target" in node) symlinkSync(node.target, bytes);
    else {
      writeFileSync(bytes, node.text);
      chmodSync(bytes, node.text === "x\n" ? 0o755 : 0o640);
    }
    const kind = "target" in node ? "120000" : node.text === "x\n" ? "100755" : "100644";
    rows.push(JSON.stringify([bytesOf(path).toString(), kind, "target" in node ? node.target : node.text]));
  }
  return rows;
}

/** The lone surrogate stands for a byte that is no UTF-8. */
function bytesOf(path: string): Buffer {
  const parts = path.split("\udcff").map((part) => Buffer.from(part));
  return Buffer.concat(parts.flatMap((part, at) => (at === 0 ? [part] : [Buffer.of(0xff), part])));
}
