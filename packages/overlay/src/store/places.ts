/**
 * Where overlays are. Below OVERLAY_DIR each has a folder of its name, and bases have theirs below `.bases`, by the digest of their tree:
 *
 *     NAME/record.json  lock             what it is, and who has it open
 *     NAME/upper  NAME/work  NAME/point  what was changed; overlayfs' own; where it is mounted, in a namespace
 *     NAME/session                       what a shell gets of the build: sources, keys, lists, links to tools
 *     NAME/update                        what is to be done to it since its base has moved
 *     NAME/reserve                       room on the disk for the next opening
 *     NAME/packages                      packages of recipes, with an index
 *     .bases/DIGEST/base.json  tree      a base's tree, never written
 */
import { join } from "node:path";
import { BuildError } from "@tsbake/base";
import { badName } from "../problems.js";

export interface OverlayPlaces {
  readonly folder: string;
  readonly record: string;
  readonly lock: string;
  readonly upper: string;
  readonly work: string;
  readonly point: string;
  readonly session: string;
  readonly packages: string;
  readonly update: string;
  readonly reserve: string;
}

/** What is in the way of neither a path, mount options nor a line of a table. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
export const BASES = ".bases";

/** @throws BuildError `overlay/bad-name` */
export function overlayPlaces(overlays: string, name: string): OverlayPlaces {
  if (!NAME.test(name)) throw new BuildError([badName(name)]);
  const folder = join(overlays, name);
  return {
    folder,
    record: join(folder, "record.json"),
    lock: join(folder, "lock"),
    upper: join(folder, "upper"),
    work: join(folder, "work"),
    point: join(folder, "point"),
    session: join(folder, "session"),
    packages: join(folder, "packages"),
    update: join(folder, "update"),
    reserve: join(folder, "reserve"),
  };
}

/** Of the base with this digest: its folder. */
export function baseFolder(overlays: string, digest: string): string {
  return join(overlays, BASES, digest.slice(0, 32));
}

/** The same, as seen from the folder of an overlay: names that need no quoting in mount options. */
export function treeFromOverlay(digest: string): string {
  return join("..", BASES, digest.slice(0, 32), "tree");
}
