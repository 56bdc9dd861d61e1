/** Where a path leads in a tree that is data: as the kernel would go, part by part, through every symlink. */
import type { FileEntry } from "@tsbake/archive";

/** What becomes of a path. */
export type Found =
  | { readonly kind: "there"; readonly path: string; readonly entry: FileEntry }
  /** The first part that is not there, or is no folder on the way to the rest. */
  | { readonly kind: "missing"; readonly path: string }
  | { readonly kind: "loop"; readonly path: string };

/** As the kernel has it (ELOOP). */
const MOST_LINKS = 40;

const ROOT: FileEntry = { path: "/", kind: "directory", mode: 0o755, uid: 0, gid: 0, sizeBytes: 0 };

/**
 * @param at what stands at a path of which no folder is a symlink
 * @param path absolute; `..` of the root is the root
 * @see path_resolution(7)
 */
export function follow(at: (path: string) => FileEntry | undefined, path: string): Found {
  const waiting = parts(path).reverse();
  const walked: FileEntry[] = [ROOT];
  let hops = 0;
  for (let part = waiting.pop(); part !== undefined; part = waiting.pop()) {
    const here = walked.at(-1)!;
    if (here.kind !== "directory") return { kind: "missing", path: `${here.path}/${part}` };
    if (part === "..") {
      if (walked.length > 1) walked.pop();
      continue;
    }
    const next = `${here === ROOT ? "" : here.path}/${part}`;
    const entry = at(next);
    if (entry === undefined) return { kind: "missing", path: next };
    if (entry.kind !== "symlink") {
      walked.push(entry.path === next ? entry : { ...entry, path: next });
      continue;
    }
    const target = entry.target ?? "";
    if (++hops > MOST_LINKS || waiting.length > 4096) return { kind: "loop", path: next };
    if (target === "") return { kind: "missing", path: next };
    if (target.startsWith("/")) walked.length = 1;
    waiting.push(...parts(target).reverse());
  }
  const end = walked.at(-1)!;
  return { kind: "there", path: end.path, entry: end };
}

function parts(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}
