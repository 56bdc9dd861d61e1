/** Mistakes, damage and company: what `tsbake` says and does then, on the layer meta-toy. */
import { spawn } from "node:child_process";
import { appendFileSync, chmodSync, existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { run } from "../support/command.js";
import { root } from "../support/paths.js";
import { describeUnless, notRoot } from "../support/skip.js";
import { toolsProblem } from "../support/tools.js";
import { builtToy } from "../support/toy.js";
import { plainEnvironment } from "../support/temporary.js";

const toy = builtToy();

describe("a failing task", () => {
  test("shows the end of its log and the script, which repeats it by hand", async () => {
    const numbered = "    for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25; do\n";
    toy.recipe(
      "fails",
      `GREETING = "it's \\"here\\""\ndo_compile() {\n${numbered}        echo "line $i"\n    done\n` +
        "    echo '${PN}' >repeated\n    exit 7\n}\n",
    );
    const failed = await toy.tsbake(["fails"]);
    expect(failed.code).toBe(1);
    expect(failed.stderr).toMatch(
      /error\[run\/body-failed\]: fails:do_compile: .*exit code 7\n {2}\| line 6\n/,
    );
    expect(failed.stderr).toContain("  | line 25\n");
    expect(failed.stderr).not.toContain("| line 5\n");
    const log = /^log: (.*)$/m.exec(failed.output)?.[1];
    expect(toy.rig.read(log!.slice(toy.rig.folder.length + 1))).toMatch(/^line 1\n/m);
    const script = /^to repeat it by hand: (.*)$/m.exec(failed.output)?.[1];
    const repeated = join(script!, "../../build/repeated");
    rmSync(repeated);
    const byHand = await run(script!, [], { cwd: "/", env: {} });
    expect(byHand.code).toBe(7);
    expect(byHand.stdout).toContain("line 25\n");
    expect(existsSync(repeated)).toBe(true);
  });

  test("in Python shows the exception and the line of the recipe, not our own stack", async () => {
    toy.recipe(
      "pyfails",
      'python do_compile() {\n    bb.note("working")\n    raise ValueError("no good")\n}\n',
    );
    const failed = await toy.tsbake(["pyfails"]);
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain("ValueError: no good");
    expect(failed.stderr).toContain("error[run/");
  });
});

describeUnless(await toolsProblem("python3"), "a Python task", () => {
  const TEXT =
    "python do_compile() {\n    import os, sys\n    with open(os.path.join(d.getVar('B'), 'made'), 'w') as out:\n" +
    "        out.write('%s by %s\\n' % (d.getVar('PN'), sys.platform))\n}\n" +
    "do_install() {\n    install -D -m 0644 made ${D}${SHARED}/${PN}.made\n}\n";

  test.each([
    ["runs in the host's python3", "pyhost", "", "linux"],
    [
      "runs in the embedded one where the host has none",
      "pyown",
      'HOSTTOOLS_NONFATAL:remove = "python3"\n',
      "emscripten",
    ],
  ])("%s", async (_what, pn, settings, platform) => {
    rmSync(toy.rig.path("build/tmp/hosttools/python3"), { force: true });
    toy.configure(settings);
    toy.recipe(pn, TEXT);
    await toy.built([pn]);
    expect(toy.rig.read(`build/tmp/deploy/toy/${pn}.made`)).toBe(`${pn} by ${platform}\n`);
  });
});

describe("mistakes in metadata", () => {
  test("of two files are reported together, each with its place", async () => {
    toy.recipe("open-quote", 'A = "1\n');
    toy.recipe("no-class", "inherit nosuchclass\n");
    const failed = await toy.tsbake(["page"]);
    expect(failed.code).toBe(1);
    const folder = toy.rig.path("meta-toy/recipes/extra");
    expect(failed.stderr).toContain(
      `error[datastore/missing-class]: there is no class \`nosuchclass\`\n --> ${folder}/no-class_1.0.bb:2:9\n` +
        "  |\n2 | inherit nosuchclass\n  |         ^^^^^^^^^^^\n",
    );
    expect(failed.stderr).toContain(` --> ${folder}/open-quote_1.0.bb:2:5\n  |\n2 | A = "1\n  |     ^^\n`);
    expect(failed.stdout).not.toContain("do_");
  });

  test("a [requires] that does not hold names both sides", async () => {
    toy.recipe("picky", 'do_compile[requires] = "shout:MACHINE=special"\n');
    const failed = await toy.tsbake(["picky"]);
    expect(failed.code).toBe(1);
    expect(failed.stderr).toMatch(
      /error\[graph\/requirement\]: `picky:do_compile` needs `shout` to have MACHINE = "special"/,
    );
    expect(failed.stderr).toContain("help: ");
  });

  test("a circle of dependencies is shown as a path that ends where it began", async () => {
    toy.recipe("circle-a", 'DEPENDS = "circle-b"\n');
    toy.recipe("circle-b", 'DEPENDS = "circle-a"\n');
    const failed = await toy.tsbake(["circle-a"]);
    expect(failed.code).toBe(1);
    const path = /error\[graph\/cycle\]: tasks wait for each other: (.*)/
      .exec(failed.stderr)?.[1]
      ?.split(" → ");
    expect(path?.at(-1)).toBe(path?.[0]);
    expect(new Set(path?.map((task) => task.split(":")[0]))).toEqual(new Set(["circle-a", "circle-b"]));
    expect(failed.stderr).toContain("DEPENDS");
  });

  test("a missing dependency names who wants it and what may be meant", async () => {
    toy.recipe("misspelt", 'DEPENDS = "shuot"\n');
    const failed = await toy.tsbake(["misspelt"]);
    expect(failed.code).toBe(1);
    expect(failed.stderr).toMatch(
      /no recipe provides `shuot`, which `misspelt` needs \(DEPENDS\)\n[^]*DEPENDS = "shuot"[^]*\nhelp: is `shout` meant\?/,
    );
  });
});

describe("damage", () => {
  test("an artifact that is not what it was is named, moved aside and built again", async () => {
    const objects = [...(await toy.rig.digests("build/sstate-cache")).keys()].filter((path) =>
      /:page:.*_deploy\.tar\.(zst|gz)$/.test(path),
    );
    expect(objects).toHaveLength(1);
    const object = toy.rig.path("build/sstate-cache", objects[0]!);
    appendFileSync(object, "damage");
    const page = toy.rig.read("build/tmp/deploy/toy/page");
    rmSync(toy.rig.path("build/tmp"), { recursive: true });
    const rebuilt = await toy.trace([]);
    expect(rebuilt.code).toBe(0);
    expect(rebuilt.output).toContain("engine/shared-state");
    expect(rebuilt.ran).toContain("page:do_deploy");
    expect(toy.rig.read("build/tmp/deploy/toy/page")).toBe(page);
    expect(existsSync(`${object}.bad`)).toBe(true);
    expect(existsSync(object)).toBe(true);
  });

  test.each([
    ["cut off", (text: string) => text.slice(0, text.length / 2)],
    ["followed by junk", (text: string) => `${text}{"\n`],
    ["of something else", () => "[1, 2]\n"],
    ["empty", () => ""],
  ])("caches that are %s are made again without a word", async (_how, damage) => {
    const names = readdirSync(toy.rig.path("build/cache")).filter((name) => /\.jsonl?$/.test(name));
    expect(names.length).toBeGreaterThan(2);
    for (const name of names) {
      const path = join("build/cache", name);
      const text = toy.rig.read(path);
      toy.rig.write(path, damage(text));
    }
    const again = await toy.tsbake([]);
    expect(again.stderr).toBe("");
    expect(again.stdout).toMatch(/^nothing to do/);
  });

  test("a snapshot of the interpreter that cannot be used is made again", async () => {
    // With the installation, or with the project of a user to whom that does not belong.
    const folders = [join(root, "node_modules/.cache/tsbake"), toy.rig.path("build/cache/python")];
    const snapshots = folders.flatMap((folder) =>
      existsSync(folder)
        ? readdirSync(folder)
            .filter((name) => name.endsWith(".snapshot"))
            .map((name) => join(folder, name))
        : [],
    );
    expect(snapshots.length).toBeGreaterThan(0);
    for (const path of snapshots) {
      // Another start of tsbake may write it anew at any time.
      rmSync(path, { force: true });
      writeFileSync(path, "junk");
    }
    toy.recipe("fresh", "WORDS = \"${@sum(len(word) for word in [d.getVar('PN')])}\"\n");
    const again = await toy.tsbake(["fresh"]);
    expect(again.stderr).toBe("");
    expect(again.code).toBe(0);
  });
});

describe("company", () => {
  test("a second tsbake waits for the first and says for whom", async () => {
    toy.recipe(
      "slow",
      'do_compile[nostamp] = "1"\ndo_compile() {\n    touch ${TOPDIR}/started\n' +
        "    until [ -e ${TOPDIR}/go ]; do sleep 0.05; done\n}\n",
    );
    const first = toy.built(["-c", "compile", "slow"]);
    await until(() => existsSync(toy.rig.path("build/started")));
    const second = spawn("node", [join(root, "scripts/start.js"), "--ui", "plain", "-n", "page"], {
      cwd: toy.rig.folder,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    second.stdout.on("data", (bytes: Buffer) => (said += bytes.toString()));
    second.stderr.on("data", (bytes: Buffer) => (said += bytes.toString()));
    const ended = new Promise<number | null>((resolve) => second.on("close", resolve));
    await until(() => said.includes("waiting for") || second.exitCode !== null);
    toy.rig.write("build/go", "");
    await first;
    expect(await ended).toBe(0);
    expect(said).toMatch(
      /waiting for tsbake .*-c compile slow \(process \d+\), which works in this build folder/,
    );
    rmSync(toy.rig.path("build/go"));
    rmSync(toy.rig.path("build/started"));
  });
});

describeUnless(notRoot, "a build folder of another user", () => {
  test("a build folder that cannot be written to is named, once, before anything starts", async () => {
    toy.recipe("new-here");
    const refused = await run(
      "runuser",
      ["-u", "nobody", "--", "node", join(root, "scripts/start.js"), "new-here"],
      { cwd: open(toy.rig.folder), env: { ...plainEnvironment(), HOME: "/" } },
    );
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(
      `error[engine/unwritable-build-folder]: the build folder \`${toy.rig.path("build")}\``,
    );
    expect(refused.stderr.match(/error\[/g)).toHaveLength(1);
    const none = await run(
      "runuser",
      ["-u", "nobody", "--", "node", join(root, "scripts/start.js"), "new-here"],
      {
        cwd: toy.rig.folder,
        env: { ...plainEnvironment(), HOME: "/", TSBAKE_BUILD_DIR: toy.rig.path("elsewhere") },
      },
    );
    expect(none.code).toBe(1);
    expect(none.stderr).toMatch(
      /^error\[engine\/unwritable-build-folder\]: .*elsewhere.*\nhelp: .*TSBAKE_BUILD_DIR\n$/,
    );
  });
});

/** Lets others read the folder; it was made for its owner alone. */
function open(folder: string): string {
  chmodSync(folder, 0o755);
  return folder;
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 20));
}
