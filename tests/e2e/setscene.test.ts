/** Metadata with setscene tasks of its own, on a layer made for it: what ran is what the tasks wrote down. */
import { readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { byText } from "@tsbake/base";
import { root } from "../support/paths.js";
import { Rig } from "../support/rig.js";
import { describeUnless } from "../support/skip.js";
import { toolsProblem } from "../support/tools.js";
import { listening } from "../support/listening.js";

/** The embedded Python has neither threads nor sockets. */
const noPython = await toolsProblem("python3");

const LAYER = join(root, "tests/fixtures/layers/scene");

interface Step {
  readonly args: string;
  /** What the metadata's function finds. */
  readonly found?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Without a name in front: of the recipe before it. */
  readonly ran: string;
  /** Said by the command; it fails if that is an error. */
  readonly says?: string;
}

const cases: readonly (readonly [name: string, ...steps: Step[]])[] = [
  [
    "nothing found, then nothing to do",
    { args: "lib", ran: "lib:build compile fetch index pack stage" },
    { args: "lib", ran: "" },
  ],
  [
    "a configuration that takes Python is not read again",
    {
      args: "lib",
      environment: { MORE: "with-python" },
      ran: "lib:build compile fetch index pack stage",
      says: "done",
    },
    { args: "lib", environment: { MORE: "with-python" }, ran: "" },
  ],
  [
    "the index makes the packages superfluous",
    { args: "lib", found: "lib:index lib:stage lib:pack", ran: "lib:build index_setscene stage_setscene" },
  ],
  [
    "packages are taken for the index that is missing",
    { args: "lib", found: "lib:stage lib:pack", ran: "lib:build index pack_setscene stage_setscene" },
  ],
  [
    "what an app needs of its library",
    {
      args: "app",
      found: "lib:stage",
      ran: "app:build compile fetch index pack stage lib:stage_setscene",
    },
  ],
  [
    "a setscene task that fails",
    {
      args: "broken",
      found: "broken:stage broken:index",
      ran: "broken:build compile fetch index_setscene stage stage_setscene",
    },
  ],
  [
    "a hard dependency is restored although nothing else needs it",
    {
      args: "strict",
      found: "lib:stage strict:index strict:stage",
      ran: "lib:stage_setscene strict:build index_setscene stage_setscene",
    },
  ],
  [
    "a hard dependency that this build does not have",
    { args: "outside", ran: "", says: "error[engine/hard-need-outside]" },
  ],
  [
    "-f and then the rest",
    { args: "lib", ran: "lib:build compile fetch index pack stage" },
    { args: "lib -c compile -f", ran: "lib:compile" },
    { args: "lib", ran: "lib:build index pack stage" },
  ],
  [
    "enforced: what may run is not executed",
    {
      args: "lib",
      found: "lib:index lib:stage",
      environment: { BB_SETSCENE_ENFORCE: "1", BB_SETSCENE_ENFORCE_IGNORE_TASKS: "%:do_build" },
      ran: "lib:index_setscene stage_setscene",
    },
  ],
  [
    "enforced: what must not run",
    {
      args: "lib",
      found: "lib:stage",
      environment: { BB_SETSCENE_ENFORCE: "1", BB_SETSCENE_ENFORCE_IGNORE_TASKS: "lib:do_b*" },
      ran: "lib:stage_setscene",
      says: "error[run/must-not-run]",
    },
  ],
];

function spelled(text: string): string[] {
  let recipe = "";
  return text
    .split(" ")
    .filter(Boolean)
    .map((word) => {
      if (word.includes(":")) recipe = word.slice(0, word.indexOf(":") + 1);
      return word.includes(":") ? word : recipe + word;
    })
    .toSorted(byText);
}

/** Runs commands one after the other in a build folder. */
async function perform(rig: Rig, steps: readonly Step[]) {
  const results: { output: string; ran: string[]; code: number | null }[] = [];
  for (const { args, found = "", environment = {} } of steps) {
    const variables: Record<string, string> = { ...environment, WORDS: found, ROOT: LAYER };
    const { stdout, stderr, code } = await rig.answered(args.split(" "), {
      environment: {
        ...variables,
        BBPATH: LAYER,
        BB_ENV_PASSTHROUGH_ADDITIONS: Object.keys(variables).join(" "),
      },
    });
    let log = "";
    try {
      log = readFileSync(rig.path("ran"), "utf8");
    } catch {
      // Nothing ran.
    }
    rmSync(rig.path("ran"), { force: true });
    results.push({ output: stdout + stderr, ran: log.split("\n").filter(Boolean).sort(byText), code });
  }
  return results;
}

/** What `perform` gives when all is well. */
function wanted(steps: readonly Step[]) {
  return steps.map(({ ran, says = "" }) => ({
    output: expect.stringContaining(says) as unknown,
    ran: spelled(ran),
    code: says.startsWith("error[") ? 1 : 0,
  }));
}

test.each(cases)("%s", async (_name, ...steps) => {
  using rig = new Rig({});
  expect(await perform(rig, steps)).toEqual(wanted(steps));
});

describe("configurations that share a TMPDIR", () => {
  const environment = { BBMULTICONFIG: "one two" };
  const all = "lib mc:one:lib mc:two:lib";

  test.each([
    ["executed", "", "lib:build compile fetch index pack stage"],
    ["restored", "lib:stage lib:index", "lib:build index_setscene stage_setscene"],
    ["partly restored", "lib:stage", "lib:build compile fetch index pack stage_setscene"],
  ])("each task is %s once, and then there is nothing to do", async (_name, found, ran) => {
    using rig = new Rig({});
    const steps = [
      { args: all, found, environment, ran, says: "done" },
      { args: all, found, environment, ran: "" },
    ];
    expect(await perform(rig, steps)).toEqual(wanted(steps));
  });

  test.each([
    ["", "ring:build compile compile fetch index pack stage user:build compile fetch index pack stage"],
    [
      "ring:stage",
      "ring:build compile fetch index pack stage_setscene user:build compile fetch index pack stage",
    ],
  ])("deferred tasks that would wait for each other in a circle do not (found: %j)", async (found, ran) => {
    using rig = new Rig({});
    const steps = [{ args: "ring mc:one:user", found, environment, ran, says: "done" }];
    expect(await perform(rig, steps)).toEqual(wanted(steps));
  });
});

describeUnless(noPython, "a BB_HASHCHECK_FUNCTION with threads and sockets", () => {
  const RESTORED = "lib:build index_setscene stage_setscene";
  const BUILT = "lib:build compile fetch index pack stage";
  const PLACES = ["lib.index", "lib.stage", "lib.pack"];

  /** A server that has these names; `refused` methods are answered with 405. */
  async function serve(refused = ""): Promise<AsyncDisposable & { readonly url: string; asked: string[] }> {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      const isThere = PLACES.includes(request.url!.split("/").at(-1)!);
      response.writeHead(request.method === refused ? 405 : isThere ? 200 : 404).end();
    });
    return { ...(await listening(server)), asked };
  }
  const step = (name: string, ran: string, environment: Step["environment"], says = ""): Step => ({
    args: "lib",
    environment: { BB_HASHCHECK_FUNCTION: name, ...environment },
    ran,
    says,
  });

  test("asks a server itself", async () => {
    using rig = new Rig({});
    await using server = await serve();
    const steps = [step("by_urllib", RESTORED, { SERVER: server.url })];
    expect(await perform(rig, steps)).toEqual(wanted(steps));
    expect(server.asked.toSorted(byText)).toEqual(PLACES.map((name) => `GET /${name}`).toSorted(byText));
  });

  test.each([
    ["with HEAD", "", ["HEAD"]],
    ["with GET where HEAD is refused", "HEAD", ["GET", "HEAD"]],
  ])("has mirrors asked %s", async (_name, refused, methods) => {
    using rig = new Rig({});
    await using server = await serve(refused);
    const places = `file://.* ${server.url}/mirror/PATH;downloadfilename=PATH`;
    const steps = [step("by_fetch2", RESTORED, { PLACES: places }, "found 3 of 3")];
    expect(await perform(rig, steps)).toEqual(wanted(steps));
    expect(server.asked.toSorted(byText)).toEqual(
      methods.flatMap((method) => PLACES.map((name) => `${method} /mirror/${name}`)).toSorted(byText),
    );
  });

  test("finds folders, and asks nobody without network", async () => {
    using rig = new Rig({});
    await using server = await serve();
    for (const name of PLACES) rig.write(`mirror/${name}`, "");
    const remote = `file://.* ${server.url}/PATH`;
    const mirror = `file://.* file://${rig.path("mirror")}/PATH`;
    const [first, second] = [rig.path("tmp-first"), rig.path("tmp-second")];
    const steps = [
      step("by_fetch2", BUILT, { PLACES: remote, BB_NO_NETWORK: "1", TMPDIR: first }, "found 0 of 3"),
      step("by_fetch2", RESTORED, { PLACES: mirror, TMPDIR: second }, "found 3 of 3"),
    ];
    expect(await perform(rig, steps)).toEqual(wanted(steps));
    expect(server.asked).toEqual([]);
  });

  test.each([
    ["by_mistake", "error[engine/hash-check-failed]: BB_HASHCHECK_FUNCTION failed: KeyError: 'unihashes'"],
    ["by_dying", "error[python/died]: the process of BB_HASHCHECK_FUNCTION (by_dying) ended with code 3"],
    ["by_nobody", "error[engine/hash-check-failed]: BB_HASHCHECK_FUNCTION failed: NameError"],
  ])("one that fails (%s) is told", async (name, says) => {
    using rig = new Rig({});
    const steps = [step(name, "", {}, says)];
    expect(await perform(rig, steps)).toEqual(wanted(steps));
  });
});
