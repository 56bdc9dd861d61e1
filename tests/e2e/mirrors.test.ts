/** Shared state over a mirror, signed and not, and what fetching takes of the caller's environment. */
import { appendFileSync, cpSync, existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { sha256 } from "@tsbake/base";
import { listStore } from "@tsbake/sstate";
import { gpgMissing, Keyring } from "../support/gpg.js";
import { serveFolder } from "../support/mirror.js";
import { describeUnless } from "../support/skip.js";
import { tasksOf, Toy } from "../support/toy.js";

let toy: Toy;

beforeAll(() => {
  toy = new Toy();
});
afterEach(() => toy.restore());
afterAll(() => toy[Symbol.dispose]());

/** The next build starts from nothing but what mirrors have. */
function forget(): void {
  for (const name of ["tmp", "sstate-cache"])
    rmSync(toy.rig.path("build", name), { recursive: true, force: true });
}

const warningsIn = (output: string): string[] =>
  [...output.matchAll(/"code":"([a-z/-]+)"/g)].map(([, code]) => code!);

describeUnless(gpgMissing, "signed artifacts", () => {
  test("are made, fetched and verified, with the same bytes as from scratch; what is not signed, or by another, is built again", async () => {
    await using maker = new Keyring();
    await using reader = new Keyring();
    const key = await maker.key("maker");
    await maker.share(key, reader);
    const stranger = await reader.key("stranger");
    const making = `SSTATE_VERIFY_SIG = "1"\nGPG_PATH = "${maker.home}"\nSSTATE_SIG_KEY = "${key}"\n`;
    toy.configure(making);
    await toy.built(["page"]);
    const made = (await listStore(toy.rig.path("build/sstate-cache"))).filter(
      ({ kind }) => kind === "object",
    );
    for (const { path } of made)
      expect(existsSync(toy.rig.path("build/sstate-cache", `${path}.sig`))).toBe(true);
    expect(await toy.answered(["sstate", "verify"])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("and signed by someone who is trusted") as unknown,
    });

    rmSync(toy.rig.path("mirror"), { recursive: true, force: true });
    cpSync(toy.rig.path("build/sstate-cache"), toy.rig.path("mirror"), { recursive: true });
    await using server = await serveFolder(toy.rig.path("mirror"));
    const reading = (trusted: string) =>
      `SSTATE_MIRRORS = "file://.* ${server.url}/PATH"\nSSTATE_VERIFY_SIG = "1"\nGPG_PATH = "${reader.home}"\nSSTATE_VALID_SIGS = "${trusted}"\n`;
    forget();
    toy.configure(reading(key));
    const fetched = await toy.built(["page"]);
    expect([fetched.ran, fetched.restored]).toEqual([[], tasksOf("page", ["deploy", "populate_sysroot"])]);
    expect(await toy.answered(["sstate", "verify"])).toMatchObject({ code: 0 });

    forget();
    toy.configure(reading(stranger));
    const refused = await toy.built(["page"]);
    expect(refused.restored).toEqual([]);
    expect(refused.ran).toContain("page:do_deploy");
    expect(warningsIn(refused.output).filter((code) => code === "engine/shared-state")).toHaveLength(1);

    // Somebody has changed an artifact and its checksum with it.
    const victim = made.find(({ path }) => path.includes(":page:") && path.includes("deploy"))!;
    const file = toy.rig.path("mirror", victim.path);
    writeFileSync(file, "something else");
    writeFileSync(`${file}.sha256`, `${sha256("something else")}\n`);
    forget();
    toy.configure(reading(key));
    const rebuilt = await toy.built(["page"]);
    expect(rebuilt.ran).toContain("page:do_deploy");
    expect(rebuilt.output).toContain("is not of these bytes");
    const verified = await toy.answered(["sstate", "verify"]);
    expect(verified.code).toBe(1);
    expect(verified.stdout).toMatch(/^untrusted: .*:page:.*_deploy\..*: it has no signature beside it/m);
  }, 240_000);

  test("gpg that is missing, and a key that is not there, are told before anything runs", async () => {
    toy.configure('SSTATE_VERIFY_SIG = "1"\nGPG_BIN = "/nowhere/gpg"\n');
    const missing = await toy.answered(["page"]);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toMatch(/^error\[sstate\/missing-gpg\][^]*apt-get install gpg/);
    await using empty = new Keyring();
    toy.configure(`SSTATE_VERIFY_SIG = "1"\nGPG_PATH = "${empty.home}"\nSSTATE_SIG_KEY = "nobody"\n`);
    const keyless = await toy.answered(["page"]);
    expect(keyless.code).toBe(1);
    expect(keyless.stderr).toMatch(/^error\[sstate\/cannot-sign\]: .*`nobody`/);
    toy.configure('SSTATE_VERIFY_SIG = "perhaps"\n');
    expect((await toy.answered(["page"])).stderr).toContain("error[engine/malformed-setting]");
  }, 60_000);
});

