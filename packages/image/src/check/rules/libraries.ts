/** Programs and libraries of the extension: whether the loader finds what they need, and whether that is new enough. */
import type { ElfFact } from "../inspect/elf-facts.js";
import type { Context } from "../context.js";
import type { Finding } from "../finding.js";
import { kindOf, Loader } from "../loader.js";
import { isCommand } from "./folders.js";
import { entryAt, finding, type CheckRule } from "./rule.js";

export const libraries: CheckRule = {
  codes: [
    {
      code: "foreign-machine",
      severity: "error",
      meaning: "a program or library is made for another machine than the programs of the base",
    },
    {
      code: "hidden-library",
      severity: "warning",
      meaning: "the base has another library of this name, and the loader finds that one first",
    },
    {
      code: "library-not-searched",
      severity: "either",
      meaning:
        "a needed library is in the image, but not where the loader looks; an error for commands and public libraries, which nothing else loads before",
    },
    {
      code: "missing-library",
      severity: "either",
      meaning:
        "a needed library is neither in the extension nor in the base; a warning for modules that programs load when they are asked to",
    },
    {
      code: "missing-loader",
      severity: "error",
      meaning: "the loader that starts a program (PT_INTERP) is not there",
    },
    {
      code: "missing-symbol-version",
      severity: "error",
      meaning:
        "the library that is found lacks versions of symbols that a program or library wants of it: it is too old",
    },
    {
      code: "not-looked-at",
      severity: "warning",
      meaning:
        "the base's snapshot is of an older version and tells nothing of its libraries and accounts: rules about them found nothing",
    },
  ],
  find(context) {
    const { base } = context;
    return base.inspected === undefined ? [notLookedAt(base.name)] : findIn(context, base.inspected.elf);
  },
};

function notLookedAt(base: string): Finding {
  return finding(
    "not-looked-at",
    "warning",
    "/",
    `the snapshot of ${base} does not tell of its libraries and accounts, so nothing is known of those`,
    "build the base again (`tsbake -c cleansstate BASE`, then the base)",
  );
}

function* findIn(context: Context, baseElf: readonly ElfFact[]): Iterable<Finding> {
  const loader = new Loader(context);
  const machines = new Set(baseElf.filter(({ interpreter }) => interpreter !== undefined).map(kindOf));
  for (const fact of context.elf) {
    // Objects and kernel modules are loaded by others.
    if (fact.kind !== "executable" && fact.kind !== "shared") continue;
    const isPublic = isCommand(fact.path) || loader.isStandard(fact.path, kindOf(fact));
    if (machines.size > 0 && !machines.has(kindOf(fact)) && !hasOwnLoader(context, loader, fact)) {
      // Elsewhere it is data: firmware, what a debugger or an emulator is tested with.
      if (isPublic)
        yield finding(
          "foreign-machine",
          "error",
          entryAt(context, fact.path),
          `it is for machine ${fact.machine} with ${fact.bits} bits, and programs of ${context.base.name} are for ${machineList(baseElf)}`,
          "build or install the package for the base's architecture",
        );
      continue;
    }
    yield* missingLoader(context, fact);
    yield* missingLibraries(context, loader, fact, isPublic);
    if (fact.soname !== undefined && loader.isStandard(fact.path, kindOf(fact)))
      yield* hidden(context, loader, fact, fact.soname);
  }
  yield* brokenInBase(context, loader, baseElf);
}

/** A second architecture comes with its loader. */
function hasOwnLoader({ merged, elf }: Context, loader: Loader, fact: ElfFact): boolean {
  const kind = kindOf(fact);
  return elf.some((one) => {
    if (kindOf(one) !== kind || one.interpreter === undefined) return false;
    const place = merged.find(one.interpreter);
    const found = place.kind === "there" ? loader.factOf(place.path) : undefined;
    return found !== undefined && kindOf(found) === kind;
  });
}

function machineList(elf: readonly ElfFact[]): string {
  const programs = elf.filter(({ interpreter }) => interpreter !== undefined);
  return [...new Set(programs.map(({ machine, bits }) => `${machine} with ${bits}`))].join(", ");
}

function* missingLoader(context: Context, { path, interpreter }: ElfFact): Iterable<Finding> {
  if (interpreter === undefined || context.merged.has(interpreter)) return;
  yield finding(
    "missing-loader",
    "error",
    entryAt(context, path),
    `its loader ${interpreter} is not there: starting it ends with "No such file or directory"`,
    "install the package that has the loader (the C library it was linked with), or build it for the base's C library",
  );
}

