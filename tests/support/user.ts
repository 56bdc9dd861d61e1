/** The ordinary user that tests which run as root can become. */
import { run } from "./command.js";
import { notRoot } from "./skip.js";
import { toolsProblem } from "./tools.js";

/** Why an ordinary user cannot build on this machine; undefined when `nobody` can. Takes root, and fakeroot. */
export async function userProblem(): Promise<string | undefined> {
  if (notRoot !== undefined) return notRoot;
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
  return toolsProblem("fakeroot");
}
