/** PREMIRRORS and MIRRORS: the places of a source, in the order in which they are asked. */
import { applyMirror, BuildError, parseMirrors, type MirrorRule } from "@tsbake/base";
import type { FetchOptions } from "./options.js";
import { badMirrors } from "./problems.js";

/** A place; `isUpstream` for the one that the recipe names. */
export interface Place {
  readonly url: string;
  readonly isUpstream: boolean;
}

/** @param basename of the file on a mirror @throws BuildError `fetch/bad-mirrors` */
export function placesOf(url: string, basename: string, options: FetchOptions): Place[] {
  const before = mirrored(url, rulesOf("PREMIRRORS", options.premirrors), basename);
  const after = mirrored(url, rulesOf("MIRRORS", options.mirrors), basename);
  return [...before, { url, isUpstream: true }, ...after];
}

function rulesOf(variable: string, text: string | undefined): MirrorRule[] {
  const { rules, faults } = parseMirrors(text ?? "");
  if (faults.length > 0) throw new BuildError(faults.map((fault) => badMirrors(variable, fault)));
  return rules;
}

function mirrored(url: string, rules: readonly MirrorRule[], basename: string): Place[] {
  return rules
    .map((rule) => applyMirror(url, rule, basename))
    .filter((place) => place !== undefined)
    .map((place) => ({ url: place, isUpstream: false }));
}
