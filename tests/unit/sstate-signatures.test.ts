/** Signatures of artifacts, by the real gpg. */
import { copyFile, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { sha256 } from "@tsbake/base";
import {
  chainStores,
  objectPath,
  openFolderStore,
  openMirrors,
  openSigner,
  verifyStore,
  type ArtifactSigner,
  type GpgSettings,
} from "@tsbake/sstate";
import { run } from "../support/command.js";
import { nameOf, seed } from "../contract/store.js";
import { gpgMissing, Keyring } from "../support/gpg.js";
import { serveFolder } from "../support/mirror.js";
import { describeUnless } from "../support/skip.js";
import { temporaryFolder } from "../support/temporary.js";
import { toolsProblem } from "../support/tools.js";

const temporary = (): string => temporaryFolder("signed");
const settings = (more: Partial<GpgSettings>): GpgSettings => ({
  key: "",
  passphrase: "",
  trusted: [],
  program: "gpg",
  home: "",
  ...more,
});

test("gpg that is missing is one problem, with what to install", async () => {
  await expect(openSigner(settings({ program: "/nowhere/gpg" }))).rejects.toMatchObject({
    diagnostics: [
      { code: "sstate/missing-gpg", help: expect.stringContaining("apt-get install gpg") as unknown },
    ],
  });
});

// A host without zstd takes only what is packed with gzip from a mirror.
describeUnless(gpgMissing ?? (await toolsProblem("zstd")), "signatures", () => {
  const ours = new Keyring();
  const theirs = new Keyring();
  let key: string;
  /** Ours, too: with a passphrase. */
  let locked: string;
  let foreign: string;
  let stranger: string;
  let revocations = 0;
  /** Signs as us, and trusts whom our keyring has. */
  let signer: ArtifactSigner;

  beforeAll(async () => {
    key = await ours.key("maker");
    locked = await ours.key("locked", { passphrase: "open sesame" });
    foreign = await theirs.key("other");
    stranger = await theirs.key("stranger");
    await theirs.share(foreign, ours);
    signer = await openSigner(settings({ home: ours.home, key }));
  }, 60_000);
  afterAll(async () => {
    await ours[Symbol.asyncDispose]();
    await theirs[Symbol.asyncDispose]();
  });

  function open(folder: string, own: ArtifactSigner | undefined) {
    const warnings: string[] = [];
    const onWarning = (one: string): void => void warnings.push(one);
    return { warnings, store: openFolderStore(folder, { onWarning, ...(own && { signer: own }) }) };
  }

  async function put(folder: string, own: ArtifactSigner | undefined, hash: string, bytes = "bytes") {
    const source = join(temporary(), "made");
    await writeFile(source, bytes);
    await open(folder, own).store.put(nameOf(hash), source, "why");
    return join(folder, objectPath(nameOf(hash)));
  }

  test("are made with the artifact, and gpg itself verifies them", async () => {
    const folder = temporary();
    const object = await put(folder, signer, "abcd");
    const { store, warnings } = open(folder, signer);
    expect(await store.get(nameOf("abcd"))).toBe(object);
    await ours.gpg(["--verify", `${object}.sig`, object]);
    expect((await readdir(dirname(object))).sort()).toEqual(
      ["", ".sha256", ".sig", ".siginfo"].map((suffix) => basename(object) + suffix),
    );
    expect(warnings).toEqual([]);
  });

  test("are neither made nor looked at when they do not count", async () => {
    const folder = temporary();
    const object = await put(folder, undefined, "abcd");
    await writeFile(`${object}.sig`, "rubbish");
    expect(await open(folder, undefined).store.get(nameOf("abcd"))).toBe(object);
    expect(await verifyStore(folder)).toMatchObject({ faults: [] });
  });

  test("with a key that has a passphrase", async () => {
    await ours.tellAgent("reloadagent");
    const passphrase = "open sesame";
    const folder = temporary();
    await put(folder, await openSigner(settings({ home: ours.home, key: locked, passphrase })), "abcd");
    expect(await verifyStore(folder, { signer })).toMatchObject({ checked: 1, faults: [] });
  });

  test("many at once do not get in each other's way", async () => {
    const folder = temporary();
    const hashes = Array.from({ length: 12 }, (_one, at) => `abcd${at}`);
    await Promise.all(hashes.map((hash) => put(folder, signer, hash, hash.repeat(1000))));
    expect(await verifyStore(folder, { signer })).toMatchObject({ checked: 12, faults: [] });
  }, 60_000);

  test.each([
    [
      "a wrong passphrase",
      () => settings({ home: ours.home, key: locked, passphrase: "guess" }),
      /[Pp]assphrase/,
    ],
    ["a key that is not there", () => settings({ home: ours.home, key: "nobody@example.org" }), /secret key/],
    ["a key of others", () => settings({ home: ours.home, key: foreign }), /secret key/],
  ])("%s is told before anything is made", async (_what, make, why) => {
    // The agent remembers a passphrase that was right.
    await ours.tellAgent("reloadagent");
    await expect(openSigner(make())).rejects.toThrow("sstate/cannot-sign");
    await expect(openSigner(make())).rejects.toThrow(why);
  });

  describe.each([
    ["missing", (object: string) => rm(`${object}.sig`), "untrusted", /no signature/],
    ["rubbish", (object: string) => writeFile(`${object}.sig`, "rubbish"), "damaged", /cannot be verified/],
    ["empty", (object: string) => writeFile(`${object}.sig`, ""), "damaged", /cannot be verified/],
    [
      "of other bytes",
      async (object: string) => {
        await writeFile(object, "bites");
        await writeFile(`${object}.sha256`, `${sha256("bites")}\n`);
      },
      "damaged",
      /is not of these bytes/,
    ],
    [
      "of another artifact",
      async (object: string) =>
        copyFile(`${await put(temporary(), signer, "ef01", "others")}.sig`, `${object}.sig`),
      "damaged",
      /is not of these bytes/,
    ],
    [
      "of another artifact with the same bytes",
      async (object: string) => copyFile(`${await put(temporary(), signer, "ef01")}.sig`, `${object}.sig`),
      "untrusted",
      /is that of another artifact, .*ef01/,
    ],
    [
      "of a file without a name",
      async (object: string) => {
        await rm(`${object}.sig`);
        await ours.gpg(["-u", key, "--output", `${object}.sig`, "--detach-sign", object]);
      },
      "untrusted",
      /does not say of which artifact/,
    ],
    [
      "good, beside one that has the right name",
      async (object: string) => {
        const named = await readFile(`${object}.sig`);
        await writeFile(`${object}.sig`, Buffer.concat([named, named]));
      },
      "untrusted",
      /has several signatures/,
    ],
    [
      "by a key that has been revoked",
      async (object: string) => {
        const revoked = await theirs.key(`revoked${++revocations}`);
        const maker = await openSigner(settings({ home: theirs.home, key: revoked }));
        await copyFile(`${await put(temporary(), maker, "abcd")}.sig`, `${object}.sig`);
        const certificate = join(theirs.home, "openpgp-revocs.d", `${revoked}.rev`);
        await theirs.gpg(["--import"], (await readFile(certificate, "utf8")).replace(/^:-/m, "-"));
        await theirs.share(revoked, ours);
        await theirs.gpg(["--yes", "--delete-secret-keys", revoked]);
        await theirs.gpg(["--yes", "--delete-keys", revoked]);
      },
      "untrusted",
      /a key that has been revoked/,
    ],
    [
      "of someone whom nobody knows",
      async (object: string) => {
        await rm(`${object}.sig`);
        await theirs.gpg(["-u", stranger, "--output", `${object}.sig`, "--detach-sign", object]);
      },
      "untrusted",
      /not in gpg's keyring/,
    ],
  ])("one that is %s", (_what, spoil, kind, why) => {
    test("is one warning, no artifact, and gives way to a good one", async () => {
      const folder = temporary();
      const object = await put(folder, signer, "abcd");
      await spoil(object);
      const verified = await verifyStore(folder, { signer });
      expect(verified.faults).toEqual([
        { path: objectPath(nameOf("abcd")), kind, why: expect.stringMatching(why) as unknown as string },
      ]);
      const { store, warnings } = open(folder, signer);
      expect(await store.get(nameOf("abcd"))).toBeUndefined();
      expect(warnings).toEqual([expect.stringMatching(why)]);
      // Others, who trust whom they like, may go on with what is whole.
      expect(
        await stat(object).then(
          () => "untrusted",
          () => "damaged",
        ),
      ).toBe(kind);
      await put(folder, signer, "abcd", "new");
      expect(await readFile((await store.get(nameOf("abcd")))!, "utf8")).toBe("new");
      expect(await verifyStore(folder, { signer })).toMatchObject({ checked: 1, faults: [] });
      expect(warnings).toHaveLength(1);
    });

    test("is not taken from a mirror", async () => {
      const folder = temporary();
      await spoil(await put(folder, signer, "abcd"));
      await using server = await serveFolder(folder);
      const warnings: string[] = [];
      const options = { onWarning: (one: string): void => void warnings.push(one), signer };
      const own = temporary();
      const store = chainStores(
        openFolderStore(own, options),
        openMirrors(`file://.* ${server.url}/PATH`, options),
      );
      expect(await store.get(nameOf("abcd"))).toBeUndefined();
      expect(warnings).toEqual([expect.stringMatching(/shared-state mirror .*is not used/)]);
      expect(await readdir(own)).toEqual([]);
    });
  });

  test("verify --remove deletes what is damaged, and leaves what others may trust", async () => {
    const folder = temporary();
    await rm(`${await put(folder, signer, "aaaa")}.sig`);
    await writeFile(`${await put(folder, signer, "bbbb")}.sig`, "rubbish");
    expect(await verifyStore(folder, { signer, remove: true })).toMatchObject({ checked: 2, removed: 1 });
    expect(await verifyStore(folder)).toMatchObject({ checked: 1, faults: [] });
  });

  test("a folder without signatures is one warning, and nothing of it is planned with", async () => {
    const folder = temporary();
    const names = Array.from({ length: 50 }, (_one, at) => nameOf(`aaaa${at}`));
    for (const name of names) await seed(folder, name, "bytes");
    await put(folder, signer, "abcd");
    const { store, warnings } = open(folder, signer);
    expect(await store.find([...names, nameOf("abcd")])).toEqual(new Set([nameOf("abcd")]));
    expect(warnings).toEqual([expect.stringContaining("50 artifacts are not used: no signature")]);
  });

  test("many by one whom nobody knows are one warning", async () => {
    const folder = temporary();
    const others = await openSigner(settings({ home: theirs.home, key: stranger }));
    for (const hash of ["aaaa", "bbbb", "cccc"]) await put(folder, others, hash);
    const { store, warnings } = open(folder, signer);
    for (const hash of ["aaaa", "bbbb", "cccc"]) expect(await store.get(nameOf(hash))).toBeUndefined();
    expect(warnings).toHaveLength(1);
  });

  describe("SSTATE_VALID_SIGS", () => {
    test.each([
      ["the key's id", () => foreign.slice(-16), true],
      ["its fingerprint", () => foreign, true],
      ["in small letters, among others", () => `0123456789ABCDEF ${foreign.toLowerCase()}`, true],
      ["another key", () => key, false],
      ["the end of its id alone", () => foreign.slice(-8), false],
    ])("%s", async (_what, trusted, isGood) => {
      const folder = temporary();
      const maker = await openSigner(settings({ home: theirs.home, key: foreign }));
      const object = await put(folder, maker, "abcd");
      const judge = await openSigner(settings({ home: ours.home, trusted: trusted().split(" ") }));
      const { store, warnings } = open(folder, judge);
      expect(await store.get(nameOf("abcd"))).toBe(isGood ? object : undefined);
      expect(warnings.map((one) => one.includes("SSTATE_VALID_SIGS"))).toEqual(isGood ? [] : [true]);
    });

    test("does not name a key that has expired meanwhile", async () => {
      const old = ["--faked-system-time", "20200101T000000"];
      const expired = await ours.key("expired", { options: old, expires: "1d" });
      const file = join(temporary(), "file");
      await writeFile(file, "bytes");
      await ours.gpg([...old, "-u", expired, "--output", `${file}.sig`, "--detach-sign", file]);
      const judge = await openSigner(settings({ home: ours.home, trusted: [expired] }));
      expect(await judge.fault(file, `${file}.sig`, "file")).toMatchObject({ kind: "unknown" });
    });
  });

  test("a mirror's signature stays its maker's, and a chain fetches it with the artifact", async () => {
    const folder = temporary();
    const maker = await openSigner(settings({ home: theirs.home, key: foreign }));
    const made = await put(folder, maker, "abcd");
    await using server = await serveFolder(folder);
    const own = temporary();
    const warnings: string[] = [];
    const options = { onWarning: (one: string): void => void warnings.push(one), signer };
    const store = chainStores(
      openFolderStore(own, options),
      openMirrors(`file://.* ${server.url}/PATH`, options),
    );
    // What is there without one is fetched again.
    await seed(own, nameOf("abcd"), "bytes");
    expect(await store.find([nameOf("abcd")])).toEqual(new Set([nameOf("abcd")]));
    const object = await store.get(nameOf("abcd"));
    expect(object).toBe(join(own, objectPath(nameOf("abcd"))));
    expect(await readFile(`${object}.sig`)).toEqual(await readFile(`${made}.sig`));
    expect((await run("sha256sum", ["-c", `${object}.sha256`], { cwd: dirname(object!) })).code).toBe(0);
    expect(await verifyStore(own, { signer })).toMatchObject({ checked: 1, faults: [] });
  });

  test("gpg's own trouble damages nothing", async () => {
    const folder = temporary();
    const object = await put(folder, signer, "abcd");
    const script = join(temporary(), "gpg");
    await writeFile(script, '#!/bin/sh\n[ "$1" = --version ] || { echo "gpg: no memory" >&2; exit 2; }\n', {
      mode: 0o755,
    });
    const { store, warnings } = open(folder, await openSigner(settings({ program: script })));
    expect(await store.get(nameOf("abcd"))).toBeUndefined();
    expect(warnings).toEqual([expect.stringContaining("no memory")]);
    expect((await stat(object)).isFile()).toBe(true);
  });
});
