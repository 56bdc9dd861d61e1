import { expect, test } from "@jest/globals";
import { runShell } from "@tsbake/overlay";

test("is there", () => {
  expect(typeof runShell).toBe("function");
});
