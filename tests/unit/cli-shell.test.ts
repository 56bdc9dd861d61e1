/** The words of `tsbake shell` and its commands. */
import { expect, test } from "@jest/globals";
import { parseCommand } from "@tsbake/cli";

function shellOf(words: readonly string[]): object {
  const parsed = parseCommand(words);
  if (parsed.kind !== "request") throw new Error(JSON.stringify(parsed));
  return { action: parsed.request.action, ...parsed.request.shell };
}

const USUAL = { binds: [], isOffline: false, boots: false, updatesDatabase: true };

test.each([
  ["--on base", { action: "shell", on: "base", name: "base" }],
  ["--on mc:one:base", { action: "shell", on: "mc:one:base", name: "base" }],
  [
    "--on base --name try1 -- sh -c x",
    { action: "shell", on: "base", name: "try1", command: ["sh", "-c", "x"] },
  ],
  ["--on base -- list -q", { action: "shell", on: "base", name: "base", command: ["list", "-q"] }],
  ["--on base --offline", { action: "shell", on: "base", name: "base", isOffline: true }],
  ["--on base --no-database-update", { action: "shell", on: "base", name: "base", updatesDatabase: false }],
  [
    "--on base --bind /a --bind /b:/c:ro --bind /d/../e:/f",
    {
      action: "shell",
      on: "base",
      name: "base",
      binds: [
        { from: "/a", to: "/a", isReadOnly: false },
        { from: "/b", to: "/c", isReadOnly: true },
        { from: "/e", to: "/f", isReadOnly: false },
      ],
    },
  ],
  ["list", { action: "shell-list", on: "", name: "" }],
  ["rm try1", { action: "shell-rm", on: "", name: "try1" }],
  ["reset try1", { action: "shell-reset", on: "", name: "try1" }],
  ["diff try1", { action: "shell-diff", on: "", name: "try1" }],
  [
    "commit try1 --as tools --layer meta",
    { action: "shell-commit", on: "", name: "try1", as: "tools", layer: "meta" },
  ],
])("shell %s", (words, expected) => {
  expect(shellOf(["shell", ...words.split(" ")])).toEqual({ ...USUAL, ...expected });
});

test.each([
  ["", "needs other words"],
  ["--on base more", "more"],
  ["--on base --bind relative", "--bind cannot be `relative`"],
  ["--on base --bind /a:/", "--bind cannot be `/a:/`"],
  ["--on base --bind /a:/b:x", "--bind cannot be `/a:/b:x`"],
  ["--on base --ui json", "--ui json"],
  ["list more", "more"],
  ["rm", "needs other words"],
  ["rm one two", "two"],
  ["commit try1", "needs other words"],
  ["list --on base", "--on belongs to `tsbake shell`"],
])("shell %s is wrong", (words, expected) => {
  const parsed = parseCommand(["shell", ...words.split(" ").filter((word) => word !== "")]);
  if (parsed.kind !== "wrong") throw new Error(JSON.stringify(parsed));
  expect(parsed.diagnostic.message).toContain(expected);
});
