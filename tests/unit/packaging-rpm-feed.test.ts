/** Repositories of .rpm files: what the real createrepo_c writes of packages, read as Debian's index of them, and what is refused. */
import { expect, test } from "@jest/globals";
import { hasProgram } from "@tsbake/archive";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import {
  demandOneContent,
  downloadClosure,
  evrOfDebian,
  openBackend,
  parseRelations,
  parseStanzas,
  readFeedIndex,
  rpmRelations,
  type RpmSpec,
  writeRpm,
} from "@tsbake/packaging";
import { openFeedIndex, readFeedKey, type FeedKey } from "@tsbake/packaging/feed";
import { run } from "../support/command.js";
import { gpgMissing, Keyring } from "../support/gpg.js";
import { mulberry } from "../support/random.js";
import { rpmFile } from "../support/rpm-file.js";
import { testUnless } from "../support/skip.js";
import { temporaryFolder } from "../support/temporary.js";
import { toolsProblem } from "../support/tools.js";

const noRpm = await toolsProblem("rpm");
const work = temporaryFolder("rpm-feed");
const rpm = openBackend("rpm");
let folders = 0;
const fresh = (): string => {
  const folder = join(work, String(++folders));
  mkdirSync(folder);
  return folder;
};

const FIELDS = {
  preDepends: "Pre-Depends",
  depends: "Depends",
  recommends: "Recommends",
  suggests: "Suggests",
  enhances: "Enhances",
  provides: "Provides",
  conflicts: "Conflicts",
  breaks: "Breaks",
  replaces: "Replaces",
} as const;

interface MadePackage {
  readonly name: string;
  readonly version: string;
  readonly architecture?: string;
  readonly isEssential?: boolean;
  /** As Debian writes them. */
  readonly relations?: Partial<Record<keyof typeof FIELDS, string>>;
  readonly text?: string;
}

async function made(folder: string, one: MadePackage): Promise<void> {
  const file = rpmFile(`/usr/share/${one.name}`, one.text ?? "text");
  const said = Object.fromEntries(
    Object.keys(FIELDS).map((kind) => [kind, parseRelations(one.relations?.[kind as keyof typeof FIELDS])]),
  ) as Record<keyof typeof FIELDS, ReturnType<typeof parseRelations>>;
  const spec: RpmSpec = {
    ...evrOfDebian(one.version),
    name: one.name,
    architecture: one.architecture ?? "x86_64",
    summary: "is <small> & made",
    description: "It is.",
    license: "MIT",
    group: "utils",
    packager: "A Person <person@example.org>",
    url: "https://example.org/?a=1&b",
    source: "made",
    buildSeconds: 1_700_000_000,
    relations: rpmRelations({ relations: said, isEssential: one.isEssential ?? false }),
    scripts: {},
    files: [file],
  };
  await writeRpm(spec, join(folder, `${one.name}-${one.version.replace(/^\d+:/, "")}.rpm`), { level: 1 });
}

async function createrepo(folder: string, ...args: string[]): Promise<void> {
  const done = await run("createrepo_c", ["--quiet", ...args, folder]);
  if (done.code !== 0) throw new Error(done.stdout + done.stderr);
}

/** As an engine and a task read one, the one after the other. */
async function packagesOf(folder: string, keys: readonly FeedKey[] = []) {
  const index = await openFeedIndex(folder, { folder: fresh(), keys, format: "rpm" });
  return rpm.readIndex!(await readFeedIndex(index), folder, "amd64");
}

const relationsIn = (text: string | undefined): string[] =>
  parseRelations(text)
    .map((group) => group.map(({ name, constraint }) => `${name} ${constraint}`).join("|"))
    .sort();

