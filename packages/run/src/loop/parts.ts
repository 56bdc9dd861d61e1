/** What the parts of a run's loop go by. Shapes only. */
import type { RunOptions } from "../options.js";
import type { SharedFolders } from "../outputs/shared-folders.js";
import type { Forecast } from "../plan/forecast.js";
import type { Nodes } from "../plan/nodes.js";
import type { Worker } from "../work/worker.js";
import type { Board } from "./board.js";
import type { Queue } from "./queue.js";
import type { Report } from "./report.js";

export interface RunParts {
  readonly options: RunOptions;
  readonly shared: SharedFolders;
  readonly nodes: Nodes;
  readonly forecast: Forecast;
  readonly board: Board;
  readonly report: Report;
}

/** Beside those, when bodies are executed. */
export interface ExecutionParts extends RunParts {
  readonly queue: Queue;
  readonly worker: Worker;
}
