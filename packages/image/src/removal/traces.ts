/** Of which removed package a path tells that nobody owns now. */
import { foldersAbove, type FileEntry } from "@tsbake/archive";
import type { InstalledPackage, SkippedScript } from "@tsbake/packaging";
import { FileIndex } from "../facts/file-manifest.js";

export interface Trace {
  readonly package: string;
  /** A clause. */
  readonly because: string;
}

/** What is below a folder of units is called after them. @see systemd.unit(5), deb-systemd-helper(1p) */
const UNIT =
  /\/systemd\/(?:system|user)\/([^/]+\.(?:service|socket|timer|path|mount|automount|swap|target|slice))$/;

export class Traces {
  /** Paths that they shipped, folders with symlinks followed as the base had them. */
  readonly #shipped = new Map<string, string>();
  readonly #folders = new Set<string>();
  /** By name of a unit: who shipped it. */
  readonly #units = new Map<string, string>();
  readonly #scripts: readonly SkippedScript[];
  readonly #isOwned: (path: string) => boolean;

  /**
   * @param gone removed packages
   * @param scripts all of theirs
   * @param tree of the base, and what packages own now
   */
  constructor(
    gone: readonly InstalledPackage[],
    scripts: readonly SkippedScript[],
    tree: { readonly before: readonly FileEntry[]; readonly isOwned: (path: string) => boolean },
  ) {
    const symlinks = new FileIndex(tree.before.filter(({ kind }) => kind === "symlink"));
    const folders = new Set(tree.before.filter(({ kind }) => kind === "directory").map(({ path }) => path));
    for (const { name, files } of gone) {
      for (const file of files) {
        const path = symlinks.followFolders(file) ?? file;
        this.#shipped.set(path, name);
        if (folders.has(path)) this.#folders.add(path);
        const [, unit] = UNIT.exec(path) ?? [];
        if (unit !== undefined) this.#units.set(unit, name);
      }
    }
    // Both stand for the root of the machine.
    this.#scripts = scripts.map((one) => ({ ...one, text: one.text.replaceAll(/\$\{?DPKG_ROOT\}?/g, "") }));
    this.#isOwned = tree.isOwned;
  }

  /** The removed package that shipped a path. */
  shipped(path: string): string | undefined {
    return this.#shipped.get(path);
  }

  /** @param path that no package owns now; undefined where nothing tells of a removed package */
  of(path: string): Trace | undefined {
    const owner = this.#shipped.get(path);
    if (owner !== undefined)
      return { package: owner, because: "dpkg left it: it was not empty, or not the package's alone" };
    const above = foldersAbove(path).toReversed();
    const folder = above.find((one) => this.#folders.has(one) && !this.#isOwned(one));
    if (folder !== undefined)
      return { package: this.#shipped.get(folder)!, because: `it is in ${folder}, which was the package's` };
    const unit = this.#units.get(path.slice(path.lastIndexOf("/") + 1));
    if (unit !== undefined) return { package: unit, because: "it is called after a unit of the package" };
    return this.#named([path, ...above].filter((one) => one.lastIndexOf("/") > 0 && !this.#isOwned(one)));
  }

  /** @param paths the path itself, and folders that nobody owns around it */
  #named(paths: readonly string[]): Trace | undefined {
    for (const path of paths) {
      const found = this.#scripts.find(({ text }) => names(text, path));
      if (found !== undefined)
        return { package: found.package, because: `the ${found.script} of the package names ${path}` };
    }
    return undefined;
  }
}

/** Whether a script has the path as a word, or as the start of a longer path. */
function names(text: string, path: string): boolean {
  for (let at = text.indexOf(path); at >= 0; at = text.indexOf(path, at + 1)) {
    const before = text[at - 1] ?? "";
    const after = text.slice(at + path.length, at + path.length + 2);
    if (!/[\w./-]/.test(before) && !/^(?:[\w+~-]|\.\w)/.test(after)) return true;
  }
  return false;
}
