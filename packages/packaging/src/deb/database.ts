/** Reads `/var/lib/dpkg` below a root (dpkg-query(1), deb-conffiles(5), `info/format` 1) into a PackageDatabase. */
import { readFileSync } from "node:fs";
import { readFile, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import {
  AT_ONCE,
  BuildError,
  byText,
  eachLimited,
  hasCode,
  ifThere,
  nameOf,
  readTextIfThere,
  sha256,
} from "@tsbake/base";
import { byNameAndArchitecture } from "../database/database.js";
import type { Alternative, Diversion, InstalledPackage, PackageDatabase } from "../database/database.js";
import { insideRoot } from "@tsbake/sandbox";
import { badDatabase } from "../problems.js";
import { parseStanzas } from "./stanza.js";
import type { Stanza } from "./stanza.js";

/** Below a root. */
export const DPKG_FOLDER = "var/lib/dpkg";

/**
 * @param architecture the native one; default: that of the installed `dpkg` package, else of the first that is not `all`
 * @throws BuildError `packaging/bad-database` with the file and line
 */
export async function readDebDatabase(root: string, architecture?: string): Promise<PackageDatabase> {
  const folder = join(root, DPKG_FOLDER);
  const path = join(folder, "status");
  const text = await readTextIfThere(path);
  if (text === undefined) throw new BuildError([badDatabase(path, "it is not there")]);
  const { stanzas, faults } = parseStanzas(text);
  const [fault] = faults;
  if (fault) throw new BuildError([badDatabase(path, `line ${fault.line}: ${fault.reason}`)]);
  const info = await readInfo(join(folder, "info"));
  const packages = stanzas
    .filter((stanza) => !stanza.get("Status")?.endsWith(" not-installed"))
    .map((stanza) => toPackage(stanza, info, path))
    .sort(byNameAndArchitecture);
  return {
    backend: "deb",
    architecture: architecture ?? nativeArchitecture(packages),
    packages,
    ...(await readHelpers(root)),
    triggers: await readTriggers(join(folder, "triggers")),
  };
}

/** What dpkg-divert, update-alternatives and dpkg-statoverride keep: scripts of every format call them. */
export async function readHelpers(
  root: string,
): Promise<Pick<PackageDatabase, "diversions" | "alternatives" | "overrides">> {
  const folder = join(root, DPKG_FOLDER);
  return {
    diversions: await readDiversions(join(folder, "diversions")),
    alternatives: await readAlternatives(root, join(folder, "alternatives")),
    overrides: (await linesOf(join(folder, "statoverride"))).sort(byText),
  };
}

/** That of the `dpkg` package, else of the first that is not `all`. */
export function nativeArchitecture(packages: readonly InstalledPackage[]): string {
  const dpkg = packages.find((one) => one.name === "dpkg");
  return (dpkg ?? packages.find((one) => one.architecture !== "all"))?.architecture ?? "all";
}

/** Names of ordinary files; none where there is no such folder. */
async function filesIn(folder: string): Promise<string[]> {
  const found = (await ifThere(readdir(folder, { withFileTypes: true }))) ?? [];
  return found.filter((one) => one.isFile()).map(({ name }) => name);
}

/** `info/` by package (`libc6:amd64`, `bash`), then by kind. */
export type Info = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** @param folder `info` of a database */
export async function readInfo(folder: string): Promise<Info> {
  const info = new Map<string, Map<string, string>>();
  const names = (await filesIn(folder)).filter((name) => /^[^.].*\.[a-z0-9]+$/.test(name));
  for (const name of names) {
    const dot = name.lastIndexOf(".");
    // A thousand small files: to wait for each takes ten times as long as to read it.
    const text = readFileSync(join(folder, name), "latin1");
    const key = name.slice(0, dot);
    const members = info.get(key) ?? new Map<string, string>();
    info.set(key, members.set(name.slice(dot + 1), text));
  }
  return info;
}

function toPackage(stanza: Stanza, info: Info, path: string): InstalledPackage {
  const name = stanza.get("Package") ?? "";
  const architecture = stanza.get("Architecture") ?? "";
  const status = stanza.get("Status")?.split(" ") ?? [];
  const state = status[2];
  if (name === "" || state === undefined) {
    throw new BuildError([badDatabase(path, `a stanza without Package or Status: ${name || "(no name)"}`)]);
  }
  const members = info.get(`${name}:${architecture}`) ?? info.get(name) ?? new Map<string, string>();
  const list = nameOf(Buffer.from(members.get("list") ?? "", "latin1"));
  const control = [...members].filter(([kind]) => kind !== "list");
  return {
    name,
    version: stanza.get("Version") ?? "",
    architecture,
    state,
    stanza,
    files: list
      .split("\n")
      .filter((line) => line !== "" && line !== "/.")
      .sort(byText),
    conffiles: parseConffiles(stanza.get("Conffiles")),
    control: new Map(
      control
        .map(([kind, text]) => [kind, sha256(Buffer.from(text, "latin1"))] as const)
        .sort((a, b) => byText(a[0], b[0])),
    ),
  };
}

/** ` PATH MD5 [obsolete] [remove-on-upgrade]` lines. A path may hold blanks, a digest cannot. */
export function parseConffiles(text: string | undefined): Map<string, string> {
  const conffiles = new Map<string, string>();
  for (const line of text?.split("\n") ?? []) {
    const match = /^ (\/.*?) ([0-9a-f]{32}|newconffile)((?: [a-z-]+)*)$/.exec(line);
    if (match) conffiles.set(match[1] ?? "", `${match[2]}${match[3]}`);
  }
  return conffiles;
}

async function linesOf(path: string): Promise<string[]> {
  return (await readTextIfThere(path))?.split("\n").filter((line) => line !== "") ?? [];
}

async function readDiversions(path: string): Promise<Diversion[]> {
  const lines = await linesOf(path);
  if (lines.length % 3 !== 0) throw new BuildError([badDatabase(path, "its lines do not come in threes")]);
  const diversions: Diversion[] = [];
  for (let at = 0; at < lines.length; at += 3) {
    diversions.push({ from: lines[at] ?? "", to: lines[at + 1] ?? "", by: lines[at + 2] ?? "" });
  }
  return diversions.sort((left, right) => byText(left.from, right.from));
}

async function readAlternatives(root: string, folder: string): Promise<Alternative[]> {
  const inside = insideRoot(root);
  const names = (await filesIn(folder)).sort(byText);
  return eachLimited(names, AT_ONCE, async (name) => {
    const text = await readFile(join(folder, name), "utf8");
    const [mode, link = ""] = text.split("\n");
    const current = await readlink(await inside.place(`etc/alternatives/${name}`)).catch((error: unknown) => {
      if (hasCode(error, "ENOENT", "EINVAL", "ENOTDIR")) return "";
      throw error;
    });
    return { name, isManual: mode === "manual", link, current, text };
  });
}

/** Pending triggers (`Unincorp`) count too: a finished database has none. */
async function readTriggers(folder: string): Promise<string[]> {
  const names = (await filesIn(folder)).filter((name) => name !== "Lock");
  const all = await eachLimited(names, AT_ONCE, async (name) =>
    (await linesOf(join(folder, name))).map((line) => `${name}\t${line}`),
  );
  return all.flat().sort(byText);
}
