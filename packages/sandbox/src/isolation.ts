/** Tasks without [network] run where there is none, if this machine lets us make such a place. */
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { run } from "@tsbake/base";

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
 */
export function openIsolation(): Isolation {
  const tried = new Map<string, Promise<readonly string[]>>();
  return {
    wrap(outer, environment) {
      const key = outer.join("\0");
      let found = tried.get(key);
      if (!found) {
        found = probe(outer, environment);
        tried.set(key, found);
      }
      return found;
    },
  };
}

async function probe(
  outer: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const unshare = findProgram("unshare");
  if (unshare === undefined) return [];
  const asRoot = [unshare, "--net", "--"];
  const asUser = [unshare, "--user", "--map-current-user", "--net", "--"];
  const isRoot = process.getuid?.() === 0 || outer.length > 0;
  for (const words of isRoot ? [asRoot, asUser] : [asUser]) {
    const [command, ...args] = [...outer, ...words, "/bin/true"];
    try {
      if ((await run(command!, args, { env: environment })).code === 0) return words;
    } catch {
      return [];
    }
  }
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
