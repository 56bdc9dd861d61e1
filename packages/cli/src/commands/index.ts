/** The commands by the action that a command line asks for, each loaded when it is asked. */
import type { Request } from "../command-line/arguments.js";
import type { SessionCommand } from "./command.js";

const commands: Readonly<Record<Request["action"], () => Promise<SessionCommand>>> = {
  build: async () => (await import("./build.js")).build,
  environment: async () => (await import("./metadata.js")).environment,
  graph: async () => (await import("./metadata.js")).graph,
  versions: async () => (await import("./metadata.js")).versions,
  parse: async () => (await import("./metadata.js")).parse,
  tasks: async () => (await import("./metadata.js")).tasks,
  whatchanged: async () => (await import("./signatures/index.js")).whatChanged,
  diffsigs: async () => (await import("./signatures/index.js")).signatures,
  dumpsig: async () => (await import("./signatures/index.js")).signatures,
  "feed-update": async () => (await import("./maintenance.js")).feedUpdate,
  "sstate-stats": async () => (await import("./maintenance.js")).sstateStats,
  "sstate-verify": async () => (await import("./maintenance.js")).sstateVerify,
  "sstate-prune": async () => (await import("./maintenance.js")).sstatePrune,
  "sstate-push": async () => (await import("./maintenance.js")).sstatePush,
  "sstate-pull": async () => (await import("./maintenance.js")).sstatePull,
  verify: async () => (await import("./maintenance.js")).verify,
  matrix: async () => (await import("./matrix.js")).matrix,
  check: async () => (await import("./check.js")).check,
  try: async () => (await import("./try.js")).tryOut,
  shell: async () => (await import("./shell/open.js")).shell,
  "shell-list": async () => (await import("./shell/kept.js")).list,
  "shell-diff": async () => (await import("./shell/change.js")).diff,
  "shell-commit": async () => (await import("./shell/change.js")).commit,
  "shell-reset": async () => (await import("./shell/kept.js")).reset,
  "shell-rm": async () => (await import("./shell/kept.js")).remove,
  trace: async () => (await import("./trace.js")).trace,
  why: async () => (await import("./why.js")).why,
  bundle: async () => (await import("./bundle.js")).bundle,
  "bundle-show": async () => (await import("./bundle.js")).bundleShow,
  "bundle-verify": async () => (await import("./bundle.js")).bundleVerify,
  imaging: async () => (await import("./imaging.js")).imaging,
  publish: async () => (await import("./publish.js")).publish,
  lock: async () => (await import("./lock.js")).lock,
  init: async () => (await import("./init.js")).init,
  explain: async () => (await import("./explain.js")).explain,
};

export function loadCommand(action: Request["action"]): Promise<SessionCommand> {
  return commands[action]();
}
