/** Administrative files of update-alternatives(1), read, merged and written. */

export interface AlternativeChoice {
  readonly priority: string;
  /** In the order of the group's secondary links; "" where it has none. */
  readonly slaves: readonly string[];
}

export interface AlternativeGroup {
  readonly isManual: boolean;
  /** The generic link. */
  readonly link: string;
  /** Names of secondary links, and where they are. */
  readonly slaves: readonly (readonly [name: string, link: string])[];
  /** By path. */
  readonly choices: ReadonlyMap<string, AlternativeChoice>;
}

/** Reads what {@link writeGroup} writes; what is cut off is left out. */
export function parseGroup(text: string): AlternativeGroup {
  const lines = text.split("\n");
  const [mode = "", link = ""] = lines;
  let at = 2;
  const slaves: [string, string][] = [];
  while (at + 1 < lines.length && lines[at] !== "") {
    slaves.push([lines[at]!, lines[at + 1]!]);
    at += 2;
  }
  at += 1;
  const choices = new Map<string, AlternativeChoice>();
  while (at < lines.length && lines[at] !== "") {
    const paths = lines.slice(at + 2, at + 2 + slaves.length);
    choices.set(lines[at]!, { priority: lines[at + 1] ?? "0", slaves: paths });
    at += 2 + slaves.length;
  }
  return { isManual: mode === "manual", link, slaves, choices };
}

/** @see update-alternatives(1), "FILES": the administrative file of a group */
export function writeGroup({ isManual, link, slaves, choices }: AlternativeGroup): string {
  const lines = [isManual ? "manual" : "auto", link, ...slaves.flat(), ""];
  for (const [path, one] of choices) lines.push(path, one.priority, ...one.slaves);
  return `${[...lines, ""].join("\n")}\n`;
}

/**
 * @param old of the base of before; undefined: it had none
 * @param own as it is in the overlay
 * @param next of the base of now
 * @returns undefined where nothing is left to choose from
 */
export function mergeGroup(
  old: AlternativeGroup | undefined,
  own: AlternativeGroup | undefined,
  next: AlternativeGroup | undefined,
): AlternativeGroup | undefined {
  const names = new Map([...(own?.slaves ?? []), ...(next?.slaves ?? [])]);
  const slaves = [...names].sort(([left], [right]) => (left < right ? -1 : 1));
  const choices = new Map<string, AlternativeChoice>();
  const take = (from: AlternativeGroup, wanted: (path: string) => boolean): void => {
    for (const [path, { priority, slaves: paths }] of from.choices) {
      if (!wanted(path)) continue;
      const bySlave = new Map(from.slaves.map(([name], at) => [name, paths[at] ?? ""]));
      choices.set(path, { priority, slaves: slaves.map(([name]) => bySlave.get(name) ?? "") });
    }
  };
  // What the overlay took away stays away, what it added stays.
  if (next) take(next, (path) => !(old?.choices.has(path) === true && own?.choices.has(path) !== true));
  if (own) take(own, (path) => old?.choices.has(path) !== true && !choices.has(path));
  if (choices.size === 0) return undefined;
  const isOwnMode = own !== undefined && own.isManual !== (old?.isManual ?? false);
  return {
    isManual: isOwnMode ? own.isManual : (next ?? own)!.isManual,
    link: (next ?? own)!.link,
    slaves,
    choices: new Map([...choices].sort(([left], [right]) => (left < right ? -1 : 1))),
  };
}

/**
 * Links of /etc/alternatives for a group.
 *
 * @param current what the main link should lead to where that is a choice; else the best one
 */
export function linksOf(
  name: string,
  { slaves, choices }: AlternativeGroup,
  current: string | undefined,
): Map<string, string> {
  const best = [...choices].sort(([, left], [, right]) => Number(right.priority) - Number(left.priority))[0];
  const path = current !== undefined && choices.has(current) ? current : best?.[0];
  const links = new Map<string, string>();
  if (path === undefined) return links;
  links.set(name, path);
  const { slaves: paths } = choices.get(path)!;
  for (const [at, [slave]] of slaves.entries()) if (paths[at]) links.set(slave, paths[at]!);
  return links;
}
