/**
 * Signatures of artifacts: `<object>.sig`, detached and binary, made and judged by the host's gpg.
 *
 * @see OE-core meta/lib/oe/gpg_sign.py (LocalSigner): the same files, so that each can verify the other's
 */
import { stat } from "node:fs/promises";
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
  /** Writes the signature of `file` to `signature`. @throws BuildError `sstate/cannot-sign` */
  sign(file: string, signature: string): Promise<void>;
  /** Undefined when `signature` is one of `file` that is trusted. */
  fault(file: string, signature: string): Promise<SignatureFault | undefined>;
}

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
    if (this.canSign) await this.#sign("/dev/null", "-");
  }

  sign(file: string, signature: string): Promise<void> {
    const turn = this.#turn.then(() => this.#sign(file, signature));
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async #sign(file: string, signature: string): Promise<void> {
    const { key, passphrase } = this.#settings;
    const ways = ["--yes", "--pinentry-mode", "loopback", "--passphrase-fd", "0", "-u", key];
    const { code, stderr } = await this.#run(
      [...ways, "--output", signature, "--detach-sign", "--", file],
      passphrase,
    );
    if (code === 0) return;
    throw new BuildError([cannotSign(key, lastLine(stderr))]);
  }

  async fault(file: string, signature: string): Promise<SignatureFault | undefined> {
    try {
      await stat(signature);
    } catch (error) {
      if (!hasCode(error, "ENOENT")) throw error;
      return { kind: "unknown", why: "it has no signature beside it (.sig)" };
    }
    return this.#judge(await this.#run(["--verify", "--", signature, file], ""));
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
    if (trusted.length === 0) return undefined;
    const ids = [
      ...good.map((text) => text.split(" ")[0]!),
      // Fingerprints of the key and of the primary key that it belongs to; only where the key is good in itself.
      ...(good.length > 0 ? said("VALIDSIG") : []).flatMap((text) => {
        const fields = text.split(" ");
        return [fields[0]!, fields.at(-1)!];
      }),
    ];
    if (trusted.some((one) => ids.includes(one.toUpperCase()))) return undefined;
    const by = good[0] ?? said("EXPKEYSIG")[0];
    return {
      kind: "unknown",
      why: `it is signed by ${by === undefined ? "a key" : by}, which SSTATE_VALID_SIGS does not name, or which has expired`,
    };
  }

  #run(args: readonly string[], input: string): Promise<RunResult> {
    return run(this.#settings.program, [...this.#common, ...args], { input });
  }
}

/** What gpg gives for a reason. */
function lastLine(stderr: string): string {
  return stderr
    .trim()
    .split("\n")
    .at(-1)!
    .replace(/^gpg: /, "");
}
