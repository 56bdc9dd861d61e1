/** Keeping a build folder in order: the shared state counted, verified, pruned. */
import { appendFileSync, rmSync } from "node:fs";
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
  return all.map(({ path, task }) => `${path.split(":")[1]!} ${task}`).toSorted();
}

describe("tsbake sstate", () => {
  test("stats counts by task, for people and for programs", async () => {
    const names = await artifacts();
    const said = await toy.tsbake(["sstate", "stats"]);
    expect(said.code).toBe(0);
    expect(said.stdout).toContain(`${store}: ${names.length} artifacts, `);
    expect(said.stdout).toMatch(/^deploy +\d+ +\d/m);
    const json = await toy.tsbake(["sstate", "stats", "--ui", "json"]);
    const lines = json.stdout.trim().split("\n");
    const answer = JSON.parse(lines.at(-1)!) as { type: string; data: { folder: string; objects: number } };
    expect(answer).toMatchObject({ type: "answer", data: { folder: store, objects: names.length } });
  });

  test("verify names what is damaged and fails; with --remove it is gone, and the next build makes it again", async () => {
    expect((await toy.tsbake(["sstate", "verify"])).code).toBe(0);
    const [victim] = (await listStore(store)).filter(({ path }) => path.includes(":shout:"));
    appendFileSync(`${store}/${victim!.path}`, "more");
    const found = await toy.tsbake(["sstate", "verify"]);
    expect(found.code).toBe(1);
    expect(found.stdout).toContain(`damaged: ${victim!.path}: its SHA-256 is `);
    const removed = await toy.tsbake(["sstate", "verify", "--remove"]);
    expect([removed.code, removed.stdout]).toEqual([
      1,
      expect.stringContaining("1 damaged artifact deleted"),
    ]);
    expect(await toy.tsbake(["sstate", "verify"])).toMatchObject({ code: 0 });
    rmSync(toy.rig.path("build/tmp"), { recursive: true });
    await toy.built(["page", "shout"]);
    expect((await listStore(store)).map(({ path }) => path)).toContain(victim!.path);
  });

  test("prune keeps what the targets need as they are now, and nothing else", async () => {
    toy.recipe("other");
    await toy.built(["other"]);
    const before = await artifacts();
    const dry = await toy.tsbake(["sstate", "prune", "--unreachable-from", "page", "shout", "--dry-run"]);
    expect(dry.stdout).toMatch(/^..\/..\/sstate:other:.*: not needed by the targets$/m);
    expect(dry.stdout).not.toContain(":page:");
    expect(await artifacts()).toEqual(before);
    const pruned = await toy.tsbake(["sstate", "prune", "--unreachable-from", "page", "shout"]);
    expect(pruned.stdout).toMatch(/: 2 deleted, .* artifacts kept/);
    expect(await artifacts()).toEqual(before.filter((name) => !name.startsWith("other ")));
    rmSync(toy.rig.path("build/tmp"), { recursive: true });
    const again = await toy.built(["page"]);
    expect([again.ran, again.restored]).toEqual([[], tasksOf("page", ["deploy", "populate_sysroot"])]);
    expect((await toy.tsbake(["sstate", "prune", "--unreachable-from", "pag"])).output).toContain("`page`");
  });

  test("prune by size takes the least recently used", async () => {
    const pruned = await toy.tsbake(["sstate", "prune", "--size", "0"]);
    expect(pruned.stdout).toMatch(/; 0 artifacts kept, 0 B$/m);
    expect(await artifacts()).toEqual([]);
  });
});

describe("completion", () => {
  test("knows the targets and tasks of the last parse", async () => {
    const targets = await toy.tsbake(["completion", "targets"]);
    expect(targets.stdout.split("\n")).toEqual(expect.arrayContaining(["page", "shout", "stamper-native"]));
    const tasks = await toy.tsbake(["completion", "tasks"]);
    expect(tasks.stdout.split("\n")).toEqual(expect.arrayContaining(["do_compile", "do_fetch"]));
  });

  test("outside of a project it knows none, and says nothing", async () => {
    expect(await toy.tsbake(["completion", "targets"], { cwd: "/" })).toMatchObject({ code: 0, output: "" });
  });
});
