/** Event handlers of metadata, called around and during a real build. */
import { rmSync } from "node:fs";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { Toy } from "../support/toy.js";

let toy: Toy;

const WATCH = `
def watch_text(e, d):
    name = bb.event.getName(e)
    if isinstance(e, bb.build.TaskBase):
        failed = isinstance(e, bb.build.TaskFailed)
        return "%s %s %s %s %s" % (name, e.pn, e.task, e._package, "exists" if os.path.exists(e.logfile) else failed)
    if isinstance(e, bb.runqueue.runQueueEvent):
        return "%s %s %s" % (name, e.taskstring.rpartition("/")[2], len(e.taskhash))
    if isinstance(e, bb.event.BuildBase):
        return "%s %s %s %s" % (name, ",".join(e.getPkgs()), e.getFailures(), d.getVar("BUILDNAME") == d.getVar("DATE") + d.getVar("TIME"))
    if isinstance(e, bb.event.ParseCompleted):
        return "%s %d+%d=%d, %d errors" % (name, e.cached, e.parsed, e.total, e.errors)
    if isinstance(e, bb.event.ReachableStamps):
        return "%s %s" % (name, len([stamp for stamp in e.stamps.values() if "/shout/" in stamp]))
    return name

addhandler watcher
watcher[eventmask] = "@MASK@"
python watcher() {
    with open(d.getVar("TOPDIR") + "/events", "a") as f:
        f.write(watch_text(e, d) + "\\n")
}
`;

beforeAll(async () => {
  toy = new Toy();
  await toy.built(["-n"]);
});
afterEach(() => {
  toy.restore();
  rmSync(toy.rig.path("build/events"), { force: true });
});
afterAll(() => toy[Symbol.dispose]());

function watch(mask: string, text = WATCH): void {
  toy.change("meta-toy/classes/watch.bbclass", text.replace("@MASK@", mask));
  toy.change("build/conf/local.conf", 'INHERIT += "watch"\n');
}

function told(): string[] {
  return toy.rig.read("build/events").trimEnd().split("\n");
}

test("the build's own events come in order, with what handlers ask of them", async () => {
  watch(
    "ParseStarted ParseCompleted BuildInit BuildStarted BuildCompleted ReachableStamps TreeDataPreparationCompleted"
      .split(" ")
      .map((name) => `bb.event.${name}`)
      .join(" ") + " bb.cooker.CookerExit",
  );
  await toy.built(["shout"]);
  const total = (/=(\d+),/.exec(told()[1]!) ?? [])[1];
  expect(told()).toEqual([
    "ParseStarted",
    `ParseCompleted 0+${total}=${total}, 0 errors`,
    "BuildInit  0 True",
    "ReachableStamps 1",
    "TreeDataPreparationCompleted",
    "BuildStarted shout:do_build 0 True",
    "BuildCompleted shout:do_build 0 True",
    "CookerExit",
  ]);
  rmSync(toy.rig.path("build/events"));
  // From the parse cache, and with nothing to do.
  await toy.built(["shout"]);
  expect(told()[0]).toBe("BuildInit  0 True");
  expect(told().at(-2)).toBe("BuildCompleted shout:do_build 0 True");
});

test("tasks tell of themselves with their own datastore, and so does the queue", async () => {
  watch("bb.build.TaskStarted bb.build.TaskSucceeded bb.build.TaskFailed bb.runqueue.runQueueTaskStarted");
  toy.recipe("one", "do_install() {\n    false\n}\n");
  const result = await toy.tsbake(["one:do_install"]);
  expect(result.code).toBe(1);
  const lines = told().filter((line) => /do_(compile|install)/.test(line));
  expect(lines).toEqual([
    "runQueueTaskStarted one_1.0.bb:do_compile 32",
    expect.stringMatching(/^TaskStarted one do_compile one-1.0-r0/),
    "TaskSucceeded one do_compile one-1.0-r0 exists",
    "runQueueTaskStarted one_1.0.bb:do_install 32",
    expect.stringMatching(/^TaskStarted one do_install one-1.0-r0/),
    "TaskFailed one do_install one-1.0-r0 exists",
  ]);
});

test("a handler of one recipe's class is told of that recipe's tasks only", async () => {
  toy.change("meta-toy/classes/watch.bbclass", WATCH.replace("@MASK@", "bb.build.TaskSucceeded"));
  toy.recipe("five", "inherit watch\n");
  toy.recipe("six");
  await toy.built(["five:do_compile", "six:do_compile"]);
  expect(told().filter((line) => line.includes("do_compile"))).toEqual([
    "TaskSucceeded five do_compile five-1.0-r0 exists",
  ]);
  expect(told().join("\n")).not.toContain("six");
});

test("a handler that fails at the beginning stops the build, one of a task fails the task", async () => {
  const failing = (mask: string) =>
    WATCH.replace("@MASK@", mask).replace(/with open[^]*$/, 'raise ValueError("not today")\n}\n');
  watch("bb.event.BuildStarted", failing("bb.event.BuildStarted"));
  const stopped = await toy.tsbake(["stamper"]);
  expect([stopped.code, stopped.output]).toEqual([1, expect.stringContaining("not today")]);
  expect(stopped.output).toContain("watcher");
  toy.restore();
  watch("bb.build.TaskSucceeded", failing("bb.build.TaskSucceeded"));
  toy.recipe("three");
  const failed = await toy.tsbake(["three:do_compile"]);
  expect([failed.code, failed.output]).toEqual([1, expect.stringContaining("not today")]);
});