testUnless(noRpm, "what packages say of others comes back from createrepo_c's index as it was", async () => {
  const folder = fresh();
  const number = mulberry(7);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(number() * list.length)]!;
  const versions = ["1", "1:2.0-3", "2.0~rc1-1", "3-rc1-2", "4-rc1-0", "0.1+git5-1ubuntu2~22"];
  const names = ["libc6", "aa", "g++-12", "x.y", "zz"];
  const one = (): string =>
    number() < 0.4
      ? pick(names)
      : `${pick(names)} (${pick(["<<", "<=", "=", ">=", ">>"])} ${pick(versions)})`;
  const list = (relation: () => string): string =>
    Array.from({ length: Math.floor(number() * 4) }, relation).join(", ");
  const group = (): string => (number() < 0.3 ? `${one()} | ${one()}` : one());
  const offered = Array.from({ length: 60 }, (_, at): MadePackage => {
    const conflicts = list(one);
    return {
      name: `p${at}`,
      version: pick(versions),
      architecture: pick(["x86_64", "noarch"]),
      isEssential: at % 7 === 0,
      relations: {
        preDepends: list(group),
        depends: list(group),
        recommends: list(group),
        suggests: list(one),
        enhances: list(one),
        provides: list(() => (number() < 0.5 ? pick(names) : `${pick(names)} (= ${pick(versions)})`)),
        conflicts,
        // What replaces without a conflict takes over files only, of which rpm knows nothing.
        replaces: conflicts,
      },
    };
  });
  for (const each of offered) await made(folder, each);
  await made(folder, { name: "elsewhere", version: "1", architecture: "aarch64" });
  await createrepo(folder);
  const found = await packagesOf(folder);
  expect(found.map(({ name }) => name).sort()).toEqual(offered.map(({ name }) => name).sort());
  for (const each of found) {
    const wanted = offered.find(({ name }) => name === each.name)!;
    const [stanza] = parseStanzas(each.stanza).stanzas;
    expect(each).toMatchObject({
      version: wanted.version,
      architecture: wanted.architecture === "noarch" ? "all" : "amd64",
      sha256: createHash("sha256")
        .update(readFileSync(join(folder, each.file)))
        .digest("hex"),
      sizeBytes: readFileSync(join(folder, each.file)).length,
    });
    expect(Object.fromEntries(stanza!)).toMatchObject({
      License: "MIT",
      Maintainer: "A Person <person@example.org>",
      Homepage: "https://example.org/?a=1&b",
      Description: "is <small> & made",
      Source: "made",
    });
    expect(stanza!.get("Essential")).toBe(wanted.isEssential ? "yes" : undefined);
    for (const [kind, field] of Object.entries(FIELDS)) {
      const said = relationsIn(wanted.relations![kind as keyof typeof FIELDS]);
      // The index has each once; what has to be there before all else is there for the rest, too.
      const before = field === "Depends" ? new Set(relationsIn(wanted.relations!.preDepends)) : new Set();
      // createrepo_c leaves out what a package needs and gives itself.
      const own = field.endsWith("Depends") ? parseRelations(wanted.relations!.provides).flat() : [];
      const counts = (relation: string): boolean =>
        !before.has(relation) && !own.some(({ name }) => relation.startsWith(`${name} `));
      const expected = [...new Set(said)].filter(counts);
      const told = relationsIn(stanza!.get(field)).filter(counts);
      expect([each.name, field, told]).toEqual([each.name, field, expected]);
    }
  }
});

for (const [what, args, program] of [
  ["compressed by zstd", ["--general-compress-type=zstd"], "zstd"],
  ["compressed by xz", ["--general-compress-type=xz", "--simple-md-filenames"], "xz"],
  ["with other digests", ["--repomd-checksum=sha512", "--unique-md-filenames"], undefined],
] as const) {
  const missing =
    program === undefined || (await hasProgram(program)) ? undefined : `no ${program} on the PATH`;
  testUnless(noRpm ?? missing, `${what}, the index is the same`, async () => {
    const folder = fresh();
    await made(folder, { name: "aa", version: "1" });
    await createrepo(folder);
    const first = await packagesOf(folder);
    expect(first).toHaveLength(1);
    rmSync(join(folder, "repodata"), { recursive: true, force: true });
    const done = await run("createrepo_c", ["--quiet", ...args, folder]);
    // Not each version of it has each compressor.
    if (done.code === 0) expect(await packagesOf(folder)).toEqual(first);
    else expect(done.stderr).toMatch(/zstd/i);
  });
}

