import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { BuildError, sha256 } from "@tsbake/base";
import type { RunEvent } from "@tsbake/run";
import { chainStores, openFolderStore, openMirrors } from "@tsbake/sstate";
import { Rig } from "./run-rig.js";
import type { ProjectSpec, RunResult, TaskSpec } from "./run-rig.js";

/** lib builds and stages a folder, app uses it and deploys a file. */
const project: ProjectSpec = {
  lib: {
    tasks: {
      do_fetch: { body: "    echo fetched" },
      do_compile: {
        body: "    echo lib 1 >lib.a",
        needs: ["do_fetch"],
        flags: { dirs: "${WORKDIR}/build" },
      },
      do_stage: {
        body: "    cp ${WORKDIR}/build/lib.a ${WORKDIR}/staged/",
        needs: ["do_compile"],
        flags: { cleandirs: "${WORKDIR}/staged" },
        inputs: ["staged"],
        outputs: ["${TMPDIR}/components/lib"],
      },
    },
  },
  app: {
    tasks: {
      do_compile: {
        body: "    cat ${TMPDIR}/components/lib/lib.a >app; echo app >>app; chmod 750 app",
        needs: ["lib:do_stage"],
        flags: { dirs: "${WORKDIR}/build" },
      },
      do_deploy: {
        body: "    cp ${WORKDIR}/build/app ${WORKDIR}/out/app-1.0; ln -s app-1.0 ${WORKDIR}/out/app; ls ${WORKDIR}/out >${WORKDIR}/plain/list",
        needs: ["do_compile"],
        flags: { cleandirs: "${WORKDIR}/out ${WORKDIR}/plain" },
        inputs: ["out"],
        outputs: ["${TMPDIR}/deploy"],
        plain: ["plain"],
      },
      do_build: { needs: ["do_deploy"], noexec: true },
    },
  },
};
const all = [
  "run lib:do_fetch",
  "run lib:do_compile",
  "run lib:do_stage",
  "run app:do_compile",
  "run app:do_deploy",
];
const target = ["app:do_build"];

/** One recipe `x` with one task. */
function one(spec: TaskSpec, more: Partial<ProjectSpec[string]> = {}): ProjectSpec {
  return { x: { tasks: { do_x: spec }, ...more } };
}
function log(rig: Rig, pn = "x", task = "do_x"): string {
  return readFileSync(join(rig.tmp, `work/${pn}/temp/log.${task}`), "utf8");
}
function codes({ events }: RunResult): string[] {
  return events.flatMap((event) =>
    event.type === "warning" || event.type === "restore-failed" ? [event.diagnostic.code] : [],
  );
}
function bytes(rig: Rig): string {
  return (
    readFileSync(join(rig.tmp, "deploy/app"), "utf8") +
    readFileSync(join(rig.tmp, "work/app/plain/list"), "utf8")
  );
}

