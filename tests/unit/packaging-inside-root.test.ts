/** Paths of a root that this process touches itself: links as the target follows them, and never out. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { insideRoot, linkOutOf, refuseLinks } from "@tsbake/sandbox";
import { run } from "../support/command.js";

const root = mkdtempSync(join(tmpdir(), "inside-root-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

beforeAll(() => {
  for (const folder of ["usr/lib", "opt/real", "var/lib/dpkg/info"])
    mkdirSync(join(root, folder), { recursive: true });
  const links = {
    lib: "usr/lib",
    "opt/absolute": "/usr/lib",
    "opt/up": "../usr",
    "opt/out": "../../../../../usr/lib",
    "opt/gone": "/nowhere",
    "opt/loop": "loop",
    "opt/real/file": "/etc/passwd",
    "opt/chain": "absolute/../../opt/real",
  };
  for (const [path, target] of Object.entries(links)) symlinkSync(target, join(root, path));
});

test.each([
  ["/lib/x", "usr/lib/x"],
  ["lib", "lib"],
  ["opt/absolute/x/y", "usr/lib/x/y"],
  ["opt/up/lib/x", "usr/lib/x"],
  ["opt/out/x", "usr/lib/x"],
  ["opt/gone/x", "nowhere/x"],
  ["opt/real/file", "opt/real/file"],
  ["opt/chain/x", "opt/real/x"],
  ["../../../etc/passwd", "etc/passwd"],
  ["./usr//lib/../lib/x", "usr/lib/x"],
])("%s lies at %s", async (path, place) => {
  expect(await insideRoot(root).place(path)).toBe(join(root, place));
});

test.each([
  ["lib", "usr/lib"],
  ["opt/real/file", "etc/passwd"],
  ["opt/nothing", "opt/nothing"],
])("%s leads to %s", async (path, place) => {
  expect(await insideRoot(root).follow(path)).toBe(join(root, place));
});

test("a loop of links is no place", async () => {
  await expect(insideRoot(root).place("opt/loop/x")).rejects.toMatchObject({
    diagnostics: [{ code: "sandbox/leaves-root" }],
  });
});

test.each([
  ["lib/x", undefined],
  ["opt/up/x", undefined],
  ["opt/absolute", undefined],
  ["opt/absolute/x", { at: "/opt/absolute", target: "/usr/lib" }],
  ["/opt/out/x", { at: "/opt/out", target: "../../../../../usr/lib" }],
])("the link of %s that leads out: %j", async (path, link) => {
  expect(await linkOutOf(root, path)).toEqual(link);
});

test.each([
  ["a link", "var/lib/dpkg/info/x.list", (path: string) => symlink("/etc/passwd", path)],
  ["a link to nothing", "var/lib/dpkg/status", (path: string) => symlink("nothing", path)],
  ["a pipe", "var/lib/dpkg/info/deep/pipe", (path: string) => run("mkfifo", [path])],
])("a database with %s is left alone", async (_, path, make) => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, "var/lib/dpkg/available"), "");
  await expect(refuseLinks(root, "var/lib/dpkg")).resolves.toBeUndefined();
  await make(join(root, path));
  await expect(refuseLinks(root, "var/lib/dpkg")).rejects.toMatchObject({
    diagnostics: [{ code: "sandbox/leaves-root", message: expect.stringContaining(`/${path}`) }],
  });
  rmSync(join(root, path));
});

test("nor is a database behind a link", async () => {
  mkdirSync(join(root, "srv"));
  symlinkSync("../var/lib", join(root, "srv/lib"));
  await expect(refuseLinks(root, "srv/lib/dpkg")).rejects.toMatchObject({
    diagnostics: [{ message: expect.stringContaining("`/srv/lib` is a link to `../var/lib`") }],
  });
});
