/** What a person asks of the shared state beside builds: how much there is, whether it is whole, what may go, what others lack. */
import { openStamps } from "@tsbake/run";
import type { BuildContext } from "../phases/context.js";
import { planBuild } from "../phases/plan.js";
import { openSharedState, type SharedState } from "./shared-state.js";
import { pushAll } from "./push.js";
import { neededStoreFolder, openStore, signerOf } from "./store.js";

/** The shared state that the configuration names. @throws BuildError without one */
export function projectSharedState(context: BuildContext): SharedState {
  const { project, onEvent } = context;
  const signed = async (targets: readonly string[]) =>
    (await planBuild(context, { targets, runAll: [], runOnly: [] })).sign(openStamps());
  return openSharedState({
    folder: neededStoreFolder(context.project),
    signer: () => signerOf(context.project),
    onEvent: context.onEvent,
    reachable: async (targets) => (await signed(targets)).artifactPaths(),
    wanted: async (targets) => (await signed(targets)).artifactNames(),
    store: () => openStore(project, { onEvent }),
    push: () => pushAll(context),
  });
}
