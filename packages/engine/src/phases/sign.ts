/** Signs a graph with everything that signatures are made of and with: digests, taints, locks, equivalences. */
import { join } from "node:path";
import { BuildError } from "@tsbake/base";
import type { Diagnostic } from "@tsbake/base";
import { openHandler, signTasks } from "@tsbake/graph";
import type { Signatures, TaskGraph, TaskId } from "@tsbake/graph";
import type { ParsedProject } from "@tsbake/recipe";
import type { RunOptions, Stamps } from "@tsbake/run";
import type { Feeds } from "./feeds.js";
import { openKnownOutputs, outputReports } from "../signing/equivalences.js";
import { openFileDigests, type FileDigests } from "../signing/file-digests.js";
import { openLockedSignatures, type LockedSignatures } from "../signing/locked-signatures.js";

/** A graph, and what its signatures are made with. */
export interface SigningRequest {
  readonly project: ParsedProject;
  readonly graph: TaskGraph;
  readonly feeds: Feeds;
  readonly stamps: Stamps;
  readonly topdir: string;
  readonly onWarning: (diagnostic: Diagnostic) => void;
  readonly onNote: (text: string) => void;
  /** The caller's. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Signatures, and what goes on learning of them while tasks run. */
export interface SignedGraph {
  readonly signatures: Signatures;
  /** Remembers what was read of each file input. */
  readonly files: FileDigests;
  /** When some are. */
  readonly locked?: LockedSignatures;
  /** Of OEEquivHash: for the run queue. */
  readonly equivalence?: NonNullable<RunOptions["equivalence"]>;
  readonly reportOutput?: NonNullable<RunOptions["reportOutput"]>;
}

/** @throws BuildError of inputs; `engine/locked-signature` where SIGGEN_LOCKEDSIGS_TASKSIG_CHECK is `error` */
export async function signGraph(request: SigningRequest): Promise<SignedGraph> {
  const { project, graph, feeds, stamps, topdir } = request;
  const text = (name: string) => project.configurationText(name) || undefined;
  const cache = text("CACHE") ?? join(topdir, "cache");
  const files = await openFileDigests(join(cache, "file-digests.json"));
  const handler = text("BB_SIGNATURE_HANDLER");
  const { isEquivalent } = await openHandler(handler);
  const known = isEquivalent ? await openKnownOutputs({ ...request, text, cache }) : undefined;
  // The lists themselves are not kept in the parse cache.
  if (text("SIGGEN_LOCKEDSIGS_TYPES") !== undefined) await project.prepare();
  const locked = openLockedSignatures(graph, project, (hash) => known?.store.unihash(hash));
  const signatures = await signTasks({
    ...(handler !== undefined && { handler }),
    graph,
    project,
    inputs: {
      file: (path) => files.digest(path),
      checksums: (path) => files.checksums(path),
      feed: (task) => Promise.resolve(feeds.lines(task)),
    },
    taint: (task) => {
      const { recipe, task: name } = graph.node(task);
      return stamps.taint(project.recipes.get(recipe)!, name);
    },
    ...(known && { equivalence: (task: TaskId, hash: string) => known.unihash(task, hash) }),
    ...(locked && { locked: (task: TaskId, hash: string) => locked.hash(task, hash) }),
  });
  await known?.learn(signatures);
  await files.save();
  const mismatches = locked?.mismatches() ?? [];
  const errors = mismatches.filter(({ severity }) => severity === "error");
  if (errors.length > 0) throw new BuildError(errors);
  for (const one of mismatches) request.onWarning(one);
  const note = locked?.note();
  if (note !== undefined) request.onNote(note);
  return {
    signatures,
    files,
    ...(locked && { locked }),
    ...(known && outputReports({ known, project, graph, signatures })),
  };
}
