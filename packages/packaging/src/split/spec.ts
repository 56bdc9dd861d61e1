/** What a recipe says of its packages: the JSON that package.bbclass writes, checked once. */
import { BuildError, hasCode, messageOf } from "@tsbake/base";
import { readFile } from "node:fs/promises";
import { debName, debRelations, debVersion, isDebName, isDebVersion } from "../deb/names.js";
import { badSpec } from "../problems.js";

/** One package of a recipe. Relations are lists of `name` or `name (>= 1.0)`, joined with blanks or commas in recipes. */
export interface PackageSpec {
  /** As Debian writes it. */
  readonly name: string;
  /** As PACKAGES writes it. */
  readonly recipeName: string;
  /** Path patterns, absolute: `*` and `?` stay within a folder, a folder means all below it. */
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

const RELATIONS = [
  "Pre-Depends",
  "Depends",
  "Recommends",
  "Suggests",
  "Enhances",
  "Provides",
  "Replaces",
  "Conflicts",
  "Breaks",
];
const SCRIPT_NAMES = ["preinst", "postinst", "prerm", "postrm"];

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
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    throw new BuildError([badSpec(path, messageOf(error))]);
  }
  const read = new Fields(path, "", data);
  const listed = read.list("packages").map((one, at) => packageOf(new Fields(path, `packages[${at}].`, one)));
  // One name twice in PACKAGES is one package.
  const packages = [
    ...new Map(listed.toReversed().map((one) => [one.recipeName, one])).values(),
  ].toReversed();
  refuseDuplicates(read, packages);
  const version = debVersion(read.text("version"));
  if (!isDebVersion(version)) {
    read.fail("version", `\`${read.text("version")}\` is no Debian version and cannot be made one`);
  }
  return {
    recipe: read.text("recipe"),
    version,
    architecture: read.text("architecture"),
    maintainer: read.line("maintainer"),
    homepage: read.line("homepage", true),
    license: read.line("license", true),
    priority: read.text("priority"),
    packages,
    allowUnshipped: read.flag("allowUnshipped"),
  };
}

/** Two names of a recipe may become one. */
function refuseDuplicates(read: Fields, packages: readonly PackageSpec[]): void {
  const first = new Map<string, PackageSpec>();
  for (const [at, one] of packages.entries()) {
    const other = first.get(one.name);
    if (other) {
      const both = `\`${other.recipeName}\` and \`${one.recipeName}\``;
      read.fail(`packages[${at}].name`, `${both} of PACKAGES are both \`${one.name}\` as a Debian package`);
    }
    first.set(one.name, one);
  }
}

function packageOf(read: Fields): PackageSpec {
  const recipeName = read.text("name");
  const name = debName(recipeName);
  if (!isDebName(name)) {
    read.fail(
      "name",
      `\`${recipeName}\` is no Debian package name and cannot be made one: lower-case letters, digits, + . -`,
    );
  }
  const relations = read.texts("relations", RELATIONS);
  return {
    name,
    recipeName,
    files: read.words("files"),
    summary: read.line("summary"),
    description: read.text("description", true),
    section: read.line("section"),
    relations: Object.fromEntries(
      Object.entries(relations).map(([field, text]) => [field, relationsOf(read, field, text, name)]),
    ),
    conffiles: read.words("conffiles"),
    scripts: read.texts("scripts", SCRIPT_NAMES),
    allowEmpty: read.flag("allowEmpty"),
  };
}

/** As OE writes them: nothing needs itself, a pattern is left out, and so is a file that is provided. */
function relationsOf(read: Fields, field: string, text: string, name: string): string[] {
  return splitRelations(text).flatMap((one) => {
    if (one.includes("*") || (field === "Provides" && one.startsWith("/"))) return [];
    const mapped = debRelations(one, field);
    if (!mapped) return read.fail(`relations.${field}`, `\`${one}\` cannot be said in a Debian package`);
    return field === "Depends" && mapped[0] === name ? [] : mapped;
  });
}

/** `foo (>= 1.0) bar, baz | qux` → one text a relation: blanks separate, except in brackets and around `|`. */
export function splitRelations(text: string): string[] {
  const found = text.match(/[^\s,|()]+(?:\s*\([^)]*\))?(?:\s*\|\s*[^\s,|()]+(?:\s*\([^)]*\))?)*/g) ?? [];
  return found.map((one) => one.replace(/\s+/g, " ").trim());
}

/** Typed access with an error that names the field. */
class Fields {
  readonly #path: string;
  readonly #prefix: string;
  readonly #data: Readonly<Record<string, unknown>>;

  constructor(path: string, prefix: string, data: unknown) {
    this.#path = path;
    this.#prefix = prefix;
    if (typeof data !== "object" || data === null || Array.isArray(data)) this.fail("", "it is no object");
    this.#data = data as Readonly<Record<string, unknown>>;
  }

  text(name: string, mayBeEmpty = false): string {
    const value = this.#data[name] ?? "";
    if (typeof value !== "string") return this.fail(name, "it is no text");
    if (value === "" && !mayBeEmpty) return this.fail(name, "it is empty");
    return value;
  }

  /** Text that becomes a field of one line. */
  line(name: string, mayBeEmpty = false): string {
    return this.text(name, mayBeEmpty).replace(/\s+/g, " ").trim();
  }

  words(name: string): string[] {
    return this.text(name, true)
      .split(/\s+/)
      .filter((word) => word !== "");
  }

  flag(name: string): boolean {
    return this.#data[name] === true;
  }

  list(name: string): readonly unknown[] {
    const value = this.#data[name];
    return Array.isArray(value) ? value : this.fail(name, "it is no list");
  }

  /** An object of texts under known names; empty ones are left out. */
  texts(name: string, known: readonly string[]): Record<string, string> {
    const value = this.#data[name] ?? {};
    if (typeof value !== "object" || value === null) return this.fail(name, "it is no object");
    const read: Record<string, string> = {};
    for (const [key, text] of Object.entries(value)) {
      if (!known.includes(key)) this.fail(`${name}.${key}`, "it is unknown");
      if (typeof text !== "string") this.fail(`${name}.${key}`, "it is no text");
      else if (text.trim() !== "") read[key] = text;
    }
    return read;
  }

  fail(name: string, reason: string): never {
    throw new BuildError([badSpec(this.#path, `${this.#prefix}${name}: ${reason}`)]);
  }
}
