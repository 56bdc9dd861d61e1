/** Commands of words: `tsbake sstate …`, `tsbake completion …`. */
import { execFileSync } from "node:child_process";
import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import {
  ageText,
  completionScript,
  optionTable,
  parseAge,
  parseCommand,
  parseSize,
  sizeText,
} from "@tsbake/cli";
import { temporaryFolder } from "../support/temporary.js";

function request(line: string) {
  const command = parseCommand(line.split(" "));
  if (command.kind !== "request") throw new Error(`not a request: ${JSON.stringify(command)}`);
  return command.request;
}

describe("commands of words", () => {
  const day = 86_400_000;
  test.each([
    ["feed update", { action: "feed-update", targets: [] }],
    ["lock", { action: "lock", projectFiles: [], updates: false }],
    // Behind another command stand its own files.
    ["kas.yml diffsigs a.json b.yaml", { action: "diffsigs", projectFiles: ["kas.yml"] }],
    ["check a.json --against b.yml", { action: "check", projectFiles: [], targets: ["a.json"] }],
    ["lock kas.yml --update", { action: "lock", projectFiles: ["kas.yml"], updates: true }],
    ["sstate stats --ui json", { action: "sstate-stats", ui: "json" }],
    [
      "sstate verify --remove",
      { action: "sstate-verify", maintenance: { unreachableFrom: [], remove: true } },
    ],
    [
      "sstate prune --age 30d --size 1.5K -n",
      {
        dryRun: true,
        maintenance: { maxAgeMs: 30 * day, maxBytes: 1536, unreachableFrom: [], remove: false },
      },
    ],
    [
      "sstate prune --older-than 30d --max-size=1.5K --keep-for a",
      { maintenance: { maxAgeMs: 30 * day, maxBytes: 1536, unreachableFrom: ["a"], remove: false } },
    ],
    [
      "sstate prune --unreachable-from a b --unreachable-from c",
      { action: "sstate-prune", maintenance: { unreachableFrom: ["a", "c", "b"], remove: false } },
    ],
    [
      "check x --against a b --with y --json --against c",
      { action: "check", check: { extension: "x", others: ["y"], bases: ["a", "c", "b"], asJson: true } },
    ],
    ["check x", { action: "check", check: { extension: "x", others: [], bases: [], asJson: false } }],
    ["try x", { action: "try", trial: { extension: "x", others: [], boot: false } }],
    [
      "try --with y x --boot --with z -- ls -l --with -- q",
      {
        action: "try",
        trial: {
          extension: "x",
          others: ["y", "z"],
          boot: true,
          command: ["ls", "-l", "--with", "--", "q"],
        },
      },
    ],
    ["try x --", { action: "try", trial: { extension: "x", others: [], boot: false } }],
    ["x -- try", { action: "build", targets: ["x", "try"] }],
    ["try:do_build -- y", { action: "build", targets: ["try:do_build", "y"] }],
    ["why zlib1g --in tools", { action: "why", targets: ["zlib1g"], images: { in: "tools" } }],
    [
      "publish a b --to out --keep 3",
      { action: "publish", targets: ["a", "b"], images: { to: "out", keep: 3 } },
    ],
    ["why:do_build", { action: "build", targets: ["why:do_build"] }],
    ["explain", { action: "explain", targets: [] }],
    ["explain base/disk-full", { action: "explain", targets: ["base/disk-full"] }],
    ["explain:do_build", { action: "build", targets: ["explain:do_build"] }],
    ["sstate:do_build", { action: "build", targets: ["sstate:do_build"] }],
    ["x sstate stats", { action: "build", targets: ["x", "sstate", "stats"] }],
  ])("`%s`", (line, expected) => {
    expect(request(line)).toMatchObject(expected);
  });

  test.each([
    ["sstate", "cli/incomplete-command", /`tsbake sstate prune`/],
    ["sstate prun --age 3d", "cli/incomplete-command", /sstate:do_build/],
    ["feed", "cli/incomplete-command", /`tsbake feed update`/],
    ["sstate prune", "cli/nothing-to-prune", /--keep-for/],
    ["sstate prune x --age 3d", "cli/unexpected-word", /--help/],
    ["sstate stats x", "cli/unexpected-word", /--help/],
    ["why", "cli/wrong-query", /why PACKAGE --in IMAGE/],
    ["why zlib1g", "cli/wrong-query", /why PACKAGE --in IMAGE/],
    ["why a b --in tools", "cli/wrong-query", /why PACKAGE --in IMAGE/],
    ["publish a", "cli/wrong-query", /publish IMAGE --to DIR/],
    ["publish --to out", "cli/wrong-query", /publish IMAGE --to DIR/],
    ["publish a --to out --keep 0", "cli/wrong-value", /at least 1/],
    ["publish a --to out --keep 1e9", "cli/wrong-value", /at least 1/],
    ["x --in tools", "cli/misplaced-option", /leave it out/],
    ["explain a b", "cli/unexpected-word", /--help/],
    ["check", "cli/wrong-query", /--against BASE/],
    ["check a b", "cli/unexpected-word", /--help/],
    ["x --against y", "cli/misplaced-option", /leave it out/],
    ["try", "cli/wrong-query", /try EXTENSION -- COMMAND/],
    ["try -- ls", "cli/wrong-query", /try EXTENSION -- COMMAND/],
    ["try x ls", "cli/unexpected-word", /--help/],
    ["try x --ui json -- ls", "cli/conflicting-options", /leave one of them out/],
    ["why --with x", "cli/misplaced-option", /leave it out/],
    ["check x --boot", "cli/misplaced-option", /leave it out/],
    ["sstate prune --age 3", "cli/wrong-value", /30d/],
    ["sstate prune --size lots", "cli/wrong-value", /10G/],
    ["dumpsig -t hello compile", "cli/misplaced-option", /dumpsig RECIPE:TASK/],
    ["sstate stats --age 3d", "cli/misplaced-option", /leave it out/],
    ["x --remove", "cli/misplaced-option", /leave it out/],
    ["completion", "cli/wrong-value", /`bash`/],
    ["completion tcsh", "cli/wrong-value", /`fish`/],
  ])("`%s` is a mistake", (line, code, help) => {
    const command = parseCommand(line.split(" "));
    expect(command).toMatchObject({ kind: "wrong", diagnostic: { code } });
    expect(command.kind === "wrong" && command.diagnostic.help).toMatch(help);
  });
});

