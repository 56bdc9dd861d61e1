/** `tsbake` on a terminal: what a person sees, Ctrl-C, the shell of -c devshell. */
import { spawn } from "node:child_process";
import { chmodSync, readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { root } from "../support/paths.js";
import { Rig } from "../support/rig.js";
import { Terminal } from "../support/terminal.js";
import { Toy } from "../support/toy.js";

let toy: Toy;

beforeAll(async () => {
  toy = new Toy();
  await toy.built(["greeting"]);
});
afterEach(() => toy.restore());
afterAll(() => toy[Symbol.dispose]());

function tsbake(...args: readonly string[]): Terminal {
  const main = join(root, "scripts/start.js");
  return new Terminal([process.execPath, main, ...args], { cwd: toy.rig.folder });
}

/** Waits for the file `go` beside the project file: the test decides how long the task takes. */
const PATIENT = `do_compile() {
    echo "1 of 4"
    until [ -e \${TOPDIR}/../go ]; do sleep 0.05; done
    echo end >>\${TOPDIR}/../ended
}
do_compile[progress] = "outof:(\\d+) of (\\d+)"
`;

describe("a build on a terminal", () => {
  test("shows what runs and how far it is, and in the end what was done", async () => {
    toy.recipe("patient-live", PATIENT);
    await using terminal = tsbake("patient-live");
    await terminal.until(/\d+ of \d+ done, 1 running\n {2}patient-live do_compile {2}.*\[## {8}\] 1 of 4/);
    // Longer than what came before it takes, also on a slow machine.
    await terminal.until(/do_compile {2}([3-9]|\d\d)(\.\d)? s {2}\[/);
    toy.change("go", "");
    const { code, output } = await terminal.end();
    expect(code).toBe(0);
    expect(output).toMatch(/done patient-live do_compile \d/);
    expect(output).toMatch(/done after .* s: \d+ run[^]*slowest: .*patient-live do_compile/);
  });

  test("the first Ctrl-C says what it waits for, and the next run goes on from there", async () => {
    toy.recipe("patient-stop", PATIENT);
    await using terminal = tsbake("patient-stop");
    await terminal.until(/do_compile {2}.*\[##/);
    terminal.type("\u0003");
    await terminal.until(/stopping: waiting for patient-stop do_compile \(Ctrl-C again kills\)/);
    toy.change("go", "");
    const { code, output } = await terminal.end();
    expect(code).toBe(1);
    expect(output).toMatch(/stopped after .*: \d+ run, \d+ not started/);
    const again = await toy.built(["patient-stop"]);
    expect(again.ran).not.toContain("patient-stop:do_compile");
    expect(again.ran).toContain("patient-stop:do_install");
  });

  test("the second Ctrl-C kills what runs, and nothing of it counts", async () => {
    toy.recipe("patient-kill", PATIENT);
    await using terminal = tsbake("patient-kill");
    await terminal.until(/do_compile {2}.*\[##/);
    terminal.type("\u0003");
    await terminal.until(/Ctrl-C again kills/);
    terminal.type("\u0003");
    const { code, output } = await terminal.end();
    expect(code).toBe(130);
    expect(output).toMatch(/killing patient-kill do_compile\n[^]*stopped after .*: 1 killed/);
    toy.change("go", "");
    expect((await toy.built(["patient-kill"])).ran).toContain("patient-kill:do_compile");
  });

  test("Ctrl-C while nothing runs yet ends it at once", async () => {
    toy.recipe("patient-first", PATIENT);
    await using first = tsbake("patient-first");
    await first.until(/do_compile {2}.*\[##/);
    await using second = tsbake("greeting");
    await second.until(/waiting for the build folder/);
    second.type("\u0003");
    expect((await second.end()).code).toBe(130);
    toy.change("go", "");
    expect((await first.end()).code).toBe(0);
  });
});

describe("a first run on a machine that is busy", () => {
  /** As many as there are processors, and each of them takes one. */
  function busy(): Disposable {
    const loops = Array.from({ length: availableParallelism() }, () =>
      spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" }),
    );
    return { [Symbol.dispose]: () => loops.forEach((one) => one.kill("SIGKILL")) };
  }

  test("has something that moves all the time: while the interpreter starts, recipes are read, a task says nothing", async () => {
    using fresh = new Toy();
    fresh.recipe(
      "silent",
      `python () {\n    d.setVar('WORD', 'said by python')\n}\ndo_compile() {\n    sleep 3\n    echo "\${WORD}"\n}\n`,
    );
    using _load = busy();
    const main = join(root, "scripts/start.js");
    await using terminal = new Terminal([process.execPath, main, "silent"], { cwd: fresh.rig.folder });
    const { code, output } = await terminal.end();
    expect([code, output]).toEqual([
      0,
      expect.stringMatching(/\d+ of \d+ done, 1 running\n {2}silent do_compile {2}3/),
    ]);
    expect(terminal.largestGapMs).toBeLessThan(2000);
  });

  test("while libraries are installed, and says why they are not", async () => {
    using house = new Rig({
      "package-lock.json": "{}",
      "scripts/prepare.sh": readFileSync(join(root, "scripts/prepare.sh"), "utf8"),
      "bin/npm": "#!/bin/sh\nsleep 3\necho no such registry\nexit 1\n",
    });
    chmodSync(house.path("bin/npm"), 0o755);
    await using terminal = new Terminal(["sh", house.path("scripts/prepare.sh")], {
      cwd: house.folder,
      environment: { PATH: `${house.path("bin")}:${process.env["PATH"]}` },
    });
    const { code, output } = await terminal.end();
    expect([code, terminal.largestGapMs < 2000]).toEqual([1, true]);
    expect(output).toMatch(
      /installing libraries .* \d+ s\n[^]*no such registry\n.*this step failed: installing libraries/,
    );
  });

  test("while nothing of ours can run, too, and what is drawn stays whole", async () => {
    // Longer than any block, and told by a line of its own.
    const text = `
      const { Screen } = await import(${JSON.stringify(pathToFileURL(join(root, "packages/cli/dist/display/screen.js")).href)});
      const screen = new Screen(process.stdout, () => ["| waiting", "  for something"]);
      screen.draw();
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 4000);
      screen.line("a line");
      screen.close();
    `;
    await using terminal = new Terminal([process.execPath, "--input-type=module", "-e", text], {
      cwd: toy.rig.folder,
    });
    const { code, output } = await terminal.end();
    expect([code, terminal.largestGapMs < 2000]).toEqual([0, true]);
    // Marks on the first character, in turn, and below them the line that stays.
    expect(output).toMatch(/^\| waiting\n {2}for something\n(?:[|/\\-]){5,}a line\n$/);
  });
});

describe("-c devshell", () => {
  test("opens the shell in the sources with the environment of the tasks; its last command does not matter", async () => {
    await using terminal = tsbake("-c", "devshell", "greeting");
    await terminal.until(/greeting 1\.0 in \S+;/);
    terminal.type('echo "[$PN] [$HOME] [$TERM]" >seen; test -t 0 && echo tty >>seen; command -v wc >>seen\n');
    // For whoever runs in the shell: the build goes on.
    terminal.type("sleep 20\n");
    await terminal.until(/sleep 20\n/);
    await new Promise((resolve) => setTimeout(resolve, 300));
    terminal.type("\u0003");
    terminal.type("false\nexit\n");
    const { code, output } = await terminal.end();
    expect([code, output]).toEqual([0, expect.stringMatching(/done after .*: \d+ run/)]);
    const [seen] = readdirSync(toy.rig.path("build/tmp"), { recursive: true, encoding: "utf8" }).filter(
      (path) => path.endsWith("/seen"),
    );
    expect(seen).toContain("/greeting/1.0/");
    const lines = readFileSync(toy.rig.path("build/tmp", seen!), "utf8").split("\n");
    expect(lines[0]).toMatch(/^\[.*\] \[.*\/greeting\/1\.0\/home\] \[xterm\]$/);
    expect(lines.slice(1)).toEqual(["tty", expect.stringContaining("/hosttools/wc"), ""]);
    expect(output).not.toContain("stopping");
    expect(toy.rig.read("build/cache/durations.json")).not.toContain("do_devshell");
  });

  test("without a terminal it is an error before anything runs", async () => {
    toy.recipe("never-begun");
    const refused = await toy.tsbake(["-c", "devshell", "never-begun"]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/^error\[run\/no-terminal\]: never-begun:do_devshell talks to a person/);
    expect(refused.stdout).not.toContain("do_fetch");
    expect((await toy.tsbake(["-n", "-c", "devshell", "never-begun"])).code).toBe(0);
  });
});
