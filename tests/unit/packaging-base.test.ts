/** An extension on the database of a base that was made on the spot, by the real apt and dpkg. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { explainDpkg, hostArchitecture, openDebBackend } from "@tsbake/packaging";
import { listRoot, openCage } from "@tsbake/sandbox";
import type { InstallResult, SnapshotIdentity } from "@tsbake/packaging";
import { run } from "../support/command.js";
import { describeUnless, notRoot, testUnless } from "../support/skip.js";
import { temporaryFolder } from "../support/temporary.js";
import { toolsProblem } from "../support/tools.js";

const cannotInstall = notRoot === undefined ? undefined : await toolsProblem("fakeroot");

const work = temporaryFolder("packaging-base");
const debs = join(work, "debs");
const snapshot = join(work, "snapshot");
const backend = openDebBackend();
const architecture = await hostArchitecture();
let identity: SnapshotIdentity;

afterAll(() => rmSync(work, { recursive: true, force: true }));

function put(path: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text, { mode });
}

function md5(text: string): string {
  return createHash("md5").update(text).digest("hex");
}

async function makeDeb(
  name: string,
  version: string,
  fields: string,
  files: readonly string[],
): Promise<void> {
  const tree = join(work, "trees", `${name}-${version}`);
  put(
    join(tree, "DEBIAN/control"),
    `Package: ${name}\nVersion: ${version}\nArchitecture: ${architecture}\nMaintainer: n <n@localhost>\n` +
      `${fields}Description: made for a test\n`,
  );
  for (const path of files) put(join(tree, path), version);
  const conffiles = files.filter((path) => path.startsWith("etc/"));
  if (conffiles.length > 0)
    put(join(tree, "DEBIAN/conffiles"), conffiles.map((path) => `/${path}\n`).join(""));
  // Made from what is there, as debhelper does; `tool` goes without.
  if (name !== "tool" && files.length > 0) {
    const sums = files.filter((path) => !path.startsWith("etc/")).map((path) => `${md5(version)}  ${path}\n`);
    put(join(tree, "DEBIAN/md5sums"), sums.join(""));
  }
  if (name === "pager") put(join(tree, "DEBIAN/prerm"), "#!/bin/sh\nexit 0\n", 0o755);
  mkdirSync(debs, { recursive: true });
  const built = await run("dpkg-deb", ["--root-owner-group", "--build", tree, debs]);
  if (built.code !== 0) throw new Error(built.stderr);
}

/** `pager` and the shared library `libpage`, which info/ names with its architecture; both with scripts. */
async function makeBase(): Promise<void> {
  const root = join(work, "base");
  const info = join(root, "var/lib/dpkg/info");
  const stanza = (name: string, more: string): string =>
    `Package: ${name}\nStatus: install ok installed\nMaintainer: n <n@localhost>\n` +
    `Architecture: ${architecture}\nVersion: 1\n${more}Description: base\n\n`;
  put(
    join(root, "var/lib/dpkg/status"),
    stanza("pager", "") + stanza("libpage", "Multi-Arch: same\n") + stanza("rest", ""),
  );
  put(join(info, "format"), "1\n");
  put(join(root, "var/lib/dpkg/arch"), `${architecture}\n`);
  put(join(info, "pager.list"), "/.\n/usr\n/usr/bin\n/usr/bin/pager\n/usr/bin/old-pager\n");
  put(join(info, `libpage:${architecture}.list`), "/.\n/usr\n/usr/lib\n/usr/lib/libpage.so\n");
  put(join(info, "rest.list"), "/.\n/usr\n/usr/bin\n/usr/bin/rest\n");
  put(join(root, "var/lib/dpkg/diversions"), "/usr/bin/tool\n/usr/bin/tool.usr\nrest\n");
  for (const key of ["pager", `libpage:${architecture}`, "rest"]) {
    for (const script of ["preinst", "postinst", "prerm", "postrm"]) {
      put(join(info, `${key}.${script}`), `#!/bin/sh\n# ${script} of the base\nexit 1\n`, 0o755);
    }
  }
  identity = await backend.snapshot(root, snapshot);
}

