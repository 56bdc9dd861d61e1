// Before all test files: one folder for everything that tests and the code under test leave in TMPDIR.
import { join } from "node:path";
import { makeRunFolder } from "./dist/support/temporary.js";

export default function begin() {
  const folder = makeRunFolder();
  process.env.TMPDIR = folder;
  // The archive is asked once for all test files that do not demand a download.
  process.env.TSBAKE_TEST_DOWNLOADS ??= join(folder, "downloads");
  // The only way from here to end.js.
  globalThis.tsbakeRunFolder = folder;
}
