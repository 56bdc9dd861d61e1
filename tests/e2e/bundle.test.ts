/** Bundles: what one project has built, another builds on without the recipes. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  appendFileSync,
  cpSync,
  createReadStream,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { sha256File } from "@tsbake/base";
import { showBundle, verifyBundle } from "@tsbake/engine";
import { gpgMissing, Keyring } from "../support/gpg.js";
import { testUnless } from "../support/skip.js";
import { temporaryFolder } from "../support/temporary.js";
import { Toy } from "../support/toy.js";

const PAGE = "build/tmp/deploy/toy/page";
const STOOD_FOR = ["greeting", "shout"];

describe("a bundle", () => {
  const maker = new Toy();
  const work = temporaryFolder("bundle");
  const folder = join(work, "shout");
  const tar = join(work, "shout.tar");
  let control: string;

  beforeAll(async () => {
    await maker.built([]);
    control = maker.rig.read(PAGE);
    for (const to of [folder, tar]) {
      const made = await maker.answered(["bundle", "shout", "--to", to]);
      if (!made.output.includes(`${to}: 2 recipes, 2 artifacts`)) throw new Error(made.output);
    }
  }, 120_000);
  afterAll(() => {
    maker[Symbol.dispose]();
    rmSync(work, { recursive: true, force: true });
  });

  /** A project without the recipes that the bundle stands for, on IMAGE_TEMPLATE. */
  function product(template: string, more = ""): Toy {
    const toy = new Toy();
    for (const name of STOOD_FOR) rmSync(toy.rig.path(`meta-toy/recipes/${name}`), { recursive: true });
    toy.rig.write("build/conf/local.conf", `IMAGE_TEMPLATE = "${template}"\n${more}`);
    return toy;
  }

  test("says what it was made of, and has the same bytes when it is made again", async () => {
    const manifest = await showBundle(tar);
    expect(manifest).toMatchObject({
      targets: ["shout"],
      machine: "generic",
      distro: "debian",
      recipes: STOOD_FOR.map((name) => ({ name, version: "1.0" })),
    });
    expect(manifest.layers.map(({ name }) => name)).toEqual(["core", "toy"]);
    expect(manifest.signatures["shout:do_install"]).toMatch(/^[0-9a-f]{32}$/);
    expect(await verifyBundle(folder, undefined)).toEqual(manifest);
    const again = join(work, "again.tar");
    await maker.answered(["bundle", "shout", "--to", again]);
    expect(await sha256File(again)).toBe(await sha256File(tar));
    const shown = await maker.answered(["bundle", "show", tar]);
    expect(shown.output).toMatch(/^shout for generic \(debian, [^]*^ {2}greeting 1\.0: do_/m);
    expect((await maker.answered(["bundle", "verify", folder])).output).toContain(manifest.digest);
  });

  test.each<[string, () => Promise<string>]>([
    ["a folder", () => Promise.resolve(folder)],
    ["a tar with its SHA-256", async () => `file://${tar};sha256=${await sha256File(tar)}`],
  ])("is built on where IMAGE_TEMPLATE names it as %s", async (_, template) => {
    using toy = product(await template());
    const planned = await toy.answered(["-n"]);
    expect(planned.output).toContain("stands for greeting, shout");
    const first = await toy.built([]);
    expect(first.ran.filter((label) => STOOD_FOR.includes(label.split(":")[0]!))).toEqual([]);
    expect(first.restored).toEqual(
      expect.arrayContaining(["greeting:do_populate_sysroot", "shout:do_populate_sysroot"]),
    );
    expect(toy.rig.read(PAGE)).toBe(control);
    expect((await toy.built([])).ran).toEqual([]);
    // What it stands for is there, and nothing has to be done for it.
    expect((await toy.built(["shout"])).ran).toEqual([]);
  });

  test("another bundle at the same place is another build, and none is the recipes again", async () => {
    const place = join(work, "moving.tar");
    cpSync(tar, place);
    using toy = product(place);
    await toy.built([]);
    maker.change("meta-toy/recipes/greeting/greeting/greeting.txt", "bye\n");
    await maker.answered(["bundle", "shout", "--to", place]);
    maker.restore();
    expect((await toy.built([])).ran).toContain("page:do_compile");
    expect(toy.rig.read(PAGE)).toContain("BYE, WORLD");
    // The recipes are not there: what they are called then is an error of the graph.
    toy.rig.write("build/conf/local.conf", "");
    expect((await toy.answered([])).output).toMatch(/nothing provides|no recipe/i);
  });

  test("a recipe that the project has, too, comes from the bundle", async () => {
    using toy = new Toy();
    toy.rig.write("build/conf/local.conf", `IMAGE_TEMPLATE = "${folder}"\n`);
    toy.rig.write("meta-toy/recipes/greeting/greeting/greeting.txt", "bye\n");
    const { ran } = await toy.built([]);
    expect(ran.filter((label) => STOOD_FOR.includes(label.split(":")[0]!))).toEqual([]);
    expect(toy.rig.read(PAGE)).toBe(control);
  });

  test("comes from a server, by its SHA-256 only", async () => {
    const server = createServer((request, answer) => {
      if (request.url === "/shout.tar") createReadStream(tar).pipe(answer);
      else answer.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      using toy = product(`${url}/shout.tar;sha256=${await sha256File(tar)}`);
      await toy.built([]);
      expect(toy.rig.read(PAGE)).toBe(control);
      const refused = async (template: string) => {
        toy.rig.write("build/conf/local.conf", `IMAGE_TEMPLATE = "${template}"\n`);
        const { code, output } = await toy.answered([]);
        expect(code).toBe(1);
        return output;
      };
      expect(await refused(`${url}/shout.tar`)).toMatch(/engine\/bad-template[^]*needs its SHA-256/);
      expect(await refused(`${url}/shout.tar;sha256=${"0".repeat(64)}`)).toMatch(
        /engine\/bad-bundle[^]*its SHA-256 is/,
      );
      expect(await refused(`${url}/other.tar;sha256=${"0".repeat(64)}`)).toMatch(
        /engine\/bad-template[^]*answers 404/,
      );
      expect(await refused(`${tar};md5=1`)).toMatch(/engine\/bad-template[^]*`md5=1` is no sha256/);
      expect(await refused("nowhere.tar")).toMatch(/engine\/bad-bundle[^]*it is not there/);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  describe("that somebody has changed", () => {
    const copy = (): string => {
      const to = join(work, "copy");
      rmSync(to, { recursive: true, force: true });
      cpSync(folder, to, { recursive: true });
      return to;
    };
    const refusal = (why: RegExp) => ({
      diagnostics: [{ code: "engine/bad-bundle", message: expect.stringMatching(why) }],
    });

    test("is refused for a byte of any part, a part too few or too many, and nothing of it is used", async () => {
      const { parts } = await showBundle(folder);
      expect(parts.length).toBeGreaterThan(8);
      for (const { path } of parts) {
        const changed = copy();
        const bytes = readFileSync(join(changed, path));
        const at = Math.floor(bytes.length / 2);
        bytes[at] = bytes[at]! ^ 1;
        writeFileSync(join(changed, path), bytes);
        const named = new RegExp(`the part \`${path.replaceAll(/[.+]/g, "\\$&")}\` has other bytes`);
        await expect(verifyBundle(changed, undefined)).rejects.toMatchObject(refusal(named));
        rmSync(join(changed, path));
        await expect(verifyBundle(changed, undefined)).rejects.toMatchObject(refusal(/is missing/));
      }
      const more = copy();
      mkdirSync(join(more, "classes"));
      writeFileSync(join(more, "classes/base.bbclass"), "");
      await expect(verifyBundle(more, undefined)).rejects.toMatchObject(
        refusal(/the part `classes\/base\.bbclass`, which bundle\.json does not name/),
      );
      using toy = product(more);
      const { code, output } = await toy.answered([]);
      expect(code).toBe(1);
      expect(output).toContain("engine/bad-bundle");
    });

    test("is refused for what its manifest says", async () => {
      const changed = copy();
      const path = join(changed, "bundle.json");
      const text = readFileSync(path, "utf8");
      for (const [to, why] of [
        [text.replace('"generic"', '"other"'), /its digest is not that of what it says/],
        [text.replace('"tsbake-bundle": 1', '"tsbake-bundle": 2'), /the format 2, and this tsbake reads 1/],
        [text.replace(/"path": "[^"]*"/, '"path": "../x"'), /parts\.0\.path/],
        ["{}", /missing/],
        ["", /no JSON/],
      ] as const) {
        writeFileSync(path, to);
        await expect(verifyBundle(changed, undefined)).rejects.toMatchObject(refusal(why));
      }
      rmSync(path);
      await expect(verifyBundle(changed, undefined)).rejects.toMatchObject(refusal(/it has no bundle\.json/));
    });

    test("as a tar is refused where it is cut, flipped or goes on", async () => {
      const changed = join(work, "changed.tar");
      const whole = readFileSync(tar);
      for (const size of [0, 100, 512, Math.floor(whole.length / 2)]) {
        writeFileSync(changed, whole);
        truncateSync(changed, size);
        await expect(verifyBundle(changed, undefined)).rejects.toThrow(
          /damaged|truncated|no usable bundle|ends too early/,
        );
        expect(existsSync(join(work, "build"))).toBe(false);
      }
      for (const share of [0.3, 0.5, 0.7, 0.9]) {
        const bytes = Buffer.from(whole);
        const at = Math.floor(bytes.length * share);
        bytes[at] = bytes[at]! ^ 1;
        writeFileSync(changed, bytes);
        // In the padding behind a part a byte says nothing.
        await verifyBundle(changed, undefined).then(
          () => expect(bytes[at]).toBe(1),
          (error: unknown) => expect(error).toMatchObject({ diagnostics: [expect.anything()] }),
        );
      }
      writeFileSync(changed, whole);
      appendFileSync(changed, "x");
      expect((await verifyBundle(changed, undefined)).targets).toEqual(["shout"]);
    });
  });

  testUnless(
    gpgMissing,
    "is signed by BUNDLE_SIGN_KEY, and believed by BUNDLE_VERIFY_SIG",
    async () => {
      await using ring = new Keyring();
      const [mine, other] = [await ring.key("mine"), await ring.key("other")];
      const signed = join(work, "signed.tar");
      maker.configure(`BUNDLE_SIGN_KEY = "${mine}"\nGPG_PATH = "${ring.home}"\n`);
      expect((await maker.answered(["bundle", "shout", "--to", signed])).output).toMatch(/, signed$/m);
      maker.restore();
      const gpg = `BUNDLE_VERIFY_SIG = "1"\nGPG_PATH = "${ring.home}"\n`;
      using toy = product(signed, gpg);
      await toy.built([]);
      expect(toy.rig.read(PAGE)).toBe(control);
      toy.rig.write(
        "build/conf/local.conf",
        `IMAGE_TEMPLATE = "${signed}"\n${gpg}BUNDLE_VALID_SIGS = "${other}"\n`,
      );
      rmSync(toy.rig.path("build/cache/templates.json"));
      expect((await toy.answered([])).output).toMatch(/engine\/bad-bundle[^]*is signed by/);
      toy.rig.write("build/conf/local.conf", `IMAGE_TEMPLATE = "${tar}"\n${gpg}`);
      expect((await toy.answered([])).output).toMatch(/engine\/bad-bundle[^]*it has no signature/);
    },
    60_000,
  );

  test("is never written over what is none", async () => {
    const there = join(work, "there");
    mkdirSync(there);
    writeFileSync(join(there, "file"), "mine");
    const { code, output } = await maker.answered(["bundle", "shout", "--to", there]);
    expect(code).toBe(1);
    expect(output).toContain("engine/foreign-bundle-folder");
    expect(readFileSync(join(there, "file"), "utf8")).toBe("mine");
  });
});