test("each configuration has handlers of its own", async () => {
  toy.change("build/conf/multiconfig/one.conf", 'TMPDIR = "${TOPDIR}/tmp-one"\nINHERIT += "watch"\n');
  toy.change(
    "meta-toy/classes/watch.bbclass",
    WATCH.replace("@MASK@", "bb.event.BuildStarted bb.build.TaskStarted"),
  );
  toy.change("build/conf/local.conf", 'BBMULTICONFIG = "one"\n');
  toy.recipe("four");
  await toy.built(["four:do_fetch", "mc:one:four:do_fetch"]);
  expect(told()).toEqual([
    "BuildStarted four:do_fetch,mc:one:four:do_fetch 0 True",
    expect.stringMatching(/^TaskStarted four do_fetch/),
  ]);
});

test("metadata's own events reach its other handlers at once, in a parse and in a task", async () => {
  toy.change(
    "meta-toy/classes/watch.bbclass",
    `
def note_text(d, text):
    with open(d.getVar("TOPDIR") + "/events", "a") as f:
        f.write(text + "\\n")

addhandler hears
hears[eventmask] = "bb.event.MetadataEvent Own"
python hears() {
    what = "%s %s" % (e.type, e._localdata) if isinstance(e, bb.event.MetadataEvent) else "Own %s" % e.word
    note_text(d, "%s, %s" % (what, d.getVar("PN")))
    d.setVar("HEARD", "yes")
}

python do_tell() {
    class Own(bb.event.Event):
        def __init__(self, word):
            super().__init__()
            self.word = word
    bb.event.fire(bb.event.MetadataEvent("kind", {"a": 1}), d)
    bb.event.fire(Own("hello"), d)
    note_text(d, "after, %s" % d.getVar("HEARD"))
}
addtask tell
do_tell[nostamp] = "1"

python () {
    if d.getVar("PN") == "teller":
        bb.event.fire(bb.event.MetadataEvent("parsed", []), d)
}
`,
  );
  toy.recipe("teller", "inherit watch\n");
  await toy.built(["teller:do_tell"]);
  // A task's recipe may be parsed again.
  expect([...new Set(told())]).toEqual([
    "parsed [], teller",
    "kind {'a': 1}, teller",
    "Own hello, teller",
    "after, yes",
  ]);
});

test("what is provided by nobody, or by several, is told to handlers", async () => {
  watch(
    "bb.event.NoProvider bb.event.MultipleProviders",
    WATCH.replace(
      "    return name\n",
      `    if isinstance(e, bb.event.NoProvider):
        return "%s %s %s %s" % (name, e.getItem(), e.isRuntime(), e._dependees)
    return "%s %s %s %s" % (name, e.getItem(), e.isRuntime(), e.getCandidates())
`,
    ),
  );
  toy.recipe("left", 'PROVIDES += "virtual/side"\n');
  toy.recipe("right", 'PROVIDES += "virtual/side"\n');
  toy.recipe("both", 'DEPENDS = "virtual/side"\n');
  toy.recipe("none", 'DEPENDS = "nowhere"\n');
  await toy.built(["-n", "both"]);
  expect(told()).toEqual(["MultipleProviders virtual/side False ['left', 'right']"]);
  expect((await toy.tsbake(["-n", "none"])).code).toBe(1);
  expect(told().at(-1)).toMatch(/^NoProvider nowhere False \['.*none_1\.0\.bb'\]$/);
});

test("the disk monitor tells handlers what it saw, and of a full disk", async () => {
  watch(
    "bb.event.MonitorDiskEvent bb.event.DiskFull",
    WATCH.replace(
      "    return name\n",
      `    if isinstance(e, bb.event.DiskFull):
        return "%s %s %s" % (name, e._type, e._free > 0)
    return "%s %s" % (name, [one.available_bytes <= one.free_bytes <= one.total_bytes for one in e.disk_usage.values()])
`,
    ),
  );
  toy.change(
    "build/conf/local.conf",
    (before) => `${before}BB_DISKMON_DIRS = "STOPTASKS,\${TOPDIR},900000G,"\n`,
  );
  toy.recipe("seven");
  expect((await toy.tsbake(["seven:do_compile"])).code).toBe(1);
  expect(told().slice(0, 2)).toEqual(["DiskFull disk True", "MonitorDiskEvent [True]"]);
});

test("tasks with stamps of other inputs are told before anything runs", async () => {
  toy.recipe("eight");
  await toy.built(["eight:do_populate_sysroot"]);
  watch(
    "bb.event.StaleSetSceneTasks",
    WATCH.replace(
      "    return name\n",
      `    tasks = {tid.rpartition("/")[2]: [".".join(os.path.basename(stamp).split(".")[:3]) for stamp in stamps] for tid, stamps in e.tasks.items()}
    return "%s %s" % (name, tasks)
`,
    ),
  );
  await toy.built(["eight:do_populate_sysroot"]);
  expect(() => told()).toThrow(/ENOENT/);
  toy.recipe("eight", "do_install:append() {\n    :\n}\n");
  await toy.built(["eight:do_populate_sysroot"]);
  expect(told()).toEqual([
    "StaleSetSceneTasks {'eight_1.0.bb:do_populate_sysroot': ['1.0.do_populate_sysroot']}",
  ]);
});