describe("a build", () => {
  test("runs in order, then has nothing to do", async () => {
    using rig = new Rig();
    const first = await rig.run(project, target);
    expect(first.started).toEqual(all);
    expect(first.summary).toMatchObject({
      ok: true,
      total: 6,
      ran: 5,
      noexec: 1,
      restored: 0,
      current: 0,
      covered: 0,
    });
    expect(readdirSync(join(rig.tmp, "deploy"))).toEqual(["app", "app-1.0"]);
    const second = await rig.run(project, target);
    expect(second.started).toEqual([]);
    expect(second.summary).toMatchObject({ ok: true, ran: 0, current: 1, covered: 5 });
  });

  test("after the loss of tmp everything comes back with the same bytes", async () => {
    using rig = new Rig();
    await rig.run(project, target);
    const before = bytes(rig);
    rmSync(rig.tmp, { recursive: true });
    const { started, summary } = await rig.run(project, target);
    expect(started).toEqual(["restore app:do_deploy"]);
    expect(summary).toMatchObject({ ok: true, restored: 1, noexec: 1, covered: 4 });
    expect(bytes(rig)).toBe(before);
    expect((await rig.run(project, target)).started).toEqual([]);
  });

  test("a changed body runs again with what depends on it; what it needs is restored", async () => {
    using rig = new Rig();
    await rig.run(project, target);
    const tasks = project["app"]!.tasks;
    const changed: ProjectSpec = {
      ...project,
      app: { tasks: { ...tasks, do_compile: { ...tasks["do_compile"]!, body: "    echo other >app" } } },
    };
    expect((await rig.run(changed, target)).started).toEqual(all.slice(3));
    expect(readFileSync(join(rig.tmp, "deploy/app"), "utf8")).toBe("other\n");
    rmSync(rig.tmp, { recursive: true });
    rmSync(join(rig.topdir, "sstate"), { recursive: true });
    await rig.run(project, ["lib:do_stage"]);
    rmSync(rig.tmp, { recursive: true });
    expect((await rig.run(changed, target)).started).toEqual(["restore lib:do_stage", ...all.slice(3)]);
  });

  test("a damaged artifact is told, its task and the task's needs run, and the bytes are the same", async () => {
    using rig = new Rig();
    await rig.run(project, target);
    const before = bytes(rig);
    rmSync(rig.tmp, { recursive: true });
    const store = join(rig.topdir, "sstate");
    for (const name of readdirSync(store, { recursive: true, encoding: "utf8" })) {
      if (/deploy\.tar\.\w+$/.test(name)) writeFileSync(join(store, name), "damaged");
    }
    const result = await rig.run(project, target);
    expect(codes(result)).toEqual(["run/restore-failed"]);
    expect(result.started).toEqual(["restore app:do_deploy", "restore lib:do_stage", ...all.slice(3)]);
    expect(result.summary).toMatchObject({ ok: true, ran: 2, restored: 1 });
    expect(bytes(rig)).toBe(before);
  });

  test("an artifact that is another one is told once, and the next mirror's is restored", async () => {
    using rig = new Rig();
    await rig.run(project, target);
    const before = bytes(rig);
    rmSync(rig.tmp, { recursive: true });
    const own = join(rig.topdir, "sstate");
    const [wrong, good] = [join(rig.topdir, "wrong"), join(rig.topdir, "good")];
    cpSync(own, wrong, { recursive: true });
    cpSync(own, good, { recursive: true });
    rmSync(own, { recursive: true });
    const paths = readdirSync(wrong, { recursive: true, encoding: "utf8" });
    const archive = (task: string): string =>
      join(
        wrong,
        paths.find((path) => path.match(`${task}.tar.\\w+$`))!,
      );
    for (const suffix of ["", ".sha256"])
      cpSync(`${archive("stage")}${suffix}`, `${archive("deploy")}${suffix}`);
    const options = { onWarning: () => {} };
    rig.store = chainStores(
      openFolderStore(own, options),
      openMirrors(`file://.* file://${wrong}/PATH file://.* file://${good}/PATH`, options),
    );
    const result = await rig.run(project, target);
    expect(codes(result)).toEqual(["run/refused-artifact"]);
    expect(result.started).toEqual(["restore app:do_deploy"]);
    expect(result.summary).toMatchObject({ ok: true, ran: 0, restored: 1, warnings: 1 });
    expect(bytes(rig)).toBe(before);
  });

  test("an artifact that has gone since it was asked for counts as damaged", async () => {
    using rig = new Rig();
    await rig.run(project, target);
    rmSync(rig.tmp, { recursive: true });
    const store = rig.store;
    rig.store = { ...bound(store), get: () => Promise.resolve(undefined) };
    const result = await rig.run(project, target);
    expect(result.started.filter((text) => text.startsWith("run"))).toEqual(all);
    expect(result.summary.ok).toBe(true);
  });

  test.each([
    ["EACCES", "run/cannot-store"],
    ["ENOSPC", "base/disk-full"],
    ["EDQUOT", "base/disk-full"],
  ])(
    "the artifact is stored before the stamp, and a store that fails with %s is a warning",
    async (code, told) => {
      using rig = new Rig();
      const stamps: boolean[] = [];
      const isStamped = () =>
        readdirSync(join(rig.tmp, "stamps/lib")).some((name) => /do_stage\.[0-9a-f]+$/.test(name));
      rig.store = {
        ...bound(rig.store),
        put() {
          stamps.push(isStamped());
          return Promise.reject(Object.assign(new Error("refused"), { code }));
        },
      };
      const result = await rig.run(project, ["lib:do_stage"]);
      expect(stamps).toEqual([false]);
      expect(codes(result)).toEqual([told]);
      expect([result.summary.ok, isStamped()]).toEqual([true, true]);
    },
  );

  test("signature data is beside the stamp", async () => {
    using rig = new Rig();
    await rig.run(project, ["lib:do_fetch"]);
    const [stamp, sigdata] = readdirSync(join(rig.tmp, "stamps/lib")).toSorted();
    expect(sigdata).toBe(stamp!.replace("do_fetch.", "do_fetch.sigdata."));
    expect(JSON.parse(readFileSync(join(rig.tmp, "stamps/lib", sigdata!), "utf8"))).toMatchObject({
      task: "lib:do_fetch",
    });
  });

  test("an interrupted change leaves no stamp that an undone change would believe", async () => {
    using rig = new Rig();
    await rig.run(project, target);
    const tasks = project["lib"]!.tasks;
    const broken: ProjectSpec = {
      ...project,
      lib: { tasks: { ...tasks, do_fetch: { body: "    echo half >${WORKDIR}/build/lib.a; false" } } },
    };
    expect((await rig.run(broken, target)).summary.ok).toBe(false);
    rmSync(join(rig.topdir, "sstate"), { recursive: true });
    await rig.run(project, ["lib:do_stage"]);
    expect(readFileSync(join(rig.tmp, "components/lib/lib.a"), "utf8")).toBe("lib 1\n");
  });
});

