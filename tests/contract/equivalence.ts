/** What every database of hash equivalences must do. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { sha256 } from "@tsbake/base";
import type { EquivalenceDatabase } from "@tsbake/server";

export interface DatabaseRig extends AsyncDisposable {
  /** Another server's view of the same database. */
  open(): Promise<EquivalenceDatabase>;
}

const METHOD = "m";
const hash = sha256;
export const reported = (task: string, out: string, unihash = task) => ({
  method: METHOD,
  taskhash: hash(task),
  outhash: hash(out),
  unihash: hash(unihash),
});
const key = (task: string) => ({ method: METHOD, taskhash: hash(task) });

export function equivalenceContract(kind: string, make: () => Promise<DatabaseRig>): void {
  describe(`${kind} as a database of hash equivalences`, () => {
    let rig: DatabaseRig;
    let [one, other]: EquivalenceDatabase[] = [];
    beforeAll(async () => {
      rig = await make();
      [one, other] = [await rig.open(), await rig.open()];
    });
    afterAll(async () => {
      await one!.close();
      await other!.close();
      await rig[Symbol.asyncDispose]();
    });
    beforeEach(async () => {
      await one!.remove({ method: METHOD });
      for (const { username } of await one!.users()) await one!.removeUser(username);
    });

    test("gives one unihash to all tasks with one output, and lets a task keep its own", async () => {
      const { report, unihashes } = bound(one!);
      expect(await report([reported("a", "x")])).toEqual([hash("a")]);
      expect(
        await bound(other!).report([reported("b", "x"), reported("c", "y"), reported("d", "y")]),
      ).toEqual([hash("a"), hash("c"), hash("c")]);
      expect(await report([reported("b", "z"), reported("e", "z"), reported("b", "x")])).toEqual(
        Array.from({ length: 3 }, () => hash("a")),
      );
      expect(await unihashes(["d", "none", "a"].map(key))).toEqual([hash("c"), undefined, hash("a")]);
      expect(await one!.hasUnihashes([hash("c"), hash("d")])).toEqual([true, false]);
      expect(await one!.relate(key("b"), hash("q"))).toBe(hash("a"));
      expect(await one!.relate(key("q"), hash("q"))).toBe(hash("q"));
    });

    test("answers many questions as it answers each, whatever is asked twice, unknown, or of another method", async () => {
      const tasks = Array.from({ length: 40 }, (_one, at) => `t${at}`);
      await one!.report(tasks.filter((_task, at) => at % 3 === 0).map((task) => reported(task, task)));
      for (const keys of [
        [...tasks, "t3", "t3", "none"].map(key),
        [
          ...tasks.map(key),
          { method: "other", taskhash: hash("t0") },
          { method: METHOD, taskhash: 'odd "\n' },
        ],
      ]) {
        const each: (string | undefined)[] = [];
        for (const single of keys) each.push(...(await one!.unihashes([single])));
        expect(await one!.unihashes(keys)).toEqual(each);
        expect(each.filter((answer) => answer !== undefined).length).toBeGreaterThan(13);
      }
    });

    test("knows who made an output first", async () => {
      await one!.report([{ ...reported("a", "x"), PN: "name", owner: "me" }]);
      await other!.report([{ ...reported("b", "x"), PN: "else" }]);
      expect(await other!.outputOfHash(METHOD, hash("x"), true)).toMatchObject({
        taskhash: hash("a"),
        unihash: hash("a"),
        PN: "name",
        owner: "me",
      });
      expect(await one!.outputOfTask(key("b"))).toMatchObject({ PN: "else", unihash: hash("a") });
      expect(await one!.outputOfTask(key("c"))).toBeUndefined();
      expect(await one!.outputOfHash(METHOD, hash("none"), false)).toBeUndefined();
    });

    test("is tidied by condition, by collection and by age", async () => {
      await one!.report([reported("a", "x"), reported("b", "y"), reported("c", "z")]);
      expect(await one!.remove({ taskhash: hash("c") })).toBe(2);
      expect(await one!.remove({})).toBe(0);
      expect(await one!.mark("now", { unihash: hash("a") })).toBe(1);
      // What comes later, on any server, is marked.
      await other!.report([reported("d", "w")]);
      expect(await other!.collection()).toEqual({ keep: 2, remove: 1, mark: "now" });
      expect(await one!.sweep("then")).toBeUndefined();
      expect(await other!.sweep("now")).toBe(1);
      expect(await one!.sweep("now")).toBeUndefined();
      expect(await one!.unihashes(["a", "b", "d"].map(key))).toEqual([hash("a"), undefined, hash("d")]);
      expect(await one!.removeUnused(0)).toBe(0);
      expect(await one!.removeUnused(Date.now() + 1000)).toBe(1);
      expect(await one!.usage()).toMatchObject({ outputs: { rows: 2 }, unihashes: { rows: 2 } });
    });

    test("keeps users", async () => {
      const me = { username: "me", permissions: ["@read"], token: "t" };
      expect([await one!.addUser(me), await other!.addUser(me)]).toEqual([true, false]);
      expect(await one!.addUser({ ...me, username: "also" })).toBe(true);
      expect(await other!.changeUser("me", { permissions: ["@read", "@all"] })).toBe(true);
      expect(await other!.changeUser("you", { token: "u" })).toBe(false);
      expect(await one!.user("me")).toEqual({ ...me, permissions: ["@all", "@read"] });
      expect((await one!.users()).map(({ username }) => username)).toEqual(["also", "me"]);
      expect([await one!.removeUser("me"), await one!.removeUser("me")]).toEqual([true, false]);
      expect(await one!.user("me")).toBeUndefined();
    });

    test("never has two unihashes for one output, whoever reports at once", async () => {
      for (let round = 0; round < 10; round++) {
        const reports = Array.from({ length: 40 }, (_one, at) =>
          reported(`${round} ${at}`, `${round} ${at % 4}`),
        );
        const answers = await Promise.all(
          reports.map((report, at) => (at % 2 === 0 ? one! : other!).report([report])),
        );
        for (let out = 0; out < 4; out++)
          expect(new Set(answers.filter((_one, at) => at % 4 === out).flat()).size).toBe(1);
        expect(await one!.unihashes(reports)).toEqual(answers.flat());
      }
    });

    test("answers reports together as it does one after the other", async () => {
      const few = fc.constantFrom("a", "b", "c", "d", "e");
      let run = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(few, few), { maxLength: 6 }),
          fc.subarray(["a", "b", "c", "d", "e"]),
          fc.array(fc.tuple(few, few), { minLength: 1, maxLength: 12 }),
          async (before, forgotten, after) => {
            const answers: (readonly string[])[] = [];
            for (const together of [true, false]) {
              const name = (text: string) => `${text} ${run} ${together}`;
              const all = (pairs: readonly [string, string][]) =>
                pairs.map(([task, out]) => reported(name(task), name(out)));
              await one!.report(all(before));
              // A collection takes unihashes away, and leaves outputs.
              await one!.mark("m", { method: "none" });
              const kept = ["a", "b", "c", "d", "e"].filter((task) => !forgotten.includes(task));
              for (const task of kept) await one!.mark("m", { taskhash: hash(name(task)) });
              await one!.sweep("m");
              const reports = all(after);
              const got: string[] = [];
              if (together) got.push(...(await one!.report(reports)));
              else for (const report of reports) got.push(...(await one!.report([report])));
              const plain = new Map(["a", "b", "c", "d", "e"].map((text) => [hash(name(text)), text]));
              answers.push(got.map((unihash) => plain.get(unihash)!));
            }
            run++;
            expect(answers[0]).toEqual(answers[1]);
          },
        ),
        { numRuns: 15 },
      );
    });
  });
}

function bound(database: EquivalenceDatabase): Pick<EquivalenceDatabase, "report" | "unihashes"> {
  return {
    report: (reports) => database.report(reports),
    unihashes: (keys) => database.unihashes(keys),
  };
}
