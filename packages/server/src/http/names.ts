/** Which paths may be asked for: those of objects and of what stands beside them, and nothing else that lies in the folder. */
import { storedFile } from "@tsbake/sstate";
import type { StoragePath } from "../storage/index.js";

/** A file system takes 255 bytes for one name. */
const LONGEST_PART = 255;
const LONGEST_PATH = 1024;

/** Names that were good, by how they were asked for. */
const recent = new Map<string, StoragePath>();
const MOST_RECENT = 20_000;

/**
 * What a path below the objects' URL means; undefined where it is no name of the layout.
 *
 * @param encoded as it stands in the request, without a query
 */
export function readName(encoded: string): StoragePath | undefined {
  if (encoded.length > LONGEST_PATH * 3) return undefined;
  const known = recent.get(encoded);
  if (known) return known;
  const name = checkName(decoded(encoded));
  if (!name) return undefined;
  // Builds ask for the same names, and looking at one takes as long as looking for its file.
  if (recent.size >= MOST_RECENT) recent.clear();
  recent.set(encoded, name);
  return name;
}

/** The same of a name that is not encoded. */
export function checkName(path: string | undefined): StoragePath | undefined {
  if (path === undefined || path.length > LONGEST_PATH) return undefined;
  const isPlain = path.split("/").every(
    (part) =>
      // Printable ASCII: recipes' names and versions have nothing else, and some file systems fold the rest.
      /^[ -.0-~]+$/.test(part) &&
      !part.startsWith(".") &&
      !part.includes("\\") &&
      part.length <= LONGEST_PART,
  );
  if (!isPlain) return undefined;
  const found = storedFile(path);
  // What was set aside as damaged, and writes under way, are nobody's.
  if (!found || found.kind === "bad" || found.kind === "write") return undefined;
  return { ...found, path };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