/** A repository whose list of packages is this text. */
function repository(
  primary: string | Buffer,
  more: { readonly digest?: string; readonly href?: string } = {},
): string {
  const folder = fresh();
  mkdirSync(join(folder, "repodata"));
  const bytes = gzipSync(primary, { level: 1 });
  writeFileSync(join(folder, "repodata/primary.xml.gz"), bytes);
  const digest = more.digest ?? createHash("sha256").update(bytes).digest("hex");
  writeFileSync(
    join(folder, "repodata/repomd.xml"),
    `<?xml version="1.0" encoding="UTF-8"?>
<repomd xmlns="http://linux.duke.edu/metadata/repo"><data type="primary">
<checksum type="sha256">${digest}</checksum><location href="${more.href ?? "repodata/primary.xml.gz"}"/></data></repomd>`,
  );
  return folder;
}

const SHA = "0".repeat(64);
const packageText = (change: (text: string) => string): string =>
  `<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm">${change(
    `<package type="rpm"><name>aa</name><arch>noarch</arch><version epoch="0" ver="1" rel="0"/>
<checksum type="sha256" pkgid="YES">${SHA}</checksum><size package="1" installed="1"/><location href="aa.rpm"/>
<format><rpm:requires><rpm:entry name="bb"/></rpm:requires></format></package>`,
  )}</metadata>`;
const replaced = (from: string, to: string) => repository(packageText((text) => text.replace(from, to)));

test("one that is written by hand is read", async () => {
  expect(await packagesOf(replaced("", ""))).toMatchObject([{ name: "aa", version: "1", file: "aa.rpm" }]);
  // Sources are no packages that somebody installs.
  expect(await packagesOf(replaced("noarch", "src"))).toEqual([]);
});

