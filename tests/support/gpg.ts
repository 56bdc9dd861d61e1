/** The real gpg with keys of its own, in a temporary folder. */
import { rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { run } from "./command.js";
import { temporaryFolder } from "./temporary.js";
import { toolsProblem } from "./tools.js";

/** Why the tests that need gpg cannot run; undefined when they can. */
export const gpgMissing: string | undefined = await toolsProblem("gpg");

/** gpg of the feed starts the host's agent by its absolute path. */
const AGENT = "usr/bin/gpg-agent";
const agent = (process.env["PATH"] ?? "")
  .split(delimiter)
  .map((folder) => join(folder, "gpg-agent"))
  .find((path) => path.endsWith(`gpg-native/${AGENT}`));

export class Keyring implements AsyncDisposable {
  /** GPG_PATH. */
  readonly home = temporaryFolder("gpg");

  constructor() {
    if (agent !== undefined) writeFileSync(join(this.home, "gpg.conf"), `agent-program ${agent}\n`);
  }

  /** A key that signs. @returns its fingerprint */
  async key(name: string, { passphrase = "", options = [] as readonly string[], expires = "0" } = {}) {
    const secret = ["--pinentry-mode", "loopback", "--passphrase", passphrase];
    await this.gpg([
      ...options,
      ...secret,
      "--quick-gen-key",
      `${name}@example.org`,
      "ed25519",
      "sign",
      expires,
    ]);
    const { stdout } = await this.gpg(["--with-colons", "--list-keys", `${name}@example.org`]);
    return /^fpr:+([0-9A-F]{40}):/m.exec(stdout)![1]!;
  }

  /** Gives the public half of a key to another keyring. */
  async share(fingerprint: string, other: Keyring): Promise<void> {
    const { stdout } = await this.gpg(["--armor", "--export", fingerprint]);
    await other.gpg(["--import"], stdout);
  }

  async gpg(args: readonly string[], input = ""): Promise<{ stdout: string }> {
    const result = await run("gpg", ["--batch", "--no-tty", "--homedir", this.home, ...args], { input });
    if (result.code !== 0) throw new Error(`gpg ${args.join(" ")}: ${result.stderr}`);
    return result;
  }

  /** Not by gpgconf, which looks for its helpers at absolute paths of the host. */
  async tellAgent(command: "reloadagent" | "killagent"): Promise<void> {
    const { code, stderr } = await run("gpg-connect-agent", [
      "--no-autostart",
      "--homedir",
      this.home,
      command,
      "/bye",
    ]);
    if (code !== 0) throw new Error(stderr);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.tellAgent("killagent");
    rmSync(this.home, { recursive: true, force: true });
  }
}
