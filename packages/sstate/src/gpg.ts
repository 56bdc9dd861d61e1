/**
 * Signatures of artifacts: `<object>.sig`, detached and binary, made and judged by the host's gpg. What is signed is the
 * bytes and, as a notation, the object's name: else an old artifact, with its good signature, could be put in the place
 * of another one.
 *
 * @see OE-core meta/lib/oe/gpg_sign.py (LocalSigner): the same files; gpg verifies ours there, and theirs have no name here
 */
import { lstat } from "node:fs/promises";
import { BuildError, hasCode, messageOf, run, type RunResult } from "@tsbake/base";
import { cannotSign, missingGpg } from "./problems.js";

export interface GpgSettings {
  /** SSTATE_SIG_KEY: whose signature artifacts get; empty: none. */
  readonly key: string;
  /** SSTATE_SIG_PASSPHRASE; empty for a key without one. */
  readonly passphrase: string;
  /** SSTATE_VALID_SIGS: ids of keys (16 digits) or fingerprints that are trusted; empty: every key of the keyring is. */
  readonly trusted: readonly string[];
  /** GPG_BIN. */
  readonly program: string;
  /** GPG_PATH, the folder with the keys; empty: gpg's own. */
  readonly home: string;
}

/** Why an artifact is not to be believed. */
export interface SignatureFault {
  /** `wrong`: not of these bytes. `unknown`: nobody signed it, or somebody whom this build does not trust. */
  readonly kind: "wrong" | "unknown";
  /** After the artifact's name. */
  readonly why: string;
}

export interface ArtifactSigner {
  readonly canSign: boolean;
  /** Writes the signature of `file`, the object called `name`, to `signature`. @throws BuildError `sstate/cannot-sign` */
  sign(file: string, signature: string, name: string): Promise<void>;
  /** Undefined when `signature` is one of `file`, as the object called `name`, that is trusted. */
  fault(file: string, signature: string, name: string): Promise<SignatureFault | undefined>;
}

/** The name of the notation that holds the object's name. */
const NOTATION = "object@tsbake";

export function signatureOf(object: string): string {
  return `${object}.sig`;
}

/**
 * Makes sure that gpg is there, and that the key can be used: before anything is built, not after the first artifact.
 *
 * @throws BuildError `sstate/missing-gpg`, `sstate/cannot-sign`
 */
export async function openSigner(settings: GpgSettings): Promise<ArtifactSigner> {
  const signer = new Gpg(settings);
  await signer.check();
  return signer;
}

