/** The commands of the hash equivalence protocol by their names. */
import type { HashCommand, Stream } from "./command.js";
import { hashCommands, hashStreams } from "./hashes.js";
import { maintenanceCommands, maintenanceStreams } from "./maintenance.js";
import { userCommands } from "./users.js";

/** By name; what strangers send is looked up here and nowhere else. */
export const COMMANDS: ReadonlyMap<string, HashCommand> = new Map(
  Object.entries({ ...hashCommands, ...maintenanceCommands, ...userCommands }),
);

export const STREAMS: ReadonlyMap<string, Stream> = new Map(
  Object.entries({ ...hashStreams, ...maintenanceStreams }),
);
