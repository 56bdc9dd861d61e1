/** A root booted by the real systemd-nspawn. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./command.js";
import { notRoot } from "./skip.js";

/** Why nothing can be booted here. */
export async function cannotBoot(): Promise<string | undefined> {
  if (notRoot) return notRoot;
  return run("systemd-nspawn", ["--version"]).then(
    () => undefined,
    () => "no systemd-nspawn",
  );
}

/**
 * Boots to multi-user.target, runs a shell command there and powers off.
 *
 * @param root a folder that it may write to
 * @param command what it says is the answer; `active UNIT…` waits half a minute for units and names their states
 * @param environment of systemd-nspawn
 */
export async function boot(
  root: string,
  command: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  const active =
    'active() { for i in $(seq 30); do systemctl is-active "$@" >/dev/null && break; sleep 1; done; systemctl is-active "$@"; }';
  const units = join(root, "etc/systemd/system");
  writeFileSync(
    join(root, "probe.sh"),
    `${active}\n{ ${command}\n} >/probe 2>&1\nsystemctl poweroff --force --force\n`,
  );
  writeFileSync(
    join(units, "probe.service"),
    "[Unit]\nAfter=multi-user.target\n[Service]\nType=oneshot\nExecStart=/bin/sh /probe.sh\n",
  );
  mkdirSync(join(units, "multi-user.target.wants"), { recursive: true });
  symlinkSync("../probe.service", join(units, "multi-user.target.wants/probe.service"));
  const nspawn = ["--boot", "--register=no", "--keep-unit", "--private-network", "--console=pipe"];
  const booted = await run("timeout", ["180", "systemd-nspawn", "-q", `--directory=${root}`, ...nspawn], {
    env: { ...process.env, ...environment } as Record<string, string>,
  });
  try {
    return readFileSync(join(root, "probe"), "utf8");
  } catch (error) {
    throw new Error(`it did not boot: ${booted.stdout}${booted.stderr}`, { cause: error });
  }
}
