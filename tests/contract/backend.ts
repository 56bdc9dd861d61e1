/** What every package backend must do, whatever its packages and its database look like. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  appendFileSync,
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import {
  type Backend,
  databaseDigest,
  hostArchitecture,
  type InstallResult,
  type PackageSource,
  type SnapshotIdentity,
} from "@tsbake/packaging";
import { openCage } from "@tsbake/sandbox";
import { run } from "../support/command.js";
import { describeUnless } from "../support/skip.js";
import { temporaryFolder } from "../support/temporary.js";

/** A package that a test makes; a file's text is its version. */
export interface MadePackage {
  readonly name: string;
  readonly version: string;
  /** Lines of the control file, as Debian writes them. */
  readonly fields?: string;
  /** Without the leading slash. */
  readonly files?: readonly string[];
  readonly scripts?: Readonly<Record<string, string>>;
}

export interface BackendRig {
  readonly backend: Backend;
  /** Members of the database, below a root, that are looked at when one is damaged. */
  readonly status: string;
  readonly info: string;
  /** Makes package files of the backend of all .debs in a folder. */
  convert(debs: string): Promise<void>;
  /** Writes the database of a root in which the packages are installed. */
  install(
    root: string,
    packages: readonly (MadePackage & { readonly control: string })[],
  ): void | Promise<void>;
}

const EPOCH = 1735689600;

const BASE: readonly MadePackage[] = [
  { name: "pager", version: "1", files: ["usr/bin/pager"], scripts: { postrm: "#!/bin/sh\nexit 1\n" } },
  { name: "libpage", version: "1:1~rc1-2", fields: "Multi-Arch: same\n", files: ["usr/lib/libpage.so"] },
  { name: "rest", version: "1", files: ["usr/bin/rest"] },
];

const OFFERED: readonly MadePackage[] = [
  { name: "pager", version: "2", files: ["usr/bin/pager"] },
  { name: "pager", version: "0.9", files: ["usr/bin/pager"] },
  { name: "libpage", version: "1:1", fields: "Multi-Arch: same\n", files: ["usr/lib/libpage.so"] },
  {
    name: "reader",
    version: "1",
    fields: "Depends: pager (>= 2), libpage (>= 1:1)\n",
    files: ["usr/bin/reader"],
  },
  { name: "old-reader", version: "1", fields: "Depends: pager (<< 1)\n" },
  { name: "above", version: "1", fields: "Depends: wanting\n" },
  { name: "wanting", version: "1", fields: "Depends: libpage, nowhere (>= 3)\n" },
  { name: "thief", version: "2", files: ["usr/bin/rest"] },
  { name: "quarrel", version: "1", fields: "Conflicts: foe\n" },
  { name: "foe", version: "1", fields: "Conflicts: pager\n", files: ["usr/bin/foe"] },
  {
    name: "plain",
    version: "1",
    fields: "Depends: tool | nowhere, words (>= 1)\nBreaks: rest (<< 1)\n",
    files: ["usr/bin/plain", "etc/plain.conf"],
    scripts: { postinst: "#!/bin/sh\nexit 1\n" },
  },
  {
    name: "tool",
    version: "1",
    fields: "Multi-Arch: same\nProvides: words (= 1.5)\n",
    files: ["usr/share/tool"],
  },
];

