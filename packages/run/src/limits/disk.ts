/**
 * BB_DISKMON_DIRS: what happens when a file system fills up while tasks run.
 *
 * @see docs/language.md 17.5
 */
import { statfsSync } from "node:fs";
import { codeOf, makeFolderSync } from "@tsbake/base";

/** WARN says so, STOPTASKS starts no further task, HALT kills those that run. */
export type DiskAction = "WARN" | "STOPTASKS" | "HALT";

export interface DiskRule {
  readonly action: DiskAction;
  readonly folder: string;
  /** Least free space in bytes, and least number of free inodes. */
  readonly bytes?: number;
  readonly inodes?: number;
}

export interface DiskSettings {
  readonly rules: readonly DiskRule[];
  /** BB_DISKMON_WARNINTERVAL: a warning comes again when that much less is free, in bytes and in inodes. */
  readonly again: { readonly bytes: number; readonly inodes: number };
  /** BB_HEARTBEAT_EVENT: time between two looks, in ms. */
  readonly intervalMs: number;
}

/** What is free; undefined inodes: the file system makes them as needed. */
export interface Free {
  readonly bytes: number;
  readonly inodes: number | undefined;
}

/** A look at the disks of BB_DISKMON_DIRS; amounts in bytes: what others than root may write, what root may, all. */
export interface DisksSeen {
  readonly type: "disks";
  readonly disks: readonly {
    readonly folder: string;
    readonly available: number;
    readonly free: number;
    readonly size: number;
  }[];
}

/** A disk of BB_DISKMON_DIRS has less than it must have, and the build stops. */
export interface DiskFull {
  readonly type: "disk-full";
  readonly folder: string;
  readonly what: "bytes" | "inodes";
  readonly free: number;
}

/** A rule that is broken. */
export interface DiskShortage {
  readonly rule: DiskRule;
  readonly what: "bytes" | "inodes";
  readonly free: number;
  readonly least: number;
}

export class DiskMonitor {
  readonly #settings: DiskSettings;
  readonly #freeOf: (folder: string) => Free;
  readonly #onLost: (folder: string, error: unknown) => void;
  /** Folders that could not be asked: they are gone, or their disk is. */
  readonly #lost = new Set<string>();
  /** What was free when it was last told, by rule and kind. */
  readonly #told = new Map<string, number>();
  readonly #acted = new Set<string>();

  /**
   * @param onLost told of a folder that cannot be asked, once: it is not watched any more
   * @throws system errors of making the folders of the rules
   */
  constructor(
    settings: DiskSettings,
    onLost: (folder: string, error: unknown) => void,
    freeOf: (folder: string) => Free = freeIn,
  ) {
    this.#settings = settings;
    this.#onLost = onLost;
    this.#freeOf = freeOf;
    for (const { folder } of settings.rules) makeFolderSync(folder);
  }

  /** What is to be told and done now: a rule that stops tasks is told once, a warning again when it gets worse. */
  look(): DiskShortage[] {
    return this.#settings.rules.flatMap((rule, number) => {
      const free = this.#ask(rule.folder, this.#freeOf);
      if (free === undefined) return [];
      return (["bytes", "inodes"] as const).flatMap((what): DiskShortage[] => {
        const [have, least] = [free[what], rule[what]];
        if (have === undefined || least === undefined || have >= least) return [];
        return this.#isNews(`${number} ${what}`, rule, have, what) ? [{ rule, what, free: have, least }] : [];
      });
    });
  }

  /** Of each folder that is watched, in bytes. */
  usage(): { folder: string; available: number; free: number; size: number }[] {
    return [...new Set(this.#settings.rules.map(({ folder }) => folder))].flatMap((folder) => {
      const found = this.#ask(folder, (path) => statfsSync(path));
      if (found === undefined) return [];
      const { bavail, bfree, blocks, bsize } = found;
      return [{ folder, available: bavail * bsize, free: bfree * bsize, size: blocks * bsize }];
    });
  }

  #ask<T>(folder: string, question: (folder: string) => T): T | undefined {
    if (this.#lost.has(folder)) return undefined;
    try {
      return question(folder);
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
      this.#lost.add(folder);
      this.#onLost(folder, error);
      return undefined;
    }
  }

  #isNews(key: string, rule: DiskRule, free: number, what: "bytes" | "inodes"): boolean {
    if (rule.action !== "WARN") {
      const isFirst = !this.#acted.has(key);
      this.#acted.add(key);
      return isFirst;
    }
    const before = this.#told.get(key);
    if (before !== undefined && before - free <= this.#settings.again[what]) return false;
    this.#told.set(key, free);
    return true;
  }
}

function freeIn(folder: string): Free {
  const { bavail, bsize, files, ffree } = statfsSync(folder);
  // btrfs counts none, cephfs says -1.
  return { bytes: bavail * bsize, inodes: files === 0 || ffree < 0 ? undefined : ffree };
}
