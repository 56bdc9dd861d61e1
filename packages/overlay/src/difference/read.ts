/** The difference of an overlay that is there, from its folders. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ifThere } from "@tsbake/base";
import type { Cage } from "@tsbake/sandbox";
import { readState } from "../database/stored/read.js";
import { fileDigests, entriesOf, looking, placing } from "../store/look.js";
import { openOwned } from "../store/owned.js";
import { baseFolder, overlayPlaces } from "../store/places.js";
import { readOverlayRecord } from "../store/record.js";
import { type Difference, differenceOf } from "./difference.js";
import { dpkgRuns, isDuring, RUNS_LOG } from "./dpkg-runs.js";

export interface DifferenceRequest {
  /** OVERLAY_DIR, absolute. */
  readonly overlays: string;
  readonly name: string;
  /** A PATH with rpm and rpmdb, for overlays of rpm packages. */
  readonly programs?: string | undefined;
}

/** @throws BuildError `overlay/no-overlay`, `overlay/bad-record`, `sandbox/…` */
export async function readDifference({ overlays, name, programs }: DifferenceRequest): Promise<Difference> {
  const record = await readOverlayRecord(overlays, name);
  const places = overlayPlaces(overlays, name);
  const stored = { format: record.packages, programs };
  const root = join(baseFolder(overlays, record.digest), "tree");
  await using cage = await openOwned([places.folder], [root]);
  const upper = await entriesOf(cage, places.upper);
  const base = await entriesOf(cage, root);
  const digests = await fileDigests(cage, record.packages, places.upper, upper, upper.keys());
  const changed = await changeTimes(cage, places.upper);
  const log = await ifThere(readFile(join(places.upper, RUNS_LOG), "latin1"));
  const runs = dpkgRuns(log ?? "");
  return differenceOf({
    base: await readState([root], stored),
    own: await readState([places.upper, root], stored),
    upper,
    baseTree: looking(base, await fileDigests(cage, record.packages, root, base, upper.keys())),
    upperTree: looking(upper, digests),
    digests,
    place: placing([upper, base]),
    isByScripts: (path) => isDuring(runs, changed.get(path) ?? 0),
  });
}

/** When each path was last changed, in seconds: the kernel's own word, which no program sets. */
async function changeTimes(cage: Cage, root: string): Promise<Map<string, number>> {
  const { stdout } = await cage.run("find", [root, "-mindepth", "1", "-printf", "/%P\\0%C@\\0"]);
  const fields = stdout.split("\0");
  const times = new Map<string, number>();
  for (let at = 0; at + 1 < fields.length; at += 2) times.set(fields[at]!, Number(fields[at + 1]));
  return times;
}
