/** What feeds are asked for, and whom they tell. */
import type { TaskGraph } from "@tsbake/graph";
import type { ParsedProject } from "@tsbake/recipe";

export interface FeedRequest {
  readonly project: ParsedProject;
  readonly onProgress: (text: string, percent?: number) => void;
  readonly onWarning: (text: string) => void;
}

export interface FeedsRequest extends FeedRequest {
  readonly graph: TaskGraph;
}
