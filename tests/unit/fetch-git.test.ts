import { readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { run } from "@tsbake/base";
import { fetchSource, unpackSource, type FetchOptions } from "@tsbake/fetch";
import { temporaryFolder } from "../support/temporary.js";

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

  test("a mirror stands in for a repository that is gone", async () => {
    const { folder, options } = await repository();
    const uri = "git://gone.invalid/some/upstream;branch=main;protocol=https";
    const mirrors = `git://gone.invalid/.* git://${folder};protocol=file`;
    const clone = await fetchSource(uri, { ...options, premirrors: mirrors, network: false });
    expect(clone).toMatch(/git2\/gone\.invalid\.some\.upstream$/);
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
