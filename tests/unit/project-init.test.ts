/** `tsbake init`: what it writes can be read, planned and understood. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { root } from "../support/paths.js";
import { Rig } from "../support/rig.js";

const rig = new Rig({});
afterAll(() => rig[Symbol.dispose]());

function filesBelow(folder: string): string[] {
  return readdirSync(rig.path(folder), { recursive: true, encoding: "utf8" }).filter((path) =>
    statSync(rig.path(folder, path)).isFile(),
  );
}

describe("tsbake init", () => {
  test("writes ten files at most, each of which the screen explains in the words of its first comment", async () => {
    const { code, stdout } = await rig.answered(["init", "Demo_7"]);
    expect(code).toBe(0);
    const files = filesBelow("Demo_7");
    expect(files.length).toBeLessThanOrEqual(10);
    expect(stdout).toMatch(new RegExp(`^demo-7: a project of ${files.length} files, in Demo_7\n`));
    expect(stdout).toMatch(/\nnow build it: cd Demo_7 && tsbake\n$/);
    for (const path of files) {
      const text = rig.read(join("Demo_7", path));
      const about = /^(?:# (.*)|\/\* (.*) \*\/)$/m.exec(text.split("\n")[0]!);
      const shown = stdout.split("\n").filter((line) => line.startsWith(`  ${path} `));
      expect(shown).toEqual([expect.stringMatching(/ {2}\S.*\.$/)]);
      expect(shown[0]).toContain(`  ${about?.[1] ?? about?.[2] ?? "no comment"}`);
      expect(shown[0]!.length).toBeLessThanOrEqual(170);
      expect(`${path}\n${text}`).not.toContain("__NAME__");
    }
    const kinds = ["tsbake.yaml", "layer.conf", "demo-7-base_1.0.bb", "demo-7-tools_1.0.bb", "hello_1.0.bb"];
    for (const kind of kinds) expect(files.some((path) => path.endsWith(kind))).toBe(true);
  });

  test("what it has written is read without a warning, and its extension is planned on its base", async () => {
    await rig.answered(["init", "planned"]);
    // One more base, with an extension of its own.
    const images = "planned/meta-planned/recipes/images";
    rig.write(`${images}/other-base_1.0.bb`, rig.read(`${images}/planned-base_1.0.bb`));
    const tools = `${images}/planned-tools_1.0.bb`;
    rig.write(tools, `${rig.read(tools)}SYSEXT_BUILD_FOR = "other-base"\n`);
    const planned = await rig.answered(["-g"], { cwd: rig.path("planned") });
    expect(planned.code).toBe(0);
    expect(planned.stderr).not.toMatch(/warning|error/);
    const graph = rig.read("planned/task-depends.dot");
    for (const task of [
      "planned-tools.do_image_complete",
      "planned-base.do_rootfs",
      "hello.do_package_write_deb",
    ])
      expect(graph).toContain(`"${task}"`);
    expect(graph).not.toContain('"planned-base.do_image_complete"');
    // Another type of image is no reason to install the packages again.
    const needed = (task: string): string[] => {
      const all = new Set([task]);
      for (const one of all)
        for (const [, need] of graph.matchAll(new RegExp(`^"${one}" -> "(.*)"$`, "gm"))) all.add(need!);
      return [...all].map((one) => one.replace(/\.[^.]*$/, ""));
    };
    expect(needed("planned-tools.do_image_squashfs")).toContain("squashfs-tools-native");
    expect(needed("planned-tools.do_rootfs")).toContain("planned-base");
    expect(needed("planned-tools.do_rootfs")).not.toContain("other-base");
    expect(needed("planned-tools-on-other-base.do_rootfs")).toContain("other-base");
    expect(needed("planned-tools-on-other-base.do_rootfs")).not.toContain("planned-base");
    expect(needed("planned-tools.do_build")).toContain("planned-tools-on-other-base");
    expect(needed("planned-tools.do_rootfs")).not.toContain("squashfs-tools-native");
  });

  test("a type that no image has is an error at the line of the project", async () => {
    await rig.answered(["init", "typed"]);
    const recipe = "typed/meta-typed/recipes/images/typed-tools_1.0.bb";
    const text = rig.read(recipe).replace('"squashfs"', '"squashfs-zstd erofs"');
    rig.write(recipe, `${text}IMAGE_VERITY = "off"\n`);
    const local = [
      'SYSEXT_ETC = ""',
      'IMAGE_SBOM:append = " pdf"',
      'IMAGE_PKGTYPE = "debb"',
      'IPK_FEED_URIS = "/srv/feed https://me:secret@h/x"',
      'IMAGE_ROOTFS_MAXSIZE = "64 MB"',
    ];
    rig.write("typed/build/conf/local.conf", `${local.join("\n")}\n`);
    const { code, stderr } = await rig.answered(["-p"], { cwd: rig.path("typed") });
    expect(code).toBe(1);
    const line = text.split("\n").findIndex((one) => one.includes("squashfs-zstd")) + 1;
    expect(stderr).toMatch(
      new RegExp(
        String.raw`error\[recipe/unknown-choice\]: IMAGE_FSTYPES of typed-tools cannot be .squashfs-zstd.\n +--> \S+typed-tools_1.0.bb:${line}:18\n`,
      ),
    );
    expect(stderr).toMatch(/help: .*the words for it: directory, tar, .*squashfs/);
    expect(stderr).toMatch(
      /IMAGE_VERITY of typed-tools cannot be `off`\n +--> \S+typed-tools_1\.0\.bb:\d+:17\n/,
    );
    expect(stderr).toMatch(/SYSEXT_ETC of sysext-image, typed-tools is empty\n +--> \S+local\.conf:1:1\n/);
    // What both images read is told once, at the user's line.
    for (const [name, told] of [
      ["IMAGE_SBOM", "`pdf`\n --> FILE:2:23"],
      ["IMAGE_PKGTYPE", "`debb`\n --> FILE:3:18"],
      ["IPK_FEED_URIS", "`https://me:***@h/x`\n --> FILE:4:28"],
      ["IMAGE_ROOTFS_MAXSIZE", "`64 MB`\n --> FILE:5:25"],
    ])
      expect(
        stderr
          .replaceAll(/\S+local\.conf/g, "FILE")
          .split(`${name} of `)
          .slice(1),
      ).toEqual([
        expect.stringContaining(`base-image, sysext-image, typed-base and 1 more cannot be ${told}`),
      ]);
    expect(stderr).toMatch(/did you mean `deb`\?/);
    expect(stderr).toMatch(/help: it is a number of KiB, or one with K, M, G or T behind it\n/);
    expect(stderr).not.toMatch(/secret/);
    expect(stderr).not.toContain("python");
  });

  test("a machine that the manual shows is read, and its name is an override", async () => {
    const manual = readFileSync(join(root, "docs/manual.md"), "utf8");
    const [, conf] = /```bitbake\n(# meta-device\/conf\/machine\/pump\.conf[^]*?)```/.exec(manual)!;
    await rig.answered(["init", "device"]);
    rig.write("device/meta-device/conf/machine/pump.conf", conf!);
    const recipe = "device/meta-device/recipes/images/device-base_1.0.bb";
    rig.write(recipe, `${rig.read(recipe)}IMAGE_INSTALL:append:pump = " pump-driver"\n`);
    const { code, stdout } = await rig.answered(["--machine", "pump", "-e", "device-base"], {
      cwd: rig.path("device"),
    });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^IMAGE_HOSTNAME="pump"$/m);
    expect(stdout).toMatch(/^IMAGE_INSTALL=" pump-driver"$/m);
    expect(stdout).toMatch(/^IMAGE_PREINSTALL=".* i2c-tools"$/m);
    expect(stdout).toMatch(/^DEPLOY_DIR_IMAGE=".*\/images\/pump"$/m);
  });

  test("writes into the folder that one stands in, also into a repository that is empty", async () => {
    mkdirSync(rig.path("here/.git"), { recursive: true });
    const { code, stdout } = await rig.answered(["init"], { cwd: rig.path("here") });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^here: a project of \d+ files\n[^]*\nnow build it: tsbake\n$/);
    expect(filesBelow("here")).toContain("tsbake.yaml");
  });

  test.each([
    [
      "a folder with something in it",
      "full",
      /error\[project\/folder-not-empty\]: .*full is not empty: notes/,
    ],
    ["a file", "full/notes", /error\[project\/unwritable-project\]: .*a file stands where a folder/],
    [
      "a folder below a file",
      "full/notes/x",
      /error\[project\/unwritable-project\]: .*a file stands where a folder/,
    ],
    ["a folder that could not be built in", "my demo", /error\[engine\/unusable-path\]/],
  ])("refuses %s, and writes nothing", async (_what, folder, message) => {
    mkdirSync(rig.path("full"), { recursive: true });
    writeFileSync(rig.path("full/notes"), "mine");
    const { code, stdout, stderr } = await rig.answered(["init", folder]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(message);
    expect(readdirSync(rig.path("full"))).toEqual(["notes"]);
    expect(readdirSync(rig.folder)).not.toContain("my demo");
  });

  test("says of a project that it is one, and takes one folder only", async () => {
    await rig.answered(["init", "twice"]);
    expect((await rig.answered(["init", "twice"])).stderr).toContain(
      "it is a project already: `tsbake` builds it",
    );
    const two = await rig.tsbake(["init", "one", "two"]);
    expect([two.code, two.stderr]).toEqual([2, expect.stringContaining("error[cli/unexpected-word]")]);
  });

  test("is what to do where there is no project", async () => {
    mkdirSync(rig.path("nothing"), { recursive: true });
    const { code, stderr } = await rig.answered([], { cwd: rig.path("nothing") });
    expect(code).toBe(1);
    expect(stderr).toMatch(/error\[project\/no-project\]: [^]*begin one: `tsbake init demo`/);
  });
});