async function extend(
  name: string,
  install: readonly string[],
  allowChanged: readonly string[] = [],
): Promise<InstallResult> {
  const root = join(work, name);
  const base = await backend.importSnapshot(snapshot, root, identity);
  await using sandbox = await openCage({
    ownership: join(work, `${name}-ownership`),
    writable: [root],
    readable: [debs],
  });
  return await backend.installOnDatabase({
    root,
    seenRoot: root,
    base,
    sandbox,
    install,
    allowChanged,
    sources: [await backend.scan(debs)],
    architecture,
    epochSeconds: 1735689600,
  });
}

beforeAll(async () => {
  await makeBase();
  await makeDeb("pager", "2", "", ["usr/bin/pager", "usr/bin/new-pager"]);
  await makeDeb("libpage", "2", "Multi-Arch: same\n", ["usr/lib/libpage.so"]);
  await makeDeb("reader", "1", "Depends: pager (>= 2), libpage (>= 2)\n", ["usr/bin/reader"]);
  await makeDeb("wanting", "1", "Depends: libpage, nowhere (>= 3), rest (>= 9)\n", []);
  await makeDeb("above", "1", "Depends: wanting\n", []);
  await makeDeb("thief", "1", "", ["usr/bin/rest"]);
  await makeDeb("quarrel", "1", "Conflicts: foe\n", []);
  await makeDeb("plain", "1", "Depends: tool\n", ["usr/bin/plain", "etc/plain.conf", "bin/merged"]);
  await makeDeb("tool", "1", "Multi-Arch: same\n", ["usr/bin/tool", "usr/share/tool"]);
  await makeDeb("foe", "1", "Conflicts: pager, libpage\n", ["usr/bin/foe"]);
});

describeUnless(cannotInstall, "an allowed change of the base", () => {
  test("a replacement: no script of the old package runs, those that would have are told", async () => {
    const result = await extend("replaced", ["reader"], ["pager", "libpage"]);
    expect(result.changes.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      "upgraded libpage",
      "upgraded pager",
      "added reader",
    ]);
    expect(result.skippedScripts.map((one) => `${one.package} ${one.version} ${one.script}`).sort()).toEqual([
      "libpage 1 postrm",
      "libpage 1 prerm",
      "pager 1 postrm",
      "pager 1 prerm",
      "pager 2 prerm",
    ]);
    expect(result.skippedScripts.find(({ version }) => version === "1")?.text).toContain("of the base");
    const pager = result.database.packages.find(({ name }) => name === "pager");
    expect(pager?.files).toEqual(["/usr", "/usr/bin", "/usr/bin/new-pager", "/usr/bin/pager"]);
    expect([...(pager?.control.keys() ?? [])]).not.toContain("postrm");
    expect(existsSync(join(work, "replaced/var/lib/dpkg/info/rest.postrm"))).toBe(true);
  });

  test("a removal", async () => {
    const result = await extend("removed", ["foe"], ["pager", "libpage"]);
    expect(result.changes.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      "added foe",
      "removed libpage",
      "removed pager",
    ]);
    expect(result.skippedScripts.map((one) => `${one.package} ${one.script}`)).toEqual([
      "libpage postrm",
      "libpage prerm",
      "pager postrm",
      "pager prerm",
    ]);
  });
});

testUnless(
  cannotInstall,
  "packages side by side: the database and the files are those that dpkg alone would have made",
  async () => {
    const { database } = await extend("beside", ["plain"]);
    const root = join(work, "beside-dpkg");
    const base = await backend.importSnapshot(snapshot, root, identity);
    await using sandbox = await openCage({
      ownership: join(work, "beside-ownership"),
      writable: [work],
      readable: [],
    });
    const files = ["tool", "plain"].map((name) => join(debs, `${name}_1_${architecture}.deb`));
    const done = await sandbox.run("dpkg", [`--root=${root}`, "--no-triggers", "--install", ...files]);
    expect(done).toMatchObject({ code: 0 });
    const alone = await backend.readDatabase(root);
    const isNew = ({ name }: { name: string }): boolean => name === "plain" || name === "tool";
    expect(database.packages.filter(isNew)).toEqual(alone.packages.filter(isNew));
    // dpkg alone strikes shared folders off the lists of the base.
    expect(database.packages.filter((one) => !isNew(one))).toEqual(base.packages);
    expect({ ...database, packages: [] }).toEqual({ ...alone, packages: [] });
    const tree = async (of: string): Promise<string[]> =>
      (await listRoot(sandbox, of))
        .map(({ path, mode, kind }) => `${kind} ${mode.toString(8)} ${path}`)
        .filter((line) => !line.includes("var/lib/dpkg"));
    expect(await tree(join(work, "beside"))).toEqual(await tree(root));
    expect(existsSync(join(work, "beside/usr/bin/tool.usr"))).toBe(true);
  },
);

