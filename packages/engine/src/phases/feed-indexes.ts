/** Indexes of feeds that are no apt archive ([feed-indexes]): read and verified before signatures are made. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { AT_ONCE, eachLimited } from "@tsbake/base";
import type { TaskId } from "@tsbake/graph";
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
    const { feedIndexes: feeds = [], feedKeys: keys = [] } =
      project.recipes.get(node.recipe)?.tasks[node.task] ?? {};
    const indexes: FeedIndex[] = [];
    for (const feed of feeds) {
      const key = JSON.stringify([feed, keys]);
      const index = opened.get(key) ?? (await openFeedIndex(feed, await optionsOf(request, keys)));
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
  const named = new Map<string, { readonly feed: string; readonly keys: readonly string[] }>();
  for (const { tasks } of request.project.recipes.values())
    for (const { feedIndexes = [], feedKeys: keys = [] } of Object.values(tasks))
      for (const feed of feedIndexes) named.set(JSON.stringify([feed, keys]), { feed, keys });
  let isChanged = false;
  for (const { feed, keys } of named.values())
    if (await updateFeedIndex(feed, await optionsOf(request, keys))) isChanged = true;
  return isChanged;
}

async function optionsOf(
  { project, onProgress }: FeedRequest,
  keys: readonly string[],
): Promise<FeedIndexOptions> {
  const downloads = project.configurationText("DL_DIR");
  if (downloads === undefined) throw new Error("internal: DL_DIR is not set");
  const folder = join(downloads, "feed");
  return { folder, keys: await eachLimited(keys, AT_ONCE, readFeedKey), onProgress };
}
