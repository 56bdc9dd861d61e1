/** The tree that scripts of extensions on an extension run on: its layer over its base's tree, with the database and accounts of both. */
import { lstat, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type FileEntry, foldersAbove, inTarOrder, TarFile, TarWriter } from "@tsbake/archive";
import { openBackend } from "@tsbake/packaging";
import { parseFacts } from "../facts/facts.js";
import { parseFileManifest } from "../facts/file-manifest.js";
import type { Accounts } from "../layer/merged/accounts.js";
import { stacked } from "../layer/stacked.js";
import { DATABASE_FOLDER } from "../snapshot/snapshot.js";

export interface StackedTreeRequest {
  /** Tar of the base's tree, of which the extension was made. */
  readonly baseTree: string;
  /** The layer's tar, file manifest and facts. */
  readonly tree: string;
  readonly files: string;
  readonly facts: string;
  /** The snapshot of both, and the format of its packages. */
  readonly snapshot: string;
  readonly backend: string;
  readonly epochSeconds: number;
  /** The tar to write. */
  readonly output: string;
}

interface Made {
  readonly entry: FileEntry;
  readonly content: Buffer;
}

/** @throws BuildError `archive/damaged`, `image/bad-layer-facts`, `image/bad-file-manifest` */
export async function writeStackedTree(request: StackedTreeRequest): Promise<void> {
  const { files, facts, epochSeconds } = request;
  using base = new TarFile(request.baseTree);
  using layer = new TarFile(request.tree);
  const tars = {
    base: { tar: base, members: new Map(base.members(false).map((member) => [member.entry.path, member])) },
    layer: {
      tar: layer,
      members: new Map(layer.members(false).map((member) => [member.entry.path, member])),
    },
  };
  const { accounts } = parseFacts(await readFile(facts, "utf8"), facts);
  const folders = openBackend(request.backend).ownFolders.map((folder) => `/${folder}`);
  const all = stacked(
    [...tars.base.members.values()].map(({ entry }) => entry),
    parseFileManifest(await readFile(files, "utf8"), files),
  ).filter(
    ({ entry }) =>
      entry.kind === "directory" || !folders.some((folder) => entry.path.startsWith(`${folder}/`)),
  );
  const made = new Map<string, Made>();
  for (const folder of folders)
    for (const one of await databaseFiles(join(request.snapshot, DATABASE_FOLDER), folder))
      made.set(one.entry.path, one);
  const textOf = (path: string): string => {
    const member = tars.base.members.get(path);
    return member === undefined ? "" : base.part(member, 0, member.entry.sizeBytes).toString("utf8");
  };
  for (const [path, text] of accountFiles(textOf, accounts)) {
    const before = tars.base.members.get(path)?.entry;
    if (before?.kind === "file" && before.hardlink === undefined)
      made.set(path, { entry: before, content: Buffer.from(text) });
  }
  const there = new Set(all.map(({ entry }) => entry.path));
  const wanted = new Set([...made.keys()].flatMap(foldersAbove).filter((path) => !there.has(path)));
  const missing = [...wanted].map((path) => ({
    entry: { ...plain(path), kind: "directory" as const, mode: 0o755 },
  }));
  using writer = new TarWriter(request.output);
  writer.root(epochSeconds);
  const rest = all.filter(({ entry }) => !made.has(entry.path));
  for (const one of inTarOrder([...rest, ...missing, ...made.values()], ({ entry }) => entry)) {
    if ("content" in one) {
      writer.begin({ ...one.entry, sizeBytes: one.content.length }, epochSeconds);
      writer.write(one.content);
      writer.pad();
    } else if ("from" in one) {
      const { tar, members } = tars[one.of];
      writer.copy(tar, members.get(one.from)!, one.entry);
    } else writer.begin(one.entry, epochSeconds);
  }
  writer.finish();
}

function plain(path: string): Omit<FileEntry, "kind" | "mode"> {
  return { path, uid: 0, gid: 0, sizeBytes: 0 };
}

/** Scripts among them keep their mode: triggers run them. */
async function databaseFiles(snapshot: string, folder: string): Promise<Made[]> {
  const found = await readdir(join(snapshot, folder), { recursive: true, withFileTypes: true });
  const made: Made[] = [];
  for (const one of found) {
    if (!one.isFile()) continue;
    const path = join(one.parentPath, one.name);
    const { mode } = await lstat(path);
    const entry = { ...plain(path.slice(snapshot.length)), kind: "file" as const, mode: mode & 0o755 };
    made.push({ entry, content: await readFile(path) });
  }
  return made;
}

/** With what the layer's scripts added, by the ids that its files carry. @see passwd(5), shadow(5), group(5), gshadow(5) */
function accountFiles(
  textOf: (path: string) => string,
  accounts: Accounts | undefined,
): readonly (readonly [path: string, text: string])[] {
  if (accounts === undefined) return [];
  const { users, groups, memberships } = accounts;
  const passwd = users.map((one) =>
    [one.name, "x", one.uid, one.gid, one.comment, one.home, one.shell].join(":"),
  );
  const added = (path: string, lines: readonly string[]): string =>
    textOf(path).replace(/\n*$/, "\n") + lines.map((line) => `${line}\n`).join("");
  const inGroups = (text: string): string => {
    let result = text;
    for (const { user, group } of memberships) result = withMember(result, group, user);
    return result;
  };
  const made = [
    ["/etc/passwd", added("/etc/passwd", passwd)],
    [
      "/etc/shadow",
      added(
        "/etc/shadow",
        users.map(({ name }) => `${name}:!:::::::`),
      ),
    ],
    [
      "/etc/group",
      inGroups(
        added(
          "/etc/group",
          groups.map(({ name, gid }) => `${name}:x:${gid}:`),
        ),
      ),
    ],
    [
      "/etc/gshadow",
      inGroups(
        added(
          "/etc/gshadow",
          groups.map(({ name }) => `${name}:!::`),
        ),
      ),
    ],
  ] as const;
  return made.filter(([path]) => textOf(path) !== "");
}

/** The last field of a line of group and gshadow has the members. */
function withMember(text: string, group: string, user: string): string {
  return text
    .split("\n")
    .map((line) => {
      if (!line.startsWith(`${group}:`)) return line;
      const members = line.slice(line.lastIndexOf(":") + 1).split(",");
      if (members.includes(user)) return line;
      return members[0] === "" ? line + user : `${line},${user}`;
    })
    .join("\n");
}
