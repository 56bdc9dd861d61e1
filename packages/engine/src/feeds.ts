/** What the archive has today under the names that tasks ask for: solved before signatures are made, handed to the tasks as files. */
import { join } from "node:path";
import { writeFileAtomic } from "@tsbake/base";
import type { Datastore } from "@tsbake/datastore";
import type { TaskGraph, TaskId } from "@tsbake/graph";
import { openFeed, writeClosure } from "@tsbake/packaging";
import type { Closure, ClosureRequest, Feed } from "@tsbake/packaging";
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
  readonly onProgress: (text: string) => void;
  readonly onWarning: (text: string) => void;
}

export interface FeedsRequest extends FeedRequest {
  readonly graph: TaskGraph;
}

/** The feed as the configuration has it: FEED_SOURCES or the host's apt sources, state below DL_DIR. */
export function openProjectFeed({ project, onProgress, onWarning }: FeedRequest): Promise<Feed> {
  const downloads = project.configurationText("DL_DIR");
  if (downloads === undefined) throw new Error("internal: DL_DIR is not set");
  // `\\n` in a value is two characters; sources are lines.
  const sources = project.configurationText("FEED_SOURCES")?.replaceAll("\\n", "\n");
  const architecture = project.configurationText("DPKG_ARCH");
  return openFeed({
    folder: join(downloads, "feed"),
    ...(sources?.trim() ? { sources } : {}),
    ...(architecture ? { architecture } : {}),
    onProgress,
    onWarning,
  });
}

/** @throws BuildError of the feed: unknown package, unreachable archive, no solution */
export async function solveFeeds(request: FeedsRequest): Promise<Feeds> {
  const { project, graph } = request;
  const closures = new Map<TaskId, Closure>();
  const asking: { task: TaskId; request: ClosureRequest }[] = [];
  for (const task of graph.order) {
    const node = graph.graph.getNodeAttributes(task);
    const names = project.recipes.get(node.recipe)?.tasks[node.task]?.feedClosure ?? [];
    if (names.length === 0) continue;
    const roots = names.filter((name) => name !== ESSENTIAL);
    const essential = names.includes(ESSENTIAL);
    asking.push({ task, request: { roots, essential, askedBy: graph.label(task) } });
  }
  if (asking.length > 0) {
    const feed = await openProjectFeed(request);
    // do_fetch and do_install of a recipe ask for the same.
    const keyOf = (one: ClosureRequest) => JSON.stringify([one.essential, one.roots]);
    const distinct = new Map(asking.map((one) => [keyOf(one.request), one.request]));
    const solved = await feed.closures([...distinct.values()]);
    const answers = new Map([...distinct.keys()].map((key, index) => [key, solved[index]!]));
    for (const one of asking) closures.set(one.task, answers.get(keyOf(one.request))!);
  }
  return {
    lines: (task) =>
      closures.get(task)?.packages.map((one) => `${one.name} ${one.version} ${one.sha256}`) ?? [],
    async write(task, d) {
      const closure = closures.get(task);
      if (!closure) return;
      const name = graph.graph.getNodeAttribute(task, "task");
      await writeFileAtomic(
        join(d.getText("WORKDIR") ?? "", "feed", `${name}.closure`),
        writeClosure(closure),
      );
    },
  };
}
