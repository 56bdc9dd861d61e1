/** PREMIRRORS and MIRRORS: the places of a source, in the order in which they are asked, and which may not be. */
import { BuildError, decodeUrl, mirrorsOf, parseMirrors, splitUrl, type MirrorRule } from "@tsbake/base";
import type { FetchOptions } from "../settings/options.js";
import { badMirrors, noNetwork, untrustedHost } from "../problems.js";

/** A place; `isUpstream` for the one that the recipe names. */
export interface MirrorPlace {
  readonly url: string;
  readonly isUpstream: boolean;
  /** Why it may not be asked. */
  readonly forbidden?: "no-network" | "untrusted-host";
}

export interface PlacesOptions {
  /** The entry's own URL, its parameters included: rules may ask for them. */
  readonly url: string;
  /** Names of archives of the source, the best first. */
  readonly tarballs?: readonly string[];
  /** false: what is here already is brought up to date at its own place first. */
  readonly premirrors?: boolean;
}

/** @throws BuildError `fetch/bad-mirrors` */
export function placesOf({ url, tarballs, premirrors }: PlacesOptions, options: FetchOptions): MirrorPlace[] {
  const isAllowed = (place: string): boolean => options.network === false || isAllowedHost(place, options);
  const more = { isAllowed, ...(tarballs && { tarballs }) };
  const before = mirrorsOf(url, rulesOf("PREMIRRORS", options.premirrors), more);
  const after = mirrorsOf(url, rulesOf("MIRRORS", options.mirrors), more);
  const first = premirrors === false ? [] : before;
  const isOffline = options.network === false;
  return [
    ...first.map((place) => judged(place, false, isOffline, options)),
    judged(url, true, isOffline || options.premirrorOnly === true, options),
    ...after.map((place) => judged(place, false, isOffline || options.premirrorOnly === true, options)),
  ];
}

function judged(url: string, isUpstream: boolean, isOffline: boolean, options: FetchOptions): MirrorPlace {
  if (isOffline && isRemote(url)) return { url, isUpstream, forbidden: "no-network" };
  if (!isAllowedHost(url, options)) return { url, isUpstream, forbidden: "untrusted-host" };
  return { url, isUpstream };
}

/** What became of the places that had nothing: the problem to report when none had it, if it is one of those. */
export function forbiddenProblem(
  uri: string,
  places: readonly MirrorPlace[],
  where: string,
  options: FetchOptions,
) {
  if (places.some(({ forbidden }) => forbidden === "no-network")) return noNetwork(uri, where);
  const isUntrusted = places.some(({ forbidden }) => forbidden === "untrusted-host");
  return isUntrusted ? untrustedHost(uri, options.allowedNetworks ?? []) : undefined;
}

function isRemote(url: string): boolean {
  const parts = splitUrl(url);
  if (!parts || parts.type === "file") return false;
  const protocol = parts.parameters["protocol"] ?? (parts.host === "" ? "file" : parts.type);
  return protocol !== "file";
}

function isAllowedHost(url: string, { allowedNetworks }: FetchOptions): boolean {
  const host = decodeUrl(url)?.host.replace(/:\d+$/, "") ?? "";
  if (!allowedNetworks || host === "") return true;
  return allowedNetworks.some(
    (one) => one === host || (one.startsWith("*.") && `.${host}`.endsWith(one.slice(1))),
  );
}

function rulesOf(variable: string, text: string | undefined): MirrorRule[] {
  const { rules, faults } = parseMirrors(text ?? "");
  if (faults.length > 0) throw new BuildError(faults.map((fault) => badMirrors(variable, fault)));
  return rules;
}
