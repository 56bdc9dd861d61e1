/** What signs an image, and signatures that others have made; keys are made here by the real openssl. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { BuildError, checkSigningPair, run } from "@tsbake/base";
import { joinSignature } from "@tsbake/image";
import { describeUnless } from "../support/skip.js";
import { temporaryFolder } from "../support/temporary.js";
import { toolsProblem } from "../support/tools.js";

const noOpenssl = await toolsProblem("openssl");
const folder = temporaryFolder("signing");
const at = (name: string) => join(folder, name);
const openssl = (...args: string[]) => run("openssl", args, { cwd: folder });

/** `NAME.key` and `NAME.crt`, valid for ten days from now. */
async function makePair(name: string): Promise<void> {
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const files = ["-keyout", `${name}.key`, "-out", `${name}.crt`];
  await openssl("req", "-x509", ...curve, ...files, "-days", "10", "-subj", `/CN=${name}`);
}

const problemOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "",
    (error: unknown) => {
      if (!(error instanceof BuildError)) throw error;
      return error.diagnostics.map(({ code, message }) => `${code}: ${message}`).join("\n");
    },
  );

const DAY_MS = 86_400_000;

describeUnless(noOpenssl, "signing", () => {
  beforeAll(async () => {
    for (const name of ["ours", "theirs"]) await makePair(name);
    await openssl("pkcs8", "-topk8", "-in", "ours.key", "-out", "locked.key", "-passout", "pass:secret");
    await openssl("ec", "-in", "ours.key", "-out", "old.key", "-aes128", "-passout", "pass:secret");
    writeFileSync(at("empty"), "");
    mkdirSync(at("folder"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  describe("a key and its certificate", () => {
    test.each([
      ["belong together", "ours.key", "ours.crt", 0, /^$/],
      ["are of two pairs", "theirs.key", "ours.crt", 0, /theirs\.key: it is not the key of .*ours\.crt$/],
      ["are exchanged", "ours.crt", "ours.key", 0, /ours\.key: it is no certificate in PEM$/],
      ["are both the certificate", "ours.crt", "ours.crt", 0, /ours\.crt: it is no private key in PEM$/],
      ["have a passphrase (PKCS#8)", "locked.key", "ours.crt", 0, /locked\.key: the key has a passphrase/],
      ["have a passphrase (SEC1)", "old.key", "ours.crt", 0, /old\.key: the key has a passphrase/],
      ["lack the key", "nothing", "ours.crt", 0, /nothing: it is not there$/],
      ["lack the certificate", "ours.key", "nothing", 0, /nothing: it is not there$/],
      ["are an empty file", "empty", "ours.crt", 0, /empty: it is no private key in PEM$/],
      ["are a folder", "folder", "ours.crt", 0, /folder: it cannot be read$/],
      ["have expired", "ours.key", "ours.crt", 11, /ours\.crt: the certificate has expired on /],
      ["are of tomorrow", "ours.key", "ours.crt", -1, /ours\.crt: the certificate is valid from /],
    ])("%s", async (_what, key, certificate, days, expected) => {
      const now = new Date(Date.now() + days * DAY_MS);
      const said = await problemOf(checkSigningPair({ key: at(key), certificate: at(certificate) }, now));
      expect(said).toMatch(expected);
      expect(said === "" || said.startsWith("base/bad-signing-key: ")).toBe(true);
    });

    test("are named by absolute paths", async () => {
      const pair = { key: "ours.key", certificate: at("ours.crt") };
      expect(await problemOf(checkSigningPair(pair))).toContain("it is no absolute path");
    });
  });

  describe("a signature that somebody else has made", () => {
    const HASH = "1de64293e44f9c1ea43639cef84d34caaa31c03003508b4e048ee0a01f68fb6d";
    const [PLACE, ROOM] = [4096, 8192];

    async function sign(text: string, name: string, ...more: string[]): Promise<string> {
      writeFileSync(at("signed"), text);
      const by = ["-inkey", `${name}.key`, "-signer", `${name}.crt`];
      const form = ["-binary", "-noattr", "-outform", "der", ...more];
      await openssl("smime", "-sign", ...form, "-in", "signed", ...by, "-out", "signature");
      return at("signature");
    }

    function putIn(signature: string, sizeBytes = ROOM): Promise<void> {
      writeFileSync(at("image"), Buffer.alloc(PLACE + ROOM + 512, "x"));
      return joinSignature({
        image: at("image"),
        at: PLACE,
        sizeBytes,
        rootHash: HASH,
        signature,
        certificate: at("ours.crt"),
        work: folder,
        openssl: "openssl",
      });
    }

    test("is put where it belongs, and nowhere else", async () => {
      const signature = await sign(HASH, "ours", "-nocerts");
      await putIn(signature);
      const image = readFileSync(at("image"));
      const text = image.subarray(PLACE).toString("latin1").split("}")[0]! + "}";
      const { stdout } = await openssl("x509", "-in", "ours.crt", "-noout", "-fingerprint", "-sha256");
      expect(JSON.parse(text)).toEqual({
        rootHash: HASH,
        certificateFingerprint: stdout.trim().split("=")[1]!.replaceAll(":", "").toLowerCase(),
        signature: readFileSync(signature).toString("base64"),
      });
      image.fill("x", PLACE, PLACE + text.length);
      expect(image.equals(Buffer.alloc(PLACE + ROOM + 512, "x"))).toBe(true);
    });

    test.each([
      [
        "of another root hash",
        () => sign(HASH.replace("1", "2"), "ours", "-nocerts"),
        ROOM,
        "is not that of",
      ],
      ["of a root hash with a line end", () => sign(`${HASH}\n`, "ours", "-nocerts"), ROOM, "is not that of"],
      ["by another key", () => sign(HASH, "theirs", "-nocerts"), ROOM, "is not that of"],
      // It brings its certificate along, which nobody trusts.
      ["by another key, with its certificate", () => sign(HASH, "theirs"), ROOM, "is not that of"],
      ["that is none", async () => at("ours.crt"), ROOM, "is not that of"],
      ["that is not there", async () => at("nothing"), ROOM, "it cannot be read"],
      ["that has no room", () => sign(HASH, "ours", "-nocerts"), 100, "it is too large"],
    ])("%s is refused", async (_what, make, room, expected) => {
      const said = await problemOf(putIn(await make(), room));
      expect(said).toMatch(/^image\/bad-root-signature: /);
      expect(said).toContain(expected);
      expect(readFileSync(at("image")).equals(Buffer.alloc(PLACE + ROOM + 512, "x"))).toBe(true);
    });
  });
});
