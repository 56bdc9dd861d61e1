import { openStamps } from "@tsbake/run";
import type { BuildContext } from "../phases/context.js";
import { planBuild } from "../phases/plan.js";
import { openSharedState, type SharedState } from "./shared-state.js";
import { neededStoreFolder, signerOf } from "./store.js";

/** The shared state that the configuration names. @throws BuildError without one */
export function projectSharedState(context: BuildContext): SharedState {
  return openSharedState({
    folder: neededStoreFolder(context.project),
    signer: () => signerOf(context.project),
    onEvent: context.onEvent,
    reachable: async (targets) => {
      const plan = await planBuild(context, { targets, runAll: [], runOnly: [] });
      return (await plan.sign(openStamps())).artifactPaths();
    },
  });
}
