/** Solves what an image asks for, on what is installed. */
import { BuildError, byText, nearest } from "@tsbake/base";
import type { InstallRequest, Planned, Solution, SolveRequest } from "../database/backend.js";
import type { Change } from "../database/change.js";
import type { InstalledPackage, PackageDatabase } from "../database/database.js";
import { parseRelations, type Relation } from "../deb/stanza.js";
import { allowed, changeKind, plannedIn } from "../deb/solve.js";
import { notInFeed, unsolvable } from "../problems.js";
import { whyUnsolvable } from "./explain.js";
import { isMetBy, searchPackages, type Wish } from "./search.js";
import { type Candidate, isMeant, optionsFor, type Universe, universeOf } from "./universe.js";

/**
 * @param readInstalled the database of a root, for `installedIn`
 * @throws BuildError `packaging/not-in-feed`, `packaging/unsolvable`, `packaging/base-changed`, `packaging/other-content`
 */
export async function solvePackages(
  request: SolveRequest & Pick<InstallRequest, "allowChanged">,
  readInstalled: (root: string, architecture?: string) => Promise<PackageDatabase>,
): Promise<Solution> {
  const offered = [...plannedIn(request.sources).values()];
  const installed =
    request.installedIn === undefined
      ? []
      : (await readInstalled(request.installedIn, request.architecture)).packages;
  const universe = universeOf(offered, installed);
  const { wishes, unwanted } = wishesOf(request, universe);
  const there = [...universe.byName.values()].flat().filter(({ isInstalled }) => isInstalled);
  for (const from of [newestOf(universe, wishes), universe]) {
    const found = searchPackages(from, there, wishes, unwanted);
    if (!("failure" in found)) {
      const whole = request.recommends ? withRecommends(from, there, wishes, unwanted, found) : found;
      return conclude(request, whole, installed);
    }
    if (from !== universe) continue;
    const lines = whyUnsolvable(universe, found.failure);
    if (found.isGivenUp) lines.push("the search was given up: it took too many steps");
    throw new BuildError([unsolvable(lines, [], undefined, "the solver")]);
  }
  throw new Error("internal: a solution was neither found nor refused");
}

/** As apt looks at a feed: of each name the newest version, or the one that was asked for, and what is installed. */
function newestOf(universe: Universe, wishes: readonly Wish[]): Universe {
  const asked = new Map(
    wishes.flatMap(({ group: [one] }) => (one?.constraint.startsWith("=") ? [[one.name, one] as const] : [])),
  );
  const taken = new Set<Candidate>();
  for (const [name, all] of universe.byName) {
    const relation = asked.get(name);
    const [newest] = relation ? all.filter((one) => isMeant(one, relation)) : all;
    for (const one of all) if (one === newest || one.isInstalled) taken.add(one);
  }
  const narrow = (lists: Universe["byName"]) =>
    new Map([...lists].map(([name, all]) => [name, all.filter((one) => taken.has(one))]));
  return { byName: narrow(universe.byName), providers: narrow(universe.providers) };
}

type Found = Extract<ReturnType<typeof searchPackages>, { readonly chosen: unknown }>;

/** Each that can be had beside what has to be there; one that cannot is left out. */
function withRecommends(
  universe: Universe,
  there: readonly Candidate[],
  wishes: readonly Wish[],
  unwanted: ReadonlySet<string>,
  first: Found,
): Found {
  let found = first;
  let all = [...wishes];
  const asked = new Set<string>();
  for (;;) {
    const groups = found.chosen.flatMap((one) => one.recommends);
    const present = [...found.chosen, ...there.filter((one) => !found.removed.includes(one))];
    const group = groups.find((one) => !asked.has(JSON.stringify(one)) && !isMetBy(one, present));
    if (group === undefined) return found;
    asked.add(JSON.stringify(group));
    const more = searchPackages(universe, there, [...all, { group }], unwanted);
    if ("failure" in more) continue;
    all = [...all, { group }];
    found = more;
  }
}

function wishesOf(
  { install, essential }: SolveRequest,
  universe: Universe,
): { readonly wishes: Wish[]; readonly unwanted: Set<string> } {
  const unwanted = new Set(install.filter((word) => word.startsWith("-")).map((word) => word.slice(1)));
  const groups = install.filter((word) => !word.startsWith("-")).map(relationOf);
  const names = [...universe.byName.keys(), ...universe.providers.keys()];
  const unknown = groups.filter((one) => optionsFor(universe, [one]).length === 0);
  if (unknown.length > 0)
    throw new BuildError(unknown.map(({ name }) => notInFeed(name, nearest(name, names))));
  const needed = essential
    ? [...universe.byName.values()].flatMap(([newest]) => (newest?.isEssential ? [newest.name] : []))
    : [];
  const wishes = [...groups, ...needed.map((name) => ({ name, constraint: "" }))].map((one) => ({
    group: [one],
  }));
  return { wishes, unwanted };
}

/** `name`, `name=version`; what apt reads behind `/` and `:` has been settled by the closure. */
function relationOf(word: string): Relation {
  const [, name = "", version] = /^([^=/:]+)(?:[/:][^=]*)?(?:=(.+))?$/.exec(word) ?? [];
  return (
    parseRelations(version === undefined ? name : `${name} (= ${version})`)[0]?.[0] ?? {
      name,
      constraint: "",
    }
  );
}

function conclude(
  request: SolveRequest & Pick<InstallRequest, "allowChanged">,
  { chosen, removed }: Found,
  installed: readonly InstalledPackage[],
): Solution {
  const before = new Map(installed.map((one) => [one.name, one]));
  const packages = inOrder(chosen);
  const bare = [
    ...chosen.map(({ name, version, architecture }): Change => {
      const from = before.get(name)?.version;
      const kind = changeKind(from, version);
      return { kind, name, architecture, to: version, ...(from === undefined ? {} : { from }), chain: [] };
    }),
    ...removed.map(({ name, version, architecture }): Change => ({
      kind: "removed",
      name,
      architecture,
      from: version,
      chain: [],
    })),
  ];
  return allowed(packages, bare, request);
}

/** Each after what it needs, as far as there is no circle; else by name. */
function inOrder(chosen: readonly Candidate[]): Planned[] {
  const seen = new Set<Candidate>();
  const ordered: Planned[] = [];
  const sorted = [...chosen].sort((left, right) => byText(left.name, right.name));
  const visit = (one: Candidate): void => {
    if (seen.has(one)) return;
    seen.add(one);
    for (const group of one.needs) for (const other of sorted) if (isMetBy(group, [other])) visit(other);
    if (one.planned) ordered.push(one.planned);
  };
  for (const one of sorted) visit(one);
  return ordered;
}
