/** What a child in the sandbox begins with. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { openCage, openIsolation, openSandbox, type Sandbox, type SandboxRunOptions } from "@tsbake/sandbox";
import { run } from "../support/command.js";
import { describeUnless, notRoot, testUnless } from "../support/skip.js";
import { temporaryFolder } from "../support/temporary.js";
import { toolsProblem } from "../support/tools.js";

const SCRIPT = `
ls /proc/self/fd | tr '\\n' ' '
exec perl -e 'for (@ARGV) { syscall $_ + 0, 0, 0, 0, 0, 0; print $! + 0, " " }' "$@"
`;

/** A caller with a folder open; in the sandbox: what is open there, and what add_key, keyctl say (38: ENOSYS). */
const PROGRAM = `
import { openSandbox } from ${JSON.stringify(import.meta.resolve("@tsbake/sandbox"))};
const sandbox = await openSandbox();
const keys = process.arch === "x64" ? [248, 250] : [217, 219];
const script = ${JSON.stringify(SCRIPT)};
// Started by who holds the namespaces, and by nsenter, which one with an input is.
for (const options of [{}, { input: "" }]) {
  const { stdout, stderr } = await sandbox.run("sh", ["-c", script, "sh", ...keys.map(String)], options);
  console.log(stdout + stderr);
}
await sandbox.close();
`;

test("no file of the caller is open in a sandbox, and there are no keys", async () => {
  const caller = 'exec 5</ 60</; exec "$@"';
  const words = [process.execPath, "--input-type=module", "-e", PROGRAM];
  const done = await run("bash", ["-c", caller, "bash", ...words], { cwd: temporaryFolder("doors") });
  // 3 is the folder that ls reads.
  expect(done.stdout.trim() || done.stderr).toBe("0 1 2 3 38 38 \n0 1 2 3 38 38");
});

const BIG = "x".repeat(100_000);

const noFakeroot = notRoot === undefined ? undefined : await toolsProblem("fakeroot");

describeUnless(noFakeroot, "commands in a sandbox", () => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await openSandbox();
  });
  afterAll(() => sandbox.close());
  const shell = (script: string, options: SandboxRunOptions = {}) =>
    sandbox.run("sh", ["-c", script, "sh"], { ...options, mayFail: true });

  test.each([
    ["an exit code", "exit 7", { code: 7, signal: null, stdout: "", stderr: "" }],
    ["a signal", "kill -TERM $$", { code: null, signal: "SIGTERM" }],
    ["two streams", "echo out; echo err >&2", { code: 0, stdout: "out\n", stderr: "err\n" }],
    ["much output", "head -c 3000000 /dev/zero | tr '\\0' x", { code: 0, stdout: "x".repeat(3_000_000) }],
    ["no input", "wc -c", { code: 0, stdout: "0\n" }],
    ["streams that it closes before its end", "exec >&- 2>&-; sleep 0.05; exit 3", { code: 3 }],
    ["the end of who started it, which it cannot bring about", "kill -KILL 1; exit 4", { code: 4 }],
  ])("%s", async (_what, script, result) => {
    expect(await shell(script)).toMatchObject(result);
  });

  test("what a command leaves behind does not keep its end back for ever", async () => {
    expect(await shell("sleep 60 & echo left")).toMatchObject({ code: 0, stdout: "left\n" });
  });

  test("many at a time, each with what is its own", async () => {
    const all = Array.from({ length: 20 }, (_, at) => String(at));
    const env = (at: string) => ({ env: { AT: at, EMPTY: "", SIGNS: "a=b\n'\"$x" } });
    const script = 'sleep 0.0$AT; echo "$AT $EMPTY$SIGNS $PWD"; exit $AT';
    const done = await Promise.all(all.map((at) => shell(script, { cwd: "/usr", ...env(at) })));
    expect(done.map(({ code, stdout }) => `${code} ${stdout}`)).toEqual(
      all.map((at) => `${at} ${at} a=b\n'"$x /usr\n`),
    );
  });

  test("words that are too long for a request are given all the same", async () => {
    const { stdout } = await sandbox.run("sh", ["-c", 'echo "${#1}"', "sh", BIG]);
    expect(stdout).toBe(`${BIG.length}\n`);
  });

  // By us, or by env(1), which puts its name in front and quotes.
  test("a program or folder that is not there is told by the exit code", async () => {
    const told = async (command: string, cwd: string) => sandbox.run(command, [], { cwd, mayFail: true });
    expect(await told("no-such-program", "/")).toMatchObject({
      code: 127,
      stderr: expect.stringMatching(/no-such-program.?: No such file/),
    });
    expect(await told("true", "/no/folder")).toMatchObject({
      code: 127,
      stderr: expect.stringMatching(/\/no\/folder.?: No such file/),
    });
  });

  test("output is told as it comes", async () => {
    const told: string[] = [];
    await shell("echo one; echo two >&2", { onOutput: (text, stream) => told.push(`${stream} ${text}`) });
    expect(told.sort()).toEqual(["stderr two\n", "stdout one\n"]);
  });

  test("one whose sandbox is closed meanwhile was killed", async () => {
    const other = await openSandbox();
    const running = other.run("sleep", ["60"], { mayFail: true });
    await other.close();
    expect(await running).toMatchObject({ code: null, signal: "SIGKILL" });
    expect(await other.run("true", [], { mayFail: true })).toMatchObject({ code: null, signal: "SIGKILL" });
  });
});

