/**
 * tmpfiles.d(5): the lines by which a path outside /usr comes into being on a device that merged the extension, and the
 * lines that packages ship for such paths. Written so that systemd 252 and later read the same: up to 252 a backslash
 * in a quoted word only protects the next character, later ones undo C escapes there too; in the argument, the rest of
 * the line, all of them do.
 */
import type { FileEntry } from "@tsbake/archive";
import { lstat, readdir, readFile } from "node:fs/promises";
import { byText, hasCode, nameBytes } from "@tsbake/base";
import { insideRoot } from "@tsbake/sandbox";
import * as v from "valibot";

/** Names of accounts that come with the extension, by the id that they have in its files. */
export interface AccountNames {
  readonly users: ReadonlyMap<number, string>;
  readonly groups: ReadonlyMap<number, string>;
}
export const NO_NAMES: AccountNames = { users: new Map(), groups: new Map() };

/**
 * The line that makes `entry`: `d` for a folder, `L` for a symlink, `C` for a file, copied from `source` when it is
 * not there yet. Ids stay numeric, for the device may know the user by another name, but for accounts that come with the
 * extension: these have a name, and on the device an id of its choice.
 *
 * @param names by id, of such accounts
 * @returns undefined when no line can say it: the path has a character that ends a line. Bytes of names that are no UTF-8 are
 *   lone surrogates in it, as in `nameBytes`
 */
export function tmpfilesLine(
  entry: FileEntry,
  source: string,
  names: AccountNames = NO_NAMES,
): string | undefined {
  if (/[\n\r\0]/.test(entry.path)) return undefined;
  const path = quoted(entry.path);
  const user = names.users.get(entry.uid) ?? String(entry.uid);
  const group = names.groups.get(entry.gid) ?? String(entry.gid);
  const isNamed = names.users.has(entry.uid) || names.groups.has(entry.gid);
  if (entry.kind === "directory") {
    return `d ${path} ${entry.mode.toString(8).padStart(4, "0")} ${user} ${group} -`;
  }
  if (entry.kind === "symlink") {
    const owner = entry.uid === 0 && entry.gid === 0 ? "- -" : `${user} ${group}`;
    return `L ${path} - ${owner} - ${argument(entry.target ?? "")}`;
  }
  const owner = isNamed ? `${entry.mode.toString(8).padStart(4, "0")} ${user} ${group}` : "- - -";
  return `C ${path} ${owner} - ${argument(source)}`;
}