class Gpg implements ArtifactSigner {
  readonly #settings: GpgSettings;
  readonly #common: readonly string[];
  /** One signature after the other: gpg-agent has little locked memory, and fails when many ask at once. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(settings: GpgSettings) {
    this.#settings = settings;
    const home = settings.home === "" ? [] : ["--homedir", settings.home];
    this.#common = ["--batch", "--no-tty", "--no-permission-warning", "--status-fd", "1", ...home];
  }

  get canSign(): boolean {
    return this.#settings.key !== "";
  }

  async check(): Promise<void> {
    const { program } = this.#settings;
    try {
      await run(program, ["--version"]);
    } catch (error) {
      throw new BuildError([missingGpg(program, messageOf(error))], { cause: error });
    }
    if (this.canSign) await this.#sign("/dev/null", "-", "none");
  }

  sign(file: string, signature: string, name: string): Promise<void> {
    const turn = this.#turn.then(() => this.#sign(file, signature, name));
    // Whether it went well is for who has asked.
    this.#turn = Promise.allSettled([turn]);
    return turn;
  }

  async #sign(file: string, signature: string, name: string): Promise<void> {
    const { key, passphrase } = this.#settings;
    const ways = ["--yes", "--pinentry-mode", "loopback", "--passphrase-fd", "0", "-u", key];
    // In hexadecimal: gpg expands `%`.
    ways.push("--sig-notation", `${NOTATION}=${Buffer.from(name).toString("hex")}`);
    const { code, stderr } = await this.#run(
      [...ways, "--output", signature, "--detach-sign", "--", file],
      passphrase,
    );
    if (code === 0) return;
    throw new BuildError([cannotSign(key, lastLine(stderr))]);
  }

  async fault(file: string, signature: string, name: string): Promise<SignatureFault | undefined> {
    try {
      if (!(await lstat(signature)).isFile())
        return { kind: "unknown", why: "what stands beside it as its signature (.sig) is no plain file" };
    } catch (error) {
      if (!hasCode(error, "ENOENT")) throw error;
      return { kind: "unknown", why: "it has no signature beside it (.sig)" };
    }
    const result = await this.#run(["--verify", "--", signature, file], "");
    return this.#judge(result) ?? nameFault(result, name);
  }

  /** By the words of gpg's DETAILS document, which do not depend on the language. */
  #judge(result: RunResult): SignatureFault | undefined {
    const said = (word: string): string[] =>
      [...result.stdout.matchAll(new RegExp(`^\\[GNUPG:\\] ${word} (.*)$`, "gm"))].map(([, rest]) => rest!);
    const [bad] = said("BADSIG");
    if (bad !== undefined) return { kind: "wrong", why: `its signature by ${bad} is not of these bytes` };
    const [absent] = said("NO_PUBKEY");
    if (absent !== undefined) {
      return { kind: "unknown", why: `it is signed by ${absent}, a key that is not in gpg's keyring` };
    }
    // Anything else may be gpg's own trouble, which says nothing of the artifact.
    if (result.code !== 0) {
      const kind = said("NODATA").length > 0 ? "wrong" : "unknown";
      return { kind, why: `its signature cannot be verified (gpg: ${lastLine(result.stderr)})` };
    }
    const { trusted } = this.#settings;
    const good = said("GOODSIG");
    // gpg ends with 0 for these, too.
    for (const [word, what] of BAD_KEYS) {
      const [by] = said(word);
      if (by !== undefined) return { kind: "unknown", why: `it is signed by ${by}, ${what}` };
    }
    if (good.length === 0) return { kind: "unknown", why: "gpg calls no signature of it good" };
    if (trusted.length === 0) return undefined;
    const ids = [
      ...good.map((text) => text.split(" ")[0]!),
      // Fingerprints of the key and of the primary key that it belongs to; only where the key is good in itself.
      ...said("VALIDSIG").flatMap((text) => {
        const fields = text.split(" ");
        return [fields[0]!, fields.at(-1)!];
      }),
    ];
    if (trusted.some((one) => ids.includes(one.toUpperCase()))) return undefined;
    return { kind: "unknown", why: `it is signed by ${good[0]}, which SSTATE_VALID_SIGS does not name` };
  }

  #run(args: readonly string[], input: string): Promise<RunResult> {
    return run(this.#settings.program, [...this.#common, ...args], { input, mayFail: true });
  }
}

const BAD_KEYS = [
  ["REVKEYSIG", "a key that has been revoked"],
  ["EXPKEYSIG", "a key that has expired"],
  ["EXPSIG", "and the signature has expired"],
] as const;

/** Whether what was signed is the object of this name. */
function nameFault(result: RunResult, name: string): SignatureFault | undefined {
  const lines = result.stdout.split("\n");
  // The name that one signature has must not vouch for another one.
  if (lines.filter((line) => line.startsWith("[GNUPG:] NEWSIG")).length > 1)
    return { kind: "unknown", why: "it has several signatures" };
  const at = lines.indexOf(`[GNUPG:] NOTATION_NAME ${NOTATION}`);
  const word = "[GNUPG:] NOTATION_DATA ";
  // Long data comes in several lines.
  const data = at < 0 ? [] : lines.slice(at + 1).filter((line) => line.startsWith(word));
  if (data.length === 0)
    return {
      kind: "unknown",
      why: "its signature does not say of which artifact it is: an old tsbake or another program made it",
    };
  const signed = Buffer.from(data.map((line) => line.slice(word.length)).join(""), "hex").toString();
  if (signed === name) return undefined;
  return { kind: "unknown", why: `its signature is that of another artifact, ${signed}` };
}

/** What gpg gives for a reason. */
function lastLine(stderr: string): string {
  return stderr
    .trim()
    .split("\n")
    .at(-1)!
    .replace(/^gpg: /, "");
}