describe("modes", () => {
  test("a dry run tells everything and writes nothing", async () => {
    using rig = new Rig();
    const { started, summary } = await rig.run(project, target, { dryRun: true });
    expect(started).toEqual(all);
    expect(summary).toMatchObject({ ok: true, ran: 5, noexec: 1 });
    expect(existsSync(rig.tmp)).toBe(false);
  });

  test.each([
    ["off", all],
    ["skip", all],
    ["only", ["restore app:do_deploy"]],
    ["on", ["restore app:do_deploy"]],
  ] as const)("setscene %s on an empty tmp", async (setscene, expected) => {
    using rig = new Rig();
    await rig.run(project, target);
    rmSync(rig.tmp, { recursive: true });
    const { started, summary } = await rig.run(project, target, { setscene });
    expect(started).toEqual(expected);
    expect(summary.ok).toBe(true);
  });

  test.each([
    ["off", all],
    ["skip", []],
  ] as const)("setscene %s on a restored tmp", async (setscene, expected) => {
    using rig = new Rig();
    await rig.run(project, ["app:do_deploy"]);
    rmSync(rig.tmp, { recursive: true });
    await rig.run(project, ["app:do_deploy"]);
    expect((await rig.run(project, ["app:do_deploy"], { setscene })).started).toEqual(expected);
  });

  test("a taint makes the task and what depends on it run, and is told each time", async () => {
    using rig = new Rig();
    await rig.run(project, target);
    const { stamps, project: known } = rig.options(project, target);
    stamps.addTaint(
      [...known.recipes.values()].find(({ pn }) => pn === "app")!,
      "do_compile",
    );
    const result = await rig.run(project, target);
    expect(result.started).toEqual(all.slice(3));
    expect(codes(result)).toEqual(["run/tainted"]);
    expect((await rig.run(project, target)).started).toEqual([]);
  });

  test("nostamp runs every time; noexec is stamped without a body", async () => {
    using rig = new Rig();
    const both: ProjectSpec = {
      x: {
        tasks: {
          do_x: { body: "    :", nostamp: true },
          do_y: { body: "    false", noexec: true, needs: ["do_x"] },
        },
      },
    };
    expect((await rig.run(both, ["x:do_y"])).summary.ok).toBe(true);
    const again = await rig.run(both, ["x:do_y", "x:do_x"]);
    expect(again.started).toEqual(["run x:do_x"]);
    // What it stands for is not up to date.
    expect([again.summary.current, again.summary.noexec]).toEqual([0, 1]);
  });
});

describe("noexec on noexec", () => {
  const chain: ProjectSpec = {
    x: {
      tasks: {
        do_x: { body: "    :" },
        do_y: { noexec: true, needs: ["do_x"] },
        do_z: { noexec: true, needs: ["do_y"] },
      },
    },
  };
  test.each([
    ["nothing", [], 0],
    ["the upper one", ["do_z"], 1],
    ["the lower one", ["do_y"], 2],
    ["both", ["do_y", "do_z"], 2],
  ])("stamps that are gone are made again, and no body runs: %s", async (_what, gone, made) => {
    using rig = new Rig();
    await rig.run(chain, ["x:do_z"]);
    const folder = join(rig.tmp, "stamps/x");
    const stamps = readdirSync(folder).sort();
    for (const name of stamps)
      if (gone.some((task) => name.includes(`.${task}.`))) rmSync(join(folder, name));
    const { started, summary } = await rig.run(chain, ["x:do_z"]);
    expect([started, summary.ok, summary.noexec]).toEqual([[], true, made]);
    expect(readdirSync(folder).sort()).toEqual(stamps);
  });
});

