/** The ordinary user that tests which run as root can become. */
import { run } from "@tsbake/base";

/** Why an ordinary user cannot build on this machine; undefined when `nobody` can. Takes root. */
export async function userProblem(): Promise<string | undefined> {
  const probe = await run("runuser", [
    "-u",
    "nobody",
    "--",
    "unshare",
    "--user",
    "--map-root-user",
    "--mount",
    "true",
  ]);
  if (probe.code !== 0) return `the kernel refuses namespaces: ${probe.stderr.trim()}`;
  const finds = await run("runuser", ["-u", "nobody", "--", "test", "-x", "/usr/bin/faked-sysv"]);
  return finds.code === 0 ? undefined : "no fakeroot on this machine";
}
