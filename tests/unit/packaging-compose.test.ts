/** Packages on a base's database, told without dpkg: the same as the real dpkg leaves. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { chmodSync, linkSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Composed, hostArchitecture, openDebBackend, type SnapshotIdentity } from "@tsbake/packaging";
import { openCage } from "@tsbake/sandbox";
import { run } from "../support/command.js";
import { mulberry } from "../support/random.js";
import { describeUnless, notRoot } from "../support/skip.js";
import { temporaryFolder } from "../support/temporary.js";
import { toolsProblem } from "../support/tools.js";

const cannotInstall = notRoot === undefined ? undefined : await toolsProblem("fakeroot");

const work = temporaryFolder("packaging-compose");
const snapshot = join(work, "snapshot");
const backend = openDebBackend();
const architecture = await hostArchitecture();
const EPOCH = 1735689600;
let identity: SnapshotIdentity;

afterAll(() => rmSync(work, { recursive: true, force: true }));

function put(path: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, mode);
}

beforeAll(async () => {
  const root = join(work, "base");
  const stanza = `Package: rest\nStatus: install ok installed\nMaintainer: n <n@localhost>\nArchitecture: ${architecture}\nVersion: 1\nDescription: base\n\n`;
  put(join(root, "var/lib/dpkg/status"), stanza);
  put(join(root, "var/lib/dpkg/info/format"), "1\n");
  put(join(root, "var/lib/dpkg/info/rest.list"), "/.\n/usr\n/usr/bin\n/usr/bin/rest\n");
  put(join(root, "var/lib/dpkg/alternatives/pager"), "auto\n/usr/bin/pager\n\n/bin/more\n1\n\n");
  mkdirSync(join(root, "etc/alternatives"), { recursive: true });
  symlinkSync("/bin/more", join(root, "etc/alternatives/pager"));
  for (const name of ["bin", "lib"]) {
    mkdirSync(join(root, "usr", name), { recursive: true });
    symlinkSync(`usr/${name}`, join(root, name));
  }
  identity = await backend.snapshot(root, snapshot);
});

/** What packages may have: folders that others have too with other modes, links of both kinds, long names, scripts, odd places. */
async function makeDeb(folder: string, name: string, number: () => number): Promise<void> {
  const tree = join(folder, "trees", name);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(number() * list.length)]!;
  const tops = [
    "usr/bin",
    "bin",
    "lib/deep",
    "usr/share/doc",
    "etc",
    "var/cache/x",
    "run/x",
    "var/log/apt",
    "opt",
  ];
  const files: string[] = [];
  const count = 1 + Math.floor(number() * 6);
  for (let at = 0; at < count; at++) {
    const long = number() < 0.2 ? `${"long-".repeat(30)}/` : "";
    const path = `${pick(tops)}/${long}${name}-${at}`;
    put(join(tree, path), "x".repeat(Math.floor(number() * 3000)), pick([0o644, 0o755, 0o4755, 0o600]));
    chmodSync(dirname(join(tree, path)), pick([0o755, 0o750, 0o1777]));
    files.push(path);
  }
  const first = files[0]!;
  if (number() < 0.5) linkSync(join(tree, first), join(tree, dirname(first), `a-${name}`));
  if (number() < 0.5)
    symlinkSync(number() < 0.5 ? "../nowhere" : "y".repeat(120), join(tree, `${first}.link`));
  mkdirSync(join(tree, "usr/share", `${name}-empty`), { recursive: true });
  const conffiles = files.filter((path) => path.startsWith("etc/"));
  const more = `${number() < 0.3 ? "Multi-Arch: same\n" : ""}Depends: rest (>=1)\nLicense: MIT\n`;
  put(
    join(tree, "DEBIAN/control"),
    `Package: ${name}\nVersion: 1:2-3\nArchitecture: ${architecture}\nMaintainer: n <n@localhost>\n${more}Description: made\n for a test\n`,
  );
  if (conffiles.length > 0)
    put(join(tree, "DEBIAN/conffiles"), conffiles.map((path) => `/${path}\n`).join(""));
  put(join(tree, "DEBIAN/md5sums"), "");
  if (number() < 0.5) put(join(tree, "DEBIAN/postinst"), "#!/bin/sh\nexit 1\n", 0o755);
  if (number() < 0.3) put(join(tree, "DEBIAN/triggers"), "activate-noawait ldconfig\n");
  chmodSync(join(tree, "DEBIAN"), 0o755);
  mkdirSync(join(folder, "debs"), { recursive: true });
  const how = ["--root-owner-group", `-Z${pick(["xz", "gzip", "zstd", "none"])}`, "--build"];
  const built = await run("dpkg-deb", [...how, tree, join(folder, "debs")]);
  if (built.code !== 0) throw new Error(built.stderr);
}

