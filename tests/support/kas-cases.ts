/** Cases of `golden/project/kas.txt`: project files with what is around them, and what kas makes of them. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "./paths.js";
import { temporaryFolder } from "./temporary.js";

export interface KasCase {
  readonly title: string;
  /** By their names. */
  readonly files: ReadonlyMap<string, string>;
  /** By file; `refused` when kas takes the project for wrong. */
  readonly answers: ReadonlyMap<string, string>;
}

export interface LaidOut {
  readonly folder: string;
  /** Of the command line: `kas.yml`. */
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

export function kasCases(): KasCase[] {
  const [, ...parts] = readFileSync(join(root, "tests/golden/project/kas.txt"), "utf8").split(/^=== /m);
  return parts.map((part) => {
    const [title = ""] = part.split("\n", 1);
    const [, ...pieces] = part.split(/^(---|-->) (.*)\n/m);
    const files = new Map<string, string>();
    const answers = new Map<string, string>();
    for (let at = 0; at < pieces.length; at += 3) {
      const text = pieces[at + 2]!.replaceAll(/^\\---/gm, "---");
      (pieces[at] === "---" ? files : answers).set(pieces[at + 1]!, text);
    }
    return { title, files, answers };
  });
}

/** Whatever the day and the user: the commits of a case are always the same. */
const WHO = Object.fromEntries(
  ["AUTHOR", "COMMITTER"].flatMap((who) => [
    [`GIT_${who}_NAME`, "tsbake"],
    [`GIT_${who}_EMAIL`, "tsbake"],
    [`GIT_${who}_DATE`, "@1700000000 +0000"],
  ]),
);

export function gitIn(folder: string, ...words: readonly string[]): string {
  const settings = ["-c", "init.defaultBranch=main"];
  const env = { ...process.env, ...WHO, GIT_CONFIG_GLOBAL: "/dev/null" };
  return execFileSync("git", [...settings, ...words], { cwd: folder, env, encoding: "utf8" }).trim();
}

/** A repository with one commit, on `main` and as the tag `v1`. @returns the commit */
export function makeRemote(folder: string, files: Readonly<Record<string, string>>): string {
  mkdirSync(folder, { recursive: true });
  gitIn(folder, "init", "-q");
  for (const [name, text] of Object.entries(files)) write(join(folder, name), text);
  gitIn(folder, "add", "-A");
  gitIn(folder, "commit", "-q", "-m", "one");
  gitIn(folder, "tag", "v1");
  return gitIn(folder, "rev-parse", "HEAD");
}

/** Writes the files of a case: the project, and the repositories that it names. */
export function layOut({ files }: Pick<KasCase, "files">): LaidOut {
  const root = temporaryFolder("kas");
  const folder = join(root, "project");
  const remotes = new Map<string, Record<string, string>>();
  const own = new Map<string, string>();
  const environment: Record<string, string> = {};
  let words = ["kas.yml"];
  for (const [name, text] of files) {
    const [, remote, path] = /^remote:([^/]*)\/(.*)$/.exec(name) ?? [];
    if (remote !== undefined) remotes.set(remote, { ...remotes.get(remote), [path!]: text });
    else if (name === "layers")
      for (const layer of text.split(/\s+/).filter(Boolean)) own.set(`${layer}/conf/layer.conf`, "");
    else if (name === "ask") {
      for (const word of text.split(/\s+/).filter(Boolean)) {
        const [variable, value] = word.split("=");
        if (value === undefined) words = word.split(":");
        else environment[variable!] = value.replaceAll(",", " ");
      }
    } else own.set(name, text);
  }
  const placed = (text: string): string => text.replaceAll("REMOTES", `file://${root}/remotes`);
  const commits = [...remotes].map(([name, texts]) => {
    const all = Object.fromEntries(Object.entries(texts).map(([path, text]) => [path, placed(text)]));
    return [name, makeRemote(join(root, "remotes", name), all)] as const;
  });
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of own) {
    const pinned = commits.reduce((so, [remote, commit]) => so.replaceAll(`@${remote}@`, commit), text);
    write(join(folder, name), placed(pinned));
  }
  return { folder, words, environment };
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** What counts of a configuration. */
export function withoutComments(text: string): string {
  const lines = text.split("\n").filter((line) => !line.startsWith("#") && line.trim() !== "");
  return lines.map((line) => `${line}\n`).join("");
}
