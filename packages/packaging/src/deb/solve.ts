/**
 * Asks apt what has to be installed, from exactly the packages that are handed in: their stanzas are apt's whole world,
 * so that an answer takes hundredths of a second and depends on nothing else.
 */
import { copyFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BuildError, byText, demandSuccess, nearest, scratchFolder } from "@tsbake/base";
import { aptMessages, openApt } from "../feed/apt.js";
import type { LayerRequest, Planned, PackageSource, Solution, SolveRequest } from "../database/backend.js";
import type { Change } from "../database/change.js";
import { whyChain } from "../feed/chain.js";
import { DPKG_FOLDER } from "./database.js";
import { baseChanged, notInFeed, otherContent, unsolvable } from "../problems.js";
import { unmetRelations } from "./unmet.js";
import { compareDebVersions } from "./version.js";

/** @throws BuildError `packaging/not-in-feed`, `packaging/unsolvable`, `packaging/base-changed`, `packaging/other-content` */
export async function solveDeb(
  request: SolveRequest & { readonly allowChanged?: readonly string[] },
): Promise<Solution> {
  const planned = plannedIn(request.sources);
  const folder = await scratchFolder(join(tmpdir(), "tsbake-solve-"));
  try {
    // A copy: apt resolves links, and a database in memory is found through one.
    const status = request.installedIn && join(folder, "status");
    if (request.installedIn && status)
      await copyFile(join(request.installedIn, DPKG_FOLDER, "status"), status);
    const apt = await openApt(folder, {
      architecture: request.architecture,
      sources: "",
      ...(status ? { status } : {}),
    });
    const list = join(folder, "Packages");
    await writeFile(list, [...planned.values()].map(({ stanza }) => `${stanza}\n`).join(""));
    const names = request.install.map((name) => (name.startsWith("-") ? `${name.slice(1)}-` : name));
    const asked = request.essential ? ["?essential", ...names] : names;
    if (asked.length === 0) return { packages: [], changes: [] };
    const recommends = request.recommends ? "--install-recommends" : "--no-install-recommends";
    // Simulated, apt would still ask about what it never does for real.
    const flags = [
      "--with-source",
      list,
      "--allow-downgrades",
      "--allow-remove-essential",
      "--allow-change-held-packages",
    ];
    // With -qq apt would keep to itself why packages do not go together.
    const said = await apt.run("apt-get", ["install", "-s", "-q", recommends, ...flags, "--", ...asked]);
    const messages = aptMessages(said, "E");
    // apt itself always says why.
    if (messages.length === 0) demandSuccess("apt-get", said);
    if (said.code !== 0) throw new BuildError(explain(messages, said.stdout, planned));
    return conclude(parseSimulation(said.stdout), planned, request);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What to install on a base, with every package file there. @throws as {@link solveDeb} and the request's `fetch` do */
export async function solutionOf(request: LayerRequest): Promise<Solution> {
  if (request.solution) return request.solution;
  const solution = await solveDeb({ ...request, installedIn: request.seenRoot });
  return { ...solution, packages: (await request.fetch?.(solution.packages)) ?? solution.packages };
}

/** Packages by `name version architecture`. @throws BuildError `packaging/other-content` when two are not the same */
export function plannedIn(sources: readonly PackageSource[]): Map<string, Planned> {
  const planned = new Map<string, Planned>();
  for (const { folder, packages } of sources) {
    for (const one of packages) {
      const key = keyOf(one.name, one.version, one.architecture);
      const other = planned.get(key);
      if (!other) planned.set(key, { ...one, path: join(folder, one.file) });
      else if (other.sha256 !== one.sha256) {
        throw new BuildError([otherContent(one.name, one.version, [other.sha256, one.sha256])]);
      }
    }
  }
  return planned;
}

function keyOf(name: string, version: string, architecture: string): string {
  return `${name} ${version} ${architecture}`;
}

/** One line of `apt-get -s`. */
export interface SimulatedStep {
  readonly action: "Inst" | "Remv";
  readonly name: string;
  readonly from?: string;
  readonly to?: string;
  readonly architecture?: string;
}

/** `Inst NAME [OLD] (NEW source [ARCH])` and `Remv NAME [OLD]`; `Conf` lines say nothing new. */
export function parseSimulation(text: string): SimulatedStep[] {
  const steps: SimulatedStep[] = [];
  for (const line of text.split("\n")) {
    const match = /^(Inst|Remv|Purg) ([^\s:]+)(?::\S+)?(?: \[([^\]]+)\])?(?: \((\S+) .*\[([^\]]+)\]\))?/.exec(
      line,
    );
    if (!match) continue;
    const [, action, name = "", from, to, architecture] = match;
    steps.push({
      action: action === "Inst" ? "Inst" : "Remv",
      name,
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
      ...(architecture === undefined ? {} : { architecture }),
    });
  }
  return steps;
}

function conclude(
  steps: readonly SimulatedStep[],
  planned: ReadonlyMap<string, Planned>,
  request: SolveRequest & { readonly allowChanged?: readonly string[] },
): Solution {
  const packages: Planned[] = [];
  const bare: Change[] = [];
  for (const { action, name, from, to = "", architecture = "" } of steps) {
    if (action === "Remv") {
      bare.push({ kind: "removed", name, architecture, ...(from === undefined ? {} : { from }), chain: [] });
      continue;
    }
    const one = planned.get(keyOf(name, to, architecture));
    if (!one) throw new Error(`internal: apt chose ${name} ${to} ${architecture}, which nobody offered`);
    packages.push(one);
    bare.push({
      kind: changeKind(from, to),
      name,
      architecture,
      to,
      ...(from === undefined ? {} : { from }),
      chain: [],
    });
  }
  return allowed(packages, bare, request);
}

/**
 * A solution whose changes say who asks for them.
 *
 * @throws BuildError `packaging/base-changed` for a change of what is installed that the request does not let through
 */
export function allowed(
  packages: readonly Planned[],
  bare: readonly Change[],
  request: SolveRequest & { readonly allowChanged?: readonly string[] },
): Solution {
  const changes = bare
    .map((change) => ({ ...change, chain: whyChain(change, packages, request.install) }))
    .sort((left, right) => byText(left.name, right.name));
  const refused = changes.filter(
    ({ kind, name }) => kind !== "added" && !request.allowChanged?.includes(name),
  );
  if (refused.length > 0) throw new BuildError(refused.map(baseChanged));
  return { packages, changes };
}

/** What becomes of a package that is there in version `from`. */
export function changeKind(from: string | undefined, to: string): Change["kind"] {
  if (from === undefined) return "added";
  const order = compareDebVersions(from, to);
  return order < 0 ? "upgraded" : order > 0 ? "downgraded" : "reinstalled";
}

function explain(errors: readonly string[], said: string, planned: ReadonlyMap<string, Planned>) {
  const names = [...planned.values()].map(({ name }) => name);
  const unknown = errors.flatMap((line) => {
    const match =
      /Unable to locate package (\S+)|Package '([^']+)' has no|for '([^']+)' was not found|regex '([^']+)'/.exec(
        line,
      );
    const name = match?.slice(1).find((group) => group !== undefined);
    return name ? [notInFeed(name, nearest(name, names))] : [];
  });
  if (unknown.length > 0) return unknown;
  return [unsolvable(unmetRelations(said), errors)];
}
