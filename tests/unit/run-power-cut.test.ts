/** What a build that was not synced leaves to the next one, in the same boot and in another. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { resolveDoubt, writeManifest } from "@tsbake/run";
import { temporaryFolder } from "../support/temporary.js";

let tmpdir: string;
beforeEach(() => {
  tmpdir = temporaryFolder("power-cut");
  process.env["TSBAKE_BOOT_ID"] = "second";
});
afterEach(() => {
  delete process.env["TSBAKE_BOOT_ID"];
});

const at = (path: string) => join(tmpdir, path);
const isThere = (path: string) => existsSync(at(path));

function write(...paths: string[]): void {
  for (const path of paths) {
    mkdirSync(dirname(at(path)), { recursive: true });
    writeFileSync(at(path), "x");
  }
}

function install(manifest: string, pn: string, files: string[], folders: string[]): void {
  const owner = { pn, task: "do_deploy", stamp: at(`stamps/${pn}/1.0`), configuration: ":box" };
  write(...files);
  writeManifest(at(`sstate-control/${manifest}`), { owner, files: files.map(at), folders: folders.map(at) });
}

/** `late` was being done; `early` had been finished long before. Both deploy into `images`. */
function interrupted(boot: string): void {
  for (const pn of ["early", "late"]) {
    write(`stamps/${pn}/1.0.do_compile.aa`, `stamps/${pn}/1.0.do_deploy.bb`, `work/${pn}/1.0/object`);
  }
  install("manifest-early.deploy.1", "early", ["images/early", "images/both"], ["images"]);
  install("manifest-late.deploy.1", "late", ["images/late", "images/both", "images/sub/x"], ["images"]);
  write("images/late.of-an-older-version", "deb/late/a.deb", "sstate-control/shared-files");
  const late = {
    stamp: at("stamps/late/1.0"),
    workFolder: at("work/late/1.0"),
    outputs: {
      [at("sstate-control/manifest-late.deploy.1")]: [at("images")],
      [at("sstate-control/manifest-late.write_deb.1")]: [at("deb/late")],
    },
  };
  writeFileSync(at("unsynced.json"), JSON.stringify({ boot, recipes: [late] }));
}

describe("what was not synced", () => {
  test("goes in another boot, and nothing else", async () => {
    interrupted("first");
    write("stamps/late/1.0.do_deploy.taint");
    expect(await resolveDoubt(tmpdir)).toMatchObject({ code: "run/power-cut" });
    const gone = [
      "stamps/late/1.0.do_compile.aa",
      "stamps/late/1.0.do_deploy.bb",
      "stamps/late/1.0.do_deploy.taint",
      "work/late/1.0",
      "images/late",
      "images/sub",
      "images/late.of-an-older-version",
      "deb/late",
      "sstate-control/manifest-late.deploy.1",
      "unsynced.json",
    ];
    expect(gone.filter(isThere)).toEqual([]);
    const kept = [
      "stamps/early/1.0.do_compile.aa",
      "stamps/early/1.0.do_deploy.bb",
      "work/early/1.0/object",
      "images/early",
      "images/both",
      "sstate-control/manifest-early.deploy.1",
      "sstate-control/changed",
    ];
    expect(kept.filter((path) => !isThere(path))).toEqual([]);
    expect(readFileSync(at("sstate-control/output-folders"), "utf8")).toBe(`${at("images")}\0`);
    expect(await resolveDoubt(tmpdir)).toBeUndefined();
  });

  test("is synced in the same boot, and all of it stays", async () => {
    interrupted("second");
    expect(await resolveDoubt(tmpdir)).toBeUndefined();
    expect(isThere("unsynced.json")).toBe(false);
    expect(["images/late", "work/late/1.0/object", "stamps/late/1.0.do_deploy.bb"].every(isThere)).toBe(true);
  });

  test("is named when nobody can say what it was", async () => {
    write("unsynced.json");
    await expect(resolveDoubt(tmpdir)).rejects.toThrow("run/damaged-mark");
  });

  test("a work folder outside of TMPDIR is not ours to remove", async () => {
    const outside = temporaryFolder("outside");
    const mark = { stamp: at("stamps/a/1"), workFolder: outside, outputs: {} };
    writeFileSync(at("unsynced.json"), JSON.stringify({ boot: "first", recipes: [mark] }));
    await resolveDoubt(tmpdir);
    expect(existsSync(outside)).toBe(true);
  });
});
