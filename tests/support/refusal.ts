/** Machines that refuse namespaces to ordinary users, made on this one: commands in front of another, which then runs as nobody. */
import { spawn, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { notRoot } from "./skip.js";
import { toolsProblem } from "./tools.js";

const AS_NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"];

/** Runs `work` where a user namespace holds all ids and may have no other one in it. @param work gets the words in front */
export async function withoutNamespaces<Result>(
  work: (front: readonly string[]) => Promise<Result>,
): Promise<Result> {
  const holder = spawn("unshare", ["--user", "sleep", "600"], { stdio: "ignore" });
  try {
    // `unshare` becomes `sleep` when it has its namespace.
    for (let tries = 0; nameOf(holder.pid!) !== "sleep"; tries++) {
      if (tries > 200) throw new Error("no user namespace can be made here");
      await sleep(20);
    }
    for (const map of ["uid_map", "gid_map"]) writeFileSync(`/proc/${holder.pid!}/${map}`, "0 0 65536");
    const enter = ["nsenter", `--target=${holder.pid!}`, "--user", "--setuid=0", "--setgid=0", "--"];
    const [command = "", ...args] = enter;
    const limit = spawnSync(command, [...args, "sh", "-c", "echo 0 >/proc/sys/user/max_user_namespaces"]);
    if (limit.status !== 0) throw new Error(`no limit can be set: ${limit.stderr.toString()}`);
    return await work([...enter, ...AS_NOBODY]);
  } finally {
    holder.kill("SIGKILL");
  }
}

function nameOf(pid: number): string {
  return spawnSync("cat", [`/proc/${pid}/comm`], { encoding: "utf8" }).stdout.trim();
}

/**
 * As the seccomp profile of a container does: unshare(2) fails with EPERM. x86-64 only.
 *
 * The filter is: load the number of the call; is it unshare, give EPERM, else allow.
 */
const FILTER = `
import ctypes, os, struct, sys
code = struct.pack("HBBI" * 4, 0x20, 0, 0, 0, 0x15, 0, 1, 272, 0x06, 0, 0, 0x00050001, 0x06, 0, 0, 0x7fff0000)
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.byref(Program(4, code))):
    sys.exit("no seccomp filter: " + os.strerror(ctypes.get_errno()))
os.execvp(sys.argv[1], sys.argv[1:])
`;

export const SECCOMP = ["/usr/bin/env", "python3", "-c", FILTER];
export { AS_NOBODY };

/** Why these machines cannot be made here; undefined when they can. */
export async function cannotRefuse(): Promise<string | undefined> {
  if (notRoot !== undefined) return notRoot;
  if (process.arch !== "x64") return "the seccomp filter is for x86-64";
  const missing = await toolsProblem("python3");
  if (missing !== undefined) return missing;
  const refused = (front: readonly string[]) =>
    spawnSync(front[0]!, [...front.slice(1), "unshare", "--user", "true"], {
      encoding: "utf8",
      env: process.env,
    });
  const filtered = refused([...AS_NOBODY, ...SECCOMP]);
  if (!/not permitted/.test(filtered.stderr)) return `seccomp: ${filtered.stderr || "no refusal"}`;
  try {
    const limited = await withoutNamespaces((front) => Promise.resolve(refused(front)));
    return /No space left/.test(limited.stderr) ? undefined : `limit: ${limited.stderr || "no refusal"}`;
  } catch (error) {
    return String(error);
  }
}