describeUnless(cannotInstall, "what cannot be", () => {
  test.each([
    [
      ["wanting"],
      "`wanting` depends on `nowhere (>= 3)`, but it is not installable",
      " wanting : Depends: nowhere",
    ],
    [["above"], "`wanting` depends on `nowhere (>= 3)`, but it is not installable", "Depends: rest (>= 9)"],
    [
      ["foe", "quarrel"],
      "`quarrel` conflicts with `foe`, but 1 is to be installed",
      " quarrel : Conflicts: foe",
    ],
  ])("%j: the relation that nothing meets, in the first line", async (install, clause, line) => {
    const request = { install, sources: [await backend.scan(debs)], architecture };
    await expect(backend.solve(request)).rejects.toMatchObject({
      diagnostics: [
        {
          code: "packaging/unsolvable",
          message: `the packages cannot be installed together: ${clause}`,
          help: expect.stringContaining(line),
        },
      ],
    });
  });

  test("a change of the base that nobody allowed: the variable that allows it", async () => {
    await expect(extend("refused", ["reader"], ["libpage"])).rejects.toMatchObject({
      diagnostics: [
        {
          code: "packaging/base-changed",
          message: "the base's package `pager` would be upgraded from 1 to 2",
          help: expect.stringContaining('SYSEXT_ALLOW_CHANGED = "pager"'),
        },
      ],
    });
  });

  test.each([
    ["beside a replacement", ["thief", "libpage"], ["libpage"]],
    ["alone", ["thief"], []],
  ])("a file of the base, %s: both packages and the file; no progress, no path of ours", async (...row) => {
    const [name, install, allowed] = row;
    const failure = await extend(`stolen ${name}`, install, allowed).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      diagnostics: [
        {
          code: "packaging/install-failed",
          message:
            "packages could not be installed: `thief` brings `/usr/bin/rest`, which `rest` 1 has already",
          help: expect.stringContaining(" trying to overwrite '/usr/bin/rest'"),
        },
      ],
    });
    expect(failure).toMatchObject({
      diagnostics: [{ help: expect.not.stringMatching(/^(Unpacking|Preparing|Selecting|\(Reading)/m) }],
    });
  });
});

describe("what dpkg says", () => {
  const processing = (what: string, reason: string): string =>
    `dpkg: error processing package ${what} (--configure):\n ${reason}\n`;
  const script = "installed b package post-installation script subprocess returned error exit status 3";

  test.each([
    [
      "a script, before those that only wait for it",
      processing("a", "dependency problems - leaving unconfigured") + processing("b", script),
      `\`b\`: ${script}`,
    ],
    [
      "only dependencies",
      processing("a", "dependency problems - leaving unconfigured"),
      "`a`: dependency problems - leaving unconfigured",
    ],
    [
      "an archive by its path",
      "dpkg: error processing archive /x/y/c_1%3a2_all.deb (--unpack):\n cannot access archive\n",
      "`c`: cannot access archive",
    ],
    ["no package at all", "dpkg: error: unable to lock\n", "unable to lock"],
    ["nothing", "", "dpkg does not say why"],
  ])("%s", (_, stderr, cause) => {
    const explained = explainDpkg("Setting up b (1) ...\nscript: no luck\n", stderr);
    expect(explained).toEqual({ cause, said: `script: no luck\n${stderr}`.trim() });
  });
});
