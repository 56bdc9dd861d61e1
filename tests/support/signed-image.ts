/** A disk image that is signed, examined with the programs that it was made with, and with openssl. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./command.js";
import { partitionsOf } from "./gpt.js";

/** Makes `NAME.key` and `NAME.crt`, RSA, in a folder. */
export async function makeSigningPair(folder: string, name: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const files = ["-keyout", `${name}.key`, "-out", `${name}.crt`];
  const made = await run(
    "openssl",
    ["req", "-x509", "-newkey", "rsa:2048", "-nodes", ...files, "-days", "10", "-subj", `/CN=${name}`],
    { cwd: folder },
  );
  if (made.code !== 0) throw new Error(made.stderr);
}

export interface SignedImageOptions {
  readonly image: string;
  /** As the build has told it. */
  readonly rootHash: string;
  readonly certificate: string;
  /** Folder of systemd-dissect and veritysetup. */
  readonly tools: string;
  /** A folder to work in. */
  readonly scratch: string;
}

export class SignedImage {
  readonly #options: SignedImageOptions;

  constructor(options: SignedImageOptions) {
    this.#options = options;
    mkdirSync(options.scratch, { recursive: true });
  }

  /** What systemd-dissect says where only signed images are taken. */
  async validated(): Promise<string> {
    const args = ["--validate", "--image-policy=root=signed", this.#options.image];
    const { stdout, stderr } = await run(join(this.#options.tools, "systemd-dissect"), args);
    return (stdout + stderr).trim();
  }

  /** Whether the signature in the image is that of its root hash, by the key of the certificate. */
  async isSigned(): Promise<boolean> {
    const { rootHash, certificate, scratch } = this.#options;
    const text = this.#partition("signature").toString("latin1").replace(/\0+$/, "");
    const content = JSON.parse(text) as { readonly rootHash: string; readonly signature: string };
    if (content.rootHash !== rootHash) return false;
    writeFileSync(join(scratch, "signature"), Buffer.from(content.signature, "base64"));
    writeFileSync(join(scratch, "roothash"), rootHash);
    const signed = ["-inform", "DER", "-in", "signature", "-content", "roothash"];
    const by = ["-certfile", certificate, "-nointern", "-noverify", "-out", "/dev/null"];
    const { code } = await run("openssl", ["smime", "-verify", "-binary", ...signed, ...by], {
      cwd: scratch,
    });
    return code === 0;
  }

  /** How veritysetup ends. @param spoilt where a byte of the content is made another one first */
  async verified(spoilt?: number): Promise<number | null> {
    const { rootHash, scratch, tools } = this.#options;
    const data = Buffer.from(this.#partition("data"));
    if (spoilt !== undefined) data[spoilt] = data[spoilt]! ^ 1;
    writeFileSync(join(scratch, "data"), data);
    writeFileSync(join(scratch, "hash"), this.#partition("hash"));
    const args = ["verify", join(scratch, "data"), join(scratch, "hash"), rootHash];
    return (await run(join(tools, "veritysetup"), args)).code;
  }

  #partition(kind: "data" | "hash" | "signature"): Buffer {
    const ends = { data: /^root-[^-]+(-64)?$/, hash: /-verity$/, signature: /-verity-sig$/ };
    const all = partitionsOf(this.#options.image);
    const found = all.find(({ label }) => ends[kind].test(label));
    if (!found) throw new Error(`no ${kind} partition among ${all.map(({ label }) => label).join(", ")}`);
    return found.content;
  }
}