describe("quantities", () => {
  test.each([
    ["90m", 5_400_000],
    ["12h", 43_200_000],
    ["4w", 28 * 86_400_000],
    ["3", undefined],
    ["-3d", undefined],
    ["3y", undefined],
  ])("the age %s", (text, ms) => expect(parseAge(text)).toBe(ms));

  test.each([
    ["1024", 1024],
    ["10K", 10_240],
    ["1.5M", 1_572_864],
    ["2GiB", 2 ** 31],
    ["1T", 2 ** 40],
    ["M", undefined],
    ["1P", undefined],
  ])("the size %s", (text, bytes) => expect(parseSize(text)).toBe(bytes));

  test.each([
    [812, "812 B"],
    [4096, "4.0 KiB"],
    [38_797_312, "37 MiB"],
    [3 * 2 ** 40, "3.0 TiB"],
  ])("%i bytes are %s", (bytes, text) => expect(sizeText(bytes)).toBe(text));

  test.each([
    [90_000, "1 min"],
    [3 * 3_600_000, "3 h"],
    [93 * 86_400_000, "93 days"],
  ])("%i ms are %s", (ms, text) => expect(ageText(ms)).toBe(text));
});

describe("completion", () => {
  // A tsbake that answers what the script asks it for.
  const folder = temporaryFolder("completion");
  const program = join(folder, "tsbake");
  writeFileSync(
    program,
    '#!/bin/sh\ncase "$*" in\n"completion targets") printf "%s\\n" base-image busybox virtual/libc ;;\n"completion tasks") printf "%s\\n" do_clean do_compile ;;\n"explain") printf "%s\\n" base/disk-full run/tainted ;;\nesac\n',
  );
  chmodSync(program, 0o755);
  writeFileSync(join(folder, "local.conf"), "");
  writeFileSync(join(folder, "completion.bash"), completionScript("bash"));
  afterAll(() => rmSync(folder, { recursive: true }));

  /** What bash offers behind these words; a colon is a word of its own to it. */
  function offers(...words: readonly string[]): string[] {
    const quoted = words.map((word) => `'${word}'`).join(" ");
    const script = `. ./completion.bash; COMP_WORDS=('${program}' ${quoted}); COMP_CWORD=${words.length}; _tsbake; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync("bash", ["-c", script], { cwd: folder, encoding: "utf8" })
      .split("\n")
      .filter(Boolean);
  }

  test.each([
    [["b"], ["base-image", "busybox", "bundle"]],
    [["x", "virt"], ["virtual/libc"]],
    [["s"], ["sstate", "shell"]],
    [["x", "s"], []],
    [["-c", "do_cl"], ["do_clean"]],
    [
      ["x", ":"],
      ["do_clean", "do_compile"],
    ],
    [["x", ":", "do_co"], ["do_compile"]],
    [["--ui", "j"], ["json"]],
    [["sstate", "v"], ["verify"]],
    [["--keep-f"], ["--keep-for"]],
    [["-r", "loc"], ["local.conf"]],
    [["completion", "z"], ["zsh"]],
    [["explain", "run"], ["run/tainted"]],
  ])("bash offers behind %j: %j", (words, expected) => {
    expect(offers(...words)).toEqual(expected);
  });

  test.each(["bash", "zsh", "fish"] as const)("the script of %s knows every option", (shell) => {
    const text = completionScript(shell);
    const marks = { bash: "--", zsh: "--", fish: "-l " };
    for (const { long } of optionTable) expect(text).toContain(`${marks[shell]}${long}`);
  });
});
