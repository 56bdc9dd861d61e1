/** Variables of the configuration that the engine reads itself, and what they may hold. */
import { statSync } from "node:fs";
import { access, constants } from "node:fs/promises";
import {
  BOOLEAN_WORDS,
  BuildError,
  type Diagnostic,
  type Span,
  codeOf,
  makeFolder,
  parseMirrors,
  reasonOf,
  toBoolean,
} from "@tsbake/base";
import type { ParsedProject } from "@tsbake/recipe";
import { malformedSetting, unwritableBuildFolder, unwritableTmpdir } from "../problems.js";

interface Rule {
  readonly holds: (value: string) => boolean;
  /** After "write". */
  readonly expected: string;
}

const folder: Rule = {
  // What is not there is made.
  holds: (path) => {
    try {
      return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? true;
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
      return false;
    }
  },
  expected:
    "the path of a folder; something else has that name or one above it, or this user may not go there",
};

const wholeNumber: Rule = {
  holds: (text) => /^[1-9]\d*$/.test(text),
  expected: "a number from 1",
};

/** By variable. */
const SETTINGS: Readonly<Record<string, Rule>> = {
  BB_NUMBER_THREADS: wholeNumber,
  DL_DIR: folder,
  SSTATE_DIR: folder,
  TSBAKE_HTTP_MAX_SIZE: {
    holds: (text) => /^\d{1,15}$/.test(text),
    expected: "bytes, or `0` for no limit",
  },
  TSBAKE_HTTP_MAX_TIME: {
    holds: (text) => /^\d{1,9}$/.test(text),
    expected: "seconds, or `0` for no limit",
  },
  TSBAKE_HTTP_MIN_RATE: {
    holds: (text) => /^\d{1,9}$/.test(text),
    expected: "bytes a second, or `0` for no limit",
  },
  BB_HASHSERVE: {
    holds: (text) =>
      text === "auto" || /^(unix:\/\/.|wss?:\/\/.|[^:/[\]]+:\d{1,5}$|\[[^\]]+\]:\d{1,5}$)/.test(text),
    expected: "`HOST:PORT`, `unix:///PATH`, `ws://HOST:PORT`, or `auto` for a file of this machine",
  },
  SSTATE_MIRROR_PUSH: {
    holds: (text) => /^https?:\/\/[^@]+$/.test(text) && URL.canParse(text),
    expected: "the URL of a shared-state server, such as `http://host:8685/sstate`, without a login",
  },
  SSTATE_MIRROR_PUSH_WAIT: {
    holds: (text) => /^\d{1,6}$/.test(text),
    expected: "seconds",
  },
  // A slip of the pen must not turn off what people rely on.
  SSTATE_VERIFY_SIG: {
    holds: (text) => toBoolean(text) !== undefined,
    expected: BOOLEAN_WORDS,
  },
  SSTATE_MIRRORS: {
    holds: (text) => parseMirrors(text).faults.length === 0,
    expected: 'pairs such as `file://.* https://host/folder/PATH`, separated by blanks or "\\n"',
  },
};

/** Where the configuration sets a variable. */
type PlaceOf = (variable: string) => Promise<Span | undefined>;

/**
 * Before any task finds out on its own that it cannot work.
 *
 * @throws BuildError `engine/malformed-setting`, `engine/unwritable-build-folder`, `engine/unwritable-tmpdir`
 */
export async function checkSettings(
  topdir: string,
  project: Pick<ParsedProject, "configurationText" | "multiconfigs">,
  placeOf: PlaceOf,
): Promise<void> {
  const problems: Diagnostic[] = [];
  for (const [variable, rule] of Object.entries(SETTINGS)) {
    const value = project.configurationText(variable)?.trim() ?? "";
    if (value === "" || rule.holds(value)) continue;
    problems.push(malformedSetting(variable, value, rule.expected, await placeOf(variable)));
  }
  if (problems.length > 0) throw new BuildError(problems);
  const temporary = project.multiconfigs.map((name) => project.configurationText("TMPDIR", name) ?? topdir);
  for (const folder of new Set([topdir, ...temporary])) {
    try {
      await makeFolder(folder);
      await access(folder, constants.W_OK);
    } catch (error) {
      const reason = reasonOf(error);
      if (`${folder}/`.startsWith(`${topdir}/`))
        throw new BuildError([unwritableBuildFolder(folder, reason)], { cause: error });
      throw new BuildError([unwritableTmpdir(folder, reason, await placeOf("TMPDIR"))], { cause: error });
    }
  }
}
