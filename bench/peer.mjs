/** How BitBake is called. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";

/**
 * What BitBake wants of the environment: its programs along PATH, the locale en_US.UTF-8, no server that stays.
 *
 * @param {string} checkout a folder with bin/bitbake
 * @returns {Record<string, string>}
 * @throws Error when the machine lacks the locale
 */
export function bitbakeEnvironment(checkout) {
  const known = execFileSync("locale", ["-a"], { encoding: "utf8" }).split("\n");
  if (!known.includes("en_US.utf8"))
    throw new Error("BitBake needs the locale en_US.UTF-8 (Debian: locale-gen)");
  return {
    LC_ALL: "en_US.UTF-8",
    PATH: `${join(checkout, "bin")}:${process.env.PATH ?? ""}`,
    BB_SERVER_TIMEOUT: "0",
  };
}
