/**
 * Tests that a machine cannot run. Why stands in the title, so that the reporter can list what was skipped by reason; only here
 * is anything skipped (a test compares). What is only a program that is missing is no reason: `tools.ts`.
 */
import { describe, test } from "@jest/globals";

function marked(title: string, problem: string): string {
  return `${title} [skipped: ${problem.trim().replaceAll(/\s+/g, " ")}]`;
}

/** `describe`, or where there is a problem one that is skipped. */
export function describeUnless(problem: string | undefined, title: string, body: () => void): void {
  const [define, name] = problem === undefined ? [describe, title] : [describe.skip, marked(title, problem)];
  define(name, body);
}

/** `test`, or where there is a problem one that is skipped. */
export function testUnless(
  problem: string | undefined,
  title: string,
  body: () => void | Promise<void>,
  timeoutMs?: number,
): void {
  const [define, name] = problem === undefined ? [test, title] : [test.skip, marked(title, problem)];
  define(name, body, timeoutMs);
}

/** Why what takes root cannot be done here. */
export const notRoot: string | undefined =
  process.getuid?.() === 0 ? undefined : "only root can become another user, or mount file systems";

/** Why what takes minutes and repeats on other ground what shorter tests show is left to a run before a release. */
export const notLong: string | undefined = process.env["TSBAKE_TEST_LONG"]
  ? undefined
  : "takes minutes and is run before a release: TSBAKE_TEST_LONG=1";
