/** The text of recipes that say what was tried. Pure. */
import type { BackendName } from "@tsbake/packaging";
import type { ChangedFile } from "../difference/difference.js";
import type { CommitPlan } from "./plan.js";

export interface RecipeTexts {
  /** The extension's recipe. */
  readonly image: string;
  /** The recipe of a package with the files; undefined where there are none. */
  readonly files?: {
    readonly name: string;
    readonly text: string;
    /** Path of a source, below the recipe's folder of sources → path in the overlay. */
    readonly sources: ReadonlyMap<string, string>;
  };
}

export interface RecipeRequest {
  /** Of the extension's recipe. */
  readonly name: string;
  readonly base: string;
  readonly shell: string;
  /** Of the base's packages, where it is not that of most. */
  readonly format?: BackendName;
}

/** What stands for itself in a recipe, in a shell and in SRC_URI. */
const PLAIN = /^[A-Za-z0-9/._+-]+$/;

export function recipeTexts(
  plan: CommitPlan,
  { name, base, shell, format = "deb" }: RecipeRequest,
): RecipeTexts {
  const files = plan.files.length === 0 ? undefined : filesRecipe(plan.files, `${name}-files`, shell);
  const installed = [...plan.fromRecipes, ...(files ? [files.name] : [])];
  const edited = plan.files.filter(({ isInBase }) => isInBase);
  const shadowed = edited.map(({ path }) => path);
  const touched = [...new Set([...plan.changed, ...edited.flatMap((one) => one.package ?? [])])].sort();
  const image = [
    `SUMMARY = "What was tried in the shell ${shell} on ${base}"`,
    "",
    "inherit image-sysext",
    "",
    `IMAGE_BASE_PKGDB = "${base}"`,
    ...(format === "deb" ? [] : [`IMAGE_PKGTYPE = "${format}"`]),
    ...assigned("IMAGE_PREINSTALL", plan.fromArchive),
    ...assigned("IMAGE_INSTALL", installed),
    ...(touched.length > 0 ? ["# The base has them in another version, or with other files."] : []),
    ...assigned("SYSEXT_ALLOW_CHANGED", touched),
    ...assigned("SYSEXT_MAY_SHADOW", shadowed),
    ...plan.left.map(({ what, why }) => `# Not here: ${oneLine(what)}: ${why}.`),
  ];
  return { image: `${image.join("\n")}\n`, ...(files && { files }) };
}

function assigned(variable: string, words: readonly string[]): string[] {
  return words.length === 0 ? [] : [`${variable} = "${words.map(quoted).join(" ")}"`];
}

function quoted(text: string): string {
  return text.replace(/["\\$]/g, "\\$&");
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ");
}

function filesRecipe(
  files: readonly ChangedFile[],
  name: string,
  shell: string,
): NonNullable<RecipeTexts["files"]> {
  const sources = new Map<string, string>();
  const lines: string[] = [];
  const folders = new Set<string>();
  let owned = false;
  for (const [at, { path, kind, mode, uid, gid, target }] of files.entries()) {
    const place = `"\${D}"${word(path)}`;
    const folder = path.slice(0, path.lastIndexOf("/"));
    if (folder !== "" && !folders.has(folder)) lines.push(`install -d "\${D}"${word(folder)}`);
    folders.add(folder);
    if (kind === "directory") {
      lines.push(`install -d -m ${octal(mode)} ${place}`);
      folders.add(path);
    } else if (kind === "symlink") lines.push(`ln -sf ${word(target)} ${place}`);
    else {
      const source = PLAIN.test(path) && !path.includes("..") ? path.slice(1) : `file-${at + 1}`;
      sources.set(source, path);
      lines.push(`install -m ${octal(mode)} "\${S}/${source}" ${place}`);
    }
    if (uid === 0 && gid === 0) continue;
    lines.push(`chown -h ${uid}:${gid} ${place}`);
    owned = true;
  }
  const packages = [...new Set(files.flatMap((one) => one.package ?? []))].sort();
  const text = [
    `SUMMARY = "Files that were made or edited by hand in the shell ${shell}"`,
    'LICENSE = "CLOSED"',
    ...(sources.size > 0
      ? ['SRC_URI = " \\', ...[...sources.keys()].map((source) => `    file://${source} \\`), '"']
      : []),
    "",
    "inherit package",
    "",
    'INHIBIT_DEFAULT_DEPS = "1"',
    'PACKAGES = "${PN}"',
    'FILES:${PN} = "/*"',
    ...(packages.length > 0
      ? [
          "# Files of these were edited.",
          `RREPLACES:\${PN} = "${packages.join(" ")}"`,
          `RDEPENDS:\${PN} = "${packages.join(" ")}"`,
        ]
      : []),
    ...(owned ? ['do_install[fakeroot] = "1"'] : []),
    "",
    "do_install() {",
    ...lines.map((line) => `    ${line}`),
    "}",
  ];
  return { name, text: `${text.join("\n")}\n`, sources };
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

/** A word of shell in a recipe, where `${…}` is expanded before. */
function word(text: string): string {
  if (PLAIN.test(text)) return text;
  return `'${text.replaceAll("'", String.raw`'\''`).replaceAll("$", () => "'\"$\"'")}'`;
}
