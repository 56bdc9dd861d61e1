import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { BuildError, Source } from "@tsbake/base";
import type { Surroundings } from "@tsbake/cli";
import type { BuildRequest, LockedBuild, OpenOptions } from "@tsbake/engine";
import { gitIn, makeRemote } from "../support/kas-cases.js";
import { root } from "../support/paths.js";
import { runCommand, type SessionResult } from "../support/session.js";
import { summaryOf } from "../support/summary.js";
import { temporaryFolder } from "../support/temporary.js";

/** All but line ends and tabs. */
// oxlint-disable-next-line no-control-regex -- that is what it is about
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;

const done = summaryOf({ total: 2, ran: 1, current: 1 });

interface Result extends SessionResult {
  readonly request: BuildRequest | undefined;
  readonly opened: OpenOptions | undefined;
  readonly closed: boolean;
}

/** A command against a build of our own. */
async function session(
  words: readonly string[],
  methods: Partial<LockedBuild> = {},
  change: Partial<Surroundings> = {},
): Promise<Result> {
  const seen: { request?: BuildRequest; opened?: OpenOptions; closed: boolean } = { closed: false };
  const open = (options: OpenOptions): Partial<LockedBuild> => {
    seen.opened = options;
    return {
      build(request) {
        seen.request = request;
        return Promise.resolve({ summary: done, outputs: [] });
      },
      close() {
        seen.closed = true;
        return Promise.resolve();
      },
      ...methods,
    };
  };
  const result = await runCommand(words, open, change);
  return { ...result, request: seen.request, opened: seen.opened, closed: seen.closed };
}

describe("tsbake lock", () => {
  test("says what is pinned, and what was, and opens no build", async () => {
    const folder = temporaryFolder("lock");
    const commit = makeRemote(join(folder, "up"), { "conf/layer.conf": "" });
    const repos = `repos: {up: {url: "file://${folder}/up", branch: main, path: clone}}\n`;
    writeFileSync(join(folder, "kas.yml"), `header: {version: 14}\n${repos}`);
    const lock = (...words: string[]) => session(["lock", "kas.yml", ...words], {}, { directory: folder });
    const first = await lock();
    expect([first.code, first.out, first.opened]).toEqual([0, `up: ${commit}, in kas.lock.yml\n`, undefined]);
    expect(first.err).toContain(`up: cloning file://${folder}/up`);
    expect((await lock()).out).toBe("nothing to lock: each repository has its commit\n");
    expect((await lock("--update")).out).toBe(`up: ${commit}, as before\n`);
    writeFileSync(join(folder, "up/conf/layer.conf"), "# new");
    gitIn(join(folder, "up"), "commit", "-q", "-a", "-m", "two");
    const second = gitIn(join(folder, "up"), "rev-parse", "HEAD");
    const { out } = await lock("--update", "--ui", "json");
    expect(
      out
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line) as object),
    ).toContainEqual(
      expect.objectContaining({
        type: "answer",
        data: {
          format: 1,
          repositories: [expect.objectContaining({ id: "up", commit: second, was: commit })],
        },
      }),
    );
  });

  test("a build folder without a project file has nothing to lock", async () => {
    const folder = temporaryFolder("lock");
    mkdirSync(join(folder, "conf"));
    writeFileSync(join(folder, "conf/bblayers.conf"), "");
    const { code, err } = await session(["lock"], {}, { directory: folder });
    expect([code, err]).toEqual([1, expect.stringContaining("error[engine/no-project-file]")]);
  });
});

