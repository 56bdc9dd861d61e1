/** What the archive has today under the names that tasks ask for: solved before signatures are made, handed to the tasks as files. */
import { join } from "node:path";
import { writeFileAtomic } from "@tsbake/base";
import type { Datastore } from "@tsbake/datastore";
import type { TaskGraph, TaskId } from "@tsbake/graph";
import { openFeed, writeClosure } from "@tsbake/packaging/feed";
import type { Closure, ClosureRequest, Feed } from "@tsbake/packaging/feed";
import { multiconfigOf } from "@tsbake/recipe";
import type { ParsedProject } from "@tsbake/recipe";

/** Word of [feed-closure] that stands for every essential package of the release; apt's own pattern. */
const ESSENTIAL = "?essential";

export interface Feeds {
  /** `name version sha256` lines of a task's closure, sorted. */
  lines(task: TaskId): readonly string[];
  /** Writes `${WORKDIR}/feed/<task>.closure` for a task that has one. */
  write(task: TaskId, d: Datastore): Promise<void>;
}

export interface FeedRequest {
  readonly project: ParsedProject;
  readonly onProgress: (text: string, percent?: number) => void;
  readonly onWarning: (text: string) => void;
}

export interface FeedsRequest extends FeedRequest {
  readonly graph: TaskGraph;
}

/**
 * The feed as a configuration has it: FEED_SOURCES or the host's apt sources, state below DL_DIR. Other sources or another
 * architecture, of a multiconfig or of another build on the same DL_DIR, have lists of their own.
 */
function openProjectFeed({ project, onProgress, onWarning }: FeedRequest, multiconfig = ""): Promise<Feed> {
  const text = (name: string, of = multiconfig) => project.configurationText(name, of);
  const downloads = text("DL_DIR");
  if (downloads === undefined) throw new Error("internal: DL_DIR is not set");
  // `\\n` in a value is two characters; sources are lines.
  const sources = text("FEED_SOURCES")?.replaceAll("\\n", "\n");
  const architecture = text("DPKG_ARCH");
  return openFeed({
    folder: join(downloads, "feed"),
    ...(sources?.trim() ? { sources } : {}),
    ...(architecture ? { architecture } : {}),
    onProgress,
    onWarning,
  });
}

/** Reads the lists of packages anew. @returns whether they are others now */
export async function updateFeed(request: FeedRequest): Promise<boolean> {
  const feed = await openProjectFeed(request);
  const before = await feed.listsDigest();
  await feed.update();
  return before !== (await feed.listsDigest());
}

interface Asked {
  readonly task: TaskId;
  readonly request: ClosureRequest;
}

/** @throws BuildError of the feed: unknown package, unreachable archive, no solution */
export async function solveFeeds(request: FeedsRequest): Promise<Feeds> {
  const { project, graph } = request;
  const closures = new Map<TaskId, Closure>();
  const asking = new Map<string, Asked[]>();
  for (const task of graph.order) {
    const node = graph.node(task);
    const names = project.recipes.get(node.recipe)?.tasks[node.task]?.feedClosure ?? [];
    if (names.length === 0) continue;
    const roots = names.filter((name) => name !== ESSENTIAL);
    const essential = names.includes(ESSENTIAL);
    const multiconfig = multiconfigOf(node.recipe);
    if (!asking.has(multiconfig)) asking.set(multiconfig, []);
    asking.get(multiconfig)!.push({ task, request: { roots, essential, askedBy: graph.label(task) } });
  }
  for (const [multiconfig, asked] of asking) {
    const feed = await openProjectFeed(request, multiconfig);
    // do_fetch and do_install of a recipe ask for the same.
    const keyOf = (one: ClosureRequest) => JSON.stringify([one.essential, one.roots]);
    const distinct = new Map(asked.map((one) => [keyOf(one.request), one.request]));
    const solved = await feed.closures([...distinct.values()]);
    const answers = new Map([...distinct.keys()].map((key, index) => [key, solved[index]!]));
    for (const one of asked) closures.set(one.task, answers.get(keyOf(one.request))!);
  }
  return {
    lines: (task) =>
      closures.get(task)?.packages.map((one) => `${one.name} ${one.version} ${one.sha256}`) ?? [],
    async write(task, d) {
      const closure = closures.get(task);
      if (!closure) return;
      const name = graph.node(task).task;
      await writeFileAtomic(
        join(d.getText("WORKDIR") ?? "", "feed", `${name}.closure`),
        writeClosure(closure),
      );
    },
  };
}
