/** What a build would do and why, asked of a plan. */
import type { TaskId } from "@tsbake/graph";
import { openStamps, type Stamps } from "@tsbake/run";
import type { BuildRequest } from "../build-types.js";
import type { BuildContext } from "../phases/context.js";
import { planBuild } from "../phases/plan.js";
import type { SignedBuild } from "../phases/signed-build.js";
import { supposeTaints } from "../signing/supposed-taints.js";
import type { SignatureRecords } from "./records.js";
import { findWhatChanged, type WhatChanged } from "./what-changed.js";

type Pending = { readonly task: TaskId; readonly how: "run" | "restore" };

/** @param against the records of the last build of the targets, or those nearest to the tasks that would run */
export async function whatChanged(
  context: BuildContext,
  records: SignatureRecords,
  request: BuildRequest,
  against: "last" | "closest",
): Promise<WhatChanged> {
  const plan = await planBuild(context, request);
  const real = supposeTaints(openStamps());
  const stamps: Stamps =
    against === "last"
      ? real
      : { ...real, state: () => undefined, times: () => ({ real: undefined, setscene: undefined }) };
  const signed = await plan.sign(stamps, request);
  return findWhatChanged({
    graph: signed.graph,
    project: context.project,
    signatures: signed.signatures,
    records,
    pending: await pendingTasks(context, signed, request),
    against,
    stamped: (task) => signed.stamped(task),
    explain: (task) => signed.explain(task),
  });
}

/** What a dry run would do. */
async function pendingTasks(
  context: BuildContext,
  signed: SignedBuild,
  request: BuildRequest,
): Promise<Pending[]> {
  const pending: Pending[] = [];
  await signed.execute({ ...request, dryRun: true }, (event) => {
    if (event.type === "task-started") pending.push({ task: event.task, how: event.how });
    else if (event.type === "engine-warning") context.onEvent(event);
  });
  return pending;
}
