/** Indexes of feeds that are no apt archive ([feed-indexes]): read and verified before signatures are made. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { AT_ONCE, eachLimited } from "@tsbake/base";
import type { TaskId } from "@tsbake/graph";
import type { TaskInfo } from "@tsbake/recipe";
import {
  openFeedIndex,
  readFeedKey,
  updateFeedIndex,
  type FeedIndex,
  type FeedIndexOptions,
} from "@tsbake/packaging/feed";
import type { FeedRequest, FeedsRequest } from "./feed-request.js";

export interface Indexes {
  /** In the order of the flag. */
  of(task: TaskId): readonly FeedIndex[];
  /** The same as they are written. */
  texts(task: TaskId): readonly string[];
}

/** Each feed is looked at once. @throws BuildError as `openFeedIndex` and `readFeedKey` do */
export async function openIndexes(request: FeedsRequest): Promise<Indexes> {
  const { project, graph } = request;
  const found = new Map<TaskId, readonly FeedIndex[]>();
  const opened = new Map<string, FeedIndex>();
  const texts = new Map<string, string>();
  for (const task of graph.order) {
    const node = graph.node(task);
    const info = project.recipes.get(node.recipe)?.tasks[node.task];
    const indexes: FeedIndex[] = [];
    for (const one of info === undefined ? [] : feedsOf(info)) {
      const key = JSON.stringify(one);
      const index = opened.get(key) ?? (await openFeedIndex(one.feed, await optionsOf(request, one)));
      opened.set(key, index);
      indexes.push(index);
      if (!texts.has(index.path)) texts.set(index.path, await readFile(index.path, "utf8"));
    }
    if (indexes.length > 0) found.set(task, indexes);
  }
  return {
    of: (task) => found.get(task) ?? [],
    texts: (task) => (found.get(task) ?? []).map(({ path }) => texts.get(path)!),
  };
}

/** Those that a build has fetched before. @returns whether one is another now */
export async function updateIndexes(request: FeedRequest): Promise<boolean> {
  const named = new Map<string, NamedFeed>();
  for (const { tasks } of request.project.recipes.values())
    for (const one of Object.values(tasks).flatMap(feedsOf)) named.set(JSON.stringify(one), one);
  let isChanged = false;
  for (const one of named.values())
    if (await updateFeedIndex(one.feed, await optionsOf(request, one))) isChanged = true;
  return isChanged;
}

/** A feed as a task names it. */
interface NamedFeed extends Pick<FeedIndexOptions, "format"> {
  readonly feed: string;
  /** Files. */
  readonly keys: readonly string[];
}

function feedsOf({ feedIndexes = [], feedFormat, feedKeys: keys = [] }: TaskInfo): NamedFeed[] {
  const format = feedFormat === "rpm" ? "rpm" : "ipk";
  return feedIndexes.map((feed) => ({ feed, format, keys }));
}

async function optionsOf(
  { project, onProgress }: FeedRequest,
  { format, keys }: NamedFeed,
): Promise<FeedIndexOptions> {
  const downloads = project.configurationText("DL_DIR");
  if (downloads === undefined) throw new Error("internal: DL_DIR is not set");
  const folder = join(downloads, "feed");
  return { folder, format, keys: await eachLimited(keys, AT_ONCE, readFeedKey), onProgress };
}
