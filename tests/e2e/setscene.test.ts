/** Metadata with setscene tasks of its own, on a layer made for it: what ran is what the tasks wrote down. */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { byText } from "@tsbake/base";
import { root } from "../support/paths.js";
import { Rig } from "../support/rig.js";

const LAYER = join(root, "tests/fixtures/layers/scene");

interface Step {
  readonly args: string;
  /** What the metadata's function finds. */
  readonly found?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Without a name in front: of the recipe before it. */
  readonly ran: string;
  /** Said by a command that fails. */
  readonly says?: string;
}

const cases: readonly (readonly [name: string, ...steps: Step[]])[] = [
  [
    "nothing found, then nothing to do",
    { args: "lib", ran: "lib:build compile fetch index pack stage" },
    { args: "lib", ran: "" },
  ],
  [
    "the index makes the packages superfluous",
    { args: "lib", found: "lib:index lib:stage lib:pack", ran: "lib:build index_setscene stage_setscene" },
  ],
  [
    "packages are taken for the index that is missing",
    { args: "lib", found: "lib:stage lib:pack", ran: "lib:build index pack_setscene stage_setscene" },
  ],
  [
    "what an app needs of its library",
    {
      args: "app",
      found: "lib:stage",
      ran: "app:build compile fetch index pack stage lib:stage_setscene",
    },
  ],
  [
    "a setscene task that fails",
    {
      args: "broken",
      found: "broken:stage broken:index",
      ran: "broken:build compile fetch index_setscene stage stage_setscene",
    },
  ],
  [
    "a hard dependency is restored although nothing else needs it",
    {
      args: "strict",
      found: "lib:stage strict:index strict:stage",
      ran: "lib:stage_setscene strict:build index_setscene stage_setscene",
    },
  ],
  [
    "a hard dependency that this build does not have",
    { args: "outside", ran: "", says: "engine/hard-need-outside" },
  ],
  [
    "-f and then the rest",
    { args: "lib", ran: "lib:build compile fetch index pack stage" },
    { args: "lib -c compile -f", ran: "lib:compile" },
    { args: "lib", ran: "lib:build index pack stage" },
  ],
  [
    "enforced: what may run is not executed",
    {
      args: "lib",
      found: "lib:index lib:stage",
      environment: { BB_SETSCENE_ENFORCE: "1", BB_SETSCENE_ENFORCE_IGNORE_TASKS: "%:do_build" },
      ran: "lib:index_setscene stage_setscene",
    },
  ],
  [
    "enforced: what must not run",
    {
      args: "lib",
      found: "lib:stage",
      environment: { BB_SETSCENE_ENFORCE: "1", BB_SETSCENE_ENFORCE_IGNORE_TASKS: "lib:do_b*" },
      ran: "lib:stage_setscene",
      says: "run/must-not-run",
    },
  ],
];

function spelled(text: string): string[] {
  let recipe = "";
  return text
    .split(" ")
    .filter(Boolean)
    .map((word) => {
      if (word.includes(":")) recipe = word.slice(0, word.indexOf(":") + 1);
      return word.includes(":") ? word : recipe + word;
    })
    .toSorted(byText);
}

test.each(cases)("%s", async (_name, ...steps) => {
  using rig = new Rig({});
  for (const { args, found = "", environment = {}, ran, says } of steps) {
    const variables = { ...environment, WORDS: found, ROOT: LAYER };
    const result = await rig.tsbake(args.split(" "), {
      environment: {
        ...variables,
        BBPATH: LAYER,
        BB_ENV_PASSTHROUGH_ADDITIONS: Object.keys(variables).join(" "),
      },
    });
    const output = result.stdout + result.stderr;
    let log = "";
    try {
      log = readFileSync(rig.path("ran"), "utf8");
    } catch {
      // Nothing ran.
    }
    rmSync(rig.path("ran"), { force: true });
    expect({ output, ran: log.split("\n").filter(Boolean).sort(byText) }).toEqual({
      output: expect.stringContaining(says ?? ""),
      ran: spelled(ran),
    });
    expect([output, result.code]).toEqual([output, says === undefined ? 0 : 1]);
  }
});