function* missingLibraries(
  context: Context,
  loader: Loader,
  fact: ElfFact,
  isPublic: boolean,
): Iterable<Finding> {
  const entry = entryAt(context, fact.path);
  for (const name of fact.needed) {
    const library = loader.find(name, fact);
    if (library.kind === "missing") {
      // A module that a program loads when asked to may be there without all that others recommend.
      yield finding(
        "missing-library",
        isPublic || fact.interpreter !== undefined ? "error" : "warning",
        entry,
        `it needs ${name}, which neither the extension nor ${context.base.name} has`,
        `add the package that has ${name} to IMAGE_PREINSTALL or IMAGE_INSTALL`,
      );
    } else if (library.kind === "elsewhere") {
      // What a program loads by itself finds what that program has loaded before.
      const mayBeLoaded = fact.interpreter === undefined && isNear(loader, library.path, fact.path);
      if (mayBeLoaded && !isPublic) continue;
      yield finding(
        "library-not-searched",
        isPublic ? "error" : "warning",
        entry,
        `it needs ${name}, and ${library.path} is where the loader does not look${library.inExtension ? ": no ld.so.cache of the device knows it" : ""}`,
        "link with a run path (`-Wl,-rpath,FOLDER`), or ship the library, or a link to it, in a folder that is always searched, such as /usr/lib",
      );
    } else yield* tooOld(context, fact, name, library.fact, library.path);
  }
}

function isNear(loader: Loader, library: string, user: string): boolean {
  const folder = library.slice(0, library.lastIndexOf("/"));
  return loader.runFolders.has(folder) || user.startsWith(`${folder}/`);
}

function* tooOld(
  context: Context,
  user: ElfFact,
  name: string,
  library: ElfFact | undefined,
  path: string,
): Iterable<Finding> {
  const lacking = lackingVersions(user, name, library);
  if (lacking.length === 0) return;
  yield finding(
    "missing-symbol-version",
    "error",
    entryAt(context, user.path),
    `it wants ${lacking.join(", ")} of ${name}, and ${path} does not give ${lacking.length === 1 ? "it" : "them"}`,
    "it was linked with a newer library than the device has: build it against the base's, or take the package of the base's release",
  );
}

/** A library without any version is taken by the loader for everything. */
function lackingVersions(user: ElfFact, name: string, library: ElfFact | undefined): string[] {
  const given = library?.definedVersions ?? [];
  if (given.length === 0) return [];
  const wanted = user.neededVersions
    .filter((one) => one.library === name)
    .flatMap(({ versions }) => versions);
  return [...new Set(wanted)].filter((version) => !given.includes(version)).slice(0, 10);
}

function* hidden(context: Context, loader: Loader, fact: ElfFact, soname: string): Iterable<Finding> {
  const found = loader.find(soname, { ...fact, runpath: [] });
  if (found.kind !== "found" || found.inExtension || found.fact === undefined) return;
  yield finding(
    "hidden-library",
    "warning",
    entryAt(context, fact.path),
    `it is ${soname}, and the loader takes ${found.path} of ${context.base.name} first`,
    "leave the package out, or give what needs this one a run path (`-Wl,-rpath,FOLDER`)",
  );
}

/** Programs of the base that get a library of the extension which is too old for them. */
function* brokenInBase(context: Context, loader: Loader, baseElf: readonly ElfFact[]): Iterable<Finding> {
  const names = new Set<string>();
  for (const { kind, path, soname } of context.elf) {
    if (kind !== "shared") continue;
    names.add(path.slice(path.lastIndexOf("/") + 1));
    if (soname !== undefined) names.add(soname);
  }
  for (const user of baseElf) {
    for (const name of user.needed) {
      if (!names.has(name)) continue;
      const library = loader.find(name, user);
      if (library.kind !== "found" || !library.inExtension) continue;
      const lacking = lackingVersions(user, name, library.fact);
      if (lacking.length > 0)
        yield finding(
          "missing-symbol-version",
          "error",
          entryAt(context, library.path),
          `it takes the place of the base's ${name} and lacks ${lacking.join(", ")}, which ${user.path} of ${context.base.name} wants`,
          "leave the package with the older library out",
        );
    }
  }
}
