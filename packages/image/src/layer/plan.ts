/**
 * What an extension will hold, decided path by path: the files that its packages brought × the base's files × the
 * rule table → the tree to ship, and a report in which every path that does not ship as it was is named.
 * Pure: nothing is read or written here.
 */
import { type FileEntry, foldersAbove } from "@tsbake/archive";
import { type Diagnostic, BuildError, byText } from "@tsbake/base";
import { type FileIndex } from "../facts/file-manifest.js";
import type { PathDecision, Reported } from "../facts/reported.js";
import * as problems from "../problems.js";
import { type Rule, ruleFor } from "../rules/rules.js";
import type { SysusersLine } from "../check/inspect/sysusers.js";
import { type Accounts, sysusersText } from "./merged/accounts.js";
import { EXTENSION_KINDS, type ExtensionKind } from "./extension-kind.js";
import { OVERLAY, sameContent, sameOwnership } from "./same-content.js";
import { PlannedTree, type PlannedEntry } from "./planned-tree.js";
import { type AccountNames, NO_NAMES, type ShippedLine, tmpfilesLine } from "./tmpfiles.js";

export interface ExtensionRequest {
  /** Everything that is in the layer's tree. */
  readonly layer: readonly FileEntry[];
  readonly base: FileIndex;
  readonly rules: readonly Rule[];
  /** Paths where the extension may hide a different file of the base. */
  readonly mayShadow: (path: string) => boolean;
  /** The extension's name: names its tmpfiles.d file. */
  readonly name: string;
  /** Default: what systemd-sysext merges. */
  readonly kind?: ExtensionKind;
  /** Whether a confext image comes with it, in which paths of rule `confext` ship. */
  readonly hasCompanion?: boolean;
  /** What tmpfiles.d files of the base and of the layer's packages make already. */
  readonly tmpfiles?: readonly ShippedLine[];
  /** Users and groups that come with the extension. */
  readonly accounts?: Accounts;
  /** Whether the device is to give all of them the ids that they have here: extensions on this one may carry these. */
  readonly fixesIds?: boolean;
  /** What sysusers.d files of its packages make. */
  readonly sysusers?: readonly SysusersLine[];
}

export interface ExtensionPlan {
  /** Sorted by path; every folder before what is in it. */
  readonly entries: readonly PlannedEntry[];
  /** What the confext image that comes with it holds; absent without one. */
  readonly companion?: readonly PlannedEntry[];
  /** Sorted by path. */
  readonly report: readonly Reported[];
}

const FACTORY = "/usr/share/factory";

/**
 * @throws BuildError with every problem found: `image/confext-not-made`, `image/no-rule`, `image/refused-by-rule`, `image/keep-outside-usr`,
 *   `image/file-clash`, `image/folder-taken`, `image/kind-clash`, `image/special-file`, `image/layer-clash`, `image/link-leaves-tree`,
 *   `image/tmpfiles-name`
 */
export function planExtension(request: ExtensionRequest): ExtensionPlan {
  const planner = new Planner(request);
  for (const entry of [...request.layer].sort((left, right) => byText(left.path, right.path)))
    planner.add(entry);
  return planner.finish();
}

class Planner {
  readonly #request: ExtensionRequest;
  readonly #kind: ExtensionKind;
  readonly #planned: PlannedTree;
  readonly #companion: PlannedTree | undefined;
  readonly #folders = new Map<string, FileEntry>();
  readonly #report: Reported[] = [];
  readonly #tmpfiles: string[] = [];
  readonly #problems: Diagnostic[] = [];
  readonly #shippedLines: ReadonlyMap<string, ShippedLine>;
  /** Path → mode of folders outside /usr, for the folders of the factory. */
  readonly #outside = new Map<string, FileEntry>();
  readonly #names: AccountNames;
  /** Ids that files which ship carry. */
  readonly #fixed = { user: new Set<number>(), group: new Set<number>() };

