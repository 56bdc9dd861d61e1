/** Files of packages that tests write as rpm. */
import type { RpmFile } from "@tsbake/packaging";

/** A plain file of root with this content. */
export function rpmFile(path: string, text: string, more: Partial<RpmFile> = {}): RpmFile {
  const content = Buffer.from(text);
  return {
    path,
    kind: "file",
    mode: 0o644,
    user: "root",
    group: "root",
    mtimeSeconds: 1_700_000_000,
    sizeBytes: content.length,
    isConfig: false,
    content: () => [content],
    ...more,
  };
}
