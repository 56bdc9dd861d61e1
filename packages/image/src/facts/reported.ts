/** What became of a path in an extension, or was left behind where a package was removed: a line of the report. */
import * as v from "valibot";

const PathDecision = v.picklist([
  "confext",
  "direct-link",
  "dropped",
  "factory",
  "fixed-id",
  "moved",
  "same-as-base",
  "shadows-base",
  "mode-narrowed",
  "mode-of-base",
  "left-alternative",
  "left-configuration",
  "left-file",
  "left-group",
  "left-link",
  "left-override",
  "left-unit",
  "left-user",
  "xattr-dropped",
]);
export type PathDecision = v.InferOutput<typeof PathDecision>;

export const Reported = v.object({
  path: v.string(),
  decision: PathDecision,
  /** The rule or the fact that decided. */
  because: v.string(),
  package: v.exactOptional(v.string()),
});
export type Reported = Readonly<v.InferOutput<typeof Reported>>;
