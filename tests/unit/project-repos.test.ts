/** Repositories of a project file: cloned, checked, brought to their commit, patched, locked; and what strangers write in `repos`. */
import {
  chmodSync,
  existsSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { type BuildError, type Diagnostic } from "@tsbake/base";
import { lockProject, readProjectFile, type ProjectFile, type ProjectOptions } from "@tsbake/project";
import { gitIn, makeRemote } from "../support/kas-cases.js";
import { notRoot, testUnless } from "../support/skip.js";
import { temporaryFolder } from "../support/temporary.js";
import { rejectionOf } from "../support/problem-of.js";

/** A project folder beside repositories that it may name. */
class World {
  readonly folder = temporaryFolder("repos");
  readonly project = join(this.folder, "project");
  readonly changes: string[] = [];
  readonly steps: string[] = [];
  readonly warnings: Diagnostic[] = [];

  write(name: string, text: string): string {
    const path = join(this.project, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return path;
  }

  /** @returns its URL */
  remote(name: string, files: Readonly<Record<string, string>> = { "conf/layer.conf": 'A = "1"\n' }): string {
    makeRemote(join(this.folder, name), files);
    return `file://${join(this.folder, name)}`;
  }

  /** One commit more on a branch of a remote. @returns the commit */
  commit(name: string, text: string, branch = "main"): string {
    const folder = join(this.folder, name);
    gitIn(folder, "checkout", "-q", "-B", branch);
    writeFileSync(join(folder, "conf/layer.conf"), text);
    gitIn(folder, "commit", "-q", "-a", "-m", text);
    return gitIn(folder, "rev-parse", "HEAD");
  }

  options(more: Partial<ProjectOptions["bring"]> & object = {}): ProjectOptions & {
    readonly bring: NonNullable<ProjectOptions["bring"]>;
  } {
    return {
      bring: {
        beforeChange: () => Promise.resolve(void this.changes.push("change")),
        onStep: (text) => void this.steps.push(text),
        onWarning: (diagnostic) => void this.warnings.push(diagnostic),
        ...more,
      },
    };
  }

  /** Of a project file with these repositories. */
  read(repos: string, more: Partial<ProjectOptions> = {}): Promise<ProjectFile> {
    const path = this.write("tsbake.yaml", `header: {version: 14}\n${repos}`);
    return readProjectFile(path, { ...this.options(), ...more });
  }

  async told(repos: string, more: Partial<ProjectOptions> = {}): Promise<readonly Diagnostic[]> {
    return (await rejectionOf(this.read(repos, more))).diagnostics;
  }

  head(name: string): string {
    return gitIn(join(this.project, name), "rev-parse", "HEAD");
  }

  layer(name: string): string {
    return readFileSync(join(this.project, name, "conf/layer.conf"), "utf8");
  }
}

describe("a repository with a url", () => {
  test("is cloned, and then left alone", async () => {
    const world = new World();
    const url = world.remote("up");
    const repos = `repos: {up: {url: "${url}", branch: main}}\n`;
    const { layers } = await world.read(repos);
    expect(layers).toEqual([join(world.project, "up")]);
    expect(world.head("up")).toBe(gitIn(join(world.folder, "up"), "rev-parse", "main"));
    expect(world.steps[0]).toBe(`up: cloning ${url}`);
    world.changes.length = 0;
    await world.read(repos);
    expect(world.changes).toEqual([]);
    // Nothing of a clone that was broken off is left, either.
    expect(gitIn(world.project, "init", "-q")).toBe("");
    expect(gitIn(world.project, "status", "--porcelain")).toBe("?? tsbake.yaml\n?? up/");
  });

  test("is cloned once where several builds begin at a time", async () => {
    const world = new World();
    const repos = `repos: {up: {url: "${world.remote("up")}", branch: main}}\n`;
    world.write("tsbake.yaml", `header: {version: 14}\n${repos}`);
    const [one, two] = await Promise.all([world.read(repos), world.read(repos)]);
    expect(two.layers).toEqual(one.layers);
    expect(readdirSync(world.project).sort()).toEqual(["tsbake.yaml", "up"]);
  });

  test("goes where the file says, forth and back, and its branches stay", async () => {
    const world = new World();
    const url = world.remote("up");
    const first = gitIn(join(world.folder, "up"), "rev-parse", "HEAD");
    const second = world.commit("up", 'A = "2"\n');
    for (const commit of [second, first, second]) {
      await world.read(`repos: {up: {url: "${url}", commit: "${commit}"}}\n`);
      expect(world.head("up")).toBe(commit);
    }
    expect(gitIn(join(world.project, "up"), "branch", "--show-current")).toBe("");
    expect(gitIn(join(world.project, "up"), "rev-parse", "main")).toBe(second);
    await world.read(`repos: {up: {url: "${url}", tag: v1}}\n`);
    expect(world.head("up")).toBe(first);
  });

  test("is fetched for a commit that came later, and for nothing else", async () => {
    const world = new World();
    const url = world.remote("up");
    await world.read(`repos: {up: {url: "${url}", branch: main}}\n`);
    const before = world.head("up");
    const later = world.commit("up", 'A = "2"\n');
    await world.read(`repos: {up: {url: "${url}", branch: main}}\n`);
    expect(world.head("up")).toBe(before);
    await world.read(`repos: {up: {url: "${url}", branch: main, commit: "${later}"}}\n`);
    expect(world.head("up")).toBe(later);
    const unnamed = world.commit("up", 'A = "3"\n', "other");
    await world.read(`repos: {up: {url: "${url}", branch: other}}\n`);
    expect(world.head("up")).toBe(unnamed);
  });

  test("of another URL has the branch of that one", async () => {
    const world = new World();
    const [one, two] = [world.remote("one"), world.remote("two", { "conf/layer.conf": 'A = "two"\n' })];
    await world.read(`repos: {up: {url: "${one}", branch: main}}\n`);
    await world.read(`repos: {up: {url: "${two}", branch: main}}\n`);
    expect(world.layer("up")).toBe('A = "two"\n');
    world.changes.length = 0;
    await world.read(`repos: {up: {url: "${two}", branch: main}}\n`);
    expect(world.changes).toEqual([]);
  });

  test("may have a branch of any kind, and a commit cut short", async () => {
    const world = new World();
    const url = world.remote("up");
    const commit = world.commit("up", 'A = "review"\n', "aside");
    gitIn(join(world.folder, "up"), "update-ref", "refs/changes/1", commit);
    gitIn(join(world.folder, "up"), "checkout", "-q", "main");
    gitIn(join(world.folder, "up"), "branch", "-q", "-D", "aside");
    await world.read(`repos: {up: {url: "${url}", branch: refs/changes/1}}\n`);
    expect(world.head("up")).toBe(commit);
    const main = gitIn(join(world.folder, "up"), "rev-parse", "main");
    await world.read(`repos: {up: {url: "${url}", commit: "${main.slice(0, 10)}"}}\n`);
    expect(world.head("up")).toBe(main);
  });

  test.each<[string, (folder: string) => void, RegExp]>([
    [
      "files are changed",
      (at) => writeFileSync(join(at, "conf/layer.conf"), "mine\n"),
      /files in it are changed/,
    ],
    [
      "it has commits of its own",
      (at) => {
        writeFileSync(join(at, "conf/layer.conf"), "mine\n");
        gitIn(at, "commit", "-q", "-a", "-m", "mine");
      },
      /commits that no remote has/,
    ],
  ])("stays as it is, with a warning, where %s", async (_name, work, why) => {
    const world = new World();
    const url = world.remote("up");
    await world.read(`repos: {up: {url: "${url}", branch: main}}\n`);
    const later = world.commit("up", 'A = "2"\n');
    work(join(world.project, "up"));
    const head = world.head("up");
    await world.read(`repos: {up: {url: "${url}", commit: "${later}"}}\n`);
    expect([world.head("up"), world.layer("up")]).toEqual([head, "mine\n"]);
    expect(world.warnings).toMatchObject([
      { severity: "warning", code: "project/repo-left", message: expect.stringMatching(why), at: {} },
    ]);
  });

  test("runs no hook, and no program of its settings, when it is fetched and checked out", async () => {
    const world = new World();
    const url = world.remote("up");
    await world.read(`repos: {up: {url: "${url}", branch: main}}\n`);
    const mark = join(world.folder, "mark");
    const hook = world.write("up/.git/hooks/post-checkout", `#!/bin/sh\ntouch ${mark}\n`);
    chmodSync(hook, 0o755);
    const config = readFileSync(join(world.project, "up/.git/config"), "utf8");
    const program = `touch ${mark}; git-upload-pack`;
    world.write(
      "up/.git/config",
      `${config}\tuploadpack = ${program}\n[remote "${url}"]\n\tuploadpack = ${program}\n[core]\n\tfsmonitor = touch ${mark}\n`,
    );
    const later = world.commit("up", 'A = "2"\n');
    await world.read(`repos: {up: {url: "${url}", commit: "${later}"}}\n`);
    expect(world.head("up")).toBe(later);
    expect(existsSync(mark)).toBe(false);
  });
});

describe("what a repository lacks, or is not", () => {
  test.each<[string, string, string]>([
    ["a commit", 'commit: "0123456789012345678901234567890123456789"', "project/missing-revision"],
    ["a branch", "branch: nosuch", "project/missing-revision"],
    ["a tag", "tag: nosuch", "project/missing-revision"],
    ["a commit on the branch", 'commit: "@aside@", branch: main', "project/revision-mismatch"],
    ["a tag of the commit", 'commit: "@aside@", tag: v1', "project/revision-mismatch"],
  ])("%s is missing: one error, for a new clone and for one that is there", async (_name, said, code) => {
    const world = new World();
    const url = world.remote("up");
    const aside = world.commit("up", 'A = "2"\n', "aside");
    gitIn(join(world.folder, "up"), "checkout", "-q", "main");
    const repos = `repos: {up: {url: "${url}", ${said.replace("@aside@", aside)}}}\n`;
    for (const isThere of [false, true]) {
      if (isThere) await world.read(`repos: {up: {url: "${url}", branch: main}}\n`);
      expect(await world.told(repos)).toMatchObject([
        { severity: "error", code, at: {}, help: expect.any(String) },
      ]);
      expect(existsSync(join(world.project, "up"))).toBe(isThere);
    }
    expect(world.head("up")).toBe(gitIn(join(world.folder, "up"), "rev-parse", "main"));
  });

  test("a server that is not there: git's own words, and the command", async () => {
    const world = new World();
    const url = `file://${world.folder}/nosuch`;
    const [problem] = await world.told(`repos: {up: {url: "${url}", branch: main}}\n`);
    expect(problem).toMatchObject({
      code: "project/repo-missing",
      message: expect.stringContaining("does not appear to be a git repository"),
      help: `run \`git clone --branch main ${url} ${world.project}/up\``,
    });
  });

  test("a folder that is no repository, and is not taken for the one around it", async () => {
    const world = new World();
    const url = world.remote("up");
    world.write("up/conf/layer.conf", "");
    gitIn(world.project, "init", "-q");
    const repos = `repos: {up: {url: "${url}", branch: main}}\n`;
    expect(await world.told(repos)).toMatchObject([{ code: "project/not-a-repository" }]);
    // Its .git is none.
    world.write("up/.git/x", "");
    expect(await world.told(repos)).toMatchObject([{ code: "project/not-a-repository" }]);
  });

  testUnless(notRoot, "a folder of another user: git would do what its settings say", async () => {
    const world = new World();
    const url = world.remote("up");
    const repos = `repos: {up: {url: "${url}", branch: main}}\n`;
    await world.read(repos);
    lchownSync(join(world.project, "up/.git"), 65534, 65534);
    expect(await world.told(repos)).toMatchObject([{ code: "project/foreign-repository" }]);
  });
});

describe("BB_NO_NETWORK", () => {
  const repos = 'repos: {up: {url: "https://host.invalid/up.git", branch: main}}\n';

  test.each<[string, string, Partial<ProjectOptions>]>([
    ["in the environment", repos, { environment: { BB_NO_NETWORK: "1" } }],
    ["in env", `env: {BB_NO_NETWORK: "1"}\n${repos}`, {}],
    ["in a section", `local_conf_header: {a: BB_NO_NETWORK = "1"}\n${repos}`, {}],
    [
      "in local.conf",
      repos,
      { bring: new World().options({ configuration: ['BB_NO_NETWORK ?= "yes"\n'] }).bring },
    ],
  ])("%s: nothing is cloned from a server", async (_name, text, more) => {
    const world = new World();
    const [problem, ...others] = await world.told(text, more);
    expect(others).toEqual([]);
    expect(problem).toMatchObject({
      code: "project/repo-missing",
      message: expect.stringContaining("BB_NO_NETWORK forbids to clone it"),
      help: expect.stringContaining("git clone --branch main https://host.invalid/up.git"),
    });
    expect([...world.changes, ...world.steps]).toEqual([]);
  });

  test("a repository of this machine is cloned all the same", async () => {
    const world = new World();
    const environment = { BB_NO_NETWORK: "1" };
    await world.read(`repos: {up: {url: "${world.remote("up")}", branch: main}}\n`, { environment });
    expect(world.layer("up")).toBe('A = "1"\n');
  });

  test("a commit that the clone lacks is not asked for", async () => {
    const world = new World();
    await world.read(`repos: {up: {url: "${world.remote("up")}", branch: main}}\n`);
    gitIn(join(world.project, "up"), "remote", "set-url", "origin", "https://host.invalid/up.git");
    const commit = "0123456789012345678901234567890123456789";
    const lacking = `repos: {up: {url: "https://host.invalid/up.git", commit: "${commit}"}}\n`;
    expect(await world.told(lacking, { environment: { BB_NO_NETWORK: "1" } })).toMatchObject([
      { code: "project/missing-revision", message: expect.stringContaining("BB_NO_NETWORK forbids") },
    ]);
  });
});

describe("what strangers write", () => {
  test.each([
    "--upload-pack=touch mark",
    "-oProxyCommand=x",
    "ext::sh -c touch% mark",
    "ext::sh",
    "fd::7",
    "::/x",
    "ssh://-oProxyCommand=touch/x",
    "ssh://user@-x/y",
    "-x:y",
    "ftp://host/x",
    "javascript://x",
    "a b",
    "x\\ny",
    "host",
    "../../../x/../--help",
    "",
  ])("the url %j is not handed to git", async (url) => {
    const world = new World();
    const told = await world.told(`repos: {up: {url: "${url}", branch: main}}\n`);
    const isPath = url.startsWith("../");
    expect(told.map(({ code }) => code)).toEqual([isPath ? "project/repo-missing" : "project/bad-url"]);
    expect(existsSync(join(world.project, "up"))).toBe(false);
  });

  test.each([
    "https://h/x",
    "ssh://git@h:22/x",
    "git@h.example:x/y.git",
    "h:x",
    "/srv/x",
    "./x",
    "git://h/x",
  ])("the url %j is", async (url) => {
    const world = new World();
    const environment = { BB_NO_NETWORK: "1" };
    const told = await world.told(`repos: {up: {url: "${url}", branch: main}}\n`, { environment });
    expect(told.map(({ code }) => code)).toEqual(["project/repo-missing"]);
  });

  test.each([
    ["branch", "--force"],
    ["branch", "-x"],
    ["branch", "a..b"],
    ["branch", "a b"],
    ["branch", "a^"],
    ["branch", "a:b"],
    ["branch", "@{u}"],
    ["branch", "a.lock"],
    ["branch", "/a"],
    ["tag", "--help"],
    ["tag", "v*"],
    ["tag", "v1\\n"],
    ["commit", "--help"],
    ["commit", "main"],
    ["commit", "HEAD"],
    ["commit", "0123456789ABCDEF0123456789abcdef01234567"],
  ])("the %s %j is no name of git", async (key, name) => {
    const world = new World();
    const told = await world.told(`repos: {up: {url: "file:///nosuch", ${key}: "${name}"}}\n`);
    expect(told.map(({ code }) => code)).toEqual(["project/bad-revision"]);
  });

  test.each([
    'path: ".."',
    'path: "../up"',
    'path: "a/../../up"',
    'path: "/tmp/up"',
    'path: "."',
    'path: ".git"',
    'path: ".git/hooks/x"',
    'name: "../up"',
    'path: "link/up"',
  ])("nothing is written outside of the project: %s", async (said) => {
    const world = new World();
    mkdirSync(world.project);
    symlinkSync("..", join(world.project, "link"));
    const told = await world.told(`repos: {x: {url: "file:///nosuch", branch: main, ${said}}}\n`);
    expect(told).toMatchObject([
      { code: "project/path-outside", help: expect.stringContaining("KAS_WORK_DIR") },
    ]);
    expect(existsSync(join(world.folder, "up"))).toBe(false);
  });

  test("a repository that is there through a link is not touched", async () => {
    const world = new World();
    const url = world.remote("up");
    mkdirSync(world.project);
    symlinkSync(join(world.folder, "up"), join(world.project, "up"));
    const told = await world.told(`repos: {up: {url: "${url}", tag: v1}}\n`);
    expect(told).toMatchObject([{ code: "project/path-outside" }]);
    expect(gitIn(join(world.folder, "up"), "branch", "--show-current")).toBe("main");
  });

  test("no message has the password of a url", async () => {
    const world = new World();
    const environment = { BB_NO_NETWORK: "1" };
    const told = await world.told('repos: {up: {url: "https://me:secret@host.invalid/x", branch: main}}\n', {
      environment,
    });
    const path = join(world.project, "tsbake.yaml");
    const alone = await readProjectFile(path).then(
      () => [],
      (error: BuildError) => error.diagnostics,
    );
    const wrong = await world.told('repos: {up: {url: "ftp://me:secret@host.invalid/x", branch: main}}\n');
    const all = [...told, ...alone, ...wrong];
    expect(all.map(({ code }) => code)).toEqual([
      "project/repo-missing",
      "project/repo-missing",
      "project/bad-url",
    ]);
    expect(all.map(({ message, help }) => `${message} ${help}`).join("\n")).not.toContain("secret");
  });

  test("an include leads out through a link, and a file includes itself through another name", async () => {
    const world = new World();
    world.write("../outside.yaml", "header: {version: 14}\n");
    mkdirSync(world.project, { recursive: true });
    symlinkSync("../outside.yaml", join(world.project, "in.yaml"));
    const told = await world.told("").catch(() => []);
    expect(told).toEqual([]);
    const path = world.write("tsbake.yaml", "header: {version: 14, includes: [in.yaml]}\n");
    await expect(readProjectFile(path)).rejects.toThrow("project/include-outside");
    world.write("tsbake.yaml", "header: {version: 14, includes: [./x/../tsbake.yaml]}\n");
    await expect(readProjectFile(path)).rejects.toThrow("project/include-loop");
  });

  test("aliases that stand for more than a machine holds", async () => {
    const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
    for (let at = 1; at < 9; at++)
      lines.push(
        `a${at}: &a${at} [${Array(10)
          .fill(`*a${at - 1}`)
          .join(", ")}]`,
      );
    const told = await new World().told(`${lines.join("\n")}\n`);
    expect(told.map(({ code }) => code)).toContain("project/project-syntax");
  });
});

describe("patches", () => {
  const patch = (from: string, to: string): string =>
    `--- a/conf/layer.conf\n+++ b/conf/layer.conf\n@@ -1 +1 @@\n-A = "${from}"\n+A = "${to}"\n`;
  const repos = (url: string, patches: string): string =>
    `repos:\n  here: {path: .}\n  up: {url: "${url}", branch: main, patches: {${patches}}}\n`;

  function patched(): { world: World; url: string } {
    const world = new World();
    world.write("conf/layer.conf", "");
    world.write("1.patch", patch("1", "2"));
    world.write("set/series", "# two of them\na.patch # the first\n\nb.patch\n");
    world.write("set/a.patch", patch("2", "3"));
    world.write("set/b.patch", patch("3", "4"));
    return { world, url: world.remote("up") };
  }

  test("are applied by name, once, and go when they are taken out", async () => {
    const { world, url } = patched();
    const both = repos(url, "b: {repo: here, path: set}, a: {repo: here, path: 1.patch}");
    await world.read(both);
    expect(world.layer("up")).toBe('A = "4"\n');
    const head = world.head("up");
    expect(gitIn(join(world.project, "up"), "log", "--format=%s %an")).toBe(
      "b tsbake\nb tsbake\na tsbake\none tsbake",
    );
    world.changes.length = 0;
    await world.read(both);
    expect([world.changes, world.head("up")]).toEqual([[], head]);
    await world.read(repos(url, "b: , a: {repo: here, path: 1.patch}"));
    expect(world.layer("up")).toBe('A = "2"\n');
    await world.read(repos(url, ""));
    expect(world.layer("up")).toBe('A = "1"\n');
    await world.read(both);
    expect(world.head("up")).toBe(head);
  });

  test("are applied anew when one changes", async () => {
    const { world, url } = patched();
    const one = repos(url, "a: {repo: here, path: 1.patch}");
    await world.read(one);
    world.write("1.patch", patch("1", "other"));
    await world.read(one);
    expect(world.layer("up")).toBe('A = "other"\n');
  });

  test("that do not apply leave the commit as it was", async () => {
    const { world, url } = patched();
    const broken = repos(url, "a: {repo: here, path: 1.patch}, b: {repo: here, path: 1.patch}");
    for (let time = 0; time < 2; time++) {
      expect(await world.told(broken)).toMatchObject([
        { code: "project/patch-failed", message: expect.stringContaining("1.patch does not apply"), at: {} },
      ]);
      expect(world.layer("up")).toBe('A = "1"\n');
    }
  });

  test.each([
    ["a: {repo: here, path: nosuch.patch}", "project/patch-missing"],
    ["a: {repo: here, path: ../1.patch}", "project/patch-missing"],
    ["a: {repo: nosuch, path: 1.patch}", "project/unknown-repo"],
    ["a: {path: 1.patch}", "project/missing-key"],
    ["a: {repo: here, path: conf}", "project/patch-missing"],
  ])("%s: %s", async (said, code) => {
    const { world, url } = patched();
    expect((await world.told(repos(url, said))).map((one) => one.code)).toEqual([code]);
  });

  test("are found in the repository that defaults name", async () => {
    const { world, url } = patched();
    const defaults = "defaults: {repos: {patches: {repo: here}}}\n";
    await world.read(`${defaults}${repos(url, "a: {path: 1.patch}")}`);
    expect(world.layer("up")).toBe('A = "2"\n');
  });
});

describe("lock files", () => {
  const lock = (world: World, repos: string, updates = false, name = "tsbake.yaml") => {
    const path = world.write(name, `header: {version: 14}\n${repos}`);
    return lockProject(path, world.options({ updates }));
  };

  test("pin what has no commit, count from then on, and go on with --update", async () => {
    const world = new World();
    const url = world.remote("up");
    const first = gitIn(join(world.folder, "up"), "rev-parse", "HEAD");
    const fixed = world.remote("fixed");
    const repos = `repos:\n  up: {url: "${url}", branch: main}\n  fixed: {url: "${fixed}", commit: "${first}"}\n`;
    const file = "tsbake.lock.yaml";
    expect(await lock(world, repos)).toEqual([{ id: "up", commit: first, file, isExternal: false }]);
    expect(readFileSync(join(world.project, file), "utf8")).toBe(
      `header:\n  version: 14\noverrides:\n  repos:\n    up:\n      commit: ${first}\n`,
    );
    const second = world.commit("up", 'A = "2"\n');
    gitIn(join(world.project, "up"), "fetch", "-q", "origin");
    await world.read(repos);
    expect(world.head("up")).toBe(first);
    expect(await lock(world, repos)).toEqual([]);
    const text = readFileSync(join(world.project, file), "utf8");
    writeFileSync(join(world.project, file), text.replace("header:", "# kept\nheader:"));
    expect(await lock(world, repos, true)).toEqual([
      { id: "up", commit: second, was: first, file, isExternal: false },
    ]);
    expect(readFileSync(join(world.project, file), "utf8")).toBe(
      text.replace("header:", "# kept\nheader:").replace(first, second),
    );
    await world.read(repos);
    expect(world.head("up")).toBe(second);
    expect(await lock(world, repos, true)).toMatchObject([{ commit: second, was: second }]);
  });

  test("are JSON beside JSON", async () => {
    const world = new World();
    const url = world.remote("up");
    const repos = { up: { url, tag: "v1" } };
    const path = world.write("kas.json", JSON.stringify({ header: { version: 14 }, repos }));
    const [locked] = await lockProject(path, world.options());
    const text = readFileSync(join(world.project, "kas.lock.json"), "utf8");
    expect(JSON.parse(text)).toEqual({
      header: { version: 14 },
      overrides: { repos: { up: { commit: locked!.commit } } },
    });
  });

  test("of another repository stay as they are", async () => {
    const world = new World();
    const up = world.remote("up");
    const first = gitIn(join(world.folder, "up"), "rev-parse", "HEAD");
    const kas = world.remote("kas", {
      "kas.yml": `header: {version: 14}\nrepos: {up: {url: "${up}", branch: main}}\n`,
      "kas.lock.yml": `header: {version: 14}\noverrides: {repos: {up: {commit: "${first}"}}}\n`,
      "conf/layer.conf": "",
    });
    const second = world.commit("up", 'A = "2"\n');
    const path = world.write(
      "tsbake.yaml",
      `header: {version: 14, includes: [{repo: kas, file: kas.yml}]}\nrepos: {kas: {url: "${kas}", branch: main}}\n`,
    );
    await readProjectFile(path, world.options());
    expect(world.head("up")).toBe(first);
    const locked = await lockProject(path, world.options({ updates: true }));
    expect(locked).toMatchObject([
      { id: "up", commit: first, was: first, file: "kas/kas.lock.yml", isExternal: true },
      { id: "kas", file: "tsbake.lock.yaml", isExternal: false },
    ]);
    expect(second).not.toBe(first);
    expect(readFileSync(join(world.project, "tsbake.lock.yaml"), "utf8")).not.toContain("up:");
  });

  test("that contradict what is written are an error with both places", async () => {
    const world = new World();
    const url = world.remote("up");
    const first = gitIn(join(world.folder, "up"), "rev-parse", "HEAD");
    const second = world.commit("up", 'A = "2"\n');
    world.write(
      "tsbake.lock.yaml",
      `header: {version: 14}\noverrides: {repos: {up: {commit: "${first}"}}}\n`,
    );
    const told = await world.told(`repos: {up: {url: "${url}", commit: "${second}"}}\n`);
    expect(told).toMatchObject([{ code: "project/lock-contradicts", notes: [{ message: "the lock" }] }]);
    // What people override on purpose counts.
    const override = `overrides: {repos: {up: {commit: "${second}"}}}\n`;
    await world.read(`repos: {up: {url: "${url}", commit: "${second}"}}\n${override}`);
    expect(world.head("up")).toBe(second);
  });

  test("whose commit is not on the branch any more are an error", async () => {
    const world = new World();
    const url = world.remote("up");
    const first = gitIn(join(world.folder, "up"), "rev-parse", "HEAD");
    gitIn(join(world.folder, "up"), "commit", "-q", "--amend", "-m", "anew");
    world.write(
      "tsbake.lock.yaml",
      `header: {version: 14}\noverrides: {repos: {up: {commit: "${first}"}}}\n`,
    );
    const told = await world.told(`repos: {up: {url: "${url}", branch: main}}\n`);
    expect(told).toMatchObject([{ code: "project/revision-mismatch" }]);
    expect(told[0]!.at!.source.path).toBe(join(world.project, "tsbake.lock.yaml"));
  });
});

describe("kas' own means", () => {
  test.each([
    ["KAS_MACHINE", "two words", "project/wrong-variable"],
    ["KAS_TASK", "a/b", "project/wrong-variable"],
    ["KAS_PREMIRRORS", "one", "project/wrong-variable"],
    ["KAS_PREMIRRORS", "( x", "project/wrong-variable"],
  ])("%s=%s is %s", async (name, value, code) => {
    const told = await new World().told("", { environment: { [name]: value } });
    expect(told).toMatchObject([{ code, message: expect.stringContaining(name) }]);
  });

  test.each([
    ["KAS_CLONE_DEPTH", "cloned whole"],
    ["KAS_REPO_REF_DIR", "cloned whole"],
    ["KAS_BUILDTOOLS_DIR", "from recipes"],
    ["SSH_PRIVATE_KEY", "of the user"],
    ["KAS_MACHNE", "no variable of that name"],
  ])("%s is without effect, and that is told", async (name, reason) => {
    const world = new World();
    await world.read("", { environment: { [name]: "1", KAS_TASK: "build" } });
    expect(world.warnings).toMatchObject([
      { code: "project/unused-variable", message: expect.stringContaining(reason) },
    ]);
    const help = name === "KAS_MACHNE" ? "is `KAS_MACHINE` meant? Otherwise unset it" : "unset it";
    expect(world.warnings[0]!.help).toBe(help);
  });

  test("what kas' container script is told is nothing to warn of, nor is what other programs are told", async () => {
    const world = new World();
    await world.read("", { environment: { SSH_PRIVATE_KEY: "x", NETRC_FILE: "/netrc" } });
    await world.read("", { environment: { KAS_CONTAINER_IMAGE: "x", KAS_WORK_DIR: "", KAS_BUILD_DIR: "b" } });
    expect(world.warnings).toEqual([]);
  });

  test.each([
    ["master of the server", "main", "main"],
    ["a tag", "v1", "v1"],
    ["a whole reference", "refs/heads/main", "main"],
    ["a tag as a whole reference", "refs/tags/v1", "v1"],
    ["a commit", "COMMIT", "v1"],
    ["a commit that is cut short", "SHORT", "v1"],
  ])("refspec, which older files have: %s", async (_title, refspec, at) => {
    const world = new World();
    const url = world.remote("up");
    const [up, first] = [join(world.folder, "up"), gitIn(join(world.folder, "up"), "rev-parse", "v1")];
    world.commit("up", 'A = "2"\n');
    const text = refspec.replace("COMMIT", first).replace("SHORT", first.slice(0, 9));
    await world.read(`repos: {up: {url: "${url}", refspec: "${text}"}}\n`);
    expect(world.head("up")).toBe(gitIn(up, "rev-parse", at));
    expect(world.warnings).toMatchObject([{ code: "project/deprecated-refspec" }]);
  });

  test.each([
    ["refspec: none", "project/missing-revision"],
    ["refspec: both", "project/revision-mismatch"],
    ["refspec: main, commit: abcdef0", "project/refspec-beside"],
    ["refspec: main, branch: main", "project/refspec-beside"],
    ["refspec: main, tag: v1", "project/refspec-beside"],
    ["refspec: a..b", "project/bad-revision"],
  ])("%s is %s", async (said, code) => {
    const world = new World();
    const url = world.remote("up");
    world.commit("up", 'A = "2"\n', "both");
    gitIn(join(world.folder, "up"), "tag", "both", "v1");
    expect(await world.told(`repos: {up: {url: "${url}", ${said}}}\n`)).toMatchObject([{ code }]);
  });

  test("a tag may be written as a whole reference", async () => {
    const world = new World();
    const url = world.remote("up");
    world.commit("up", 'A = "2"\n');
    await world.read(`repos: {up: {url: "${url}", tag: refs/tags/v1}}\n`);
    expect(world.layer("up")).toBe('A = "1"\n');
  });

  test("KAS_PREMIRRORS names where a repository comes from", async () => {
    const world = new World();
    world.remote("mirrored.git");
    const KAS_PREMIRRORS = `https://.*\\.invalid/(.*) file://${world.folder}/\\1\n`;
    const repos = 'repos: {up: {url: "https://git.invalid/mirrored.git", branch: main}}\n';
    await world.read(repos, { environment: { KAS_PREMIRRORS } });
    expect(world.layer("up")).toBe('A = "1"\n');
  });

  test("variables stand over the file", async () => {
    const environment = { KAS_MACHINE: "m", KAS_DISTRO: "d", KAS_TARGET: "a b", KAS_TASK: "fetch" };
    const project = await new World().read("machine: x\ndistro: x\ntarget: x\ntask: x\n", { environment });
    expect(project).toMatchObject({ machine: "m", distro: "d", targets: ["a", "b"], task: "fetch" });
  });

  test("an override of nobody is a warning, one of nothing takes away", async () => {
    const world = new World();
    const url = world.remote("up");
    const overrides = "overrides: {repos: {upp: {commit: abcdef0}, up: {commit: }}}\n";
    await world.read(
      `${overrides}repos: {up: {url: "${url}", tag: v1, commit: "0123456789012345678901234567890123456789"}}\n`,
    );
    expect(world.warnings).toMatchObject([{ code: "project/unused-override", help: "is `up` meant?" }]);
  });

  test("two repositories are not cloned into one folder", async () => {
    const [one, two] = ["name: up", "path: ./x/../up"].map(
      (said) => `{url: "file:///nosuch", branch: main, ${said}}`,
    );
    const told = await new World().told(`repos: {one: ${one}, two: ${two}}\n`);
    expect(told).toMatchObject([{ code: "project/same-folder", notes: [{ message: "`one`" }] }]);
  });

  test.each([
    "commit: abcdef0",
    "branch: main",
    "tag: v1",
    "refspec: v1",
    "patches: {a: {repo: up, path: x}}",
  ])("without a url, %s would say nothing", async (said) => {
    const world = new World();
    const told = await world.told(`repos: {up: {path: ., ${said}}}\n`);
    expect(told).toMatchObject([{ code: "project/revision-without-url" }]);
  });

  test("files of two repositories are not named together", async () => {
    const world = new World();
    world.remote("one", { "a.yml": "header: {version: 14}\n" });
    world.remote("two", { "b.yml": "header: {version: 14}\n" });
    const moreFiles = [join(world.folder, "two/b.yml")];
    await expect(readProjectFile(join(world.folder, "one/a.yml"), { moreFiles })).rejects.toThrow(
      "project/files-apart",
    );
  });
});
