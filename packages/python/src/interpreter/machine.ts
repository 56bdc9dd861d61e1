/** Facts of this machine that Python's `os` tells. */
import { arch, hostname, machine, release, type, version } from "node:os";

/** os.uname(): system, host, release, version, machine. */
export function unameFields(): readonly string[] {
  return [type(), hostname(), release(), version(), machine() || arch()];
}
