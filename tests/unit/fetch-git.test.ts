import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { fetchSource, unpackSource, type FetchOptions } from "@tsbake/fetch";
import { run } from "../support/command.js";
import { temporaryFolder } from "../support/temporary.js";
import { notRoot, testUnless } from "../support/skip.js";

interface Repository {
  readonly folder: string;
  readonly uri: string;
  /** Commits of `main`, oldest first. */
  readonly commits: string[];
  readonly options: FetchOptions;
}

async function git(folder: string, ...args: string[]): Promise<string> {
  const who = ["-c", "user.name=A", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"];
  const { code, stdout, stderr } = await run("git", [...who, ...args], { cwd: folder });
  if (code !== 0) throw new Error(`git ${args.join(" ")}: ${stderr}`);
  return stdout.trim();
}

async function commit(folder: string, text: string): Promise<string> {
  await writeFile(join(folder, "file"), text);
  await git(folder, "add", ".");
  await git(folder, "commit", "-q", "-m", text);
  return git(folder, "rev-parse", "HEAD");
}

async function repository(): Promise<Repository> {
  const root = temporaryFolder("git");
  const folder = join(root, "upstream");
  await run("mkdir", ["-p", join(folder, "sub/deep")]);
  await git(folder, "init", "-q");
  await writeFile(join(folder, "sub/deep/x"), "x");
  const commits = [await commit(folder, "one"), await commit(folder, "two")];
  const options = {
    filespath: [],
    dlDir: join(root, "downloads"),
    sums: {},
    revisions: { default: commits[0]! },
  };
  return { folder, uri: `git://${folder};protocol=file;branch=main`, commits, options };
}

describe("git sources", () => {
  test("the pinned commit is checked out, from DL_DIR alone", async () => {
    const { uri, folder, options, commits } = await repository();
    await fetchSource(uri, options);
    await rm(folder, { recursive: true });
    const into = join(options.dlDir, "../work");
    await unpackSource(uri, into, options);
    expect(await readFile(join(into, "git/file"), "utf8")).toBe("one");
    expect(await git(join(into, "git"), "rev-parse", "HEAD")).toBe(commits[0]);
    expect(await git(join(into, "git"), "status", "--porcelain")).toBe("");
    // Known already: no repository is needed.
    await fetchSource(uri, { ...options, network: false });
  });

  test("a clone that lacks the commit is brought up to date, and another one is not asked for", async () => {
    const { uri, folder, options } = await repository();
    const clone = await fetchSource(uri, options);
    const third = await commit(folder, "three");
    expect(await fetchSource(uri, { ...options, revisions: { default: third } })).toBe(clone);
    expect(
      (await readdir(join(options.dlDir, "git2"))).filter((name) => !name.endsWith(".lock")),
    ).toHaveLength(1);
  });

  test.each([
    [";destsuffix=src/lib", "src/lib/file"],
    [";subdir=a", "a/file"],
    [";subdir=a;destsuffix=b", "a/b/file"],
    [";subpath=sub/deep", "deep/x"],
    [";subpath=sub;destsuffix=s", "s/deep/x"],
  ])("%s puts it where it says", async (parameters, file) => {
    const { uri, options } = await repository();
    const into = join(options.dlDir, "../work");
    await fetchSource(uri + parameters, options);
    await unpackSource(uri + parameters, into, options);
    await unpackSource(uri + parameters, into, options);
    expect((await readFile(join(into, file), "utf8")).length).toBeGreaterThan(0);
  });

  test("a name has its own revision, and the default folder can be set", async () => {
    const { uri, options, commits } = await repository();
    const named = { ...options, revisions: { default: "x", n: commits[1]! }, gitDestsuffix: "pkg-1" };
    await fetchSource(`${uri};name=n`, named);
    await unpackSource(`${uri};name=n`, join(options.dlDir, "../work"), named);
    expect(await readFile(join(options.dlDir, "../work/pkg-1/file"), "utf8")).toBe("two");
  });

  test("hooks and attributes of a repository run nothing", async () => {
    const { uri, folder, options } = await repository();
    const mark = join(options.dlDir, "../ran");
    await writeFile(join(folder, ".gitattributes"), "file filter=evil\n");
    const evil = await commit(folder, "evil");
    await run(
      "sh",
      [
        "-c",
        `printf '#!/bin/sh\\ntouch ${mark}\\n' > .git/hooks/post-checkout; chmod +x .git/hooks/post-checkout`,
      ],
      { cwd: folder },
    );
    const pinned = { ...options, revisions: { default: evil } };
    await fetchSource(uri, pinned);
    await unpackSource(uri, join(options.dlDir, "../work"), pinned);
    expect(await readdir(join(options.dlDir, ".."))).not.toContain("ran");
  });

  test.each(["GIT_CONFIG_SYSTEM", "GIT_CONFIG_GLOBAL"])("what %s says changes nothing", async (variable) => {
    const { folder, uri, options } = await repository();
    const pinned = { ...options, revisions: { default: await commit(folder, "two\nlines\n") } };
    const [attributes, config] = [join(folder, "../attributes"), join(folder, "../config")];
    await writeFile(attributes, "* text eol=crlf\n");
    await writeFile(config, `[core]\n  attributesFile = ${attributes}\n  eol = crlf\n`);
    process.env[variable] = config;
    try {
      await fetchSource(uri, pinned);
      await unpackSource(uri, join(options.dlDir, "../work"), pinned);
    } finally {
      delete process.env[variable];
    }
    expect(await readFile(join(options.dlDir, "../work/git/file"), "utf8")).toBe("two\nlines\n");
  });

  test("a mirror stands in for a repository that is gone", async () => {
    const { folder, options } = await repository();
    const uri = "git://gone.invalid/some/upstream;branch=main;protocol=https";
    const mirrors = `git://gone.invalid/.* git://${folder};protocol=file`;
    const clone = await fetchSource(uri, { ...options, premirrors: mirrors, network: false });
    expect(clone).toMatch(/git2\/gone\.invalid\.some\.upstream$/);
  });

  const REMOTE = "git://gone.invalid/some/upstream;branch=main;protocol=https";

  test("an archive of the clone is made, with equal bytes, and stands in for the repository on a mirror", async () => {
    const { uri, folder, options } = await repository();
    const made = { ...options, mirrorTarballs: true };
    const clone = await fetchSource(uri, made);
    const name = `git2_${clone.split("/").at(-1)}.tar.gz`;
    const first = await readFile(join(options.dlDir, name));
    await rm(join(options.dlDir, name));
    await fetchSource(uri, made);
    expect((await readFile(join(options.dlDir, name))).equals(first)).toBe(true);

    const mirror = temporaryFolder("mirror");
    await writeFile(join(mirror, "git2_gone.invalid.some.upstream.tar.gz"), first);
    const fresh = {
      ...options,
      dlDir: join(mirror, "dl"),
      premirrors: `git://.*/.* file://${mirror}/`,
      network: false,
    };
    await rm(folder, { recursive: true });
    await fetchSource(REMOTE, fresh);
    await unpackSource(REMOTE, join(mirror, "work"), fresh);
    expect(await readFile(join(mirror, "work/git/file"), "utf8")).toBe("one");
    expect(await git(join(mirror, "work/git"), "remote", "get-url", "origin")).toBe(
      "https://gone.invalid/some/upstream",
    );
    expect(await git(join(mirror, "work/git"), "rev-parse", "--abbrev-ref", "HEAD")).toBe("main");
  });

  test("an archive that is none is passed over, and one that lacks the commit is not the end", async () => {
    const { folder, options, commits } = await repository();
    const mirror = temporaryFolder("mirror");
    const warnings: string[] = [];
    await writeFile(join(mirror, "git2_gone.invalid.some.upstream.tar.gz"), "no archive");
    const opts = {
      ...options,
      network: false,
      onWarning: (text: string) => warnings.push(text),
      premirrors: `git://.*/.* file://${mirror}/`,
    };
    await expect(fetchSource(REMOTE, opts)).rejects.toThrow("fetch/download-failed");
    expect(warnings.join()).toContain("is no archive of a repository");
    const old = await fetchSource(`git://${folder};protocol=file;nobranch=1`, {
      ...options,
      mirrorTarballs: true,
    });
    const bytes = await readFile(join(options.dlDir, `git2_${old.split("/").at(-1)}.tar.gz`));
    await writeFile(join(mirror, "git2_gone.invalid.some.upstream.tar.gz"), bytes);
    const third = await commit(folder, "three");
    const pinned = { ...opts, revisions: { default: third } };
    await expect(fetchSource(REMOTE, pinned)).rejects.toThrow("fetch/no-network");
    const both = { ...pinned, mirrors: `git://.*/.* git://${folder};protocol=file` };
    await fetchSource(REMOTE, both);
    expect(commits).not.toContain(third);
  });

  test("without history: an archive stands in for the clone", async () => {
    const { uri, folder, options, commits } = await repository();
    const shallow = { ...options, revisions: { default: commits[1]! }, gitShallow: true };
    const archive = await fetchSource(uri, shallow);
    expect(archive).toMatch(new RegExp(`gitshallow_.*_${commits[1]!.slice(0, 7)}-1_main\\.tar\\.gz$`));
    await rm(folder, { recursive: true });
    expect(await fetchSource(uri, shallow)).toBe(archive);
    const into = join(options.dlDir, "../work");
    await unpackSource(uri, into, shallow);
    expect(await git(join(into, "git"), "rev-list", "--count", "HEAD")).toBe("1");
    expect(await readFile(join(into, "git/file"), "utf8")).toBe("two");
    await expect(unpackSource(uri, into, { ...shallow, gitShallow: false })).rejects.toThrow(
      "fetch/download-failed",
    );
  });

  test("what the configuration of an archive says is not done", async () => {
    const { uri, folder, options, commits } = await repository();
    const shallow = { ...options, revisions: { default: commits[1]! }, gitShallow: true };
    const archive = await fetchSource(uri, shallow);
    const mark = join(folder, "../ran");
    const evil = temporaryFolder("evil");
    const script =
      'tar -xzf "$1" && printf "[core]\\n\\tfsmonitor = touch %s\\n\\tsshCommand = touch %s\\n" "$2" "$2" >>.git/config && mkdir -p .git/hooks && printf "#!/bin/sh\\ntouch %s\\n" "$2" >.git/hooks/post-checkout && chmod +x .git/hooks/post-checkout && tar -czf "$1" .';
    expect((await run("sh", ["-ec", script, "sh", archive, mark], { cwd: evil })).code).toBe(0);
    await unpackSource(uri, join(options.dlDir, "../work"), shallow);
    expect(await readdir(join(folder, ".."))).not.toContain("ran");
  });

  test("a tag has to be the commit", async () => {
    const { uri, folder, options, commits } = await repository();
    await git(folder, "tag", "-a", "-m", "x", "v1", commits[0]!);
    await git(folder, "tag", "v2", commits[1]!);
    const into = join(options.dlDir, "../work");
    await fetchSource(`${uri};tag=v1`, options);
    await unpackSource(`${uri};tag=v1`, into, options);
    await expect(unpackSource(`${uri};tag=v2`, into, options)).rejects.toThrow("fetch/wrong-tag");
    await expect(fetchSource(`${uri};tag=v3`, options)).rejects.toThrow("fetch/wrong-tag");
  });

  test("objects are shared unless they are not to be, and files of git-lfs are not passed over", async () => {
    const { uri, folder, options } = await repository();
    const into = join(options.dlDir, "../work");
    await fetchSource(uri, options);
    await unpackSource(uri, into, options);
    expect(await readdir(join(into, "git/.git/objects/info"))).toContain("alternates");
    await unpackSource(uri, into, { ...options, gitShared: false });
    expect(await readdir(join(into, "git/.git/objects/info"))).not.toContain("alternates");
    await writeFile(join(folder, ".gitattributes"), "*.bin filter=lfs diff=lfs merge=lfs -text\n");
    const pinned = { ...options, revisions: { default: await commit(folder, "lfs") } };
    await expect(fetchSource(uri, pinned)).rejects.toThrow("git-lfs");
    await fetchSource(`${uri};lfs=0`, pinned);
    await expect(unpackSource(uri, into, pinned)).rejects.toThrow("git-lfs");
    await unpackSource(`${uri};lfs=0`, into, pinned);
  });

  testUnless(notRoot, "a clone of another user is not used", async () => {
    const { uri, options } = await repository();
    const clone = await fetchSource(uri, options);
    expect((await run("chown", ["-R", "12345", clone])).code).toBe(0);
    await expect(fetchSource(uri, options)).rejects.toThrow("fetch/foreign-clone");
    await expect(unpackSource(uri, join(clone, "../w"), options)).rejects.toThrow("fetch/foreign-clone");
  });

  test("a link that another source has brought does not lead a checkout elsewhere", async () => {
    const { uri, options, folder } = await repository();
    const into = join(options.dlDir, "../work");
    await run("mkdir", ["-p", into]);
    await symlink(folder, join(into, "out"));
    await fetchSource(uri, options);
    await expect(unpackSource(`${uri};destsuffix=out/sub`, into, options)).rejects.toThrow("fetch/bad-uri");
    await expect(unpackSource(`${uri};destsuffix=out`, into, options)).rejects.toThrow("fetch/bad-uri");
    await expect(unpackSource(`${uri};subdir=out/new`, into, options)).rejects.toThrow("fetch/bad-uri");
    expect((await readdir(folder)).sort()).toEqual([".git", "file", "sub"]);
  });

  test("mistakes are one problem each", async () => {
    const { uri, options, folder } = await repository();
    const other = await git(folder, "commit-tree", "-m", "loose", "HEAD^{tree}");
    await git(folder, "branch", "other", other);
    const revision = (text: string): FetchOptions => ({ ...options, revisions: { default: text } });
    const cases: [string, FetchOptions, string][] = [
      [uri, revision("AUTOINC"), "fetch/missing-revision"],
      [uri, revision(""), "fetch/missing-revision: git://"],
      [`${uri};name=lib`, { ...options, revisions: { other: "1".repeat(40) } }, "fetch/missing-revision"],
      [uri, revision("f".repeat(40)), "it has no commit f"],
      [uri, revision(other), "fetch/not-on-branch"],
      [uri.replace(";branch=main", ""), options, "fetch/bad-uri"],
      [uri.replace("=main", "=-x"), options, "fetch/bad-uri"],
      [uri.replace("=file", "=ext"), options, "fetch/bad-uri"],
      [`git://${folder}/none;protocol=file;branch=main`, options, "fetch/download-failed"],
      ["git://host.invalid/x;branch=main", { ...options, network: false }, "fetch/no-network"],
    ];
    for (const [source, opts, code] of cases) await expect(fetchSource(source, opts)).rejects.toThrow(code);
    await expect(
      fetchSource(`${uri.replace("branch=main", "nobranch=1")}`, revision(other)),
    ).resolves.toBeDefined();
    await expect(unpackSource(`${uri};destsuffix=../x`, join(folder, "w"), revision(other))).rejects.toThrow(
      "fetch/bad-uri",
    );
    expect((await readdir(join(options.dlDir, "git2"))).filter((name) => name.includes(".tmp-"))).toEqual([]);
  });
});

describe("a login for git", () => {
  test("goes to its own host alone, and is in no argument", async () => {
    const { folder, options, commits } = await repository();
    await git(folder, "update-server-info");
    const seen: string[] = [];
    const far = createServer((request, response) => {
      seen.push(`far ${request.headers.authorization}`);
      response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
    });
    const near = createServer((request, response) => {
      const { authorization } = request.headers;
      if (request.url?.startsWith("/away"))
        return response.writeHead(302, { location: `http://localhost:${portOf(far)}${request.url}` }).end();
      if (authorization === undefined)
        return response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
      seen.push(`near ${authorization}`);
      const path = join(folder, new URL(request.url!, "http://h").pathname.slice(1));
      if (!existsSync(path)) return response.writeHead(404).end();
      return response.end(readFileSync(path));
    });
    await Promise.all(
      [near, far].map((one) => new Promise<void>((resolve) => one.listen(0, "127.0.0.1", resolve))),
    );
    const trace = join(options.dlDir, "../trace");
    process.env["GIT_TRACE"] = trace;
    try {
      const place = `me:s%65cret-word@127.0.0.1:${portOf(near)}`;
      await fetchSource(`git://${place}/.git;protocol=http;branch=main`, options);
      const gone = fetchSource(`git://${place}/away/.git;protocol=http;branch=main`, options);
      await expect(gone).rejects.toThrow("fetch/");
    } finally {
      delete process.env["GIT_TRACE"];
      for (const one of [near, far]) one.close();
    }
    const login = Buffer.from("me:secret-word").toString("base64");
    expect(new Set(seen)).toEqual(new Set([`near Basic ${login}`, "far undefined"]));
    expect(readFileSync(trace, "utf8")).toContain("remote-http");
    expect(readFileSync(trace, "utf8")).not.toMatch(/s(%65|e)cret-word/);
    expect(commits).toHaveLength(2);
  });
});

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