  constructor(request: ExtensionRequest) {
    this.#request = request;
    this.#kind = request.kind ?? EXTENSION_KINDS.sysext;
    const { base, tmpfiles = [], accounts } = request;
    const clash = (entry: FileEntry, before: FileEntry): void =>
      void this.#problems.push(problems.layerClash(entry, before));
    this.#planned = new PlannedTree(this.#kind, clash);
    if (request.hasCompanion) this.#companion = new PlannedTree(EXTENSION_KINDS.confext, clash);
    this.#names = accounts ? namesById(accounts) : NO_NAMES;
    this.#shippedLines = new Map(
      [...tmpfiles].reverse().map((line) => [base.followFolders(line.path) ?? line.path, line]),
    );
  }

  add(original: FileEntry): void {
    const entry = this.#settle(original);
    if (entry === undefined) return;
    if (this.#isUntouchedBase(entry)) return;
    if (entry.kind === "character" || entry.kind === "block" || entry.kind === "fifo") {
      this.#problems.push(problems.specialFile(entry));
      return;
    }
    const rule = ruleFor(this.#request.rules, entry.path);
    // A folder that the base has too is only the way to its content, whatever the rules say of that.
    if (entry.kind === "directory" && this.#request.base.get(entry.path)?.kind === "directory") {
      if (this.#isMerged(entry.path)) this.#folders.set(entry.path, entry);
      return;
    }
    if (rule === undefined) {
      this.#problems.push(problems.noRule(entry));
      return;
    }
    this.#apply(rule, entry, original.path);
  }

  #isMerged(path: string): boolean {
    return this.#kind.isMerged(path) || this.#companion?.kind.isMerged(path) === true;
  }

  /** The entry where it will be in the merged view: folders that are symlinks in the base are followed, xattrs cleaned. */
  #settle(original: FileEntry): FileEntry | undefined {
    const path = this.#request.base.followFolders(original.path);
    if (path === undefined) {
      this.#problems.push(problems.linkLeavesTree(original));
      return undefined;
    }
    // A folder that is a symlink in the base, e.g. /lib: its content moves, the folder itself is nothing.
    const inBase = this.#request.base.get(path);
    if (original.kind === "directory" && inBase?.kind === "symlink" && !this.#kind.isMerged(path))
      return undefined;
    if (path !== original.path) {
      const inside = foldersAbove(original.path).find(
        (folder) => this.#kind.isMerged(folder) && this.#request.base.get(folder)?.kind === "symlink",
      );
      if (inside !== undefined) {
        // The folder itself was reported when it came by.
        return undefined;
      }
    }
    return { ...original, path, ...this.#cleanXattrs(original, path) };
  }

  /** overlayfs keeps notes in xattrs; in an extension they would hide or redirect files of the base. */
  #cleanXattrs(entry: FileEntry, path: string): { xattrs?: readonly string[] } {
    if (entry.xattrs === undefined) return {};
    const kept = entry.xattrs.filter((one) => !OVERLAY.test(one));
    if (kept.length < entry.xattrs.length)
      this.#note(entry, path, "xattr-dropped", "overlayfs' own attribute");
    return { xattrs: kept };
  }

  /**
   * The import brings a few paths of the base along (/etc/alternatives): not ours unless a package of ours owns them.
   * A link at the root (/lib → usr/lib) is the base's even where a package lists the folder.
   */
  #isUntouchedBase(entry: FileEntry): boolean {
    const inBase = this.#request.base.get(entry.path);
    if (inBase === undefined || !sameContent(entry, inBase)) return false;
    return entry.package === undefined || (entry.kind === "symlink" && entry.path.lastIndexOf("/") === 0);
  }

  #apply(rule: Rule, entry: FileEntry, from: string): void {
    switch (rule.action) {
      case "refuse":
        this.#problems.push(problems.refusedByRule(entry, rule.text));
        return;
      case "drop":
        this.#note(entry, from, "dropped", `rule ${rule.text}`);
        return;
      case "keep":
        if (!this.#kind.isMerged(entry.path))
          this.#problems.push(problems.keepOutsideUsr(entry, rule.text, this.#kind));
        else if (this.#passesBase(entry)) this.#keep(this.#planned, entry, from);
        return;
      case "confext":
        this.#toCompanion(rule, entry, from);
        return;
      case "folders":
        if (entry.kind === "directory") this.#toFactory(rule, entry, from);
        else this.#note(entry, from, "dropped", `rule ${rule.text}`);
        return;
      case "factory":
        if (this.#passesBase(entry)) this.#toFactory(rule, entry, from);
        return;
    }
  }

  /** Whether the path may go on: nothing in the base, or something that may be hidden. Reports and complains otherwise. */
  #passesBase(entry: FileEntry): boolean {
    const inBase = this.#request.base.get(entry.path);
    if (inBase === undefined) return true;
    if (inBase.kind === "directory" || entry.kind === "directory") {
      this.#problems.push(problems.kindClash(entry, inBase));
      return false;
    }
    if (sameContent(entry, inBase)) {
      this.#note(
        entry,
        entry.path,
        "same-as-base",
        `the base has the same from ${inBase.package ?? "its build"}`,
      );
      return false;
    }
    if (this.#request.mayShadow(entry.path)) {
      this.#note(
        entry,
        entry.path,
        "shadows-base",
        `allowed; hides the file of ${inBase.package ?? "the base"}`,
      );
      return true;
    }
    this.#problems.push(problems.fileClash(entry, inBase));
    return false;
  }

  #toCompanion(rule: Rule, entry: FileEntry, from: string): void {
    const companion = this.#companion;
    if (companion === undefined) this.#problems.push(problems.confextNotMade(entry, rule.text));
    else if (!companion.kind.isMerged(entry.path))
      this.#problems.push(problems.keepOutsideUsr(entry, rule.text, companion.kind));
    else if (this.#passesBase(entry)) {
      this.#note(entry, from, "confext", `rule ${rule.text}; ships in the confext image`);
      this.#keep(companion, entry, from);
    }
  }

  #keep(tree: PlannedTree, entry: FileEntry, from: string): void {
    this.#fixIds(entry);
    if (entry.kind === "directory") {
      this.#folders.set(entry.path, entry);
      return;
    }
    if (entry.path !== from)
      this.#note(entry, from, "moved", `to ${entry.path}, where the base's symlink leads`);
    tree.place(entry, from);
  }

  /** What ships carries numbers, and the device must give them to the same accounts. */
  #fixIds(entry: FileEntry): void {
    const user = this.#names.users.get(entry.uid);
    const group = this.#names.groups.get(entry.gid);
    if (user !== undefined) this.#fixed.user.add(entry.uid);
    if (group !== undefined) this.#fixed.group.add(entry.gid);
    const whose = [
      ...(user === undefined ? [] : [`user ${user}, ${entry.uid}`]),
      ...(group === undefined ? [] : [`group ${group}, ${entry.gid}`]),
    ];
    if (whose.length > 0)
      this.#note(
        entry,
        entry.path,
        "fixed-id",
        `it belongs to ${whose.join(", ")}: the device has to have the same id`,
      );
  }

  #toFactory(rule: Rule, entry: FileEntry, from: string): void {
    if (entry.kind === "directory") this.#outside.set(entry.path, entry);
    const line = tmpfilesLine(entry, `${FACTORY}${entry.path}`, this.#names);
    if (line === undefined) {
      this.#problems.push(problems.tmpfilesName(entry));
      return;
    }
    const shipped = this.#shippedLines.get(entry.path);
    if (shipped === undefined) this.#tmpfiles.push(line);
    const because = shipped === undefined ? `tmpfiles.d ${line}` : `made by ${shipped.file}`;
    this.#note(entry, from, "factory", `rule ${rule.text}; ${because}`);
    if (entry.kind !== "file") return;
    if (!this.#kind.isMerged(FACTORY)) {
      this.#problems.push(problems.keepOutsideUsr(entry, rule.text, this.#kind));
      return;
    }
    // The line says whose the copy is.
    const uid = this.#names.users.has(entry.uid) ? 0 : entry.uid;
    const gid = this.#names.groups.has(entry.gid) ? 0 : entry.gid;
    this.#planned.place({ ...entry, uid, gid, path: `${FACTORY}${entry.path}` }, from);
  }

  #note(entry: FileEntry, path: string, decision: PathDecision, because: string): void {
    const owner = entry.package === undefined ? {} : { package: entry.package };
    this.#report.push({ path, decision, because, ...owner });
  }

  finish(): ExtensionPlan {
    if (this.#tmpfiles.length > 0) {
      const text = this.#tmpfiles.sort(byText).map((line) => `${line}\n`);
      this.#planned.addText(
        `${this.#kind.configuration}/tmpfiles.d/${this.#request.name}.conf`,
        text.join(""),
      );
    }
    const users = this.#sysusers();
    // Of two lines for one account systemd-sysusers takes that of the file whose name comes first, and files need our ids.
    if (users !== "")
      this.#planned.addText(`${this.#kind.configuration}/sysusers.d/00-${this.#request.name}.conf`, users);
    this.#addFolders(this.#planned);
    if (this.#companion !== undefined) this.#addFolders(this.#companion);
    if (this.#problems.length > 0) throw new BuildError(this.#problems);
    const report = this.#report.sort((left, right) => byText(left.path, right.path));
    const companion = this.#companion?.entries();
    return { entries: this.#planned.entries(), ...(companion && { companion }), report };
  }

  #sysusers(): string {
    const { accounts, sysusers = [], fixesIds = false } = this.#request;
    if (!accounts) return "";
    // A line of type m makes an account, too, but without home and shell.
    const makers = sysusers.filter(({ type }) => type !== "m");
    const shipped = new Set(
      makers.flatMap(({ users, groups }) => [
        ...users.map((name) => `user ${name}`),
        ...groups.map((name) => `group ${name}`),
      ]),
    );
    return sysusersText(
      accounts,
      (kind, id) => fixesIds || this.#fixed[kind].has(id),
      ({ kind, name }) => shipped.has(`${kind} ${name}`),
    );
  }

  /** Folders of packages that stay, and those above anything that ships; modes are the base's, since they win in a merge. */
  #addFolders(tree: PlannedTree): void {
    const wanted = new Set<string>([tree.kind.top]);
    for (const path of tree.paths()) for (const folder of foldersAbove(path)) wanted.add(folder);
    for (const [path, folder] of this.#folders) {
      if (!tree.kind.isMerged(path)) continue;
      if (this.#request.base.get(path) === undefined || wanted.has(path)) wanted.add(folder.path);
    }
    for (const path of wanted) for (const folder of foldersAbove(path)) wanted.add(folder);
    for (const path of wanted) {
      const before = tree.get(path);
      if (before !== undefined && before.kind !== "directory")
        this.#problems.push(problems.folderTaken(before));
      tree.addFolder(this.#folder(path));
    }
  }

  #folder(path: string): FileEntry {
    if (path.startsWith(`${FACTORY}/`)) return this.#factoryFolder(path);
    const ours = this.#folders.get(path);
    const inBase = this.#request.base.get(path);
    if (inBase?.kind !== "directory") return ours ?? plainFolder(path);
    if (ours && ours.package !== undefined && !sameOwnership(ours, inBase)) {
      this.#note(
        ours,
        path,
        "mode-of-base",
        `the base has ${modeText(inBase)}, the package ${modeText(ours)}`,
      );
    }
    return { ...plainFolder(path), mode: inBase.mode, uid: inBase.uid, gid: inBase.gid };
  }

  /** As closed as the folder that it stands for: what nobody may read there, nobody may read here. */
  #factoryFolder(path: string): FileEntry {
    const inBase = this.#request.base.get(path);
    if (inBase?.kind === "directory") return { ...plainFolder(path), ...ownership(inBase) };
    const real = path.slice(FACTORY.length);
    const original = this.#outside.get(real) ?? this.#request.base.get(real);
    const { mode, uid, gid } = original?.kind === "directory" ? original : plainFolder(path);
    return {
      ...plainFolder(path),
      mode: mode & (this.#shippedLines.get(real)?.mode ?? 0o7777),
      uid: this.#names.users.has(uid) ? 0 : uid,
      gid: this.#names.groups.has(gid) ? 0 : gid,
    };
  }
}

function namesById({ users, groups }: Accounts): AccountNames {
  return {
    users: new Map(users.map(({ uid, name }) => [uid, name])),
    groups: new Map(groups.map(({ gid, name }) => [gid, name])),
  };
}

function ownership({ mode, uid, gid }: FileEntry): Pick<FileEntry, "mode" | "uid" | "gid"> {
  return { mode, uid, gid };
}

function plainFolder(path: string): FileEntry {
  return { path, kind: "directory", mode: 0o755, uid: 0, gid: 0, sizeBytes: 0 };
}

function modeText(entry: FileEntry): string {
  return `${entry.mode.toString(8).padStart(4, "0")} ${entry.uid}:${entry.gid}`;
}
