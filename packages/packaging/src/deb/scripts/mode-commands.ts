/** chmod, chown, chgrp, install and dpkg-statoverride of a script: what they take from the modes of which paths. */
import type { SkippedScript } from "../../database/backend.js";
import { isRoot, isSymbolic, maskOf } from "./mode-mask.js";
import { globMatcher } from "./path-glob.js";
import type { StartedCommand } from "./script-reader.js";
import type { ShellCommand } from "./shell-words.js";
import { TEMPORARY, UNKNOWN, type Values } from "./values.js";

/** A mode that a script takes bits from. */
export interface ModeRule {
  readonly matches: (path: string) => boolean;
  /** Only these kinds; both when absent. */
  readonly only?: "file" | "directory";
  /** Bits that stay. */
  readonly mask: number;
  /** Set-user-id and set-group-id bits, made for another owner than the one that ships. */
  readonly dropsSetId: boolean;
  /** Of the script. A pattern with an unknown part counts for this package's paths only. */
  readonly package: string;
  readonly isOwnOnly: boolean;
  readonly script: string;
  /** The command, as written. */
  readonly text: string;
}

export interface UnreadMode {
  readonly package: string;
  readonly script: string;
  readonly text: string;
}

/** Collects what the commands of one script do to modes. */
export class ModeCommands {
  readonly rules: ModeRule[] = [];
  readonly unread: UnreadMode[] = [];
  readonly #script: SkippedScript;

  constructor(script: SkippedScript) {
    this.#script = script;
  }

  /** Commands that set no mode are passed over. */
  take({ name, args, command, only }: StartedCommand): void {
    const words = args.filter(([word = ""]) => !/^-[a-zA-Z-]+$/.test(word) || isSymbolic(word));
    const flags = args.flat().filter((word) => word.startsWith("-") && !isSymbolic(word));
    const below = flags.some((flag) => flag === "--recursive" || /^-[a-zA-Z]*R/.test(flag));
    if (name === "chmod") {
      const [modes = [], ...paths] = words;
      this.#add(paths.flat(), maskOf(modes), { below, only, command });
    } else if (name === "chown" || name === "chgrp") {
      const dropsSetId = !(words[0] ?? []).every(isRoot);
      this.#add(words.slice(1).flat(), 0o7777, { below, only, command, dropsSetId });
    } else if (name === "dpkg-statoverride" && flags.includes("--add")) {
      const [users = [], groups = [], modes = [], paths = []] = words;
      const dropsSetId = ![...users, ...groups].every(isRoot);
      this.#add(paths, maskOf(modes), { below: false, only, command, dropsSetId });
    } else if (name === "install") this.#install(args, command);
  }

  /** `install -m MODE … PATH`, `install -d -m MODE PATH…`. */
  #install(args: readonly Values[], command: ShellCommand): void {
    const paths: Values[] = [];
    let modes: Values | undefined;
    let isFolder = false;
    for (let at = 0; at < args.length; at++) {
      const word = args[at]?.[0] ?? "";
      if (/^--(?:mode|owner|group)=/.test(word)) {
        if (word.startsWith("--mode=")) modes = [word.slice(7)];
      } else if (
        /^-[a-zA-Z]*[mogS]$/.test(word) ||
        word === "--mode" ||
        word === "--owner" ||
        word === "--group"
      ) {
        at += 1;
        if (word.endsWith("m") || word === "--mode") modes = args[at];
        if (/^-[a-zA-Z]*d/.test(word)) isFolder = true;
      } else if (/^-m./.test(word)) modes = [word.slice(2)];
      else if (word.startsWith("-")) isFolder ||= /^-[a-zA-Z]*d|^--directory/.test(word);
      else paths.push(args[at] ?? []);
    }
    if (modes === undefined) return;
    const targets = isFolder ? paths.flat() : (paths.at(-1) ?? []);
    this.#add(targets, maskOf(modes), { below: false, only: isFolder ? "directory" : "file", command });
  }

  #add(
    paths: Values,
    mask: number | undefined,
    about: { below: boolean; only?: ModeRule["only"]; command: ShellCommand; dropsSetId?: boolean },
  ): void {
    const { below, only, command, dropsSetId = false } = about;
    const { package: owner, script } = this.#script;
    const { text } = command;
    if (mask === 0o7777 && !dropsSetId) return;
    for (const path of new Set(paths)) {
      if (path.includes(TEMPORARY)) continue;
      const isOwnOnly = path.includes(UNKNOWN);
      // Of a path that begins with something unknown nothing is known; of one with a known folder, the folder.
      const known = /^\/[^/\uE000]+\/[^/\uE000]/.test(path);
      if (!path.startsWith("/") && !isOwnOnly) continue;
      if (mask === undefined || (isOwnOnly && !known)) {
        if (mask !== 0o7777) this.unread.push({ package: owner, script, text });
        continue;
      }
      const matches = globMatcher(path.replaceAll(UNKNOWN, "**"), below);
      this.rules.push({
        matches,
        ...(only && { only }),
        mask,
        dropsSetId,
        package: owner,
        isOwnOnly,
        script,
        text,
      });
    }
  }
}
