/** What removed packages left in a tree, path by path: what dpkg does not take away, and what their scripts made and did not. */
import type { FileEntry } from "@tsbake/archive";
import { byText } from "@tsbake/base";
import type { InstalledPackage, PackageDatabase, SkippedScript } from "@tsbake/packaging";
import { follow } from "../check/inspect/follow.js";
import { FileIndex } from "../facts/file-manifest.js";
import type { Reported } from "../facts/reported.js";
import { isAlternative } from "../layer/alternatives.js";
import { accountsLeft, type AccountView } from "./accounts-left.js";
import type { Left, LeftKind } from "./left.js";
import { Traces } from "./traces.js";

/** A tree before and after. */
export interface RemovalView {
  /** Packages that went, as the base had them, with their scripts. */
  readonly gone: readonly InstalledPackage[];
  readonly scripts: readonly SkippedScript[];
  readonly before: readonly FileEntry[];
  readonly after: readonly FileEntry[];
  /** What is installed afterwards. */
  readonly database: Pick<PackageDatabase, "packages" | "overrides">;
  readonly accounts: AccountView;
  /** Folders of the package manager's own, absolute. */
  readonly ownFolders: readonly string[];
}

/** Sorted by path, then kind. */
export function leftBehind(view: RemovalView): Left[] {
  if (view.gone.length === 0) return [];
  const trees = { before: new FileIndex(view.before), after: new FileIndex(view.after) };
  const found = [
    ...pathsLeft(view, trees),
    ...overridesLeft(view, trees),
    ...accountsLeft(view.scripts, view.accounts),
  ];
  return found.sort(
    ({ reported: left, kind, subject }, other) =>
      byText(left.path, other.reported.path) || byText(kind, other.kind) || byText(subject, other.subject),
  );
}

interface Trees {
  readonly before: FileIndex;
  readonly after: FileIndex;
}

function* pathsLeft(view: RemovalView, trees: Trees): Iterable<Left> {
  const symlinks = new FileIndex(view.after.filter(({ kind }) => kind === "symlink"));
  const owned = new Set(
    view.database.packages.flatMap(({ files }) => files.map((path) => symlinks.followFolders(path) ?? path)),
  );
  const traces = new Traces(view.gone, view.scripts, {
    before: view.before,
    isOwned: (path) => owned.has(path),
  });
  for (const entry of view.after) {
    const { path } = entry;
    if (view.ownFolders.some((folder) => path === folder || path.startsWith(`${folder}/`))) continue;
    const broken = entry.kind === "symlink" ? brokenLink(entry, trees) : undefined;
    if (broken !== undefined) {
      const owner = traces.shipped(broken);
      const had = owner === undefined ? "the base had" : `${owner} had`;
      yield left(
        linkKind(entry, broken),
        path,
        `it leads to ${broken}, which ${had}`,
        owner ?? entry.package,
      );
      continue;
    }
    if (owned.has(path)) continue;
    const trace = traces.of(path);
    if (trace !== undefined)
      yield left(path.startsWith("/etc/") ? "configuration" : "file", path, trace.because, trace.package);
  }
}

/** @returns where it led in the base, and does not any more */
function brokenLink({ path }: FileEntry, { before, after }: Trees): string | undefined {
  const now = follow((one) => after.get(one), path);
  if (now.kind === "there" || before.get(path)?.kind !== "symlink") return undefined;
  const was = follow((one) => before.get(one), path);
  return was.kind === "there" ? was.path : undefined;
}

function linkKind(entry: FileEntry, broken: string): LeftKind {
  if (isAlternative(entry)) return "alternative";
  const isOfSystemd = /^\/(?:etc|usr\/lib|lib)\/systemd\/(?:system|user)\//.test(entry.path);
  return isOfSystemd && /\.[a-z]+$/.test(broken) ? "unit" : "link";
}

/** Overrides are of paths: dpkg keeps them for whatever comes there next. */
function* overridesLeft({ database }: RemovalView, { before, after }: Trees): Iterable<Left> {
  for (const line of database.overrides) {
    const [user = "", group = "", mode = "", ...rest] = line.split(" ");
    const path = rest.join(" ");
    if (before.get(path) !== undefined && after.get(path) === undefined)
      yield left("override", path, `dpkg-statoverride keeps ${user}:${group} ${mode} for it, and it is gone`);
  }
}

function left(kind: LeftKind, path: string, because: string, owner?: string): Left {
  const reported: Reported = { path, decision: `left-${kind}`, because, ...(owner && { package: owner }) };
  return { kind, subject: path, reported };
}
