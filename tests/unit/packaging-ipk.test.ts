/** Packages of opkg: what is written, what is made of Debian's, and what is solved, with apt and dpkg-deb as judges. */
import { afterAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { sha256File } from "@tsbake/base";
import {
  hostArchitecture,
  openBackend,
  parseRelations,
  parseStanzas,
  type PackageSource,
  type Planned,
  type Solution,
} from "@tsbake/packaging";
import { run } from "../support/command.js";
import { programOf } from "../support/paths.js";
import { mulberry } from "../support/random.js";
import { temporaryFolder } from "../support/temporary.js";

const work = temporaryFolder("packaging-ipk");
afterAll(() => rmSync(work, { recursive: true, force: true }));

const architecture = await hostArchitecture();
const [deb, ipk] = [openBackend("deb"), openBackend("ipk")];

async function makeDeb(name: string, how: string, fields = ""): Promise<Planned> {
  const tree = join(work, "trees", name);
  mkdirSync(join(tree, "DEBIAN"), { recursive: true, mode: 0o755 });
  mkdirSync(join(tree, "usr/bin"), { recursive: true });
  writeFileSync(join(tree, "usr/bin", name), name, { mode: 0o4755 });
  writeFileSync(
    join(tree, "DEBIAN/control"),
    `Package: ${name}\nVersion: 2:1.0~rc1-3\nArchitecture: ${architecture}\nMaintainer: n <n@localhost>\n${fields}Description: made for a test\n with é\n`,
  );
  writeFileSync(join(tree, "DEBIAN/postinst"), "#!/bin/sh\nexit 0\n", { mode: 0o755 });
  writeFileSync(join(tree, "DEBIAN/triggers"), "interest-noawait /usr/share/x\n");
  mkdirSync(join(work, "debs", name), { recursive: true });
  const built = await run("dpkg-deb", [
    "--root-owner-group",
    `-Z${how}`,
    "--build",
    tree,
    join(work, "debs", name),
  ]);
  if (built.code !== 0) throw new Error(built.stderr);
  const { folder, packages } = await deb.scan(join(work, "debs", name));
  return { ...packages[0]!, path: join(folder, packages[0]!.file) };
}

describe("a package of the archive", () => {
  test.each(["xz", "gzip", "zstd"])(
    "becomes an .ipk that others read, its files as they were compressed (%s)",
    async (how) => {
      const one = await makeDeb(
        `as-${how}`,
        how,
        "Depends: python3:any (>= 3), a:any | b\nBreaks: x (<< 1)\nConflicts: y\n",
      );
      const [made] = await ipk.repackaging!.write([one], join(work, "pool"));
      expect(basename(made!.path)).toBe(
        `as-${how}_2%3a1.0~rc1-3_${architecture}.${one.sha256.slice(0, 16)}.ipk`,
      );
      expect((await run("ar", ["t", made!.path])).stdout.split("\n").slice(0, 2)).toEqual([
        "debian-binary",
        "control.tar.gz",
      ]);
      const field = async (name: string) =>
        (await run("dpkg-deb", ["--field", made!.path, name])).stdout.trim();
      expect(await field("Depends")).toBe("python3 (>= 3), a | b");
      expect(await field("Conflicts")).toBe("y, x (<< 1)");
      expect(await field("Breaks")).toBe("");
      expect(await field("Description")).toContain("é");
      const files = (path: string) => run("dpkg-deb", ["--contents", path]);
      expect((await files(made!.path)).stdout).toBe((await files(one.path)).stdout);
      expect((await run("dpkg-deb", ["--ctrl-tarfile", made!.path])).stdout).toContain("interest-noawait");
    },
  );

  test("is made once; of another .deb, or when it is damaged, it is made again with the same bytes", async () => {
    const one = await makeDeb("once", "xz");
    const pool = join(work, "pool-once");
    const write = async () => (await ipk.repackaging!.write([one], pool))[0]!;
    const first = await write();
    const made = statSync(first.path).mtimeMs;
    expect(await write()).toEqual(first);
    expect(statSync(first.path).mtimeMs).toBe(made);
    writeFileSync(first.path, "short");
    expect(await write()).toEqual(first);
    expect(await sha256File(first.path)).toBe(first.sha256);
    writeFileSync(`${first.path}.json`, "{");
    expect(await write()).toEqual(first);
    rmSync(first.path);
    mkdirSync(first.path);
    expect(await write()).toEqual(first);
  });

  test.each([
    ["is not there", (one: Planned) => rmSync(one.path), "it is not there"],
    [
      "has other bytes",
      (one: Planned) => writeFileSync(one.path, "other"),
      "its SHA-256 is not what its index says",
    ],
  ])("that %s is refused", async (title, damage, why) => {
    const one = await makeDeb(`refused-${title.replaceAll(" ", "-")}`, "xz");
    damage(one);
    await expect(ipk.repackaging!.write([one], join(work, "pool-refused"))).rejects.toMatchObject({
      diagnostics: [{ code: "packaging/bad-deb", message: expect.stringContaining(why) }],
    });
    expect(existsSync(join(work, "pool-refused/ipk", `${one.name}.ipk`))).toBe(false);
  });
});

test("recipes' packages are written as .ipk, the same bytes each time, and read back", async () => {
  const spec = {
    recipe: "hello",
    version: "1:1.0-r0",
    architecture,
    maintainer: "n <n@localhost>",
    priority: "optional",
    license: "MIT",
    packages: [
      {
        name: "hello",
        summary: "a test",
        section: "base",
        files: "/usr",
        relations: { Depends: "libc6 (>= 2.36)", Provides: "greeter (= 1)", Breaks: "hullo" },
        conffiles: "/etc/hello.conf",
        scripts: { postinst: "exit 0" },
      },
    ],
  };
  const packages = join(work, "split");
  mkdirSync(join(packages, "hello/etc"), { recursive: true });
  writeFileSync(join(packages, "hello/etc/hello.conf"), "x");
  writeFileSync(join(work, "spec.json"), JSON.stringify(spec));
  writeFileSync(
    join(work, "facts.json"),
    JSON.stringify({ packages: [{ name: "hello", depends: [], shlibs: [] }] }),
  );
  const write = async (out: string) => {
    const args = [
      "--spec",
      join(work, "spec.json"),
      "--facts",
      join(work, "facts.json"),
      "--packages",
      packages,
    ];
    const done = await run(process.execPath, [
      programOf("packaging"),
      "write-ipk",
      ...args,
      "--out",
      join(work, out),
      "--epoch",
      "1735689600",
    ]);
    expect(done).toMatchObject({ code: 0, stderr: "" });
    return ipk.scan(join(work, out));
  };
  const [first, again] = [await write("one"), await write("two")];
  expect(first.packages).toEqual(again.packages);
  expect(first.packages[0]).toMatchObject({
    name: "hello",
    version: "1:1.0-r0",
    file: `hello_1.0-r0_${architecture}.ipk`,
  });
  const [stanza] = parseStanzas(first.packages[0]!.stanza).stanzas;
  expect(
    Object.fromEntries(["Conflicts", "License", "Provides"].map((name) => [name, stanza!.get(name)])),
  ).toEqual({
    Conflicts: "hullo",
    License: "MIT",
    Provides: "greeter (= 1)",
  });
});

// --- solved as apt solves ---------------------------------------------------------------------------------------------

/** Feeds at random that are compared; TSBAKE_SOLVER_RUNS=500 takes four minutes. */
const RUNS = Number(process.env["TSBAKE_SOLVER_RUNS"] ?? 30);
const SEED = Number(process.env["TSBAKE_SOLVER_SEED"] ?? 1);

/** Versions, alternatives, provided names with and without versions, conflicts, circles, what cannot be. */
function feedOf(seed: number): { readonly source: PackageSource; readonly install: readonly string[] } {
  const number = mulberry(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(number() * list.length)]!;
  const names = Array.from({ length: 4 + Math.floor(number() * 14) }, (_, at) => `p${at}`);
  const virtual = ["v0", "v1", "v2"];
  const relation = (): string => {
    const target = number() < 0.2 ? pick(virtual) : pick(names);
    return number() < 0.3 ? `${target} (${pick(["=", ">=", "<<"])} ${pick(["1", "2"])})` : target;
  };
  const packages = names.flatMap((name) =>
    (number() < 0.3 ? ["1", "2"] : [pick(["1", "2", "1:1"])]).map((version) => {
      const depends = Array.from({ length: Math.floor(number() * 3) }, () =>
        number() < 0.3 ? `${relation()} | ${relation()}` : relation(),
      );
      const sha256 = createHash("sha256").update(`${name} ${version}`).digest("hex");
      const file = `${name}_${version.replace(":", "%3a")}_${architecture}.deb`;
      const fields = [
        `Package: ${name}\nVersion: ${version}\nArchitecture: ${architecture}\nMaintainer: n <n@localhost>\nDescription: d`,
        ...(depends.length > 0 ? [`Depends: ${depends.join(", ")}`] : []),
        ...(number() < 0.12 ? [`Conflicts: ${relation()}`] : []),
        ...(number() < 0.08 ? [`Breaks: ${relation()}`] : []),
        ...(number() < 0.25
          ? [`Provides: ${pick(virtual)}${number() < 0.3 ? ` (= ${pick(["1", "2"])})` : ""}`]
          : []),
        `Filename: ${file}\nSize: 1\nSHA256: ${sha256}\n`,
      ];
      return { name, version, architecture, sha256, sizeBytes: 1, file, stanza: fields.join("\n") };
    }),
  );
  return { source: { folder: work, packages }, install: [...new Set([pick(names), pick(names)])] };
}

/** @param constraint `>= 2`, … ; dpkg's order of these few versions */
function meets(version: string, constraint: string): boolean {
  const order = ["1", "2", "1:1"];
  const [, operator = "", wanted = ""] = /^(\S+) (\S+)$/.exec(constraint) ?? [];
  if (operator === "") return true;
  const difference = order.indexOf(version) - order.indexOf(wanted);
  return operator === "=" ? difference === 0 : operator === ">=" ? difference >= 0 : difference < 0;
}

/** What is wrong with a set of packages; nothing of the solver is asked. */
function faultsOf({ packages }: Solution, install: readonly string[]): string[] {
  const all = packages.map((one) => {
    const [stanza = new Map<string, string>()] = parseStanzas(one.stanza).stanzas;
    const of = (field: string) => parseRelations(stanza.get(field));
    return {
      ...one,
      needs: of("Depends"),
      enemies: [...of("Conflicts"), ...of("Breaks")].flat(),
      provides: of("Provides").flat(),
    };
  });
  type One = (typeof all)[number];
  const isMeant = (one: One, name: string, constraint: string): boolean =>
    (one.name === name && meets(one.version, constraint)) ||
    one.provides.some(
      (it) =>
        it.name === name &&
        (constraint === "" || (it.constraint !== "" && meets(it.constraint.slice(2), constraint))),
    );
  return [
    ...install.filter((name) => !all.some((one) => one.name === name)).map((name) => `${name} is not there`),
    ...all.flatMap((one) => [
      ...one.needs
        .filter((group) => !group.some((it) => all.some((other) => isMeant(other, it.name, it.constraint))))
        .map((group) => `${one.name} lacks ${group.map(({ name }) => name).join("|")}`),
      ...all
        .filter(
          (other) =>
            other.name !== one.name && one.enemies.some((it) => isMeant(other, it.name, it.constraint)),
        )
        .map((other) => `${one.name} conflicts with ${other.name}`),
      ...(all.filter(({ name }) => name === one.name).length > 1 ? [`${one.name} is there twice`] : []),
    ]),
  ];
}

test(
  `the same packages as apt's, or a set that holds where apt finds none (${RUNS} feeds from seed ${SEED})`,
  async () => {
    const tally = { same: 0, none: 0, "only ours": 0 };
    for (let seed = SEED; seed < SEED + RUNS; seed++) {
      const { source, install } = feedOf(seed);
      const request = { install, sources: [source], architecture };
      type Refused = { readonly diagnostics: readonly [{ readonly code: string; readonly help: string }] };
      const [theirs, ours] = await Promise.all(
        [deb, ipk].map((backend) => backend.solve(request).catch((error: unknown) => error as Refused)),
      );
      const where = { seed, install };
      if ("diagnostics" in ours!) {
        expect({ ...where, apt: theirs, ours: ours.diagnostics[0].code }).toMatchObject({
          apt: { diagnostics: [{ code: "packaging/unsolvable" }] },
          ours: "packaging/unsolvable",
        });
        const said = ours.diagnostics[0].help.split(" said:\n")[1]!.split("\n");
        expect({ ...where, lines: said.length <= 10, said: said[0] }).toMatchObject({
          lines: true,
          said: expect.stringMatching(/\w/),
        });
        tally.none += 1;
        continue;
      }
      expect({ ...where, faults: faultsOf(ours!, install) }).toEqual({ ...where, faults: [] });
      if ("diagnostics" in theirs!) tally["only ours"] += 1;
      else {
        const set = ({ packages }: Solution) =>
          packages.map(({ name, version }) => `${name} ${version}`).sort();
        expect({ ...where, set: set(ours!) }).toEqual({ ...where, set: set(theirs!) });
        tally.same += 1;
      }
    }
    expect(tally.same).toBeGreaterThan(RUNS / 4);
    if (process.env["TSBAKE_SOLVER_RUNS"]) process.stdout.write(`${JSON.stringify(tally)}\n`);
  },
  30_000 + RUNS * 3000,
);

test("a held package of the base is not changed; what it needs stays", async () => {
  const root = join(work, "held");
  mkdirSync(join(root, "var/lib/opkg/info"), { recursive: true });
  const control = `Package: pager\nVersion: 1\nArchitecture: ${architecture}\n`;
  writeFileSync(join(root, "var/lib/opkg/status"), `${control}Status: install hold installed\n\n`);
  writeFileSync(join(root, "var/lib/opkg/info/pager.control"), control);
  writeFileSync(
    join(root, "var/lib/opkg/info/pager.list"),
    "/usr/\t040755\n/usr/bin/pager\t0100755\n/usr/bin/p\t0120777\tpager\n",
  );
  const offered = (name: string, version: string, fields: string) => {
    const sha256 = createHash("sha256")
      .update(name + version)
      .digest("hex");
    const stanza = `Package: ${name}\nVersion: ${version}\nArchitecture: ${architecture}\n${fields}`;
    return { name, version, architecture, sha256, sizeBytes: 1, file: `${name}_${version}.ipk`, stanza };
  };
  const packages = [
    offered("pager", "2", ""),
    offered("wants-new", "1", "Depends: pager (>= 2)\n"),
    offered("foe", "1", "Conflicts: pager\n"),
    offered("app", "1", "Depends: pager\nRecommends: extra, foe\n"),
    offered("extra", "1", ""),
  ];
  const request = {
    sources: [{ folder: work, packages }],
    architecture,
    installedIn: root,
    allowChanged: ["pager"],
  };
  for (const name of ["wants-new", "foe", "pager=2"])
    await expect(ipk.solve({ ...request, install: [name] })).rejects.toMatchObject({
      diagnostics: [{ code: "packaging/unsolvable" }],
    });
  const names = async (recommends: boolean) =>
    (await ipk.solve({ ...request, install: ["app"], recommends })).packages.map(({ name }) => name).sort();
  expect(await names(false)).toEqual(["app"]);
  expect(await names(true)).toEqual(["app", "extra"]);
  // As newer versions of opkg write lists: with modes and targets.
  expect((await ipk.readDatabase(root)).packages[0]?.files).toEqual(["/usr", "/usr/bin/p", "/usr/bin/pager"]);
});

// --- the database -------------------------------------------------------------------------------------------------------

const word = fc.stringMatching(/^[a-z][a-z0-9+.-]{1,8}$/);

test("whatever a database holds goes into a snapshot and back", async () => {
  const one = fc.record({
    name: word,
    version: fc.stringMatching(/^(?:[1-9]:)?[0-9][A-Za-z0-9.+~]{0,6}$/),
    files: fc.uniqueArray(fc.stringMatching(/^\/usr\/[a-zé ]{1,6}[a-z]$/), { maxLength: 4 }),
    members: fc.dictionary(fc.constantFrom("postinst", "prerm", "md5sums", "templates"), fc.string(), {
      maxKeys: 3,
    }),
    description: fc.stringMatching(/^[a-zé]{1,9}$/),
  });
  let run = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(one, { selector: ({ name }) => name, maxLength: 6 }),
      async (packages) => {
        const root = join(work, `base-${(run += 1)}`);
        const info = join(root, "var/lib/opkg/info");
        mkdirSync(info, { recursive: true });
        const head = ({ name, version }: (typeof packages)[number]) =>
          `Package: ${name}\nVersion: ${version}\nArchitecture: all\n`;
        writeFileSync(
          join(root, "var/lib/opkg/status"),
          packages.map((it) => `${head(it)}Status: install user installed\nInstalled-Time: 1\n\n`).join(""),
        );
        for (const it of packages) {
          writeFileSync(join(info, `${it.name}.control`), `${head(it)}Description: ${it.description}\n`);
          writeFileSync(join(info, `${it.name}.list`), it.files.map((path) => `${path}\n`).join(""));
          for (const [kind, text] of Object.entries(it.members))
            writeFileSync(join(info, `${it.name}.${kind}`), text);
        }
        const identity = await ipk.snapshot(root, join(root, "snapshot"));
        const back = await ipk.importSnapshot(join(root, "snapshot"), join(root, "again"), identity);
        expect(back).toEqual(await ipk.readDatabase(root));
        expect(back.packages.map((it) => [it.name, it.stanza.get("Description")])).toEqual(
          packages.map((it) => [it.name, it.description]).sort(([a = ""], [b = ""]) => (a < b ? -1 : 1)),
        );
        expect(readFileSync(join(root, "again/var/lib/opkg/status"))).toEqual(
          readFileSync(join(root, "var/lib/opkg/status")),
        );
      },
    ),
    { numRuns: 40 },
  );
});
