/** The text of --help. */
import { optionTable } from "./arguments.js";

export function helpText(): string {
  const rows = optionTable.map(({ short, long, value, help }) => {
    const letter = short === undefined ? "    " : `-${short}, `;
    return [`  ${letter}--${long}${value === undefined ? "" : ` ${value}`}`, help] as const;
  });
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return [
    "usage: tsbake [options] [target …]",
    "       tsbake feed update",
    "",
    "Builds targets: a recipe, `recipe:do_task`, a provided name such as virtual/libc, or world.",
    "Without a target: those of the project file. Options and targets may stand in any order.",
    "`feed update` fetches the archive's package lists; builds use the lists that are there.",
    "",
    ...rows.map(([left, help]) => `${left.padEnd(width)}${help}`),
    "",
    "Exit code: 0 all well, 1 something failed, 2 wrong command line, 130 killed by a second Ctrl-C.",
    "",
  ].join("\n");
}
