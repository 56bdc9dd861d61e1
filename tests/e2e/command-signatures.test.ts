/** Questions about signatures, on the layer meta-toy: what changed, down to the line, and who follows. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { builtToy } from "../support/toy.js";

const toy = builtToy();

/** The answer of a question that must succeed. */
async function ask(...args: string[]): Promise<string> {
  const { code, stdout, output } = await toy.answered(args);
  if (code !== 0) throw new Error(output);
  return stdout;
}

const OWNER = `shout do_install
  variable SHOUT_OWNER changed
    -"nobody"
    +"somebody"
`;

describe("whatchanged", () => {
  test("says that nothing did", async () => {
    expect(await ask("whatchanged")).toMatch(/^nothing would run: all \d+ tasks are up to date\n$/);
  });

  test("names a variable with both values, and agrees with what then runs", async () => {
    toy.configure('SHOUT_OWNER = "somebody"\n');
    const answer = await ask("whatchanged");
    expect(answer).toContain(`of 37 tasks 8 would run\n\n${OWNER}  so these would run:\n`);
    const named = [...answer.matchAll(/^ {4}(\w+): (.*)$/gm)].flatMap(([, pn, tasks]) =>
      tasks!.split(", ").map((task) => `${pn}:${task}`),
    );
    expect(await ask("whatchanged")).toBe(answer);
    expect((await toy.built([])).ran).toEqual(named.toSorted());
  });

  test("names the lines of a function, a file by its checksum, and both when both changed", async () => {
    toy.change("meta-toy/recipes/greeting/greeting/greeting.txt", "good evening\n");
    toy.change("meta-toy/recipes/shout/shout_1.0.bb", (text) => text.replace("tr a-z A-Z", "tr a-y A-Y"));
    const answer = await ask("whatchanged");
    expect(answer).toMatch(
      /\ngreeting do_fetch\n {2}file greeting.txt changed \(checksum [0-9a-f]{12} to [0-9a-f]{12}\)\n/,
    );
    expect(answer).toMatch(
      /\nshout do_compile\n {2}variable do_compile changed\n {4}@@.*\n {4}- {4}tr a-z.*\n {4}\+ {4}tr a-y/,
    );
  });

  test("tells what was never built from what changed, and what is restored from what runs", async () => {
    toy.recipe("fresh");
    expect(await ask("whatchanged", "fresh")).toMatch(
      /\nnot built in this folder before:\n {2}fresh: do_.*do_deploy/,
    );
    toy.configure('SHOUT_OWNER = "somebody"\n');
    await toy.built([]);
    toy.restore();
    const back = await ask("whatchanged");
    expect(back).toMatch(/ 0 would run and 2 would be restored\n/);
    expect(back).toContain(
      '-"somebody"\n    +"nobody"\n  so these would be restored:\n    page: do_deploy, do_populate_sysroot',
    );
  });

  test("a forced run is a change of its own", async () => {
    toy.recipe("forced");
    await toy.built(["forced"]);
    await toy.built(["-f", "-c", "compile", "forced"]);
    expect(await ask("whatchanged", "forced")).toMatch(
      /\nforced do_compile\n {2}it is tainted by a forced run/,
    );
  });

  test("a mistake in the target is answered as when building", async () => {
    const { code, stderr } = await toy.answered(["whatchanged", "pag"]);
    expect([code, stderr]).toEqual([1, expect.stringContaining("recipe/nothing-provides")]);
  });
});

