/** A root in which maintainer scripts run: they find its tools, and none of them starts a service. */
import { demandSuccess } from "@tsbake/base";
import type { Cage } from "@tsbake/sandbox";
import type { InstallRequest } from "../database/backend.js";
import { capabilitiesLost, processesLeft } from "../problems.js";

/** $1: root. 101 of policy-rc.d: invoke-rc.d may not start services. */
const FORBID_SERVICES = `
set -eu
mkdir -p "$1/usr/sbin"
printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"
chmod 755 "$1/usr/sbin/policy-rc.d"
`;
const ALLOW_SERVICES = 'rm -f "$1/usr/sbin/policy-rc.d"';

async function inside(sandbox: Cage, root: string, script: string): Promise<void> {
  await sandbox.run("sh", ["-c", script, "sh", root]);
}

/**
 * Readies the root for scripts, of which none can start a service.
 *
 * @param body gets what it calls once the tools of the root are there
 * @returns sentences for a report
 */
export async function withoutServices(
  request: Pick<InstallRequest, "sandbox" | "root" | "onProgress">,
  body: (coverDaemons: () => Promise<void>) => Promise<void>,
): Promise<string[]> {
  const { root, sandbox, onProgress } = request;
  const warnings: string[] = [];
  await sandbox.attach(root);
  try {
    await inside(sandbox, root, FORBID_SERVICES);
    // Daemons are not started: the tool that would do it is hidden by one that does nothing.
    await body(() => sandbox.cover(root, "usr/sbin/start-stop-daemon", "#!/bin/sh\nexit 0\n"));
    if (sandbox.isFake) warnings.push(...(await lostCapabilities(sandbox, root)));
  } finally {
    const left = await sandbox.detach(root);
    if (left.length > 0) {
      warnings.push(processesLeft(left));
      onProgress?.(`warning: ${processesLeft(left)}`);
    }
  }
  await inside(sandbox, root, ALLOW_SERVICES);
  return warnings;
}

/** File capabilities do not survive a fake root: which files are meant. */
async function lostCapabilities(sandbox: Cage, root: string): Promise<string[]> {
  const asked = await sandbox.run("chroot", [root, "getcap", "-r", "/usr"], { mayFail: true });
  // What has no getcap has no setcap either: nobody has set any.
  if (asked.code !== 127) demandSuccess("getcap", asked);
  const files = asked.stdout.split("\n").flatMap((line) => /^(\S+) \S/.exec(line)?.[1] ?? []);
  return files.length > 0 ? [capabilitiesLost(files)] : [];
}
