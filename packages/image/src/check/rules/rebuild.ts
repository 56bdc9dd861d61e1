/**
 * Packages of the base that were built with another version of what the extension brings: a library, or the kernel. They may go on
 * working; nobody has built them like that.
 */
import { byText } from "@tsbake/base";
import type { ElfFact } from "../inspect/elf-facts.js";
import type { BasePackage, Context } from "../context.js";
import type { Finding } from "../finding.js";
import { Loader } from "../loader.js";
import { KERNEL_MODULE } from "./kernel.js";
import { entryAt, finding, type CheckRule } from "./rule.js";

export const MUST_BE_REBUILT = "must-be-rebuilt";

export const rebuild: CheckRule = {
  codes: [
    {
      code: MUST_BE_REBUILT,
      severity: "either",
      meaning:
        'the extension brings another version of a library of the base, or another kernel, and packages of the base were built with that of the base, by their dependencies or by what they want of it; an error with `SYSEXT_REBUILD = "error"`',
    },
  ],
  *find(context) {
    const groups = new Groups(context);
    byLibraries(context, groups);
    byDependencies(context, groups);
    byKernel(context, groups);
    yield* groups.findings();
  },
};

/** What is replaced, and by which packages of the base it is used. */
interface Replaced {
  /** Of the extension. */
  readonly at: string;
  /** Libraries by soname; versions of kernels. */
  readonly what: Set<string>;
  /** Why each package, or path that no package has. */
  readonly users: Map<string, Set<string>>;
}

/** Names in a message; all are in the report. */
const MOST_NAMES = 8;

class Groups {
  readonly #context: Context;
  /** By the package of the base that is replaced, or a path that none has. */
  readonly #all = new Map<string, Replaced>();

  constructor(context: Context) {
    this.#context = context;
  }

  add(replaced: string, what: string, at: string, user: string, reason: string): void {
    const group = this.#all.get(replaced) ?? {
      at,
      what: new Set<string>(),
      users: new Map<string, Set<string>>(),
    };
    this.#all.set(replaced, group);
    group.what.add(what);
    group.users.set(user, (group.users.get(user) ?? new Set()).add(reason));
  }

  *findings(): Iterable<Finding> {
    const { base, extension } = this.#context;
    for (const [replaced, { at, what, users }] of this.#all) {
      const all = [...users].sort(([left], [right]) => byText(left, right));
      const shown = all.slice(0, MOST_NAMES).map(([name, reasons]) => `${name} (${[...reasons].join("; ")})`);
      const more = all.length > MOST_NAMES ? ` and ${all.length - MOST_NAMES} more` : "";
      const change = extension.changed?.find(({ name }) => name === replaced);
      const versions = change ? ` ${change.to} instead of ${change.from}` : "";
      yield {
        ...finding(
          MUST_BE_REBUILT,
          "warning",
          entryAt(this.#context, at),
          `it is ${replaced}${versions} in ${base.name} (${[...what].sort(byText).join(", ")}), with which others were built that have to be built again: ${shown.join(", ")}${more}`,
          "build these and the base anew with the other version, or leave out what brings it",
        ),
        rebuild: all.map(([name, reasons]) => ({ package: name, because: [...reasons] })),
      };
    }
  }
}

/** Programs and libraries of the base that get a library of the extension instead of the base's. */
function byLibraries(context: Context, groups: Groups): void {
  const { base, extension } = context;
  const baseElf = base.inspected?.elf ?? [];
  const own = sharedByName(context.elf);
  const theirs = sharedByName(baseElf);
  const names = new Set([...own.keys()].filter((name) => theirs.has(name)));
  if (names.size === 0) return;
  const loader = new Loader(context);
  for (const user of baseElf) {
    // The extension has another one in its place.
    if (extension.tree.index.get(user.path) !== undefined) continue;
    for (const name of user.needed) {
      if (!names.has(name)) continue;
      const library = loader.find(name, user);
      if (library.kind !== "found" || !library.inExtension) continue;
      const before = theirs.get(name)!.path;
      if (contentOf(context, library.path) === base.index.get(before)?.sha256) continue;
      const versions = user.neededVersions
        .filter((one) => one.library === name)
        .flatMap((one) => one.versions);
      const reason = versions.length > 0 ? `${name}: ${versions.join(" ")}` : name;
      groups.add(ownerIn(context, before), name, library.path, ownerIn(context, user.path), reason);
    }
  }
}

/** Packages that depend on one whose libraries the extension has in another version. */
function byDependencies(context: Context, groups: Groups): void {
  const { base, extension } = context;
  const changed = new Map((extension.changed ?? []).map((one) => [one.name, one]));
  if (changed.size === 0 || base.packages === undefined) return;
  const sonames = new Map<string, string>();
  for (const [name, { path }] of sharedByName(base.inspected?.elf ?? [])) {
    const owner = base.index.get(path)?.package;
    if (owner !== undefined && changed.has(owner)) sonames.set(owner, sonames.get(owner) ?? name);
  }
  const users = (name: string): BasePackage[] =>
    base.packages!.filter((one) => one.depends.includes(name) && !changed.has(one.name));
  for (const [name, soname] of sonames) {
    const at = [...extension.tree.entries()].find((one) => base.index.get(one.path)?.package === name)?.path;
    for (const user of users(name)) groups.add(name, soname, at ?? "/usr", user.name, "depends on it");
  }
}

const BUILTIN = /^\/usr\/lib\/modules\/([^/]+)\/modules\.builtin$/;

/** Modules that others than the kernel's own package have, for a kernel that is not the one that the extension brings. */
function byKernel(context: Context, groups: Groups): void {
  const { base, extension } = context;
  const brought = [...extension.tree.below("/usr/lib/modules")].flatMap(({ path }) => {
    const version = BUILTIN.exec(path)?.[1];
    return version !== undefined && base.index.get(path) === undefined ? [{ version, path }] : [];
  });
  const [kernel] = brought;
  if (kernel === undefined) return;
  const kernels = new Map<string, string | undefined>();
  for (const { path, package: owner } of base.index.entries()) {
    const version = BUILTIN.exec(path)?.[1];
    if (version !== undefined) kernels.set(version, owner);
  }
  for (const { path, package: owner } of base.index.entries()) {
    const version = KERNEL_MODULE.exec(path)?.[1];
    if (version === undefined || owner === undefined || kernels.get(version) === owner) continue;
    const replaced = kernels.get(version) ?? `/usr/lib/modules/${version}`;
    groups.add(replaced, `kernel ${kernel.version}`, kernel.path, owner, `modules for ${version}`);
  }
}

/** By soname, and by file name where that is another one. */
function sharedByName(elf: readonly ElfFact[]): Map<string, ElfFact> {
  const all = new Map<string, ElfFact>();
  for (const fact of elf) {
    if (fact.kind !== "shared") continue;
    for (const name of [fact.soname, fact.path.slice(fact.path.lastIndexOf("/") + 1)])
      if (name !== undefined && !all.has(name)) all.set(name, fact);
  }
  return all;
}

function contentOf({ extension }: Context, path: string): string | undefined {
  const entry = extension.tree.index.get(path);
  return entry?.sha256 ?? (entry?.hardlink && extension.tree.index.get(entry.hardlink)?.sha256);
}

/** The package of the base that has a path; the path where none has. */
function ownerIn({ base }: Context, path: string): string {
  return base.index.get(path)?.package ?? path;
}
