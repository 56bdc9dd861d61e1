/** What became of a path in an extension: a line of the report. */
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
