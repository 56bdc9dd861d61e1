/**
 * What the processes of a body opened, as `strace` writes it down: which files were read before the body had written them,
 * and which it wrote. A folder that is listed, and a file that is only looked at (stat), is not read.
 *
 * Paths of opened files are the kernel's own (`-y`): resolved, whatever folder or link the process came by. Those of links
 * and renames are as they were given.
 */
import { createReadStream } from "node:fs";
import { isAbsolute, join } from "node:path";
import { createInterface } from "node:readline";
import { hasCode } from "@tsbake/base";

/** One a line, successful calls only (-z); with seccomp, so that no other call waits for the tracer. */
export const TRACE_ARGUMENTS: readonly string[] = (
  "-f -qq -y -z --seccomp-bpf -e signal=none " +
  "-e trace=open,openat,openat2,creat,execve,execveat,link,linkat,rename,renameat,renameat2"
).split(" ");

export interface TracedBody {
  /** Before the body wrote to them, if it did. */
  readonly reads: ReadonlySet<string>;
  readonly writes: ReadonlySet<string>;
}

const LINE = /^(\d+) +(\w+)\((.*)\) += -?\d+(?:<((?:[^<>\\]|\\.)*)>)?(\(deleted\))?$/;
const WORKING_FOLDER = /AT_FDCWD<((?:[^<>\\]|\\.)*)>/;
/** A path, in front of it the folder that it is relative to where the call has one. */
const ARGUMENT = /(?:(?:AT_FDCWD|\d+)<((?:[^<>\\]|\\.)*)>, )?"((?:[^"\\]|\\.)*)"/g;

export class TraceReader implements TracedBody {
  readonly reads = new Set<string>();
  readonly writes = new Set<string>();
  /** Of each process, as far as it has shown. */
  readonly #folders = new Map<string, string>();
  /** Programs started under a relative path, until the process shows where it is. */
  readonly #started = new Map<string, string>();

  line(text: string): void {
    const match = LINE.exec(text);
    if (!match) return;
    const [, pid = "", call = "", args = "", opened, deleted] = match;
    const folder = WORKING_FOLDER.exec(args)?.[1];
    if (folder !== undefined) this.#isIn(pid, unescape(folder));
    if (call.startsWith("exec")) this.#execute(pid, args);
    else if (call.startsWith("link") || call.startsWith("rename")) this.#pair(pid, args);
    else if (opened !== undefined && deleted === undefined) this.#open(call, args, unescape(opened));
  }

  #isIn(pid: string, folder: string): void {
    this.#folders.set(pid, folder);
    const program = this.#started.get(pid);
    if (program === undefined) return;
    this.#started.delete(pid);
    this.#read(join(folder, program));
  }

  #execute(pid: string, args: string): void {
    const path = pathsIn(args)[0]?.path;
    if (path === undefined) return;
    if (isAbsolute(path)) this.#read(path);
    else this.#started.set(pid, path);
  }

  /** The content of the first goes on under the second. */
  #pair(pid: string, args: string): void {
    const [from, to] = pathsIn(args).map(({ folder, path }) => {
      if (isAbsolute(path)) return path;
      const below = folder ?? this.#folders.get(pid);
      return below === undefined ? undefined : join(below, path);
    });
    if (from !== undefined && !from.startsWith("/proc/")) this.#read(from);
    if (to !== undefined) this.writes.add(to);
  }

  #open(call: string, args: string, path: string): void {
    const flags = args.slice(args.lastIndexOf('"') + 1);
    if (/\bO_(?:DIRECTORY|PATH|TMPFILE)\b/.test(flags)) return;
    const isNew = call === "creat" || /\bO_TRUNC\b/.test(flags) || /\bO_CREAT\b.*\bO_EXCL\b/.test(flags);
    const isWritten = isNew || /\bO_(?:WRONLY|RDWR)\b/.test(flags);
    // A file that is made if it is missing and then only read is a lock.
    const isRead = !isNew && /\bO_(?:RDONLY|RDWR)\b/.test(flags) && !/\bO_CREAT\b/.test(flags);
    if (isRead) this.#read(path);
    if (isWritten) this.writes.add(path);
  }

  #read(path: string): void {
    if (!this.writes.has(path)) this.reads.add(path);
  }
}

/** Reads the file of a trace; a body that has removed it has left no trace. @throws system errors */
export async function readTrace(path: string, reader: TraceReader): Promise<void> {
  try {
    for await (const line of createInterface({ input: createReadStream(path, "latin1") })) reader.line(line);
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
  }
}

function pathsIn(args: string): { readonly folder: string | undefined; readonly path: string }[] {
  return [...args.matchAll(ARGUMENT)].map(([, folder, path = ""]) => ({
    folder: folder === undefined ? undefined : unescape(folder),
    path: unescape(path),
  }));
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", v: "\v", f: "\f" };

/** C's escapes, bytes in octal. */
function unescape(text: string): string {
  if (!text.includes("\\")) return text;
  const bytes = text.replace(/\\([0-7]{1,3}|.)/g, (_, code: string) =>
    /^[0-7]/.test(code) ? String.fromCharCode(Number.parseInt(code, 8)) : (ESCAPES[code] ?? code),
  );
  return Buffer.from(bytes, "latin1").toString();
}