export function backendContract(
  kind: string,
  cannotInstall: string | undefined,
  makeRig: () => BackendRig,
): void {
  describe(`packages of ${kind}`, () => {
    const work = temporaryFolder(`backend-${kind}`);
    const snapshot = join(work, "snapshot");
    const offered = join(work, "offered");
    let rig: BackendRig;
    let backend: Backend;
    let architecture: string;
    let identity: SnapshotIdentity;

    beforeAll(async () => {
      rig = makeRig();
      ({ backend } = rig);
      architecture = await hostArchitecture();
      const root = join(work, "base");
      await rig.install(
        root,
        BASE.map((one) => ({ ...one, control: controlOf(one, architecture) })),
      );
      identity = await backend.snapshot(root, snapshot);
      for (const one of OFFERED) await makeDeb(work, offered, one, architecture);
      await rig.convert(offered);
    }, 120_000);

    afterAll(() => rmSync(work, { recursive: true, force: true }));

    const source = (): Promise<PackageSource> => backend.scan(offered);
    const solve = async (install: readonly string[], allowChanged: readonly string[] = []) => {
      const request = { install, sources: [await source()], architecture, allowChanged };
      return backend.solve({ ...request, installedIn: snapshot });
    };
    const refusal = (work: Promise<unknown>) =>
      work.then(
        () => undefined,
        (error: { diagnostics: { code: string; message: string; help: string }[] }) => error.diagnostics[0],
      );

    test("a database goes into another root and is the same there; its text names the backend", async () => {
      const database = await backend.importSnapshot(snapshot, join(work, "again"), identity);
      expect(databaseDigest(database)).toBe(identity.digest);
      expect(identity).toMatchObject({ backend: kind, architecture, count: BASE.length });
      expect(database.packages.map((one) => `${one.name} ${one.version} ${one.state}`)).toEqual([
        "libpage 1:1~rc1-2 installed",
        "pager 1 installed",
        "rest 1 installed",
      ]);
      expect(database.packages[1]?.files).toEqual(["/usr", "/usr/bin", "/usr/bin/pager"]);
      expect(await backend.snapshot(join(work, "again"), join(work, "twice"))).toEqual(identity);
    });

    test.each(["deb", "ipk", "rpm"].filter((other) => other !== kind))(
      "a snapshot of %s is refused",
      async (other) => {
        const foreign = { ...identity, backend: other as SnapshotIdentity["backend"] };
        const code = "packaging/foreign-snapshot";
        expect(await refusal(backend.readSnapshot(snapshot, foreign))).toMatchObject({ code });
        expect(await refusal(backend.importSnapshot(snapshot, join(work, "foreign"), foreign))).toMatchObject(
          { code },
        );
      },
    );

    test.each([
      ["cut in the middle", (folder: string) => truncateSync(join(folder, rig.status), 200)],
      ["empty", (folder: string) => truncateSync(join(folder, rig.status), 0)],
      [
        "with one package more",
        (folder: string) =>
          appendFileSync(
            join(folder, rig.status),
            "\nPackage: x\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n",
          ),
      ],
      ["without its status", (folder: string) => rmSync(join(folder, rig.status))],
      [
        "with another list of files",
        (folder: string) => appendFileSync(join(folder, rig.info, "rest.list"), "/usr/bin/more\n"),
      ],
      [
        "with another script",
        (folder: string) => writeFileSync(join(folder, rig.info, "pager.postrm"), "#!/bin/sh\n"),
      ],
      [
        "with no UTF-8",
        (folder: string) => appendFileSync(join(folder, rig.status), Buffer.from([0xff, 0xfe, 0x0a])),
      ],
    ])("a snapshot %s is refused, whoever reads it", async (title, damage) => {
      const folder = join(work, `damaged ${title}`);
      cpSync(snapshot, folder, { recursive: true, verbatimSymlinks: true });
      damage(folder);
      const code = expect.stringMatching(/^packaging\/(damaged-snapshot|bad-database)$/);
      expect(await refusal(backend.readSnapshot(folder, identity))).toMatchObject({ code });
      expect(await refusal(backend.importSnapshot(folder, join(folder, "into"), identity))).toMatchObject({
        code,
      });
    });

    test("only what the base lacks is installed: alternatives, versions of what is provided", async () => {
      const { packages, changes } = await solve(["plain"]);
      expect(changes.map((one) => `${one.kind} ${one.name}`)).toEqual(["added plain", "added tool"]);
      expect(packages.map(({ name }) => name).sort()).toEqual(["plain", "tool"]);
    });

    test.each([
      [["reader"], /^the base's package `(libpage|pager)` would be upgraded from \S+ to \S+$/, "reader → "],
      [["pager=0.9"], /^the base's package `pager` would be downgraded from 1 to 0.9$/, ""],
      [["foe"], /^the base's package `pager` would be removed \(1\)$/, "foe → pager (conflict)"],
    ])("a change of the base is refused with who asks for it: %j", async (install, message, chain) => {
      expect(await refusal(solve(install))).toMatchObject({
        code: "packaging/base-changed",
        message: expect.stringMatching(message),
        help: expect.stringContaining(chain),
      });
    });

    test("a change that is allowed by name passes", async () => {
      const { changes } = await solve(["reader"], ["pager", "libpage"]);
      expect(changes.map((one) => `${one.kind} ${one.name}`)).toEqual([
        "upgraded libpage",
        "upgraded pager",
        "added reader",
      ]);
    });

    test.each([
      [["plainn"], "packaging/not-in-feed", "no package `plainn` in the feed", "did you mean `plain`"],
      [
        ["above"],
        "packaging/unsolvable",
        "`wanting` depends on `nowhere (>= 3)`, but it is not installable",
        "nowhere",
      ],
      [
        ["foe", "quarrel"],
        "packaging/unsolvable",
        "`quarrel` conflicts with `foe`, but 1 is to be installed",
        "foe",
      ],
    ])("%j cannot be had: %s", async (install, code, message, help) => {
      const found = await refusal(solve(install));
      expect(found).toMatchObject({
        code,
        message: expect.stringContaining(message),
        help: expect.stringContaining(help),
      });
      expect(found?.help.split(" said:\n")[1]?.split("\n").length ?? 0).toBeLessThanOrEqual(10);
    });

    test("one version with two contents is refused", async () => {
      const { folder, packages } = await source();
      const other = packages
        .filter(({ name }) => name === "tool")
        .map((one) => ({ ...one, sha256: "0".repeat(64) }));
      const request = { install: ["tool"], architecture };
      const sources = [
        { folder, packages },
        { folder, packages: other },
      ];
      expect(await refusal(backend.solve({ ...request, sources }))).toMatchObject({
        code: "packaging/other-content",
      });
    });

    test("a package that is cut short is refused before anything of it is used", async () => {
      const folder = join(work, "cut");
      mkdirSync(folder);
      const [name = ""] = readdirSync(offered).filter((one) => one.startsWith("tool"));
      const bytes = readFileSync(join(offered, name));
      for (const size of [0, 7, 60, 130, Math.floor(bytes.length / 2)]) {
        writeFileSync(join(folder, name), bytes.subarray(0, size));
        const code = expect.stringMatching(/^(packaging\/bad-(deb|rpm)|archive\/.*)$/);
        expect(await refusal(backend.scan(folder))).toMatchObject({ code });
      }
    });

    describeUnless(cannotInstall, "on the base's database", () => {
      async function install(name: string, wish: readonly string[]): Promise<InstallResult> {
        const root = join(work, name);
        const base = await backend.importSnapshot(snapshot, root, identity);
        await using sandbox = await openCage({
          ownership: join(work, `${name}-owners`),
          writable: [root],
          readable: [offered, ...((await backend.toolFolders?.()) ?? [])],
        });
        const request = { install: wish, sources: [await source()], architecture, epochSeconds: EPOCH };
        return await backend.installOnDatabase({ ...request, root, seenRoot: root, base, sandbox });
      }

      test("composed and installed are the same; no script runs, each is told", async () => {
        const solution = await solve(["plain"]);
        const base = await backend.readSnapshot(snapshot, identity);
        const request = { architecture, base, solution, database: snapshot, work: join(work, "composed") };
        mkdirSync(request.work);
        await using composed = await backend.compose(request);
        const result = await install("plain", ["plain"]);
        expect(result.skippedScripts.map((one) => `${one.package} ${one.script}`)).toEqual([
          "plain postinst",
        ]);
        expect(composed?.result.skippedScripts).toEqual(result.skippedScripts);
        expect(composed?.result.changes.map(({ name }) => name)).toEqual(
          result.changes.map(({ name }) => name),
        );
        const files = ({ added }: InstallResult) => added.map((one) => [one.name, one.files, one.conffiles]);
        expect(composed && files(composed.result)).toEqual(files(result));
        expect(composed?.entries.map(({ entry }) => entry.path)).toContain("/etc/plain.conf");
        // What the base has is as it was.
        const isOld = ({ name }: { name: string }): boolean => BASE.some((one) => one.name === name);
        expect(result.database.packages.filter(isOld)).toEqual(base.packages);
      });

      test("a file of the base is refused with both owners", async () => {
        expect(await refusal(install("stolen", ["thief"]))).toMatchObject({
          code: "packaging/install-failed",
          message: expect.stringContaining("`thief` brings `/usr/bin/rest`, which `rest` 1 has already"),
        });
      });
    });
  });
}

function controlOf({ name, version, fields = "" }: MadePackage, architecture: string): string {
  return (
    `Package: ${name}\nVersion: ${version}\nArchitecture: ${architecture}\n` +
    `Maintainer: n <n@localhost>\n${fields}Description: made for a test\n`
  );
}

/** Builds a .deb in `into`. */
export async function makeDeb(
  work: string,
  into: string,
  one: MadePackage,
  architecture: string,
): Promise<void> {
  const tree = join(work, "trees", `${one.name}-${one.version.replace(":", "_")}`);
  const put = (path: string, text: string, mode = 0o644): void => {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), text);
    chmodSync(join(tree, path), mode);
  };
  const { files = [], scripts = {}, version } = one;
  const sum = createHash("md5").update(version).digest("hex");
  for (const path of files) put(path, version);
  put("DEBIAN/control", controlOf(one, architecture));
  put("DEBIAN/md5sums", files.map((path) => `${sum}  ${path}\n`).join(""));
  const conffiles = files.filter((path) => path.startsWith("etc/"));
  if (conffiles.length > 0) put("DEBIAN/conffiles", conffiles.map((path) => `/${path}\n`).join(""));
  for (const [name, text] of Object.entries(scripts)) put(`DEBIAN/${name}`, text, 0o755);
  chmodSync(join(tree, "DEBIAN"), 0o755);
  mkdirSync(into, { recursive: true });
  const built = await run("dpkg-deb", ["--root-owner-group", "--build", tree, into]);
  if (built.code !== 0) throw new Error(built.stderr);
}
