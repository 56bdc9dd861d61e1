/**
 * Names, versions and relations as recipes write them, in the form that Debian allows. A recipe of OE builds unchanged:
 * names are changed as OE-core changes those that it makes itself, relations as its package_deb does.
 *
 * @see OE-core lib/oe/package.py legitimize_package_name, classes-global/package_deb.bbclass; deb-version(7)
 */

const NAME = /^[a-z0-9][a-z0-9+.-]+$/;
/** What follows the last `-` is the revision, which dpkg wants where there is one. */
const VERSION = /^(?:(\d+):)?\d(?:[A-Za-z0-9.+~-]*[A-Za-z0-9.+~])?$/;
/** dpkg reads an epoch into an int. */
const MAX_EPOCH = 2 ** 31 - 1;

/** `Foo_bar` → `foo-bar`, `a@b,c` → `a+b+c`; `<U00e9>` is the character of that number. Not always a name in the end. */
export function debName(text: string): string {
  return text
    .replace(/<U([0-9A-Fa-f]{1,4})>/g, (_, digits: string) =>
      String.fromCodePoint(Number.parseInt(digits, 16)),
    )
    .toLowerCase()
    .replace(/[_/]/g, "-")
    .replace(/[@,]/g, "+");
}

/** @see Debian policy, 5.6.1 */
export function isDebName(text: string): boolean {
  return NAME.test(text);
}

/** A word of a list of packages to install: `NAME`, `-NAME`, `NAME=VERSION`, `NAME/RELEASE`, `NAME:ARCHITECTURE`. */
export function debWish(text: string): string {
  const [, name = "", rest = ""] = /^([^=/:]*)([^]*)$/.exec(text) ?? [];
  return debName(name) + rest;
}

/**
 * `1.0_rc1-r0` → `1.0+rc1-r0`; `git-r0` → `0+git-r0`, older than what will be released; AUTOINC counts from 0 where no
 * service counts. Not always a version in the end.
 */
export function debVersion(text: string): string {
  const [, epoch = "", rest = ""] = /^(\d+:)?([^]*)$/.exec(text.replaceAll("AUTOINC", "0")) ?? [];
  const allowed = rest.replace(/[_@,]/g, "+");
  return epoch + (/^[A-Za-z]/.test(allowed) ? `0+${allowed}` : allowed);
}

/** @see Debian policy, 5.6.12 */
export function isDebVersion(text: string): boolean {
  const [whole, epoch = "0"] = VERSION.exec(text) ?? [];
  return whole !== undefined && Number(epoch) <= MAX_EPOCH;
}

const RELATION = /^([^\s(:]+)((?::[^\s(]+)?)(?:\s*\(\s*(<<|<=|=|>=|>>|<|>)?\s*([^\s)]*)\s*\))?$/;

/**
 * One relation of a recipe as Debian's, or several where it takes two to say it; undefined for what is none.
 * `<` and `>` are strict in recipes. `= 1.0` without a revision means every revision of 1.0.
 *
 * @param field Debian's: what is provided has one version
 */
export function debRelations(text: string, field: string): string[] | undefined {
  const alternatives = text.split("|").map((one) => parse(one.trim()));
  const found = alternatives.filter((one) => one !== undefined);
  if (found.length < alternatives.length) return undefined;
  const [first] = found;
  // Of alternatives, each is one relation.
  if (found.length > 1 || !first) return [found.map(write).join(" | ")];
  if (first.operator !== "=" || field === "Provides" || first.version.includes("-")) return [write(first)];
  return [
    write({ ...first, operator: ">=" }),
    write({ ...first, operator: "<<", version: `${first.version}.0` }),
  ];
}

interface Relation {
  /** With `:any`. */
  readonly name: string;
  /** Empty without a version. */
  readonly operator: string;
  readonly version: string;
}

const STRICT: Readonly<Record<string, string>> = { "<": "<<", ">": ">>" };

function parse(text: string): Relation | undefined {
  const [, name = "", qualifier = "", operator = "=", version] = RELATION.exec(text) ?? [];
  const mapped = debName(name);
  if (!isDebName(mapped)) return undefined;
  if (version === undefined) return { name: mapped + qualifier, operator: "", version: "" };
  const number = debVersion(version);
  if (!isDebVersion(number)) return undefined;
  return { name: mapped + qualifier, operator: STRICT[operator] ?? operator, version: number };
}

function write({ name, operator, version }: Relation): string {
  return operator === "" ? name : `${name} (${operator} ${version})`;
}
