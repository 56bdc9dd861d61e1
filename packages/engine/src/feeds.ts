/** What the archive has today under the names that tasks ask for: solved before signatures are made, handed to the tasks as files. */
import { join } from "node:path";
import { words, writeFileAtomic } from "@tsbake/base";
import type { Datastore } from "@tsbake/datastore";
import type { TaskGraph, TaskId } from "@tsbake/graph";
import { openFeed, writeClosure } from "@tsbake/packaging";
import type { Closure, ClosureRequest } from "@tsbake/packaging";
import type { ParsedProject } from "@tsbake/recipe";

/** Word of [feed-closure] that stands for every essential package of the release; apt's own pattern. */
const ESSENTIAL = "?essential";

export interface Feeds {
  /** `name version sha256` lines of a task's closure, sorted. */
  lines(task: TaskId): readonly string[];
  /** Writes `${WORKDIR}/feed/<task>.closure` for a task that has one. */
  write(task: TaskId, d: Datastore): Promise<void>;
}

export interface FeedsRequest {
  readonly project: ParsedProject;
  readonly graph: TaskGraph;
  readonly onProgress: (text: string) => void;
  readonly onWarning: (text: string) => void;
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
    const folder = project.configurationText("DL_DIR");
    if (folder === undefined) throw new Error("internal: DL_DIR is not set");
    const sources = project.configurationText("FEED_SOURCES");
    const architecture = project.configurationText("DPKG_ARCH");
    const feed = await openFeed({
      folder: join(folder, "feed"),
      ...(sources && words(sources).length > 0 ? { sources } : {}),
      ...(architecture ? { architecture } : {}),
      onProgress: request.onProgress,
      onWarning: request.onWarning,
    });
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
