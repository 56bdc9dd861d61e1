/** Large files that are mostly zeros: on the disk, and in the tar of a tree, they are holes. */
import { stat } from "node:fs/promises";
import type { RunResult } from "@tsbake/base";
import type { Sandbox, SandboxRunOptions } from "@tsbake/sandbox";

/** Smaller files are not worth a look: most large programs have some zeros, and every later step would handle their holes. */
const LARGE = "+64M";
/** Fewer are what programs leave out by chance. */
const WORTHWHILE_BYTES = 1 << 20;

/** Whether much less of the file is on the disk than it is long. */
export async function hasHoles(path: string): Promise<boolean> {
  return isSparse(await stat(path));
}

function isSparse({ blocks, size }: { readonly blocks: number; readonly size: number }): boolean {
  return size - blocks * 512 >= WORTHWHILE_BYTES;
}

/**
 * Takes zeros of large files off the disk. What unpacks packages writes all of them out.
 *
 * @returns whether a large file has holes
 */
export async function digHoles(root: string, sandbox: Sandbox): Promise<boolean> {
  // A file system without holes, or a file that this user may not open, stays as it is.
  const dig = ["-exec", "fallocate", "--dig-holes", "{}", ";"];
  const large = [root, "-xdev", "-type", "f", "-size", LARGE];
  const told = ["-exec", "stat", "--format=%b %s", "{}", ";"];
  const { stdout } = await sandbox.run("find", [...large, "(", ...dig, ",", ...told, ")"]);
  return stdout
    .split("\n")
    .map((line) => line.split(" ").map(Number))
    .some(([blocks = 0, size = 0]) => isSparse({ blocks, size }));
}

/** tar into dd, which leaves blocks of zeros out; tar's exit code, or 1 when dd fails. */
const TAR_WITH_HOLES = `
exec 4>&1
codes=$({
    { tar "$@" 4>&-; echo $? >&3; } |
        { dd bs=64k iflag=fullblock conv=sparse status=none >&4 || echo 1 >&3; }
} 3>&1)
for code in $codes; do
    [ "$code" = 0 ] || exit "$code"
done
`;

/** Runs tar with its archive on a file, in which long runs of zeros are holes. */
export function tarWithHoles(
  sandbox: Sandbox,
  args: readonly string[],
  streams: Pick<SandboxRunOptions, "stdoutFd" | "input">,
): Promise<RunResult> {
  return sandbox.run("sh", ["-c", TAR_WITH_HOLES, "sh", ...args], { ...streams, mayFail: true });
}
