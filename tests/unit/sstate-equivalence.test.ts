/** The file of outputs that are the same. */
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { openEquivalences } from "@tsbake/sstate";
import { run } from "../support/command.js";
import { root } from "../support/paths.js";
import { temporaryFolder } from "../support/temporary.js";

let folder: string;
let path: string;
beforeEach(() => {
  folder = temporaryFolder("equivalence");
  path = join(folder, "made/hash-equivalences.jsonl");
});
afterEach(() => rmSync(folder, { recursive: true }));

const report = (taskHash: string, outHash: string, unihash = taskHash) => ({
  taskHash,
  outHash,
  unihash,
  method: "m",
  output: outHash,
  task: "a:do_x",
});

describe("equivalences", () => {
  test("the oldest task hash with an output gives its unihash to the others, for ever", async () => {
    const file = await openEquivalences(path);
    expect(file.unihash("a1")).toBeUndefined();
    expect(await file.report(report("a1", "00"))).toBe("a1");
    expect(await file.report(report("a2", "00"))).toBe("a1");
    expect(await file.report(report("a3", "01"))).toBe("a3");
    // What has a unihash keeps it, even if it gives something else the next time.
    expect(await file.report(report("a2", "01"))).toBe("a1");
    expect(await file.report(report("a1", "02"))).toBe("a1");
    expect(await file.report(report("a4", "02"))).toBe("a1");
    const again = await openEquivalences(path);
    expect(["a1", "a2", "a3", "a4", "a5"].map((hash) => again.unihash(hash))).toEqual([
      "a1",
      "a1",
      "a3",
      "a1",
      undefined,
    ]);
    const size = readFileSync(path).length;
    expect(await again.report(report("a2", "00"))).toBe("a1");
    expect(readFileSync(path)).toHaveLength(size);
  });

  test("what another process has reported meanwhile counts", async () => {
    const [one, other] = [await openEquivalences(path), await openEquivalences(path)];
    await one.report(report("a1", "00"));
    expect(other.unihash("a1")).toBeUndefined();
    expect(await other.report(report("a2", "00"))).toBe("a1");
  });

  test("tasks that report at once stand in a line: each asks for the lock once", async () => {
    const file = await openEquivalences(path);
    // flock(1) is the only program that it starts.
    let asked = 0;
    const count = (): void => void asked++;
    subscribe("child_process", count);
    try {
      const numbers = Array.from({ length: 60 }, (_, at) => at);
      // They asked every 100 ms whether it is their turn.
      await Promise.all(numbers.map((at) => file.report(report(`b${at}`, `${100 + at}`))));
      expect(asked).toBe(numbers.length);
    } finally {
      unsubscribe("child_process", count);
    }
  });

  test("a line that was not finished, or says nothing, is passed over", async () => {
    const file = await openEquivalences(path);
    await file.report(report("a1", "00"));
    appendFileSync(path, '{"taskhash":"../..","outhash":"00","unihash":"00"}\n7\n\n{"taskhash":"a2","outha');
    const again = await openEquivalences(path);
    expect(await again.report(report("a3", "00"))).toBe("a1");
    expect((await openEquivalences(path)).unihash("a3")).toBe("a1");
    expect((await openEquivalences(path)).unihash("a2")).toBeUndefined();
  });

  test.each([
    ["null"],
    ["[]"],
    ['"taskhash"'],
    ['{"outhash":"00","unihash":"ff"}'],
    ['{"taskhash":"a1","unihash":"ff"}'],
    ['{"taskhash":"a1","outhash":"00"}'],
    ['{"taskhash":1,"outhash":"00","unihash":"ff"}'],
    ['{"taskhash":"a1","outhash":"0 0","unihash":"ff"}'],
    ['{"taskhash":"a1","outhash":"00","unihash":"../ff"}'],
  ])("the line %s says nothing, and what follows it counts", async (line) => {
    mkdirSync(dirname(path));
    writeFileSync(path, `${line}\n{"taskhash":"a2","outhash":"01","unihash":"a0"}\n`);
    const file = await openEquivalences(path);
    expect(["a1", "a2"].map((hash) => file.unihash(hash))).toEqual([undefined, "a0"]);
    expect(await file.report(report("a1", "00"))).toBe("a1");
    expect(await file.report(report("a3", "01"))).toBe("a0");
  });

  test("many processes at once agree, and lose nothing", async () => {
    const script = `
      const { openEquivalences } = await import(${JSON.stringify(join(root, "packages/sstate/dist/index.js"))});
      const [path, own] = process.argv.slice(1);
      const file = await openEquivalences(path);
      for (let at = 16; at < 36; at++) {
        const out = at.toString(16);
        console.log(await file.report({ taskHash: own + out, outHash: out, unihash: own + out, task: "" }));
      }`;
    const answers = await Promise.all(
      ["a", "b", "c"].map((own) => run("node", ["--input-type=module", "-e", script, path, own])),
    );
    expect(answers.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(new Set(answers.map(({ stdout }) => stdout)).size).toBe(1);
    expect(readFileSync(path, "utf8").trimEnd().split("\n")).toHaveLength(60);
  });

  test("a file that cannot be used is named", async () => {
    writeFileSync(join(folder, "made"), "");
    const failure = { diagnostics: [{ code: "sstate/unusable-equivalences" }] };
    const file = openEquivalences(path).then((one) => one.report(report("a1", "00")));
    await expect(file).rejects.toMatchObject(failure);
  });
});
