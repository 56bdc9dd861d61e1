/** What a shell is given, and what a package manager gets of the build in it. */
import type { BackendName } from "@tsbake/packaging";
import type { FeedInRootOptions } from "@tsbake/packaging/in-root";
import type { Bind } from "@tsbake/sandbox";
import type { OverlayPlaces } from "../../store/places.js";

export interface SessionRequest {
  readonly places: OverlayPlaces;
  /** The base's tree, and the format of its packages. */
  readonly tree: string;
  readonly format: BackendName;
  /** A folder with apt or rpm, for bases that have none; absolute. */
  readonly tools: string | undefined;
  readonly feed: FeedInRootOptions;
  /** Feeds with opkg's index: absolute folders, and addresses. */
  readonly indexedFeeds: readonly string[];
  /** Of the packages that recipes have built; absolute. */
  readonly recipePackages: string | undefined;
  readonly binds: readonly Bind[];
  /** Without network. */
  readonly isOffline: boolean;
}

export interface SessionParts {
  /** Path in the root → content. */
  readonly files: ReadonlyMap<string, string | Buffer>;
  /** Programs of the session: path in the root → text. */
  readonly programs: ReadonlyMap<string, string>;
  /** Path in the root → path of this machine. */
  readonly copies: ReadonlyMap<string, string>;
  /** Path in the root → target. */
  readonly links: ReadonlyMap<string, string>;
  readonly binds: readonly Bind[];
}

/** Where tools of the build are in a root that has none. */
export const TOOLS = "/run/tsbake/tools";
/** Where packages of recipes are in a root. */
export const PACKAGES = "/run/tsbake/packages";
