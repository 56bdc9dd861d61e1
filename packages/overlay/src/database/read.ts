/** dpkg's database from folders: of one tree, or of an upper folder over a tree. Links are not followed. */
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { AT_ONCE, eachLimited, ifThere, undefinedOn } from "@tsbake/base";
import { parseStanzas, type Stanza } from "@tsbake/packaging";
import type { DpkgPackage, DpkgState } from "./state.js";

const DPKG = "var/lib/dpkg";
export const STATES = "var/lib/apt/extended_states";

/** Files of a tree, the topmost layer that knows a path decides. */
interface Layers {
  /** One byte a character. */
  text(path: string): Promise<string | undefined>;
  names(folder: string): Promise<string[]>;
  link(path: string): Promise<string | undefined>;
}

/** @param roots the topmost first; a character device hides what is below */
function openLayers(roots: readonly string[]): Layers {
  const find = async (path: string) => {
    for (const root of roots) {
      const full = join(root, path);
      const status = await undefinedOn(lstat(full), "ENOENT", "ENOTDIR");
      if (status === undefined) continue;
      return status.isCharacterDevice() ? undefined : { full, status };
    }
    return undefined;
  };
  return {
    async text(path) {
      const found = await find(path);
      return found?.status.isFile() ? readFile(found.full, "latin1") : undefined;
    },
    async names(folder) {
      const all = new Map<string, boolean>();
      for (const root of roots) {
        const entries = (await ifThere(readdir(join(root, folder), { withFileTypes: true }))) ?? [];
        for (const entry of entries)
          if (!all.has(entry.name)) all.set(entry.name, !entry.isCharacterDevice());
      }
      return [...all].flatMap(([name, isShown]) => (isShown ? [name] : [])).sort();
    },
    async link(path) {
      const found = await find(path);
      return found?.status.isSymbolicLink() ? readlink(found.full) : undefined;
    },
  };
}

/**
 * What is not there is empty: a base may have no package at all.
 *
 * @param roots the topmost first
 */
export async function readState(roots: readonly string[]): Promise<DpkgState> {
  const layers = openLayers(roots);
  const lines = async (path: string): Promise<string[]> =>
    ((await layers.text(path)) ?? "").split("\n").filter((line) => line !== "");
  const alternatives = await textsIn(layers, `${DPKG}/alternatives`);
  const links = new Map<string, string>();
  for (const name of await layers.names("etc/alternatives")) {
    const target = await layers.link(`etc/alternatives/${name}`);
    if (target !== undefined) links.set(name, target);
  }
  const diversions = new Map<string, { to: string; by: string }>();
  const diverted = await lines(`${DPKG}/diversions`);
  for (let at = 0; at + 2 < diverted.length; at += 3)
    diversions.set(diverted[at]!, { to: diverted[at + 1]!, by: diverted[at + 2]! });
  const overrides = new Map<string, string>();
  for (const line of await lines(`${DPKG}/statoverride`)) {
    const [, words, path] = /^(\S+ \S+ \S+) (.*)$/.exec(line) ?? [];
    if (words !== undefined && path !== undefined) overrides.set(path, words);
  }
  const triggers = new Map<string, string[]>();
  for (const [name, text] of await textsIn(layers, `${DPKG}/triggers`))
    if (name !== "Lock")
      triggers.set(
        name,
        text.split("\n").filter((line) => line !== ""),
      );
  return {
    packages: await readPackages(layers),
    alternatives,
    links,
    diversions,
    overrides,
    triggers,
    automatic: byKey(parseStanzas((await layers.text(STATES)) ?? "").stanzas),
  };
}

async function textsIn(layers: Layers, folder: string): Promise<Map<string, string>> {
  const names = await layers.names(folder);
  const texts = await eachLimited(names, AT_ONCE, (name) => layers.text(`${folder}/${name}`));
  return new Map(names.flatMap((name, at) => (texts[at] === undefined ? [] : [[name, texts[at]]])));
}

async function readPackages(layers: Layers): Promise<Map<string, DpkgPackage>> {
  const info = new Map<string, Map<string, string>>();
  for (const [name, text] of await textsIn(layers, `${DPKG}/info`)) {
    const dot = name.lastIndexOf(".");
    if (dot < 1) continue;
    const members = info.get(name.slice(0, dot)) ?? new Map<string, string>();
    info.set(name.slice(0, dot), members.set(name.slice(dot + 1), text));
  }
  const packages = new Map<string, DpkgPackage>();
  for (const [key, stanza] of byKey(parseStanzas((await layers.text(`${DPKG}/status`)) ?? "").stanzas)) {
    if (stanza.get("Status")?.endsWith(" not-installed")) continue;
    const members = info.get(key) ?? info.get(stanza.get("Package") ?? "") ?? new Map<string, string>();
    packages.set(key, { stanza, info: members });
  }
  return packages;
}

function byKey(stanzas: readonly Stanza[]): Map<string, Stanza> {
  return new Map(stanzas.map((one) => [`${one.get("Package")}:${one.get("Architecture")}`, one]));
}
