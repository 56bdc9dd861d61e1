/**
 * Reads `/var/lib/opkg` below a root as opkg keeps it: `status` has a stanza a package, `info/` a `NAME.control` with all its fields,
 * a `NAME.list` of paths and the other members of its control archive. Alternatives, diversions and overrides are kept by the tools
 * of Debian that the packages' scripts call, below `/var/lib/dpkg`.
 */
import { join } from "node:path";
import { BuildError, byText, nameOf, readTextIfThere, sha256 } from "@tsbake/base";
import { byNameAndArchitecture, type InstalledPackage, type PackageDatabase } from "../database/database.js";
import { type Info, nativeArchitecture, parseConffiles, readHelpers, readInfo } from "../deb/database.js";
import { parseStanzas, type Stanza } from "../deb/stanza.js";
import { badDatabase } from "../problems.js";

/** Below a root. */
export const OPKG_FOLDER = "var/lib/opkg";

/** States in which a package is not there. */
const ABSENT = new Set(["not-installed", "config-files"]);

/**
 * @param architecture the native one; default: that of the first package that is not for all
 * @throws BuildError `packaging/bad-database` with the file and line
 */
export async function readIpkDatabase(root: string, architecture?: string): Promise<PackageDatabase> {
  const folder = join(root, OPKG_FOLDER);
  const path = join(folder, "status");
  const text = await readTextIfThere(path);
  if (text === undefined) throw new BuildError([badDatabase(path, "it is not there")]);
  const info = await readInfo(join(folder, "info"));
  const packages = stanzasOf(text, path)
    .filter((stanza) => !ABSENT.has(stateOf(stanza) ?? ""))
    .map((stanza) => toPackage(stanza, info, path))
    .sort(byNameAndArchitecture);
  const twice = packages.find(({ name }, at) => packages[at + 1]?.name === name);
  if (twice) throw new BuildError([badDatabase(path, `\`${twice.name}\` is there twice`)]);
  return {
    backend: "ipk",
    architecture: architecture ?? nativeArchitecture(packages),
    packages,
    ...(await readHelpers(root)),
    triggers: packages
      .flatMap(({ name }) => interests(name, info.get(name)?.get("triggers") ?? ""))
      .sort(byText),
  };
}

/** @throws BuildError `packaging/bad-database` */
export function stanzasOf(text: string, path: string): readonly Stanza[] {
  const { stanzas, faults } = parseStanzas(text);
  const [fault] = faults;
  if (fault) throw new BuildError([badDatabase(path, `line ${fault.line}: ${fault.reason}`)]);
  return stanzas;
}

/** Third word of `Status`. */
export function stateOf(stanza: Stanza): string | undefined {
  return stanza.get("Status")?.split(" ")[2];
}

/** A line of `.list` has a path; newer versions of opkg write mode and target of a link behind it. */
export function pathsOf(list: string): string[] {
  return list
    .split("\n")
    .map((line) => (line.split("\t")[0] ?? "").replace(/(.)\/$/, "$1"))
    .filter((path) => path.startsWith("/") && path !== "/" && path !== "/.");
}

function toPackage(stanza: Stanza, info: Info, path: string): InstalledPackage {
  const name = stanza.get("Package") ?? "";
  const state = stateOf(stanza);
  if (name === "" || state === undefined)
    throw new BuildError([badDatabase(path, `a stanza without Package or Status: ${name || "(no name)"}`)]);
  const members = info.get(name);
  if (members?.get("list") === undefined)
    throw new BuildError([badDatabase(path, `\`${name}\` has no list of files below info`)]);
  const control = members.get("control");
  const [fields = new Map<string, string>()] =
    control === undefined ? [] : stanzasOf(utf8(control), `${name}.control`);
  const rest = [...members].filter(([kind]) => kind !== "list" && kind !== "control");
  return {
    name,
    version: stanza.get("Version") ?? "",
    architecture: stanza.get("Architecture") ?? "",
    state,
    // What the package says of itself, and what opkg does.
    stanza: new Map([...fields, ...stanza]),
    files: pathsOf(utf8(members.get("list") ?? "")).sort(byText),
    conffiles: parseConffiles(stanza.get("Conffiles")),
    control: new Map(
      rest
        .map(([kind, text]) => [kind, sha256(Buffer.from(text, "latin1"))] as const)
        .sort((left, right) => byText(left[0], right[0])),
    ),
  };
}

/** Members are read byte by byte. */
function utf8(text: string): string {
  return nameOf(Buffer.from(text, "latin1"));
}

/** As dpkg keeps them. @returns `file<TAB>line` */
export function interests(name: string, triggers: string): string[] {
  return triggers.split("\n").flatMap((line) => {
    const [, noawait, trigger] = /^\s*interest(?:-await|(-noawait))?\s+(\S+)/.exec(line) ?? [];
    if (trigger === undefined) return [];
    const who = noawait === undefined ? name : `${name}/noawait`;
    return [trigger.startsWith("/") ? `File\t${trigger} ${who}` : `${trigger}\t${who}`];
  });
}