describe("tsbake explain", () => {
  const page = readFileSync(join(root, "docs/problems.md"), "utf8");
  const sections = page.split(/^## /m).slice(1);
  const codes = sections.map((section) => section.split("\n")[0]!);
  const wordsOf = (text: string): string => text.replace(/\]\(/g, ": docs/").replace(/[[\])]|\s/g, "");

  test("prints the section of each code, in lines that fit, and opens no project", async () => {
    for (const [index, code] of codes.entries()) {
      const { code: exit, out, err, opened } = await session(["explain", code]);
      expect([exit, err, opened]).toEqual([0, "", undefined]);
      expect(wordsOf(out)).toBe(wordsOf(sections[index]!));
      expect(out.split("\n").filter((line) => line.length > 100 && line.includes(" "))).toEqual([]);
    }
  });

  test("lists all codes without one", async () => {
    expect((await session(["explain"])).out).toBe(codes.map((code) => `${code}\n`).join(""));
    const { out } = await session(["--ui", "json", "explain"]);
    expect(JSON.parse(out.split("\n")[1]!)).toMatchObject({ type: "answer", data: { codes } });
  });

  test.each([
    ["error[base/disk-full]", "base/disk-full"],
    ["disk-full", "base/disk-full"],
  ])("%s is taken for %s", async (asked, code) => {
    const { out, err } = await session(["explain", asked]);
    expect([out.split("\n")[0], err]).toEqual([code, ""]);
  });

  test.each([
    ["base/disk-ful", /did you mean `base\/disk-full`\?/],
    ["disc-full", /did you mean `base\/disk-full`\?/],
    ["not-metadata", /did you mean `datastore\/not-metadata` or `recipe\/not-metadata`\?/],
    ["xyzzy", /`tsbake explain` lists the codes/],
  ])("%s has no section: near codes are named", async (asked, help) => {
    const { code, out, err } = await session(["explain", asked]);
    expect([code, out]).toEqual([1, ""]);
    expect(err).toMatch(/error\[cli\/unknown-code\]/);
    expect(err).toMatch(help);
  });
});

