/** What apt says would be installed, as a closure: every package with its SHA-256; or why nothing would. */
import { basename } from "node:path";
import { batches, BuildError, demandSuccess, nearest, sortedUnique, type Diagnostic } from "@tsbake/base";
import { byNameAndArchitecture } from "../database/database.js";
import { parseRelations, parseStanzas, writeStanza, type Stanza } from "../deb/stanza.js";
import { unmetRelations } from "../deb/unmet.js";
import { notInFeed, otherContent, unsolvable } from "../problems.js";
import { aptMessages, type Apt } from "./apt.js";
import type { Closure, ClosurePackage } from "./closure.js";

/** Packages that are asked for, and what comes with them. */
export interface ClosureRequest {
  /** Package names, `name=version` or `name/release`. */
  readonly roots: readonly string[];
  /** Who asks, for the error message: recipe and variable. */
  readonly askedBy?: string;
  /** Default false. */
  readonly recommends?: boolean;
  /** Adds every `Essential: yes` package: what a root needs, and a sysroot does not. Default false. */
  readonly essential?: boolean;
  /** Beside the roots, of each the first that the archive has; none is no mistake. */
  readonly wanted?: readonly (readonly string[])[];
}

/** `usr-is-merged` stands in for `usrmerge`, which would bring all of perl into a root that is merged from the start. */
const ESSENTIAL = ["?essential", "?exact-name(usr-is-merged)"];
const ROOT = /^[a-z0-9][a-z0-9+.-]*(?:[=/][A-Za-z0-9.+~:_-]+)?$/;

/**
 * What apt would install. Two steps: `apt-get --print-uris` says what (it knows MD5 only); `apt-cache show` of all that gives the
 * index stanzas with their SHA-256. The lists were checked against the archive's signature when they came in.
 *
 * @throws BuildError `packaging/not-in-feed`, `packaging/unsolvable`, `packaging/other-content`
 */
export async function solveClosure(apt: Apt, request: ClosureRequest): Promise<Closure> {
  const roots = sortedUnique(request.roots);
  const wrong = roots.filter((root) => !ROOT.test(root));
  if (wrong.length > 0) throw new BuildError(wrong.map((name) => notInFeed(name, [], request.askedBy)));
  const besides = await firstThere(apt, request.wanted ?? []);
  const asked = [...(request.essential ? ESSENTIAL : []), ...roots, ...besides];
  if (asked.length === 0) return { roots, packages: [] };
  const recommends = request.recommends ? "--install-recommends" : "--no-install-recommends";
  // With -qq apt would keep to itself why packages do not go together.
  const solved = await apt.run("apt-get", ["install", "-q", "--print-uris", recommends, "--", ...asked]);
  const messages = aptMessages(solved, "E");
  // apt itself always says why.
  if (messages.length === 0) demandSuccess("apt-get", solved);
  if (solved.code !== 0) throw new BuildError(await explain(apt, messages, solved.stdout, request));
  const uris = parseUris(solved.stdout);
  const packages = await describeAll(apt, uris);
  const provided = new Set(packages.flatMap((one) => [one.name, ...providedBy(one.stanza)]));
  const missing = roots.filter((root) => !provided.has(root.replace(/[=/].*$/, "")));
  if (missing.length > 0) throw new BuildError(await unknownNames(apt, missing, request.askedBy));
  return { roots, packages: packages.sort(byNameAndArchitecture) };
}

/** Of each the first that the archive has. */
async function firstThere(apt: Apt, wanted: readonly (readonly string[])[]): Promise<string[]> {
  if (wanted.length === 0) return [];
  const names = new Set((await apt.run("apt-cache", ["pkgnames"])).stdout.split("\n"));
  return sortedUnique(
    wanted.flatMap((group) => group.find((name) => ROOT.test(name) && names.has(name)) ?? []),
  );
}

