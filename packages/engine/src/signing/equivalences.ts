/** Which outputs are the same: a file of this machine, and with BB_HASHSERVE a server in front of it. */
import { join } from "node:path";
import { sha256, sha256File, type Diagnostic } from "@tsbake/base";
import type { Signatures, TaskGraph, TaskId } from "@tsbake/graph";
import type { ParsedProject } from "@tsbake/recipe";
import type { RunOptions } from "@tsbake/run";
import { openEquivalences, type Equivalences } from "@tsbake/sstate";
import type { RemoteEquivalences } from "@tsbake/sstate/remote";
import { storeWarning } from "../problems.js";
import { tokenOf } from "../state/token.js";

export interface KnownOutputsRequest {
  readonly project: Pick<ParsedProject, "recipes">;
  readonly graph: TaskGraph;
  /** Of the configuration; undefined for an empty one. */
  readonly text: (name: string) => string | undefined;
  /** CACHE. */
  readonly cache: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly onWarning: (diagnostic: Diagnostic) => void;
}

export interface KnownOutputs {
  readonly store: Equivalences;
  /** What the task is called by whose hash this is, as far as it is known now. */
  unihash(task: TaskId, hash: string): string | undefined;
  /** Asks the server for all hashes, and again for those that come of its answers. */
  learn(signatures: Signatures): Promise<void>;
}

/** How artifacts are hashed here; raise it when the same output is to count as another one. */
const ARTIFACT_METHOD = "tsbake-output-1";
/** Of metadata that hashes its outputs itself, as BitBake's does. */
const DEFAULT_METHOD = "sstate_output_hash";
/** As in BitBake, a wait that nobody would sit through is a server that is down. */
const TIMEOUT_MS = 10_000;
/** Answers change hashes above, which are asked for in turn; a chain of changes that is longer ends here. */
const MOST_ROUNDS = 100;

/** @throws BuildError `sstate/unusable-equivalences`, `engine/bad-token-file` */
export async function openKnownOutputs(request: KnownOutputsRequest): Promise<KnownOutputs> {
  const { text, cache } = request;
  const near = await openEquivalences(join(text("BB_HASHSERVE_DB_DIR") ?? cache, "hash-equivalences.jsonl"));
  const name = text("BB_HASHSERVE")?.trim() ?? "";
  // `auto` is a server of BitBake's own beside the build: here that is the file.
  if (name === "" || name === "auto")
    return {
      store: near,
      unihash: (_task, hash) => near.unihash(hash),
      learn: () => Promise.resolve(),
    };
  return withServer(request, near, name);
}

async function withServer(
  request: KnownOutputsRequest,
  near: Equivalences,
  name: string,
): Promise<KnownOutputs> {
  const { project, graph, text, environment, onWarning } = request;
  const { readHashServer, RemoteEquivalences } = await import("@tsbake/sstate/remote");
  const server = readHashServer(name);
  if (!server) throw new Error(`internal: BB_HASHSERVE is ${name}`);
  const token = await tokenOf(text, environment);
  const store: RemoteEquivalences = new RemoteEquivalences(near, {
    server,
    name,
    timeoutMs: TIMEOUT_MS,
    ...(token !== undefined && { login: { username: "token", token } }),
    onWarning: (message) => onWarning(storeWarning(message)),
  });
  /** Of tasks that may be equivalent to others: locked ones are not. */
  const hashes = new Map<TaskId, string>();
  const methodOf = (task: TaskId): string => {
    const { recipe, task: name } = graph.node(task);
    const hasArtifact = project.recipes.get(recipe)?.tasks[name]?.artifact !== undefined;
    return hasArtifact ? ARTIFACT_METHOD : (text("SSTATE_HASHEQUIV_METHOD") ?? DEFAULT_METHOD);
  };
  return {
    store,
    unihash(task, hash) {
      hashes.set(task, hash);
      return store.unihash(hash);
    },
    async learn(signatures) {
      for (let round = 0; round < MOST_ROUNDS; round++) {
        const keys = [...hashes].map(([task, taskhash]) => ({ method: methodOf(task), taskhash }));
        if (!(await store.learn(keys))) return;
        // From the bottom up: what a task is called by changes the hashes above it.
        for (const task of graph.order) {
          const unihash = store.unihash(hashes.get(task) ?? "");
          if (unihash !== undefined) signatures.settle(task, unihash);
        }
      }
    },
  };
}

/** Of a signed build. */
export interface OutputReportsRequest {
  readonly known: KnownOutputs;
  readonly project: Pick<ParsedProject, "recipes">;
  readonly graph: TaskGraph;
  readonly signatures: Signatures;
}

/** For the run queue: what came out of a task is reported, and gives the unihash that the task has from then on. */
export function outputReports({
  known,
  project,
  graph,
  signatures,
}: OutputReportsRequest): Required<Pick<RunOptions, "equivalence" | "reportOutput">> {
  return {
    reportOutput: (task, method, outhash) => {
      const { taskHash, unihash } = signatures.of(task);
      const outHash = sha256(`${method}\n${outhash}`);
      const label = graph.label(task);
      return known.store.report({ taskHash, method, output: outhash, outHash, unihash, task: label });
    },
    equivalence: async (task, artifact) => {
      const { recipe, task: name } = graph.node(task);
      const { taskHash, unihash } = signatures.of(task);
      const what = `${ARTIFACT_METHOD} ${project.recipes.get(recipe)!.sstateSpec} ${name}`;
      const outHash = sha256(`${what}\n${await sha256File(artifact)}`);
      const label = graph.label(task);
      return known.store.report({
        taskHash,
        method: ARTIFACT_METHOD,
        output: outHash,
        outHash,
        unihash,
        task: label,
      });
    },
  };
}