test.each<[string, () => string, RegExp]>([
  ["no repodata", fresh, /it has no repodata\/repomd\.xml/],
  [
    "a repomd.xml that names no packages",
    () => {
      const folder = repository("");
      writeFileSync(join(folder, "repodata/repomd.xml"), "<repomd/>");
      return folder;
    },
    /names no list of packages/,
  ],
  [
    "a list that is not there",
    () => {
      const folder = repository("");
      rmSync(join(folder, "repodata/primary.xml.gz"));
      return folder;
    },
    /repomd\.xml names repodata\/primary\.xml\.gz, which is not there/,
  ],
  [
    "a list outside of the feed",
    () => repository("", { href: "../primary.xml.gz" }),
    /in the file `\.\.\/primary/,
  ],
  ["a list with other bytes", () => repository("", { digest: SHA }), /does not have the digest/],
  ["a digest that is none", () => repository("", { digest: "x" }), /is none/],
  ["a list of 100 MB", () => repository(Buffer.alloc(100 << 20, "\n")), /more than 96 MiB/],
  ["a list that is no XML", () => repository("{}"), /primary\.xml\.gz: /],
  [
    "a list that is cut off",
    () => repository(packageText((text) => text).slice(0, -20)),
    /primary\.xml\.gz: /,
  ],
  ["no UTF-8", () => repository(Buffer.from([0x3c, 0x61, 0x3e, 0xff, 0x3c])), /not UTF-8/],
  ["elements without end", () => repository("<a>".repeat(1000)), /32 deep/],
  [
    "entities that grow",
    () =>
      repository(`<!DOCTYPE x [<!ENTITY a "aaaa">]>${packageText((text) => text.replace("aa<", "&a;<"))}`),
    /entity/i,
  ],
  [
    "a package outside of the feed",
    () => replaced('href="aa.rpm"', 'href="../aa.rpm"'),
    /in the file `\.\.\/aa/,
  ],
  ["a package of another place", () => replaced("href=", 'xml:base="http://x/" href='), /xml:base/],
  ["a strange name", () => replaced("<name>aa", "<name>Aa b"), /no name of a Debian package/],
  ["a strange version", () => replaced('ver="1"', 'ver="a b"'), /has the version/],
  [
    "a digest of another kind",
    () => replaced('checksum type="sha256"', 'checksum type="sha1"'),
    /no SHA-256/,
  ],
  ["no size", () => replaced('package="1"', 'package="x"'), /has the size/],
  [
    "a package of another distribution",
    () => replaced('name="bb"', 'name="libc.so.6()(64bit)"'),
    /libc\.so\.6\(\)\(64bit\)`, which no Debian package has/,
  ],
  ["a rich dependency that Debian cannot say", () => replaced('"bb"', '"(a if b)"'), /\(a if b\)/],
])("%s is refused", async (_, make, why) => {
  await expect(packagesOf(make())).rejects.toMatchObject({
    diagnostics: [{ code: "packaging/bad-feed", message: expect.stringMatching(why) }],
  });
});

test("a package that a folder's index names and that is not there is told as the feed's fault", async () => {
  const folder = replaced("", "");
  const [one] = await packagesOf(folder);
  const closure = { roots: [], packages: [{ ...one!, uri: pathToFileURL(join(folder, one!.file)).href }] };
  await expect(downloadClosure(closure, fresh(), { server: true })).rejects.toMatchObject({
    diagnostics: [
      {
        code: "packaging/bad-feed",
        message: expect.stringMatching(/its index names aa\.rpm, which is not there/),
      },
    ],
  });
});

test("one version with other bytes in two feeds is refused with both", async () => {
  const of = async (text: string) => {
    const folder = replaced(SHA, SHA.replace("0", text));
    return (await packagesOf(folder)).map((one) => ({ ...one, uri: `${pathToFileURL(folder).href}/aa.rpm` }));
  };
  const [left, right] = [await of("1"), await of("2")];
  demandOneContent([...left, ...left]);
  const [from, to] = [left[0]!.uri, right[0]!.uri];
  await expect(async () => demandOneContent([...left, ...right])).rejects.toMatchObject({
    diagnostics: [
      {
        code: "packaging/other-content",
        message: expect.stringMatching(new RegExp(`${from}.*${to}`)),
      },
    ],
  });
});

testUnless(
  gpgMissing,
  "a key must have signed repomd.xml, of which the list of packages has its digest",
  async () => {
    await using ring = new Keyring();
    const [mine, other] = [await ring.key("mine"), await ring.key("other")];
    const folder = replaced("", "");
    const at = (name: string): string => join(folder, name);
    const keys = async (who: string) => {
      const path = join(fresh(), "key");
      await ring.gpg(["-o", path, "--export", who]);
      return [await readFeedKey(path)];
    };
    const refusal = (why: RegExp) => ({
      diagnostics: [{ code: "packaging/feed-not-signed", message: expect.stringMatching(why) }],
    });
    await expect(packagesOf(folder, await keys(mine))).rejects.toMatchObject(
      refusal(/has no signature \(repomd\.xml\.asc\)/),
    );
    await ring.gpg([
      "--armor",
      "-u",
      mine,
      "-o",
      at("repodata/repomd.xml.asc"),
      "--detach-sign",
      at("repodata/repomd.xml"),
    ]);
    expect(await packagesOf(folder, await keys(mine))).toHaveLength(1);
    await expect(packagesOf(folder, await keys(other))).rejects.toMatchObject(refusal(/none of the keys/));
    const signed = readFileSync(at("repodata/repomd.xml"), "utf8");
    writeFileSync(at("repodata/repomd.xml"), `${signed}\n`);
    await expect(packagesOf(folder, await keys(mine))).rejects.toMatchObject(refusal(/not of these bytes/));
    writeFileSync(at("repodata/repomd.xml"), signed);
    // The list of another state.
    renameSync(join(replaced(">aa<", ">ab<"), "repodata/primary.xml.gz"), at("repodata/primary.xml.gz"));
    await expect(packagesOf(folder, await keys(mine))).rejects.toMatchObject({
      diagnostics: [
        { code: "packaging/bad-feed", message: expect.stringMatching(/does not have the digest/) },
      ],
    });
    expect(readdirSync(folder)).toEqual(["repodata"]);
  },
  60_000,
);
