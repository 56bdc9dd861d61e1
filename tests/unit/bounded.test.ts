/** What a process needs does not grow with what it is given: open files, memory, the stack, and looks at a list for each task. */
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { sha256 } from "@tsbake/base";
import { SignatureRecords } from "@tsbake/engine";
import { decideScene, Owners } from "@tsbake/run";
import type { TaskId } from "@tsbake/graph";
import { root } from "../support/paths.js";
import { plainEnvironment, temporaryFolder } from "../support/temporary.js";

let folder: string;
beforeEach(() => {
  folder = temporaryFolder("bounded");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The script has `given`, and what `imports` says: a name and the compiled file that exports it. */
function inChild(
  script: string,
  { imports, given, descriptors }: { imports: Record<string, string>; given?: unknown; descriptors?: number },
): string {
  const lines = Object.entries(imports).map(
    ([name, file]) => `import { ${name} } from ${JSON.stringify(join(root, "packages", file))};`,
  );
  const text = `${lines.join("\n")}\nconst given = ${JSON.stringify(given ?? {})};\n${script}`;
  const limit = descriptors === undefined ? "" : `ulimit -n ${descriptors};`;
  const done = spawnSync("sh", ["-c", `${limit} exec node --input-type=module -`], {
    input: text,
    encoding: "utf8",
    env: plainEnvironment(),
  });
  return done.stdout + done.stderr;
}

describe("open files, with 256 that may be open", () => {
  /** As many as that. */
  const MANY = Array.from({ length: 1500 }, (_, at) => `f${at}`);
  const fill = (below: string, ending = "") => {
    mkdirSync(join(folder, below), { recursive: true });
    for (const name of MANY) writeFileSync(join(folder, below, name + ending), name);
  };

  test.each<{ name: string; imports: Record<string, string>; script: string; prepare?: () => void }>([
    {
      name: "package files are verified",
      imports: { verify: "packaging/dist/deb/whole-root.js" },
      script: `await verify(given.names.map((name) => ({ path: given.folder + "/x/" + name, sha256: given.digests[name] })));`,
      prepare: () => fill("x"),
    },
    {
      name: "a package is written",
      imports: { writeDeb: "packaging/dist/deb/write.js" },
      script: `
        const one = { name: "p", conffiles: [], scripts: {}, relations: {}, section: "x", summary: "x", description: "" };
        const recipe = { recipe: "p", version: "1", architecture: "all", maintainer: "x", priority: "x", homepage: "", license: "" };
        const split = { shlibs: [], depends: [] };
        await writeDeb({ recipe, package: one, split, from: given.folder + "/x", out: given.folder + "/out", epochSeconds: 0 });`,
      prepare: () => fill("x"),
    },
    {
      name: "a package database is read",
      imports: { readDebDatabase: "packaging/dist/deb/database.js" },
      script: `await readDebDatabase(given.folder, "amd64");`,
      prepare: () => {
        fill("var/lib/dpkg/info", ".list");
        fill("var/lib/dpkg/alternatives");
        fill("var/lib/dpkg/triggers");
        writeFileSync(join(folder, "var/lib/dpkg/status"), "");
      },
    },
  ])("$name", ({ imports, script, prepare }) => {
    prepare?.();
    const digests = Object.fromEntries(MANY.map((name) => [name, sha256(name)]));
    const given = { folder, names: MANY, digests };
    expect(inChild(`${script}\nconsole.log("done");`, { imports, given, descriptors: 256 })).toBe("done\n");
  });
});

test("memory: a package that is written again goes piece by piece", () => {
  const [data, mebibytes] = [join(folder, "data"), 256];
  writeFileSync(data, "");
  truncateSync(data, mebibytes * 1024 * 1024);
  const script = `
    import { readFileSync } from "node:fs";
    const control = new Map([["control", Buffer.from("Package: p\\n")]]);
    const members = [{ name: "debian-binary", data: Buffer.from("2.0\\n") }, { name: "data.tar", data: { file: given.data } }];
    await writeAr(given.data + ".deb", members);
    await repackDeb(given.data + ".deb", given.data + ".again", control, () => true);
    // Not its ru_maxrss: that remembers what the process was before it became this program.
    const mebibytes = Number(/VmHWM:\\s*(\\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]) / 1024;
    console.log(mebibytes < 200 ? "small" : mebibytes);`;
  const imports = { writeAr: "archive/dist/ar.js", repackDeb: "packaging/dist/deb/file.js" };
  expect(inChild(script, { imports, given: { data } })).toBe("small\n");
});

test("the stack: 20,000 tasks that want each other's artifact, one after the other", () => {
  const order = Array.from({ length: 20_000 }, (_, at) => `t${at}:do_x` as TaskId);
  const before = new Map(order.map((task, at) => [task, at === 0 ? [] : [order[at - 1]!]]));
  const facts = {
    order,
    targets: new Set(order),
    needs: () => [],
    hasSetscene: () => true,
    hardNeeds: (task: TaskId) => before.get(task)!,
    isNotNeeded: () => false,
  };
  const { restore, run } = decideScene({ ...facts, state: () => "found" });
  expect([restore.size, run.size]).toEqual([order.length, 0]);
  // What the first cannot have, none can.
  const failed = decideScene({ ...facts, state: (task) => (task === order[0] ? "missing" : "found") });
  expect([failed.restore.size, failed.run.size]).toEqual([0, order.length]);
});

describe("four times as many take about four times as long", () => {
  /** In ms of the processor: the machine may be busy. */
  const costOf = async (work: () => unknown): Promise<number> => {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  };
  const [FEW, GROWTH] = [400, 4];

  test.each<{ name: string; prepare: (count: number) => () => unknown }>([
    {
      name: "files that several tasks install",
      prepare: (count) => {
        const tmpdir = join(folder, String(count));
        const owner = (at: number) => ({ pn: `p${at}`, task: "do_x", stamp: `s${at}`, configuration: "" });
        const facts = {
          isCurrent: () => true,
          isKnown: () => true,
          hasStamp: () => true,
          withdraw: () => {},
        };
        const writer = new Owners(tmpdir, facts);
        for (let at = 0; at < count; at++)
          writer.write(writer.pathOf(owner(at)), { owner: owner(at), files: [`/f${at}`], folders: [] });
        const owners = new Owners(tmpdir, facts);
        return () => {
          for (let at = 0; at < count; at++) expect(owners.find(`/f${at}`, "")?.owner?.pn).toBe(`p${at}`);
        };
      },
    },
    {
      name: "records of tasks",
      prepare: (count) => {
        const stamps = join(folder, String(count));
        for (let at = 0; at < count; at++) {
          mkdirSync(join(stamps, `p${at}`), { recursive: true });
          writeFileSync(join(stamps, `p${at}`, `1-r0.do_x.sigdata.${at.toString(16)}`), "");
        }
        const records = new SignatureRecords({ stamps: [stamps] });
        return async () => {
          for (let at = 0; at < count; at++) {
            const recipe = { pn: `p${at}`, stamp: join(stamps, `p${at}`, "1-r0") };
            expect(await records.ofTask(recipe, "do_x", ["stamps"])).toHaveLength(1);
          }
        };
      },
    },
  ])("$name", async ({ prepare }) => {
    await costOf(prepare(FEW / 4));
    // Quadratic ones take sixteen times as long, every time; a busy machine makes a linear one look so now and then.
    const limit = GROWTH * 2.5;
    let least = Infinity;
    for (let tries = 0; tries < 5 && least >= limit; tries++) {
      const [few, many] = [prepare(FEW), prepare(FEW * GROWTH)];
      const before = await costOf(few);
      least = Math.min(least, (await costOf(many)) / before);
      rmSync(folder, { recursive: true, force: true });
    }
    expect(least).toBeLessThan(limit);
  });
});
