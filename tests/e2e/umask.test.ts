/** Nobody else writes into what a build makes, and the caller's umask changes nothing of it. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { run } from "../support/command.js";
import { root } from "../support/paths.js";
import { Toy } from "../support/toy.js";

const RECIPE = `
SRC_URI = "file://wide"
python () {
    at = d.getVar("TOPDIR") + "/parsed"
    bb.utils.mkdirhier(at + "/folder")
    open(at + "/file", "w").close()
    os.close(os.open(at + "/program", os.O_CREAT | os.O_WRONLY, 0o777))
    bb.process.run("touch %s/child" % at)
}
do_install() {
    umask >\${D}/umask
    mkdir \${D}/folder
    touch \${D}/folder/file
}
do_install[umask] = "027"
python do_more() {
    bb.utils.mkdirhier(d.getVar("WORKDIR") + "/more/folder")
    open(d.getVar("WORKDIR") + "/more/file", "w").close()
}
addtask more after do_install before do_build
`;

const EXECUTABLE = join(root, "scripts/start.js");

interface Entry {
  readonly path: string;
  readonly mode: number;
  readonly text: string;
}

/** Files and folders without links; process numbers, and the key of the parse cache, are left out of names. */
function entries(folder: string): Entry[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() || entry.isDirectory())
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return {
        path: path
          .slice(folder.length + 1)
          .replace(/^(.*\/temp\/(?:log|run)\..*)\.\d+$/, "$1")
          .replace(/recipes\.[0-9a-f]{16}/, "recipes")
          // Digests of the output folders, which lie elsewhere each time.
          .replace(/^(tmp\/stamps\/.*|tmp\/sstate-control\/manifest-.*)\.([0-9a-f]{12}|[0-9a-f]{16})$/, "$1"),
        mode: statSync(path).mode & 0o7777,
        text: entry.isFile() && path.includes("/deploy/") ? readFileSync(path, "latin1") : "",
      };
    })
    .toSorted((left, right) => (left.path < right.path ? -1 : 1));
}

async function built(mask: string): Promise<Entry[]> {
  using toy = new Toy();
  toy.recipe("wide", RECIPE);
  toy.change("meta-toy/recipes/extra/files/wide", "wide\n");
  await run("chmod", ["666", toy.rig.path("meta-toy/recipes/extra/files/wide")]);
  const script = `umask ${mask}; exec node "$@"`;
  const done = await run("/bin/sh", ["-c", script, "sh", EXECUTABLE, "wide"], {
    cwd: toy.rig.folder,
    env: { PATH: process.env["PATH"] ?? "", HOME: toy.rig.folder },
  });
  expect(done).toMatchObject({ code: 0 });
  return entries(toy.rig.path("build"));
}

test("a build is the same with umask 000, 022 and 077, and closed to others", async () => {
  const normal = await built("022");
  const shown = (all: readonly Entry[]) =>
    all.map(({ path, mode, text }) => `${mode.toString(8)} ${path} ${text}`);
  expect(shown(normal.filter(({ mode }) => (mode & 0o002) !== 0))).toEqual([]);
  const names = normal.map(({ path }) => path);
  expect(names).toEqual(expect.arrayContaining(["parsed/program", "parsed/child"]));
  expect(names.some((path) => path.endsWith("/more/file"))).toBe(true);
  expect(shown(await built("000"))).toEqual(shown(normal));
  expect(shown(await built("077"))).toEqual(shown(normal));
}, 180_000);
