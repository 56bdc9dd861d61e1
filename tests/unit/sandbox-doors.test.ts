/** What a child in the sandbox begins with. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { openCage, openIsolation } from "@tsbake/sandbox";
import { run } from "../support/command.js";
import { notRoot, testUnless } from "../support/skip.js";
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
const { stdout, stderr } = await sandbox.run("sh", ["-c", script, "sh", ...keys.map(String)], { input: "" });
await sandbox.close();
console.log(stdout + stderr);
`;

test("no file of the caller is open in a sandbox, and there are no keys", async () => {
  const caller = 'exec 5</ 60</; exec "$@"';
  const words = [process.execPath, "--input-type=module", "-e", PROGRAM];
  const done = await run("bash", ["-c", caller, "bash", ...words], { cwd: temporaryFolder("doors") });
  // 3 is the folder that ls reads.
  expect(done.stdout.trim() || done.stderr).toBe("0 1 2 3 38 38");
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
  notRoot === undefined ? undefined : await toolsProblem("fakeroot"),
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
