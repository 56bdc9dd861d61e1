// The environment of all tests: Node's own, where a limit of time is for what hangs, and no busy machine passes it.
import { TestEnvironment } from "jest-environment-node";

/** A test that takes a minute alone may take this much longer beside others. */
const BUSY = 15;

export default class PatientEnvironment extends TestEnvironment {
  handleTestEvent(event, state) {
    if (event.name === "run_start") stretch(state.rootDescribeBlock);
  }
}

/** The limits that tests and hooks have of their own; the one of all others is in jest.config.js. */
function stretch({ hooks, children }) {
  for (const one of [...hooks, ...children]) {
    if (one.timeout) one.timeout *= BUSY;
    if (one.children) stretch(one);
  }
}