/** `%` starts a specifier; a word with anything that could end it is quoted. */
function quoted(path: string): string {
  const text = path.replace(/%/g, "%%");
  return /[\s"'\\]/.test(text) ? `"${text.replace(/["\\]/g, "\\$&")}"` : text;
}

/** Escapes are undone first, then specifiers. A lone `-` would be no argument. */
function argument(text: string): string {
  if (text === "-") return "\\x2d";
  return text
    .replace(/%/g, "%%")
    .replace(/[\s"'\\\p{Cc}\p{Cs}]/gu, (one) =>
      [...nameBytes(one)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join(""),
    );
}

/** One line of a tmpfiles.d file of a package. */
export const ShippedLine = v.object({
  path: v.string(),
  /** The file that has it. */
  file: v.string(),
  /** Permission bits; absent where the line leaves them to systemd. */
  mode: v.exactOptional(v.number()),
});
export type ShippedLine = Readonly<v.InferOutput<typeof ShippedLine>>;

/** Specifiers with one meaning on every device. */
const SPECIFIERS: Readonly<Record<string, string>> = {
  "%": "%",
  C: "/var/cache",
  L: "/var/log",
  S: "/var/lib",
  T: "/tmp",
  V: "/var/tmp",
  h: "/root",
  t: "/run",
};

/**
 * Lines that make a path: of two such lines for one path systemd-tmpfiles takes the one in the file whose name comes first.
 * Lines that adjust, write to, clean or remove what is there (z, e, w, x, r, …) go together with any other. So do those that
 * make something only where a credential (^) or the target (?) is there: without it systemd passes over them.
 */
const MAKING = /^[fFdDvqQpLcbC][-+!=~$]*$/;

/** A line with all of its fields, whatever it does. */
export interface TmpfilesLine {
  /** The letter alone: `d`, `C`, `z`, … */
  readonly type: string;
  /** Specifiers expanded, as far as they are the same on every device; may be a pattern where the type takes one. */
  readonly path: string;
  /** Whether it makes the path, where it is not there. */
  readonly makes: boolean;
  /** Permission bits; absent where the line leaves them to systemd. */
  readonly mode?: number;
  /** Names or numbers; absent where the line says none. */
  readonly user?: string;
  readonly group?: string;
  /** What a `C` copies and an `L` leads to, with its default; "" for what has none. */
  readonly argument: string;
}

/** The lines of a tmpfiles.d file. What cannot be read, systemd ignores too. */
export function readTmpfiles(text: string): TmpfilesLine[] {
  return text.split("\n").flatMap((line): TmpfilesLine[] => {
    if (/^\s*[#;]/.test(line)) return [];
    const [type = "", written, mode = "-", user = "-", group = "-"] = lineFields(line);
    const letter = type[0];
    if (written === undefined || letter === undefined || !/^[A-Za-z]/.test(letter)) return [];
    const path = expanded(written)
      .replace(/\/+/g, "/")
      .replace(/(.)\/$/, "$1");
    const bits = /^[:~]*([0-7]{1,5})$/.exec(mode)?.[1];
    // The rest of the line, in which escapes are undone another way.
    const argument = expanded(
      unescaped(line.slice([...line.matchAll(WORD)][6]?.index ?? line.length).trim()),
    );
    const hasSource = letter === "C" || letter === "L";
    return [
      {
        type: letter,
        path,
        makes: MAKING.test(type),
        ...(bits === undefined ? {} : { mode: Number.parseInt(bits, 8) }),
        ...named("user", user),
        ...named("group", group),
        argument: hasSource && (argument === "" || argument === "-") ? `/usr/share/factory${path}` : argument,
      },
    ];
  });
}

function named<Key extends "user" | "group">(
  key: Key,
  field: string,
): Partial<Record<"user" | "group", string>> {
  const name = field.replace(/^:/, "");
  return name === "-" || name === "" ? {} : { [key]: name };
}

function expanded(text: string): string {
  return text.replace(/%(.)/g, (whole, one: string) => SPECIFIERS[one] ?? whole);
}

/** C escapes of bytes, as `argument` above writes them. */
function unescaped(text: string): string {
  return text.replace(/\\x([0-9a-fA-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** The lines of a tmpfiles.d file that make a path. */
export function parseTmpfiles(text: string, file: string): ShippedLine[] {
  return readTmpfiles(text)
    .filter(({ makes }) => makes)
    .map(({ path, mode }) => ({ path, file, ...(mode === undefined ? {} : { mode }) }));
}

/** Where tmpfiles.d files lie: of two with one name the first counts. */
const FOLDERS = ["etc", "run", "usr/local/lib", "usr/lib"].map((folder) => `${folder}/tmpfiles.d`);

/** What the tmpfiles.d files of a root make, as systemd-tmpfiles would read them: one line a path, sorted. */
export async function tmpfilesOf(root: string): Promise<ShippedLine[]> {
  const inside = insideRoot(root);
  const files = new Map<string, string>();
  for (const folder of FOLDERS) {
    for (const name of await namesIn(await inside.follow(folder)))
      if (name.endsWith(".conf") && !files.has(name)) files.set(name, `${folder}/${name}`);
  }
  const lines = new Map<string, ShippedLine>();
  for (const [, path] of [...files].sort(([left], [right]) => byText(left, right))) {
    const place = await inside.follow(path);
    // A link to /dev/null switches the file off.
    if (!(await isPlainFile(place))) continue;
    for (const line of parseTmpfiles(await readFile(place, "utf8"), `/${path}`))
      if (!lines.has(line.path)) lines.set(line.path, line);
  }
  return [...lines.values()].sort((left, right) => byText(left.path, right.path));
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return [];
    throw error;
  }
}

async function isPlainFile(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isFile();
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return false;
    throw error;
  }
}

const WORD = /(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')+/g;

/** Words of a line of tmpfiles.d or sysusers.d as systemd splits them: quotes join, a backslash protects. */
export function lineFields(line: string): string[] {
  const words = line.match(WORD) ?? [];
  return words.map((word) =>
    word.replace(
      /"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|\\(.)/g,
      (_, double?: string, single?: string, one?: string) =>
        (double ?? single ?? one ?? "").replace(/\\(.)/g, "$1"),
    ),
  );
}