/** By capabilities(7), each with its bit. */
const POWERS = {
  chown: 0,
  dac_override: 1,
  fowner: 3,
  fsetid: 4,
  kill: 5,
  setgid: 6,
  setuid: 7,
  setpcap: 8,
  sys_chroot: 18,
  sys_nice: 23,
  sys_resource: 24,
  mknod: 27,
  setfcap: 31,
};

testUnless(
  noFakeroot,
  "a command in the cage can own, change and run files and be any user, and has no other power",
  async () => {
    const folder = temporaryFolder("powers");
    await using cage = await openCage({
      ownership: join(folder, "ownership"),
      writable: [folder],
      readable: [],
    });
    const { stdout } = await cage.run("grep", ["-E", "^Cap(Inh|Bnd|Amb)", "/proc/self/status"]);
    const listed = Object.values(POWERS).reduce((mask, bit) => mask | (1n << BigInt(bit)), 0n);
    // In a container root itself has not all; a user's own namespace has.
    const had = notRoot === undefined ? powers(readFileSync("/proc/self/status", "utf8"))["Bnd"]! : listed;
    expect(powers(stdout)).toEqual({ Inh: 0n, Bnd: listed & had, Amb: 0n });
  },
);

/** The sets of a status in /proc, by name. */
function powers(status: string): Record<string, bigint> {
  return Object.fromEntries(
    [...status.matchAll(/^Cap(\w+):\s*([0-9a-f]+)$/gm)].map(
      ([, name, mask]) => [name!, BigInt(`0x${mask!}`)] as const,
    ),
  );
}

test.each([
  ["without unshare", undefined, "there is no program `unshare` (util-linux) on PATH"],
  [
    "where the kernel says no",
    "echo 'unshare: no: Operation not permitted' >&2; exit 1",
    "unshare: no: Operation not permitted",
  ],
  ["where unshare says nothing", "kill -KILL $$", "ended with SIGKILL"],
])("%s tasks have the network, which is told once", async (_what, script, reason) => {
  const folder = temporaryFolder("isolation");
  if (script !== undefined) writeFileSync(join(folder, "unshare"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const before = process.env["PATH"];
  process.env["PATH"] = folder;
  try {
    const told: string[] = [];
    const isolation = openIsolation((one) => told.push(one));
    for (const outer of [[], ["/usr/bin/env"], []]) expect(await isolation.wrap(outer, {})).toEqual([]);
    expect(told).toEqual([expect.stringContaining(reason)]);
  } finally {
    process.env["PATH"] = before;
  }
});
