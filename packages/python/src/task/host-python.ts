/** The host's Python, if it is good enough for tasks. */
import { run } from "@tsbake/base";

/** Oldest version whose syntax and library our Python files keep to. */
const MINIMUM = "(3, 9)";

const found = new Map<string, Promise<string | undefined>>();

/**
 * The real path of the `python3` on `path` (colons between folders; default: this process's PATH), or undefined when
 * there is none, it does not run or it is older than 3.9. Asked once for each PATH.
 */
export function findHostPython(path = process.env["PATH"] ?? ""): Promise<string | undefined> {
  let answer = found.get(path);
  if (!answer) {
    answer = probe(path);
    found.set(path, answer);
  }
  return answer;
}

async function probe(path: string): Promise<string | undefined> {
  try {
    // Its own word for where it is: what PATH names may be a slow wrapper.
    const script = `import sys, json, subprocess, fcntl; print(sys.executable if sys.version_info >= ${MINIMUM} else "")`;
    const { code, stdout } = await run("python3", ["-c", script], { env: { PATH: path }, mayFail: true });
    return (code === 0 && stdout.trim()) || undefined;
  } catch {
    return undefined;
  }
}
