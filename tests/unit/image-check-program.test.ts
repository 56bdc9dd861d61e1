/** `tsbake-image check`: findings of one extension as a file, as lines, as an exit code. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  type CheckReport,
  formatFileManifest,
  inspect,
  parseCheckReport,
  writeSnapshot,
} from "@tsbake/image";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../support/command.js";
import { link, program, treeOf, writeTar } from "../support/content-tree.js";
import { elfFile } from "../support/elf.js";
import { programOf } from "../support/paths.js";
import { temporaryFolder } from "../support/temporary.js";
import { NO_PACKAGES } from "../support/layer-facts.js";

const PROGRAM = programOf("image");
const work = temporaryFolder("image-check");
const at = (name: string): string => join(work, name);
afterAll(() => rmSync(work, { recursive: true, force: true }));

const BASE = treeOf({
  "/usr/bin/sh": program(""),
  "/usr/share/plain": "base",
  "/etc/passwd": "root:x:0:0::/:/x\n",
});

beforeAll(async () => {
  const identity = { backend: "deb", architecture: "amd64", count: 1, digest: "0".repeat(64) } as const;
  const files = formatFileManifest(BASE.entries());
  const rest = { distro: "debian", files, tmpfiles: [], osRelease: "ID=debian\nVERSION_ID=12\n" };
  await writeSnapshot(at("base"), identity, { ...rest, inspected: inspect(BASE) });
  await writeSnapshot(at("older"), identity, rest);
  const mine = treeOf({ "/usr/share/own": "theirs", "/etc/passwd": "root:x:0:0::/:/x\n" });
  const ofOther = { files: formatFileManifest(mine.entries()), osRelease: "ID=debian\nVERSION_ID=13\n" };
  await writeSnapshot(at("other"), identity, { ...rest, ...ofOther, inspected: inspect(mine) });
  const older = join(at("older"), "snapshot.json");
  writeFileSync(older, readFileSync(older, "utf8").replace('"format": 3', '"format": 2'));

  const tree = treeOf({
    "/usr/bin/gone": { ...link("nowhere"), package: "tools" },
    "/usr/share/plain": "both",
    "/usr/share/gone": link("nowhere"),
    "/usr/share/own": "ours",
    "/usr/bin/script": program("#!/usr/bin/sh\n"),
  });
  writeTar(tree, at("image.tar"));
  writeFileSync(at("files.jsonl"), formatFileManifest(tree.entries()));
  writeFileSync(at("packages.json"), JSON.stringify(NO_PACKAGES));
  const report = [{ path: "/usr/share/plain", decision: "shadows-base", because: "allowed" }];
  const release = { ID: "debian", VERSION_ID: "12" };
  const about = { name: "tools", base: "device", baseDigest: "", policy: "version", release, report };
  writeFileSync(at("extension.json"), JSON.stringify(about));
});

async function check(mode: string, ...more: string[]) {
  for (const name of ["check.json", "warnings.txt"]) rmSync(at(name), { force: true });
  const inputs = ["--tree", at("image.tar"), "--files", at("files.jsonl"), "--facts", at("packages.json")];
  const about = ["--extension", at("extension.json"), "--base", at("base"), "--work", at("work")];
  const outputs = ["--output", at("check.json"), "--warnings", at("warnings.txt")];
  const args = [PROGRAM, "check", "--mode", mode, ...inputs, ...about, ...outputs, ...more];
  return run(process.execPath, args);
}

function report(): CheckReport {
  return parseCheckReport(readFileSync(at("check.json"), "utf8"), (message) => {
    throw new Error(message);
  });
}
const warnings = (): string[] => readFileSync(at("warnings.txt"), "utf8").split("\n").filter(Boolean);

describe("do_check", () => {
  test("an error: exit code 1, the finding with its remedy; a warning is a line; both are in the file", async () => {
    const result = await check("error");
    expect(result.code).toBe(1);
    expect(result.stderr).toContain(
      "error[image/will-not-work]: dangling-link: /usr/bin/gone of package tools: it leads to nowhere",
    );
    expect(result.stderr).toContain('SYSEXT_CHECK_ALLOW = "dangling-link:/usr/bin/gone"');
    expect(warnings()).toEqual([expect.stringMatching(/^dangling-link: \/usr\/share\/gone: /)]);
    expect(report()).toMatchObject({ format: 1, extension: "tools", base: "device", allowed: [] });
    expect(report().findings.map(({ severity, path }) => `${severity} ${path}`)).toEqual([
      "error /usr/bin/gone",
      "warning /usr/share/gone",
    ]);
  });

  test("warn: all is told, nothing fails", async () => {
    expect((await check("warn")).code).toBe(0);
    expect(warnings()).toHaveLength(2);
    expect(report().findings).toHaveLength(2);
  });

  test.each([
    ["a path", ["dangling-link:/usr/bin/gone"], 0, 1],
    ["a pattern", ["dangling-link:/usr/**"], 0, 2],
    ["another path", ["dangling-link:/usr/bin/g"], 1, 0],
    ["another code", ["missing-library:/usr/**"], 1, 0],
  ])("allowed by %s", async (_title, words, code, allowed) => {
    expect((await check("error", "--allow", words.join(" "))).code).toBe(code);
    expect(report().allowed).toHaveLength(allowed);
  });

  test.each(["dangling-link", "dangling:/usr/**", "dangling-link:", ":/usr"])(
    "`%s` allows nothing: an error that says what does",
    async (word) => {
      const result = await check("error", "--allow", word);
      expect(result.code).toBe(1);
      expect(result.stderr).toContain(`error[image/bad-allowance]: \`${word}\``);
      expect(result.stderr).toContain("dangling-link, ");
    },
  );

  test("what is required and missing", async () => {
    const demand = ["--required-commands", "sh absent", "--required-paths", "/usr/share/plain /opt/absent"];
    const result = await check("error", "--allow", "dangling-link:/**", ...demand);
    expect(result.stderr).toContain("missing-command: absent: REQUIRED_COMMANDS names it");
    expect(result.stderr).toContain("missing-path: /opt/absent: REQUIRED_PATHS names it");
    expect(result.code).toBe(1);
  });

  test("a base of an older version: a warning that says what to do", async () => {
    const result = await check("error", "--allow", "dangling-link:/**", "--base", at("older"));
    expect(result).toMatchObject({ code: 0, stderr: "" });
    expect(warnings()).toEqual([expect.stringMatching(/^not-looked-at: .* build the base again/)]);
  });

  test("a further base: what differs there, with its name, beside what was found on the first", async () => {
    const result = await check("error", "--also", `base-too=${at("base")} other=${at("other")}`);
    expect(result.code).toBe(1);
    const found = report().findings.map(({ severity, code, path }) => `${severity} ${code} ${path}`);
    expect(found).toEqual([
      "error dangling-link /usr/bin/gone",
      "error hides-file /usr/share/own",
      "error missing-interpreter /usr/bin/script",
      "error not-taken /usr/lib/extension-release.d/extension-release.tools",
      "warning dangling-link /usr/share/gone",
    ]);
    expect(result.stderr).toContain(
      "not-taken: /usr/lib/extension-release.d/extension-release.tools: other does",
    );
    expect(result.stderr).toContain("it hides the file of other");
    expect(result.stderr).toContain("which neither the extension nor other has");
  });

  test("a library in another version than the base's: told, or an error where that is asked for", async () => {
    const library = "/usr/lib/x86_64-linux-gnu/libone.so.1";
    const one = (...gives: string[]) => elfFile({ soname: "libone.so.1", gives });
    const device = treeOf({ [library]: one("ONE_1"), "/usr/bin/user": elfFile({ needed: ["libone.so.1"] }) });
    const identity = { backend: "deb", architecture: "amd64", count: 1, digest: "0".repeat(64) } as const;
    const files = formatFileManifest(device.entries());
    const rest = { distro: "debian", files, tmpfiles: [], osRelease: "ID=debian\n" };
    await writeSnapshot(at("device"), identity, { ...rest, inspected: inspect(device) });
    const tree = treeOf({ [library]: one("ONE_1", "ONE_2") });
    writeTar(tree, at("newer.tar"));
    writeFileSync(at("newer.jsonl"), formatFileManifest(tree.entries()));
    const about = JSON.parse(readFileSync(at("extension.json"), "utf8")) as object;
    const decided = { path: library, decision: "shadows-base", because: "allowed" };
    writeFileSync(at("newer.json"), JSON.stringify({ ...about, report: [decided] }));
    const inputs = ["--tree", at("newer.tar"), "--files", at("newer.jsonl"), "--base", at("device")];
    const run = (mode: string) =>
      check("error", ...inputs, "--extension", at("newer.json"), "--rebuild", mode);
    expect((await run("warn")).code).toBe(0);
    expect(warnings()).toEqual([
      expect.stringMatching(/^must-be-rebuilt: .*\/usr\/bin\/user \(libone\.so\.1\)/),
    ]);
    const { code, stderr } = await run("error");
    expect([code, stderr]).toEqual([1, expect.stringContaining("must-be-rebuilt")]);
    const rebuild = [{ package: "/usr/bin/user", because: ["libone.so.1"] }];
    expect(report().findings).toMatchObject([{ severity: "error", path: library, rebuild }]);
  });

  test("another mode is an error", async () => {
    expect((await check("maybe")).stderr).toContain("error[image/bad-argument]: SYSEXT_CHECK is `maybe`");
  });
});
