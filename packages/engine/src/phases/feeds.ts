/** What the archive has today under the names that tasks ask for: solved before signatures are made, handed to the tasks as files. */
import { join } from "node:path";
import { BuildError, writeFileAtomic } from "@tsbake/base";
import type { Datastore } from "@tsbake/datastore";
import type { TaskId } from "@tsbake/graph";
import { openFeed, shareOfArchive, writeClosure, writeFeedIndexes } from "@tsbake/packaging/feed";
import type { Closure, ClosureRequest, Feed } from "@tsbake/packaging/feed";
import { feedSourceLines, multiconfigOf } from "@tsbake/recipe";
import { mixedFeeds } from "../problems.js";
import { openIndexes, updateIndexes } from "./feed-indexes.js";
import type { FeedRequest, FeedsRequest } from "./feed-request.js";

/** Word of [feed-closure] that stands for every essential package of the release; apt's own pattern. */
const ESSENTIAL = "?essential";

export interface Feeds {
  /** `name version sha256` lines of a task's closure, sorted, and `index sha256` lines of its indexes. */
  lines(task: TaskId): readonly string[];
  /** Writes `${WORKDIR}/feed/<task>.closure` and `.indexes` for a task that has them. */
  write(task: TaskId, d: Datastore): Promise<void>;
}

/** Which feed is meant: of whom there are several in one build, each has lists and solutions of its own. */
interface FeedName {
  readonly multiconfig: string;
  /** FEED_SOURCES as lines; absent: the host's apt sources. */
  readonly sources?: string | undefined;
}

/**
 * The feed of a recipe: its FEED_SOURCES or the host's apt sources, state below DL_DIR. Other sources or another
 * architecture, of another recipe, a multiconfig or another build on the same DL_DIR, have lists of their own.
 */
function openProjectFeed(
  { project, onProgress, onWarning }: FeedRequest,
  { multiconfig, sources }: FeedName,
): Promise<Feed> {
  const text = (name: string) => project.configurationText(name, multiconfig);
  const downloads = text("DL_DIR");
  if (downloads === undefined) throw new Error("internal: DL_DIR is not set");
  const architecture = text("DPKG_ARCH");
  return openFeed({
    folder: join(downloads, "feed"),
    ...(sources === undefined ? {} : { sources }),
    ...(architecture ? { architecture } : {}),
    onProgress,
    onWarning,
  });
}

/**
 * Reads the lists of packages anew: those of the configuration's sources, and of recipes' own sources those that a build has
 * read before.
 *
 * @returns whether they are others now
 */
export async function updateFeed(request: FeedRequest): Promise<boolean> {
  const { project } = request;
  const usual = feedSourceLines(project.configurationText("FEED_SOURCES"));
  const names = new Map<string, FeedName>([[usual ?? "", { multiconfig: "", sources: usual }]]);
  for (const { id, tasks, feedSources: sources } of project.recipes.values()) {
    const asks = Object.values(tasks).some(({ feedClosure }) => feedClosure);
    if (asks && multiconfigOf(id) === "") names.set(sources ?? "", { multiconfig: "", sources });
  }
  let isChanged = false;
  for (const name of names.values()) {
    const feed = await openProjectFeed(request, name);
    const before = await feed.listsDigest();
    if (before === undefined && name.sources !== usual) continue;
    await feed.update();
    isChanged ||= before !== (await feed.listsDigest());
  }
  return (await updateIndexes(request)) || isChanged;
}

interface Asked {
  readonly task: TaskId;
  readonly request: ClosureRequest;
}

/** @throws BuildError of the feed: unknown package, unreachable archive, no solution; `engine/mixed-feeds` */
export async function solveFeeds(request: FeedsRequest): Promise<Feeds> {
  const { project, graph } = request;
  const closures = new Map<TaskId, Closure>();
  const indexes = await openIndexes(request);
  const asking = new Map<string, { readonly name: FeedName; readonly asked: Asked[] }>();
  for (const task of graph.order) {
    const node = graph.node(task);
    const recipe = project.recipes.get(node.recipe);
    const names = recipe?.tasks[node.task]?.feedClosure ?? [];
    if (names.length === 0) continue;
    const { roots, wanted } = shareOfArchive(
      names.filter((name) => name !== ESSENTIAL),
      indexes.texts(task),
    );
    const essential = names.includes(ESSENTIAL);
    const name: FeedName = { multiconfig: multiconfigOf(node.recipe), sources: recipe?.feedSources };
    const key = JSON.stringify(name);
    if (!asking.has(key)) asking.set(key, { name, asked: [] });
    const askedBy = graph.label(task);
    asking.get(key)!.asked.push({ task, request: { roots, wanted, essential, askedBy } });
  }
  const tasks = [...asking.values()].flatMap(({ asked }) => asked.map(({ task }) => task));
  checkOneFeed(request, tasks);
  for (const { name, asked } of asking.values()) {
    const feed = await openProjectFeed(request, name);
    // do_fetch and do_install of a recipe ask for the same.
    const keyOf = (one: ClosureRequest) => JSON.stringify([one.essential, one.roots, one.wanted]);
    const distinct = new Map(asked.map((one) => [keyOf(one.request), one.request]));
    const solved = await feed.closures([...distinct.values()]);
    const answers = new Map([...distinct.keys()].map((key, index) => [key, solved[index]!]));
    for (const one of asked) closures.set(one.task, answers.get(keyOf(one.request))!);
  }
  return {
    lines: (task) => [
      ...(closures.get(task)?.packages.map((one) => `${one.name} ${one.version} ${one.sha256}`) ?? []),
      ...indexes.of(task).map((one) => `index ${one.sha256}`),
    ],
    async write(task, d) {
      const path = join(d.getText("WORKDIR") ?? "", "feed", graph.node(task).task);
      const [closure, some] = [closures.get(task), indexes.of(task)];
      if (closure) await writeFileAtomic(`${path}.closure`, writeClosure(closure));
      if (some.length > 0) await writeFileAtomic(`${path}.indexes`, writeFeedIndexes(some));
    },
  };
}

/**
 * What an image gets from others (libraries that were linked with, the database of its base) is of the sources of these, and
 * two releases in one root fit by chance only.
 */
function checkOneFeed({ project, graph }: FeedsRequest, tasks: readonly TaskId[]): void {
  const mixed = new Map<string, { readonly asker: string; readonly other: string }>();
  for (const task of tasks) {
    const asker = project.recipes.get(graph.node(task).recipe)!;
    for (const need of graph.needs(task)) {
      const other = project.recipes.get(graph.node(need).recipe);
      const asks = Object.values(other?.tasks ?? {}).some(({ feedClosure }) => feedClosure);
      if (!other || !asks || other.feedSources === asker.feedSources) continue;
      mixed.set(`${asker.pn} ${other.pn}`, { asker: asker.pn, other: other.pn });
    }
  }
  if (mixed.size > 0)
    throw new BuildError([...mixed.values()].map(({ asker, other }) => mixedFeeds(asker, other)));
}