describe("a mirror", () => {
  test.each([
    ["that says yes to everything, with a login page", 200, "<html>log in</html>"],
    ["that is broken", 500, "no"],
  ])(
    "%s is one warning",
    async (_what, status, text) => {
      forget();
      await using server = await serveFolder("/nonexistent", (_request, response) => {
        response.writeHead(status).end(text);
        return true;
      });
      toy.configure(`SSTATE_MIRRORS = "file://.* ${server.url}/PATH"\n`);
      const built = await toy.built(["page"]);
      expect(warningsIn(built.output)).toEqual(["engine/shared-state"]);
    },
    120_000,
  );

  test("that has other bytes than it should leaves the rest to the next one", async () => {
    toy.configure("");
    forget();
    await toy.built(["page"]);
    for (const name of ["bad", "good"]) {
      rmSync(toy.rig.path(name), { recursive: true, force: true });
      cpSync(toy.rig.path("build/sstate-cache"), toy.rig.path(name), { recursive: true });
    }
    for (const { path, kind } of await listStore(toy.rig.path("bad")))
      if (kind === "object") appendFileSync(toy.rig.path("bad", path), "more");
    await using bad = await serveFolder(toy.rig.path("bad"));
    forget();
    const good = `file://.* file://${toy.rig.path("good")}/PATH`;
    toy.configure(`SSTATE_MIRRORS = "file://.* ${bad.url}/PATH \\n ${good}"\n`);
    const built = await toy.built(["page"]);
    expect([built.ran, built.restored]).toEqual([[], tasksOf("page", ["deploy", "populate_sysroot"])]);
    expect(warningsIn(built.output)).toEqual(["engine/shared-state"]);
    // On the disk of the store, not in /tmp: a part that is left over is found by the next run.
    expect(readdirSync(toy.rig.path("build/sstate-cache"))).toContain(".incoming");
  }, 120_000);
});

test("do_fetch gets proxy and ~/.netrc of the caller, and its signature neither", async () => {
  const asked: string[] = [];
  await using proxy = await serveFolder("/nonexistent", (request, response) => {
    asked.push(`${request.url} ${request.headers["proxy-authorization"]} ${request.headers.authorization}`);
    response.end("text\n");
    return true;
  });
  const basic = (login: string) => `Basic ${Buffer.from(login).toString("base64")}`;
  const uri = "http://files.invalid/src-9.txt";
  toy.configure("");
  toy.recipe("proxied", `SRC_URI = "${uri};unpack=0"\nSRC_URI[sha256sum] = "${sha256("text\n")}"\n`);
  toy.change(".netrc", "machine files.invalid login me password secret\n");
  const environment = { http_proxy: proxy.url.replace("//", "//a%20b:it's@"), no_proxy: "localhost" };
  await toy.built(["-c", "fetch", "proxied"], { environment });
  expect(asked).toEqual([`${uri} ${basic("a b:it's")} ${basic("me:secret")}`]);
  expect(
    (await toy.built(["-c", "fetch", "proxied"], { environment: { http_proxy: "http://other" } })).ran,
  ).toEqual([]);
  expect(readdirSync(toy.rig.path("build/downloads"))).toContain("src-9.txt");
}, 60_000);
