/** When two entries are the same to whoever opens the path. */
import type { FileEntry } from "@tsbake/archive";
import { byText } from "@tsbake/base";

/** overlayfs keeps notes in these attributes. */
export const OVERLAY = /^(user|trusted)\.overlay\./;

/** Equal to whoever opens the path, as `sameEntry` has it: kind, content, target, device, permissions, owner, attributes. */
export function sameContent(left: FileEntry, right: FileEntry): boolean {
  if (left.kind !== right.kind || left.sha256 !== right.sha256 || left.target !== right.target) return false;
  if (left.device !== right.device || attributesOf(left) !== attributesOf(right)) return false;
  return left.kind === "symlink" || sameOwnership(left, right);
}

/** Without overlayfs' own, which never ship. */
function attributesOf({ xattrs = [] }: FileEntry): string {
  return xattrs
    .filter((one) => !OVERLAY.test(one))
    .sort(byText)
    .join("\n");
}

/** Permissions and owner. */
export function sameOwnership(left: FileEntry, right: FileEntry): boolean {
  return left.mode === right.mode && left.uid === right.uid && left.gid === right.gid;
}