async function describeAll(apt: Apt, uris: readonly PrintedUri[]): Promise<ClosurePackage[]> {
  const stanzas = new Map<string, Stanza[]>();
  const wordOf = (one: PrintedUri) => `${one.name}:${one.architecture}=${one.version}`;
  for (const some of batches(uris, (one) => [wordOf(one)])) {
    const shown = await apt.run("apt-cache", ["show", "--", ...some.map(wordOf)]);
    demandSuccess("apt-cache", shown);
    for (const stanza of parseStanzas(shown.stdout).stanzas) {
      const key = `${stanza.get("Package")} ${stanza.get("Version")}`;
      const same = stanzas.get(key);
      if (same) same.push(stanza);
      else stanzas.set(key, [stanza]);
    }
  }
  const found: ClosurePackage[] = [];
  const lost: PrintedUri[] = [];
  for (const uri of uris) {
    const stanza = stanzaOf(uri, stanzas.get(`${uri.name} ${uri.version}`) ?? []);
    if (!stanza) {
      lost.push(uri);
      continue;
    }
    found.push({
      name: uri.name,
      version: uri.version,
      architecture: stanza.get("Architecture") ?? uri.architecture,
      sha256: stanza.get("SHA256") ?? "",
      sizeBytes: Number(stanza.get("Size")),
      stanza: writeStanza(stanza),
      file: basename(stanza.get("Filename") ?? ""),
      uri: uri.uri,
    });
  }
  if (lost.length > 0) {
    throw new BuildError([
      unsolvable(
        [],
        lost.map((one) => `the index has no SHA-256 for ${one.name} ${one.version}`),
      ),
    ]);
  }
  return found;
}

async function explain(
  apt: Apt,
  errors: readonly string[],
  said: string,
  request: ClosureRequest,
): Promise<Diagnostic[]> {
  const unknown = errors.flatMap((line) => {
    const match =
      /Unable to locate package (\S+)|Package '([^']+)' has no|for '([^']+)' was not found|regex '([^']+)'/.exec(
        line,
      );
    const name = match?.slice(1).find((group) => group !== undefined);
    return name ? [name] : [];
  });
  if (unknown.length > 0) return unknownNames(apt, sortedUnique(unknown), request.askedBy);
  return [unsolvable(unmetRelations(said), errors, request.askedBy)];
}

async function unknownNames(
  apt: Apt,
  names: readonly string[],
  askedBy: string | undefined,
): Promise<Diagnostic[]> {
  // For "is … meant?" only.
  const all = (await apt.run("apt-cache", ["pkgnames"])).stdout.split("\n");
  return names.map((name) => notInFeed(name, nearest(name, all), askedBy));
}

interface PrintedUri {
  readonly uri: string;
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
}

/** `'URI' name_version_arch.deb SIZE HASH` lines; the epoch's colon is written %3a. */
function parseUris(text: string): PrintedUri[] {
  const uris: PrintedUri[] = [];
  for (const line of text.split("\n")) {
    const match = /^'([^']+)' ([^ _]+)_([^ _]+)_([^ _]+)\.deb \d+/.exec(line);
    if (!match) continue;
    const [, uri = "", name = "", version = "", architecture = ""] = match;
    uris.push({ uri, name, version: decodeURIComponent(version), architecture });
  }
  return uris;
}

/**
 * The stanza of what apt would fetch. Two sources can have one version; then the path tells, and where that is the same, too,
 * nobody knows which of two contents is meant. @throws BuildError `packaging/other-content`
 */
function stanzaOf(uri: PrintedUri, stanzas: readonly Stanza[]): Stanza | undefined {
  const path = decodeURIComponent(uri.uri);
  const usable = stanzas.filter((one) => {
    const isSame = [uri.architecture, "all"].includes(one.get("Architecture") ?? "");
    return isSame && one.get("Filename") && /^[0-9a-f]{64}$/.test(one.get("SHA256") ?? "");
  });
  const there = usable.filter((one) => path.endsWith(`/${one.get("Filename")}`));
  const candidates = there.length > 0 ? there : usable;
  const digests = sortedUnique(candidates.map((one) => one.get("SHA256") ?? ""));
  if (digests.length > 1) throw new BuildError([otherContent(uri.name, uri.version, digests)]);
  return candidates[0];
}

function providedBy(stanza: string): string[] {
  const provides = parseStanzas(stanza).stanzas[0]?.get("Provides");
  return parseRelations(provides).flatMap((group) => group.map(({ name }) => name));
}
