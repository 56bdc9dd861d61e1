/** `commit`: an overlay becomes recipes. */
import { join } from "node:path";
import { BuildError, readTextIfThere } from "@tsbake/base";
import { parseStanzas } from "@tsbake/packaging";
import type { Difference } from "../difference/difference.js";
import { type DifferenceRequest, readDifference } from "../difference/read.js";
import { badRecipeName, nothingToCommit } from "../problems.js";
import { lockOverlay } from "../store/lock.js";
import { openOwned } from "../store/owned.js";
import { type OverlayPlaces, overlayPlaces } from "../store/places.js";
import { readOverlayRecord } from "../store/record.js";
import { readingOwned, recipeFolder, writeRecipes } from "./layer.js";
import { type CommitPlan, isEmpty, planCommit } from "./plan.js";
import { recipeTexts } from "./recipe.js";

export interface CommitRequest extends DifferenceRequest {
  /** The recipe to write. */
  readonly as: string;
  /** Of the layer; absolute. */
  readonly layer: string;
  readonly holder: string;
}

export interface Committed {
  readonly plan: CommitPlan;
  readonly difference: Difference;
  /** Relative to the layer. */
  readonly files: readonly string[];
}

const RECIPE = /^[a-z0-9][a-z0-9+.-]*$/;

/** What was changed in an overlay, and what of it would be written. @throws BuildError `overlay/…`, `sandbox/…` */
export async function diffOverlay(
  request: DifferenceRequest,
): Promise<{ readonly base: string; readonly difference: Difference; readonly plan: CommitPlan }> {
  const { overlays, name } = request;
  const { base } = await readOverlayRecord(overlays, name);
  const difference = await readDifference(request);
  return { base, difference, plan: await planOf(overlayPlaces(overlays, name), difference) };
}

async function planOf({ packages }: OverlayPlaces, difference: Difference): Promise<CommitPlan> {
  const index = (await readTextIfThere(join(packages, "Packages"))) ?? "";
  const ofRecipes = new Set(parseStanzas(index).stanzas.map((one) => one.get("Package")));
  return planCommit(difference, (name) => ofRecipes.has(name));
}

/**
 * Writes the recipes. Nothing is written where something is in the way.
 *
 * @throws BuildError `overlay/bad-recipe-name`, `overlay/no-layer`, `overlay/nothing-to-commit`, `overlay/recipe-there`,
 *   `overlay/in-use`, `sandbox/…`
 */
export async function commitOverlay(request: CommitRequest): Promise<Committed> {
  const { overlays, name, as, layer } = request;
  if (!RECIPE.test(as)) throw new BuildError([badRecipeName(as)]);
  const { base, packages } = await readOverlayRecord(overlays, name);
  await recipeFolder(layer, as);
  const places = overlayPlaces(overlays, name);
  await using _lock = await lockOverlay(places, name, request.holder);
  const { difference, plan } = await diffOverlay(request);
  if (isEmpty(plan)) throw new BuildError([nothingToCommit(name, plan.left.length)]);
  await using cage = await openOwned([places.folder]);
  const texts = recipeTexts(plan, { name: as, base, shell: name, format: packages });
  const files = await writeRecipes(layer, as, texts, readingOwned(cage, places.upper));
  return { plan, difference, files };
}
