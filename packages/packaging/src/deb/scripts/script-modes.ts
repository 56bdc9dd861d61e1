/**
 * Which modes maintainer scripts make narrower, and which links of update-alternatives they make, read from their text: what
 * is done where they do not run, so that nothing ships with a wider mode than it has after an ordinary installation, and
 * commands that are not there are named. Every branch of a script counts, since narrower than
 * usual is a fault that shows, and wider one that does not. What cannot be read is named.
 */
import type { SkippedScript } from "../../database/backend.js";
import { type AlternativeLink, alternativeLinks } from "./alternatives.js";
import { ModeCommands, type ModeRule, type UnreadMode } from "./mode-commands.js";
import { ScriptReader } from "./script-reader.js";
import { shellCommands } from "./shell-words.js";

export interface ScriptModes {
  readonly rules: readonly ModeRule[];
  readonly alternatives: readonly AlternativeLink[];
  /** Commands that make a mode narrower on paths that only running the script would tell. */
  readonly unread: readonly UnreadMode[];
}

/** Scripts that an installation runs and that may be what sets a mode; those of a removal are not read. */
const INSTALLING = new Set(["preinst", "postinst", "config"]);

/** Modes that these scripts would set, and commands with modes that could not be read. */
export function scriptModes(scripts: readonly SkippedScript[]): ScriptModes {
  const rules: ModeRule[] = [];
  const alternatives: AlternativeLink[] = [];
  const unread: UnreadMode[] = [];
  for (const script of scripts) {
    if (!INSTALLING.has(script.script) || !/chmod|chown|chgrp|statoverride|install/.test(script.text))
      continue;
    if (/^#!\s*\S*\/(?:env\s+)?(?:ba|da|k|z)?sh\b/.test(script.text) || !script.text.startsWith("#!")) {
      const modes = new ModeCommands(script);
      const reader = new ScriptReader((started) => {
        if (started.name === "update-alternatives")
          alternatives.push(...alternativeLinks(started.args, script.package));
        else modes.take(started);
      });
      reader.run(shellCommands(script.text));
      rules.push(...modes.rules);
      unread.push(...modes.unread);
    } else if (/\b(?:chmod|chown|statoverride)\b/.test(script.text)) {
      const [text = ""] = script.text.split("\n").filter((line) => /chmod|chown|statoverride/.test(line));
      unread.push({ package: script.package, script: script.script, text: text.trim() });
    }
  }
  return { rules, alternatives, unread };
}
