/** What update-alternatives, dpkg-divert and dpkg-statoverride keep: scripts of each format call them. */
import type { DatabaseState, DiversionEntry } from "../state.js";
import type { Layers } from "./layers.js";

const DPKG = "var/lib/dpkg";

type Helpers = Pick<DatabaseState, "alternatives" | "links" | "diversions" | "overrides">;

/** Below a root. */
export const HELPER_PLACES = ["alternatives", "diversions", "statoverride"].map((name) => `${DPKG}/${name}`);

export async function storedHelpers(layers: Layers): Promise<Helpers> {
  const lines = async (path: string): Promise<string[]> =>
    ((await layers.text(path)) ?? "").split("\n").filter((line) => line !== "");
  const links = new Map<string, string>();
  for (const name of await layers.names("etc/alternatives")) {
    const target = await layers.link(`etc/alternatives/${name}`);
    if (target !== undefined) links.set(name, target);
  }
  const diversions = new Map<string, DiversionEntry>();
  const diverted = await lines(`${DPKG}/diversions`);
  for (let at = 0; at + 2 < diverted.length; at += 3)
    diversions.set(diverted[at]!, { to: diverted[at + 1]!, by: diverted[at + 2]! });
  const overrides = new Map<string, string>();
  for (const line of await lines(`${DPKG}/statoverride`)) {
    const [, words, path] = /^(\S+ \S+ \S+) (.*)$/.exec(line) ?? [];
    if (words !== undefined && path !== undefined) overrides.set(path, words);
  }
  return { alternatives: await layers.texts(`${DPKG}/alternatives`), links, diversions, overrides };
}

/** Path in the root → content, one byte a character; but for the links. */
export function helperFiles({ alternatives, diversions, overrides }: Helpers): Map<string, string> {
  const diverted = [...diversions].map(([path, { to, by }]) => `${path}\n${to}\n${by}\n`);
  const overridden = [...overrides].map(([path, words]) => `${words} ${path}\n`);
  return new Map([
    [`${DPKG}/diversions`, diverted.join("")],
    [`${DPKG}/statoverride`, overridden.join("")],
    ...[...alternatives].map(([name, text]): [string, string] => [`${DPKG}/alternatives/${name}`, text]),
  ]);
}
