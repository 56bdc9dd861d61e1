/** The thread of `pulse.ts`: moves the mark where the screen has not been drawn for a while. Few modules, so that it is there soon. */
import { writeSync } from "node:fs";
import { workerData } from "node:worker_threads";
import { BEATS, LINES, NOBODY, PULSE, type PulseData, WRITER } from "./pulse-state.js";
import { SPIN_MS, spinnerAt } from "./spinner.js";

/** Less than a second, and more than a screen that is drawn by a timer leaves. */
const SILENT_MS = 600;

const { state, fd } = workerData as PulseData;
let beats = Atomics.load(state, BEATS);
let sinceMs = performance.now();

setInterval(beat, SPIN_MS);

function beat(): void {
  const nowMs = performance.now();
  const now = Atomics.load(state, BEATS);
  if (now !== beats) {
    beats = now;
    sinceMs = nowMs;
    return;
  }
  if (nowMs - sinceMs < SILENT_MS) return;
  // Whoever has it is alive.
  if (Atomics.compareExchange(state, WRITER, NOBODY, PULSE) !== NOBODY) return;
  const lines = Atomics.load(state, LINES);
  if (lines > 0 && Atomics.load(state, BEATS) === beats) put(lines, spinnerAt(nowMs));
  Atomics.store(state, WRITER, NOBODY);
  Atomics.notify(state, WRITER);
}

/** On the first character of the live part; the cursor comes back to where it was. */
function put(lines: number, mark: string): void {
  try {
    writeSync(fd, `\u001B[${lines}A${mark}\r\u001B[${lines}B`);
  } catch {
    // A terminal that takes nothing now, or is gone: the screen finds out.
  }
}
