/** Machines where an ordinary user may have no namespaces: a build that needs one ends with one error, and spoils nothing. */
import { spawnSync } from "node:child_process";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { run } from "../support/command.js";
import { root } from "../support/paths.js";
import { AS_NOBODY, cannotRefuse, SECCOMP, withoutNamespaces } from "../support/refusal.js";
import { describeUnless } from "../support/skip.js";
import { plainEnvironment } from "../support/temporary.js";
import { toldIn } from "../support/told.js";
import { Toy } from "../support/toy.js";

const obstacle = await cannotRefuse();

const PROGRAM = join(root, "scripts/start.js");

/** What installs packages into a root does before all else. */
const OPEN = `
import { BuildError, render } from ${JSON.stringify(join(root, "packages/base/dist/index.js"))};
import { openSandbox } from ${JSON.stringify(join(root, "packages/sandbox/dist/index.js"))};
try {
  const sandbox = await openSandbox({ fakeroot: process.argv[2] });
  await sandbox.close();
} catch (error) {
  if (!(error instanceof BuildError)) throw error;
  for (const one of error.diagnostics) console.log(render(one));
  process.exitCode = 1;
}
`;

const RECIPE = `
do_install() {
    ${process.execPath} @FOLDER@/open.mjs @FOLDER@/sysroot
    touch \${D}/opened
}
`;

describeUnless(obstacle, "without namespaces for users", () => {
  let toy: Toy;

  beforeAll(async () => {
    toy = new Toy();
    toy.rig.write("open.mjs", OPEN);
    // Never started: the namespaces come first.
    toy.rig.write("sysroot/usr/bin/faked-sysv", "");
    toy.rig.write("sysroot/usr/lib/x/libfakeroot/libfakeroot-sysv.so", "");
    toy.recipe("boxed", RECIPE.replaceAll("@FOLDER@", toy.rig.folder));
    toy.recipe("caged", 'do_install[cage] = "1"\ndo_install() {\n    touch ${D}/x\n}\n');
    await toy.built(["-n", "boxed"]);
    chmodSync(toy.rig.folder, 0o755);
    spawnSync("chown", ["-R", "65534:65534", toy.rig.folder]);
  });
  afterAll(() => toy[Symbol.dispose]());

  const build = ([command = "", ...front]: readonly string[], pn = "boxed") =>
    run(command, [...front, process.execPath, PROGRAM, `${pn}:do_populate_sysroot`], {
      cwd: toy.rig.folder,
      env: { ...plainEnvironment(), HOME: toy.rig.folder },
    });

  test.each([
    [
      "a limit of none",
      () => withoutNamespaces(build),
      "there are as many as the kernel allows; user.max_user_namespaces is 0",
      "`sysctl user.max_user_namespaces=10000`",
    ],
    [
      "a container's filter",
      () => build([...AS_NOBODY, ...SECCOMP]),
      "unshare: unshare failed: Operation not permitted",
      "a seccomp profile that allows `unshare`",
    ],
  ])("%s is told once, with what to do", async (_what, refused, why, remedy) => {
    const { code, stdout, stderr } = await refused();
    const told = [...(stdout + stderr).matchAll(/(?:error|warning)\[(.*?)\]/g)].map((match) => match[1]);
    const codes = ["run/no-isolation", "run/body-failed", "sandbox/no-namespaces"];
    expect([code, told, stderr]).toEqual([1, codes, stderr]);
    expect(stderr).toContain(`| error[sandbox/no-namespaces]: cannot make private namespaces: ${why}\n`);
    expect(stderr).toContain(remedy);
    // The store has what came before, and nothing of the task.
    const [, ...stored] = (
      await run("find", ["build/sstate-cache", "-name", "*boxed*populate_sysroot*zst"], {
        cwd: toy.rig.folder,
      })
    ).stdout.split("\n");
    expect(stored).toEqual([]);
  });

  test("a plan with a task that takes a cage does not begin", async () => {
    const { code, stderr } = await build([...AS_NOBODY, ...SECCOMP], "caged");
    expect(code).toBe(1);
    expect(toldIn(stderr).map((one) => one.code)).toEqual(["sandbox/no-namespaces"]);
    const { stdout } = await run("find", ["build/tmp", "-name", "*caged*"], { cwd: toy.rig.folder });
    expect(stdout).toBe("");
  });
});
