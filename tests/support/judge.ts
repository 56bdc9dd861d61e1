/**
 * The judge of an extension: the real systemd-sysext of the base itself, in a mount namespace of its own, with nothing
 * booted. Its exit codes say little (an ignored image is a success), so the merged tree is looked at, and the reasons
 * are in its debug log.
 */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { readTextIfThere } from "@tsbake/base";
import { run } from "./command.js";
import { notRoot } from "./skip.js";
import { temporaryFolder } from "./temporary.js";

export interface Case {
  /** Root of the base, a folder with systemd in it. */
  readonly base: string;
  /** The extension: an image file or a folder. */
  readonly extension: string;
  /** The name that it is put under in /run/extensions or /run/confexts, without `.raw`. */
  readonly name: string;
  /** A shell command that is run in the merged tree. */
  readonly look: string;
  /** What it is. Default: sysext. */
  readonly kind?: "sysext" | "confext";
}

export interface Verdict {
  /** systemd-sysext's own word on what is merged: `status --json=short`. */
  readonly status: string;
  /** Its debug log of the merge. */
  readonly log: string;
  /** What the look printed (both streams), and how it ended. */
  readonly seen: string;
  readonly seenCode: number;
  /** The same look after `unmerge`. */
  readonly afterwards: string;
}

/** Why nothing can be judged here; undefined when it can. Mounting needs root and a kernel that lets it. */
export async function cannotJudge(): Promise<string | undefined> {
  if (notRoot !== undefined) return notRoot;
  const mount = ["mount", "-t", "tmpfs", "none", "/mnt"];
  const probe = await run("unshare", ["--mount", "--propagation", "private", ...mount]);
  return probe.code === 0 ? undefined : `no mounts in a mount namespace: ${probe.stderr.trim()}`;
}

// Without shared propagation on the base, systemd-sysext says "Merged" and nothing is there; /run must be a mount point.
const SCRIPT = `
set -eu
base=$1 extension=$2 name=$3 look=$4 out=$5 program=systemd-$6 place=$base/run/$7
mount --bind "$base" "$base"
mount --make-shared "$base"
mount -t proc proc "$base/proc"
mount -t sysfs sysfs "$base/sys"
mount --rbind /dev "$base/dev"
mount -t tmpfs tmpfs "$base/run"
mkdir "$place"
if [ -d "$extension" ]; then cp -a "$extension" "$place/$name"
else cp "$extension" "$place/$name.raw"; fi
SYSTEMD_LOG_LEVEL=debug chroot "$base" "$program" merge >"$out/log" 2>&1 || echo "exit code $?" >>"$out/log"
chroot "$base" "$program" status --json=short >"$out/status" 2>&1 || true
code=0
chroot "$base" sh -c "$look" >"$out/seen" 2>&1 </dev/null || code=$?
echo $code >"$out/code"
chroot "$base" "$program" unmerge >>"$out/log" 2>&1 || true
chroot "$base" sh -c "$look" >"$out/afterwards" 2>&1 </dev/null || true
`;

/** Merges, looks, unmerges. @throws Error when it could not even be tried */
export async function judge({ base, extension, name, look, kind = "sysext" }: Case): Promise<Verdict> {
  const out = temporaryFolder("judge");
  try {
    const places = { sysext: "extensions", confext: "confexts" };
    const args = ["sh", "-c", SCRIPT, "judge", base, extension, name, look, out, kind, places[kind]];
    const result = await run("unshare", ["--mount", "--propagation", "private", ...args]);
    const code = await readTextIfThere(join(out, "code"));
    if (code === undefined) throw new Error(`the judge could not be set up: ${result.stderr}`);
    const text = (file: string): Promise<string> => readFile(join(out, file), "utf8");
    return {
      status: await text("status"),
      log: await text("log"),
      seen: await text("seen"),
      seenCode: Number(code),
      afterwards: await text("afterwards"),
    };
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}
