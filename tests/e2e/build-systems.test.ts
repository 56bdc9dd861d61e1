/** docs/tutorial-build-systems.md, word for word, on the real archive: classes for build systems, units, users and alternatives. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { archiveProblem } from "../support/archive.js";
import { boot, cannotBoot } from "../support/boot.js";
import { run } from "../support/command.js";
import { root } from "../support/paths.js";
import { Rig } from "../support/rig.js";
import { describeUnless, notLong, testUnless } from "../support/skip.js";
import { plainEnvironment } from "../support/temporary.js";

/** It downloads and unpacks tools, compiles, and installs a base. */
const MINUTES = 60_000;

/** What the page has its reader type, in one script. */
function typed(): string {
  const page = readFileSync(join(root, "docs/tutorial-build-systems.md"), "utf8");
  return [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map((block) => block[1]!).join("");
}

const noBoot = await cannotBoot();

describeUnless(notLong ?? (await archiveProblem()), "the tutorial of build systems", () => {
  let rig: Rig;

  beforeAll(async () => {
    rig = new Rig({});
    writeFileSync(rig.path("typed.sh"), typed());
    const downloads = process.env["TSBAKE_TEST_DOWNLOADS"];
    if (downloads) rig.write("garden/build/conf/local.conf", `DL_DIR = "${downloads}"\n`);
    // `tsbake` alone is what the page expects of its reader.
    const words = `set -e\ntsbake() { node "${join(root, "scripts/start.js")}" "$@"; }\n. ./typed.sh\n`;
    const { code, stdout, stderr } = await run("sh", ["-c", words], {
      cwd: rig.folder,
      env: { ...plainEnvironment(), HOME: rig.folder },
    });
    if (code !== 0) throw new Error(`${stdout}\n${stderr}`);
  }, 30 * MINUTES);

  afterAll(() => rig[Symbol.dispose]());

  const deployed = (...path: string[]): string => rig.path("garden/build/tmp/deploy", ...path);
  const deb = async (pn: string, option: string, name = pn): Promise<string> => {
    const file = deployed("deb", pn, `${name}_1.0-r0_amd64.deb`);
    return (await run("dpkg-deb", [option, file])).stdout;
  };

  test("divides the library of autotools, which has no .la file and knows nothing of the build", async () => {
    const library = await deb("libseed", "--contents");
    expect(library).toMatch(/\/usr\/lib\/[^/]+\/libseed\.so\.1 ->/);
    expect(library).not.toMatch(/\.la$|seed\.h$/m);
    const headers = await deb("libseed", "--contents", "libseed-dev");
    expect(headers).toMatch(/\/usr\/include\/seed\.h$/m);
    expect(headers).toMatch(/\/usr\/lib\/[^/]+\/pkgconfig\/seed\.pc$/m);
    const shown = 'dpkg-deb --fsys-tarfile "$1" | tar -xO --wildcards "*/seed.pc"';
    const file = deployed("deb/libseed/libseed-dev_1.0-r0_amd64.deb");
    const text = (await run("sh", ["-c", shown, "sh", file])).stdout;
    expect(text).toMatch(/^libdir=\/usr\/lib\/[^/\n]+$/m);
    expect(text).not.toContain(rig.folder);
  });

  test.each(["seedcount", "seedsum"])("finds the library from %s, which depends on it", async (pn) => {
    expect(await deb(pn, "--contents")).toMatch(new RegExp(`/usr/bin/${pn}$`, "m"));
    expect(await deb(pn, "--field")).toMatch(/^Depends: .*libseed \(>= 1\.0-r0\)/m);
  });

  test("runs what was made", async () => {
    const work = rig.path("garden/build/tmp/work/amd64");
    const library = (await run("find", [join(work, "libseed/1.0/image"), "-name", "libseed.so.1"])).stdout;
    const environment = { LD_LIBRARY_PATH: join(library.trim(), "..") };
    const program = (pn: string): string => join(work, pn, "1.0/image/usr/bin", pn);
    const counted = await run(program("seedcount"), ["oak", "birch"], { env: environment });
    expect(counted.stdout).toBe("oak 9\nbirch 15\n");
    expect((await run(program("seedsum"), ["oak", "birch"], { env: environment })).stdout).toBe("24\n");
  });

  test("makes a base with the user, the enabled unit, and the name of the higher priority", async () => {
    const image = deployed("images/generic/garden-base-generic.rootfs.tar.gz");
    const listed = (await run("tar", ["-tvzf", image])).stdout;
    expect(listed).toMatch(
      /multi-user\.target\.wants\/gardend\.service -> (\/usr)?\/lib\/systemd\/system\/gardend\.service$/m,
    );
    expect(listed).toMatch(/usr\/bin\/seeds -> \/etc\/alternatives\/seeds$/m);
    expect(listed).toMatch(/etc\/alternatives\/seeds -> \/usr\/bin\/seedcount$/m);
    const read = async (path: string): Promise<string> =>
      (await run("tar", ["-xOzf", image, `./${path}`])).stdout;
    expect(await read("etc/passwd")).toMatch(/^gardener:x:\d+:\d+::\/nonexistent:\/usr\/sbin\/nologin$/m);
    expect(await read("etc/gardend.conf")).toBe("plant=sunflower\n");
  });

  testUnless(
    noBoot,
    "which boots: the daemon runs as its user, has read its file, and programs find the library",
    async () => {
      const booted = rig.path("booted");
      mkdirSync(booted);
      await run("tar", [
        "-xzf",
        deployed("images/generic/garden-base-generic.rootfs.tar.gz"),
        "--directory",
        booted,
      ]);
      const said = await boot(
        booted,
        [
          "active gardend",
          "stat --format %U /proc/$(systemctl show --property MainPID --value gardend)",
          "journalctl --output cat --unit gardend | grep growing",
          "seeds oak",
          "seedsum oak birch",
        ].join("\n"),
      );
      expect(said).toBe("active\ngardener\ngrowing sunflower\noak 9\n24\n");
    },
    5 * MINUTES,
  );
});