describe("a session", () => {
  test("builds, tells the result and all that the one target left, and closes the build", async () => {
    const outputs = [
      { target: "a", files: ["/deploy/a.raw", "/deploy/b/a.manifest"], text: "a: 3 packages\n" },
    ];
    const result = await session(["a", "-k"], {
      build: () => Promise.resolve({ summary: done, outputs }),
    });
    expect(result).toMatchObject({ code: 0, err: "", closed: true });
    expect(result.out).toMatch(
      /done after 0\.3 s: 1 run, 1 up to date\n\na: 3 packages\n\/deploy\/\n {2}a\.raw\n\/deploy\/b\/\n {2}a\.manifest\n$/,
    );
  });

  describe("several targets", () => {
    const image = (target: string, head: string, files: readonly string[]) => ({
      target,
      files: [...files, "html", "json", "manifest", "packages.json", "spdx.json", "summary"].map((end) =>
        end.includes("/") ? end : `/project/build/deploy/images/m/${target}-m.rootfs.${end}`,
      ),
      text: `${head}\n  biggest packages: x 1 MiB\n  warning: ${target} is big\n  squashfs: 1.5 MiB\n`,
    });
    const raw = (name: string) => `/project/build/deploy/images/m/${name}.raw`;
    const images = [
      image("base", "base: 112 packages, 146 MiB", ["tar.gz", "squashfs"]),
      image("tools", "tools on base: 45 packages, 94.6 MiB (saves 40.8 MiB against …)", [
        raw("tools"),
        "erofs",
      ]),
      image("one", "one on base: 1 package, 812 B (saves …)", [raw("one"), "squashfs"]),
      image("mc:x:none", "mc:x:none: 0 packages, 0 B", ["directory"]),
    ];
    const end = async (outputs: typeof images) => {
      const targets = outputs.map(({ target }) => target);
      const built = await session(targets, { build: () => Promise.resolve({ summary: done, outputs }) });
      return built.out.slice(built.out.indexOf("done after")).split("\n");
    };

    test("are a table, and the end of a build of four fits a screen of 24 lines", async () => {
      const lines = await end(images);
      expect(lines.slice(1)).toEqual([
        "",
        "target     packages  content   deployed",
        "base       112       146 MiB   base-m.rootfs.tar.gz, base-m.rootfs.squashfs and 6 more",
        "tools      45        94.6 MiB  tools.raw and 7 more",
        "one        1         812 B     one.raw and 7 more",
        "mc:x:none  0         0 B       mc:x:none-m.rootfs.directory and 6 more",
        "in build/deploy/images/m/",
        "base: warning: base is big",
        "tools: warning: tools is big",
        "one: warning: one is big",
        "mc:x:none: warning: mc:x:none is big",
        "",
      ]);
      expect(lines.length).toBeLessThan(20);
    });

    test("that are no images have their files only, by the folder that they share", async () => {
      const debs = (target: string) => ({
        target,
        files: [`/project/build/deploy/deb/${target}/${target}_1_amd64.deb`],
        text: "",
      });
      expect((await end([debs("lib"), debs("prog")])).slice(1)).toEqual([
        "",
        "target  deployed",
        "lib     lib/lib_1_amd64.deb",
        "prog    prog/prog_1_amd64.deb",
        "in build/deploy/deb/",
        "",
      ]);
      expect((await end([images[0]!, debs("lib")])).slice(3, 6)).toEqual([
        "base    112       146 MiB  images/m/base-m.rootfs.tar.gz, images/m/base-m.rootfs.squashfs and 6 more",
        "lib                        deb/lib/lib_1_amd64.deb",
        "in build/deploy/",
      ]);
    });
  });

  test("hands on what was asked for", async () => {
    const { request, opened } = await session(["-fkc", "compile", "-R", "p.conf", "-v", "a"]);
    expect(request).toMatchObject({
      targets: ["a"],
      task: "compile",
      force: true,
      keepGoing: true,
      verbose: true,
    });
    expect(opened).toMatchObject({ directory: "/project", postFiles: ["p.conf"], trackHistory: false });
    expect(opened!.command).toBe("tsbake -fkc compile -R p.conf -v a");
  });

  test("what there is no memory for is no error of ours", async () => {
    const words = "WebAssembly.instantiate(): Out of memory: Cannot allocate Wasm memory for new instance";
    const failed = await session(["a"], { build: () => Promise.reject(new RangeError(words)) });
    expect([failed.code, failed.err]).toEqual([
      1,
      expect.stringContaining(`error[cli/no-memory]: there is no memory left for tsbake: ${words}`),
    ]);
  });

  test("a failed task makes 1, a second Ctrl-C 130", async () => {
    const methods = { build: () => Promise.resolve({ summary: { ...done, ok: false }, outputs: [] }) };
    expect((await session(["a"], methods)).code).toBe(1);
    expect((await session(["a"], methods, { kill: AbortSignal.abort() })).code).toBe(130);
    for (const [signal, code] of [
      ["SIGINT", 130],
      ["SIGTERM", 143],
      ["SIGHUP", 129],
    ] as const) {
      expect((await session(["a"], methods, { kill: AbortSignal.abort(signal) })).code).toBe(code);
    }
  });

  test("feed update tells what it does in a log, and on a terminal leaves its answer standing", async () => {
    const methods = (seen: { opened?: OpenOptions }) => ({
      async updateFeed() {
        seen.opened!.onEvent({ type: "step", text: "fetching the package lists", percent: 42 });
        await new Promise((resolve) => setTimeout(resolve, 250));
        return true;
      },
    });
    const run = async (output: Partial<Surroundings["stdout"]>) => {
      const written: string[] = [];
      const seen: { opened?: OpenOptions } = {};
      const stream = { ...output, write: (text: string) => written.push(text) };
      const build = { ...methods(seen), close: () => Promise.resolve() };
      await session(
        ["feed", "update"],
        {},
        {
          stdout: stream,
          stderr: stream,
          openBuild(options) {
            seen.opened = options;
            return Promise.resolve(build as unknown as LockedBuild);
          },
        },
      );
      return written.join("");
    };
    expect(await run({})).toBe(
      "tsbake 1.0: feed update\nfetching the package lists\nthe package lists changed\n",
    );
    const live = await run({ isTTY: true, columns: 80, rows: 24 });
    expect(live).toContain("fetching the package lists [####      ] 42 % …");
    const up = String.raw`\u001B\[\dA`;
    expect(live).toMatch(/the package lists changed\n/);
    expect(live.split("the package lists changed\n")[1]).not.toMatch(new RegExp(up));
  });

  test("no target at all is told", async () => {
    const summary = { ...done, total: 0, ran: 0, current: 0 };
    const result = await session([], { build: () => Promise.resolve({ summary, outputs: [] }) });
    expect([result.code, result.err]).toEqual([1, expect.stringMatching(/^error\[cli\/no-target\]/)]);
  });

  test("errors of the metadata come all, on standard error", async () => {
    const error = (code: string) => ({ severity: "error", code, message: "m" }) as const;
    const lockBuild = () => Promise.reject(new BuildError([error("b/b"), error("a/a"), error("b/b")]));
    const result = await session(["a"], {}, { lockBuild });
    expect(result).toMatchObject({ code: 1, out: "", err: "error[a/a]: m\n\nerror[b/b]: m\n" });
  });

  test.each([
    [
      new Error("internal: broken"),
      /^error\[cli\/internal-error\]: internal error: broken\nhelp: please report it.*\n$/,
    ],
    [
      Object.assign(new Error("EACCES: refused"), { code: "EACCES" }),
      /^error\[cli\/system-error\]: EACCES: refused\n/,
    ],
    [
      Object.assign(new Error("ENOSPC: no space"), { code: "ENOSPC" }),
      /^error\[base\/disk-full\]: there is not enough space in \/project: of the disk mounted on \/, \d+ [KMGT]iB of .*\n/,
    ],
  ])("%s is told without a stack, unless -D asks for it", async (thrown, expected) => {
    const methods = { build: () => Promise.reject(thrown) };
    const plain = await session(["a"], methods);
    expect([plain.code, plain.closed]).toEqual([1, true]);
    expect(plain.err).toMatch(expected);
    expect(plain.err).not.toMatch(/^ +at /m);
    expect((await session(["-D", "a"], methods)).err).toMatch(/^ +at /m);
  });

  test.each([
    [["-e", "x"], "x has values"],
    [
      ["-s"],
      "Recipe Name  Latest Version  Preferred Version  Required Version\n===========  ==============  =================  ================\nhello        :1.0-r0\n",
    ],
    [["-p"], "1 recipes from 2 files: 1 files from the cache, 0 recipes skipped, 0 files masked\n"],
    [["-g", "x"], "/project/task-depends.dot\n/project/pn-buildlist\n"],
    [["-c", "listtasks", "x"], "do_build    all\ndo_compile\n"],
  ])("%j answers on standard output, alone", async (words, expected) => {
    const result = await session(words, {
      showEnvironment: (target) => Promise.resolve(`${target!} has values`),
      showVersions: () => Promise.resolve([{ pn: "hello", latest: ":1.0-r0", preferred: "", required: "" }]),
      parseOnly: () => Promise.resolve({ recipes: 1, files: 2, cached: 1, skipped: 0, masked: 0 }),
      writeGraph: () => Promise.resolve(["/project/task-depends.dot", "/project/pn-buildlist"]),
      listTasks: () => [
        { name: "do_build", doc: "all" },
        { name: "do_compile", doc: "" },
      ],
    });
    expect(result).toMatchObject({ code: 0, out: expected, err: "" });
    expect(result.opened!.trackHistory).toBe(words[0] === "-e");
  });

  test("--timeline is a trace, written when the session ends", async () => {
    const path = join(tmpdir(), `tsbake-timeline-${process.pid}.json`);
    await session(["--timeline", path, "a"]);
    expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({ displayTimeUnit: "ms" });
    rmSync(path);
    const wrong = await session(["--timeline", "/nowhere/t.json", "a"]);
    expect([wrong.code, wrong.err]).toEqual([1, expect.stringContaining("/nowhere/t.json")]);
  });

  test("what strangers have written never reaches a terminal as it is; our colours do", async () => {
    const evil = "a\u001B[2Jb\u0007\u009B1mc";
    const rows = [{ pn: evil, latest: "1", preferred: "1", required: "" }];
    const plain = await session(["-s"], { showVersions: () => Promise.resolve(rows) } as never);
    expect(plain.out).toContain("ab1mc");
    expect(plain.out).not.toMatch(controls);
    const written: string[] = [];
    const stream = { isTTY: true, columns: 80, rows: 24, write: (text: string) => written.push(text) };
    const warning = { severity: "warning", code: "a/b", message: evil } as const;
    await session(
      ["a"],
      { build: () => Promise.reject(new BuildError([{ ...warning, severity: "error" }])) },
      { stdout: stream, stderr: stream, environment: { TERM: "xterm" } },
    );
    const shown = written.join("");
    expect(shown).toContain("ab1mc");
    expect(shown).toContain("\u001B[31m");
    expect(shown).not.toContain("\u001B[2J");
  });

  test("--ui json: every line is an object with a time; places are file, line and column", async () => {
    const source = new Source("a.bb", "one\ntwo\n");
    const at = { source, start: 4, end: 7 };
    const result = await session(
      ["--ui", "json", "a"],
      {},
      {
        lockBuild(options) {
          options.onEvent({ type: "parsed", recipes: 3, cached: 1, elapsedMs: 12.34 });
          return Promise.reject(new BuildError([{ severity: "error", code: "a/a", message: "m", at }]));
        },
      },
    );
    const lines = result.out.trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line) as object)).toEqual([
      { time: expect.any(Number), type: "begin", format: 1, version: "1.0", words: ["--ui", "json", "a"] },
      { time: expect.any(Number), type: "parsed", recipes: 3, cached: 1, elapsedMs: 12 },
      {
        time: expect.any(Number),
        type: "error",
        diagnostics: [
          { severity: "error", code: "a/a", message: "m", at: { file: "a.bb", line: 2, column: 1 } },
        ],
      },
      { time: expect.any(Number), type: "end", code: 1 },
    ]);
    expect([result.code, result.err]).toEqual([1, ""]);
  });
});

