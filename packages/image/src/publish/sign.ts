/** `SHA256SUMS.gpg`: the detached signature that systemd-sysupdate and others look for, made by the host's gpg. */
import { BuildError, messageOf, run } from "@tsbake/base";
import * as problems from "../problems.js";

export interface SigningKey {
  /** What gpg finds it by: a fingerprint, or an address. */
  readonly key: string;
  /** GPG_BIN. */
  readonly program: string;
  /** GPG_PATH; empty: gpg's own. */
  readonly home: string;
}

/** Before anything is written: is there a gpg, and can it use the key? @throws BuildError `image/cannot-sign` */
export async function checkKey(signing: SigningKey): Promise<void> {
  await sign(signing, "/dev/null", "-");
}

/** @throws BuildError `image/cannot-sign` */
export async function sign(
  { key, program, home }: SigningKey,
  file: string,
  signature: string,
): Promise<void> {
  const folder = home === "" ? [] : ["--homedir", home];
  const ways = ["--batch", "--no-tty", "--no-permission-warning", "--yes", ...folder, "--local-user", key];
  try {
    const args = [...ways, "--output", signature, "--detach-sign", "--", file];
    const { code, stderr } = await run(program, args, { mayFail: true });
    if (code === 0) return;
    throw new BuildError([problems.cannotSign(key, stderr.trim().split("\n").at(-1) ?? "")]);
  } catch (error) {
    if (error instanceof BuildError) throw error;
    throw new BuildError([problems.cannotSign(key, `${program}: ${messageOf(error)}`)], { cause: error });
  }
}