describe("a password in a script", () => {
  test("is there while it runs, for the user alone, and in nothing that stays", async () => {
    const body = "    stat -c %a $0; echo 'http://me:secret@h/' | sha256sum";
    using rig = new Rig();
    await rig.run(one({ body }), ["x:do_x"]);
    expect(log(rig)).toMatch(new RegExp(`^600\\n${sha256("http://me:secret@h/\n")} `));
    const script = join(rig.tmp, "work/x/temp/run.do_x");
    expect(readFileSync(script, "utf8")).toContain("http://me:***@h/");
    expect(readFileSync(script, "utf8")).not.toContain("secret");
    expect(statSync(script).mode & 0o777).toBe(0o755);
  });
});

describe("failures", () => {
  const broken: ProjectSpec = {
    bad: { tasks: { do_x: { body: "    echo the reason; exit 7" } } },
    good: { tasks: { do_x: { body: "    :" }, do_y: { body: "    :", needs: ["do_x"] } } },
    top: { tasks: { do_x: { body: "    :", needs: ["bad:do_x", "good:do_y"] } } },
  };

  test("a failure is told with its code, log and script, and leaves no stamp", async () => {
    using rig = new Rig();
    const { summary } = await rig.run(broken, ["bad:do_x"]);
    const [failure] = summary.failed;
    expect(failure).toMatchObject({ label: "bad:do_x", exitCode: 7, stopped: false });
    expect(failure!.diagnostics.map(({ code }) => code)).toEqual(["run/body-failed"]);
    expect(readFileSync(failure!.logPath!, "utf8")).toBe("the reason\n");
    expect(readFileSync(failure!.scriptPath!, "utf8")).toMatch(/^#!\/bin\/sh\n/);
    expect(existsSync(join(rig.tmp, "stamps"))).toBe(false);
  });

  test("without -k nothing new starts", async () => {
    using rig = new Rig();
    const settings = { ...rig.options(broken, []).settings, threads: 1 };
    const { started, summary } = await rig.run(broken, ["bad:do_x", "top:do_x"], { settings });
    expect(started.at(-1)).toBe("run bad:do_x");
    expect(summary.notStarted).toContain("top:do_x");
    expect(summary.ok).toBe(false);
  });

  test("with -k everything goes on that does not need the failed task", async () => {
    using rig = new Rig();
    const { started, summary } = await rig.run(broken, ["top:do_x"], { keepGoing: true });
    expect(started.toSorted()).toEqual(["run bad:do_x", "run good:do_x", "run good:do_y"]);
    expect(summary).toMatchObject({ ok: false, ran: 2, notStarted: ["top:do_x"] });
  });

  test.each([
    ["base/disk-full", []],
    ["base/disk-read-only", []],
    ["base/disk-noexec", []],
    ["recipe/unreadable-file", ["good:do_x"]],
  ])("after %s with -k these start: %j", async (code, after) => {
    using rig = new Rig();
    const step = { body: "    :" };
    // The longer way ahead starts first.
    const two: ProjectSpec = {
      bad: { tasks: { do_x: step, do_y: { ...step, needs: ["do_x"] } } },
      good: { tasks: { do_x: step } },
    };
    const { started, summary } = await rig.run(two, ["bad:do_y", "good:do_x"], {
      keepGoing: true,
      settings: { ...rig.options(two, []).settings, threads: 1 },
      openRecipe(id) {
        if (id !== "bad") return rig.datastore(two, id);
        throw new BuildError([{ severity: "error", code, message: "as it is", help: "change it" }]);
      },
    });
    expect(started).toEqual(["bad:do_x", ...after].map((label) => `run ${label}`));
    expect(summary.failed.map(({ label, diagnostics }) => [label, diagnostics[0]!.code])).toEqual([
      ["bad:do_x", code],
    ]);
  });

  test("a body killed by a signal says so", async () => {
    using rig = new Rig();
    const { summary } = await rig.run(one({ body: "    kill -9 $$" }), ["x:do_x"]);
    expect(summary.failed[0]).toMatchObject({ exitCode: 137 });
    expect(summary.failed[0]!.diagnostics[0]!.message).toContain("signal 9");
  });

  test("an error of our own code stops the run and comes out", async () => {
    using rig = new Rig();
    const broke = rig.run(project, target, {
      openRecipe: () => Promise.reject(new Error("internal: broken")),
    });
    await expect(broke).rejects.toThrow("internal: broken");
  });

  test("two recipes that deploy one file: the second fails and names both", async () => {
    using rig = new Rig();
    const deploy = (text: string): TaskSpec => ({
      body: `    echo ${text} >\${WORKDIR}/out/file`,
      flags: { cleandirs: "${WORKDIR}/out" },
      inputs: ["out"],
      outputs: ["${TMPDIR}/deploy"],
    });
    const clash = {
      a: { tasks: { do_x: deploy("a") } },
      b: { tasks: { do_x: { ...deploy("b"), needs: ["a:do_x"] } } },
    };
    const { summary } = await rig.run(clash, ["b:do_x"]);
    expect(summary.failed[0]!.diagnostics[0]).toMatchObject({ code: "run/file-clash" });
    expect(summary.failed[0]!.diagnostics[0]!.message).toMatch(/b:do_x and a:do_x/);
  });
});

describe("a body", () => {
  test("sees its folders, its override, exported variables only, and no input", async () => {
    using rig = new Rig();
    process.env["TSBAKE_LEAK"] = "1";
    const body = '    pwd; echo ${WHO}; echo "leak=$TSBAKE_LEAK"; read line || echo no input; umask; ls';
    const flags = { dirs: "${WORKDIR}/one ${WORKDIR}/two", cleandirs: "${WORKDIR}/two", umask: "027" };
    const variables = { WHO: "recipe", "WHO:task-x": "task" };
    await rig.run(one({ body, flags }, { variables }), ["x:do_x"]);
    delete process.env["TSBAKE_LEAK"];
    expect(log(rig)).toBe(`${rig.tmp}/work/x/two\ntask\nleak=\nno input\n0027\n`);
  });

  test("does not run on top of what [cleandirs] could not remove", async () => {
    using rig = new Rig();
    // Not even root may remove it.
    const { summary } = await rig.run(
      one({ body: "    echo ran", flags: { cleandirs: "/proc/self/statu[s]" } }),
      ["x:do_x"],
    );
    expect(summary.failed[0]!.diagnostics).toMatchObject([
      {
        code: "run/cannot-prepare",
        message: expect.stringMatching(
          /^x:do_x: cannot prepare \/proc\/self\/statu\[s\]: rm: cannot remove '\/proc\/self\/status'/,
        ),
      },
    ]);
    expect(log(rig)).not.toContain("ran");
  });

  test.each([
    ["that fails", "    echo why; rm -rf ${T}; exit 3", "`do_x` ended with exit code 3", "why\n"],
    [
      "that says why afterwards",
      "    rm -rf ${WORKDIR}; echo why; exit 3",
      "`do_x` ended with exit code 3",
      "why\n",
    ],
  ])("%s after it has removed its own log has it all the same", async (_what, body, message, text) => {
    using rig = new Rig();
    const { summary } = await rig.run(one({ body }), ["x:do_x"]);
    expect(summary.failed[0]!.diagnostics).toMatchObject([
      { code: "run/body-failed", message: expect.stringContaining(message) },
    ]);
    expect(log(rig)).toBe(text);
  });

  test("that cleans its own log away and does well leaves none", async () => {
    using rig = new Rig();
    await rig.run(one({ body: "    rm -rf ${WORKDIR}" }), ["x:do_x"]);
    expect(existsSync(join(rig.tmp, "work/x/temp"))).toBe(false);
  });

  test("a line without an end costs as much as others, and comes in pieces", async () => {
    using rig = new Rig();
    const settings = { ...rig.options({}, []).settings, verbose: true };
    const size = 16 * 1024 * 1024;
    // What the shell says of both ends of a pipe would come in the middle of the line.
    const body = `    set +x; head -c ${size} /dev/zero | tr '\\0' x; echo; echo end; printf 'WARN %0200000d\\0' 1 >&3`;
    const before = performance.now();
    const { events } = await rig.run(one({ body }), ["x:do_x"], { settings });
    // The cost was square: 20 s.
    expect(performance.now() - before).toBeLessThan(10_000);
    const lines = events.flatMap((event) =>
      event.type === "task-output" && !event.line.startsWith("+") ? [event.line] : [],
    );
    expect(Math.max(...lines.map(({ length }) => length))).toBe(64 * 1024);
    expect(lines.at(-1)).toBe("end");
    expect(lines.join("").length).toBe(size + 3);
    const said = events.flatMap((event) => (event.type === "task-message" ? [event.text.length] : []));
    expect(Math.max(...said)).toBeLessThanOrEqual(64 * 1024);
  });

  test("has prefuncs before it and postfuncs after it; a failing one stops the rest", async () => {
    using rig = new Rig();
    const functions = { before: "    echo before", after: "    echo after; false", never: "    echo never" };
    const flags = { prefuncs: "before", postfuncs: "after never" };
    const { summary } = await rig.run(one({ body: "    echo body", flags }, { functions }), ["x:do_x"]);
    expect(log(rig)).toBe("before\nbody\nafter\n");
    expect(summary.failed[0]!.diagnostics[0]!.message).toContain("`after` ended with exit code 1");
  });

  test("has a log, a script and a list of what ran, each with its link", async () => {
    using rig = new Rig();
    await rig.run(one({ body: "    echo hello" }), ["x:do_x"]);
    const names = readdirSync(join(rig.tmp, "work/x/temp")).toSorted();
    const pid = process.pid;
    expect(names).toEqual([`log.do_x`, `log.do_x.${pid}`, "log.task_order", "run.do_x", `run.do_x.${pid}`]);
    expect(readFileSync(join(rig.tmp, "work/x/temp/log.task_order"), "utf8")).toMatch(
      new RegExp(`^\\d{8}-\\d{6}\\.\\d+ do_x \\(${pid}\\): log\\.do_x\\.${pid}\n$`),
    );
  });

  test("says things to the user; an ERROR makes the build fail though the task succeeded", async () => {
    using rig = new Rig();
    const body = '    bbplain "a  b"; bbnote n; bbwarn w; bberror e';
    const { events, summary } = await rig.run(one({ body }), ["x:do_x"]);
    const said = events.flatMap((event) =>
      event.type === "task-message" ? [[event.level, event.text]] : [],
    );
    expect(said).toEqual([
      ["plain", "a  b"],
      ["note", "n"],
      ["warning", "w"],
      ["error", "e"],
    ]);
    expect(summary).toMatchObject({ ran: 1, warnings: 1, errorMessages: 1, ok: false });
  });

  test("keeps the order of both outputs, in the log and when its lines are told", async () => {
    using rig = new Rig();
    const settings = { ...rig.options({}, []).settings, verbose: true };
    const body = "    for n in 1 2 3 4 5 6 7 8 9; do echo out $n; echo error $n >&2; done";
    const { events } = await rig.run(one({ body }), ["x:do_x"], { settings });
    const order = Array.from({ length: 9 }, (_, at) => [`out ${at + 1}`, `error ${at + 1}`]).flat();
    const isSaid = (line: string) => /^(out|error) \d$/.test(line);
    expect(
      events.flatMap((event) => (event.type === "task-output" && isSaid(event.line) ? [event.line] : [])),
    ).toEqual(order);
    expect(log(rig).split("\n").filter(isSaid)).toEqual(order);
  });

  test("tells its lines when verbose, and its progress", async () => {
    using rig = new Rig();
    const settings = { ...rig.options({}, []).settings, verbose: true };
    const body = "    echo 10%; printf '60%%\\r90%%\\n'; echo 90%; echo 5%";
    const { events } = await rig.run(one({ body, flags: { progress: "percent" } }), ["x:do_x"], { settings });
    const told = events.flatMap((event): unknown[] => {
      if (event.type === "task-progress") return [event.percent];
      return event.type === "task-output" && !event.line.startsWith("+") ? [event.line] : [];
    });
    expect(told).toEqual(["10%", 10, "60%", 60, "90%", 90, "90%", "5%", 5]);
    expect(log(rig)).toContain("10%\n");
  });

  test("without a function is a warning", async () => {
    using rig = new Rig();
    const result = await rig.run(one({}), ["x:do_x"]);
    expect(codes(result)).toEqual(["run/missing-function"]);
    expect(result.summary.ok).toBe(true);
  });

  test("with a wrong umask fails before it starts", async () => {
    using rig = new Rig();
    const { summary } = await rig.run(one({ body: "    :", flags: { umask: "u=rwx" } }), ["x:do_x"]);
    expect(summary.failed[0]!.diagnostics[0]!.code).toBe("run/malformed-flag");
  });

  test("with [fakeroot] runs below FAKEROOTCMD", async () => {
    using rig = new Rig();
    const variables = { FAKEROOTCMD: "env UNDER=fakeroot", FAKEROOTENV: "ONE=1 TWO=2" };
    await rig.run(
      one({ body: '    echo "$UNDER $ONE $TWO"', flags: { fakeroot: "1", network: "1" } }, { variables }),
      ["x:do_x"],
    );
    expect(log(rig)).toBe("fakeroot 1 2\n");
  });

  test("with a FAKEROOTCMD that is not there says which program", async () => {
    using rig = new Rig();
    const variables = { FAKEROOTCMD: "tsbake-no-such-program" };
    const flags = { fakeroot: "1", network: "1" };
    const { summary } = await rig.run(one({ body: "    :", flags }, { variables }), ["x:do_x"]);
    expect(summary.failed[0]!.diagnostics[0]).toMatchObject({ code: "run/no-program" });
  });

  // With [progress] the engine starts the body itself, else the launcher does.
  test.each(["", "percent"])(
    "with an exported value that no process can have says which ([progress] %j)",
    async (progress) => {
      using rig = new Rig();
      const variables = { PATH: `/usr/bin:/bin:${"x".repeat(200 * 1024)}` };
      const { summary } = await rig.run(one({ body: "    :", flags: { progress } }, { variables }), [
        "x:do_x",
      ]);
      const [told] = summary.failed[0]!.diagnostics;
      expect(told).toMatchObject({ code: "base/too-long" });
      expect(told?.message).toMatch(/`PATH` has 204820 bytes, and the kernel takes 131072/);
    },
  );

  test("may use the network only with [network], where this machine can take it away", async () => {
    using rig = new Rig();
    const body = "    readlink /proc/self/ns/net";
    await rig.run(
      { a: { tasks: { do_x: { body } } }, b: { tasks: { do_x: { body, flags: { network: "1" } } } } },
      ["a:do_x", "b:do_x"],
    );
    const [without, with_] = [log(rig, "a"), log(rig, "b")];
    expect(with_).toMatch(/^net:\[\d+\]\n$/);
    const possible =
      (await import("node:child_process")).spawnSync("unshare", ["--user", "--net", "true"]).status === 0;
    expect(without === with_).toBe(!possible);
  });

  test("with [lockfiles] is alone", async () => {
    using rig = new Rig();
    const body = "    mkdir ${TOPDIR}/inside; ls >/dev/null; rmdir ${TOPDIR}/inside";
    mkdirSync(join(rig.topdir, "locks"));
    symlinkSync("locks", join(rig.topdir, "alias"));
    // However the two files are named, and in whatever order: nobody waits for himself or for one who waits for him.
    const named = [
      "${TOPDIR}/locks/b ${TOPDIR}/locks/a",
      "${TOPDIR}/alias/a ${TOPDIR}/locks/b",
      "${TOPDIR}/locks/a ${TOPDIR}/alias/a ${TOPDIR}/locks/b",
      "${TOPDIR}/locks/../locks/b ${TOPDIR}/locks/a ${TOPDIR}/locks/a",
    ];
    const names = ["a", "b", "c", "d"];
    const many = Object.fromEntries(
      names.map((name, at) => [name, { tasks: { do_x: { body, flags: { lockfiles: named[at]! } } } }]),
    );
    const settings = { ...rig.options({}, []).settings, threads: 4 };
    const { summary } = await rig.run(
      many,
      names.map((name) => `${name}:do_x`),
      { settings },
    );
    expect(summary).toMatchObject({ ok: true, ran: 4 });
  });

  test("with [taskdepdata] finds the graph below it", async () => {
    using rig = new Rig();
    const spec: ProjectSpec = {
      ...project,
      x: {
        tasks: {
          do_x: {
            body: "    cat ${T}/taskdepdata.json",
            needs: ["lib:do_stage"],
            flags: { taskdepdata: "1" },
          },
        },
      },
    };
    await rig.run(spec, ["x:do_x"]);
    const data = JSON.parse(log(rig)) as {
      label: string;
      depends: string[];
      outputs?: string[];
      pn: string;
    }[];
    expect(data.map(({ label }) => label)).toEqual([
      "x:do_x",
      "lib:do_stage",
      "lib:do_compile",
      "lib:do_fetch",
    ]);
    expect(data[0]!.depends).toEqual(["lib:do_stage"]);
    expect(data[1]).toMatchObject({
      pn: "lib",
      task: "do_stage",
      outputs: [join(rig.tmp, "components/lib")],
    });
  });

  test("with [uninstall] takes away what the recipe has installed", async () => {
    using rig = new Rig();
    await rig.run(project, target);
    const clean: TaskSpec = { body: "    :", nostamp: true, flags: { uninstall: "1" } };
    const cleaned = { ...project, app: { tasks: { ...project["app"]!.tasks, do_clean: clean } } };
    await rig.run(cleaned, ["app:do_clean"]);
    expect([existsSync(join(rig.tmp, "deploy")), existsSync(join(rig.tmp, "components/lib"))]).toEqual([
      false,
      true,
    ]);
  });

  test("that is Python goes to the runner, shell functions around it do not", async () => {
    using rig = new Rig();
    const spec = one(
      {
        body: "pass",
        flags: { python: "1", prefuncs: "before", cleandirs: "${WORKDIR}/here", dirs: "${WORKDIR}/here" },
      },
      { functions: { before: "    echo shell", other: "    echo nested; exit 3" } },
    );
    const { summary } = await rig.run(spec, ["x:do_x"], {
      async runPython(call) {
        const code = await call.runFunction("other", call.d);
        await call.start("/bin/sh", [
          "-c",
          "echo $0 in $PWD; printf 'note from python\\0' >&3",
          call.function,
        ]);
        return { code: 1, message: `ValueError: after ${code} (x.bb:3)` };
      },
    });
    expect(log(rig)).toBe(`shell\nnested\ndo_x in ${rig.tmp}/work/x/here\n`);
    expect(summary.failed[0]!.diagnostics[0]!.message).toBe(
      "x:do_x: `do_x` failed: ValueError: after 3 (x.bb:3)",
    );
  });
});

describe("scheduling", () => {
  const names = Array.from({ length: 8 }, (_, index) => `r${index}`);
  const many = Object.fromEntries(names.map((name) => [name, { tasks: { do_x: { body: "    :" } } }]));
  const targets = names.map((name) => `${name}:do_x`);

  /** The most tasks that ran at once, by their events. */
  function most(events: readonly RunEvent[]): number {
    let running = 0;
    let highest = 0;
    for (const { type } of events) {
      if (type === "task-started") highest = Math.max(highest, ++running);
      if (type === "task-finished") running--;
    }
    return highest;
  }

  test.each([1, 3])("%i threads", async (threads) => {
    using rig = new Rig();
    const settings = { ...rig.options({}, []).settings, threads };
    expect(most((await rig.run(many, targets, { settings })).events)).toBe(threads);
  });

  test("a limit of one task name", async () => {
    using rig = new Rig();
    const settings = { ...rig.options({}, []).settings, threads: 4, taskThreads: new Map([["do_x", 1]]) };
    const { events, summary } = await rig.run(many, targets, { settings });
    expect([most(events), summary.ran]).toEqual([1, 8]);
  });

  test("what took long last time, with all that waits for it, starts first", async () => {
    using rig = new Rig();
    const { mkdirSync } = await import("node:fs");
    mkdirSync(join(rig.topdir, "cache"));
    writeFileSync(
      join(rig.topdir, "cache/durations.json"),
      JSON.stringify({ "r5:do_x": 90_000, "r3:do_x": 50_000 }),
    );
    const settings = { ...rig.options({}, []).settings, threads: 1 };
    const { started } = await rig.run(many, targets, { settings });
    expect(started.slice(0, 2)).toEqual(["run r5:do_x", "run r3:do_x"]);
  });

  test("is not written down where nothing can be written, and the build is as good", async () => {
    using rig = new Rig();
    writeFileSync(join(rig.topdir, "cache"), "no folder");
    expect((await rig.run(one({ body: "    :" }), ["x:do_x"])).summary).toMatchObject({ ok: true, ran: 1 });
  });
});

function bound(store: Rig["store"]): Rig["store"] {
  return {
    find: (names) => store.find(names),
    get: (name) => store.get(name),
    put: (name, path, description) => store.put(name, path, description),
    reject: (name) => store.reject(name),
    describe: (name, description) => store.describe(name, description),
  };
}
