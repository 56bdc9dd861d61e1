// The order of test files on a machine that has run none yet: whole builds first, so that the short files of units fill
// the end and no worker waits for the other's last build.
import Sequencer from "@jest/test-sequencer";

const isWholeBuild = ({ path }) => path.includes("/e2e/");

export default class LongFirst extends Sequencer {
  sort(tests) {
    const sorted = super.sort(tests);
    return [...sorted.filter(isWholeBuild), ...sorted.filter((one) => !isWholeBuild(one))];
  }
}
