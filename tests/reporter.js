// The end of a test run: what was skipped, by reason, and the last line in a plain form that any tool can read.
import { byText } from "@tsbake/base";

const MARK = / \[skipped: (.*)\]$/;

export default class PlainReporter {
  #isChosen;

  constructor({ testNamePattern }) {
    this.#isChosen = Boolean(testNamePattern);
  }

  onRunComplete(_contexts, results) {
    const { numPassedTests, numFailedTests, numPendingTests, numRuntimeErrorTestSuites } = results;
    const failed = numFailedTests + numRuntimeErrorTestSuites;
    // With -t most are left out, which nobody asks the reasons of.
    if (numPendingTests > 0 && !this.#isChosen) process.stdout.write(`\n${skipped(results)}`);
    process.stdout.write(`\ntests: ${numPassedTests} passed, ${failed} failed, ${numPendingTests} skipped\n`);
  }
}

/** Each reason with its tests; the reason stands in a title (tests/support/skip.ts). */
function skipped({ testResults, numPendingTests, numTotalTests }) {
  const reasons = new Map();
  for (const { testFilePath, testResults: tests } of testResults) {
    const file = testFilePath.replace(/^.*\/tests\/dist\//, "").replace(/\.test\.js$/, "");
    for (const { ancestorTitles, title, status } of tests) {
      if (status !== "pending") continue;
      const titles = [...ancestorTitles, title];
      const reason = titles.map((one) => MARK.exec(one)?.[1]).find(Boolean) ?? "no reason given";
      const name = titles.map((one) => one.replace(MARK, "")).join(" › ");
      reasons.set(reason, [...(reasons.get(reason) ?? []), `${file}: ${name}`]);
    }
  }
  const percent = ((100 * numPendingTests) / numTotalTests).toFixed(1);
  const lines = [`skipped: ${numPendingTests} of ${numTotalTests} tests (${percent} %)`];
  for (const reason of [...reasons.keys()].toSorted(byText)) {
    lines.push(`  ${reason}`);
    for (const name of reasons.get(reason).toSorted(byText)) lines.push(`    ${name}`);
  }
  return `${lines.join("\n")}\n`;
}
