/**
 * What do_rootfs leaves for the tasks after it: the packages of an image or of an extension, the scripts that did not
 * run, and what the whole closure would have taken. One JSON file, same bytes for the same install.
 */
import { list, readData } from "@tsbake/base/data";
import * as v from "valibot";
import { Accounts } from "../layer/merged/accounts.js";
import { Reported } from "./reported.js";
import * as problems from "../problems.js";

const PackageFact = v.object({
  name: v.string(),
  version: v.string(),
  architecture: v.string(),
  /** Whether its file is one of the distribution's archive, or one that a recipe made. */
  origin: v.picklist(["archive", "recipe"]),
  /** Of the package file; absent when the package came another way. */
  sha256: v.exactOptional(v.string()),
  licence: v.exactOptional(v.string()),
  /** `Name <address>`, as the package has it. */
  maintainer: v.exactOptional(v.string()),
  /** The source package, where it is not called as the package is. */
  source: v.exactOptional(v.object({ name: v.string(), version: v.string() })),
  /** It is in every base. */
  isEssential: v.exactOptional(v.literal(true)),
  installedSizeBytes: v.number(),
  /** Names of the packages that it needs itself, of this image or of its base, sorted. */
  depends: list(v.string()),
});
export type PackageFact = v.InferOutput<typeof PackageFact>;

const ScriptFact = v.object({
  package: v.string(),
  version: v.string(),
  script: v.string(),
  sha256: v.string(),
  /** What it would have made, as far as its text tells: `user redis`, `alternative /usr/bin/vi -> …`. */
  makes: v.exactOptional(list(v.string())),
});
export type ScriptFact = v.InferOutput<typeof ScriptFact>;

/** A path that ships with a narrower mode than its package has. */
const NarrowedMode = v.object({
  path: v.string(),
  /** Permission bits as packed, and as they ship. */
  from: v.number(),
  to: v.number(),
  /** Whose script would have done it, with the command. */
  package: v.string(),
  script: v.string(),
  text: v.string(),
});
export type NarrowedMode = v.InferOutput<typeof NarrowedMode>;

/** A package that an extension finds in its base. */
const BasePackage = v.object({ name: v.string(), version: v.string(), architecture: v.string() });

/** Of an image from a template: what became of the base's packages. */
const TemplateFacts = v.object({
  /** The recipe of the base, and the digest of its package database. */
  base: v.string(),
  digest: v.string(),
  /** Sorted by name. */
  added: list(BasePackage),
  removed: list(BasePackage),
  /** What removed packages left behind. */
  left: list(Reported),
  /** Names of packages that came because others needed them, which no package needs any more. */
  unneeded: list(v.string()),
});
export type TemplateFacts = Readonly<v.InferOutput<typeof TemplateFacts>>;

const LayerFacts = v.object({
  format: v.literal(2),
  backend: v.string(),
  architecture: v.string(),
  /** Digest of the database that this was installed on; absent for a base. */
  baseDigest: v.exactOptional(v.string()),
  /** Of an extension: what its base has, sorted by name. Empty for a base. */
  inBase: list(BasePackage),
  /** Of a base: digest of its own database. */
  databaseDigest: v.exactOptional(v.string()),
  /** ID and VERSION_ID of os-release, as far as it has them: whose archive the packages are of. */
  distribution: v.object({ id: v.exactOptional(v.string()), version: v.exactOptional(v.string()) }),
  /** Names that were asked for; the others came because these need them. */
  requested: list(v.string()),
  /** Sorted by name. */
  packages: list(PackageFact),
  /** Packages and bytes of what these need with nothing installed. */
  closure: v.object({ count: v.number(), installedSizeBytes: v.number() }),
  skippedScripts: list(ScriptFact),
  /** In the order of the tree; empty for a base, whose scripts run. */
  narrowedModes: list(NarrowedMode),
  /** Packages of the base that were let change, as `kind name from to`; `-` for none. */
  changedInBase: list(v.string()),
  /** Users and groups that scripts made; absent where none ran. */
  accounts: v.exactOptional(Accounts),
  /** Absent where none was begun with. */
  template: v.exactOptional(TemplateFacts),
  warnings: list(v.string()),
});
export type LayerFacts = v.InferOutput<typeof LayerFacts>;

/** Packages of the base that are there in another version, of `changedInBase`. */
export function otherVersions(
  changedInBase: readonly string[],
): { readonly name: string; readonly from: string; readonly to: string }[] {
  return changedInBase.flatMap((line) => {
    const [, name = "", from = "-", to = "-"] = line.split(" ");
    return from === "-" || to === "-" || from === to ? [] : [{ name, from, to }];
  });
}

/** JSON, indented, ending in a newline. */
export function formatFacts(facts: LayerFacts): string {
  return `${JSON.stringify(facts, undefined, 2)}\n`;
}

/**
 * @param name what to call the text in an error
 * @throws BuildError `image/bad-layer-facts`
 */
export function parseFacts(text: string, name: string): LayerFacts {
  return readData(LayerFacts, text, (reason) => problems.badLayerFacts(name, reason));
}
