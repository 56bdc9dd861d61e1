/** Keeping a build folder in order: the shared state counted, verified, pruned. */
import { appendFileSync, existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { listStore } from "@tsbake/sstate";
import { tasksOf, Toy } from "../support/toy.js";

let toy: Toy;
let store: string;

beforeAll(async () => {
  toy = new Toy();
  await toy.built(["page"]);
  store = toy.rig.path("build/sstate-cache");
});
afterEach(() => toy.restore());
afterAll(() => toy[Symbol.dispose]());

/** `PN TASK` of each artifact, sorted. */
async function artifacts(): Promise<string[]> {
  const all = await listStore(store);
  const objects = all.filter(({ kind }) => kind === "object");
  return objects.map(({ path, task }) => `${path.split(":")[1]!} ${task}`).toSorted();
}

describe("tsbake sstate", () => {
  test("stats counts by task, for people and for programs", async () => {
    const names = await artifacts();
    const said = await toy.answered(["sstate", "stats"]);
    expect(said.code).toBe(0);
    expect(said.stdout).toContain(`${store}: ${names.length} artifacts, `);
    expect(said.stdout).toMatch(/^deploy +\d+ +\d/m);
    const json = await toy.answered(["sstate", "stats", "--ui", "json"]);
    const lines = json.stdout.trim().split("\n");
    const answer = JSON.parse(lines.at(-2)!) as { type: string; data: { folder: string; objects: number } };
    expect(answer).toMatchObject({ type: "answer", data: { folder: store, objects: names.length } });
  });

  test("verify names what is damaged and fails; with --remove it is gone, and the next build makes it again", async () => {
    expect((await toy.answered(["sstate", "verify"])).code).toBe(0);
    const [victim] = (await listStore(store)).filter(
      ({ path, kind }) => kind === "object" && path.includes(":shout:"),
    );
    appendFileSync(`${store}/${victim!.path}`, "more");
    const found = await toy.answered(["sstate", "verify"]);
    expect(found.code).toBe(1);
    expect(found.stdout).toContain(`damaged: ${victim!.path}: its SHA-256 is `);
    const removed = await toy.answered(["sstate", "verify", "--remove"]);
    expect([removed.code, removed.stdout]).toEqual([
      1,
      expect.stringContaining("1 damaged artifact deleted"),
    ]);
    expect(await toy.answered(["sstate", "verify"])).toMatchObject({ code: 0 });
    rmSync(toy.rig.path("build/tmp"), { recursive: true });
    await toy.built(["page", "shout"]);
    expect((await listStore(store)).map(({ path }) => path)).toContain(victim!.path);
  });

  test("prune keeps what the targets need as they are now, and nothing else", async () => {
    toy.recipe("other");
    await toy.built(["other"]);
    const before = await artifacts();
    const dry = await toy.answered(["sstate", "prune", "--keep-for", "page", "shout", "--dry-run"]);
    expect(dry.stdout).toMatch(/^..\/..\/sstate:other:.*: not needed by the targets$/m);
    expect(dry.stdout).not.toContain(":page:");
    expect(await artifacts()).toEqual(before);
    const pruned = await toy.answered(["sstate", "prune", "--keep-for", "page", "shout"]);
    expect(pruned.stdout).toMatch(/: \d+ deleted, .* artifacts kept/);
    // What went into the signatures of tasks without an artifact stays and goes with them.
    const left = await listStore(store);
    expect(left.filter(({ path }) => path.includes(":other:"))).toEqual([]);
    expect(left.filter(({ path, kind }) => kind === "description" && path.includes(":page:"))).not.toEqual(
      [],
    );
    expect(await artifacts()).toEqual(before.filter((name) => !name.startsWith("other ")));
    rmSync(toy.rig.path("build/tmp"), { recursive: true });
    const again = await toy.built(["page"]);
    expect([again.ran, again.restored]).toEqual([[], tasksOf("page", ["deploy", "populate_sysroot"])]);
    expect((await toy.answered(["sstate", "prune", "--keep-for", "pag"])).output).toContain("`page`");
  });

  test("prune by size takes the least recently used", async () => {
    const pruned = await toy.answered(["sstate", "prune", "--size", "0"]);
    expect(pruned.stdout).toMatch(/; 0 artifacts kept, 0 B$/m);
    expect(await artifacts()).toEqual([]);
  });
});

describe("-c cleansstate and cleanall", () => {
  test("take the artifacts of the recipe away, of all its signatures, and no others", async () => {
    rmSync(toy.rig.path("build/tmp"), { recursive: true });
    await toy.built(["page"]);
    toy.recipe("shout-more");
    toy.configure('SHOUT_END = "?"\n');
    await toy.built(["page", "shout-more"]);
    const before = await artifacts();
    expect(before.filter((name) => name.startsWith("shout "))).toHaveLength(2);
    expect((await toy.built(["-c", "cleansstate", "shout"])).ran).toEqual(
      tasksOf("shout", ["clean", "cleansstate"]),
    );
    expect(await artifacts()).toEqual(before.filter((name) => !name.startsWith("shout ")));
    const again = await toy.built(["-c", "populate_sysroot", "shout"]);
    expect(again.ran).toContain("shout:do_populate_sysroot");
  });

  test("cleansstate knows names that were too long, and those of nobody else", async () => {
    const long = "1." + "2".repeat(180);
    toy.change("meta-toy/recipes/extra/lengthy_1.0.bb", `inherit toy\nPV = "${long}"\n`);
    toy.change("meta-toy/recipes/extra/lengthy-too_1.0.bb", `inherit toy\nPV = "${long}"\n`);
    await toy.built(["lengthy", "lengthy-too"]);
    const before = await listStore(store);
    const cut = before.filter(({ path }) => path.includes(":lengthy:"));
    expect(cut.length).toBeGreaterThan(1);
    expect(cut.filter(({ path }) => path.includes(long))).toEqual([]);
    // Of another version: it is as long, and cut at another place.
    const other = `${cut[0]!.path.replace("22:", "23:")}.siginfo`;
    toy.change(join("build/sstate-cache", other), "{}");
    await toy.built(["-c", "cleansstate", "lengthy"]);
    const gone = new Set(cut.map(({ path }) => path));
    const left = (await listStore(store)).map(({ path }) => path);
    expect(left.filter((path) => !other.startsWith(path))).toEqual(
      before.map(({ path }) => path).filter((path) => !gone.has(path)),
    );
    expect(existsSync(join(store, other))).toBe(true);
  });

  test("cleanall deletes the download too, and a recipe that has none is fine", async () => {
    toy.rig.write("served/src-1.txt", "text\n");
    toy.recipe(
      "fetches",
      'SRC_URI = "https://nowhere.invalid/src-1.txt;unpack=0"\nPREMIRRORS = "https://.*/ file://${TOPDIR}/../served/"\nSRC_URI[sha256sum] = "b9e68e1bea3e5b19ca6b2f98b73a54b73daafaa250484902e09982e07a12e733"\n',
    );
    await toy.built(["-c", "fetch", "fetches"]);
    const downloaded = () => existsSync(toy.rig.path("build/downloads/src-1.txt"));
    expect(downloaded()).toBe(true);
    await toy.built(["-c", "cleansstate", "fetches"]);
    expect(downloaded()).toBe(true);
    await toy.built(["-c", "cleanall", "fetches", "greeting"]);
    expect(downloaded()).toBe(false);
  });
});

describe("what tasks say of themselves", () => {
  test("is listed by name, and is no part of a signature", async () => {
    const listed = (await toy.answered(["-c", "listtasks", "shout"])).stdout.trim().split("\n");
    const names = listed.map((line) => line.split(" ")[0]!);
    expect(names).toEqual(names.toSorted());
    expect(listed.filter((line) => !/^do_\w+ +\S/.test(line))).toEqual(["do_deploy"]);
    await toy.built(["shout"]);
    toy.change(
      "meta-toy/recipes/shout/shout_1.0.bb",
      (before) => `${before}\ndo_compile[doc] = "shouts"\ndo_compile[progress] = "percent"\n`,
    );
    expect((await toy.built(["shout"])).ran).toEqual([]);
    expect((await toy.answered(["-c", "listtasks", "shout"])).stdout).toMatch(/^do_compile +shouts$/m);
  });
});

describe("completion", () => {
  test("knows the targets and tasks of the last parse", async () => {
    const targets = await toy.answered(["completion", "targets"]);
    expect(targets.stdout.split("\n")).toEqual(expect.arrayContaining(["page", "shout", "stamper-native"]));
    const tasks = await toy.answered(["completion", "tasks"]);
    expect(tasks.stdout.split("\n")).toEqual(expect.arrayContaining(["do_compile", "do_fetch"]));
  });

  test("outside of a project it knows none, and says nothing", async () => {
    expect(await toy.answered(["completion", "targets"], { cwd: "/" })).toMatchObject({
      code: 0,
      output: "",
    });
  });
});
