/** An unmodified BitBake with our server: its artifacts, its hash equivalence, and its own tests of a hash equivalence server. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { BitBakeProject, bitbakeMissing, bitbakeSelftest } from "../support/bitbake.js";
import { describeUnless } from "../support/skip.js";
import { startProgram, type ServerProgram } from "../support/sstate-server.js";
import { temporaryFolder } from "../support/temporary.js";
import { toolsProblem } from "../support/tools.js";

const missing = bitbakeMissing ?? (await toolsProblem("python3", "zstd"));

const RECIPES = {
  lib1: "",
  lib2: 'DEPENDS = "lib1"\n',
  lib3: 'DEPENDS = "lib2"\n',
  lib4: 'DEPENDS = "lib2 lib3"\n',
  tool: "",
  app: 'DEPENDS = "lib4 tool"\n',
};
/** Tasks of a recipe that have an artifact. */
const KINDS = 3;
const ALL = Object.keys(RECIPES).length * KINDS;

const reading = (server: ServerProgram): string =>
  `SSTATE_MIRRORS = "file://.* ${server.url}/PATH;downloadfilename=PATH"\n`;

/** By ordinary PUT, as curl does it. @returns paths of the objects */
async function push(project: BitBakeProject, server: ServerProgram): Promise<string[]> {
  const cache = join(project.folder, "sstate-cache");
  const paths = readdirSync(cache, { recursive: true, encoding: "utf8" }).filter((path) =>
    /\.tar\.zst(?:\.siginfo)?$/.test(path),
  );
  for (const path of paths) {
    const answer = await fetch(`${server.url}/${encodeURI(path)}`, {
      method: "PUT",
      headers: { authorization: `Bearer ${server.token!}` },
      body: readFileSync(join(cache, path)),
    });
    // What is equal to something that was there before, is there.
    if (answer.status !== 201 && answer.status !== 204) throw new Error(`${path}: ${answer.status}`);
  }
  return paths.filter((path) => path.endsWith(".zst")).sort();
}

async function requests(server: ServerProgram, labels: string): Promise<number> {
  const text = await (await fetch(server.url.replace(/sstate$/, "metrics"))).text();
  return Number(new RegExp(`^tsbake_sstate_requests_total\\{${labels}\\} (\\d+)$`, "m").exec(text)?.[1] ?? 0);
}

describeUnless(missing, "BitBake", () => {
  test("restores every object from the server, and compiles nothing", async () => {
    await using server = await startProgram(temporaryFolder("server"));
    const maker = new BitBakeProject(RECIPES);
    const made = await maker.build("");
    expect([made.compiled, made.restored]).toEqual([Object.keys(RECIPES).sort(), []]);
    const objects = await push(maker, server);
    expect(objects).toHaveLength(ALL);

    // In the same folder, and in one that has never built anything.
    for (const project of [maker, new BitBakeProject(RECIPES)]) {
      project.forget();
      const before = await requests(server, 'method="GET",status="200"');
      const shared = await project.build(reading(server));
      expect(shared).toEqual({ compiled: [], fetched: objects, restored: objects, warnings: [] });
      // Each with its description.
      expect((await requests(server, 'method="GET",status="200"')) - before).toBe(2 * ALL + 1);
    }
  }, 240_000);

  test("takes from its hash equivalence what another has found to be equal", async () => {
    await using server = await startProgram(temporaryFolder("server"), ["--anonymous", "@read @report"]);
    const equal = `BB_SIGNATURE_HANDLER = "TestEquivHash"\nBB_HASHSERVE = "${server.hashAddress}"\n`;
    const [maker, reader] = [new BitBakeProject(RECIPES), new BitBakeProject(RECIPES)];
    await maker.build(equal);
    for (const project of [maker, reader])
      project.recipe("lib1", '# a comment\ndo_compile[vardeps] += "PV"\n');
    const changed = await maker.build(equal);
    expect(changed.compiled).toEqual(["lib1"]);
    const objects = await push(maker, server);
    const shared = await reader.build(equal + reading(server));
    expect(shared).toEqual({ compiled: [], fetched: objects, restored: objects, warnings: [] });
  }, 240_000);

  /** Which cases pass depends on what strangers may do: some want them to read, some not even that. */
  test("has all its cases of an external server pass, with one or the other start", async () => {
    const passed = new Map<string, Set<string>>();
    const skipped = new Set<string>();
    for (const anonymous of ["@read", "@none"]) {
      await using server = await startProgram(
        temporaryFolder("server"),
        ["--anonymous", anonymous, "--admin", "admin"],
        { TSBAKE_SSTATE_ADMIN_PASSWORD: "password" },
      );
      const { stderr } = await bitbakeSelftest("hashserv.tests.TestHashEquivalenceExternalServer", {
        BB_TEST_HASHSERV: server.hashAddress,
        BB_TEST_HASHSERV_USERNAME: "admin",
        BB_TEST_HASHSERV_PASSWORD: "password",
      });
      const failed = new Set([...stderr.matchAll(/^(?:FAIL|ERROR): (test_\w+)/gm)].map(([, name]) => name!));
      const ours = new Set<string>();
      for (const [, name, end] of stderr.matchAll(/^(test_\w+) \(hashserv[^)]*\) \.\.\. ?(.*)$/gm))
        if (end!.startsWith("skipped")) skipped.add(name!);
        else if (!failed.has(name!)) ours.add(name!);
      passed.set(anonymous, ours);
    }
    const [readers, nobody] = [passed.get("@read")!, passed.get("@none")!];
    const either = new Set([...readers, ...nobody]);
    expect([readers.size, nobody.size, either.size, skipped.size]).toEqual([36, 36, 38, 4]);
  }, 240_000);
});
