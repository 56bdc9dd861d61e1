/** Variables of the configuration that the engine reads itself, and what they may hold. */
import { statSync } from "node:fs";
import { parseMirrors } from "@tsbake/base";

interface Rule {
  readonly holds: (value: string) => boolean;
  /** After "write". */
  readonly expected: string;
}

const folder: Rule = {
  // What is not there is made.
  holds: (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? true,
  expected: "the path of a folder; something else has that name",
};

const wholeNumber: Rule = {
  holds: (text) => /^[1-9]\d*$/.test(text),
  expected: "a number from 1",
};

/** By variable. */
export const SETTINGS: Readonly<Record<string, Rule>> = {
  BB_NUMBER_THREADS: wholeNumber,
  DL_DIR: folder,
  SSTATE_DIR: folder,
  SSTATE_MIRRORS: {
    holds: (text) => parseMirrors(text).faults.length === 0,
    expected: 'pairs such as `file://.* https://host/folder/PATH`, separated by blanks or "\\n"',
  },
};