describe("the program", () => {
  const main = join(root, "scripts/start.js");
  function tsbake(...words: string[]) {
    const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...words], { encoding: "utf8" });
    return { status, stdout, stderr };
  }

  test("is the bundle, unless the compiler has written something since", () => {
    const folder = mkdtempSync(join(tmpdir(), "start-"));
    const write = (path: string, text: string, seconds: number) => {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
      utimesSync(join(folder, path), seconds, seconds);
    };
    const start = () => {
      const done = spawnSync(process.execPath, [join(folder, "scripts/start.js")], {
        encoding: "utf8",
        env: process.env,
      });
      return [done.status, done.stdout];
    };
    const says = (word: string) => `console.log("${word}"); process.exitCode = 0;\n`;
    write("package.json", '{ "type": "module" }', 1);
    write("scripts/start.js", readFileSync(main, "utf8"), 1);
    write("packages/cli/dist/main.js", says("compiled"), 1);
    write("packages/base/dist/.tsbuildinfo", "", 5);
    expect(start()).toEqual([0, "compiled\n"]);
    write("node_modules/.tsbake-programs/cli.js", says("bundle"), 9);
    expect(start()).toEqual([0, "bundle\n"]);
    write("packages/base/dist/.tsbuildinfo", "", 10);
    expect(start()).toEqual([0, "compiled\n"]);
    rmSync(folder, { recursive: true });
  });

  test("--version", () => {
    expect(tsbake("--version")).toEqual({
      status: 0,
      stdout: expect.stringMatching(/^tsbake \d+\.\d+\.\d+\n$/),
      stderr: "",
    });
  });

  test("--help", () => {
    expect(tsbake("-h")).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^usage: tsbake/),
      stderr: "",
    });
  });

  test("a mistake on the command line makes 2", () => {
    expect(tsbake("--versoin")).toMatchObject({
      status: 2,
      stdout: "",
      stderr: expect.stringMatching(/did you mean --version/),
    });
  });
});
