/**
 * Which entries of SRC_URI are patches that apply, in the order of SRC_URI, with what their parameters say.
 *
 * @see openembedded-core meta/lib/oe/patch.py, src_patches and should_apply
 */
import { statSync } from "node:fs";
import { basename, extname } from "node:path";
import { meetsVersion, type VersionOperator } from "@tsbake/base";
import { downloaded } from "../download/download.js";
import { findLocal } from "../source/local.js";
import type { FetchOptions } from "../settings/options.js";
import { downloadName, fail, flagOf, parseSourceUri, type SourceUri } from "../source/source-uri.js";

/** What conditions of patches are compared with. */
export interface PatchFacts {
  /** PV, for `minver` and `maxver`. */
  readonly version?: string;
  /** SRCREV, for `minrev`, `maxrev`, `rev` and `notrev`; without one they hold. */
  readonly revision?: string;
  /** SRCDATE, for `mindate` and `maxdate`. */
  readonly date?: string;
}

export interface Patch {
  readonly uri: string;
  readonly name: string;
  /** Compressed or not. */
  readonly file: string;
  readonly strip: number;
  /** As it is written: below S unless absolute. */
  readonly folder: string | undefined;
}

export interface Selection {
  readonly patches: readonly Patch[];
  /** Patches that a condition leaves out, and why. */
  readonly left: readonly { readonly name: string; readonly why: string }[];
}

const COMPRESSED = [".gz", ".bz2", ".xz", ".zst"];
/** More leading folders than a path can have. */
const MOST_STRIPPED = 1000;

/** @throws BuildError `fetch/bad-uri`, `fetch/missing-file`, `fetch/download-failed` */
export async function selectPatches(
  uris: readonly string[],
  options: FetchOptions,
  facts: PatchFacts,
): Promise<Selection> {
  const patches: Patch[] = [];
  const left: { name: string; why: string }[] = [];
  for (const uri of uris) {
    const source = parseSourceUri(uri);
    const found = await patchFile(source, options);
    if (!found) continue;
    const { pname, patchname, striplevel, pnum, patchdir } = source.parameters;
    const name = pname || patchname || found.name;
    const why = reasonAgainst(source, facts);
    if (why !== undefined) {
      left.push({ name, why });
      continue;
    }
    const level = striplevel ?? pnum ?? "1";
    if (!/^\d+$/.test(level) || Number(level) > MOST_STRIPPED) {
      fail(uri, `\`${striplevel === undefined ? "pnum" : "striplevel"}=${level}\` is no number of folders`);
    }
    patches.push({ uri, name, file: found.file, strip: Number(level), folder: patchdir || undefined });
  }
  return { patches, left };
}

/** The local file of an entry that is a patch: by its name, or because `apply` says so. */
async function patchFile(
  source: SourceUri,
  options: FetchOptions,
): Promise<{ readonly file: string; readonly name: string } | undefined> {
  if (!["file", "http", "https"].includes(source.type)) return undefined;
  const isAsked = "apply" in source.parameters;
  if (isAsked && !flagOf(source, "apply", true)) return undefined;
  const local = source.type === "file" ? findLocal(source, options.filespath) : undefined;
  // Under another name where two recipes have downloads of one name.
  const name = local === undefined ? downloadName(source) : basename(local);
  const extension = extname(name);
  const kind = COMPRESSED.includes(extension) ? extname(name.slice(0, -extension.length)) : extension;
  if (!isAsked && kind !== ".patch" && kind !== ".diff") return undefined;
  const file = local ?? (await downloaded(source, options));
  return statSync(file, { throwIfNoEntry: false })?.isDirectory() ? undefined : { file, name };
}

function reasonAgainst({ uri, parameters }: SourceUri, facts: PatchFacts): string | undefined {
  const { mindate, maxdate, minrev, maxrev, rev, notrev, minver, maxver } = parameters;
  if (mindate !== undefined || maxdate !== undefined) {
    const date = facts.date;
    if (date === undefined)
      return fail(uri, "`mindate` and `maxdate` compare with SRCDATE, which is not set");
    // A build of tomorrow would have other sources under the same signature.
    if (date === "now") return fail(uri, '`mindate` and `maxdate` need a date in SRCDATE, and "now" is none');
    if (maxdate !== undefined && maxdate < date) return `it is for sources up to ${maxdate}`;
    if (mindate !== undefined && mindate > date) return `it is for sources from ${mindate} on`;
  }
  const { revision } = facts;
  if (revision !== undefined) {
    if (minrev !== undefined && revision < minrev) return `it is for revisions from ${minrev} on`;
    if (maxrev !== undefined && revision > maxrev) return `it is for revisions up to ${maxrev}`;
    if (rev !== undefined && !revision.includes(rev)) return `it is for the revision ${rev}`;
    if (notrev !== undefined && revision.includes(notrev)) return `it is not for the revision ${notrev}`;
  }
  if (minver === undefined && maxver === undefined) return undefined;
  const { version } = facts;
  if (version === undefined) return fail(uri, "`minver` and `maxver` compare with PV, which is not set");
  const isOut = (operator: VersionOperator, limit: string | undefined): boolean =>
    limit !== undefined && meetsVersion(version, { operator, version: limit });
  if (isOut(">", maxver)) return `it is for versions up to ${maxver}`;
  if (isOut("<", minver)) return `it is for versions from ${minver} on`;
  return undefined;
}
