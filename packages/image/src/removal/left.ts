/** What a package left behind when it was removed. */
import type { Reported } from "../facts/reported.js";

/** As words of IMAGE_REMOVE_ALLOW have them; in the report each is `left-KIND`. */
export const LEFT_KINDS = [
  "alternative",
  "configuration",
  "file",
  "group",
  "link",
  "override",
  "unit",
  "user",
] as const;
export type LeftKind = (typeof LEFT_KINDS)[number];

export interface Left {
  readonly kind: LeftKind;
  /** The path, or the name of a user or group. */
  readonly subject: string;
  readonly reported: Reported;
}
