/** The shared state of a build folder, for those who keep it in order. */
import { objectName } from "@tsbake/run";
import { eachLimited } from "@tsbake/base";
import {
  folderCatalog,
  gzipPath,
  objectPath,
  pruneStore,
  storeStatistics,
  verifyStore,
} from "@tsbake/sstate";
import type {
  ArtifactSigner,
  ObjectName,
  Pruned,
  Store,
  StoreStatistics,
  Verification,
} from "@tsbake/sstate";
import type { Pushed } from "./traffic.js";
import type { ParsedProject } from "@tsbake/recipe";
import type { Signatures, TaskGraph } from "@tsbake/graph";
import type { EngineEvent } from "../events.js";

const EVENT_INTERVAL_MS = 200;

export interface PruneRequest {
  /** Artifacts that have not been used for so long go. */
  readonly maxAgeMs?: number;
  /** Then the least recently used go until the rest is at most so big. */
  readonly maxBytes?: number;
  /** Artifacts that a build of these targets would not look for go, whatever their age. Empty: this does not count. */
  readonly unreachableFrom: readonly string[];
  readonly dryRun: boolean;
}

/** What `pull` has done: artifacts of the targets, and where they were. */
export interface Pulled {
  readonly wanted: number;
  /** They are in SSTATE_DIR now; some were before. */
  readonly here: number;
}

/** SSTATE_DIR; mirrors are not touched. */
export interface SharedState {
  readonly folder: string;
  statistics(): Promise<StoreStatistics>;
  /** Reads every artifact, and its signature where they count. @param remove damaged ones are deleted */
  verify(remove: boolean): Promise<Verification & { readonly withSignatures: boolean }>;
  /** @throws BuildError when a target of `unreachableFrom` cannot be built */
  prune(request: PruneRequest): Promise<Pruned>;
  /** Uploads what the server of SSTATE_MIRROR_PUSH has not. @throws BuildError without one, or without a token */
  push(): Promise<Pushed>;
  /** Fetches the artifacts of these targets from mirrors. Empty: those of the project. @throws BuildError when one cannot be built */
  pull(targets: readonly string[]): Promise<Pulled>;
}

export interface SharedStateOptions {
  readonly folder: string;
  /** Paths of all artifacts of these targets, relative to the folder. */
  readonly reachable: (targets: readonly string[]) => Promise<ReadonlySet<string>>;
  /** Of SSTATE_VERIFY_SIG. */
  readonly signer: () => Promise<ArtifactSigner | undefined>;
  readonly onEvent: (event: EngineEvent) => void;
  readonly push: SharedState["push"];
  /** The names of all artifacts of these targets. */
  readonly wanted: (targets: readonly string[]) => Promise<readonly ObjectName[]>;
  /** SSTATE_DIR with its mirrors. */
  readonly store: () => Promise<Store>;
}

/** Artifacts that are fetched at once. */
const PULLED_AT_ONCE = 8;

export function openSharedState(options: SharedStateOptions): SharedState {
  const { folder, reachable, signer, onEvent, wanted, store } = options;
  const step = paced(onEvent);
  const onFiles = (done: number): void => step("looking at the shared state", done);
  return {
    folder,
    push: options.push,
    async pull(targets) {
      const names = await wanted(targets);
      const all = await store();
      let [done, here] = [0, 0];
      const found = [...(await all.find(names))];
      await eachLimited(found, PULLED_AT_ONCE, async (name) => {
        if ((await all.get(name)) !== undefined) here++;
        step("fetching artifacts", ++done, found.length);
      });
      return { wanted: names.length, here };
    },
    statistics: () => storeStatistics(folderCatalog(folder), onFiles),
    async verify(remove) {
      const judge = await signer();
      const text = `comparing artifacts with their checksums${judge ? " and signatures" : ""}`;
      const found = await verifyStore(folder, {
        remove,
        ...(judge && { signer: judge }),
        onProgress: (done, total) => step(text, done, total),
      });
      return { ...found, withSignatures: judge !== undefined };
    },
    async prune({ unreachableFrom, ...options }) {
      const wanted = unreachableFrom.length > 0 ? await reachable(unreachableFrom) : undefined;
      return pruneStore(folderCatalog(folder), {
        ...options,
        ...(wanted && { isWanted: (path) => wanted.has(path) }),
        onProgress: (done, total) =>
          total === undefined ? onFiles(done) : step("deleting artifacts", done, total),
      });
    },
  };
}

/** Not an event for each of a hundred thousand files. */
function paced(onEvent: SharedStateOptions["onEvent"]) {
  let lastMs = -Infinity;
  return (text: string, done: number, total?: number): void => {
    const now = performance.now();
    if (now - lastMs < EVENT_INTERVAL_MS && done !== total) return;
    lastMs = now;
    onEvent({ type: "step", text, done, ...(total !== undefined && { total }) });
  };
}

/** Names of the artifacts of a graph's tasks. */
export function artifactNames(
  graph: TaskGraph,
  signatures: Signatures,
  recipes: ParsedProject["recipes"],
): ObjectName[] {
  return graph.order.flatMap((id) => {
    const { recipe, task } = graph.node(id);
    const info = recipes.get(recipe);
    if (info?.tasks[task]?.artifact === undefined) return [];
    return [objectName(info, task, signatures.of(id).unihash)];
  });
}

/** Where the artifacts of a graph's tasks are, or their descriptions alone, relative to the store, in both compressions. */
export function artifactPaths(
  graph: TaskGraph,
  signatures: Signatures,
  recipes: ParsedProject["recipes"],
): Set<string> {
  const paths = new Set<string>();
  for (const id of graph.order) {
    const { recipe, task } = graph.node(id);
    const info = recipes.get(recipe);
    if (!info) continue;
    const path = objectPath(objectName(info, task, signatures.of(id).unihash));
    paths.add(path).add(gzipPath(path));
  }
  return paths;
}
