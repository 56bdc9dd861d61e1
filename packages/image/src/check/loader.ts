/**
 * Which library a program gets on the device: as the loader of the C library looks, on trees that are data.
 *
 * @see ld.so(8)
 */
import { posix } from "node:path";
import type { ElfFact } from "./inspect/elf-facts.js";
import type { Context } from "./context.js";
import type { MergedView } from "./merged-view.js";

/** What a search for a library ends with. */
export type Library =
  | {
      readonly kind: "found";
      readonly path: string;
      readonly fact: ElfFact | undefined;
      readonly inExtension: boolean;
    }
  /** It is there, where nobody looks for it. @param path that of the library */
  | { readonly kind: "elsewhere"; readonly path: string; readonly inExtension: boolean }
  | { readonly kind: "missing" };

/** Names that Debian gives its folders of libraries, by e_machine and class. @see Debian's multiarch tuples */
const TUPLES: Readonly<Record<string, readonly string[]>> = {
  "3/32": ["i386-linux-gnu"],
  "8/32": ["mipsel-linux-gnu"],
  "8/64": ["mips64el-linux-gnuabi64"],
  "21/64": ["powerpc64le-linux-gnu"],
  "22/64": ["s390x-linux-gnu"],
  "40/32": ["arm-linux-gnueabihf", "arm-linux-gnueabi"],
  "62/32": ["x86_64-linux-gnux32"],
  "62/64": ["x86_64-linux-gnu"],
  "183/64": ["aarch64-linux-gnu"],
  "243/64": ["riscv64-linux-gnu"],
  "258/64": ["loongarch64-linux-gnu"],
};

/** Of one machine and class, so that a library of another one is passed by, as the loader does. */
export function kindOf({ machine, bits }: Pick<ElfFact, "machine" | "bits">): string {
  return `${machine}/${bits}`;
}

const searched = new Map<string, readonly string[]>();

/** Folders that are searched without a cache; the tail is what other distributions have. */
function standardFolders(kind: string): readonly string[] {
  const known = searched.get(kind);
  if (known !== undefined) return known;
  const own = (TUPLES[kind] ?? []).flatMap((one) => [`/lib/${one}`, `/usr/lib/${one}`]);
  const folders = [...own, "/lib64", "/usr/lib64", "/lib", "/usr/lib"];
  searched.set(kind, folders);
  return folders;
}

export class Loader {
  readonly #view: MergedView;
  /** By the path of the content; of base and extension. */
  readonly #facts = new Map<string, ElfFact>();
  readonly #baseFolders: readonly string[];
  readonly #hasCache: boolean;
  readonly #baseHas: (path: string) => boolean;
  /** File name → paths, of libraries of both. */
  readonly #byName = new Map<string, string[]>();
  readonly #carrier: (path: string) => string;
  /** Folders that a program or library of these searches beside the usual ones. */
  readonly runFolders = new Set<string>();

  constructor(context: Context) {
    const { base, extension, elf } = context;
    this.#view = context.merged;
    this.#baseFolders = base.inspected?.base.libraryFolders ?? [];
    this.#hasCache = base.index.get("/etc/ld.so.cache") !== undefined;
    this.#baseHas = (path) => base.index.get(path) !== undefined;
    this.#carrier = (path) =>
      extension.tree.index.get(path)?.hardlink ??
      (extension.tree.index.get(path) ? path : (base.index.get(path)?.hardlink ?? path));
    for (const fact of [...(base.inspected?.elf ?? []), ...elf]) this.#facts.set(fact.path, fact);
    for (const fact of this.#facts.values()) {
      for (const folder of this.#runFolders(fact)) this.runFolders.add(folder);
      for (const name of new Set([posix.basename(fact.path), fact.soname ?? ""]))
        this.#byName.set(name, [...(this.#byName.get(name) ?? []), fact.path]);
    }
  }

  /** Facts of what a path leads to in the end. */
  factOf(path: string): ElfFact | undefined {
    return this.#facts.get(this.#carrier(path));
  }

  /** Whether the file lies where every program finds it. */
  isStandard(path: string, kind: string): boolean {
    const folder = this.#folderOf(posix.dirname(path));
    return standardFolders(kind).some((one) => this.#folderOf(one) === folder);
  }

  /** The library that `user` gets for a name of its DT_NEEDED. */
  find(name: string, user: ElfFact): Library {
    const kind = kindOf(user);
    // A name with a slash is a path.
    if (name.includes("/")) {
      const place = this.#view.find(name.startsWith("/") ? name : `/${name}`);
      if (place.kind === "there") return { ...place, kind: "found", fact: this.factOf(place.path) };
      return place.kind === "at-run-time" ? unknown(name) : { kind: "missing" };
    }
    for (const folder of this.#runFolders(user)) {
      const found = this.#in(folder, name, kind);
      if (found) return found;
    }
    // The cache was made over the base alone; of the extension it names what has the path of a file of the base.
    if (this.#hasCache) {
      for (const folder of [...this.#baseFolders, ...standardFolders(kind)]) {
        if (!this.#baseHas(`${this.#folderOf(folder)}/${name}`)) continue;
        const found = this.#in(folder, name, kind);
        if (found) return found;
      }
    }
    for (const folder of standardFolders(kind)) {
      const found = this.#in(folder, name, kind);
      if (found) return found;
    }
    const elsewhere = (this.#byName.get(name) ?? []).find((path) => {
      const fact = this.#facts.get(path);
      return fact !== undefined && kindOf(fact) === kind && this.#view.has(path);
    });
    if (elsewhere === undefined) return { kind: "missing" };
    const place = this.#view.find(elsewhere);
    return { kind: "elsewhere", path: elsewhere, inExtension: place.kind === "there" && place.inExtension };
  }

  #in(folder: string, name: string, kind: string): Library | undefined {
    const place = this.#view.find(`${folder}/${name}`);
    if (place.kind === "at-run-time") return unknown(place.path);
    if (place.kind !== "there" || place.entry.kind !== "file") return undefined;
    const fact = this.factOf(place.path);
    if (fact !== undefined && kindOf(fact) !== kind) return undefined;
    // A text is a script of the linker, which the loader would refuse.
    return { kind: "found", path: place.path, fact, inExtension: place.inExtension };
  }

  #folderOf(folder: string): string {
    const place = this.#view.find(folder);
    return place.kind === "there" ? place.path : folder;
  }

  /** DT_RUNPATH, with what the loader replaces in it; folders that only the running program knows are left out. */
  #runFolders(fact: ElfFact): string[] {
    const [tuple = ""] = TUPLES[kindOf(fact)] ?? [];
    return fact.runpath.flatMap((written) => {
      const folder = written
        .replace(/\$(ORIGIN\b|\{ORIGIN\})/g, posix.dirname(fact.path))
        .replace(/\$(LIB\b|\{LIB\})/g, `lib/${tuple}`);
      return folder.startsWith("/") && !folder.includes("$") ? [posix.normalize(folder)] : [];
    });
  }
}

function unknown(path: string): Library {
  return { kind: "found", path, fact: undefined, inExtension: false };
}
