/**
 * A place where commands run as root of their own: namespaces always, and for an ordinary user a fake root that
 * remembers owners, modes and device nodes. Maintainer scripts run only here.
 */
import type { RunResult } from "@tsbake/base";

export interface SandboxOptions {
  /**
   * Roots that dpkg or a script will enter: each gets /proc, a minimal /dev and a private /run and /tmp for as long as
   * the sandbox is open, and nothing of that stays behind. Absolute paths; the folders are made.
   */
  readonly roots?: readonly string[];
  /** For an ordinary user: the native sysroot that holds `faked` and `libfakeroot`. Default: TSBAKE_FAKEROOT, then the host's. */
  readonly fakeroot?: string;
  /**
   * For an ordinary user: the file that carries owners and modes from one sandbox to the next. Real root has them in
   * the file system and never writes it. A sandbox opened inside another one uses the outer one's.
   */
  readonly ownership?: string;
}

export interface SandboxRunOptions {
  readonly cwd?: string;
  /** Added to a minimal environment (PATH, HOME, LANG=C.UTF-8, DEBIAN_FRONTEND=noninteractive, SOURCE_DATE_EPOCH if set). */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
  readonly onOutput?: (text: string, stream: "stdout" | "stderr") => void;
  readonly signal?: AbortSignal;
}

export interface Sandbox extends AsyncDisposable {
  /** Whether owners are only remembered: Node's own lstat then sees neither them nor special modes, `listTree` does. */
  readonly isFake: boolean;
  /** Runs a command as (fake) root, without network. Never throws for a non-zero exit. */
  run(command: string, args: readonly string[], options?: SandboxRunOptions): Promise<RunResult>;
  /** Saves the ownership and ends every process inside. */
  close(): Promise<void>;
}

/** @throws BuildError `packaging/no-namespaces`, `packaging/no-fakeroot` */
export declare function openSandbox(options?: SandboxOptions): Promise<Sandbox>;

/** One entry of a tree as (fake) root sees it. */
export interface TreeEntry {
  /** Relative to the root, no leading `/`; the root itself is not listed. */
  readonly path: string;
  readonly kind: "file" | "directory" | "symlink" | "fifo" | "socket" | "character" | "block";
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  /** Whole seconds. */
  readonly mtimeSeconds: number;
  /** Target of a symlink, else "". */
  readonly target: string;
  /** `device:inode`, equal for hard links of each other. */
  readonly inode: string;
}

/** Every entry below `root`, sorted by path, other file systems left out. The only right way to see owners in a fake root. */
export declare function listTree(sandbox: Sandbox, root: string): Promise<TreeEntry[]>;
