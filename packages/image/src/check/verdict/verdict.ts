/** An extension against one base after another: on which it works as it is, and what is wrong on the others. */
import { basename, join } from "node:path";
import { BuildError, readTextIfThere, words } from "@tsbake/base";
import { list, readData } from "@tsbake/base/data";
import * as v from "valibot";
import { checkExtension } from "../check.js";
import type { Extension } from "../context.js";
import type { Finding } from "../finding.js";
import { NEEDS_FIELD } from "../../layer/extension-release.js";
import { kindOfTree } from "../../layer/extension-kind.js";
import { Reported } from "../../facts/reported.js";
import * as problems from "../../problems.js";
import { type OsRelease, parseOsRelease } from "../../snapshot/os-release.js";
import { type BaseSource, readBase } from "./base-source.js";
import { folderTree, openImage } from "./content.js";
import { refusals } from "./stamp.js";

/**
 * - `ok`: it is taken and works
 * - `rebuild`: it would work, and is refused for its stamp: building it on this base is enough
 * - `broken`: something of it will not work there
 */
export type Verdict = "ok" | "rebuild" | "broken";

export interface BaseVerdict {
  readonly base: string;
  readonly verdict: Verdict;
  /** Why systemd-sysext refuses it, one clause a reason. */
  readonly refusals: readonly string[];
  readonly findings: readonly Finding[];
}

/** An extension, with the stamp by which it is taken. */
export interface NamedExtension extends Extension {
  readonly stamp: OsRelease;
}

/** What of a deployed `NAME.json` is used here. */
const Manifest = v.object({ decisions: list(Reported) });

/**
 * @param scratch an empty folder of the caller's to unpack it in
 * @param beside of a deployed image: `NAME.json`, which tells what may hide files of the base and need not be there, and the
 *   confext image that comes with it
 * @throws BuildError `image/no-image`, `image/bad-os-release`, `image/bad-layer-facts`, and those of {@link openImage}
 */
export async function readExtension(
  path: string,
  scratch: string,
  { manifest, companion }: { readonly manifest?: string; readonly companion?: string } = {},
): Promise<NamedExtension> {
  const { folder, keepsOwners } = await openImage(path, join(scratch, "extension"));
  const confext = companion && (await openImage(companion, join(scratch, "companion")));
  const tree = await folderTree(folder);
  const { releases } = kindOfTree((one) => tree.index.get(one) !== undefined);
  const stamps = [...tree.below(releases)].filter(({ kind }) => kind === "file");
  const [stamp] = stamps;
  if (stamp === undefined || stamps.length > 1)
    throw new BuildError([
      problems.noImage(path, `it has ${stamps.length} files in ${releases}, and an extension has one`),
    ]);
  const name = basename(stamp.path).replace(/^extension-release\./, "");
  const known = manifest === undefined ? new Set<string>() : await knownIn(manifest);
  const release = parseOsRelease(tree.textOf(stamp), stamp.path);
  return {
    name,
    tree,
    ...(confext && { companion: await folderTree(confext.folder) }),
    stamp: release,
    needs: words(release.get(NEEDS_FIELD) ?? ""),
    mayHide: (one) => known.has(one),
    knowsOwners: keepsOwners,
  };
}

async function knownIn(manifest: string): Promise<ReadonlySet<string>> {
  const text = await readTextIfThere(manifest);
  if (text === undefined) return new Set();
  const { decisions } = readData(Manifest, text, (reason) => problems.badLayerFacts(manifest, reason));
  return new Set(decisions.flatMap(({ path, decision }) => (decision === "shadows-base" ? [path] : [])));
}

/** @param others extensions that are merged with it @throws BuildError of {@link readBase} */
export async function judgeOn(
  extension: NamedExtension,
  source: BaseSource,
  others: readonly Extension[] = [],
): Promise<BaseVerdict> {
  const base = await readBase(source);
  const findings = checkExtension(extension, base, others);
  const refused = refusals(extension.stamp, base.osRelease, base.inspected?.elf ?? []);
  const isBroken = findings.some(({ severity }) => severity === "error");
  const verdict = isBroken ? "broken" : refused.length > 0 ? "rebuild" : "ok";
  return { base: base.name, verdict, refusals: refused, findings };
}
