/**
 * A command in a root of its own, which is an overlay: the tree below is never written, what is changed goes into a folder.
 * Nothing of the host has a name in it but what is bound. It is for people: the command has the caller's terminal.
 *
 * One chain of processes, each of which the kernel ends with the one before it; the last is process 1 of its namespace, which
 * waits for the command, and with which all mounts and processes inside are gone. So nothing is left, whoever is killed.
 *
 * Real root in it has few powers, as in a cage (`cage.ts`): it cannot mount, look into other processes, open files by number or use
 * device nodes.
 *
 * @see pivot_root(2), "pivot_root(".", ".")"; the kernel's documentation of overlayfs
 */
import { spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { BuildError, exitCodeOf } from "@tsbake/base";
import { shutting } from "./doors.js";
import { namespaceLimits } from "./namespace-limits.js";
import { ownIds, PATH, userWords } from "./namespaces.js";
import { POWERS } from "./powers.js";
import { noNamespaces, noOverlay } from "./problems.js";
import { DEVICES, MEMORY_FOLDERS } from "./sandbox-scripts.js";

export interface Bind {
  /** Absolute, of the host. */
  readonly from: string;
  /** Absolute, in the root; for what is not below /run the tree or a layer has a mount point. */
  readonly to: string;
  readonly isReadOnly: boolean;
}

export interface OverlayRootOptions {
  /** Where the folders of the overlay are: absolute. */
  readonly folder: string;
  /** Relative to `folder`, the topmost first. Names without `:`, `,` and `\\`. */
  readonly lowers: readonly string[];
  /** Folders in `folder`, on one file system, and an empty one. */
  readonly upper: string;
  readonly work: string;
  readonly point: string;
  readonly binds: readonly Bind[];
  readonly hostname: string;
  /** Leaves the network as it is. */
  readonly network: boolean;
  /** An open file that stays open until all of it is gone: the lock of the folder. */
  readonly lockFd: number;
  /** Program and arguments, and all of its environment. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Ends it. */
  readonly signal?: AbortSignal | undefined;
}

/** Above the last one that any kernel has. */
const ALL_POWERS = 63;

/** Numbers of pivot_root, umount2 and prctl. */
const CALLS: Readonly<Record<string, readonly [number, number, number]>> = {
  x64: [155, 166, 157],
  ia32: [217, 52, 172],
  arm64: [41, 39, 167],
  arm: [218, 52, 172],
  riscv64: [41, 39, 167],
  loong64: [41, 39, 167],
};

/** Standard error is the caller's from here on; what came before is the reason of a failure. */
const ERRORS = 3;

/**
 * $1: folder; $2: point; $3: options of the overlay; $4: hostname; $5: how many words follow that are triples of source, place and
 * mode (ro, rw); then what it becomes. Where the kernel refuses a new /proc (a container that masks parts of its own), the one
 * that is there is bound; what root could set through it is read-only.
 */
const SET_UP = `
set -eu
cd "$1"
mount -t overlay -o "nodev,$3" overlay "$2" || { echo refused-overlay >&2; exit 1; }
cd "$2"
hostname "$4" 2>/dev/null || :
count=$5
shift 5
mount -t proc -o nosuid,nodev,noexec proc proc 2>/dev/null || mount --rbind /proc proc
for name in sys sysrq-trigger irq bus fs; do
    [ ! -e "proc/$name" ] || mount -o bind,ro "proc/$name" "proc/$name"
done
${MEMORY_FOLDERS}ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr
ln -s pts/ptmx dev/ptmx
${DEVICES}while [ "$count" -gt 0 ]; do
    case $2 in /run/*)
        if [ -d "$1" ]; then mkdir -p ".$2"; else mkdir -p ".\${2%/*}"; : >".$2"; fi
    esac
    mount --rbind "$1" ".$2"
    mount -o "remount,bind,$3,nosuid,nodev" ".$2"
    shift 3
    count=$((count - 3))
done
exec "$@"
`;

/**
 * After the five arguments of `close_doors`: numbers of pivot_root, umount2 and prctl; of the last power; of those that stay, with
 * commas; then the command. Process 1 ends when the command does, and with it all that the command left.
 */
const BEGIN = `
my @doors = splice @ARGV, 0, 5;
my ($pivot, $umount, $prctl, $most, $kept) = splice @ARGV, 0, 5;
my ($new, $old) = (".", ".");
syscall($pivot + 0, $new, $old) == 0 or die "pivot_root: $!\\n";
syscall($umount + 0, $old, 2) == 0 or die "umount: $!\\n";
chdir "/" or die "chdir: $!\\n";
print STDERR "ready\\n";
open STDERR, ">&", ${ERRORS} or exit 127;
defined(my $child = fork) or die "fork: $!\\n";
if (!$child) {
    my %kept = map { $_ => 1 } split /,/, $kept;
    for my $power (0 .. $most) { syscall $prctl + 0, 24, $power, 0, 0, 0 unless $kept{$power} }
    close_doors(@doors);
    exec { $ARGV[0] } @ARGV or print STDERR "$ARGV[0]: $!\\n";
    exit($! == 2 ? 127 : 126);
}
while ((my $ended = wait) != -1) {
    next unless $ended == $child;
    exit($? & 127 ? 128 + ($? & 127) : $? >> 8);
}
`;

/**
 * @returns the exit code of the command, 128 + n for signal n; 127 for one that is not there
 * @throws BuildError `sandbox/no-overlay`, `sandbox/no-namespaces`, `sandbox/no-subordinate-ids`
 */
export async function runInOverlay(options: OverlayRootOptions): Promise<number> {
  const { needsUser } = await ownIds();
  const calls = CALLS[process.arch];
  if (calls === undefined)
    throw new BuildError([noNamespaces(`the numbers of system calls of ${process.arch} are not known`)]);
  const binds = options.binds.flatMap(({ from, to, isReadOnly }) => [from, to, isReadOnly ? "ro" : "rw"]);
  const begin = shutting(BEGIN);
  const inside = [
    ...begin,
    ...[...calls, ALL_POWERS].map(String),
    Object.values(POWERS).join(","),
    ...options.command,
  ];
  const kinds = ["--mount", "--uts", "--ipc", "--pid", ...(options.network ? [] : ["--net"])];
  const user = userWords(needsUser, true);
  // After the user namespace, which would take it away.
  const ending = ["setpriv", "--pdeathsig", "KILL", "--inh-caps=-all"];
  const namespaces = ["unshare", ...kinds, "--propagation", "private", "--fork", "--kill-child"];
  const { folder, point, hostname } = options;
  const given = [folder, point, overlayOptions(options, needsUser), hostname, String(binds.length)];
  const words = [
    ...(user.length > 0 ? ["unshare", ...user] : []),
    ...ending,
    ...namespaces,
    "sh",
    "-c",
    SET_UP,
    "set-up",
    ...given,
    ...binds,
    ...inside,
  ];
  const child = spawn(words[0]!, words.slice(1), {
    stdio: ["inherit", "inherit", "pipe", 2, options.lockFd],
    env: { ...options.env, PATH },
    ...(options.signal && { signal: options.signal, killSignal: "SIGKILL" as const }),
  });
  let said = "";
  // Typed as null for a list of streams that is not made of words alone.
  (child.stderr as Readable | null)?.on("data", (piece: Buffer) => (said += piece.toString()));
  const code = await new Promise<number>((resolve, reject) => {
    child.on("error", (error) => {
      if (error.name !== "AbortError") reject(error);
    });
    child.on("close", (ended, signal) => resolve(exitCodeOf(ended, signal)));
  });
  if (said.includes("ready\n") || options.signal?.aborted) return code;
  const reason = said.replace("refused-overlay\n", "").trim();
  throw new BuildError([
    said.includes("refused-overlay")
      ? noOverlay(reason, options.folder)
      : noNamespaces(reason, namespaceLimits()),
  ]);
}

/**
 * Words of `mount -o` for an overlay, to be called in its folder. Attributes of users are all that a user namespace can set. Folders of
 * the tree are never renamed: the tree may be another one tomorrow.
 */
export function overlayOptions(
  { lowers, upper, work }: Pick<OverlayRootOptions, "lowers" | "upper" | "work">,
  needsUser: boolean,
): string {
  return [
    `lowerdir=${lowers.join(":")}`,
    `upperdir=${upper}`,
    `workdir=${work}`,
    "index=off",
    "metacopy=off",
    ...(needsUser ? ["userxattr"] : ["redirect_dir=nofollow"]),
  ].join(",");
}
