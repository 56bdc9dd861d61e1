/** What a recipe says of its packages: the JSON that package.bbclass writes, checked once. */
import { readFile } from "node:fs/promises";
import { BuildError, hasCode } from "@tsbake/base";
import { filled, list, readData } from "@tsbake/base/data";
import * as v from "valibot";
import { debName, debRelations, debVersion, isDebName, isDebVersion } from "../deb/names.js";
import { RELATION_FIELDS } from "../deb/stanza.js";
import { badSpec } from "../problems.js";

/** One package of a recipe. Relations are lists of `name` or `name (>= 1.0)`, joined with blanks or commas in recipes. */
export interface PackageSpec {
  /** As Debian writes it. */
  readonly name: string;
  /** As PACKAGES writes it. */
  readonly recipeName: string;
  /** Path patterns, absolute, as `pattern` reads them. */
  readonly files: readonly string[];
  readonly summary: string;
  readonly description: string;
  readonly section: string;
  /** Debian's field → relations, e.g. `Depends` → [`libfoo (>= 1.0)`]. */
  readonly relations: Readonly<Record<string, readonly string[]>>;
  readonly conffiles: readonly string[];
  /** `preinst`, `postinst`, `prerm`, `postrm` → text. */
  readonly scripts: Readonly<Record<string, string>>;
  readonly allowEmpty: boolean;
}

export interface RecipeSpec {
  readonly recipe: string;
  /** With epoch and revision. */
  readonly version: string;
  readonly architecture: string;
  readonly maintainer: string;
  readonly homepage: string;
  readonly license: string;
  readonly priority: string;
  /** First match wins, in this order. */
  readonly packages: readonly PackageSpec[];
  /** Files that no package ships are no error. */
  readonly allowUnshipped: boolean;
}

const SCRIPT_NAMES = ["preinst", "postinst", "prerm", "postrm"];

const flag = v.optional(v.boolean(), false);
/** A field of one line. */
const oneLine = v.transform((value: string) => value.replace(/\s+/g, " ").trim());
const words = v.pipe(
  v.optional(v.string(), ""),
  v.transform((value) => value.split(/\s+/).filter((word) => word !== "")),
);
/** Texts under known names; empty ones are left out. */
const texts = (known: readonly string[]) => {
  const name = v.pipe(
    v.string(),
    v.check((one) => known.includes(one), "it is unknown"),
  );
  return v.pipe(
    v.optional(v.record(name, v.string()), {}),
    v.transform((found) =>
      Object.fromEntries(Object.entries(found).filter(([, value]) => value.trim() !== "")),
    ),
  );
};

/** What the class writes of a package, before names and relations become Debian's. */
const WrittenPackage = v.object({
  name: filled,
  files: words,
  summary: v.pipe(filled, oneLine),
  description: v.optional(v.string(), ""),
  section: v.pipe(filled, oneLine),
  relations: texts(RELATION_FIELDS),
  conffiles: words,
  scripts: texts(SCRIPT_NAMES),
  allowEmpty: flag,
});

const WrittenSpec = v.object({
  recipe: filled,
  version: filled,
  architecture: filled,
  maintainer: v.pipe(filled, oneLine),
  homepage: v.pipe(v.optional(v.string(), ""), oneLine),
  license: v.pipe(v.optional(v.string(), ""), oneLine),
  priority: filled,
  packages: list(WrittenPackage),
  allowUnshipped: flag,
});

/** Ends with an error that names the field. */
type Refuse = (field: string, reason: string) => never;

/** @throws BuildError `packaging/bad-spec` naming the field */
export async function readSpec(path: string): Promise<RecipeSpec> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) throw new BuildError([badSpec(path, "it is not there")]);
    throw error;
  }
  return parseSpec(text, path);
}

/** @throws BuildError `packaging/bad-spec` naming the field */
export function parseSpec(text: string, path: string): RecipeSpec {
  const { packages: listed, ...spec } = readData(WrittenSpec, text, (reason) => badSpec(path, reason));
  const refuse: Refuse = (field, reason) => {
    throw new BuildError([badSpec(path, `\`${field}\`: ${reason}`)]);
  };
  const all = listed.map((one, at) =>
    packageOf(one, (field, reason) => refuse(`packages.${at}.${field}`, reason)),
  );
  // One name twice in PACKAGES is one package, where it stands first.
  const packages = [...new Map(all.map((one) => [one.recipeName, one])).values()];
  refuseDuplicates(packages, refuse);
  const version = debVersion(spec.version);
  if (!isDebVersion(version))
    refuse("version", `\`${spec.version}\` is no Debian version and cannot be made one`);
  return { ...spec, version, packages };
}

/** Two names of a recipe may become one. */
function refuseDuplicates(packages: readonly PackageSpec[], refuse: Refuse): void {
  const first = new Map<string, PackageSpec>();
  for (const [at, one] of packages.entries()) {
    const other = first.get(one.name);
    if (other) {
      const both = `\`${other.recipeName}\` and \`${one.recipeName}\``;
      refuse(`packages.${at}.name`, `${both} of PACKAGES are both \`${one.name}\` as a Debian package`);
    }
    first.set(one.name, one);
  }
}

function packageOf(written: v.InferOutput<typeof WrittenPackage>, refuse: Refuse): PackageSpec {
  const { name: recipeName, relations, ...rest } = written;
  const name = debName(recipeName);
  if (!isDebName(name)) {
    refuse(
      "name",
      `\`${recipeName}\` is no Debian package name and cannot be made one: lower-case letters, digits, + . -`,
    );
  }
  return {
    ...rest,
    name,
    recipeName,
    relations: Object.fromEntries(
      Object.entries(relations).map(([field, text]) => [field, relationsOf(refuse, field, text, name)]),
    ),
  };
}

/** As OE writes them: nothing needs itself, a pattern is left out, and so is a file that is provided. */
function relationsOf(refuse: Refuse, field: string, text: string, name: string): string[] {
  return splitRelations(text).flatMap((one) => {
    if (one.includes("*") || (field === "Provides" && one.startsWith("/"))) return [];
    const mapped = debRelations(one, field);
    if (!mapped) return refuse(`relations.${field}`, `\`${one}\` cannot be said in a Debian package`);
    const [first = ""] = mapped;
    const isItself = first.split(" ")[0] === name && !first.includes("|");
    return field === "Depends" && isItself ? [] : mapped;
  });
}

/** `foo (>= 1.0) bar, baz | qux` → one text a relation: blanks separate, except in brackets and around `|`. */
export function splitRelations(text: string): string[] {
  const found = text.match(/[^\s,|()]+(?:\s*\([^)]*\))?(?:\s*\|\s*[^\s,|()]+(?:\s*\([^)]*\))?)*/g) ?? [];
  return found.map((one) => one.replace(/\s+/g, " ").trim());
}
