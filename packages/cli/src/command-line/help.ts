/** The text of --help. */
import { isOf, optionTable } from "./arguments.js";
import type { OptionRow } from "./arguments.js";
import { commandTable } from "./commands.js";

export function helpText(): string {
  const general = optionTable.filter(({ of }) => of === undefined).map(optionCells);
  const width = Math.max(...general.map(([left]) => left.length)) + 2;
  // What is too long for the column gets a line of its own.
  const line = ([left, help]: readonly [string, string]) =>
    left.length <= width - 2 ? `${left.padEnd(width)}${help}` : `${left}\n${" ".repeat(width)}${help}`;
  const commands = commandTable.flatMap((row) => {
    const name = row.words.join(" ");
    const own = optionTable.filter((option) => isOf(option, name)).map((option) => line(optionCells(option)));
    return [line([`  ${name}${"operand" in row ? ` ${row.operand}` : ""}`, row.help]), ...own];
  });
  return [
    "usage: tsbake [options] [target …]",
    "       tsbake command [options]",
    "",
    "Builds targets: a recipe, `recipe:do_task`, a provided name such as virtual/libc, or world.",
    "Without a target: those of the project file. Options and targets may stand in any order.",
    "A word such as kas.yml, or a.yml:b.yml, names project files instead of tsbake.yaml.",
    "",
    ...general.map(line),
    "",
    "Commands:",
    ...commands,
    "",
    "Exit code: 0 all well, 1 failed, 2 wrong words, 125 not tried, 129 SIGHUP, 130 Ctrl-C, 143 SIGTERM.",
    "",
  ].join("\n");
}

function optionCells({ short, long, value, help }: OptionRow): [left: string, help: string] {
  const letter = short === undefined ? "    " : `-${short}, `;
  return [`  ${letter}--${long}${value === undefined ? "" : ` ${value}`}`, help];
}
