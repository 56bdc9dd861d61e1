/** Tasks without [network] run where there is none, if this machine lets us make such a place. */
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { hasCode, lastLines, messageOf, run } from "@tsbake/base";

export interface Isolation {
  /**
   * Words in front of a command that take the network away; empty when that is not possible here. Tried once for each
   * `outer` command (fakeroot), since what is possible depends on it.
   */
  wrap(outer: readonly string[], environment: Readonly<Record<string, string>>): Promise<readonly string[]>;
}

/**
 * Root, and whoever runs as root of a namespace, needs only a network namespace; others need a user namespace around it,
 * with their own ids in it. Loopback stays down in both.
 *
 * @param onImpossible called once, with what stands in the way: tasks have the network then
 */
export function openIsolation(onImpossible: (reason: string) => void): Isolation {
  let isTold = false;
  const give = (reason: string): void => {
    if (!isTold) onImpossible(reason);
    isTold = true;
  };
  const tried = new Map<string, Promise<readonly string[]>>();
  return {
    wrap(outer, environment) {
      const key = outer.join("\0");
      let found = tried.get(key);
      if (!found) {
        found = probe(outer, environment, give);
        tried.set(key, found);
      }
      return found;
    },
  };
}

async function probe(
  outer: readonly string[],
  environment: Readonly<Record<string, string>>,
  onImpossible: (reason: string) => void,
): Promise<readonly string[]> {
  const unshare = findProgram("unshare");
  if (unshare === undefined) {
    onImpossible("there is no program `unshare` (util-linux) on PATH");
    return [];
  }
  const asRoot = [unshare, "--net", "--"];
  const asUser = [unshare, "--user", "--map-current-user", "--net", "--"];
  const isRoot = process.getuid?.() === 0 || outer.length > 0;
  let reason = "";
  for (const words of isRoot ? [asRoot, asUser] : [asUser]) {
    const [command, ...args] = [...outer, ...words, "/bin/true"];
    try {
      const { code, signal, stderr } = await run(command!, args, { env: environment, mayFail: true });
      if (code === 0) return words;
      reason = lastLines(stderr, 1) || `\`${command}\` ended with ${code ?? signal}`;
    } catch (error) {
      // Without the outer program the body cannot start either, and says so.
      if (outer.length > 0 && hasCode(error, "ENOENT")) return [];
      reason = messageOf(error);
    }
  }
  onImpossible(reason);
  return [];
}

/** The program's full path on this process's own PATH: a task's PATH may lack it. */
export function findProgram(name: string): string | undefined {
  for (const folder of (process.env["PATH"] ?? "/usr/bin:/bin").split(":")) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // The next folder.
    }
  }
  return undefined;
}