describe("diffsigs", () => {
  test("follows the two newest records of a task to what changed, in the tree and in copied files", async () => {
    toy.configure('SHOUT_OWNER = "somebody"\n');
    await toy.built([]);
    const answer = await ask("diffsigs", "-t", "page", "compile");
    expect(answer).toMatch(
      /^page do_compile: [0-9a-f]{12} to [0-9a-f]{12}\n\nshout do_install\n {2}needed by .*by page do_compile\n/,
    );
    expect(answer).toContain(OWNER.split("\n").slice(1).join("\n"));
    const [old, now] = recordsOf("page", "do_compile");
    expect(await ask("diffsigs", old!, now!)).toBe(answer);
    const hashes = [now!, old!].map((path) => path.slice(-32, -20));
    expect(await ask("diffsigs", "-t", "page", "compile", ...hashes)).toContain(
      '-"somebody"\n    +"nobody"\n',
    );
  });

  test.each([
    [["-t", "page", "do_compil"], /engine\/unknown-task.*\nhelp: is `do_compile` meant\?/],
    [["-t", "greeting", "compile"], /engine\/too-few-records/],
    [
      ["-t", "page", "compile", "00", "11"],
      /engine\/too-few-records\]: there is no record 00 and 11 of page:do_compile/,
    ],
    [["tsbake.yaml", "nowhere"], /engine\/no-record.*nowhere|engine\/no-record.*tsbake.yaml/],
  ])("%j is refused with what to do", async (args, expected) => {
    const { code, stderr } = await toy.answered(["diffsigs", ...args]);
    expect([code, stderr]).toEqual([1, expect.stringMatching(expected)]);
  });
});

/** Paths of the records of a task, oldest first. */
function recordsOf(pn: string, task: string): string[] {
  const folder = toy.rig.path("build/tmp/stamps/amd64", pn);
  const names = readdirSync(folder).filter((name) => name.includes(`.${task}.sigdata.`));
  return names.map((name) => join(folder, name)).sort((left, right) => timeOf(left) - timeOf(right));
}

function timeOf(path: string): number {
  return toy.rig.modifiedMs(path);
}

describe("dumpsig", () => {
  test("shows a record by file and by task, and lists those of a recipe", async () => {
    const text = await ask("dumpsig", "shout:install");
    expect(text).toMatch(/^task {7}do_install\n/);
    expect(text).toMatch(/\n {2}SHOUT_OWNER = "\w+"\n/);
    expect(text).toMatch(/\n {2}shout do_compile [0-9a-f]{32}\n$/);
    expect(await ask("dumpsig", "shout:do_install")).toBe(text);
    const path = recordsOf("shout", "do_install").at(-1)!;
    // Outside of any project.
    const elsewhere = await toy.answered(["dumpsig", path], { cwd: "/" });
    expect(elsewhere.stdout).toBe(text);
    expect(await ask("dumpsig", "shout")).toMatch(/^do_install +\d records? +\/.*sigdata/m);
  });
});

describe("-S", () => {
  test("printdiff compares with the closest artifact of a shared state that another folder filled", async () => {
    const other = toy.rig.path("printdiff");
    rmSync(other, { recursive: true, force: true });
    toy.change(
      "printdiff/conf/local.conf",
      `SSTATE_DIR = "${toy.rig.path("build/sstate-cache")}"\nSHOUT_OWNER = "you"\n`,
    );
    const { code, stdout, output } = await toy.answered(["-S", "printdiff"], {
      environment: { TSBAKE_BUILD_DIR: "printdiff" },
    });
    if (code !== 0) throw new Error(output);
    expect(stdout).toContain("shout do_install\n  variable SHOUT_OWNER changed\n");
    expect(stdout).toMatch(/\n {4}-"(no|some)body"\n {4}\+"you"\n {2}so these would run:\n/);
    expect(stdout).toMatch(/\n {4}page: .*do_deploy/);
    expect(stdout).not.toMatch(/greeting.*do_compile/);
    expect(readdirSync(other)).not.toContain("tmp/work");
  });

  test("none writes records, which whatchanged does not take for a build", async () => {
    await toy.built([]);
    toy.configure('SHOUT_OWNER = "somebody"\n');
    await ask("-S", "none");
    expect(await ask("whatchanged")).toContain(OWNER);
  });
});