/** Kind, mode, owner, size, and where a link leads, or whether it is one of two names. */
function told({ entries }: Composed): string[] {
  const links = new Map<string, number>();
  for (const { entry } of entries)
    if (entry.kind === "file") {
      const group = entry.hardlink ?? entry.path;
      links.set(group, (links.get(group) ?? 0) + 1);
    }
  return entries.map(({ entry }) => {
    const { path, kind, mode, uid, gid, sizeBytes, target = "" } = entry;
    const size = kind === "file" ? `${sizeBytes} ${links.get(entry.hardlink ?? path)}` : "- -";
    return `${path} ${kind[0]} ${mode.toString(8)} ${uid}:${gid} ${size} ${target}`;
  });
}

async function both(folder: string, names: readonly string[]) {
  const root = join(folder, "root");
  const sources = [await backend.scan(join(folder, "debs"))];
  const base = await backend.readSnapshot(snapshot, identity);
  const request = { install: names, sources, architecture, epochSeconds: EPOCH, base };
  const solution = await backend.solve({ ...request, installedIn: snapshot });
  await using composed = await backend.compose({ ...request, solution, database: snapshot, work: folder });
  const ours = composed && { result: composed.result, tree: told(composed) };
  await backend.importSnapshot(snapshot, root, identity);
  await using sandbox = await openCage({ writable: [root], readable: [join(folder, "debs")] });
  const result = await backend.installOnDatabase({ ...request, solution, root, seenRoot: root, sandbox });
  const format = "/%P %y %m %U:%G %s %n %l\\n";
  const listed = await sandbox.run("find", [root, "-mindepth", "1", "-printf", format]);
  const tree = listed.stdout
    .split("\n")
    .filter((line) => line !== "" && !/^\/(var\/lib\/dpkg[ /]|run\/|tmp\/)/.test(line))
    .map((line) => line.replace(/ ([dl]) (\S+ \S+) \d+ \d+ /, " $1 $2 - - ").replace(/ l /, " s "));
  return { ours, theirs: { result, tree } };
}

describeUnless(cannotInstall, "composed", () => {
  test.each([1, 2, 3])("what dpkg makes of packages of every kind, %i", async (seed) => {
    const folder = join(work, `set-${seed}`);
    const number = mulberry(seed);
    const names = Array.from({ length: 6 }, (_, at) => `p${at}`);
    for (const name of names) await makeDeb(folder, name, number);
    const { ours, theirs } = await both(folder, names);
    expect(ours?.tree.toSorted()).toEqual(theirs.tree.toSorted());
    expect(ours?.result.changes).toEqual(theirs.result.changes);
    expect(ours?.result.skippedScripts).toEqual(theirs.result.skippedScripts);
    const facts = ({ result }: Pick<typeof theirs, "result">) =>
      result.added.map(({ stanza, ...rest }) => ({
        ...rest,
        // dpkg writes relations in its own way.
        stanza: ["Package", "Status", "Maintainer", "Multi-Arch", "License", "Description"].map((field) =>
          stanza.get(field),
        ),
      }));
    expect(ours && facts(ours)).toEqual(facts(theirs));
  });

  test("what dpkg has to decide is left to it: one path of two packages, or of the base", async () => {
    const folder = join(work, "clashes");
    const request = async (files: readonly (readonly [name: string, path: string])[]) => {
      rmSync(folder, { recursive: true, force: true });
      for (const [name, path] of files) {
        const tree = join(folder, "trees", name);
        put(join(tree, path), name);
        put(join(tree, "DEBIAN/md5sums"), "");
        put(
          join(tree, "DEBIAN/control"),
          `Package: ${name}\nVersion: 1\nArchitecture: all\nMaintainer: n <n@localhost>\nDescription: d\n`,
        );
        mkdirSync(join(folder, "debs"), { recursive: true });
        await run("dpkg-deb", ["--root-owner-group", "--build", tree, join(folder, "debs")]);
      }
      const sources = [await backend.scan(join(folder, "debs"))];
      const base = await backend.readSnapshot(snapshot, identity);
      const install = files.map(([name]) => name);
      const solution = await backend.solve({ install, sources, architecture, installedIn: snapshot });
      await using composed = await backend.compose({
        architecture,
        base,
        solution,
        database: snapshot,
        work: folder,
      });
      return composed?.entries.length;
    };
    expect(await request([["alone", "usr/bin/alone"]])).toBeGreaterThan(0);
    expect(
      await request([
        ["one", "usr/bin/same"],
        ["two", "bin/same"],
      ]),
    ).toBeUndefined();
    expect(await request([["thief", "bin/rest"]])).toBeUndefined();
    expect(await request([["link", "etc/alternatives/pager/x"]])).toBeUndefined();
  });
});
