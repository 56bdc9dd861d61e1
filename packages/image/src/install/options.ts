/** What do_rootfs is asked for. */
import type { Backend } from "@tsbake/packaging";

export interface InstallOptions {
  /** The format of the packages. */
  readonly backend: Backend;
  /** Packages from recipes and from the archive. */
  readonly install: readonly string[];
  /** The engine's closure file; none when nothing comes from the archive. */
  readonly closure?: string | undefined;
  /** Where package files of the archive are kept. */
  readonly pool: string;
  /** Folders with package files of recipes. */
  readonly packageFolders: readonly string[];
  /** Which indexes of feeds of the format's own the task was signed with: the engine's file; none when there are no such feeds. */
  readonly indexes?: string | undefined;
  /** Debian's word. */
  readonly architecture: string;
  readonly distro: string;
  readonly epochSeconds: number;
  /** An empty folder to work in. */
  readonly work: string;
  /** Where the results go: {@link TREE_FILE} and the other names below. */
  readonly output: string;
  /** Paths where a private key is meant to be. */
  readonly mayHoldKey: (path: string) => boolean;
  readonly onProgress: (text: string) => void;
}

export interface BaseOptions extends InstallOptions {
  readonly features: readonly Feature[];
}

/** Words of IMAGE_FEATURES. sysext: extensions are merged at boot, and their accounts, files and units come with them. */
export const FEATURES = ["sysext"] as const;
export type Feature = (typeof FEATURES)[number];

export interface LayerOptions extends InstallOptions {
  /** Folder of the base's snapshot. */
  readonly base: string;
  /** Base packages that may change (opt-in). */
  readonly allowChanged: readonly string[];
  readonly scripts: ScriptPolicy;
  /** The tar of the base's tree, as its do_rootfs left it: what maintainer scripts run on. */
  readonly baseTree?: string | undefined;
  /** Keep the database of base and layer together beside the results. */
  readonly keepDatabase: boolean;
  /** The extension's name, where its snapshot is kept for extensions on it. */
  readonly snapshotName?: string | undefined;
}

/**
 * What becomes of maintainer scripts and triggers. merged: they run on the base's tree where there are some. refuse: they are an
 * error. skip: none runs, each is reported.
 */
export const SCRIPT_POLICIES = ["merged", "skip", "refuse"] as const;
export type ScriptPolicy = (typeof SCRIPT_POLICIES)[number];
