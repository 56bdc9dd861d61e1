/** `signed` repositories of a project file: git, gpg and ssh-keygen are real, and so are those who try to get around them. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { BuildError, type Diagnostic } from "@tsbake/base";
import { readProjectFile } from "@tsbake/project";
import { gpgMissing, Keyring } from "../support/gpg.js";
import { gitIn, makeRemote } from "../support/kas-cases.js";
import { describeUnless } from "../support/skip.js";
import { temporaryFolder } from "../support/temporary.js";
import { toolsProblem } from "../support/tools.js";

const missing = gpgMissing ?? (await toolsProblem("ssh-keygen"));

describeUnless(missing, "a signed repository", () => {
  const ring = new Keyring();
  const folder = temporaryFolder("signed");
  const up = join(folder, "up");
  const keys = join(folder, "keys");
  const fingerprints: Record<string, string> = {};
  let url = "";

  /** One commit more, with a signature or without. @returns it */
  function commit(text: string, key?: string): string {
    writeFileSync(join(up, "conf/layer.conf"), text);
    signing(["commit", "-q", "-a", "-m", text], key);
    return gitIn(up, "rev-parse", "HEAD");
  }

  function signing(words: readonly string[], key?: string): void {
    const isSsh = key !== undefined && existsSync(join(keys, key));
    const format = isSsh ? ["-c", "gpg.format=ssh", "-c", `user.signingKey=${join(keys, key)}`] : [];
    const own = key === undefined || isSsh ? format : ["-c", `user.signingKey=${key}`];
    const sign = words[0] === "tag" ? "-s" : "-S";
    const [verb, ...rest] = words;
    const settings = [...own, "-c", "user.name=t", "-c", "user.email=t@example.org"];
    const all = [...settings, verb!, ...(key === undefined ? [] : [sign]), ...rest];
    execFileSync("git", all, { cwd: up, env: { ...process.env, GNUPGHOME: ring.home } });
  }

  beforeAll(async () => {
    url = `file://${up}`;
    makeRemote(up, { "conf/layer.conf": "first" });
    mkdirSync(keys, { recursive: true });
    for (const name of ["good", "other"]) {
      fingerprints[name] = await ring.key(name);
      const { stdout } = await ring.gpg(["--armor", "--export", fingerprints[name]!]);
      writeFileSync(join(keys, `${name}.asc`), stdout);
      const words = ["-q", "-t", "ed25519", "-N", "", "-C", `${name} one`, "-f", join(keys, name)];
      execFileSync("ssh-keygen", words, { env: process.env });
    }
    writeFileSync(
      join(keys, "both.asc"),
      ["good", "other"].map((name) => readFileSync(join(keys, `${name}.asc`), "utf8")).join(""),
    );
  }, 60_000);
  afterAll(() => ring[Symbol.asyncDispose]());

  async function read(
    repo: string,
    signers: string,
    more = "",
  ): Promise<{ codes: string[]; told: string; warnings: string[]; project: string }> {
    const project = temporaryFolder("signed-project");
    const path = join(project, "tsbake.yaml");
    const repos = `repos:\n  keys: {path: ../${keys.split("/").slice(-2).join("/")}, layers: {.: disabled}}\n  up: ${repo}\n${more}`;
    writeFileSync(path, `header: {version: 19}\n${repos}signers: ${signers}\n`);
    const warnings: string[] = [];
    const bring = {
      beforeChange: () => Promise.resolve(),
      onStep: () => undefined,
      onWarning: ({ code }: Diagnostic) => void warnings.push(code),
    };
    try {
      await readProjectFile(path, { bring });
    } catch (error) {
      if (!(error instanceof BuildError)) throw error;
      const told = error.diagnostics.map(({ message }) => message).join("\n");
      return { codes: error.diagnostics.map(({ code }) => code), told, warnings, project };
    }
    return { codes: [], told: "", warnings, project };
  }

  const gpg = (name: string, more = ""): string => `{k: {repo: keys, path: ${name}.asc${more}}}`;
  const ssh = (name: string, more = ""): string => `{k: {type: ssh, repo: keys, path: ${name}.pub${more}}}`;
  const at = (place: string): string => `{url: "${url}", ${place}, signed: true, allowed_signers: [k]}`;

  test("is taken where one of the signers has signed its commit or tag, with gpg or ssh", async () => {
    const byGpg = commit("gpg", fingerprints["good"]);
    signing(["tag", "-m", "t", "t-gpg"], fingerprints["good"]);
    const bySsh = commit("ssh", "good");
    signing(["tag", "-m", "t", "t-ssh"], "good");
    const digest = /SHA256:\S+/.exec(
      execFileSync("ssh-keygen", ["-lf", join(keys, "good.pub")], { encoding: "utf8", env: process.env }),
    )![0];
    for (const [place, signers] of [
      [`commit: "${byGpg}"`, gpg("good")],
      ["tag: t-gpg", gpg("good", `, fingerprint: ${fingerprints["good"]}`)],
      [`commit: "${bySsh}"`, ssh("good")],
      ["branch: main", ssh("good", `, fingerprint: "${digest}"`)],
      ["tag: t-ssh", ssh("good")],
    ] as const) {
      const { codes, project, warnings } = await read(at(place), signers);
      expect([place, codes, warnings]).toEqual([place, [], []]);
      expect(existsSync(join(project, "up/conf/layer.conf"))).toBe(true);
    }
  });

  test("nothing of it is checked out where they have not", async () => {
    const unsigned = commit("unsigned");
    gitIn(up, "tag", "light");
    signing(["tag", "-m", "t", "t-other"], fingerprints["other"]);
    const byOther = commit("other", "other");
    // An old tag with its good signature, under another name.
    gitIn(up, "update-ref", "refs/tags/t-new", gitIn(up, "rev-parse", "refs/tags/t-gpg"));
    // A commit that says something else than what was signed.
    const good = gitIn(up, "rev-parse", "t-gpg^{commit}");
    const forged = gitIn(up, "cat-file", "commit", good).replace(/\n\ngpg$/, "\n\nforged\n");
    const id = execFileSync("git", ["hash-object", "-t", "commit", "-w", "--stdin"], {
      cwd: up,
      input: forged,
    });
    gitIn(up, "update-ref", "refs/heads/forged", id.toString().trim());
    for (const [place, signers, reason] of [
      [`commit: "${unsigned}"`, gpg("good"), "it has no signature"],
      ["tag: light", gpg("good"), "it is a light tag"],
      ["tag: t-other", gpg("good"), "none of its `allowed_signers`"],
      [`commit: "${byOther}"`, ssh("good"), "none of its `allowed_signers`"],
      ["tag: t-ssh", gpg("good"), "none of its `allowed_signers`"],
      ["tag: t-gpg", ssh("good"), "none of its `allowed_signers`"],
      ["tag: t-new", gpg("good"), "what was signed is the tag `t-gpg`"],
      ["branch: forged", gpg("good"), "not of what stands there"],
    ] as const) {
      const { codes, told, project } = await read(at(place), signers);
      expect([place, codes, told]).toEqual([
        place,
        ["project/bad-signature"],
        expect.stringContaining(reason),
      ]);
      expect(existsSync(join(project, "up"))).toBe(false);
    }
  });

  test.each<[string, string, string, string]>([
    ["tag: t-gpg", gpg("none"), "project/bad-signer", "cannot be read"],
    ["tag: t-gpg", gpg("both"), "project/bad-signer", "has 2 keys"],
    ["tag: t-gpg", "{k: {repo: keys, path: good.pub}}", "project/bad-signer", "no public key of gpg"],
    ["tag: t-gpg", ssh("both").replace(".pub", ".asc"), "project/bad-signer", "no public key of ssh"],
    [
      "tag: t-gpg",
      gpg("good", `, fingerprint: ${"A".repeat(40)}`),
      "project/bad-signer",
      "has the fingerprint",
    ],
    [
      "tag: t-gpg",
      ssh("good", `, fingerprint: "SHA256:${"A".repeat(43)}"`),
      "project/bad-signer",
      "has the fingerprint",
    ],
    ["tag: t-gpg", ssh("good", `, fingerprint: ${"A".repeat(40)}`), "project/wrong-type", "one of ssh"],
    ["tag: t-gpg", "{k: {repo: keys, path: ../up/conf/layer.conf}}", "project/bad-signer", "leads out"],
    ["tag: t-gpg", "{k: {repo: up, path: conf/layer.conf}}", "project/bad-signer", "cannot be had before"],
    ["tag: t-gpg", "{k: {repo: nobody, path: x}}", "project/unknown-repo", "nobody"],
    ["tag: t-gpg", "{other: {repo: keys, path: good.asc}}", "project/unknown-signer", "`k`"],
    ["tag: t-gpg", "{k: {fingerprint: x, gpg_keyserver: y}}", "project/unsupported-key", "gpg_keyserver"],
    ["tag: t-gpg", "{k: {path: good.asc}}", "project/missing-key", "repo"],
  ])("%s by %j is %s", async (place, signers, code, reason) => {
    const { codes, told } = await read(at(place), signers);
    expect([codes.includes(code), told]).toEqual([true, expect.stringContaining(reason)]);
    expect(codes.length).toBe(/gpg_keyserver/.test(signers) ? 2 : 1);
  });

  test("without allowed_signers nobody could sign it, and without signed nobody has to", async () => {
    const nobody = await read(`{url: "${url}", tag: t-gpg, signed: true}`, gpg("good"));
    expect(nobody.codes).toEqual(["project/no-signers"]);
    const unasked = await read(`{url: "${url}", tag: light, allowed_signers: [k]}`, gpg("good"));
    expect([unasked.codes, unasked.warnings]).toEqual([[], ["project/unused-signers"]]);
    const off = await read(`{url: "${url}", tag: light, signed: false, allowed_signers: [k]}`, gpg("good"));
    expect([off.codes, off.warnings]).toEqual([[], []]);
  });

  test("one that is taken as it is has to be at what was signed, and changes since are told", async () => {
    const local = join(folder, "local");
    gitIn(folder, "clone", "-q", url, "local");
    gitIn(local, "checkout", "-q", "t-gpg");
    const here = `{path: "${local}", signed: true, allowed_signers: [k]}`;
    expect(await read(here, gpg("good"))).toMatchObject({ codes: [], warnings: [] });
    expect((await read(here, gpg("other"))).codes).toEqual(["project/bad-signature"]);
    const tagged = here.replace("signed:", "tag: t-ssh, signed:");
    expect((await read(tagged, ssh("good"))).told).toContain("it is of the commit");
    writeFileSync(join(local, "conf/layer.conf"), "changed");
    expect(await read(here, gpg("good"))).toMatchObject({
      codes: [],
      warnings: ["project/unsigned-changes"],
    });
  });

  test("settings of the repository name no program and no key of their own", async () => {
    const local = join(folder, "settings");
    gitIn(folder, "clone", "-q", url, "settings");
    gitIn(local, "checkout", "-q", "t-other");
    const mark = join(folder, "mark");
    writeFileSync(
      join(folder, "program"),
      `#!/bin/sh\ntouch ${mark}\nexec gpg --homedir ${ring.home} "$@"\n`,
      {
        mode: 0o755,
      },
    );
    for (const name of ["gpg.program", "gpg.openpgp.program", "gpg.ssh.program", "gpg.x509.program"])
      gitIn(local, "config", name, join(folder, "program"));
    const { codes } = await read(
      `{path: "${local}", tag: t-other, signed: true, allowed_signers: [k]}`,
      gpg("good"),
    );
    expect([codes, existsSync(mark)]).toEqual([["project/bad-signature"], false]);
  });
});
